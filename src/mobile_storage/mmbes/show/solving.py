"""Section 4 as tables: what the search finds, when it has settled, and how sharp the answer is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter

from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences
from mobile_storage.mmbes.search.solve import Evolution, Objective, evolve
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES

__all__ = [
    "PEAK_UNITS",
    "history_table",
    "objective_table",
    "peak_table",
    "population_table",
    "settling_table",
]


def objective_table(row: Mapping[str, float], planner: Preferences) -> pd.DataFrame:
    """Weight, prospect and worth of each attribute of one size, as `report.describe` has them."""
    return pd.DataFrame(
        {
            "Attribute": [ATTRIBUTE_NAMES[k] for k in ATTRIBUTES],
            "Weight": planner.weights,
            "Prospect": [row[f"prospect_{k}"] for k in ATTRIBUTES],
            "Worth": [row[f"worth_{k}_yuan"] for k in ATTRIBUTES],
        }
    )


def history_table(run: Evolution, iterations: int) -> pd.DataFrame:
    """Best size and value of every iteration, and what is left to the last value.

    Parameters
    ----------
    run : Evolution
    iterations : int
        As asked for; iteration 0 is the first population.
    """
    history = pd.DataFrame(run.history, columns=["Energy", "Power", "Best value"])
    first = iterations + 1 - len(history)
    history.insert(0, "Iteration", np.arange(first, first + len(history)))
    history["Left to the last"] = history["Best value"].iloc[-1] - history["Best value"]
    return history


def population_table(
    worth: Objective,
    bounds: tuple[float, float],
    populations: Iterable[int],
    best_value: float,
    **search: int,
) -> pd.DataFrame:
    """Differential evolution with other populations, after as many iterations each.

    Parameters
    ----------
    worth : Objective
    bounds : (float, float)
        Largest energy, kWh, and power, kW.
    populations : iterable of int
    best_value : float
        The best that is known.
    **search
        ``iterations`` and ``seed`` of `solve.evolve`.
    """
    rows = []
    for population in populations:
        run = evolve(worth, bounds, population=population, **search)
        rows.append(
            {
                "Population": population,
                "Sizes looked at": run.evaluations,
                "Energy": run.best.energy_kwh,
                "Power": run.best.power_kw,
                "Value": run.best.value,
                "Short of the best known": best_value - run.best.value,
            }
        )
    return pd.DataFrame(rows)


def settling_table(curves: Mapping[str, pd.DataFrame], within: int) -> pd.DataFrame:
    """Iterations until a share of the way from the first value to the last is left, over all runs.

    Parameters
    ----------
    curves : mapping
        Best value by iteration and seed, by problem.
    within : int
        Iterations that the paper needs.
    """
    distance = {}
    for name, frame in curves.items():
        values = frame.drop(columns="iteration").ffill()
        left = values.iloc[-1] - values
        distance[name] = left / left.iloc[0].clip(lower=np.finfo(float).tiny)
    every = pd.concat(distance, axis=1)
    rows = []
    for share in (1e-1, 1e-2, 1e-4, 1e-6, 1e-8, 0.0):
        after = (every <= share).idxmax()
        rows.append(
            {
                "Share left": share,
                "Median": after.median(),
                "Most": after.max(),
                f"Runs within {within}": int((after <= within).sum()),
                "Runs": len(after),
                **{name: after[name].max() for name in distance},
            }
        )
    return pd.DataFrame(rows)


def peak_table(
    grids: Mapping[str, pd.DataFrame], optima: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Nodes higher than their eight neighbours, and the sizes within 1 % of the range of values.

    Parameters
    ----------
    grids : mapping
        ``energy_kwh``, ``power_kw`` and ``value`` by problem.
    optima : mapping
        `stored.optima`.
    """
    others = np.ones((3, 3), dtype=bool)
    others[1, 1] = False
    rows = []
    for name, grid in grids.items():
        table = grid.pivot_table(index="energy_kwh", columns="power_kw", values="value")
        values = table.to_numpy()
        padded = np.pad(values, 1, constant_values=-np.inf)
        peaks = values > maximum_filter(padded, footprint=others)[1:-1, 1:-1]
        near = grid[grid["value"] >= values.max() - 0.01 * np.ptp(values)]
        rows.append(
            {
                "Problem": name,
                "Nodes": len(grid),
                "Peaks": int(peaks.sum()),
                "Best energy": optima[name]["optimum"]["energy_kwh"],
                "Energy within 1 %, least": near["energy_kwh"].min(),
                "Energy, most": near["energy_kwh"].max(),
                "Power within 1 %, least": near["power_kw"].min(),
                "Power, most": near["power_kw"].max(),
            }
        )
    return pd.DataFrame(rows)


PEAK_UNITS = {
    **dict.fromkeys(("Best energy", "Energy within 1 %, least", "Energy, most"), "kWh"),
    **dict.fromkeys(("Power within 1 %, least", "Power, most"), "kW"),
}
