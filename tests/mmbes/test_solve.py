"""The three searches on objectives with a known maximum."""

from __future__ import annotations

import numpy as np
import pytest

from mobile_storage.mmbes.search.solve import evolve, map_grid, search_direct

BOUNDS = (16_000.0, 8_000.0)
SETTINGS = {"population": 100, "iterations": 300}


def hill(energy, power):
    """One summit of height 3 at 5,000 kWh and 3,000 kW."""
    return 3.0 - ((energy - 5_000.0) / 4_000.0) ** 2 - ((power - 3_000.0) / 2_000.0) ** 2


def two_hills(energy, power):
    """A low broad summit at 3,000 kWh and a high narrow one at 12,000 kWh."""
    low = np.exp(-(((energy - 3_000) / 4_000) ** 2) - ((power - 2_000) / 3_000) ** 2)
    return low + 1.5 * np.exp(-(((energy - 12_000) / 900) ** 2) - ((power - 6_000) / 900) ** 2)


def slope(energy, power):
    """Nothing pays: best at the corner without storage."""
    return -energy - power


@pytest.mark.parametrize(
    ("worth", "energy", "power"),
    [(hill, 5_000.0, 3_000.0), (two_hills, 12_000.0, 6_000.0), (slope, 0.0, 0.0)],
)
def test_every_method_finds_the_summit(worth, energy, power):
    run = evolve(worth, BOUNDS, **SETTINGS, seed=1, tolerance=1e-10)
    assert run.best.energy_kwh == pytest.approx(energy, abs=1.0)
    assert run.best.power_kw == pytest.approx(power, abs=1.0)
    assert run.best.value == pytest.approx(float(worth(energy, power)), abs=1e-3)
    # DIRECT looks at the centres of ever smaller boxes and never quite at a corner.
    other = search_direct(worth, BOUNDS)
    assert other.energy_kwh == pytest.approx(energy, abs=BOUNDS[0] / 500)
    assert other.power_kw == pytest.approx(power, abs=BOUNDS[1] / 500)
    grid = map_grid(worth, BOUNDS, (81, 65))
    assert abs(grid.best.energy_kwh - energy) <= 200.0 / 2
    assert abs(grid.best.power_kw - power) <= 125.0 / 2
    assert grid.best.value <= run.best.value + 1e-9


def test_a_population_is_one_call_and_the_paper_s_size():
    sizes = []

    def watched(energy, power):
        sizes.append(energy.shape)
        return hill(energy, power)

    run = evolve(watched, BOUNDS, population=100, iterations=7, seed=1)
    assert sizes == [(100,)] * 8 + [(1,)]  # and the size it ends with
    assert run.evaluations == 800
    assert not run.converged


def test_the_seed_decides_and_nothing_else():
    first, again, other = (
        evolve(two_hills, BOUNDS, population=20, iterations=5, seed=s) for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.history, again.history)
    assert not np.array_equal(first.history, other.history)


def test_the_best_so_far_never_gets_worse_and_settles():
    run = evolve(hill, BOUNDS, **SETTINGS, seed=3)
    values = run.history[:, 2]
    assert (np.diff(values) >= 0).all()
    left = values[-1] - values
    k = run.settled_after(1e-3)
    assert left[k] <= 1e-3 * left[0] < left[k - 1]
    assert run.settled_after(1.0) == 0


def test_grid_holds_the_objective_at_its_nodes():
    grid = map_grid(hill, BOUNDS, (5, 3))
    assert grid.energy_kwh.tolist() == [0.0, 4_000.0, 8_000.0, 12_000.0, 16_000.0]
    assert grid.power_kw.tolist() == [0.0, 4_000.0, 8_000.0]
    assert grid.value.shape == (5, 3)
    assert grid.value[1, 2] == pytest.approx(hill(4_000.0, 8_000.0))
