"""Tables and figures with their captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobile_storage.core.captions import CAPTIONS, FIGURE, TABLE, read_captions
from mobile_storage.core.io import read_text
from mobile_storage.tools.site.record import label

if TYPE_CHECKING:
    from pathlib import Path

    from mobile_storage.core.papers import Paper

__all__ = ["Exhibit", "read_figures", "read_tables"]


@dataclass(frozen=True)
class Exhibit:
    """A figure or a table of a paper.

    Attributes
    ----------
    kind : str
        ``figure`` or ``table``.
    paper : str
        Key of the paper.
    name : str
        Name of its files without suffix.
    caption : str
        Of a figure, its alternative text too.
    body : str
        Rows of a table in Markdown.
    """

    kind: str
    paper: str
    name: str
    caption: str
    body: str = ""

    @property
    def anchor(self) -> str:
        """Name of its heading on the site."""
        return label(self.kind, self.paper, self.name)


def read_tables(top: Path, paper: Paper) -> list[Exhibit]:
    """Read the Markdown tables of a paper, in the order of their names.

    Raises
    ------
    InputError
        If a table has no caption.
    """
    captions = read_captions(paper, TABLE, top / CAPTIONS)
    return [
        Exhibit(
            TABLE,
            paper.key,
            path.stem,
            captions[path.stem],
            # The file begins with the caption.
            read_text(path, "a table").partition("\n\n")[2],
        )
        for path in sorted((top / paper.tables).glob("*.md"))
    ]


def read_figures(top: Path, paper: Paper) -> list[Exhibit]:
    """List the figures of a paper, in the order of their names.

    Raises
    ------
    InputError
        If a figure has no caption.
    """
    captions = read_captions(paper, FIGURE, top / CAPTIONS)
    return [
        Exhibit(FIGURE, paper.key, path.stem, captions[path.stem])
        for path in sorted((top / paper.figures).glob("*.png"))
    ]
