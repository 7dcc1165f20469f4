"""Every best size by a second method and other seeds, every EENS by simulations of its own.

`refine` searches without random numbers, on a coarse grid and then from its best local maxima. It
shares nothing with differential evolution but the objective. `simulated` draws each simulation from
a seed of its own, so that the deviations from the analytic value are independent of each other and
can be counted: of n standard normal deviations, 0.0455 n are expected beyond 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.optimize import minimize
from scipy.stats import binom, norm

from mobile_storage.adequacy.estimate import Estimate, Sampling
from mobile_storage.adequacy.simulation.contingencies import simulate_contingencies
from mobile_storage.adequacy.simulation.network import simulate_network
from mobile_storage.core.io import round_significant
from mobile_storage.mmbes.analysis.crosscheck import daily_operation
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import attributes, prepare
from mobile_storage.mmbes.model.network import case_network
from mobile_storage.mmbes.search.solve import NOTHING, GridMap, Objective, Size, evolve, objective

__all__ = ["SAME", "beyond", "compared", "graded_grid", "refine", "shortfall", "simulated"]

SAME = 1e-6
"""Share of the best value that a run may fall short and still count as having found it."""
VALUE_DIGITS = 7
"""Significant digits of a best value: what `SAME` tells apart."""
PRECISE_KWH = 1e-3
"""Size of the simplex, in kWh and kW, at which a search ends."""
SIZE_DECIMALS = 2
"""Of sizes in kWh and kW that a search found: a tenth of the last one is `PRECISE_KWH`."""
Z_DECIMALS = 4
"""Of a deviation in standard errors, which is a small difference of large numbers."""
MOST_EVALUATIONS = 500
"""Of the objective in one search with a simplex."""


def graded_grid(worth: Objective, bounds: tuple[float, float], shape: tuple[int, int]) -> GridMap:
    """Objective on a grid that is the finer the smaller the size: nodes at the cubes of even ones.

    Some best sizes are a kWh and some ten thousand.
    """
    energy, power = (b * np.linspace(0.0, 1.0, n) ** 3 for b, n in zip(bounds, shape, strict=True))
    every = np.meshgrid(energy, power, indexing="ij")
    return GridMap(energy, power, worth(*(axis.ravel() for axis in every)).reshape(shape))


def refine(worth: Objective, coarse: GridMap, starts: int) -> Size:
    """Best size by Nelder and Mead's simplex from the best local maxima of a coarse grid.

    The simplex takes no derivatives: prospects have ridges wherever an attribute meets its
    reference point.

    Parameters
    ----------
    worth : callable
        The objective.
    coarse : GridMap
        Such as from `graded_grid`.
    starts : int
        Local maxima to start from, the best first.
    """
    peaks = np.argwhere(coarse.value == maximum_filter(coarse.value, 3, mode="nearest"))
    order = np.argsort(-coarse.value[tuple(peaks.T)], kind="stable")[:starts]
    axes = (coarse.energy_kwh, coarse.power_kw)
    found = [coarse.best]
    for peak in peaks[order]:
        start = np.array([axis[k] for axis, k in zip(axes, peak, strict=True)])
        # To the next nodes, or the last ones at the upper bounds.
        ahead = [
            axis[k + 1] if k + 1 < axis.size else axis[k - 1]
            for axis, k in zip(axes, peak, strict=True)
        ]
        found.append(_climb(worth, start, np.array(ahead), [axis[-1] for axis in axes]))
    return max(found, key=lambda size: size.value)


def _climb(worth: Objective, start: np.ndarray, ahead: np.ndarray, top: list[float]) -> Size:
    """Best size by a simplex from a start towards the node ahead along both axes.

    No side of the simplex lies along an axis: at a bound it would stay there.
    """
    corners = start + np.array([[0.0, 0.0], [1.0, 0.5], [0.5, 1.0]]) * (ahead - start)
    found = minimize(
        lambda x: -float(worth(x[:1], x[1:])[0]),
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
    return Size(float(found.x[0]), float(found.x[1]), -float(found.fun))


def shortfall(value: float, best: float) -> float:
    """How far a value is below the best one, as a share of the latter's size.

    A share up to `SAME` is 0: it depends on where each search happened to stop, and so on the last
    digits of the processor's arithmetic.
    """
    short = (best - value) / max(abs(best), np.finfo(float).tiny)
    return 0.0 if short <= SAME else short


def compared(
    raw: RawMmbes,
    evolved: Size,
    bounds: tuple[float, float],
    settings: Mapping[str, Any],
    seeds: Sequence[int] = (),
    search: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """The best size of a set of ledgers, found by differential evolution, by other means.

    Parameters
    ----------
    raw : RawMmbes
    evolved : Size
        What differential evolution found for the prospect.
    bounds : (float, float)
        Largest energy, kWh, and power, kW.
    settings : mapping
        ``energy`` and ``power``, nodes of the coarse grid; ``starts`` of `refine`.
    seeds : sequence of int
        Further seeds to run differential evolution from, with `search` as other settings.

    Returns
    -------
    dict
        ``refined_*``: the size that `refine` finds, to `SIZE_DECIMALS`, and its value, to
        `VALUE_DIGITS`; ``energy_off_kwh``, ``power_off_kw``: by how much the evolved size is
        larger; ``*_shortfall`` below the best of all: of the evolved one, of the refined one, and
        the most among the further ``seeds``, of which ``seeds_at_best`` found it.
    """
    substation, preferences = build(raw)
    worth = objective(prepare(substation), preferences)
    coarse = graded_grid(worth, bounds, (settings["energy"], settings["power"]))
    found = refine(worth, coarse, settings["starts"])
    again = [evolve(worth, bounds, **{**(search or {}), "seed": s}).best.value for s in seeds]
    best = max(evolved.value, found.value, *again)
    short = [shortfall(value, best) for value in again]
    # That close to nothing, it is nothing, as in `solve.evolve`.
    energy, power = (
        0.0 if v < NOTHING * b else round(v, SIZE_DECIMALS)
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
    """Analytic EENS of one storage against both simulations, by the ledgers' own law of repair.

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


def beyond(z: Sequence[float], limit: float = 2.0) -> dict[str, float]:
    """How many independent deviations lie beyond a limit, and how many should.

    Returns
    -------
    dict
        ``count`` of deviations, ``beyond`` the limit, ``expected`` there, ``chance`` that so many
        or more are.
    """
    far = int(np.sum(np.abs(np.asarray(z, dtype=float)) > limit))
    p = 2.0 * norm.sf(limit)
    return {
        "count": len(z),
        "beyond": far,
        "expected": p * len(z),
        "chance": float(binom.sf(far - 1, len(z), p)),
    }
