"""Every best size by a second method and other seeds, every EENS by simulations of its own.

`refine` searches without random numbers: a coarse grid, then ever finer ones around its best local
maxima. It shares nothing with differential evolution but the objective. `simulated` draws each
simulation from a seed of its own, so that the deviations from the analytic value are independent of
each other and can be counted: of n standard normal deviations, 0.0455 n are expected beyond 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.stats import binom, norm

from mobile_storage.adequacy.montecarlo import Estimate, Sampling
from mobile_storage.adequacy.montecarlo_contingencies import simulate_contingencies
from mobile_storage.adequacy.montecarlo_episodes import DailyOperation
from mobile_storage.adequacy.montecarlo_network import simulate_network

from .data import RawMmbes, build
from .evaluate import attributes, prepare
from .network import case_network
from .reliability import base_load, day_share
from .schedule import schedule
from .solve import NOTHING, GridMap, Objective, Size, evolve, map_grid, objective

__all__ = ["SAME", "beyond", "compared", "refine", "shortfall", "simulated"]

SAME = 1e-6
"""Share of the best value that a run may fall short and still count as having found it."""
NOISE = 1e-9
"""Smaller shares are rounding of the result files."""
SIDE = 9
"""Nodes along each side of the finer grids."""


def refine(worth: Objective, coarse: GridMap, *, starts: int, rounds: int) -> Size:
    """Best size by ever finer grids around the best local maxima of a coarse one.

    Each round halves the grid around the best node so far, so that the search can still move along
    a ridge by as much as the rounds before.

    Parameters
    ----------
    worth : callable
        The objective.
    coarse : GridMap
        From `solve.map_grid`.
    starts : int
        Local maxima to start from, the best first.
    rounds : int
        Halvings; from a mesh of 500 kWh, 15 leave 0.004 kWh.
    """
    peaks = np.argwhere(coarse.value == maximum_filter(coarse.value, 3, mode="nearest"))
    order = np.argsort(-coarse.value[tuple(peaks.T)], kind="stable")[:starts]
    top = np.array([coarse.energy_kwh[-1], coarse.power_kw[-1]])
    mesh = np.array([coarse.energy_kwh[1], coarse.power_kw[1]])
    best = coarse.best
    for i, j in peaks[order]:
        here = Size(coarse.energy_kwh[i], coarse.power_kw[j], coarse.value[i, j])
        for k in range(rounds):
            centre, reach = np.array([here.energy_kwh, here.power_kw]), mesh / 2.0**k
            axes = (
                np.unique(np.clip(np.linspace(c - r, c + r, SIDE), 0.0, t))
                for c, r, t in zip(centre, reach, top, strict=True)
            )
            sizes = [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]
            values = worth(*sizes)
            n = int(np.argmax(values))
            if values[n] > here.value:
                here = Size(float(sizes[0][n]), float(sizes[1][n]), float(values[n]))
        best = max(best, here, key=lambda size: size.value)
    return best


def shortfall(value: float, best: float) -> float:
    """How far a value is below the best one, as a share of the latter's size."""
    short = (best - value) / max(abs(best), np.finfo(float).tiny)
    return 0.0 if short < NOISE else short


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
        ``energy`` and ``power``, nodes of the coarse grid; ``starts`` and ``rounds`` of `refine`.
    seeds : sequence of int
        Further seeds to run differential evolution from, with `search` as other settings.

    Returns
    -------
    dict
        ``refined_*``: the size that `refine` finds and its value; ``energy_off_kwh``,
        ``power_off_kw``: by how much the evolved size is larger; ``*_shortfall`` below the best of
        all: of the evolved one, of the refined one, and the most among the further ``seeds``, of
        which ``seeds_at_best`` found it.
    """
    substation, preferences = build(raw)
    worth = objective(prepare(substation), preferences)
    coarse = map_grid(worth, bounds, (settings["energy"], settings["power"]))
    found = refine(worth, coarse, starts=settings["starts"], rounds=settings["rounds"])
    again = [evolve(worth, bounds, **{**(search or {}), "seed": s}).best.value for s in seeds]
    best = max(evolved.value, found.value, *again)
    short = [shortfall(value, best) for value in again]
    # That close to nothing, it is nothing, as in `solve.evolve`.
    energy, power = (
        0.0 if v < NOTHING * b else v
        for v, b in zip((found.energy_kwh, found.power_kw), bounds, strict=True)
    )
    return {
        "evolved_energy_kwh": evolved.energy_kwh,
        "evolved_power_kw": evolved.power_kw,
        "evolved_value": evolved.value,
        "refined_energy_kwh": energy,
        "refined_power_kw": power,
        "refined_value": found.value,
        "energy_off_kwh": evolved.energy_kwh - energy,
        "power_off_kw": evolved.power_kw - power,
        "evolved_shortfall": shortfall(evolved.value, best),
        "refined_shortfall": shortfall(found.value, best),
        "seeds": len(short),
        "seeds_at_best": sum(s <= SAME for s in short),
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
        For each simulation and for EENS ``without`` storage, ``with`` it and the ``cut``, from the
        same faults: analytic and simulated mean, kWh/yr, standard error and ``z``, how many of
        these lie between them.
    """
    substation, _ = build(raw)
    found = attributes(prepare(substation), energy_kwh, power_kw)
    before, after = float(found.eens_before_kwh[0]), float(found.eens_after_kwh[0])
    analytic = {"without": before, "with": after, "cut": before - after}
    load = base_load(substation)
    deliverable = schedule(load, energy_kwh, power_kw, substation.battery).deliverable_kwh
    operation = DailyOperation(
        load,
        day_share(substation),
        np.maximum(0.0, deliverable),  # rounding may leave less than nothing
        power_kw,
        substation.battery.availability,
    )
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
            strict=True,
        )
    ]


def _deviation(analytic: float, estimate: Estimate) -> dict[str, Any]:
    error = float(estimate.standard_error)
    return {
        "analytic_kwh": analytic,
        "mean_kwh": float(estimate.mean),
        "standard_error_kwh": error,
        # Where nothing is built there is no cut, and nothing to deviate.
        "z": float(estimate.standard_errors_off(analytic)) if error > 0 else None,
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
