"""Calibration on problems whose answer is known, and its quick model against the real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mobile_storage.core.claims import read_claims
from mobile_storage.mmbes.analysis.outcomes import best_row
from mobile_storage.mmbes.model.data import ledger, read_raw
from mobile_storage.mmbes.model.evaluate import prepare
from mobile_storage.mmbes.search.calibration import (
    PENALTY,
    Misfit,
    Space,
    Target,
    fit,
    screen,
    spread_points,
    targets,
)
from mobile_storage.mmbes.search.forward import Forward
from mobile_storage.mmbes.search.solve import evolve, objective
from mobile_storage.mmbes.search.surfaces import best_size, surface

ROOT = Path(__file__).parents[2]
BOUNDS = (16_000.0, 16_000.0)
SPACE = Space(
    ("a.linear", "b.wide"), np.array([0.0, 0.01]), np.array([10.0, 1.0]), np.array([2.0, 0.1])
)


def test_wide_ranges_are_searched_on_a_logarithmic_scale():
    half = np.array([0.5, 0.5])
    np.testing.assert_allclose(SPACE.values(half), [5.0, 0.1])
    np.testing.assert_allclose(SPACE.share(SPACE.literature), [0.2, 0.5])
    for share in ([0.0, 0.0], [1.0, 1.0], [0.3, 0.8]):
        np.testing.assert_allclose(SPACE.share(SPACE.values(np.array(share))), share, atol=1e-12)


def test_points_fill_the_ranges():
    points = spread_points(SPACE, 20, seed=3)
    share = np.array([SPACE.share(point) for point in points])
    # A Latin hypercube: one point in each twentieth of each range.
    for column in share.T:
        assert sorted((column * 20).astype(int)) == list(range(20))


def test_targets_have_the_claims_tolerances():
    claims = read_claims(ROOT / "data/raw/claims.csv", "fu2024")
    one, low, high = targets(claims, ["P2-01", "P2-08"])
    assert (one.value, one.tolerance) == (4986.83, pytest.approx(498.683))
    assert (low.value, high.value) == (0.0, 11019.44)
    # The lower end is zero: its tolerance is that of the upper one.
    assert low.tolerance == high.tolerance == pytest.approx(1101.944)
    assert low.name.endswith("(low end)")


def linear(values: np.ndarray) -> np.ndarray:
    """Two targets that one value answers, and the other not at all."""
    return np.array([3.0 * values[0], values[0] + 1.0])


def test_what_the_targets_say_moves_and_what_they_do_not_say_stays():
    aims = (Target("P2-01", "x", 15.0, 1.0), Target("P2-02", "y", 6.0, 1.0))
    misfit = Misfit(linear, aims, SPACE, SPACE.literature)
    found = fit(misfit, np.array([8.0, 0.5]), 50)
    # Least squares by hand: share s of the first range minimises
    # (30 s - 15)^2 + (10 s - 5)^2 + (2 p (s - 0.2))^2.
    p = (2 * PENALTY) ** 2
    share = (30 * 15 + 10 * 5 + p * 0.2) / (900 + 100 + p)
    np.testing.assert_allclose(found.values, [10 * share, 0.1], rtol=1e-3)
    np.testing.assert_allclose(found.predicted, linear(found.values))
    np.testing.assert_allclose(found.residuals, found.predicted - [15.0, 6.0])
    assert found.sum_of_squares == pytest.approx(float(found.residuals @ found.residuals))


def flat_then_rising(values: np.ndarray) -> np.ndarray:
    """Nothing changes below 7: where a search by slopes alone gets stuck."""
    return np.array([max(0.0, values[0] - 7.0)])


def test_screening_finds_starts_where_slopes_say_nothing():
    misfit = Misfit(flat_then_rising, (Target("P2-01", "x", 2.0, 0.1),), SPACE, SPACE.literature)
    stuck = fit(misfit, SPACE.literature, 50)
    assert stuck.sum_of_squares == pytest.approx(400.0)
    starts = screen(misfit, 15, 20, seed=1, mapped=map)
    assert starts.shape == (20, 2)
    costs = [misfit.cost(SPACE.share(start)) for start in starts]
    assert costs == sorted(costs)
    assert fit(misfit, starts[0], 50).values[0] == pytest.approx(9.0, abs=0.02)


def test_a_member_stays_near_its_own_centre_where_the_targets_leave_it_free():
    aims = (Target("P2-01", "x", 15.0, 1.0), Target("P2-02", "y", 6.0, 1.0))
    misfit = Misfit(linear, aims, SPACE, np.array([2.0, 0.7]))
    assert fit(misfit, SPACE.literature, 50).values[1] == pytest.approx(0.7, rel=0.02)


# ---- the quick model -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["prospect", "net_profit"])
def test_surfaces_find_the_best_size_of_the_model_itself(substation, preferences, kind):
    prepared = prepare(substation)
    reference = preferences.reference + np.array([0, 0, 0, 0, -8e6])
    planner = type(preferences)(**{**vars(preferences), "reference": reference})
    energy, power = best_size(
        surface(prepared, BOUNDS), prepared, planner if kind == "prospect" else None
    )
    worth = objective(prepared, planner, kind)
    best = evolve(worth, BOUNDS, population=60, iterations=60, seed=1, tolerance=1e-9).best
    assert float(worth(energy, power)[0]) >= best.value - 5e-3 * abs(best.value)


@pytest.mark.slow
def test_the_quick_prediction_is_that_of_the_model():
    raw = read_raw(ROOT / "data/raw/fu2024")
    raw = raw.replace({"network.supply.failure_rate": 1.0, "economics.power_cost": 300.0})
    symbols = ("economics.upgrade_cost", "preferences.reference_cost")
    rows = ledger(raw).set_index("symbol").loc[list(symbols)]
    space = Space(symbols, *(rows[c].to_numpy(float) for c in ("low", "high", "value")))
    claims = read_claims(ROOT / "data/raw/claims.csv", "fu2024")
    aims = targets(claims, ["P2-01", "P2-02", "P2-03", "P2-04", "P2-06", "P2-08"])
    values = np.array([7e7, 1.2e7])
    predicted = Forward(raw, space, aims, BOUNDS, (0.5, 0.65))(values)
    search = {"population": 60, "iterations": 80, "seed": 1, "tolerance": 1e-9}
    moved = raw.replace(space.moves(values))
    exact = best_row(moved, BOUNDS, search)
    low, high = (
        best_row(moved.replace({"substation.load_rate": rate}), BOUNDS, search)["energy_kwh"]
        for rate in (0.5, 0.65)
    )
    profit = best_row(moved, BOUNDS, search, "net_profit")["energy_kwh"]
    names = ("energy_kwh", "elcc_kw", "deferral_yr", "eens_cut_kwh")
    expected = [*(exact[name] for name in names), profit, low, high]
    assert max(expected) > 1000.0
    tolerance = [aim.tolerance for aim in aims]
    assert np.all(np.abs(predicted - expected) <= 0.3 * np.array(tolerance))
