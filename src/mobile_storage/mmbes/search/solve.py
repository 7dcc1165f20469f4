"""The best size of the storage by differential evolution as in section 4, and by two other methods.

The decision (S_n, P_n) is continuous, between zero and a bound on each. All methods maximise the
same vectorised `Objective`, so they solve the same problem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, differential_evolution, direct

from mobile_storage.adequacy.checks import require_number, require_numbers
from mobile_storage.mmbes.model.evaluate import Prepared, attributes, comprehensive, net_profit
from mobile_storage.mmbes.model.substation import Preferences

__all__ = [
    "OBJECTIVES",
    "Evolution",
    "GridMap",
    "Objective",
    "Size",
    "evolve",
    "map_grid",
    "objective",
    "search_direct",
]

OBJECTIVES = ("prospect", "net_profit")

ZERO_SIZE_SHARE = 1e-6
"""A size below this share of its bound counts as zero."""

#: Function to be maximised, from energies (n,), kWh, and powers (n,), kW, to values (n,).
Objective = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Size:
    """A size of storage and the value of the objective."""

    energy_kwh: float
    power_kw: float
    value: float


@dataclass(frozen=True)
class Evolution:
    """One run of differential evolution.

    Attributes
    ----------
    best : Size
        Best size found.
    history : ndarray, shape (iterations + 1, 3)
        Energy, power and value of the best so far, from the first population on.
    evaluations : int
        Number of sizes evaluated.
    converged : bool
        Whether the population converged before the iterations ran out.
    """

    best: Size
    history: np.ndarray
    evaluations: int
    converged: bool

    def settled_after(self, tolerance: float) -> int:
        """Return the first iteration after which at most a share of the improvement is left.

        The improvement is the distance from the first population's best value to the last one's.
        """
        values = self.history[:, 2]
        left = values[-1] - values
        return int(np.argmax(left <= tolerance * max(left[0], np.finfo(float).tiny)))


@dataclass(frozen=True)
class GridMap:
    """The objective on a grid.

    Attributes
    ----------
    energy_kwh : ndarray, shape (n,)
    power_kw : ndarray, shape (m,)
    value : ndarray, shape (n, m)
    """

    energy_kwh: np.ndarray
    power_kw: np.ndarray
    value: np.ndarray

    @property
    def best(self) -> Size:
        """Best node of the grid."""
        i, j = np.unravel_index(np.argmax(self.value), self.value.shape)
        return Size(float(self.energy_kwh[i]), float(self.power_kw[j]), float(self.value[i, j]))


def objective(prepared: Prepared, preferences: Preferences, kind: str = "prospect") -> Objective:
    """Return comprehensive prospect V, or net profit in yuan, as a function of the size.

    Parameters
    ----------
    prepared : Prepared
        The substation.
    preferences : Preferences
        Used by the prospect only.
    kind : str
        One of `OBJECTIVES`.

    Raises
    ------
    ValueError
        On another kind.
    """
    if kind == "prospect":
        return lambda energy, power: comprehensive(attributes(prepared, energy, power), preferences)
    if kind == "net_profit":
        return lambda energy, power: net_profit(attributes(prepared, energy, power))
    raise ValueError(f"the objective {kind!r} is none of {', '.join(OBJECTIVES)}")


def evolve(
    value_of: Objective,
    bounds: tuple[float, float],
    *,
    population: int,
    iterations: int,
    seed: int,
    tolerance: float = 0.0,
) -> Evolution:
    """Maximise by differential evolution (SciPy's best1bin), as section 4 sets it.

    Parameters
    ----------
    value_of : callable
        The objective.
    bounds : (float, float)
        Largest energy, kWh, and power, kW.
    population, iterations : int
        Size of the population (100 in the paper) and most iterations (300).
    seed : int
        Seed of the random numbers.
    tolerance : float
        Stop when the values' standard deviation in the population falls to this share of their
        mean; 0 runs on until they are all equal or the iterations are over.
    """
    require_numbers("bounds", bounds, above=0.0, shape=(2,))
    population = int(require_number("population", population, least=4, whole=True))
    iterations = int(require_number("iterations", iterations, least=1, whole=True))
    require_number("seed", seed, least=0, whole=True)
    require_number("tolerance", tolerance, least=0.0)
    history: list[tuple[float, float, float]] = []

    def negated(x: np.ndarray) -> np.ndarray:
        values = value_of(x[0], x[1])
        if not history:  # SciPy does not report the first population
            k = int(np.argmax(values))
            history.append((*x[:, k], values[k]))
        return -values

    def record(intermediate_result: OptimizeResult) -> None:
        history.append((*intermediate_result.x, -intermediate_result.fun))

    result = differential_evolution(
        negated,
        [(0.0, bounds[0]), (0.0, bounds[1])],
        popsize=population // 2,  # a multiple of the two decisions
        maxiter=iterations,
        tol=tolerance,
        # If no size pays, the mean is zero and only the absolute tolerance ends the search.
        atol=tolerance and tolerance * abs(float(value_of(*np.array(bounds)[:, None])[0])),
        rng=seed,
        polish=False,
        # The whole population is evaluated in one call and replaced as a whole, so the result does
        # not depend on the number of processors.
        vectorized=True,
        updating="deferred",
        callback=record,
    )
    # At a corner the search approaches zero without reaching it.
    size = np.where(result.x < ZERO_SIZE_SHARE * np.array(bounds), 0.0, result.x)
    best = Size(float(size[0]), float(size[1]), float(value_of(*size[:, None])[0]))
    evaluations = int(result.nfev) * population  # SciPy counts calls of the function
    return Evolution(best, np.array(history), evaluations, bool(result.success))


def map_grid(
    value_of: Objective, bounds: tuple[float, float], shape: tuple[int, int] = (121, 81)
) -> GridMap:
    """Evaluate the objective on an even grid from zero to the bounds, ends included."""
    require_numbers("bounds", bounds, above=0.0, shape=(2,))
    require_numbers("shape", shape, least=1, whole=True, shape=(2,))
    energy, power = (np.linspace(0.0, b, n) for b, n in zip(bounds, shape, strict=True))
    every = np.meshgrid(energy, power, indexing="ij")
    return GridMap(energy, power, value_of(*(axis.ravel() for axis in every)).reshape(shape))


def search_direct(
    value_of: Objective, bounds: tuple[float, float], evaluations: int = 4000
) -> Size:
    """Maximise by DIRECT (Jones, Perttunen and Stuckman 1993), without random numbers."""
    require_numbers("bounds", bounds, above=0.0, shape=(2,))
    require_number("evaluations", evaluations, least=1, whole=True)
    result = direct(
        lambda x: -float(value_of(x[:1], x[1:])[0]),
        [(0.0, bounds[0]), (0.0, bounds[1])],
        maxfun=evaluations,
        maxiter=evaluations,
        locally_biased=False,
        eps=1e-6,
        vol_tol=0.0,
        len_tol=1e-7,
    )
    return Size(float(result.x[0]), float(result.x[1]), float(-result.fun))
