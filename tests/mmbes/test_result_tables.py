"""Tables of sections 1, 4, 5.1, 5.3 and 6 on made-up results, and the figures beside them."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mobile_storage.core.ledger import STATUSES
from mobile_storage.mmbes.claims import SetResults
from mobile_storage.mmbes.model.data import build, ledger, read_raw
from mobile_storage.mmbes.model.evaluate import attributes, prepare
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.search.solve import evolve
from mobile_storage.mmbes.show import case_system, conclusion, figures, rates, solving


@pytest.fixture(scope="module")
def raw():
    return read_raw("data/raw/fu2024")


def hill(energy: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Highest at 3 kWh and 2 kW."""
    return -((energy - 3.0) ** 2) - (power - 2.0) ** 2


def row(energy: float, **columns: float) -> dict[str, float]:
    size = {"energy_kwh": energy, "power_kw": energy / 2, "elcc_kw": energy / 4, "prospect": energy}
    size |= {"deferral_yr": 1.0, "eens_before_kwh": 9.0, "eens_cut_kwh": 4.0}
    size |= {"loss_cut_kwh": 3.0, "loss_cut_net_kwh": -3.0, "net_profit_yuan": 2e6}
    size |= {f"worth_{k}_yuan": 1e6 for k in ATTRIBUTES} | {"worth_cost_yuan": -2e6}
    return size | {f"prospect_{k}": energy for k in ATTRIBUTES} | columns


def sweep(*energies: float) -> pd.DataFrame:
    swept = enumerate(energies)
    return pd.DataFrame(
        {"value": 0.5 + 0.05 * k, "series": "load_rate", **row(e)} for k, e in swept
    )


# ---- Section 4: the search -------------------------------------------------------------------


def test_the_history_ends_with_nothing_left_in_the_last_iteration():
    run = evolve(hill, (10.0, 10.0), population=10, iterations=5, seed=1)
    history = solving.history_table(run, 5)
    assert history["Iteration"].iloc[-1] == 5
    assert history["Left to the last"].iloc[-1] == 0.0
    assert (history["Left to the last"] >= 0.0).all()
    search = {"iterations": 5, "seed": 1}
    table = solving.population_table(hill, (10.0, 10.0), (10, 20), 0.0, **search)
    assert table["Value"].iloc[0] == run.best.value
    assert table["Short of the best known"].tolist() == (-table["Value"]).tolist()


def test_a_run_has_settled_when_the_share_is_left_for_the_first_time():
    # Of a way of 100, half is left after one iteration, one hundredth after two, nothing after 3.
    curves = pd.DataFrame({"iteration": range(4), "seed_1": [0.0, 50.0, 99.0, 100.0]})
    table = solving.settling_table({"a": curves}, 2).set_index("Share left")
    assert table["Most"].tolist() == [2, 2, 3, 3, 3, 3]
    assert table["Runs within 2"].tolist() == [1, 1, 0, 0, 0, 0]


def test_peaks_are_nodes_higher_than_all_their_neighbours():
    sizes = [(e, p) for e in range(7) for p in range(5)]
    grid = pd.DataFrame(sizes, columns=["energy_kwh", "power_kw"], dtype=float)
    one = grid.assign(value=hill(grid["energy_kwh"], grid["power_kw"]))
    two = one.assign(value=one["value"].where(one["energy_kwh"] != 3.0, -99.0))
    optima = {name: {"optimum": {"energy_kwh": 3.0}} for name in ("one", "two")}
    table = solving.peak_table({"one": one, "two": two}, optima)
    assert table["Peaks"].tolist() == [1, 2]
    assert table["Power, most"].tolist() == [2.0, 2.0]
    assert set(solving.PEAK_UNITS) <= set(table.columns)


def test_the_objective_is_the_weighted_sum_of_the_prospects(preferences):
    table = solving.objective_table(row(10.0), preferences)
    assert float(table["Weight"] @ table["Prospect"]) == pytest.approx(10.0)
    assert table["Worth"].sum() == pytest.approx(2e6)


# ---- 5.3: the load rate ----------------------------------------------------------------------


def test_ends_and_trends_of_a_sweep_are_read_from_its_energies():
    frames = {"literature": sweep(0.0, 300.0, 100.0, 400.0), "member 1": sweep(0.0, 0.0, 0.0, 0.0)}
    table = rates.end_table(frames, 400.0)
    assert table["Built from load rate"].tolist() == pytest.approx([0.55, np.nan], nan_ok=True)
    assert table["Largest step down"].tolist() == [200.0, 0.0]
    assert table["Published high end (%)"].tolist() == [100.0, 0.0]
    assert set(rates.END_UNITS) <= set(table.columns)
    # Up by 300 and 300, down by 200.
    trends = rates.trend_table(frames, dict.fromkeys(frames, 0.6))
    assert trends["Energy"].tolist() == pytest.approx([0.75, np.nan], nan_ok=True)
    assert trends["Peak at"].tolist() == pytest.approx([0.65, 0.5])
    fig = figures.rate_trends(frames, ("literature",), (0.0, 400.0))
    assert [len(ax.lines) for ax in fig.axes] == [3, 2, 2]
    plt.close(fig)


def test_a_fixed_storage_costs_the_same_at_every_load_rate_but_for_its_cycling(raw):
    frames = rates.fixed_size({"a": raw}, np.array([0.5, 0.6]), 3000.0, 1500.0)
    change = rates.change_table(frames).set_index("Attribute")
    assert abs(change.loc["Life-cycle cost", "Change (%)"]) < 1.0
    first, last = frames["a"]["worth_reliability_yuan"]
    rise = change.loc["Reliability", "Change (million yuan)"]
    assert rise == pytest.approx((last - first) / 1e6, abs=1e-9)
    table = rates.fixed_table(frames)
    assert table["Load rate"].tolist() == [0.5, 0.6]
    swept = rates.sweep_table(raw, frames["a"])
    # Peak and load rate are proportional.
    assert swept["Peak (kW)"][1] / swept["Peak (kW)"][0] == pytest.approx(1.2)


def test_the_deferral_by_hand_is_that_of_the_model(substation):
    found = attributes(prepare(substation), 5000.0, 3000.0)
    due, years, worth = rates.deferral_by_hand(substation, float(found.elcc_kw[0]))
    assert due == pytest.approx(prepare(substation).due_year)
    assert years == pytest.approx(found.deferral_years[0])
    assert worth == pytest.approx(found.worth[0, ATTRIBUTES.index("deferral")])


# ---- Sections 1 and 5.1: the case ------------------------------------------------------------


def test_moved_values_stand_beside_those_of_the_ledger(raw):
    table = case_system.moved_table(ledger(raw), ledger(raw.replace({"battery.soc_min": 0.15})))
    assert table["symbol"].tolist() == ["battery.soc_min"]
    assert table[["literature", "calibrated"]].iloc[0].tolist() == [raw.battery["soc_min"], 0.15]
    assert case_system.moved_table(ledger(raw), ledger(raw)).empty


def test_numbers_are_counted_by_ledger_and_by_status(raw):
    rows = ledger(raw)
    table = case_system.status_table(rows, rows["symbol"] == "battery.soc_min")
    assert table.loc["sum", "all"] == len(rows)
    assert table.loc["sum", list(STATUSES)].sum() == len(rows)
    assert table.loc["battery", "moved by the calibration"] == 1


def test_facts_of_the_inputs_are_shown_as_rows_and_as_columns():
    facts = dict(zip(case_system.FACTS, (1.0, 2.0, 3.0, 4.0, 5), strict=True))
    table = case_system.fact_table({"a": facts})
    assert table["a set"].tolist() == [1.0, 2.0, 3.0, 4.0, 5]
    peaks = case_system.peak_table({"a": facts})
    assert peaks.iloc[0].tolist() == ["a", 1.0, 2.0, 3.0, 5, 4.0]
    assert set(case_system.PEAK_UNITS) <= set(peaks.columns)


def test_the_typical_days_have_their_peak_where_the_curve_has_it(raw):
    station, _ = build(raw)
    table = case_system.day_table(station)
    assert table["Highest in the set"].max() == pytest.approx(station.peak_kw)
    assert (table["Lowest"] < table["Mean"]).all()
    assert set(case_system.DAY_UNITS) <= set(table.columns)
    fig = figures.typical_days(raw.load_curves, station.curves.names)
    for ax, highest in zip(fig.axes, table["Highest"], strict=True):
        assert ax.lines[0].get_ydata().max() == pytest.approx(highest)
    plt.close(fig)


# ---- Section 6: the conclusion ---------------------------------------------------------------


def outcome(energy: float) -> SetResults:
    def ends(series: str, *values: float) -> pd.DataFrame:
        return pd.DataFrame({"series": series, "value": k, **row(v)} for k, v in enumerate(values))

    extreme = pd.concat([ends("with", energy), ends("without", energy / 2)])
    scenarios = sweep(0.0, energy), ends("loss", 1.0, 2.0), ends("cost", 1.0, energy), extreme
    return SetResults(row(energy), row(2 * energy), *scenarios)


def test_published_numbers_are_within_their_tolerance_of_the_published_one():
    sets = {"literature": outcome(100.0), "calibrated": outcome(210.0)}
    claims = pd.DataFrame(
        [
            {"id": "P2-01", "unit": "kWh", "published": "200", "tolerance": "0.1"},
            {"id": "P2-08", "unit": "kWh", "published": "0 to 200", "tolerance": "0.1"},
            {"id": "P2-12", "unit": "", "published": "", "tolerance": ""},
        ]
    )
    table = conclusion.number_table(claims, sets, [outcome(150.0), outcome(250.0)], ["P2-01"])
    assert table["Claim"].tolist() == ["P2-01", "P2-08, low end", "P2-08, high end"]
    assert table["Blind within"].tolist() == [False, True, False]
    assert table["Calibrated within"].tolist() == [True, True, True]
    assert table["Published in the ensemble"].tolist() == [True, True, True]
    spread = conclusion.spread_table(sets, [outcome(150.0), outcome(300.0)], {"energy_kwh"})
    energy = spread.set_index("At the best prospect").loc["Energy (kWh)"]
    assert (energy["Target"], energy["Median"], energy["Largest over least"]) == (True, 225.0, 2.0)
    assert not conclusion.spread_table(sets, [], set())["One sign"].any()


def test_statements_are_counted_over_the_members_alone():
    truth = pd.DataFrame(
        {"literature": [True], "calibrated": [False], "member 1": [True], "member 2": [True]},
        index=["P2-09"],
    )
    claims = pd.DataFrame({"statement": ["rises"], "verdict": ["reproduced"]}, index=["P2-09"])
    table = conclusion.statement_table(truth, claims)
    assert table.iloc[0].tolist() == ["P2-09", "rises", True, False, "2 of 2", "reproduced"]


def test_a_planner_sees_who_pays_and_from_which_load_rate_storage_is_built():
    table = conclusion.planner_table({"a": outcome(100.0), "b": outcome(0.0)}, 50.0)
    assert table["Built from load rate"].tolist() == pytest.approx([0.55, np.nan], nan_ok=True)
    assert table.loc["a", "loss (% of benefits)"] == 25.0
    assert table["Benefits over cost"].tolist() == [2.0, 2.0]
    assert table.loc["a", "Without extreme events (kWh)"] == 50.0
    assert table["Hours at rated power"].tolist() == pytest.approx([2.0, np.nan], nan_ok=True)
