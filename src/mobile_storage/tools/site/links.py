"""Links to files of the repository, turned into links to pages of the site."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from mobile_storage.tools.site.record import label

__all__ = ["SiteLinks"]

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\[\]]+)\]\((?P<target>[^()\s]+)\)")
_PAGES = (
    # Pattern of a path in the repository, and the page or label for it.
    (r"README\.md|", "/index.md"),
    (r"LICENSE|CITATION\.cff", "/licence.md"),
    (r"docs/(\w+)\.md", "/methods/{0}.md"),
    (r"(?:notebooks/)?(?:executed/)?(\w+)/(\w+)\.ipynb", "/notebooks/{0}/{1}.ipynb"),
    (r"notebooks/(?:executed/)?(\w+)", "/papers/{0}.md"),
    (r"(table|figure)s/(\w+)/(\w+)\.\w+", "#{0}-{1}-{2}"),
    (r"(tables|figures)/(\w+)", "/{0}/{1}.md"),
    (r"data/raw/README\.md", "/parameters/sources.md"),
    (r"data/flip(?:/README\.md)?", "/methods/flip.md"),
    (r"data/(case_\w+)(?:/README\.md)?", "/cases/{0}.md"),
    (r"data/raw/(\w+)/(\w+)\.csv", "#ledger-{0}-{1}"),
    (r"data/raw/(\w+)", "/parameters/{0}.md"),
)


@dataclass
class SiteLinks:
    """Turns links between files of the repository into links between pages of the site.

    `files` are the linked files that have no page. The site offers copies of them.
    """

    top: Path
    files: set[str] = field(default_factory=set)

    def target(self, path: str, page: str) -> str | None:
        """Return the link of a page to a path in the repository; None if the site lacks the path.

        Parameters
        ----------
        path, page : str
            From the top of the repository, and from the top of the site's sources.

        Returns
        -------
        str or None
            A label ``#name`` or a path relative to the page, in the form that MyST needs.
        """
        path = path.rstrip("/")
        for pattern, meant in _PAGES:
            if match := re.fullmatch(pattern, path):
                found = meant.format(*match.groups())
                if found.startswith("#"):
                    return "#" + label(found)
                return posixpath.relpath(found, posixpath.join("/", posixpath.dirname(page)))
        if (self.top / path).is_file():
            self.files.add(path)
            return posixpath.relpath(path, posixpath.dirname(page) or ".")
        return None

    def rewrite(self, markdown: str, source: str, page: str) -> str:
        """Return Markdown with its links to files of the repository turned into the site's.

        A link to a folder that has no page becomes plain text. Links to other sites and links
        within the page stay.

        Parameters
        ----------
        markdown : str
            Text of a file of the repository.
        source, page : str
            That file from the top of the repository, and the page that shows it from the top of
            the site.
        """

        def replace(match: re.Match[str]) -> str:
            text, target = match["text"], match["target"]
            if re.match(r"[a-z]+:|#", target):
                return match[0]
            at = target.partition("#")[0]
            path = posixpath.normpath(posixpath.join(posixpath.dirname(source), at))
            found = self.target("" if path == "." else path, page)
            return f"[{text}]({found})" if found else text

        return _LINK.sub(replace, markdown)
