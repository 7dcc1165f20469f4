"""Monte Carlo estimates: batches until they are precise enough, with confidence intervals.

What is simulated stands in `units` (generation and its storage), in
`contingencies` (faults as `Contingency` objects) and in `network` (a whole
network). All of it is written apart from the analytic modules, to check them.

Each batch draws from a stream of its own, the k-th child of the seed, and the batches count in
their order. So the outcome does not depend on how many of them run side by side.
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
        Of all random numbers.
    precision : float
        Stop as soon as the standard error is at most this part of the mean, for each of the
        quantities watched.
    least_batches, most_batches : int
        Not before, and at the latest then. A few batches must come first, because a run that may
        stop when it happens to have seen little spread takes itself for more precise than it is.
    workers : int
        Batches at the same time.
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
        Samples.
    total, squares : ndarray, shape (...)
        Sum of the samples and of their squares.
    events : ndarray of int, shape (...)
        Samples that are not zero.
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
    """The expectation of a quantity, as a number or with one entry for each of many.

    Attributes
    ----------
    mean, standard_error : float or ndarray
        Of the samples.
    low, high : float or ndarray
        Confidence interval, 95 %, by Student's t. Where no sample differs from zero, from 0 to
        ``3 / samples`` (rule of three: an event more probable than that would have been seen with
        95 % confidence) times the most that an event is worth on average, if that is known, else
        to infinity.
    samples : int
        Independent samples.
    events : int or ndarray
        Samples that are not zero.
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
        """Estimate from moments; `largest` is the most that an event is worth on average."""
        mean, error, seen = moments.mean, moments.standard_error, moments.events > 0
        quantile = (1.0 + CONFIDENCE) / 2.0
        width = student.ppf(quantile, moments.count - 1) * error if moments.count > 1 else math.inf
        unseen = -math.log1p(-CONFIDENCE) / moments.count * np.asarray(largest, dtype=float)
        low, high = np.where(seen, mean - width, 0.0), np.where(seen, mean + width, unseen)
        return cls(mean[()], error[()], low[()], high[()], moments.count, moments.events, why)

    def standard_errors_off(self, value: float | np.ndarray, its_error: float = 0.0) -> np.ndarray:
        """How many standard errors the mean lies above a value, which may have an error itself."""
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
        From a random stream, the moments of each quantity over a number of samples that is always
        the same. Safe to run in several threads.
    watched : tuple of str
        The quantities that decide; each must be a number. One that has been zero in all samples
        is not precise: the run goes on to its end.
    sampling : Sampling
        Seed, precision and most batches.
    largest : mapping, optional
        For `Estimate.of`: the most an event is worth on average, for each quantity known to have
        such a bound.

    Returns
    -------
    dict of Estimate
        One for each quantity.
    """
    total: Mapping[str, Moments] = {}
    why = BATCHES_USED_UP
    several = sampling.workers > 1
    with ThreadPoolExecutor(sampling.workers) if several else contextlib.nullcontext() as pool:
        run = pool.map if several else map
        for first in range(0, sampling.most_batches, sampling.workers):
            numbers = range(first, min(first + sampling.workers, sampling.most_batches))
            for number, found in zip(
                numbers, run(batch, [_stream(sampling.seed, k) for k in numbers]), strict=True
            ):
                total = {name: total[name] + found[name] for name in total} or found
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
