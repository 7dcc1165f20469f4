"""Monte Carlo simulation of given contingencies, with and without storage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.analytic.contingency import Contingency
from mobile_storage.adequacy.checks import require_number
from mobile_storage.adequacy.estimate import Estimate, Moments, Sampling, estimate
from mobile_storage.adequacy.simulation.episodes import (
    DailyOperation,
    Episodes,
    Paths,
    Tables,
    walk,
)

__all__ = ["ContingenciesResult", "simulate_contingencies"]


@dataclass(frozen=True, eq=False)
class ContingenciesResult:
    """Energy not supplied because of faults.

    Attributes
    ----------
    eens_without, eens_with, eens_saved : Estimate
        Per year: without storage, with storage, and the difference, from the same faults.
    ens_without, ens_with : Estimate, shape (contingencies,)
        Per fault of each contingency.
    """

    eens_without: Estimate
    eens_with: Estimate
    eens_saved: Estimate
    ens_without: Estimate
    ens_with: Estimate


def simulate_contingencies(
    contingencies: Sequence[Contingency],
    operation: DailyOperation,
    sampling: Sampling | None = None,
    batch_size: int = 2000,
) -> ContingenciesResult:
    """Simulate faults at random moments.

    A sample is one fault of each contingency, each at its own random moment. Faults are a Poisson
    process, so the expected energy per year is ``sum_c rate_c * ENS_c``, and the precision for a
    rare fault is as good as for a frequent one. Faults do not overlap; a contingency may itself be
    the overlap of several.

    Parameters
    ----------
    contingencies : sequence of Contingency
        Deficits in the same unit of power as the load.
    operation : DailyOperation
        Load and storage.
    sampling : Sampling, optional
        When to stop: the energy per year must be precise, without and with storage.
    batch_size : int
        Samples in a batch.

    Raises
    ------
    ValueError
        If there is no contingency, or the batch size is not a whole number of at least 1.
    """
    if not contingencies:
        raise ValueError("there is no contingency: at least one is needed")
    batch_size = int(require_number("batch_size", batch_size, least=1, whole=True))
    levels, level = np.unique(operation.load, return_inverse=True)
    level = level.reshape(operation.load.shape)
    stages = [stage for one in contingencies for stage in one.stages]
    reachable = np.stack([stage.reachable(levels) for stage in stages])
    unfed = reachable + np.stack([stage.unreachable(levels) for stage in stages])
    first = np.cumsum([0, *(len(one.stages) for one in contingencies)])
    until = np.array([stage.until for stage in stages], dtype=float)
    until[first[1:] - 1] = math.inf
    worst = np.maximum.reduceat(unfed.max(axis=1), first[:-1])
    count = len(contingencies)
    mean_repair = np.array([one.repair for one in contingencies])
    exponential = np.array([one.law == "exponential" for one in contingencies])
    rate = np.array([one.rate for one in contingencies])
    with_deficit = np.flatnonzero(worst > 0.0)

    paths = Paths(first, until, np.arange(len(stages)))
    tables = Tables(level, unfed, reachable, np.zeros((len(stages), len(levels), 0)))

    def batch(rng: np.random.Generator) -> dict[str, Moments]:
        path = np.tile(with_deficit, batch_size)
        row = np.repeat(np.arange(batch_size), len(with_deficit)) * count + path
        size = len(path)
        law = np.where(exponential[path], rng.standard_exponential(size), 1.0)
        begin = operation.draw(rng, size)
        ens, _ = walk(
            Episodes(row, np.ones(size), mean_repair[path] * law, path),
            begin,
            paths,
            tables,
            operation.energy,
            operation.power,
            batch_size * count,
        )
        without, helped = ens.reshape(batch_size, count, 2).transpose(2, 0, 1)
        return {
            "eens_without": Moments.of(without @ rate),
            "eens_with": Moments.of(helped @ rate),
            "eens_saved": Moments.of((without - helped) @ rate),
            "ens_without": Moments.of(without),
            "ens_with": Moments.of(helped),
        }

    # For both laws the rest of a repair is on average not longer than the whole repair.
    largest = worst * mean_repair
    total = float(largest @ rate)
    return ContingenciesResult(
        **estimate(
            batch,
            ("eens_without", "eens_with"),
            sampling or Sampling(),
            {
                **dict.fromkeys(("eens_without", "eens_with", "eens_saved"), total),
                **dict.fromkeys(("ens_without", "ens_with"), largest),
            },
        )
    )
