"""Tables and figures of agreement, on results written by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mobile_storage.mmbes.show import figures
from mobile_storage.mmbes.show.agreement import (
    CAUSE_UNITS,
    EENS_UNITS,
    LOSS_UNITS,
    SEARCH_UNITS,
    cause_table,
    deviation_table,
    eens_table,
    loss_table,
    search_table,
)

SEARCHES = pd.DataFrame(
    {
        "family": ["weights", "weights", "extreme"],
        "evolved_energy_kwh": [10.0, 0.0, 500.0],
        "refined_energy_kwh": [10.5, 0.0, 500.0],
        "energy_off_kwh": [-0.5, 0.0, 0.0],
        "evolved_shortfall": [1e-4, 0.0, 0.0],
        "refined_shortfall": [0.0, 0.0, 0.0],
        "seeds": [1, 0, 1],
        "seeds_at_best": [0, 0, 1],
        "seeds_shortfall": [1e-3, 0.0, 0.0],
    }
)
OPTIMA = {
    "calibrated_prospect": {
        "grid": {"energy_kwh": 90.0, "value": 99.0},
        "direct": {"energy_kwh": 101.0, "value": 99.9},
    }
}
SEEDS = {"calibrated_prospect": pd.DataFrame({"energy_kwh": [100.0, 97.0], "value": [100.0, 98.0]})}
EENS = pd.DataFrame(
    [
        {"method": method, "quantity": quantity, "z": z}
        for method, quantity, z in (
            ("contingencies", "without", 0.5),
            ("network", "without", -2.5),
            ("contingencies", "with", 1.0),
        )
    ]
).assign(
    storage="best",
    energy_kwh=1.0,
    power_kw=1.0,
    analytic_kwh=10.0,
    mean_kwh=10.0,
    standard_error_kwh=1.0,
    samples=5,
)


def hours(substation) -> pd.DataFrame:
    """Losses of 100 kW by formula and 104 kW by power flow; storage saves 2 and 3, or 1 of them."""
    rows = []
    for arrangement, saved in (("closed", 3.0), ("open", 1.0)):
        for size in ("none", "best prospect"):
            stored = size != "none"
            for day, load in zip(substation.curves.names, (4.0, 3.0, 2.0, 1.0), strict=True):
                rows += [
                    {
                        "arrangement": arrangement,
                        "size": size,
                        "day_type": day,
                        "hour": float(hour),
                        "load_kw": load,
                        "storage_kw": 1.0 * stored,
                        "formula_kw": 100.0 - 2.0 * stored,
                        "power_flow_kw": 104.0 - saved * stored,
                        "lines_by_flow_kw": 3.0,
                        "lines_by_voltage_kw": 2.0,
                        "transformers_by_voltage_kw": 1.0,
                        "no_load_by_voltage_kw": -2.5,
                        "lowest_voltage": 0.97,
                    }
                    for hour in range(24)
                ]
    return pd.DataFrame(rows)


def test_searches_by_hand():
    table = search_table(OPTIMA, SEEDS, {"calibrated": SEARCHES})
    assert set(SEARCH_UNITS) <= set(table)
    optimum, weights, extreme = table.to_dict("records")
    assert optimum["Problem"] == "optimum, calibrated prospect"
    assert (optimum["Runs of evolution"], optimum["Runs at the best value"]) == (2, 1)
    assert optimum["Largest shortfall"] == "0.02"
    assert optimum["Largest shortfall, other search"] == "0.001"
    assert optimum["Apart in energy"] == pytest.approx(4.0)
    # Two first runs, of which one is short; one more seed, short, too.
    assert (weights["Runs of evolution"], weights["Runs at the best value"]) == (3, 1)
    assert weights["Largest shortfall"] == "0.001"
    assert weights["Largest shortfall, other search"] == "at most 1e-06"
    assert weights["Apart in energy"] == pytest.approx(0.5)
    assert (extreme["Runs of evolution"], extreme["Runs at the best value"]) == (2, 2)


def test_deviations_count_each_quantity_for_itself():
    table = deviation_table({"a": EENS, "b": EENS})
    without, with_storage = table.to_dict("records")
    assert (without["Simulations"], without["Beyond 2 standard errors"]) == (4, 2)
    assert without["Farthest"] == -2.5
    assert (with_storage["Simulations"], with_storage["Beyond 2 standard errors"]) == (2, 0)
    shown = eens_table({"a": EENS, "b": EENS})
    assert set(EENS_UNITS) <= set(shown)
    assert shown["Set"].tolist() == ["a"] * 3 + ["b"] * 3


def test_losses_by_hand(substation):
    table = loss_table({"a": substation}, {"a": hours(substation)})
    assert set(LOSS_UNITS) <= set(table)
    none, stored, _, apart = table.to_dict("records")
    assert none["Off (%)"] == pytest.approx(4.0)
    assert np.isnan(none["Reduction off (%)"])
    assert stored["Reduction, formula"] == pytest.approx(2.0 * 8760.0)
    assert stored["Reduction off (%)"] == pytest.approx(50.0)
    assert apart["Reduction off (%)"] == pytest.approx(-50.0)
    parts = cause_table({"a": substation}, {"a": hours(substation)})
    assert set(CAUSE_UNITS) <= set(parts)
    assert parts.loc[0, "Rest"] == pytest.approx(0.5 * 8760.0)


def test_figures_show_what_there_is(substation):
    left, right = figures.independence({"calibrated": SEARCHES}, {"calibrated": EENS}).axes
    # A size of nothing has its place on the logarithmic axis.
    assert left.lines[0].get_xdata().tolist() == [10.0, 0.01, 500.0]
    assert [len(line.get_ydata()) for line in right.lines] == [1, 2, 2]
    losses, cuts = figures.power_flow(hours(substation), "best prospect").axes
    assert {line.get_ydata()[0] for line in losses.lines} == {100.0, 98.0, 104.0, 101.0}
    assert [line.get_ydata()[5] for line in cuts.lines] == [2.0, 3.0, 1.0]
    assert "winter" in losses.get_xlabel()
