"""Calibration: the smallest moves within plausible ranges that come closest to published numbers.

The method is penalised least squares. A residual is the distance to a target over its tolerance.
The penalty is the distance of each value from a centre over half its range. Where the best size is
zero, small moves change nothing. Therefore differential evolution finds starts first (`screen`),
and local searches begin at the best members of its last population (`fit`). With the literature set
as centre the result is the calibrated set. With centres drawn from the whole ranges the result is
an ensemble of sets about as close, which shows how little the published numbers determine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import differential_evolution, least_squares
from scipy.stats import qmc

from mobile_storage.core.claims import Claim, published_numbers

__all__ = ["Fit", "Misfit", "Space", "Target", "fit", "screen", "spread_points", "targets"]

#: A range whose ends differ by more than this factor is searched on a logarithmic scale.
LOGARITHMIC_FROM = 4.0
#: A value half its range away from the centre costs as much as a target missed by this share of its
#: tolerance.
PENALTY = 0.2
#: Step of the finite differences, as a share of the range; larger than the noise of the best size.
DIFFERENCE_STEP = 0.01
#: A search starts at least this share of the range inside its ends.
START_MARGIN = 1e-6


@dataclass(frozen=True)
class Target:
    """A published number, and the distance from it that counts as 1."""

    claim: str
    name: str
    value: float
    tolerance: float


@dataclass(frozen=True)
class Space:
    """The values that may move, and their ranges.

    Attributes
    ----------
    symbols : tuple of str
        Keys for `RawMmbes.replace`.
    low, high, literature : ndarray, shape (n,)
        Ends of each range and the literature set's value.
    """

    symbols: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray
    literature: np.ndarray

    @property
    def _logarithmic(self) -> np.ndarray:
        return (self.low > 0) & (self.high > LOGARITHMIC_FROM * self.low)

    def values(self, share: np.ndarray) -> np.ndarray:
        """Return the values at shares of the ranges, both of shape (n,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.exp((1 - share) * np.log(self.low) + share * np.log(self.high))
        return np.where(self._logarithmic, log, (1 - share) * self.low + share * self.high)

    def share(self, values: np.ndarray) -> np.ndarray:
        """Return where values lie in their ranges, 0 to 1: the inverse of `values`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.log(values / self.low) / np.log(self.high / self.low)
        return np.where(self._logarithmic, log, (values - self.low) / (self.high - self.low))

    def moves(self, values: np.ndarray) -> dict[str, float]:
        """Return values as moves for `RawMmbes.replace`."""
        return {symbol: float(v) for symbol, v in zip(self.symbols, values, strict=True)}


@dataclass(frozen=True)
class Fit:
    """End of a search.

    Attributes
    ----------
    values : ndarray, shape (n,)
        In the order of the space's symbols.
    predicted : ndarray, shape (targets,)
        The model's prediction of the targets.
    residuals : ndarray, shape (targets,)
        Distances in tolerances.
    cost : float
        Half the sum of squares, penalty included.
    """

    values: np.ndarray
    predicted: np.ndarray
    residuals: np.ndarray
    cost: float

    @property
    def sum_of_squares(self) -> float:
        """Sum of squared distances of the targets in tolerances, without the penalty."""
        return float(self.residuals @ self.residuals)


def targets(claims: Iterable[Claim], wanted: Sequence[str]) -> tuple[Target, ...]:
    """Read the targets from the ledger of claims; a claim with two ends gives two targets."""
    chosen = []
    for claim in claims:
        if claim.id not in wanted:
            continue
        ends = published_numbers(claim)
        for k, (value, tolerance) in enumerate(ends):
            name = claim.statement + (f" ({('low', 'high')[k]} end)" if len(ends) > 1 else "")
            chosen.append(Target(claim.id, name, value, tolerance))
    return tuple(chosen)


def spread_points(space: Space, count: int, seed: int) -> np.ndarray:
    """Draw values spread evenly over the ranges (Latin hypercube), shape (count, n)."""
    shares = qmc.LatinHypercube(len(space.symbols), rng=seed).random(count)
    return np.array([space.values(share) for share in shares])


@dataclass(frozen=True)
class Misfit:
    """Quantity that the searches minimise: distances of targets, and of values from a centre.

    Attributes
    ----------
    predict : callable
        Function from values (n,) to predicted targets (targets,).
    aims : sequence of Target
    space : Space
    centre : ndarray, shape (n,)
        Values to stay close to.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    aims: Sequence[Target]
    space: Space
    centre: np.ndarray

    def distances(self, predicted: np.ndarray) -> np.ndarray:
        """Distances of the targets in tolerances."""
        return np.array(
            [(p - aim.value) / aim.tolerance for p, aim in zip(predicted, self.aims, strict=True)]
        )

    def residuals(self, share: np.ndarray) -> np.ndarray:
        """Return both kinds of distance at shares of the ranges, (targets + n,)."""
        moved = 2.0 * PENALTY * (share - self.space.share(self.centre))
        return np.concatenate([self.distances(self.predict(self.space.values(share))), moved])

    def cost(self, share: np.ndarray) -> float:
        """Return half the sum of squares."""
        residuals = self.residuals(share)
        return float(residuals @ residuals) / 2.0


def screen(
    misfit: Misfit, generations: int, population: int, seed: int, mapped: Callable
) -> np.ndarray:
    """Find values from which to search, the best first, shape (population, n).

    They are the last population of differential evolution.

    Parameters
    ----------
    misfit : Misfit
    generations, population, seed : int
        Settings of the evolution; the population is rounded to a multiple of n.
    mapped : callable
        As `map`, such as that of a pool of processes: the result does not depend on it.
    """
    n = misfit.centre.size
    result = differential_evolution(
        misfit.cost,
        [(0.0, 1.0)] * n,
        popsize=max(1, round(population / n)),
        maxiter=generations,
        # Explores several optima longer than SciPy's best1bin, which converges to the first one.
        strategy="randtobest1bin",
        mutation=(0.4, 0.9),
        recombination=0.9,
        tol=0.0,
        rng=seed,
        polish=False,
        init="latinhypercube",
        updating="deferred",
        workers=mapped,
    )
    order = np.argsort(result.population_energies, kind="stable")
    return np.array([misfit.space.values(share) for share in result.population[order]])


def fit(misfit: Misfit, start: np.ndarray, evaluations: int) -> Fit:
    """Search from one start.

    Parameters
    ----------
    misfit : Misfit
    start : ndarray, shape (n,)
        Values to begin at.
    evaluations : int
        Most steps of the search; each takes n + 1 predictions.
    """
    result = least_squares(
        misfit.residuals,
        np.clip(misfit.space.share(start), START_MARGIN, 1 - START_MARGIN),
        bounds=(0.0, 1.0),
        # An absolute step: at the low end of a range a relative one would vanish.
        jac=lambda share: _differences(misfit.residuals, share),
        max_nfev=evaluations,
        ftol=1e-3,
        xtol=1e-3,
    )
    values = misfit.space.values(result.x)
    predicted = misfit.predict(values)
    return Fit(values, predicted, misfit.distances(predicted), float(result.cost))


def _differences(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """Compute the Jacobian by one-sided differences that stay inside the ranges."""
    base = function(at)
    columns = []
    for k in range(at.size):
        step = DIFFERENCE_STEP if at[k] + DIFFERENCE_STEP <= 1.0 else -DIFFERENCE_STEP
        moved = at.copy()
        moved[k] += step
        columns.append((function(moved) - base) / step)
    return np.column_stack(columns)
