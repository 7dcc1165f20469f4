"""The parameter ledgers as rows to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mobile_storage.core.errors import InputError
from mobile_storage.core.io import read_json
from mobile_storage.core.ledger import COLUMNS, STATUSES, unit_factor
from mobile_storage.tools.site.record import label, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mobile_storage.core.papers import Paper

__all__ = ["FOLDED_ROWS", "Ledger", "LedgerRow", "find_row", "read_ledgers", "status_counts"]

FOLDED_ROWS = 60
"""A ledger with more rows than this number is folded."""


@dataclass(frozen=True)
class LedgerRow:
    """One parameter of a ledger, as texts.

    Attributes
    ----------
    keys : tuple of str
        What tells it apart from others of its symbol, such as a customer or an hour.
    moved : tuple of pairs
        Each parameter set that moves it, and its value there in the ledger's unit.
    """

    anchor: str
    keys: tuple[str, ...]
    symbol: str
    name: str
    value: str
    unit: str
    range: str
    status: str
    source: str
    note: str
    moved: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ledger:
    """A file of parameters."""

    paper: Paper
    name: str
    rows: tuple[LedgerRow, ...]

    @property
    def path(self) -> str:
        """Its file, from the top of the repository."""
        return (self.paper.raw / f"{self.name}.csv").as_posix()

    @property
    def anchor(self) -> str:
        """Name of its heading on the site."""
        return label("ledger", self.paper.key, self.name)

    @property
    def folded(self) -> bool:
        """Whether it has more than `FOLDED_ROWS` rows."""
        return len(self.rows) > FOLDED_ROWS


def read_ledgers(top: Path, paper: Paper) -> list[Ledger]:
    """Read every ledger of a paper, with the values that parameter sets give to its rows.

    A parameter set has values in the units of the model, which the tables of the ledgers name. They
    are converted to the units of the ledger.

    Raises
    ------
    InputError
        If no table has the unit of a value that a parameter set moves.
    """
    sets = {
        path.stem: read_json(path)["moves"]
        for path in sorted((top / paper.results / "sets").glob("*.json"))
    }
    units = {}
    for path in sorted((top / paper.tables).glob("*.csv")):
        table = pd.read_csv(path, dtype=str)
        if {"Symbol", "Unit"} <= set(table.columns):
            units |= dict(zip(f"{path.stem}." + table["Symbol"], table["Unit"], strict=True))
    return [
        Ledger(paper, path.stem, tuple(_rows(path, paper, sets, units)))
        for path in sorted((top / paper.raw).glob("*.csv"))
    ]


def _rows(
    path: Path, paper: Paper, sets: dict[str, dict[str, float]], units: dict[str, str]
) -> Iterator[LedgerRow]:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    keys = [name for name in frame.columns if name not in COLUMNS]
    # A line break in a note could end the block of HTML that shows it.
    frame = frame.map(lambda cell: " ".join(cell.split()))
    for row in frame.to_dict("records"):
        values, unit = [row[key] for key in keys], row["unit"]
        # A parameter set names a row by its ledger, the keys that identify it, and its symbol.
        counts = range(min(1, len(keys)), len(keys) + 1)
        places = {".".join([path.stem, *values[:n], row["symbol"]]) for n in counts}
        yield LedgerRow(
            anchor=label("p", paper.key, path.stem, *values, row["symbol"]),
            keys=tuple(value for value in values if value != "none"),
            unit="" if unit == "dimensionless" else unit,
            range=f"{row['low']} to {row['high']}" if row["low"] else "",
            moved=tuple(
                (name, _in_unit(moves[place], place, units, unit, paper))
                for name, moves in sets.items()
                for place in sorted(places & set(moves))
            ),
            **{name: row[name] for name in ("symbol", "name", "value", "status", "source", "note")},
        )


def _in_unit(value: float, place: str, units: dict[str, str], wanted: str, paper: Paper) -> str:
    if place not in units:
        expected = f"a row of {place} with the unit of its value"
        file = paper.tables.as_posix()
        raise InputError(file=file, where="column Symbol", value=None, expected=expected)
    return shown(str(value * float(unit_factor(units[place], wanted))))


def find_row(ledgers: list[Ledger], name: str) -> str | None:
    """Return the anchor of the first row of a symbol, or None if there is none.

    A name is the symbol, or the ledger or group, keys and the symbol: ``k_exp``,
    ``network.transformer.rating``. A value that stands for several rows has no row.
    """
    *before, symbol = name.split(".")
    for row in (row for ledger in ledgers for row in ledger.rows):
        if row.symbol == symbol and set(before[1:]) <= set(row.keys):
            return row.anchor
    return None


def status_counts(ledgers: list[Ledger]) -> dict[str, int]:
    """Count the rows by status."""
    rows = [row.status for ledger in ledgers for row in ledger.rows]
    return {status: rows.count(status) for status in STATUSES}
