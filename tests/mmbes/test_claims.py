"""Claims of paper 2 on made-up results: every rule can come out either way, by a known margin."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from mobile_storage.core.claims import Verdict, judge, read_claims
from mobile_storage.core.margins import holding
from mobile_storage.mmbes.analysis.findings import convergence_finding, findings, loss_rate_finding
from mobile_storage.mmbes.claims import SLACK, TRACE_KWH, SetResults, margins, numbers

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


def holds(results: SetResults) -> dict[str, bool]:
    return holding(margins(results))


@pytest.fixture
def results() -> SetResults:
    """Results in which everything the paper says holds."""
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
    return SetResults(
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


def changed(results: SetResults, frame: str, column: str, values: list[float]) -> SetResults:
    return replace(results, **{frame: getattr(results, frame).assign(**{column: values})})


def test_an_outcome_as_published_passes_every_check(results):
    assert all(holds(results).values())
    assert {*holds(results), *numbers(results)} == {claim.id for claim in JUDGED}


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
def test_one_changed_column_turns_its_claim_and_no_other(results, claim, frame, column, values):
    truth = holds(changed(results, frame, column, values))
    assert [name for name, holds in truth.items() if not holds] == [claim]


@pytest.mark.parametrize(
    "changes",
    [{"prospect_deferral": 4.0}, {"prospect_loss": 6.0}, {"prospect_reliability": 1.5}],
)
def test_deferral_first_and_reliability_second(results, changes):
    assert not holds(replace(results, prospect=row(**changes)))["P2-05"]


def test_a_search_that_ends_near_its_optimum_does_not_break_a_trend(results):
    noisy = changed(results, "load_rate", "energy_kwh", [0.0, 8000.0, 7999.5, 11000.0])
    assert holds(noisy)["P2-07"]


@pytest.mark.parametrize(("after", "expected"), [(1.04e6, False), (1.06e6, True)])
def test_a_notably_higher_profit(results, after, expected):
    gained = replace(results, net_profit=row(net_profit_yuan=after))
    assert holds(gained)["P2-18"] is expected


def test_nothing_built_and_no_profit_to_be_had(results):
    idle = row(energy_kwh=0.0, net_profit_yuan=0.0)
    assert not holds(replace(results, prospect=idle, net_profit=idle))["P2-18"]


def test_traces_follow_no_trend(results):
    """All sizes a millionth: every trend is still there, and none counts."""
    names = ("load_rate", "weights", "reference", "extreme")
    frames = {name: getattr(results, name) for name in names}
    traces = {name: f.assign(energy_kwh=1e-6 * f["energy_kwh"]) for name, f in frames.items()}
    best = {
        name: {**getattr(results, name), "energy_kwh": 0.005} for name in ("prospect", "net_profit")
    }
    assert not any(holds(replace(results, **traces, **best)).values())


# ---- margins ---------------------------------------------------------------------------------


def test_margins_of_results_as_published(results):
    """By hand, from the numbers of the fixture."""
    expected = {
        "P2-05": (5.0 - 2.0) / 9.0,  # reliability over extreme, in shares of deferral
        "P2-07": (11000.0 - 8000.0) / 11000.0 + SLACK,  # the smallest of the three steps
        "P2-12": 1.0 - (3.0 / 2.0) / (9.0 / 1.0),  # 9 up in one step, 3 down in two
        "P2-14": 20e3 / 60e3,
        "P2-15": 1000.0 / 6000.0,  # 5,000 to 6,000 kWh
        "P2-16": 0.05 - 0.2 / 8.0,  # cost rises by 0.2 million yuan on 8
        "P2-18": (2e6 - 1e6) / 1e6 - 0.05,
    }
    expected |= dict.fromkeys(("P2-09", "P2-10", "P2-11"), expected["P2-07"])
    computed = {claim: margin.value for claim, margin in margins(results).items()}
    assert computed == pytest.approx(expected)


@pytest.mark.parametrize(
    ("claim", "frame", "column", "values", "expected"),
    [
        # A step down by a tenth of the range, less the slack.
        ("P2-09", "load_rate", "prospect_reliability", [0.0, 6.0, 5.0, 10.0], -0.1 + SLACK),
        # Nothing changes at all.
        ("P2-11", "load_rate", "prospect_extreme", [5.0, 5.0, 5.0, 5.0], -SLACK),
        # The peak at an end exceeds the best value inside by a quarter of the range.
        ("P2-12", "load_rate", "prospect", [0.0, 1.0, 3.0, 4.0], -0.25),
        # Up by 1 in one step, down by 6 in two: a slope of 1 against one of 3.
        ("P2-12", "load_rate", "prospect", [5.0, 6.0, 3.0, 0.0], (1.0 - 3.0) / 3.0),
        ("P2-14", "weights", "loss_cut_kwh", [60e3, 45e3], -0.25),
        ("P2-15", "reference", "prospect_cost", [1.0, 4.0], -0.25),
        ("P2-16", "extreme", "worth_cost_yuan", [-8e6, -8.8e6], 0.05 - 0.1),
    ],
)
def test_how_far_a_claim_is_from_holding(results, claim, frame, column, values, expected):
    margin = margins(changed(results, frame, column, values))[claim]
    assert margin.value == pytest.approx(expected)
    assert not margin.holds


def test_ties_fail_where_more_is_claimed_and_pass_where_a_limit_is_given(results):
    equal = changed(results, "weights", "loss_cut_kwh", [50e3, 50e3])
    assert (margins(equal)["P2-14"].value, holds(equal)["P2-14"]) == (0.0, False)
    next_to = replace(results, prospect=row(prospect_extreme=BENEFITS["reliability"]))
    assert (margins(next_to)["P2-05"].value, holds(next_to)["P2-05"]) == (0.0, False)
    at_the_limit = replace(results, net_profit=row(net_profit_yuan=1.05e6))
    assert (margins(at_the_limit)["P2-18"].value, holds(at_the_limit)["P2-18"]) == (0.0, True)


def test_where_only_traces_are_built_the_margin_is_what_the_largest_falls_short(results):
    """Two sizes of 40 and 30 kWh: a fifth short of 50 kWh."""
    traces = changed(results, "weights", "energy_kwh", [40.0, 30.0])
    margin = margins(traces)["P2-14"]
    assert (margin.value, margin.holds) == (pytest.approx(40.0 / TRACE_KWH - 1.0), False)
    built = changed(results, "weights", "energy_kwh", [TRACE_KWH, 30.0])
    assert holds(built)["P2-14"]


def test_only_the_series_that_a_claim_is_about_counts(results):
    """A sweep of another weight and of another reference point, which go the other way."""
    others = {
        "weights": family("cost", [row(loss_cut_kwh=9e4), row(loss_cut_kwh=1e4)]).assign(
            value=[-1.0, 9.0]
        ),
        "reference": family("loss", [row(prospect_cost=2.0), row(prospect_cost=-2.0)]).assign(
            value=[-1.0, 9.0]
        ),
    }
    more = {name: pd.concat([getattr(results, name), rows]) for name, rows in others.items()}
    assert margins(replace(results, **more)) == margins(results)


# ---- findings --------------------------------------------------------------------------------


def verdicts(found) -> dict[str, Verdict]:
    return {f.claim: judge(CLAIMS[f.claim], f) for f in found}


def test_a_target_that_is_met_is_calibrated_to_and_one_that_is_missed_is_not_reproduced(results):
    found = findings(JUDGED, results, results, [results], ["P2-01", "P2-06"])
    assert verdicts(found)["P2-01"] is Verdict.CALIBRATED
    far = replace(results, prospect=row(energy_kwh=3000.0))
    found = findings(JUDGED, results, far, [results], ["P2-01"])
    assert verdicts(found)["P2-01"] is Verdict.NOT_REPRODUCED


def test_without_a_calibration_nothing_is_calibrated_to(results):
    found = verdicts(findings(JUDGED, results, results, [], []))
    assert Verdict.CALIBRATED not in found.values()
    assert found["P2-01"] is Verdict.REPRODUCED
    assert found["P2-07"] is Verdict.REPRODUCED


def test_a_trend_that_fails_elsewhere_is_reproduced_only_qualitatively(results):
    broken = changed(results, "load_rate", "energy_kwh", [3.0, 2.0, 1.0, 0.0])
    found = verdicts(findings(JUDGED, broken, results, [results, results], []))
    assert found["P2-07"] is Verdict.QUALITATIVE
    found = findings(JUDGED, results, broken, [results, results], [])
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
