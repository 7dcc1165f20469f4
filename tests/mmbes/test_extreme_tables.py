"""Tables on extreme events: chances at zero, shares that are blank, supply and lottery by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mobile_storage.mmbes.model.data import build, read_raw
from mobile_storage.mmbes.model.evaluate import attributes, prepare
from mobile_storage.mmbes.model.extreme import avoided_loss, islands
from mobile_storage.mmbes.model.prospect import lottery_value
from mobile_storage.mmbes.search.surfaces import surface
from mobile_storage.mmbes.show import extreme, lottery


@pytest.fixture(scope="module")
def raw():
    return read_raw("data/raw/fu2024")


def test_the_benefit_of_counting_events_is_that_of_the_size_with_them(raw):
    station, planner = build(raw)
    grid = surface(prepare(station), (8000.0, 4000.0), (4, 4))
    sizes = {"without": (1000.0, 500.0), "with": (4000.0, 2000.0)}
    frame = pd.DataFrame(
        {"series": s, "energy_kwh": e, "power_kw": p} for s, (e, p) in sizes.items()
    )
    table = extreme.counted_table({"a": raw}, {"a": grid}, {"a": planner}, {"a": frame})
    prospect = table.set_index("Objective").loc["prospect"]
    assert (prospect["Energy, without"], prospect["Energy, with"]) == (1000.0, 4000.0)
    assert 0 < prospect["of it by the size"] < prospect["Benefit"]
    # Cost is nearly proportional to the size: four times as much, three times more.
    assert prospect["of the cost"] == pytest.approx(3.0, rel=0.1)
    assert set(extreme.COUNTED_UNITS) <= set(table.columns)


def test_rises_in_a_member_are_blank_where_it_builds_a_trace_without_events():
    def member(energy: float, cost: float) -> dict[str, object]:
        row = {"prospect_extreme": 1.0, "net_profit_yuan": energy}
        without = row | {"series": "without", "energy_kwh": energy, "worth_cost_yuan": -cost}
        more = row | {"series": "with", "energy_kwh": 2 * energy, "worth_cost_yuan": -3 * cost}
        return {"extreme": [without, more]}

    table = extreme.member_counted_table([member(100.0, 2e4), member(0.5, 100.0)])
    assert table["Set"].tolist() == ["member 1", "member 2"]
    assert table["Energy rises by (%)"].tolist() == pytest.approx(
        [100.0, float("nan")], nan_ok=True
    )
    assert table["Cost rises by (%)"].tolist() == pytest.approx([200.0, float("nan")], nan_ok=True)
    assert extreme.member_counted_table([]).empty


def test_scenarios_and_loads_stand_as_the_ledger_has_them(raw):
    station, _ = build(raw)
    scenarios = extreme.scenario_table(raw)
    assert scenarios["Scenario"].tolist() == list(raw.scenarios)
    assert (scenarios["Chance"] * scenarios["Once in"]).to_numpy() == pytest.approx(1.0)
    points = extreme.protected_loads(raw)
    assert "ordinary" not in set(points["priority"])
    loads = extreme.supply_table(points, station.extreme)
    assert loads["Priority"].tolist() == sorted(points["priority"])
    for _, alike in loads.groupby("Priority"):
        assert alike["Outage loss"].is_monotonic_decreasing
    assert set(extreme.SUPPLY_UNITS) <= set(loads.columns)


def test_supply_by_hand_agrees_with_the_model_and_with_the_head(substation):
    # 100 kW and 200 kW from 0 h and 1 h on; 250 kW for 3 h. The first gets 300 kWh; the second asks
    # for 400 kWh and gets 150 kW for 2 h; with 400 kWh left it gets only 100.
    loads = pd.DataFrame(
        {
            "Load, in the order of supply": ["a", "b"],
            "Average": [100.0, 200.0],
            "Backup lasts": [0.0, 1.0],
            "Outage loss": [10.0, 1.0],
        }
    )
    scenarios = pd.DataFrame({"Scenario": ["storm"], "Duration": [3.0]})
    for energy, second in ((1000.0, 300.0), (400.0, 100.0)):
        rows, checks = extreme.supplied_by_hand(loads, scenarios, [0.0], energy, 250.0)
        assert rows["Asks for"].tolist() == [300.0, 400.0]
        assert rows["Gets"].tolist() == [300.0, second]
        assert checks.loc[0, "Avoided loss, by hand"] == 3000.0 + second
    assert set(extreme.CHECK_UNITS) <= set(checks.columns)
    assert set(extreme.SUPPLIED_UNITS) <= set(rows.columns)


def test_the_mean_over_the_hours_is_below_the_loss_at_the_mean_energy(substation):
    """The avoided loss is concave in the energy."""
    size = (2000.0, 1000.0)
    residual = attributes(prepare(substation), *size).residual_energy_kwh[0]
    called = avoided_loss(islands(substation.extreme), residual, size[1])
    table = extreme.residual_table(substation, ["short", "long"], called, size)
    hours = table["Mean over the hours"]
    assert (hours <= table["At the mean energy (default)"] * (1 + 1e-9)).all()
    may_fail = table["Mean over the hours, storage may fail"]
    assert may_fail.tolist() == pytest.approx((0.97 * hours).tolist())


def test_weights_by_hand_are_those_of_the_model_and_give_its_prospect(preferences):
    outcome, chance = np.array([2e6, 5e5, 0.0]), np.array([0.01, 0.04, 0.95])
    forms, reference = lottery.forms_of(preferences), 1e5
    table = lottery.lottery_table(["a", "b", "none"], outcome, chance, reference, forms)
    assert table["Seen as"].tolist() == ["gain", "gain", "loss"]
    by_hand = lottery.ranked_by_hand(["a", "b", "none"], outcome - reference, chance, preferences)
    assert by_hand["Weight"].tolist() == pytest.approx(table["Weight, rank-dependent"].tolist())
    v = float(lottery_value(outcome, chance, reference, preferences))
    assert by_hand["Weight times value"].sum() == pytest.approx(v)
    assert set(lottery.LOTTERY_UNITS) <= set(table.columns)


def test_only_the_separable_form_values_two_halves_of_a_scenario_otherwise(preferences):
    outcome, chance = np.array([2e6, 0.0]), np.array([0.05, 0.95])
    table = lottery.form_table(outcome, chance, 0.05, 0.0, lottery.forms_of(preferences))
    cut = table["V4, each scenario cut into two halves"] / table["Prospect V4"]
    assert cut.tolist() == pytest.approx([1.0, cut[1], 1.0])
    assert cut[1] > 1.1
    assert table["As good as, for sure (yuan)"].iloc[-1] == 1e5


def test_over_a_life_of_one_year_both_lotteries_are_the_same(preferences):
    yearly = np.array([0.05, 0.01])
    outcome, chance = np.array([2e6, 1e6, 0.0]), np.array([0.05, 0.01, 0.94])
    forms = lottery.forms_of(preferences)
    table = lottery.lifetime_table(outcome, chance, yearly, 1.0, 0.0, forms)
    assert table.iloc[0, 1:].tolist() == pytest.approx(table.iloc[1, 1:].tolist())
    longer = lottery.lifetime_table(outcome, chance, yearly, 20.0, 0.0, forms)
    assert longer["Chance of any event"].tolist() == pytest.approx([0.06, 1 - 0.94**20])
    assert longer["Mean (yuan)"].tolist() == pytest.approx([1.1e5, 1.1e5])
