"""The expected cost of section 5.4 as tables: how its reference point moves size and prospect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.evaluate import Prepared
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences
from mobile_storage.mmbes.search.surfaces import Surface, best_size

__all__ = [
    "COST_END_UNITS",
    "TURN_UNITS",
    "cost_end_table",
    "expected_cost_sweep",
    "steepness",
    "turn_table",
]

Frames = Mapping[str, pd.DataFrame]


def steepness(difference: np.ndarray, planner: Preferences) -> np.ndarray:
    """Slope of the value function, what one more yuan counts for: Eq. (6), (7), differentiated.

    Parameters
    ----------
    difference : array_like
        Yuan from the reference point, taken as at least 1 yuan off, since the slope has no limit at
        the reference point itself.
    """
    d = np.asarray(difference, dtype=float)
    size = np.maximum(np.abs(d), 1.0)
    gain = planner.alpha * size ** (planner.alpha - 1)
    loss = planner.loss_aversion * planner.beta * size ** (planner.beta - 1)
    return np.where(d >= 0, gain, loss)


def expected_cost_sweep(
    surface: Surface, prepared: Prepared, planner: Preferences, costs_yuan: np.ndarray
) -> pd.DataFrame:
    """Best size on a surface for each expected cost.

    Returns
    -------
    DataFrame
        ``expected``, yuan, ``slope``, what one more yuan of cost counts for, and the columns of
        `report.describe` at the best size.
    """
    rows, k = [], ATTRIBUTES.index("cost")
    for cost in costs_yuan:
        reference = planner.reference.copy()
        reference[k] = -cost
        there = replace(planner, reference=reference)
        size = (max(x, 0.0) for x in best_size(surface, prepared, there))
        row = describe(prepared, there, *size)
        slope = float(steepness(row["worth_cost_yuan"] + cost, planner))
        rows.append({"expected": cost, "slope": slope, **row})
    return pd.DataFrame(rows)


def turn_table(sweeps: Frames) -> pd.DataFrame:
    """Where the prospect of the cost turns positive, and where the size is least.

    Parameters
    ----------
    sweeps : mapping
        `expected_cost_sweep` by parameter set.
    """
    rows = []
    for name, frame in sweeps.items():
        turned = frame[(frame["prospect_cost"] > 0) & (-frame["worth_cost_yuan"] > 0)]
        small = frame.iloc[int(np.argmin(frame["energy_kwh"]))]
        rows.append(
            {
                "Set": name,
                "Energy, nothing expected": frame["energy_kwh"].iloc[0],
                "Energy, most expected": frame["energy_kwh"].iloc[-1],
                "Energy, least": small["energy_kwh"],
                "at an expected cost of": small["expected"] / 1e6,
                "of which is spent": -small["worth_cost_yuan"] / 1e6,
                "Cost positive from": turned["expected"].min() / 1e6 if len(turned) else None,
            }
        )
    return pd.DataFrame(rows)


TURN_UNITS = {
    **dict.fromkeys(("Energy, nothing expected", "Energy, most expected", "Energy, least"), "kWh"),
    **dict.fromkeys(
        ("at an expected cost of", "of which is spent", "Cost positive from"), "million yuan"
    ),
}


def cost_end_table(frames: Frames) -> pd.DataFrame:
    """Prospect of the cost and best size at the least and at the most expected cost (P2-15).

    Parameters
    ----------
    frames : mapping
        Scenarios of the expected cost by set or member, by rising cost.
    """
    columns = {"Cost prospect": "prospect_cost", "Energy": "energy_kwh", "Power": "power_kw"}
    return pd.DataFrame(
        {
            "Set": name,
            **{
                f"{label}, {end}": frame[column].iloc[position]
                for label, column in columns.items()
                for end, position in (("low", 0), ("high", -1))
            },
        }
        for name, frame in frames.items()
    )


COST_END_UNITS = {
    **dict.fromkeys(("Energy, low", "Energy, high"), "kWh"),
    **dict.fromkeys(("Power, low", "Power, high"), "kW"),
}
