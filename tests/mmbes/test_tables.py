"""Tables of paper 2 on made-up results: every number is where its heading says."""

from __future__ import annotations

import pandas as pd
import pytest

from mobile_storage.mmbes.analysis.implied import (
    initial_interruption,
    peak_load,
    transformer_options,
)
from mobile_storage.mmbes.model.data import ledger, read_raw
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.show import tables

RAW = "data/raw/fu2024"


def row(energy: float) -> dict[str, float]:
    return {
        "energy_kwh": energy,
        "power_kw": energy / 2,
        "elcc_kw": energy / 4,
        "prospect": 3.0,
        "net_profit_yuan": 1e6,
        **{f"worth_{k}_yuan": (i + 1) * 1e6 for i, k in enumerate(ATTRIBUTES)},
        **{f"prospect_{k}": 10.0 * i for i, k in enumerate(ATTRIBUTES)},
    }


def test_table_6_ends_with_the_totals():
    table = tables.table6({"literature": row(1.0), "calibrated": row(2.0)})
    assert table["calibrated: million yuan"].tolist() == [1, 2, 3, 4, 5, 1]
    assert table["literature: prospect"].tolist() == [0, 10, 20, 30, 40, 3]


def test_scenarios_of_all_sets_stand_below_each_other():
    frames = {
        name: pd.DataFrame([{"series": "loss", "value": 0.4, **row(energy)}])
        for name, energy in (("literature", 100.0), ("calibrated", 200.0))
    }
    table = tables.scenario_table(frames)
    assert table["Set"].tolist() == ["literature", "calibrated"]
    assert table["Energy"].tolist() == [100.0, 200.0]
    assert set(tables.SCENARIO_UNITS) <= set(table.columns)


def test_contingencies_are_worst_first_within_their_set():
    def fault(name: str, eens: float) -> dict[str, object]:
        return {"name": name, "eens_before_kwh": eens, "eens_after_kwh": eens / 2}

    table = tables.contingency_table(
        {"literature": [fault("a", 1.0), fault("b", 5.0)], "calibrated": [fault("c", 9.0)]}
    )
    assert table["Fault"].tolist() == ["b", "a", "c"]
    assert table["EENS with"].tolist() == [2.5, 0.5, 4.5]


@pytest.mark.parametrize(
    ("make", "units"),
    [
        (tables.contingency_table, tables.CONTINGENCY_UNITS),
        (tables.variant_table, tables.VARIANT_UNITS),
        (tables.monte_carlo_table, tables.MONTE_CARLO_UNITS),
    ],
)
def test_without_records_a_table_keeps_its_headings(make, units):
    table = make({"literature": [], "calibrated": []})
    assert table.empty
    assert {"Set", *units} <= set(table.columns)


def test_what_is_implied_has_a_unit_for_every_number():
    peaks = peak_load(3330.0, 12.0, 0.015)
    table = tables.implied_peak(peaks, initial_interruption(2162.29, 3330.0, 17e3, 0.7))
    assert table["Value"].notna().all()
    assert table.set_index("Quantity").loc["Peak load", "Value"] == pytest.approx(17023, rel=1e-4)
    options = tables.implied_transformers(transformer_options(peaks, 0.9, (0.5, 0.65)))
    fits = options["Within the published range"]
    assert options.loc[fits, "Rating of each"].tolist() == [16.0]


def test_a_ledger_shows_the_values_of_both_sets_and_one_source():
    raw = read_raw(RAW)
    moved = raw.replace({"battery.soc_min": 0.15, "network.neighbour.capacity": 1234.0})
    ledgers = {"literature": ledger(raw), "calibrated": ledger(moved)}
    battery = tables.ledger_table(ledgers, "battery").set_index("Symbol")
    assert battery.loc["soc_min", "Calibrated set"] == 0.15
    assert battery.loc["soc_min", "Literature set"] == raw.battery["soc_min"]
    assert battery.loc["soc_max", "Calibrated set"] == raw.battery["soc_max"]
    assert battery["Source"].str.len().min() > 0
    network = tables.ledger_table(ledgers, "network").set_index("Symbol")
    assert network.loc["neighbour.capacity", "Calibrated set"] == 1234.0


def test_without_calibration_its_tables_are_headings():
    record = {"targets": [], "moved": []}
    assert tables.target_table(record).columns[0] == "Claim"
    assert tables.moved_values(record).empty
