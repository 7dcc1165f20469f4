"""Claims of paper 2 on made-up outcomes: every test of a trend can come out either way."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from mobile_storage.core.claims import Verdict, judge, read_claims
from mobile_storage.mmbes.analysis.findings import convergence_finding, findings, loss_rate_finding
from mobile_storage.mmbes.claims import Outcome, checks, numbers

BENEFITS = {"loss": 1.0, "reliability": 5.0, "deferral": 9.0, "extreme": 2.0}
CLAIMS = {claim.id: claim for claim in read_claims("data/raw/claims.csv", "fu2024")}
JUDGED = [c for name, c in CLAIMS.items() if name not in ("P2-13", "P2-17")]


def row(**changes: float) -> dict[str, float]:
    """A row of results; benefits as above, cost below zero."""
    base = {
        "energy_kwh": 5000.0,
        "power_kw": 3000.0,
        "elcc_kw": 3300.0,
        "deferral_yr": 12.0,
        "eens_cut_kwh": 2100.0,
        "loss_cut_kwh": 50e3,
        "prospect": 10.0,
        "net_profit_yuan": 1e6,
        "worth_cost_yuan": -8e6,
        "prospect_cost": -4.0,
    }
    return {**base, **{f"prospect_{k}": v for k, v in BENEFITS.items()}, **changes}


def family(series: str, rows: list[dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame({"series": series, "value": k, **r} for k, r in enumerate(rows))


@pytest.fixture
def outcome() -> Outcome:
    """An outcome in which everything the paper says holds."""
    rates = [
        row(
            energy_kwh=e,
            power_kw=e / 2,
            prospect=v,
            prospect_reliability=e,
            prospect_extreme=e,
            prospect_cost=-e,
        )
        for e, v in ((0.0, 0.0), (4000.0, 9.0), (8000.0, 7.0), (11000.0, 6.0))
    ]
    return Outcome(
        prospect=row(),
        net_profit=row(energy_kwh=9000.0, net_profit_yuan=2e6),
        load_rate=family("load_rate", rates),
        weights=family("loss", [row(loss_cut_kwh=40e3), row(loss_cut_kwh=60e3)]),
        reference=family(
            "cost",
            [row(prospect_cost=-3.0), row(prospect_cost=3.0, energy_kwh=6000.0, power_kw=4000.0)],
        ),
        extreme=pd.concat(
            [
                family("without", [row(prospect_extreme=0.0)]),
                family("with", [row(worth_cost_yuan=-8.2e6)]),
            ]
        ),
    )


def changed(outcome: Outcome, frame: str, column: str, values: list[float]) -> Outcome:
    return replace(outcome, **{frame: getattr(outcome, frame).assign(**{column: values})})


def test_an_outcome_as_published_passes_every_check(outcome):
    assert all(checks(outcome).values())
    assert {*checks(outcome), *numbers(outcome)} == {claim.id for claim in JUDGED}


@pytest.mark.parametrize(
    ("claim", "frame", "column", "values"),
    [
        ("P2-07", "load_rate", "energy_kwh", [0.0, 4000.0, 3900.0, 11000.0]),
        ("P2-07", "load_rate", "power_kw", [5.0, 5.0, 5.0, 5.0]),
        ("P2-09", "load_rate", "prospect_reliability", [3.0, 2.0, 1.0, 0.0]),
        ("P2-10", "load_rate", "prospect_cost", [-3.0, -2.0, -1.0, 0.0]),
        ("P2-11", "load_rate", "prospect_extreme", [0.0, 1.0, 2.0, 1.0]),
        ("P2-12", "load_rate", "prospect", [0.0, 1.0, 2.0, 3.0]),
        ("P2-12", "load_rate", "prospect", [8.0, 9.0, 9.5, 0.0]),
        ("P2-14", "weights", "loss_cut_kwh", [60e3, 60e3]),
        ("P2-15", "reference", "prospect_cost", [-3.0, -1.0]),
        ("P2-15", "reference", "power_kw", [3000.0, 3000.0]),
        ("P2-16", "extreme", "prospect_extreme", [2.0, 2.0]),
        ("P2-16", "extreme", "worth_cost_yuan", [-8e6, -8.5e6]),
    ],
)
def test_one_changed_column_turns_its_claim_and_no_other(outcome, claim, frame, column, values):
    truth = checks(changed(outcome, frame, column, values))
    assert [name for name, holds in truth.items() if not holds] == [claim]


@pytest.mark.parametrize(
    "changes",
    [{"prospect_deferral": 4.0}, {"prospect_loss": 6.0}, {"prospect_reliability": 1.5}],
)
def test_deferral_first_and_reliability_second(outcome, changes):
    assert not checks(replace(outcome, prospect=row(**changes)))["P2-05"]


def test_a_search_that_ends_near_its_optimum_does_not_break_a_trend(outcome):
    noisy = changed(outcome, "load_rate", "energy_kwh", [0.0, 8000.0, 7999.5, 11000.0])
    assert checks(noisy)["P2-07"]


@pytest.mark.parametrize(("after", "holds"), [(1.04e6, False), (1.06e6, True)])
def test_a_notably_higher_profit(outcome, after, holds):
    gained = replace(outcome, net_profit=row(net_profit_yuan=after))
    assert checks(gained)["P2-18"] is holds


def test_nothing_built_and_no_profit_to_be_had(outcome):
    idle = row(energy_kwh=0.0, net_profit_yuan=0.0)
    assert not checks(replace(outcome, prospect=idle, net_profit=idle))["P2-18"]


def test_traces_follow_no_trend(outcome):
    """All sizes a millionth: every trend is still there, and none counts."""
    names = ("load_rate", "weights", "reference", "extreme")
    frames = {name: getattr(outcome, name) for name in names}
    traces = {name: f.assign(energy_kwh=1e-6 * f["energy_kwh"]) for name, f in frames.items()}
    best = {
        name: {**getattr(outcome, name), "energy_kwh": 0.005} for name in ("prospect", "net_profit")
    }
    assert not any(checks(replace(outcome, **traces, **best)).values())


# ---- findings --------------------------------------------------------------------------------


def verdicts(found) -> dict[str, Verdict]:
    return {f.claim: judge(CLAIMS[f.claim], f) for f in found}


def test_a_target_that_is_met_is_calibrated_to_and_one_that_is_missed_is_not_reproduced(outcome):
    found = findings(JUDGED, outcome, outcome, [outcome], ["P2-01", "P2-06"])
    assert verdicts(found)["P2-01"] is Verdict.CALIBRATED
    far = replace(outcome, prospect=row(energy_kwh=3000.0))
    found = findings(JUDGED, outcome, far, [outcome], ["P2-01"])
    assert verdicts(found)["P2-01"] is Verdict.NOT_REPRODUCED


def test_without_a_calibration_nothing_is_calibrated_to(outcome):
    found = verdicts(findings(JUDGED, outcome, outcome, [], []))
    assert Verdict.CALIBRATED not in found.values()
    assert found["P2-01"] is Verdict.REPRODUCED
    assert found["P2-07"] is Verdict.REPRODUCED


def test_a_trend_that_fails_elsewhere_is_reproduced_only_qualitatively(outcome):
    broken = changed(outcome, "load_rate", "energy_kwh", [3.0, 2.0, 1.0, 0.0])
    found = verdicts(findings(JUDGED, broken, outcome, [outcome, outcome], []))
    assert found["P2-07"] is Verdict.QUALITATIVE
    found = findings(JUDGED, outcome, broken, [outcome, outcome], [])
    assert verdicts(found)["P2-07"] is Verdict.NOT_REPRODUCED
    (seven,) = (f for f in found if f.claim == "P2-07")
    assert (seven.holds_in, seven.out_of) == (3, 4)


def test_convergence_counts_runs_within_the_limit():
    seeds = {"a": pd.DataFrame({"settled_after": [80, 120, 250]})}
    finding = convergence_finding(CLAIMS["P2-17"], seeds, 200)
    assert (finding.holds, finding.holds_in, finding.out_of) == (True, 2, 3)
    assert judge(CLAIMS["P2-17"], finding) is Verdict.QUALITATIVE


def test_a_loss_rate_of_a_network_that_is_not_described_cannot_be_judged():
    finding = loss_rate_finding(CLAIMS["P2-13"], {"calibrated": 0.012})
    assert "1.20%" in finding.cause
    assert judge(CLAIMS["P2-13"], finding) is Verdict.NOT_DETERMINABLE
