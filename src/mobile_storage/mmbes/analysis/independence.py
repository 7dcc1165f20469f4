"""Checks of every best size by a second method and other seeds, and of every EENS by simulation.

`simplex_search` searches without random numbers, on a coarse grid and then from its best local
maxima. It shares nothing with differential evolution but the objective. `simulated` draws each
simulation from a seed of its own, so that the deviations from the analytic value are independent of
each other and can be counted, see `deviation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.optimize import minimize

from mobile_storage.adequacy.estimate import Estimate, Sampling
from mobile_storage.adequacy.simulation.contingencies import simulate_contingencies
from mobile_storage.adequacy.simulation.network import simulate_network
from mobile_storage.core.io import round_significant
from mobile_storage.mmbes.analysis.crosscheck import daily_operation
from mobile_storage.mmbes.analysis.deviation import shortfall
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import attributes, prepare
from mobile_storage.mmbes.model.network import case_network
from mobile_storage.mmbes.search.solve import (
    ZERO_SIZE_SHARE,
    GridMap,
    Objective,
    Size,
    evolve,
    objective,
)

__all__ = [
    "compared",
    "graded_grid",
    "simplex_search",
    "simulated",
]

VALUE_DIGITS = 7
"""Significant digits of a best value that `deviation.VALUE_TOLERANCE` can distinguish."""
PRECISE_KWH = 1e-3
"""Size of the simplex, in kWh and kW, at which a search ends."""
SIZE_DECIMALS = 2
"""Decimals of a size in kWh or kW from a search: a tenth of the last one is `PRECISE_KWH`."""
Z_DECIMALS = 4
"""Decimals of a deviation in standard errors, which is a small difference of large numbers."""
MOST_EVALUATIONS = 500
"""Largest number of evaluations of the objective in one simplex search."""


def graded_grid(
    value_of: Objective, bounds: tuple[float, float], shape: tuple[int, int]
) -> GridMap:
    """Evaluate the objective on a grid that is finer for small sizes: cubes of even nodes.

    Best sizes lie between one and ten thousand kWh.
    """
    energy, power = (b * np.linspace(0.0, 1.0, n) ** 3 for b, n in zip(bounds, shape, strict=True))
    every = np.meshgrid(energy, power, indexing="ij")
    return GridMap(energy, power, value_of(*(axis.ravel() for axis in every)).reshape(shape))


def simplex_search(value_of: Objective, coarse: GridMap, starts: int) -> Size:
    """Find the best size by Nelder and Mead's simplex from the best local maxima of a coarse grid.

    The simplex needs no derivatives. Prospects have ridges wherever an attribute equals its
    reference point.

    Parameters
    ----------
    value_of : callable
        The objective.
    coarse : GridMap
        Such as from `graded_grid`.
    starts : int
        Local maxima to start from, the best first.
    """
    peaks = np.argwhere(coarse.value == maximum_filter(coarse.value, 3, mode="nearest"))
    order = np.argsort(-coarse.value[tuple(peaks.T)], kind="stable")[:starts]
    axes = (coarse.energy_kwh, coarse.power_kw)
    sizes = [coarse.best]
    for peak in peaks[order]:
        start = np.array([axis[k] for axis, k in zip(axes, peak, strict=True)])
        # To the next nodes, or the last ones at the upper bounds.
        ahead = [
            axis[k + 1] if k + 1 < axis.size else axis[k - 1]
            for axis, k in zip(axes, peak, strict=True)
        ]
        sizes.append(_simplex(value_of, start, np.array(ahead), [axis[-1] for axis in axes]))
    return max(sizes, key=lambda size: size.value)


def _simplex(value_of: Objective, start: np.ndarray, ahead: np.ndarray, top: list[float]) -> Size:
    """Find the best size by a simplex from a start towards the next node along both axes.

    No side of the simplex lies along an axis, because at a bound it would stay on the bound.
    """
    corners = start + np.array([[0.0, 0.0], [1.0, 0.5], [0.5, 1.0]]) * (ahead - start)
    result = minimize(
        lambda x: -float(value_of(x[:1], x[1:])[0]),
        start,
        method="Nelder-Mead",
        bounds=[(0.0, t) for t in top],
        options={
            "initial_simplex": corners,
            "xatol": PRECISE_KWH,
            "fatol": np.inf,
            "maxfev": MOST_EVALUATIONS,
        },
    )
    return Size(float(result.x[0]), float(result.x[1]), -float(result.fun))


def compared(
    raw: RawMmbes,
    evolved: Size,
    bounds: tuple[float, float],
    settings: Mapping[str, Any],
    seeds: Sequence[int] = (),
    search: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Check by other methods the best size that differential evolution found for a set of ledgers.

    Parameters
    ----------
    raw : RawMmbes
    evolved : Size
        What differential evolution found for the prospect.
    bounds : (float, float)
        Largest energy, kWh, and power, kW.
    settings : mapping
        ``energy`` and ``power``, nodes of the coarse grid; ``starts`` of `simplex_search`.
    seeds : sequence of int
        Further seeds to run differential evolution from, with `search` as other settings.

    Returns
    -------
    dict
        ``refined_*``: the size that `simplex_search` finds, to `SIZE_DECIMALS`, and its value, to
        `VALUE_DIGITS`; ``energy_off_kwh``, ``power_off_kw``: by how much the evolved size is
        larger; ``*_shortfall`` below the best of all: of the evolved one, of the refined one, and
        the most among the further ``seeds``, of which ``seeds_at_best`` found it.
    """
    substation, preferences = build(raw)
    value_of = objective(prepare(substation), preferences)
    coarse = graded_grid(value_of, bounds, (settings["energy"], settings["power"]))
    found = simplex_search(value_of, coarse, settings["starts"])
    again = [evolve(value_of, bounds, **{**(search or {}), "seed": s}).best.value for s in seeds]
    best = max(evolved.value, found.value, *again)
    short = [shortfall(value, best) for value in again]
    # A size that close to zero counts as zero, as in `solve.evolve`.
    energy, power = (
        0.0 if v < ZERO_SIZE_SHARE * b else round(v, SIZE_DECIMALS)
        for v, b in zip((found.energy_kwh, found.power_kw), bounds, strict=True)
    )
    return {
        "evolved_energy_kwh": evolved.energy_kwh,
        "evolved_power_kw": evolved.power_kw,
        "evolved_value": evolved.value,
        "refined_energy_kwh": energy,
        "refined_power_kw": power,
        "refined_value": round_significant(found.value, VALUE_DIGITS),
        "energy_off_kwh": round(evolved.energy_kwh - energy, SIZE_DECIMALS),
        "power_off_kw": round(evolved.power_kw - power, SIZE_DECIMALS),
        "evolved_shortfall": shortfall(evolved.value, best),
        "refined_shortfall": shortfall(found.value, best),
        "seeds": len(short),
        "seeds_at_best": short.count(0.0),
        "seeds_shortfall": max(short, default=0.0),
    }


def simulated(
    raw: RawMmbes, energy_kwh: float, power_kw: float, sampling: tuple[Sampling, Sampling]
) -> list[dict[str, Any]]:
    """Compare the analytic EENS of one storage with both simulations, kWh/yr.

    The law of repair is that of the ledgers.

    Parameters
    ----------
    sampling : (Sampling, Sampling)
        Of the simulation of contingencies and of that of the network.

    Returns
    -------
    list of dict
        For each simulation and for EENS ``without`` storage and, if there is any, ``with`` it and
        the ``cut``, from the same faults: analytic and simulated mean, kWh/yr, standard error, and
        ``z``, how many of these lie between them.
    """
    substation, _ = build(raw)
    found = attributes(prepare(substation), energy_kwh, power_kw)
    before, after = float(found.eens_before_kwh[0]), float(found.eens_after_kwh[0])
    analytic = {"without": before}
    if energy_kwh > 0 and power_kw > 0:
        analytic |= {"with": after, "cut": before - after}
    operation = daily_operation(substation, energy_kwh, power_kw)
    network = case_network(raw, raw.readings.repair_law)
    results = {
        "contingencies": simulate_contingencies(
            substation.reliability.contingencies, operation, sampling[0]
        ),
        "network": simulate_network(network, operation, sampling[1]),
    }
    return [
        {"method": method, "quantity": quantity, **_deviation(value, estimate)}
        for method, result in results.items()
        for (quantity, value), estimate in zip(
            analytic.items(),
            (result.eens_without, result.eens_with, result.eens_saved),
            strict=False,
        )
    ]


def _deviation(analytic: float, estimate: Estimate) -> dict[str, Any]:
    return {
        "analytic_kwh": analytic,
        "mean_kwh": float(estimate.mean),
        "standard_error_kwh": float(estimate.standard_error),
        "z": round(float(estimate.standard_errors_off(analytic)), Z_DECIMALS),
        "samples": int(estimate.samples),
    }
