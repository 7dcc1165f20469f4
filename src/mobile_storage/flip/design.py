"""Which values of a paper's ledgers move, how, and the worlds that a design asks about.

Every value with a range moves in it: uniformly, or log-uniformly where the range is wider than a
factor of four. Rows that say the same thing about like parts move together, as one factor. Where
such rows differ, the factor is a quantile that they share: 0 for the low ends of their ranges, one
half for the values in the ledger, so that what differs between them stays, 1 for the high ends.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from SALib.sample import latin, morris

from mobile_storage.core.ledger import ParameterSet

__all__ = ["WIDE", "Factor", "hypercube", "moved", "ranged_factors", "readings", "trajectories"]

#: A range wider than this factor is sampled on a logarithmic scale, as in `search.calibration`.
WIDE = 4.0

Raw = TypeVar("Raw")
#: From a table's name and its rows with a range to a label for each row: equal ones move together.
Grouping = Callable[[str, pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Factor:
    """One thing that differs between worlds: a value, rows that move together, or a reading.

    Attributes
    ----------
    name : str
        ``table.symbol`` or ``table.which.symbol``.
    table, symbol, title, unit, status : str
        Ledger, symbol of the rows, what they say, in which unit, and where they come from.
    low, high, default : float
        Ends and the ledger's value; 0, 1 and 0.5 for a ``quantile``; 0, 1 and 0 for two levels.
    scale : str
        ``linear`` or ``log`` for a value; ``quantile`` for rows that differ; ``two-level``
        for a reading.
    rows : tuple
        Places in a keyed table, symbols in a set of single numbers, or the names of the levels.
    spread : tuple of (float, float, float)
        Low end, value and high end of each row, for a quantile.
    """

    name: str
    table: str
    symbol: str
    title: str
    unit: str
    status: str
    low: float
    high: float
    default: float
    scale: Literal["linear", "log", "quantile", "two-level"]
    rows: tuple[int | str | bool, ...]
    spread: tuple[tuple[float, float, float], ...] = ()

    @property
    def is_reading(self) -> bool:
        """Whether it has two levels rather than a range."""
        return self.scale == "two-level"

    def at(self, share: np.ndarray) -> np.ndarray:
        """Values at shares of the range, 0 to 1; equal parts of it for each level."""
        if self.is_reading:
            return np.where(share < 0.5, 0.0, 1.0)
        if self.scale == "log":
            return self.low * (self.high / self.low) ** share
        return self.low + share * (self.high - self.low)

    def row_values(self, x: float) -> tuple[float, ...]:
        """What each row becomes where the factor is `x`."""
        if self.scale != "quantile":
            return (x,) * len(self.rows)
        return tuple(float(np.interp(x, (0.0, 0.5, 1.0), row)) for row in self.spread)


def ranged_factors(
    raw: Any, grouping: Grouping, together: Sequence[tuple[str, str, tuple[str, ...]]] = ()
) -> list[Factor]:
    """Factors of all ledgers of a paper, in their order.

    Parameters
    ----------
    raw : RawPricing or RawMmbes
        A dataclass of `ParameterSet` and keyed tables.
    grouping : callable
        Which rows of a keyed table move together.
    together : sequence of (table, symbol, symbols)
        Single numbers that move together, and the symbol of the two of them.
    """
    shared = {(table, s): symbol for table, symbol, symbols in together for s in symbols}
    found = []
    for field in dataclasses.fields(raw):
        table, content = field.name, getattr(raw, field.name)
        if isinstance(content, ParameterSet):
            rows = pd.DataFrame([vars(content.parameter(s)) for s in content])
            rows["label"] = [shared.get((table, s), s) for s in content]
            rows.index = list(content)
        elif isinstance(content, pd.DataFrame):
            rows = content.assign(label=grouping(table, content))
        else:
            continue
        rows = rows[rows["low"].notna() & rows["label"].notna()]
        found += [
            _factor(table, str(label), group)
            for label, group in rows.groupby("label", sort=False)
            if (group["high"] > group["low"]).any()
        ]
    return found


def _factor(table: str, label: str, rows: pd.DataFrame) -> Factor:
    common: dict[str, Any] = {
        "name": f"{table}.{label}",
        "table": table,
        "symbol": label.rpartition(".")[2],
        "title": "; ".join(dict.fromkeys(rows["name"])),
        "unit": rows["unit"].iloc[0],
        "status": ", ".join(dict.fromkeys(rows["status"])),
        "rows": tuple(rows.index),
    }
    ranges = rows[["low", "value", "high"]].astype(float)
    if len(ranges.drop_duplicates()) > 1:
        first, *others = dict.fromkeys(rows["name"])
        common |= {
            "title": f"{first}, and {len(others)} more" if others else first,
            "unit": "quantile of the ranges",
        }
        spread = tuple(ranges.itertuples(index=False, name=None))
        return Factor(**common, low=0.0, high=1.0, default=0.5, scale="quantile", spread=spread)
    low, value, high = (float(v) for v in ranges.iloc[0])
    scale = "log" if low > 0 and high > WIDE * low else "linear"
    return Factor(**common, low=low, high=high, default=value, scale=scale)


def readings(
    table: str, levels: Mapping[str, tuple[str, tuple[str | bool, str | bool]]]
) -> list[Factor]:
    """Factors of what is read in one way or another: by field, what it says and its two levels.

    The first level, 0, is the usual one.
    """
    return [
        Factor(
            name=f"{table}.{field}",
            table=table,
            symbol=field,
            title=title,
            unit="; ".join(f"{k}: {name}" for k, name in enumerate(names)),
            status="reading",
            low=0.0,
            high=1.0,
            default=0.0,
            scale="two-level",
            rows=names,
        )
        for field, (title, names) in levels.items()
    ]


def moved(raw: Raw, factors: Sequence[Factor], world: Mapping[str, float]) -> Raw:
    """The ledgers in a world: every factor at its value.

    Parameters
    ----------
    raw : RawPricing or RawMmbes
    factors : sequence of Factor
        Those of one table stand together.
    world : mapping
        Value by name of the factor.
    """
    changed: dict[str, Any] = {}
    for table, group in groupby(factors, key=lambda f: f.table):
        content = getattr(raw, table)
        values = dict(_assignments(group, world))
        if isinstance(content, pd.DataFrame):
            column = content["value"].copy()
            column.loc[list(values)] = list(values.values())
            changed[table] = content.assign(value=column)
        elif isinstance(content, ParameterSet):
            changed[table] = content.replace(values)
        else:
            changed[table] = replace(content, **values)
    return replace(raw, **changed)


def _assignments(
    factors: Iterator[Factor], world: Mapping[str, float]
) -> Iterator[tuple[Any, float | str | bool]]:
    for factor in factors:
        x = world[factor.name]
        if factor.is_reading:
            yield factor.symbol, factor.rows[int(x)]
        else:
            yield from zip(factor.rows, factor.row_values(x), strict=True)


def hypercube(factors: Sequence[Factor], samples: int, seed: int) -> pd.DataFrame:
    """Worlds of a Latin hypercube, one row each, one column a factor."""
    return _worlds(factors, latin.sample(_problem(factors), samples, seed=seed))


def trajectories(factors: Sequence[Factor], count: int, levels: int, seed: int) -> pd.DataFrame:
    """Worlds of Morris' method in SALib's order: `count` paths of one step a factor."""
    shares = morris.sample(_problem(factors), count, num_levels=levels, seed=seed)
    return _worlds(factors, shares)


def _problem(factors: Sequence[Factor]) -> dict[str, Any]:
    names = [f.name for f in factors]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _worlds(factors: Sequence[Factor], shares: np.ndarray) -> pd.DataFrame:
    # Single precision is what is kept: the world that is answered is the one that is kept.
    columns = {f.name: _single(f.at(shares[:, k]), f) for k, f in enumerate(factors)}
    return pd.DataFrame(columns)


def _single(values: np.ndarray, factor: Factor) -> np.ndarray:
    """Values in single precision, inside the range."""
    rounded = values.astype(np.float32)
    inside = (rounded.astype(float) >= factor.low) & (rounded.astype(float) <= factor.high)
    towards = np.float32(math.fsum((factor.low, factor.high)) / 2.0)
    return np.where(inside, rounded, np.nextafter(rounded, towards))
