"""Sections 1 and 5.1 as tables: what the ledgers state, what was moved, and the typical days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.core.ledger import STATUSES
from mobile_storage.mmbes.model.reliability import base_load
from mobile_storage.mmbes.model.substation import Substation

__all__ = [
    "DAY_UNITS",
    "PEAK_UNITS",
    "TABLES",
    "day_table",
    "fact_table",
    "moved_table",
    "peak_table",
    "status_table",
]

TABLES = {
    "battery": "Table 1, the battery",
    "load_points": "Table 2, load points",
    "components": "Table 3, outages of components",
    "economics": "Table 4, prices and rates",
    "preferences": "symbols or Table 5, the planner",
    "substation": "text, the substation",
    "network": "Figure 7, the network",
    "extreme_events": "scenarios of extreme events",
    "day_types": "days of each type",
    "load_curves": "Figure 4, typical days",
}
"""The ledgers by file, and the place in the paper that they stand for."""

FACTS = {
    "peak_kw": ("Peak load", "kW"),
    "mean_kw": ("Mean load", "kW"),
    "normal_capacity_kw": ("What the intact network can feed", "kW"),
    "due_year": ("Upgrade due without storage after", "yr"),
    "contingencies": ("Outages looked at, pairs included", ""),
}
"""Facts of the stage ``mmbes_inputs`` in words, and their units."""


def moved_table(base: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    """Values in which two parameter sets differ, with their ranges and status.

    Parameters
    ----------
    base, moved : DataFrame
        `data.ledger` of the literature set and of the calibrated one.
    """
    base, moved = base.set_index("symbol"), moved.set_index("symbol")
    differ = base[base["value"] != moved["value"]].reset_index()
    return pd.DataFrame(
        {
            "symbol": differ["symbol"],
            "name": differ["name"],
            "literature": differ["value"],
            "calibrated": moved.loc[differ["symbol"], "value"].to_numpy(),
            "low": differ["low"],
            "high": differ["high"],
            "unit": differ["unit"],
            "status in the ledger": differ["status"],
        }
    )


def fact_table(inputs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """What each parameter set describes: records of the stage ``mmbes_inputs`` by set."""
    return pd.DataFrame(
        {"Quantity": text, **{f"{n} set": facts[key] for n, facts in inputs.items()}, "Unit": unit}
        for key, (text, unit) in FACTS.items()
    )


def peak_table(inputs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Load, capacity and contingencies of each set, one row each."""
    names = {
        "peak_kw": "Peak",
        "mean_kw": "Mean",
        "normal_capacity_kw": "Intact network",
        "contingencies": "Contingencies",
        "due_year": "Due for an upgrade after",
    }
    return pd.DataFrame(
        {"Set": name, **{text: facts[key] for key, text in names.items()}}
        for name, facts in inputs.items()
    )


PEAK_UNITS = {
    **dict.fromkeys(("Peak", "Mean", "Intact network"), "kW"),
    "Due for an upgrade after": "yr",
}


def status_table(ledger: pd.DataFrame, moved: pd.Series) -> pd.DataFrame:
    """Numbers by ledger and by status, with their sum.

    Parameters
    ----------
    ledger : DataFrame
        `data.ledger` of the literature set.
    moved : Series of bool
        Whether the calibration moved each number.

    Returns
    -------
    DataFrame
        By the file of the ledger, the last row being the ``sum``.
    """
    rows = ledger.assign(Table=ledger["symbol"].str.partition(".")[0])
    count = pd.crosstab(rows["Table"], rows["status"])
    count = count.reindex(index=list(TABLES), columns=list(STATUSES), fill_value=0)
    count["all"] = count.sum(axis=1)
    for name, some in (
        ("with a range", rows[rows["high"].notna()]),
        ("moved by the calibration", rows[moved]),
    ):
        count[name] = some.groupby("Table").size().reindex(count.index, fill_value=0)
    count.loc["sum"] = count.sum()
    return count


def day_table(station: Substation) -> pd.DataFrame:
    """The typical days: when the load is highest and lowest, in shares of the annual peak."""
    curves = station.curves
    shape, hours = curves.shape, np.arange(curves.shape.shape[1]) * curves.step_h
    highest, lowest = shape.max(axis=1), shape.min(axis=1)
    return pd.DataFrame(
        {
            "Day": curves.names,
            "Days a year": curves.days_per_year,
            "Highest": highest,
            "at hour": hours[shape.argmax(axis=1)],
            "Lowest": lowest,
            "at the hour": hours[shape.argmin(axis=1)],
            "Mean": shape.mean(axis=1),
            "Lowest over highest": lowest / highest,
            "Highest in the set": base_load(station).max(axis=1),
        }
    )


DAY_UNITS = {"Highest in the set": "kW"}
