"""The factors of a flip test, and the worlds of its designs.

Every value in the ledgers that has a range is moved within it: uniformly, or log-uniformly where
the range is wider than a factor of four. Rows that say the same thing about similar parts are one
factor and move together. Where the values or ranges of such rows differ, the factor is a quantile
that all of them share: 0 puts every row at the low end of its range, 0.5 at its value in the
ledger, and 1 at the high end. In this way the rows keep their differences.
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
#: From a table's name and its rows with a range to a label for each row. Rows with equal labels
#: move together.
Grouping = Callable[[str, pd.DataFrame], pd.Series]


@dataclass(frozen=True)
class Factor:
    """What differs between worlds: a single value, rows that move together, or a reading.

    A reading is one of two ways to understand the text, and so one of two variants of the model.

    Attributes
    ----------
    name : str
        ``table.symbol`` or ``table.which.symbol``.
    table, symbol, title, unit, status : str
        Ledger, symbol, name, unit and provenance of the rows.
    low, high, default : float
        Ends of the range and value in the ledger; 0, 1 and 0.5 for a ``quantile``; 0, 1 and 0 for
        a ``two-level`` factor.
    scale : str
        ``linear`` or ``log`` for a value; ``quantile`` for rows that differ; ``two-level``
        for a reading.
    rows : tuple
        Index of the rows in a keyed table, symbols of single numbers, or the two levels of a
        reading.
    spread : tuple of (float, float, float)
        Low end, value and high end of each row of a quantile; empty for other factors.
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
        """Return the values at shares of the range, 0 to 1.

        A two-level factor has its first level below one half, and its second level from there on.
        """
        if self.is_reading:
            return np.where(share < 0.5, 0.0, 1.0)
        if self.scale == "log":
            return self.low * (self.high / self.low) ** share
        return self.low + share * (self.high - self.low)

    def row_values(self, x: float) -> tuple[float, ...]:
        """Return the value of each row where the factor is `x`."""
        if self.scale != "quantile":
            return (x,) * len(self.rows)
        return tuple(float(np.interp(x, (0.0, 0.5, 1.0), row)) for row in self.spread)


def ranged_factors(
    raw: Any, grouping: Grouping, together: Sequence[tuple[str, str, tuple[str, ...]]] = ()
) -> list[Factor]:
    """Return the factors of all ledgers of a paper, in the order of the ledgers.

    Parameters
    ----------
    raw : RawPricing or RawMmbes
        A dataclass whose fields are `ParameterSet` and keyed tables; others are left out.
    grouping : callable
        Returns a label for each row of a keyed table. Rows with equal labels move together.
    together : sequence of (table, symbol, symbols)
        Single numbers that move together, and the symbol of the factor that they become.
    """
    shared = {(table, s): symbol for table, symbol, symbols in together for s in symbols}
    factors = []
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
        factors += [
            _factor(table, str(label), group)
            for label, group in rows.groupby("label", sort=False)
            if (group["high"] > group["low"]).any()
        ]
    return factors


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
    """Return the factors of the readings of the model.

    Parameters
    ----------
    table : str
        Field of the ledgers that holds the readings.
    levels : mapping
        By reading: what it decides, and its two levels. The first one, 0, is the default.
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
    """Return the ledgers of a world, with every factor at its value.

    Parameters
    ----------
    raw : RawPricing or RawMmbes
        The ledgers, with every value at its default.
    factors : sequence of Factor
        The factors, with those of the same table next to each other.
    world : mapping
        Value of each factor by its name.
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
    """Return the worlds of a Latin hypercube, one row a world, one column a factor."""
    return _worlds(factors, latin.sample(_problem(factors), samples, seed=seed))


def trajectories(factors: Sequence[Factor], count: int, levels: int, seed: int) -> pd.DataFrame:
    """Return the worlds of Morris' method, in the order that SALib's analysis expects.

    There are `count` trajectories. Each has one row more than there are factors, and from row to
    row one factor moves, on a grid of `levels` levels.
    """
    shares = morris.sample(_problem(factors), count, num_levels=levels, seed=seed)
    return _worlds(factors, shares)


def _problem(factors: Sequence[Factor]) -> dict[str, Any]:
    names = [f.name for f in factors]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _worlds(factors: Sequence[Factor], shares: np.ndarray) -> pd.DataFrame:
    # The worlds are stored in single precision. Rounding them here makes the world that is solved
    # the one that is stored.
    columns = {f.name: _single(f.at(shares[:, k]), f) for k, f in enumerate(factors)}
    return pd.DataFrame(columns)


def _single(values: np.ndarray, factor: Factor) -> np.ndarray:
    """Round values to single precision, and to a number inside the range."""
    rounded = values.astype(np.float32)
    inside = (rounded.astype(float) >= factor.low) & (rounded.astype(float) <= factor.high)
    towards = np.float32(math.fsum((factor.low, factor.high)) / 2.0)
    return np.where(inside, rounded, np.nextafter(rounded, towards))
