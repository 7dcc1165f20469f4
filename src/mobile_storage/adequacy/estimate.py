"""Monte Carlo estimates: batches until they are precise enough, with confidence intervals.

`simulation.contingencies` simulates given faults, `simulation.network` a whole network, and
`units.simulation` generating units, independently of the analytic modules, to check them.

Batch k draws from its own random stream, the k-th child of the seed, and the batches are added in
their order. The result therefore does not depend on how many batches run in parallel.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from mobile_storage.adequacy.checks import require_number

__all__ = ["BATCHES_USED_UP", "PRECISION_REACHED", "Estimate", "Moments", "Sampling", "estimate"]

PRECISION_REACHED = "precision reached"
BATCHES_USED_UP = "batches used up"

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Sampling:
    """How much to simulate.

    Attributes
    ----------
    seed : int
        Seed of all random numbers.
    precision : float
        Stop as soon as the standard error of each watched quantity is at most this part of its
        mean.
    least_batches, most_batches : int
        Least and largest number of batches. Without a least number, a run would stop where the
        spread of the first samples is small by chance, and its precision would be overestimated.
    workers : int
        Number of batches that run in parallel.
    """

    seed: int = 0
    precision: float = 0.01
    least_batches: int = 10
    most_batches: int = 1000
    workers: int = 1

    def __post_init__(self) -> None:
        require_number("seed", self.seed, least=0, whole=True)
        require_number("precision", self.precision, least=0.0)
        for name in ("least_batches", "most_batches", "workers"):
            require_number(name, getattr(self, name), least=1, whole=True)
        if self.least_batches > self.most_batches:
            raise ValueError(
                f"least_batches is {self.least_batches!r}, expected at most most_batches, "
                f"{self.most_batches!r}"
            )


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over independent samples of a quantity of any shape.

    Attributes
    ----------
    count : int
        Number of samples.
    total, squares : ndarray, shape (...)
        Sum of the samples and of their squares.
    events : ndarray of int, shape (...)
        Number of samples that are not zero.
    """

    count: int
    total: np.ndarray
    squares: np.ndarray
    events: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray) -> Moments:
        """Moments of samples, shape (count, ...)."""
        samples = np.asarray(samples, dtype=float)
        if not np.isfinite(samples).all():
            raise ValueError("a sample is not a finite number")
        return cls(
            len(samples),
            samples.sum(axis=0),
            np.square(samples).sum(axis=0),
            np.count_nonzero(samples, axis=0),
        )

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            self.events + other.events,
        )

    @property
    def mean(self) -> np.ndarray:
        """Mean of the samples."""
        return self.total / self.count

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of the mean; ``nan`` from a single sample."""
        if self.count == 1:
            return np.full_like(self.mean, math.nan)
        spread = np.maximum(0.0, self.squares - self.count * np.square(self.mean))
        return np.sqrt(spread / (self.count - 1) / self.count)


@dataclass(frozen=True, eq=False)
class Estimate:
    """The expectation of one quantity, or of an array of them.

    Attributes
    ----------
    mean, standard_error : float or ndarray
        Mean of the samples, and its standard error.
    low, high : float or ndarray
        95 % confidence interval by Student's t. If all samples are zero, the interval is from 0 to
        ``3 / samples`` times the largest mean value of an event, or to infinity if that is not
        known. (Rule of three: with 95 % confidence, an event with a probability above
        ``3 / samples`` would have occurred.)
    samples : int
        Number of independent samples.
    events : int or ndarray
        Number of samples that are not zero.
    stopped_because : str
        `PRECISION_REACHED` or `BATCHES_USED_UP`.
    """

    mean: float | np.ndarray
    standard_error: float | np.ndarray
    low: float | np.ndarray
    high: float | np.ndarray
    samples: int
    events: int | np.ndarray
    stopped_because: str

    @classmethod
    def of(cls, moments: Moments, why: str, largest: float | np.ndarray = math.inf) -> Estimate:
        """Estimate from moments; `largest` is the largest mean value that an event can have."""
        mean, error, seen = moments.mean, moments.standard_error, moments.events > 0
        quantile = (1.0 + CONFIDENCE) / 2.0
        width = student.ppf(quantile, moments.count - 1) * error if moments.count > 1 else math.inf
        unseen = -math.log1p(-CONFIDENCE) / moments.count * np.asarray(largest, dtype=float)
        low, high = np.where(seen, mean - width, 0.0), np.where(seen, mean + width, unseen)
        return cls(mean[()], error[()], low[()], high[()], moments.count, moments.events, why)

    def standard_errors_off(self, value: float | np.ndarray, its_error: float = 0.0) -> np.ndarray:
        """Difference of the mean from a value, in standard errors; the value may have an error."""
        difference = np.asarray(self.mean - value)
        error = np.hypot(self.standard_error, its_error)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(difference == 0.0, 0.0, difference / error)


def estimate(
    batch: Callable[[np.random.Generator], Mapping[str, Moments]],
    watched: tuple[str, ...],
    sampling: Sampling,
    largest: Mapping[str, float | np.ndarray] | None = None,
) -> dict[str, Estimate]:
    """Run batches until the watched quantities are precise enough.

    Parameters
    ----------
    batch : callable
        Takes a random stream and returns the moments of each quantity over a constant number of
        samples. It must be safe to run in several threads.
    watched : tuple of str
        Quantities, each a single number, that must be precise. A quantity that is zero in all
        samples is not precise, so the run then uses all batches.
    sampling : Sampling
        Seed, precision and numbers of batches.
    largest : mapping, optional
        Largest mean value of an event, for each quantity that has such a bound (`Estimate.of`).

    Returns
    -------
    dict of Estimate
        One for each quantity.
    """
    total: Mapping[str, Moments] = {}
    why = BATCHES_USED_UP
    several = sampling.workers > 1
    with ThreadPoolExecutor(sampling.workers) if several else contextlib.nullcontext() as pool:
        run = map if pool is None else pool.map
        for first in range(0, sampling.most_batches, sampling.workers):
            numbers = range(first, min(first + sampling.workers, sampling.most_batches))
            for number, one in zip(
                numbers, run(batch, [_stream(sampling.seed, k) for k in numbers]), strict=True
            ):
                total = {name: total[name] + one[name] for name in total} or one
                if number + 1 >= sampling.least_batches and all(
                    _precise(total[name], sampling.precision) for name in watched
                ):
                    why = PRECISION_REACHED
                    break
            if why == PRECISION_REACHED:
                break
    bounds = largest or {}
    return {
        name: Estimate.of(moments, why, bounds.get(name, math.inf))
        for name, moments in total.items()
    }


def _stream(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))


def _precise(moments: Moments, precision: float) -> bool:
    error = moments.standard_error
    return bool(moments.events > 0 and error <= precision * abs(moments.mean))
