"""Islands in extreme events: by hand, and against a walk through time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_storage.mmbes.model.extreme import avoided_loss, islands
from mobile_storage.mmbes.model.substation import ExtremeEvents


def events(duration_h, *loads) -> ExtremeEvents:
    """Loads as (kW, backup h, yuan/kWh, priority)."""
    kw, backup, loss, priority = (np.array(x, dtype=float) for x in zip(*loads, strict=True))
    duration = np.atleast_1d(np.array(duration_h, dtype=float))
    chance = np.full(duration.size, 0.01)
    return ExtremeEvents(chance, duration, kw, backup, loss, priority.astype(int))


CRITICAL, IMPORTANT = (100.0, 6.0, 50.0, 0), (100.0, 0.0, 80.0, 1)


@pytest.mark.parametrize(
    ("energy", "power", "loss"),
    [
        # 8 h: the critical load needs 200 kWh after its backup, the important one 800 kWh.
        (1e6, 1e6, 200 * 50 + 800 * 80),
        # Energy for the critical load only, though the other would pay more.
        (200.0, 1e6, 200 * 50),
        (150.0, 1e6, 150 * 50),
        (300.0, 1e6, 200 * 50 + 100 * 80),
        # Power for one load at a time: the important one gets the six hours of the backup.
        (1e6, 100.0, 200 * 50 + 600 * 80),
        (1e6, 50.0, 100 * 50 + 300 * 80),
        (0.0, 100.0, 0.0),
        (100.0, 0.0, 0.0),
    ],
)
def test_critical_load_first(energy, power, loss):
    plan = islands(events(8.0, IMPORTANT, CRITICAL))
    assert avoided_loss(plan, energy, power) == pytest.approx([loss])


def test_dearer_load_first_among_equals():
    plan = islands(events(1.0, (100.0, 0.0, 5.0, 0), (100.0, 0.0, 9.0, 0)))
    assert avoided_loss(plan, 150.0, 1e6) == pytest.approx([100 * 9 + 50 * 5])


def test_outage_within_the_backup_costs_nothing():
    plan = islands(events([5.0, 7.0], CRITICAL))
    assert avoided_loss(plan, 1e6, 1e6) == pytest.approx([0.0, 100 * 50])


def walk(e: ExtremeEvents, energy: float, power: float) -> list[float]:
    """Hour by hour: power in the order of supply, energy set aside in it."""
    order = sorted(range(e.load_kw.size), key=lambda i: (e.priority[i], -e.loss_per_kwh[i]))
    avoided = []
    for duration in e.duration_h:
        hours = int(duration)
        free, left, loss = np.full(hours, power), energy, 0.0
        for i in order:
            asks = np.where(np.arange(hours) >= e.backup_h[i], e.load_kw[i], 0.0)
            gets = np.minimum(asks, free)
            free = free - gets
            given_kwh = min(left, gets.sum())
            left -= given_kwh
            loss += e.loss_per_kwh[i] * given_kwh
        avoided.append(loss)
    return avoided


@settings(max_examples=100)
@given(
    loads=st.lists(
        st.tuples(
            st.floats(1.0, 500.0),
            st.integers(0, 10),
            st.integers(1, 20),
            st.integers(0, 1),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda x: (x[3], x[2]),
    ),
    durations=st.lists(st.integers(1, 24), min_size=1, max_size=3),
    energy=st.floats(0.0, 5000.0),
    power=st.floats(0.0, 1500.0),
)
def test_against_a_walk_through_time(loads, durations, energy, power):
    e = events(durations, *loads)
    population = avoided_loss(islands(e), np.array([energy, 0.0]), np.array([power, power]))
    assert population[0] == pytest.approx(walk(e, energy, power), rel=1e-9, abs=1e-6)
    assert population[1] == pytest.approx(np.zeros(len(durations)))
