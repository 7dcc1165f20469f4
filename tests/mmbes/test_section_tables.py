"""Tables of sections 2 and 3 on the toy substation: identities, and numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mobile_storage.mmbes.model.cost import cell_life, full_cycles, life_cycle_cost
from mobile_storage.mmbes.model.data import ledger, read_raw
from mobile_storage.mmbes.model.evaluate import attributes, comprehensive, net_profit, prepare
from mobile_storage.mmbes.model.schedule import schedule
from mobile_storage.mmbes.show import cost, losses, prospect, reliability, strategies

ENERGY, POWER = 5000.0, 3000.0


@pytest.fixture(scope="module")
def raw():
    return read_raw("data/raw/fu2024")


@pytest.fixture(scope="module")
def prepared(substation):
    return prepare(substation)


@pytest.fixture(scope="module")
def found(prepared):
    return attributes(prepared, ENERGY, POWER)


@pytest.fixture(scope="module")
def cycle(prepared, substation):
    return schedule(prepared.load_kw, np.float64(ENERGY), np.float64(POWER), substation.battery)


# ---- Section 3: the planner ------------------------------------------------------------------


def test_a_loss_counts_for_its_aversion_times_the_gain(preferences):
    table = prospect.value_table({"a": preferences}, 1e6)
    # 2 ** 0.88 = 1.840; the exponents are alike.
    assert table["In shares of the gain's"].tolist() == pytest.approx(
        [1.0, 2**0.88, -2.25, -2.25 * 2**0.88]
    )
    weights = prospect.weight_table({"a": preferences}, 0.02)
    assert weights.iloc[[0, -1], 1:].to_numpy().tolist() == [[0.0, 0.0], [1.0, 1.0]]
    assert weights.loc[weights["Probability"] == 0.02, "a: gain"].item() > 0.02


def test_the_fourfold_pattern_of_tversky_and_kahneman(preferences):
    table = prospect.attitude_table(preferences, 1e6, 0.02)
    assert table["Attitude"].tolist() == [
        "risk-averse",
        "risk-seeking",
        "risk-seeking",
        "risk-averse",
    ]


def test_published_gambles_have_their_published_values(preferences):
    table = prospect.gamble_table(preferences)
    assert table["V"].to_numpy() == pytest.approx(table["V, published"].to_numpy(), abs=0.01)
    sure = table["Certain, published"].to_numpy()
    assert table["Certain"].to_numpy() == pytest.approx(sure, abs=0.01)


def test_weights_of_gains_add_up_to_one_in_the_rank_dependent_form_only(found, preferences):
    table = prospect.event_table(found, preferences)
    both = table["Weight of all events"] + table["Weight of none"]
    assert both[0] == pytest.approx(1.0)
    assert abs(both[1] - 1.0) > 1e-3
    each = prospect.attribute_table(found, preferences)
    assert each["Seen as"].tolist() == ["gain", "gain", "gain", "lottery", "loss"]
    v = float(comprehensive(found, preferences)[0])
    assert float(each["Prospect"] @ each["Weight"]) == pytest.approx(v)


def test_only_unequal_exponents_make_the_unit_of_money_matter(prepared, preferences):
    mapped = attributes(prepared, [0.0, ENERGY], [0.0, POWER])
    pairs = {"equal": (0.88, 0.88), "unequal": (0.88, 0.5)}
    table = prospect.money_table(mapped, preferences, pairs)
    v = table["V, back in yuan"]
    assert v[0] == pytest.approx(v[1])
    assert v[2] != pytest.approx(v[3])


# ---- 3.1: losses -----------------------------------------------------------------------------


def test_the_cycle_shaves_the_peak_and_takes_in_more_than_it_gives(substation, cycle):
    table = losses.cycle_table(substation, cycle, ENERGY)
    assert (table["Highest with storage"] < table["Highest load"]).all()
    # Of each kWh charged, 0.95 * 0.95 comes back.
    back = table["Discharged"] / table["Charged"]
    assert back.to_numpy() == pytest.approx(0.95**2)
    assert set(losses.CYCLE_UNITS) <= set(table.columns)


def test_a_storage_that_rests_saves_no_losses(substation):
    table = losses.hour_table(substation, 15e3, 0.0)
    assert table["Both (kW)"][0] == table["Both (kW)"][1]
    assert table["Both (kW)"].tolist() == pytest.approx(
        (table["Lines (kW)"] + table["Transformers (kW)"]).tolist()
    )
    marginal = losses.marginal_table(substation)
    assert marginal["Lost in the cycle for it"].to_numpy() == pytest.approx(1 / 0.95**2 - 1)
    assert (marginal["Marginal loss at the peak"] > marginal["at the valley"]).all()


def test_a_small_storage_saves_per_kwh_what_the_margin_says_at_most(substation, cycle):
    table = losses.size_table(substation, np.array([1.0, 1000.0]))
    assert (table["Gross"] - table["Round trip"]).to_numpy() == pytest.approx(
        table["Net"].to_numpy()
    )
    assert table["Gross per capacity"].is_monotonic_decreasing
    assert set(losses.SIZE_UNITS) <= set(table.columns)
    readings = losses.ratio_table(substation, cycle, {"own": 0.55, "none": 0.0, "all": 1.0})
    assert readings["Reading"].tolist() == ["own", "all"]
    assert readings["Loss rate (%)"].is_monotonic_decreasing


# ---- 3.2: reliability ------------------------------------------------------------------------


def test_stages_of_a_fault_stand_below_each_other_with_what_they_leave_unfed(substation):
    lines = [c for c in substation.reliability.contingencies if c.name in ("L1+L2", "B1")]
    table = reliability.stage_table(lines, 17e3)
    assert table["Stage"].tolist() == ["1 of 2", "2 of 2"] * 2
    # Both lines: all, then what is above 15 MW; the busbar: half in reach and half out of it.
    assert table["Unfed at peak"].tolist() == [17e3, 2e3, 17e3, 8.5e3]
    assert table["in reach"].tolist() == [17e3, 2e3, 8.5e3, 0.0]
    assert set(reliability.STAGE_UNITS) <= set(table.columns)


def test_faults_are_summed_by_their_kind_and_pairs_together():
    network = pd.DataFrame({"component": ["L1", "L2", "T1"], "kind": ["line", "line", "busbar"]})
    faults = ["L1", "L2", "L1+L2"]
    by_fault = pd.DataFrame(
        {"Fault": faults, "Frequency": 1.0, "EENS without": 5.0, "EENS with": 3.0}
    )
    table = reliability.kind_table(by_fault, network)
    assert table["Kind"].tolist() == ["line", "pair of outages"]
    assert table["Reduction"].tolist() == [4.0, 2.0]


def test_the_joint_law_is_what_the_others_are_compared_with(raw):
    table = reliability.law_table(raw, ENERGY, POWER).set_index("State of charge")
    assert table.loc["joint", "Against joint (%)"].tolist() == [0.0, 0.0]
    assert len(table) == 6
    assert set(reliability.LAW_UNITS) <= set(table.columns)


# ---- 3.5: cost -------------------------------------------------------------------------------


def test_payments_by_hand_add_up_to_the_life_cycle_cost(substation, found, prepared, cycle):
    days, x = substation.curves.days_per_year, substation.economics
    cycles = float(full_cycles(ENERGY, cycle.cycled_kwh @ days, substation.battery))
    lost, life = float(cycle.lost_kwh @ days), float(cell_life(substation.battery, cycles))
    paid = cost.payments_by_hand(ENERGY, POWER, lost, life, x)
    called = life_cycle_cost(ENERGY, POWER, lost, life, x)
    table = cost.part_table(paid, called, found.cost).set_index("Part")
    assert table["By hand"].to_numpy() == pytest.approx(table["life_cycle_cost"].to_numpy())
    assert table["attributes"].to_numpy() == pytest.approx(table["life_cycle_cost"].to_numpy())
    assert table.loc["total", "Share"] == pytest.approx(100.0)
    assert set(cost.PART_UNITS) <= set(table.columns)
    # One more kW costs the conversion and 20 yuan a year; cycling changes nearly nothing.
    marginal = cost.marginal_table(prepared, ENERGY, POWER).set_index("Part")
    assert marginal.loc["fixed om", "One more kW"] == pytest.approx(20.0 * prepared.annuity)
    assert set(cost.MARGINAL_UNITS) <= set(marginal.columns)


def test_cells_that_last_ten_years_are_replaced_once_in_twenty(substation):
    paid = cost.payments_by_hand(1.0, 0.0, 0.0, 10.0, substation.economics)
    new = paid[paid["Part"] == "replacement"]
    assert new["After (yr)"].tolist() == [10.0]
    assert new["Present value (yuan)"].item() == pytest.approx(800.0 / 1.08**10)
    assert paid.loc[paid["Part"] == "end of life", "Paid (yuan)"].tolist() == [-30.0, -30.0]


def test_values_of_sizes_fill_a_table_of_energies_by_powers():
    table = cost.grid_table(np.arange(6.0), np.array([1.0, 2.0]), np.array([10.0, 20.0, 30.0]))
    assert table.columns.tolist() == ["Energy (kWh)", "10 kW", "20 kW", "30 kW"]
    assert table.iloc[1].tolist() == [2.0, 3.0, 4.0, 5.0]


def test_a_longer_life_never_costs_more_and_recycling_only_its_balance(substation, raw):
    entries = ledger(raw).set_index("symbol")
    lives = cost.life_table(substation, entries, (ENERGY, POWER), 300.0, 1000.0)
    assert lives["Cells last"].iloc[0] == lives["Cells last"].min()
    assert lives["Replacement"].iloc[-1] == lives["Replacement"].min()
    assert set(cost.LIFE_UNITS) <= set(lives.columns)
    table = cost.recycling_table(substation.economics, entries, (ENERGY, POWER), 10.0, 1000.0)
    rest = table["Total"] - table["End of life"]
    assert rest.to_numpy() == pytest.approx(rest[0])
    assert set(cost.RECYCLING_UNITS) <= set(table.columns)


def test_building_nothing_saves_all_of_the_expected_cost(prepared, preferences):
    planner = replace(preferences, reference=np.array([0.0, 0.0, 0.0, 0.0, -1e7]))
    shares = np.array([0.0, 1.0])
    along = attributes(prepared, shares * ENERGY, shares * POWER)
    table = cost.along_table(shares, along, planner)
    assert table["Less than expected (yuan)"].iloc[0] == 1e7
    assert table["V5"].iloc[0] == pytest.approx(1e7**0.88)
    expected = cost.expected_table(planner, 5e6, (0.0, 2e7))
    own = expected[expected[""] == "of the set"]
    assert own["Less than expected (yuan)"].tolist() == [5e6]
    assert own["What storage costs in V5"].item() == pytest.approx(1e7**0.88 - 5e6**0.88)
    # The set's own value is one of the five even ones.
    assert len(expected) == 5


# ---- Section 2: three situations -------------------------------------------------------------


def test_the_daily_cycle_brings_what_the_attributes_say(prepared, found, cycle):
    table = strategies.operation_table(prepared, cycle, ENERGY, POWER).set_index("Quantity")
    one = table["One cycle a day"]
    assert one["EENS cut (kWh/yr)"] == pytest.approx(
        float(found.eens_before_kwh[0] - found.eens_after_kwh[0])
    )
    assert one["Deferral (yuan)"] == pytest.approx(found.worth[0, 2])
    full = table["Always full"]
    assert full["Network loss cut (kWh/yr)"] == 0.0
    assert full["EENS cut (kWh/yr)"] > one["EENS cut (kWh/yr)"]
    # 0.8 of the energy lies between the limits, of which 0.95 comes out.
    assert full["Expected residual energy (kWh)"] == pytest.approx(0.8 * ENERGY * 0.95)
    assert strategies.full_energy(prepared, ENERGY) == pytest.approx(0.8 * ENERGY * 0.95)
    assert net_profit(found)[0] < one["Sum (yuan)"]


def test_deliverable_energy_lies_between_its_least_and_its_most(prepared, cycle):
    table = strategies.cycle_table(prepared, cycle)
    assert (table["Deliverable, least"] <= table["Deliverable, mean"]).all()
    assert (table["Deliverable, mean"] <= table["Deliverable, most"]).all()
    assert set(strategies.CYCLE_UNITS) <= set(table.columns)
