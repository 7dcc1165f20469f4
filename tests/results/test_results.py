"""The committed results: up to date, verdicts as expected, README in step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mobile_storage.core.io import read_json
from mobile_storage.tools import readme

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "data/results"
PAPERS = ("bao2024", "fu2024")
CASES = sorted((RESULTS / "bao2024/cases").glob("*.json"))


def read_text_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_no_verdict_has_changed():
    """A changed verdict, an improvement too, is a decision: change the expectation with it."""
    expected = read_text_csv(ROOT / "tests/known_answers/verdicts.csv")
    found = pd.concat([read_text_csv(RESULTS / paper / "claims.csv") for paper in PAPERS])
    pd.testing.assert_frame_equal(found[["id", "verdict"]].reset_index(drop=True), expected)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_claim_says_why_and_where_to_look(paper):
    claims = read_text_csv(RESULTS / paper / "claims.csv")
    assert (claims["cause"].str.len() > 40).all()
    for column in ("notebook", "table", "figure", "parameters"):
        for path in claims.loc[claims[column] != "", column]:
            assert (ROOT / path).exists(), f"{column} {path}"


def test_the_readme_shows_these_results_and_this_pipeline():
    assert readme.fill(ROOT / "README.md", check=True) == []


def test_the_results_belong_to_the_committed_inputs_and_code():
    """``dvc status`` compares every input, module and output with dvc.lock."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "up to date" in done.stdout, done.stdout


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_certificate_of_every_case(path):
    case = read_json(path)
    assert case["status"] in ("optimal", "infeasible")
    if case["status"] == "infeasible":
        assert "account" not in case
        return
    certificate = case["certificate"]
    assert case["solver"]["gap"] < 1e-8
    assert certificate["largest_residual"] < 1e-6
    assert certificate["regret_yuan_per_year"] == 0
    assert certificate["largest_follower_gap_yuan_per_year"] == 0
    assert certificate["violation_yuan_per_year"] == 0
    assert certificate["any_at_big_m"] is False
    assert abs(certificate["objective_minus_account_yuan_per_year"]) < 1e-3
    for row, ends in case.get("intervals", {}).items():
        assert ends["low"] <= ends["high"] + 1e-6, row
        if row in case["account"]:
            assert ends["low"] - 0.02 <= case["account"][row] <= ends["high"] + 0.02, row


def test_formulations_agree_on_the_optimum_of_every_game():
    routes = pd.DataFrame(read_json(RESULTS / "bao2024/formulations.json"))
    ran = routes[routes["status"] == "optimal"]
    for case, group in ran.groupby("case"):
        assert len(group) >= 8, case
        assert {"gurobi", "highs"} <= set(group["solver"])
        assert {"kkt", "kkt_strengthened", "value_function"} == set(group["formulation"])
        values = group["objective_yuan_per_year"]
        assert values.max() - values.min() <= 1e-6 * abs(values.max())
        assert (group["regret_yuan_per_year"] < 1e-3).all()
    # Where one route finds no feasible prices, no route finds any.
    assert set(ran["case"]).isdisjoint(routes.loc[routes["status"] == "infeasible", "case"])
    # What did not run says why, and only a licence may be the reason.
    others = routes[~routes["status"].isin(["optimal", "infeasible"])]
    assert others["status"].str.contains("licence").all()


def test_the_blind_search_finds_nothing_better():
    optimum = read_json(RESULTS / "bao2024/cases/case1_self_select_opt_out_with_trading.json")
    income = optimum["account"]["net_income"]
    for run in read_json(RESULTS / "bao2024/search.json"):
        assert run["violation_yuan_per_year"] == 0
        assert run["net_income_yuan_per_year"] <= income + 1e-3
        # A search that finds nothing at all would prove nothing.
        assert run["net_income_yuan_per_year"] > 0.9 * income
