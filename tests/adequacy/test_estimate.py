"""Stopping rule and confidence intervals, on quantities whose law is known."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from mobile_storage.adequacy.estimate import (
    BATCHES_USED_UP,
    PRECISION_REACHED,
    Moments,
    Sampling,
    estimate,
)


def exponential(mean: float, size: int = 50):
    """Batches of exponential samples: their standard deviation is their mean."""
    return lambda rng: {"x": Moments.of(rng.exponential(mean, size))}


def test_moments_by_hand():
    moments = Moments.of([1.0, 0.0, 3.0, 0.0]) + Moments.of([6.0])
    assert (moments.count, moments.events, moments.mean) == (5, 3, 2.0)
    # Deviations -1, -2, 1, -2, 4: sum of squares 26, over 4 and 5.
    assert moments.standard_error == pytest.approx(math.sqrt(26 / 20))


def test_the_interval_is_students():
    found = estimate(exponential(1.0, 4), ("x",), Sampling(0, 0.0, 1, 1))["x"]
    # Quantile 0.975 of the t law with three degrees of freedom, from any table.
    assert found.high - found.mean == pytest.approx(3.182446 * found.standard_error, rel=1e-6)
    assert found.mean - found.low == pytest.approx(3.182446 * found.standard_error, rel=1e-6)


def test_a_run_stops_as_soon_as_it_is_precise_enough():
    found = estimate(exponential(7.0, 100), ("x",), Sampling(1, 0.02))["x"]
    assert found.stopped_because == PRECISION_REACHED
    assert found.standard_error <= 0.02 * found.mean
    # (1 / 0.02)^2 = 2500 samples are due for a quantity whose spread is as large as its mean.
    assert 2000 <= found.samples <= 3000
    one_less = estimate(
        exponential(7.0, 100), ("x",), Sampling(1, 0.0, 1, found.samples // 100 - 1)
    )
    assert one_less["x"].standard_error > 0.02 * one_less["x"].mean


def test_a_run_stops_when_its_batches_are_used_up():
    found = estimate(exponential(1.0), ("x",), Sampling(0, 1e-6, 2, 12))["x"]
    assert (found.stopped_because, found.samples) == (BATCHES_USED_UP, 600)


def test_no_run_stops_before_its_least_batches():
    found = estimate(exponential(1.0), ("x",), Sampling(0, 10.0, 7, 12))["x"]
    assert (found.stopped_because, found.samples) == (PRECISION_REACHED, 350)


def test_the_slowest_of_the_watched_quantities_decides():
    def batch(rng):
        x = rng.exponential(size=100)
        return {"x": Moments.of(x), "wide": Moments.of(x**3)}

    narrow, both = (
        estimate(batch, watched, Sampling(0, 0.05))["x"].samples
        for watched in (("x",), ("x", "wide"))
    )
    # x^3 has a relative variance of 720 / 36 - 1 = 19.
    assert both > 5 * narrow


def test_the_interval_covers_the_mean_as_often_as_it_says():
    covered = [
        found.low <= 3.0 <= found.high
        for seed in range(200)
        for found in [estimate(exponential(3.0), ("x",), Sampling(seed, 0.0, 1, 4))["x"]]
    ]
    assert 0.90 <= np.mean(covered) <= 0.99


def test_the_interval_covers_the_mean_where_precision_stops_the_run():
    covered = [
        found.low <= 3.0 <= found.high
        for seed in range(200)
        for found in [estimate(exponential(3.0), ("x",), Sampling(seed, 0.04))["x"]]
    ]
    assert 0.90 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_batches_at_the_same_time_change_nothing(workers):
    threads = set()

    def batch(rng):
        threads.add(threading.get_ident())
        return exponential(2.0)(rng)

    alone = estimate(exponential(2.0), ("x",), Sampling(5, 0.03))["x"]
    together = estimate(batch, ("x",), Sampling(5, 0.03, workers=workers))["x"]
    assert threading.get_ident() not in threads
    assert vars(alone) == vars(together)


def test_seeds_differ_and_batches_differ():
    one, other = (estimate(exponential(2.0), ("x",), Sampling(s))["x"].mean for s in (1, 2))
    assert one != other
    found = estimate(lambda rng: {"x": Moments.of(rng.random(1))}, ("x",), Sampling(0, 0.0, 1, 2))
    assert found["x"].standard_error > 0.0


def test_without_an_event_the_bound_is_the_rule_of_three():
    def batch(rng):
        return {"x": Moments.of(np.zeros(100)), "y": Moments.of(np.zeros(100))}

    found = estimate(batch, ("x",), Sampling(0, 0.01, 1, 10), largest={"x": 5.0})
    assert (found["x"].mean, found["x"].low, found["x"].stopped_because) == (0, 0, BATCHES_USED_UP)
    assert found["x"].high == pytest.approx(5.0 * 3 / 1000, rel=2e-3)
    assert found["y"].high == math.inf


def test_the_rule_of_three_covers():
    """Events with a chance just above the bound are seen in 95 runs of 100."""
    chance = -math.log(0.05) / 300
    missed = [
        estimate(
            lambda rng: {"x": Moments.of(rng.random(300) < chance)},
            ("x",),
            Sampling(seed, 0.0, 1, 1),
        )["x"].events
        == 0
        for seed in range(400)
    ]
    assert 0.02 <= np.mean(missed) <= 0.085


def test_distance_in_standard_errors():
    found = estimate(exponential(1.0), ("x",), Sampling(0, 0.05))["x"]
    off = found.standard_errors_off(1.0)
    assert off == pytest.approx((found.mean - 1.0) / found.standard_error)
    assert abs(off) < 3
    assert abs(found.standard_errors_off(1.0, its_error=1.0)) < abs(off)
    assert found.standard_errors_off(found.mean) == 0.0
    assert found.standard_errors_off(1.5) < -3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"precision": -0.1}, "precision is -0.1"),
        ({"precision": math.nan}, "precision is nan"),
        ({"least_batches": 0}, "least_batches is 0"),
        ({"least_batches": 5, "most_batches": 4}, "expected at most most_batches, 4"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**wrong)
