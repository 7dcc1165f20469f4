"""Tables and figures with their captions."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mobile_storage.core.io import read_text
from mobile_storage.tools.site.record import label

__all__ = ["Picture", "Table", "captions", "read_figures", "read_tables"]


@dataclass(frozen=True)
class Table:
    """A table: its name, its caption, its rows in Markdown."""

    paper: str
    name: str
    caption: str
    body: str

    @property
    def anchor(self) -> str:
        """Name of its heading on the site."""
        return label("table", self.paper, self.name)


@dataclass(frozen=True)
class Picture:
    """A figure: its name and its caption, which is its alternative text too."""

    paper: str
    name: str
    caption: str

    @property
    def anchor(self) -> str:
        """Name of its heading on the site."""
        return label("figure", self.paper, self.name)


def read_tables(top: Path, paper: str) -> list[Table]:
    """Read the tables for readers, by name."""
    tables = []
    for path in sorted((top / "tables" / paper).glob("*.md")):
        caption, _, body = read_text(path, "a table").partition("\n\n")
        tables.append(Table(paper, path.stem, caption, body))
    return tables


def read_figures(top: Path, paper: str) -> list[Picture]:
    """List the figures of a paper, by name."""
    known = captions(top, paper)
    return [
        Picture(paper, path.stem, known.get(path.stem, path.stem.replace("_", " ").capitalize()))
        for path in sorted((top / "figures" / paper).glob("*.png"))
    ]


@cache
def captions(top: Path, paper: str) -> dict[str, str]:
    """Return captions by figure: the first paragraph of what the function that draws it says.

    Where two packages draw figures of one name, that counts from which the paper's notebooks
    import theirs.
    """
    imported = re.compile(r"from mobile_storage\.(\w+) import [^\"\\]*\bfigures\b")
    own = set()
    for path in sorted((top / "notebooks" / paper).glob("*.ipynb")):
        own |= set(imported.findall(read_text(path, "a notebook")))
    found: dict[str, str] = {}
    package = top / "src/mobile_storage"
    flip = package / "flip/figures.py"
    paths = [*package.glob("*/show/figures/*.py"), flip]
    for path in sorted(paths, key=lambda p: (p.relative_to(package).parts[0] in own, p)):
        for node in ast.parse(read_text(path, "a module")).body:
            if isinstance(node, ast.FunctionDef) and (text := ast.get_docstring(node)):
                # Figures of the flip test are named so in every paper's folder.
                name = f"flip_{node.name}" if path == flip else node.name
                found[name] = " ".join(text.split("\n\n")[0].replace("`", "").split())
    return found
