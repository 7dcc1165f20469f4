"""What moves, how far, and together with what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mobile_storage.core.ledger import ParameterSet
from mobile_storage.core.papers import PAPERS
from mobile_storage.flip.design import hypercube, moved, trajectories
from mobile_storage.flip.papers import flip_paper
from mobile_storage.mmbes.model.data import ledger
from mobile_storage.pricing.model.data import build


@pytest.fixture(scope="module")
def papers():
    return {paper: flip_paper(paper) for paper in PAPERS}


@pytest.fixture(scope="module")
def by_name(papers):
    return {p: {f.name: f for f in test.factors} for p, test in papers.items()}


def ranged(raw) -> set[tuple[str, object]]:
    """Table and row of every value with a range that is one."""
    found = set()
    for table, content in vars(raw).items():
        if isinstance(content, ParameterSet):
            rows = {s: content.parameter(s) for s in content}
            found |= {(table, s) for s, p in rows.items() if p.low is not None and p.low < p.high}
        elif isinstance(content, pd.DataFrame):
            found |= {(table, k) for k in content.index[content["low"] < content["high"]]}
    return found


@pytest.mark.parametrize("paper", PAPERS)
def test_every_value_with_a_range_moves_once(papers, paper):
    """All but the shares of the ordinary loads, which are what the others leave."""
    test = papers[paper]
    expected = ranged(test.raw)
    if paper == "fu2024":
        points = test.raw.load_points
        expected -= {("load_points", k) for k in points.index[points["priority"] == "ordinary"]}
    rows = [(f.table, r) for f in test.factors if not f.is_reading for r in f.rows]
    assert len(rows) == len(set(rows))
    assert expected <= set(rows)
    extra = set(rows) - expected
    # Only rows whose range is a point, such as a day without sun, move along for nothing.
    assert all(papers[paper].raw.renewable.loc[r, "high"] == 0 for _, r in extra)


def test_scales(by_name):
    """Log-uniform beyond a factor of four, and not at it."""
    pricing, mmbes = by_name["bao2024"], by_name["fu2024"]
    assert pricing["scalars.coincidence"].scale == "log"  # 0.1 to 0.5
    assert pricing["scalars.rated_duration_h"].scale == "linear"  # 1 to 4
    assert pricing["customers.outages_per_year"].scale == "quantile"
    assert mmbes["readings.repair_law"].scale == "two-level"
    half = np.array([0.5])
    assert pricing["scalars.coincidence"].at(half) == pytest.approx(np.sqrt(0.1 * 0.5))
    assert pricing["scalars.rated_duration_h"].at(half) == pytest.approx(2.5)
    assert mmbes["readings.repair_law"].at(np.array([0.49, 0.5, 1.0])).tolist() == [0.0, 1.0, 1.0]


def test_like_parts_move_together(by_name):
    """Both busbars, both transformers, the critical loads; not two supplies, not the backups."""
    mmbes = by_name["fu2024"]
    for name in ("network.busbar.failure_rate", "network.transformer.rating"):
        assert len(mmbes[name].rows) == 2
    for name in ("network.supply.failure_rate", "load_points.S1.backup", "load_points.S3.backup"):
        assert len(mmbes[name].rows) == 1
    assert mmbes["preferences.alpha_beta"].rows == ("alpha", "beta")
    assert len(mmbes["load_curves.load"].rows) == 96
    assert not any("ordinary" in name or "rest" in name for name in mmbes)


@pytest.mark.parametrize("paper", PAPERS)
def test_the_world_of_the_defaults_is_the_ledgers(papers, paper):
    test = papers[paper]
    usual = {f.name: f.default for f in test.factors}
    if paper == "bao2024":
        assert build(moved(test.raw, test.factors, usual)) == build(test.raw)
    else:
        before, after = ledger(test.raw), ledger(test.ledgers(usual))
        np.testing.assert_allclose(after["value"], before["value"], rtol=1e-12)
        assert test.ledgers(usual).readings == test.raw.readings


def test_a_quantile_keeps_what_differs(by_name, papers):
    factor, raw = by_name["bao2024"]["customers.outages_per_year"], papers["bao2024"].raw
    rows = raw.customers[raw.customers["symbol"] == "outages_per_year"]
    for x, column in ((0.0, "low"), (0.5, "value"), (1.0, "high")):
        assert factor.row_values(x) == pytest.approx(rows[column].to_list())
    quarter = (rows["low"] + rows["value"]) / 2
    assert factor.row_values(0.25) == pytest.approx(quarter.to_list())


def test_ledgers_of_a_world_fit_together(papers):
    """Loads add up to all of the load, and the highest hour is the peak, wherever they moved to."""
    test = papers["fu2024"]
    for _, world in hypercube(test.factors, 5, seed=7).iterrows():
        raw = test.ledgers(world)
        shares = raw.load_points[raw.load_points["symbol"] == "share"]
        assert shares["value"].sum() == pytest.approx(1.0, abs=1e-12)
        assert raw.load_curves["value"].max() == 1.0


@pytest.mark.parametrize("paper", PAPERS)
def test_worlds_lie_in_the_ranges_and_are_kept_as_they_are(papers, paper):
    """Single precision holds every place exactly, and none is rounded out of its range."""
    factors = papers[paper].factors
    for worlds in (hypercube(factors, 50, seed=1), trajectories(factors, 2, 4, seed=1)):
        assert (worlds.dtypes == np.float32).all()
        for factor in factors:
            places = worlds[factor.name].to_numpy(dtype=float)
            assert places.min() >= factor.low
            assert places.max() <= factor.high


def test_a_hypercube_has_one_world_in_each_slice(papers):
    factors = [f for f in papers["bao2024"].factors if f.scale in ("linear", "quantile")]
    worlds = hypercube(factors, 40, seed=1)
    for factor in factors:
        share = (worlds[factor.name].astype(float) - factor.low) / (factor.high - factor.low)
        assert sorted(np.floor(share * 40).clip(0, 39).astype(int)) == list(range(40))


def test_a_trajectory_moves_one_value_at_a_time(papers):
    factors = papers["fu2024"].factors
    worlds = trajectories(factors, 2, 4, seed=1).to_numpy(dtype=float)
    assert len(worlds) == 2 * (len(factors) + 1)
    for path in np.split(worlds, 2):
        changed = np.diff(path, axis=0) != 0
        assert (changed.sum(axis=0) == 1).all()
        assert (changed.sum(axis=1) == 1).all()


def test_the_seed_decides(papers):
    factors = papers["bao2024"].factors
    assert hypercube(factors, 10, seed=1).equals(hypercube(factors, 10, seed=1))
    assert not hypercube(factors, 10, seed=1).equals(hypercube(factors, 10, seed=2))
