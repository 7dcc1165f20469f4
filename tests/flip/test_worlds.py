"""One world: what the papers' models say, and by how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mobile_storage.core.claims import Finding, Verdict, judge
from mobile_storage.core.io import read_json
from mobile_storage.flip.margins import number_margin, trend_margins, verdict
from mobile_storage.flip.mmbes import at_load_rate
from mobile_storage.flip.papers import NOT_ASKED, design, flip_paper
from mobile_storage.flip.pricing import ordering_margins
from mobile_storage.flip.publish import agreement
from mobile_storage.flip.sizes import climb
from mobile_storage.mmbes.claims import Outcome, checks
from mobile_storage.mmbes.model.data import build
from mobile_storage.mmbes.search.calibration import targets
from mobile_storage.mmbes.search.scenarios import scenarios
from mobile_storage.pricing.claims import Comparison, orderings


@pytest.fixture(scope="module")
def pricing():
    return flip_paper("bao2024")


@pytest.fixture(scope="module")
def mmbes():
    return flip_paper("fu2024")


def usual(test) -> dict[str, float]:
    return {f.name: f.default for f in test.factors}


# ---- margins ---------------------------------------------------------------------------------

BENEFITS = ("loss", "reliability", "deferral", "extreme", "cost")


def row(rng: np.random.Generator) -> dict[str, float]:
    """Numbers of one size; now and then a trace, and numbers that tie."""
    size = {"energy_kwh": rng.choice([0.0, 30.0, 60.0, 5000.0 * rng.random()])}
    size |= {"power_kw": size["energy_kwh"] / 2, "loss_cut_kwh": rng.choice([0.0, rng.random()])}
    size |= {f"prospect_{k}": rng.choice([0.0, rng.normal()]) for k in BENEFITS}
    size |= {"prospect": rng.normal(), "worth_cost_yuan": -rng.choice([0.0, 1.0, 1.03, 1.2])}
    return size | {"net_profit_yuan": rng.choice([0.0, 1.0, 1.04, 1.06])}


def outcome(rng: np.random.Generator) -> Outcome:
    def frame(series, values):
        return pd.DataFrame(
            [{"series": s, "value": v, **row(rng)} for s, v in zip(series, values, strict=True)]
        )

    rates = frame(["load_rate"] * 5, [0.5, 0.53, 0.57, 0.61, 0.65])
    if rng.random() < 0.5:
        rising = np.sort(rng.random(5))
        for name in ("energy_kwh", "power_kw"):
            rates[name] = 1000.0 * rising
        for name in ("reliability", "extreme"):
            rates[f"prospect_{name}"] = rising
        rates["prospect_cost"] = -rising
        rates["prospect"] = [0.0, 3.0, 2.9, 2.8, rng.choice([-5.0, 2.0])]
    return Outcome(
        prospect=row(rng),
        net_profit=row(rng),
        load_rate=rates,
        weights=frame(["loss", "loss"], [0.1, 0.4]),
        reference=frame(["cost", "cost"], [0.0, 1.0]),
        extreme=frame(["without", "with"], [0.0, 1.0]),
    )


def test_a_margin_has_the_sign_of_the_verdict():
    """Against the tests of `mmbes.claims`; only ties may hold a margin of 0 and fail."""
    rng = np.random.default_rng(1)
    seen = {}
    for _ in range(150):
        one = outcome(rng)
        margins = trend_margins(one)
        for claim, holds in checks(one).items():
            seen.setdefault(claim, set()).add(holds)
            assert margins[claim] >= 0 if holds else margins[claim] <= 0, (claim, margins[claim])
    assert set(seen) == set(margins)
    often = {claim for claim, truths in seen.items() if len(truths) == 2}
    assert often >= set(seen) - {"P2-05", "P2-15"}


def test_orderings_have_the_sign_of_the_verdict():
    rng = np.random.default_rng(1)
    names = ("total_revenue", "total_cost", "emergency_revenue", "net_income")
    for _ in range(200):
        cases = [
            dict(zip(names, rng.integers(0, 4, 4).astype(float), strict=True)) for _ in range(3)
        ]
        compared = Comparison(*cases, *rng.integers(0, 4, 3).astype(float))
        margins = ordering_margins(compared)
        for claim, holds in orderings(compared).items():
            assert margins[claim] >= 0 if holds else margins[claim] <= 0


def test_what_ties_where_more_is_claimed_fails_by_a_hair():
    assert verdict("P1-02", False, 0.0) == {"holds.P1-02": False, "margin.P1-02": -1e-9}
    assert verdict("P1-02", True, 3.0) == {"holds.P1-02": True, "margin.P1-02": 3.0}


def test_numbers_are_judged_as_in_the_ledger(mmbes):
    """At, within and beyond the tolerance, one end or two."""
    claims = {c.id: c for c in mmbes.claims}
    for name, found in (
        ("P2-01", 4986.83),
        ("P2-01", 4986.83 * 1.099),
        ("P2-01", 4986.83 * 0.899),
        ("P2-04", 0.0),
        ("P2-08", "0.00 to 11019.44"),
        ("P2-08", "1000.00 to 11019.44"),
        ("P2-08", "1200.00 to 11019.44"),
    ):
        judged = judge(claims[name], Finding(name, found, "a toy"))
        margin = number_margin(targets([claims[name]], [name]), str(found))
        assert (margin >= 0) == (judged in (Verdict.REPRODUCED, Verdict.WITHIN_TOLERANCE))
    assert number_margin(targets([claims["P2-01"]], ["P2-01"]), "4986.83") == 1.0


# ---- paper 2 ---------------------------------------------------------------------------------


def test_a_ridge_is_climbed():
    """A ridge along which power over energy is constant, bent as prospects are."""

    def worth(energy, power):
        return -(np.abs(np.log(power / energy * 3.0)) ** 0.9) - (np.log(energy / 700.0)) ** 2

    energy, power = climb(worth, (2000.0, 2000.0), (16000.0, 16000.0))
    assert energy == pytest.approx(700.0, rel=0.01)
    assert power == pytest.approx(700.0 / 3.0, rel=0.01)


def test_another_load_rate_is_as_in_the_ledgers(mmbes):
    substation, _ = build(mmbes.raw)
    loaded = scenarios(mmbes.raw, "load_rate", mmbes.settings)[0]
    by_ledger, _ = build(mmbes.raw.replace(loaded.moves))
    moved = at_load_rate(substation, loaded.value)
    assert moved.peak_kw == pytest.approx(by_ledger.peak_kw)
    np.testing.assert_allclose(moved.extreme.load_kw, by_ledger.extreme.load_kw)
    assert moved.load_rate == by_ledger.load_rate
    for mine, theirs in zip(
        moved.reliability.contingencies, by_ledger.reliability.contingencies, strict=True
    ):
        assert mine == theirs


@pytest.fixture(scope="module")
def calibrated(mmbes):
    moves = read_json("data/results/fu2024/sets/calibrated.json")["moves"]
    return mmbes.outcome(*build(mmbes.raw.replace(moves)))


def test_the_calibrated_set_comes_out_as_by_the_full_search(calibrated):
    """Sizes to a hundredth, and every verdict, from the results of the pipeline."""
    results = "data/results/fu2024"
    full = {
        kind: read_json(f"{results}/optimum/calibrated_{kind}.json")["optimum"]
        for kind in ("prospect", "net_profit")
    }
    for kind, best in full.items():
        found = getattr(calibrated, kind)
        for name in ("energy_kwh", "power_kw"):
            assert found[name] == pytest.approx(best[name], rel=0.01)
    families = ("load_rate", "weights", "reference", "extreme")
    frames = {k: pd.read_csv(f"{results}/scenarios/calibrated_{k}.csv") for k in families}
    assert checks(calibrated) == checks(Outcome(**full, **frames))
    np.testing.assert_allclose(
        calibrated.load_rate["energy_kwh"], frames["load_rate"]["energy_kwh"], rtol=0.03, atol=5.0
    )


def test_every_claim_is_asked_or_said_not_to_be(mmbes, calibrated):
    row = mmbes.row(calibrated)
    asked = {c.removeprefix("holds.") for c in row if c.startswith("holds.")} | {"P2-17"}
    assert asked | set(NOT_ASKED["fu2024"]) == {f"P2-{k:02d}" for k in range(1, 19)}


def test_a_world_that_does_not_fit_together(mmbes):
    """Extreme events that are more than certain: no answer, and the sentence that says why."""
    world = usual(mmbes) | {
        f"extreme_events.{name}.probability": 0.5 for name in mmbes.raw.scenario_names
    }
    row = mmbes.answer(world, 0)
    assert row["status"] == "invalid combination"
    assert "at most 1" in row["why"]


# ---- paper 1 ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_default_world_is_the_default_variant(pricing):
    row = pricing.answer(usual(pricing), 0)
    before = pd.read_csv("data/results/bao2024/sensitivity.csv").iloc[0]
    for name in ("multi_grade", "single_price", "no_emergency"):
        column = f"net_income_{name}_yuan_per_year"
        assert row[f"q.{column}"] == pytest.approx(before[column], rel=1e-6)
    for claim in ("P1-02", "P1-03", "P1-04", "P1-05", "P1-06"):
        assert row[f"holds.{claim}"] == before[claim]
    assert not row["holds.P1-07"]
    assert row["holds.P1-08"]
    asked = {c.removeprefix("holds.") for c in row if c.startswith("holds.")}
    assert asked | set(NOT_ASKED["bao2024"]) == {f"P1-{k:02d}" for k in range(1, 10)}


def test_thresholds_that_cross_are_an_outcome(pricing):
    """A customer that needs supply sooner than the fastest grade comes: said, nothing is solved."""
    world = usual(pricing) | {"customers.response_need_min": 0.0, "grades.response_upper": 1.0}
    customers = pricing.raw.customers
    soon = customers["symbol"] == "response_need_min"
    sooner = customers.assign(low=customers["low"].where(~soon, 20.0))
    test = replace(pricing, raw=replace(pricing.raw, customers=sooner))
    row = test.answer(world, 0)
    assert row["status"] == "invalid combination"
    assert "response_need_min" in row["why"]


# ---- what is kept ----------------------------------------------------------------------------


def test_agreement_counts_verdicts():
    quick = pd.DataFrame(
        {
            "holds.P2-01": pd.array([True, True, False], dtype="boolean"),
            "margin.P2-01": [0.5, 0.01, -0.2],
            "q.prospect": [1.0, 2.0, 3.0],
        }
    )
    full = quick.iloc[[0, 1]].assign(built=pd.array([True, False], dtype="boolean"))
    full.loc[1, ["holds.P2-01", "margin.P2-01"]] = [False, -0.02]
    found = agreement(quick, full)["agreement_by_claim"]["P2-01"]
    assert found == {
        "compared": 2,
        "same": 1,
        "compared_where_built": 1,
        "same_where_built": 1,
        "largest_margin_of_others": pytest.approx(0.01),
    }


def test_a_design_takes_other_numbers():
    assert design("fu2024", samples=5).samples == 5
    assert design("fu2024", samples=None) == design("fu2024")
    # Paper 1 is solved exactly in every world.
    assert design("bao2024", checked=5).checked == 0
