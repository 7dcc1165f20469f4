"""Write the sources of the site, which Sphinx then reads."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jinja2

from mobile_storage.core.captions import FIGURE, TABLE
from mobile_storage.core.claims import Verdict
from mobile_storage.core.io import read_text
from mobile_storage.core.ledger import STATUSES
from mobile_storage.core.papers import PAPERS
from mobile_storage.core.style import save_figure
from mobile_storage.tools.pipeline.stages import stage_graph
from mobile_storage.tools.readme import without_blocks
from mobile_storage.tools.site.ledger import find_row, read_ledgers, status_counts
from mobile_storage.tools.site.links import SiteLinks
from mobile_storage.tools.site.notebooks import site_notebook
from mobile_storage.tools.site.pipeline import draw
from mobile_storage.tools.site.record import SYMBOLS, label, read_exhibits, read_papers

__all__ = ["context", "environment", "sections", "write_sources"]

#: Written by autosummary beside our own pages.
_GENERATED = "api"


@dataclass
class _Folder:
    """A folder in which unchanged files keep their time stamp, so that Sphinx skips them."""

    path: Path
    written: set[Path] = field(default_factory=set)

    def write(self, name: str, data: str | bytes) -> None:
        data = data.encode() if isinstance(data, str) else data
        path = self.path / name
        self.written.add(path)
        if not path.is_file() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def tidy(self, top: Path) -> None:
        """Remove the files that an earlier run wrote.

        Autosummary writes pages of modules between the runs. They link to each other, so all of
        them are removed if one of the modules is gone.
        """
        pages = (self.path / _GENERATED).glob("*.rst")
        modules = [top / "src" / page.stem.replace(".", "/") for page in pages]
        if not all(
            m.with_suffix(".py").is_file() or (m / "__init__.py").is_file() for m in modules
        ):
            shutil.rmtree(self.path / _GENERATED)
        for path in sorted(self.path.rglob("*")):
            generated = path.relative_to(self.path).parts[0] == _GENERATED
            if path.is_file() and path not in self.written and not generated:
                path.unlink()


def environment(templates: Path) -> jinja2.Environment:
    """Return the environment of the templates, which escapes HTML and refuses unknown names."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader([templates, templates.parent / "pages"]),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["md"] = lambda text: re.sub(r"([\\`*_{}\[\]<>$#|~^])", r"\\\1", text)
    found.filters["label"] = label
    found.filters["stem"] = lambda path: Path(path).stem
    return found


def context(top: Path) -> dict[str, Any]:
    """Return all that the templates may show."""
    papers = read_papers(top)
    ledgers = {key: read_ledgers(top, paper) for key, paper in PAPERS.items()}
    return {
        "papers": papers,
        "claims": [claim for paper in papers for claim in paper.claims],
        "verdicts": [str(verdict) for verdict in Verdict],
        "marks": {str(verdict): mark for verdict, mark in SYMBOLS.items()},
        "statuses": STATUSES,
        "ledgers": ledgers,
        "status_counts": {key: status_counts(found) for key, found in ledgers.items()},
        "row_of": lambda paper, name: find_row(ledgers[paper], name),
        "tables": {key: read_exhibits(top, paper, TABLE) for key, paper in PAPERS.items()},
        "figures": {key: read_exhibits(top, paper, FIGURE) for key, paper in PAPERS.items()},
        "report": (top / "build/report.pdf").is_file(),
    }


def sections(markdown: str) -> dict[str, str]:
    r"""Return the text below each heading of the second level, by the heading's label.

    >>> sections("# Title\n\n## What we find\nthis\n")
    {'what-we-find': 'this'}
    """
    parts = re.split(r"^## (.+)$", markdown, flags=re.MULTILINE)[1:]
    return {label(name): body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def write_sources(top: Path, folder: Path) -> None:
    """Write every page of the site from the repository at `top` into the folder for Sphinx.

    Unchanged files keep their time stamp. Files that are no part of the site are removed.
    """
    out = _Folder(folder)
    links = SiteLinks(top)
    shared = context(top)
    templates = environment(top / "docs/templates")

    def page(name: str, template: str, **more: Any) -> None:
        def link(path: str) -> str | None:
            return links.target(path, name)

        text = templates.get_template(template).render(shared, link=link, page=name, **more)
        out.write(name, text)

    for path in sorted((top / "docs/pages").rglob("*.md")):
        name = path.relative_to(top / "docs/pages").as_posix()
        page(name, name)
    for path in sorted((top / "docs").glob("*.md")):
        name = f"methods/{path.name}"
        text = read_text(path, "a page")
        out.write(name, links.rewrite(text, f"docs/{path.name}", name))
    # Autosummary looks for its templates beside the sources.
    module = "templates/autosummary/module.rst"
    out.write(module, (top / "docs" / module).read_bytes())
    for claim in shared["claims"]:
        page(f"claims/{claim.id.lower()}.md", "claim.md.j2", claim=claim)
    for record in shared["papers"]:
        paper = PAPERS[record.key]
        for kind in ("claims", "tables", "figures", "parameters"):
            page(f"{kind}/{paper.key}.md", f"{kind}.md.j2", paper=record)
        for name in record.notebooks:
            notebook = site_notebook(top, paper, name, links)
            text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
            out.write((paper.notebooks / f"{name}.ipynb").as_posix(), text)
        for folder in (paper.tables, paper.figures):
            found = (path for path in (top / folder).iterdir() if path.suffix != ".md")
            links.files |= {path.relative_to(top).as_posix() for path in found}
        links.files |= {ledger.path for ledger in shared["ledgers"][paper.key]}
    _write_prose(top, out, links)
    _write_picture(top, out)
    links.files |= {"LICENSE", "CITATION.cff"}
    if shared["report"]:
        links.files.add("build/report.pdf")
    for name in sorted(links.files):
        out.write(name, (top / name).read_bytes())
    out.tidy(top)


def _write_prose(top: Path, out: _Folder, links: SiteLinks) -> None:
    """Write sections of the README for pages to include, and the notes on data as pages."""
    readme = without_blocks(read_text(top / "README.md", "the README"))
    opening = readme.partition("\n## ")[0].partition("\n")[2].strip()
    for part, body in {"opening": opening, **sections(readme)}.items():
        # Links start from the pages that include the part, at the top of the site.
        out.write(f"_parts/{part}.md", links.rewrite(body, "README.md", "index.md") + "\n")
    notes = {
        "data/raw/README.md": "parameters/sources.md",
        "data/flip/README.md": "methods/flip.md",
    }
    for path in sorted((top / "data").glob("case_*/README.md")):
        notes[path.relative_to(top).as_posix()] = f"cases/{path.parent.name}.md"
    for source, page in notes.items():
        text = read_text(top / source, "notes on the data")
        out.write(page, links.rewrite(text, source, page))


def _write_picture(top: Path, out: _Folder) -> None:
    with TemporaryDirectory() as scratch:
        for path in save_figure(draw(stage_graph(top)), Path(scratch, "pipeline")):
            out.write(path.name, path.read_bytes())
