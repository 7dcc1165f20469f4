"""Tables of sections 5.2 and 5.4.1, and of the calibration, on numbers that are made up."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mobile_storage.mmbes.model.data import read_raw
from mobile_storage.mmbes.model.evaluate import prepare
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.show import calibrated, figures, implied, optimum, tables


@pytest.fixture(scope="module")
def raw():
    return read_raw("data/raw/fu2024")


@pytest.fixture(scope="module")
def prepared(substation):
    return prepare(substation)


def row(energy: float, **columns: float) -> dict[str, float]:
    base = {"energy_kwh": energy, "power_kw": energy / 2, "elcc_kw": energy / 4}
    return base | {"deferral_yr": 1.0, "eens_cut_kwh": 2.0} | columns


def test_published_numbers_are_set_against_the_optimum_that_they_belong_to():
    optima = {
        f"{s}_{kind}": {"optimum": row(energy)}
        for s, energy in (("literature", 100.0), ("calibrated", 200.0))
        for kind in ("prospect", "net_profit")
    }
    published = {"P2-01": "400", "P2-02": "50", "P2-03": "2", "P2-04": "4", "P2-06": "100"}
    members = [{"prospect": row(e), "net_profit": row(e)} for e in (10.0, 30.0)]
    table = optimum.published_table(optima, members, published, {"P2-01", "P2-02"})
    assert table["Calibrated / published"].tolist()[:3] == [0.5, 1.0, 2.0]
    assert table["Target"].tolist() == ["yes", "yes", "no", "no", "no", "no", "no"]
    assert table.loc[0, ["Ensemble, least", "Ensemble, most"]].tolist() == [10.0, 30.0]


def test_prospects_by_hand_are_those_of_the_model(prepared, preferences):
    found = describe(prepared, preferences, 5000.0, 3000.0)
    table = optimum.prospects_by_hand(prepared, preferences, found)
    assert table["By hand"].to_numpy() == pytest.approx(table["Live"].to_numpy())
    assert table["Stored"].to_numpy() == pytest.approx(table["Live"].to_numpy())
    assert set(optimum.HAND_UNITS) <= set(table.columns)


def test_benefits_stand_in_the_order_of_their_worth():
    worths = dict(zip(ATTRIBUTES, (1.0, 3.0, 2.0, -1.0, -9.0), strict=True))
    best = {f"worth_{k}_yuan": v for k, v in worths.items()}
    best |= {f"prospect_{k}": 0.0 for k in ATTRIBUTES}
    table = optimum.order_table({"a": best})
    assert table["Order"].tolist() == ["reliability > deferral > loss > extreme", "all zero"]
    assert table["Below zero"].tolist() == ["extreme", "none"]


def test_a_grid_without_a_gain_has_no_flat_top():
    sizes = [(e, p) for e in (0.0, 1.0, 2.0) for p in (0.0, 1.0)]
    grid = pd.DataFrame(sizes, columns=["energy_kwh", "power_kw"])
    rising = grid.assign(value=[0.0, 0.0, 90.0, 94.0, 99.5, 100.0])
    table = optimum.flat_table({"a": rising, "b": grid.assign(value=-1.0)})
    assert table["Nodes"].tolist() == [2, 2, 4]
    assert table["Energy, least"].tolist() == [2.0, 2.0, 1.0]
    assert table["Power, most"].tolist() == [1.0, 1.0, 1.0]


def test_the_ridge_takes_the_best_power_of_each_energy(prepared, preferences):
    sizes = [(e, p) for e in (0.0, 4000.0, 8000.0) for p in (0.0, 2000.0)]
    grid = pd.DataFrame(sizes, columns=["energy_kwh", "power_kw"])
    along = optimum.ridge(prepared, grid.assign(value=[1.0, 0.0, 0.0, 1.0, 0.0, 1.0]))
    assert along.power_kw.tolist() == [0.0, 2000.0, 2000.0]
    table = optimum.along_table(along, preferences, 2)
    assert table["Energy (kWh)"].tolist() == [0.0, 8000.0]
    fig = figures.along_energy(along, preferences, {"--": 4000.0}, 5000.0)
    worth, _, profit, _ = fig.axes
    assert len(worth.lines) == len(ATTRIBUTES) + 3
    assert profit.lines[0].get_ydata()[1] == pytest.approx(along.worth[1].sum() / 1e6)
    plt.close(fig)


def test_the_best_power_for_net_profit_is_worth_at_least_the_published_one(raw):
    energies = {"prospect": 3000.0, "net_profit": 3000.0}
    shown = optimum.best_powers({"a": raw}, energies, 1500.0, 3000.0)
    assert list(shown) == [
        "a, best power for prospect",
        "a, best power for net profit",
        "a, 1,500 kW",
    ]
    profits = [size["net_profit_yuan"] for size in shown.values()]
    assert profits[1] >= profits[2]
    pairs = {"a": tuple(shown.values())[:2]}
    table = optimum.profit_table(pairs)
    assert table.loc[0, "Net profit at the second"] == profits[1]
    assert set(optimum.PROFIT_UNITS) <= set(table.columns)


def test_half_the_credible_capacity_means_half_the_peak():
    table = implied.rating_table(3330.0, 12.0, 0.015, 0.9, (0.5, 0.65))
    assert table["Peak (kW)"].tolist() == pytest.approx([17023, 12767, 8512], rel=1e-4)
    assert table["Ratings that fit (MVA)"].iloc[0] == "16"
    peaks = {"low": 1.0, "peak": 2.0, "high": 3.0}
    table = implied.peak_table(peaks, 2.0, 0.1, 0.5)
    assert table["Growth carried (%)"][1] == pytest.approx(21.0)
    assert table["Apparent power"].tolist() == [2.0, 4.0, 6.0]


def test_the_arithmetic_gives_back_the_peak_of_the_model(raw):
    table = implied.arithmetic_table({"a": raw}, 5000.0, 3000.0, 0.7)
    assert table["Peak by arithmetic (kW)"].tolist() == pytest.approx(table["Peak (kW)"].tolist())


def test_the_power_of_most_capacity_is_found_among_those_tried(raw):
    powers = np.array([0.0, 2000.0, 4000.0])
    table, units = implied.power_table({"a": raw}, 5000.0, powers, 2100.0, (1e9, 0.0))
    assert table.loc[0, "ELCC at 2,000 kW"] <= table.loc[0, "Most ELCC"]
    assert table.loc[0, "Both published from"] is None
    assert set(units) <= set(table.columns)
    faults = implied.fault_table(raw, 5000.0, powers, (0.5, 2.0)).set_index("Faults")
    assert faults.loc["no loss of the whole supply", "Supply lost"] == 0.0
    assert len(faults) == 2 + len(implied.RATES) * len(implied.REPAIRS_H)
    assert set(implied.FAULT_UNITS) <= set(faults.columns)


def test_the_closest_trial_is_measured_in_tolerances_of_a_tenth(raw):
    powers, rate, repair = np.array([2000.0]), np.array([0.6]), np.array([1.0])
    first = implied.law_table(raw, 5000.0, powers, rate, repair, (1e3, 1e3)).iloc[0]
    wanted = (first["ELCC"], first["EENS cut"] / 1.2)
    table = implied.law_table(raw, 5000.0, powers, rate, repair, wanted)
    assert table["Off"].iloc[0] == pytest.approx(2.0)
    assert table["Repair"].tolist() == ["exponential", "fixed"]
    assert set(implied.LAW_UNITS) <= set(table.columns)


def test_a_storage_without_limit_delivers_all_that_its_power_can():
    table = implied.asked_table(1.2, 600.0, {"Full": 1e9, "None": 0.0}, [100.0])
    assert table["Repair (h)"].iloc[0] == pytest.approx(4.0)
    assert table["Asked for"].iloc[0] == pytest.approx(2000.0)
    assert table["Full, 100 kW"].iloc[0] == pytest.approx(400.0)
    assert table["None, 100 kW"].tolist() == [0.0] * 6


def test_the_search_is_compared_only_for_claims_that_it_answers():
    target = {"calibrated": 100.0, "tolerance": 10.0}
    targets = [{"claim": c, **target} for c in ("P2-01", "P2-08")]
    best = {"prospect": row(105.0), "net_profit": row(90.0)}
    table = calibrated.searched_table(targets, best)
    assert table.iloc[0].tolist() == ["P2-01", 100.0, 105.0, pytest.approx(5.0), 0.5]
    assert len(table) == 1
    assert calibrated.searched_table([], best).columns[0] == "Claim"


def test_the_spread_of_the_ensemble_is_a_share_of_the_range():
    moved = pd.DataFrame(
        {
            "Symbol": ["battery.soc_min"],
            "Unit": [""],
            "Literature": [0.1],
            "Calibrated": [0.3],
            "Low": [0.0],
            "High": [0.4],
            "Ensemble, least": [0.2],
            "Ensemble, most": [0.4],
        }
    )
    places = calibrated.places_in_range(moved)
    assert places["Calibrated"].tolist() == pytest.approx([0.75])
    table = calibrated.spread_table(moved, places)
    assert table["Spread over the range"].tolist() == pytest.approx([0.5])
    assert table[["Literature inside", "Calibrated inside"]].iloc[0].tolist() == ["no", "yes"]


def test_units_of_the_flat_top_are_those_of_the_sizes():
    assert set(tables.CONVERGENCE_UNITS) <= set(optimum.flat_table({}).columns)
