"""Paper 2 in the explorer, against the full searches that the pipeline has stored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from mobile_storage.core.claims import read_claims
from mobile_storage.core.io import read_json
from mobile_storage.explorer import sizes
from mobile_storage.explorer.sizes import SizeExplorer, refine_on_grids, size_table
from mobile_storage.mmbes.model.data import read_raw
from mobile_storage.mmbes.search.solve import objective

#: Of the model, for one answer; a full search takes thousands for each of its two objectives.
MOST_EVALUATIONS = 2_000
# What the notebook states of the answers' distance to the full search.
ENERGY_KWH = 40.0
SHORT = 1e-3
SURFACE_KWH = 260.0


@pytest.fixture(scope="module")
def settings(repository) -> dict:
    return yaml.safe_load((repository / "params.yaml").read_text(encoding="utf-8"))["mmbes"]


@pytest.fixture(scope="module")
def explorers(repository, settings) -> dict[str, SizeExplorer]:
    claims = read_claims(repository / "data/raw/claims.csv")
    ledgers = read_raw(repository / "data/raw/fu2024")
    sweep = settings["scenarios"]["load_rate"]
    found = {}
    for name in ("calibrated", "literature"):
        moves = read_json(repository / f"data/results/fu2024/sets/{name}.json")["moves"]
        found[name] = SizeExplorer(
            name,
            ledgers,
            moves,
            claims,
            (settings["bounds"]["energy_kwh"], settings["bounds"]["power_kw"]),
            np.geomspace(sweep["lowest"], sweep["highest"], sweep["count"]).tolist(),
            settings["evolution"] | {"tolerance": settings["tolerance"]},
        )
        found[name].warm_up()
    return found


@pytest.fixture
def calibrated(explorers) -> SizeExplorer:
    return explorers["calibrated"]


def stored_scenarios(repository, family: str, series: str) -> pd.DataFrame:
    file = repository / f"data/results/fu2024/scenarios/calibrated_{family}.csv"
    frame = pd.read_csv(file)
    return frame[frame["series"] == series]


def test_refine_finds_the_top_of_a_hill():
    def hill(energy, power):
        return 7.0 - (energy - 123.4) ** 2 - (power - 56.7) ** 2

    found = refine_on_grids(hill, (150.0, 40.0), (1000.0, 500.0))
    assert (found.energy_kwh, found.power_kw) == pytest.approx((123.4, 56.7), abs=0.5)
    assert found.value == pytest.approx(7.0, abs=0.1)


def test_refine_stays_within_the_bounds():
    found = refine_on_grids(lambda energy, power: energy - power, (95.0, 5.0), (100.0, 50.0))
    assert (found.energy_kwh, found.power_kw) == (100.0, 0.0)


@pytest.mark.parametrize("name", ["calibrated", "literature"])
def test_defaults_come_out_where_the_full_search_ends(explorers, repository, name):
    answer = explorers[name].ask(explorers[name].defaults)
    for kind, column in (("prospect", "prospect"), ("net_profit", "net_profit_yuan")):
        file = repository / f"data/results/fu2024/optimum/{name}_{kind}.json"
        stored = read_json(file)["optimum"]
        found = getattr(answer, kind)
        assert found["energy_kwh"] == pytest.approx(stored["energy_kwh"], abs=ENERGY_KWH)
        assert found[column] == pytest.approx(stored[column], rel=SHORT)


@pytest.mark.parametrize(
    ("family", "series", "symbol"),
    [
        ("load_rate", "load_rate", "substation.load_rate"),
        ("cognition", "loss_aversion", "preferences.loss_aversion"),
        ("reference", "cost", "preferences.reference_cost"),
    ],
)
def test_moved_values_come_out_where_the_full_search_ends(
    calibrated, repository, family, series, symbol
):
    """The pipeline's scenarios moved the same values, and searched by differential evolution."""
    rows = stored_scenarios(repository, family, series)
    assert len(rows) >= 4
    for row in rows.to_dict("records"):
        found = calibrated.ask(calibrated.defaults | {symbol: row["value"]}).prospect
        assert found["energy_kwh"] == pytest.approx(row["energy_kwh"], abs=ENERGY_KWH), row["value"]
        assert found["prospect"] == pytest.approx(row["prospect"], rel=SHORT, abs=500.0)


def test_interpolated_sweep_is_as_close_as_the_notebook_says(calibrated, repository):
    stored = stored_scenarios(repository, "load_rate", "load_rate")["energy_kwh"].to_numpy()
    swept = calibrated.ask(calibrated.defaults).sweep["energy_kwh"].to_numpy()
    assert np.abs(swept - stored).max() < SURFACE_KWH


def test_the_planner_does_not_move_the_best_net_profit(calibrated):
    usual = calibrated.ask(calibrated.defaults)
    moved = {"preferences.loss_aversion": 3.0, "preferences.reference_cost": 2e6}
    answer = calibrated.ask(calibrated.defaults | moved)
    assert answer.net_profit["energy_kwh"] == usual.net_profit["energy_kwh"]
    assert answer.prospect["energy_kwh"] < 0.9 * usual.prospect["energy_kwh"]


def test_curve_starts_at_nothing_and_passes_through_the_best(calibrated):
    answer = calibrated.ask(calibrated.defaults)
    nothing = answer.curve.iloc[0]
    assert nothing["net_profit_yuan"] == pytest.approx(0.0, abs=1.0)
    for kind, column in (("prospect", "prospect"), ("net_profit", "net_profit_yuan")):
        top = answer.curve[column].max()
        assert top == pytest.approx(getattr(answer, kind)[column], rel=2e-3)


def test_table_has_the_published_numbers_beside(calibrated):
    usual = calibrated.ask(calibrated.defaults)
    table = size_table(usual, usual, calibrated.claims).set_index(["Claim", "Quantity"])
    assert table.loc[("P2-01", "Best energy"), "Published"] == "4,986.83"
    energy = usual.prospect["energy_kwh"]
    assert table.loc[("P2-01", "Best energy"), "Now / published"] == f"{energy / 4986.83:.2f}"
    ends = table.loc["P2-08", "Published"].to_list()
    assert ends == ["0.00", "11,019.44"]
    assert (table["Default"] == table["Now"]).all()


def test_report_says_what_was_moved_and_what_is_interpolated(calibrated):
    values = calibrated.defaults | {"preferences.reference_cost": 6e6}
    head, knobs, beside, curves, sizes, attributes = calibrated.report(values, full_search=True)
    assert head.data.startswith("**Calibrated set. 1 value moved.** An interpolated surface ")
    assert "**6,000,000, moved**" in knobs.data
    assert "calibrated; the ledger has 6,000,000 (assumed)" in knobs.data
    assert beside.data.count("0.0") >= 2
    assert "P2-06" in sizes.data
    assert [len(figure.axes) for figure in (curves, attributes)] == [3, 2]


def test_full_search_ends_where_the_answer_is(calibrated):
    values = calibrated.defaults | {"preferences.loss_aversion": 2.0}
    best = calibrated.full_search(values, "prospect")
    found = calibrated.ask(values).prospect
    assert found["energy_kwh"] == pytest.approx(best.energy_kwh, abs=ENERGY_KWH)
    assert 0.0 <= best.value - found["prospect"] + 1.0 <= SHORT * best.value


def test_nothing_built_is_said(explorers):
    explorer = explorers["literature"]
    head = next(explorer.report(explorer.defaults))
    assert "**Nothing is built.**" in head.data


def test_an_answer_takes_few_evaluations_and_is_worked_out_once(calibrated, monkeypatch):
    asked = []

    def counted(*arguments):
        worth = objective(*arguments)

        def count(energy, power):
            asked.append(np.size(energy))
            return worth(energy, power)

        return count

    monkeypatch.setattr(sizes, "objective", counted)
    values = calibrated.defaults | {"substation.load_rate": 0.6035}
    first = calibrated.ask(values)
    assert 0 < sum(asked) < MOST_EVALUATIONS
    assert calibrated.ask(values) is first
    assert sum(asked) < MOST_EVALUATIONS
