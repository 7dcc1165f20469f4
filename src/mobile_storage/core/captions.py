"""Captions of figures and tables, which stand in one file that tables, site and report read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.core.io import write_table
from mobile_storage.core.ledger import cell_error, read_csv
from mobile_storage.core.papers import PAPERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from mobile_storage.core.papers import Paper

__all__ = ["CAPTIONS", "FIGURE", "TABLE", "Captions", "read_captions", "write_tables"]

CAPTIONS = Path("data/captions.csv")
"""One row for each figure and table, relative to the top of the repository."""
COLUMNS = ("paper", "kind", "name", "caption")
FIGURE, TABLE = "figure", "table"


class Captions(dict[str, str]):
    """Captions by the names of a paper's figures or tables; a name without one is an error."""

    def __init__(self, path: Path, paper: str, kind: str) -> None:
        self._path, self._what = path, f"{kind}s of {paper}"

    def __missing__(self, name: str) -> str:
        raise InputError(
            file=self._path,
            where=self._what,
            value=None,
            expected=f"a row with the caption of {name}{did_you_mean(name, self)}",
        )


def read_captions(paper: Paper, kind: str, path: str | Path = CAPTIONS) -> Captions:
    """Read the captions of a paper's figures or tables.

    Parameters
    ----------
    paper : Paper
    kind : str
        `FIGURE` or `TABLE`.
    path : path, optional
        The file, `CAPTIONS` by default.

    Raises
    ------
    InputError
        If the file cannot be read, a cell is empty or unknown, or a name stands there twice.
    """
    path = Path(path)
    captions = Captions(path, paper.key, kind)
    for row in read_csv(path, COLUMNS).to_dict("records"):
        for column, known in (("paper", tuple(PAPERS)), ("kind", (FIGURE, TABLE))):
            if row[column] not in known:
                hint = did_you_mean(row[column], known)
                raise cell_error(path, row, column, f"one of {', '.join(known)}{hint}")
        if not row["caption"]:
            raise cell_error(path, row, "caption", "a sentence")
        if (row["paper"], row["kind"]) == (paper.key, kind):
            if row["name"] in captions:
                raise cell_error(path, row, "name", "a name that no line above has")
            captions[row["name"]] = row["caption"]
    return captions


def write_tables(
    paper: Paper, tables: Iterable[tuple[str, pd.DataFrame, Mapping[str, str]]]
) -> int:
    """Write the tables of a paper with their captions, as CSV and as Markdown.

    Nothing is written before the last table is there.

    Parameters
    ----------
    paper : Paper
    tables : iterable
        Name, rows, and units by column of each table.

    Returns
    -------
    int
        How many tables there are.

    Raises
    ------
    InputError
        As `read_captions`, and if a table has no caption.
    """
    captions, tables = read_captions(paper, TABLE), list(tables)
    for name, frame, units in tables:
        write_table(frame, paper.tables / name, captions[name], units)
    return len(tables)
