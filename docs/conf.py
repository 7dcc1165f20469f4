"""Sphinx settings of the site; its sources are written by ``mobile_storage.tools.site``.

The site needs no network: mathematics, scripts and styles come with it.
"""

from collections import Counter

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform

project = "Mobile storage: a reproducible compendium"
author = "The mobile-storage compendium contributors"
copyright = "the mobile-storage compendium contributors; MIT and CC BY 4.0"
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    # Has the files of MathJax and points sphinx.ext.mathjax to them.
    "sphinx-mathjax-offline",
]
# Parts of pages, and copies of files for download.
exclude_patterns = ["_parts/**", "templates/**", "data/**", "notebooks/executed/**"]
templates_path = ["templates"]

# The pipeline has executed the notebooks.
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
nb_merge_streams = True
# Widgets would be fetched from a content delivery network. No executed notebook has one.
nb_ipywidgets_js = {}
myst_enable_extensions = ["amsmath", "attrs_block", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
# `site.links` has turned the links of outputs into links of the site.
myst_links_external_new_tab = False

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_default_options = {"show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
# Single backquotes in docstrings name functions and classes.
default_role = "py:obj"
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
toc_object_entries = False

html_theme = "furo"
html_title = "Mobile storage"
html_static_path = ["static"]
html_css_files = ["site.css", ("print.css", {"media": "print"})]
html_js_files = [("filter.js", {"defer": "defer"}), ("anchor.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_last_updated_fmt = None
# A summary of a search result needs a request for its page, which browsers refuse on file://.
html_show_search_summary = False
html_domain_indices = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#004488", "color-brand-content": "#004488"},
    "dark_css_variables": {"color-brand-primary": "#9ec5f5", "color-brand-content": "#9ec5f5"},
    "footer_icons": [],
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def lean(app, pagename, templatename, context, doctree):
    """Show only the branch of the page in the sidebar, since the whole tree is very long."""
    whole = context["toctree"]
    context["toctree"] = lambda **options: whole(**{**options, "collapse": True})


def keep_tags(app, doctree):
    r"""Keep numbered formulas unchanged; Sphinx would put lines with \\ into a `split`."""
    for formula in doctree.findall(nodes.math_block):
        text = formula.astext()
        if r"\tag" in text:
            formula.children = [nodes.Text(rf"\[{text}\]")]
            formula["no-wrap"] = True


class ClearReferences(SphinxPostTransform):
    """Link a word in the type of a parameter only if it is the name of exactly one class.

    Sphinx would link any object of that name, in any module.
    """

    default_priority = 5

    def run(self, **options):
        """Let Sphinx look up all other words by their full names."""
        objects = self.env.domains.python_domain.objects
        count = Counter(name.rpartition(".")[2] for name in objects)
        classes = {name.rpartition(".")[2] for name, o in objects.items() if o.objtype == "class"}
        clear = {name for name in classes if count[name] == 1}
        for node in self.document.findall(pending_xref):
            if "refspecific" in node and node["reftarget"] not in clear:
                del node["refspecific"]


def setup(app):
    """Register the functions and the class above."""
    app.add_post_transform(ClearReferences)
    app.connect("doctree-read", keep_tags)
    # This must run before the theme, which asks for the whole sidebar.
    app.connect("html-page-context", lean, priority=400)
