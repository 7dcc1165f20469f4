"""Tables and figures with their captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mobile_storage.core.captions import CAPTIONS, TABLE, read_captions
from mobile_storage.core.io import read_text
from mobile_storage.tools.site.record import label

if TYPE_CHECKING:
    from pathlib import Path

    from mobile_storage.core.papers import Paper

__all__ = ["Exhibit", "read_exhibits"]


@dataclass(frozen=True)
class Exhibit:
    """A figure or table with its caption; `body` has the rows of a table in Markdown."""

    name: str
    anchor: str
    caption: str
    body: str = ""


def read_exhibits(top: Path, paper: Paper, kind: str) -> list[Exhibit]:
    """Read the figures or the tables of a paper, in the order of their names.

    Parameters
    ----------
    top : path
        Top of the repository.
    paper : Paper
    kind : str
        `core.captions.FIGURE` or `core.captions.TABLE`.

    Raises
    ------
    InputError
        If one has no caption.
    """
    captions = read_captions(paper, kind, top / CAPTIONS)
    files = (top / paper.tables).glob("*.md")
    if kind != TABLE:
        files = (top / paper.figures).glob("*.png")
    exhibits = []
    for path in sorted(files):
        # The file of a table begins with the caption.
        body = read_text(path, "a table").partition("\n\n")[2] if kind == TABLE else ""
        anchor = label(kind, paper.key, path.stem)
        exhibits.append(Exhibit(path.stem, anchor, captions[path.stem], body))
    return exhibits
