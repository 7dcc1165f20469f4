"""Tables of section 5.4 on made-up scenarios, with numbers that are worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mobile_storage.mmbes.model.evaluate import prepare
from mobile_storage.mmbes.model.prospect import value
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.search.surfaces import surface
from mobile_storage.mmbes.show import cognition, expected_cost, figures


def scenario(series: str, at: float, energy: float, **columns: float) -> dict[str, object]:
    return {"series": series, "value": at, "energy_kwh": energy, "power_kw": energy / 2, **columns}


@pytest.fixture(scope="module")
def prepared(substation):
    return prepare(substation)


@pytest.fixture(scope="module")
def grid(prepared):
    return surface(prepared, (8000.0, 4000.0), (5, 4))


def test_the_weight_table_goes_from_the_least_to_the_most_weight_of_each_attribute():
    def at(k: str, weight: float) -> dict[str, object]:
        worths = {f"worth_{a}_yuan": 100.0 * weight for a in ATTRIBUTES}
        return scenario(
            k, weight, 1e4 * weight, **worths, **{f"prospect_{a}": weight for a in ATTRIBUTES}
        )

    frame = pd.DataFrame([at(k, w) for k in ATTRIBUTES for w in (0.4, 0.1)])
    table = cognition.weight_table({"literature": frame})
    assert len(table) == len(ATTRIBUTES)
    assert table["Energy, less"].tolist() == [1000.0] * 5
    assert table["Own, more"].tolist() == [40.0] * 5
    assert table["Own prospect gains"].tolist() == pytest.approx([0.3] * 5)
    assert set(cognition.WEIGHT_UNITS) <= set(table.columns)


def test_a_rise_of_the_loss_reduction_is_blank_where_nothing_was_saved_before():
    def ends(less: float, more: float) -> pd.DataFrame:
        return pd.DataFrame({"loss_cut_kwh": [less, more], "loss_cut_net_kwh": [-less, -more]})

    table = cognition.loss_weight_table({"a": ends(100.0, 150.0), "b": ends(0.0, 150.0)})
    assert table["Rise of it (%)"].tolist() == pytest.approx([50.0, np.nan], nan_ok=True)
    assert table["Net, more weight"].tolist() == [-150.0, -150.0]


def test_the_spread_of_a_series_is_a_share_of_the_bases_energy_unless_that_is_a_trace():
    frame = pd.DataFrame([scenario("alpha", 1.0, e) for e in (100.0, 400.0)])
    base = {"a": {"energy_kwh": 600.0}, "b": {"energy_kwh": 0.5}}
    table = cognition.cognition_spread({"a": frame, "b": frame}, base)
    assert table["Spread over the base"].tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert table["Energy, most"].tolist() == [400.0, 400.0]


def test_twice_the_loss_aversion_doubles_losses_and_leaves_gains(prepared, preferences):
    planner = replace(preferences, reference=np.array([0.0, 0.0, 0.0, 0.0, -1e6]))
    table = cognition.doubled_aversion(
        prepared, planner, {"energy_kwh": 5000.0, "power_kw": 3000.0}
    ).set_index("Attribute")
    assert table.loc["Life-cycle cost", "Ratio"] == pytest.approx(2.0)
    assert table.loc["Deferral of the upgrade", "Ratio"] == 1.0


def test_loss_aversion_in_yuan_by_hand():
    # lambda = 4 with alpha - beta = 0.5: d* = 4 ** 2; a million is worth 4 / 1000 of a gain.
    planners = {"a": {"alpha": 1.0, "beta": 0.5, "loss_aversion": 4.0}}
    planners["b"] = {"alpha": 0.5, "beta": 0.5, "loss_aversion": 4.0}
    table = cognition.aversion_table(planners)
    assert table["d* (yuan)"].tolist() == pytest.approx([16.0, np.nan], nan_ok=True)
    assert table["Loss over gain at a million yuan"].tolist() == pytest.approx([0.004, 4.0])


def test_with_equal_exponents_the_unit_of_money_changes_nothing(grid, prepared, preferences):
    table = cognition.unit_table({"a": grid}, {"a": prepared}, {"a": preferences})
    assert table["Unit"].tolist() == list(cognition.UNITS_OF_MONEY)
    assert table[list(cognition.CASH_UNITS)].nunique().tolist() == [1, 1, 1, 1]


def test_steepness_is_the_slope_of_the_value_function(preferences):
    for d in (5e5, -5e5):
        by_difference = (value(d + 1.0, preferences) - value(d - 1.0, preferences)) / 2.0
        assert expected_cost.steepness(d, preferences) == pytest.approx(float(by_difference))


def test_more_expected_cost_never_makes_the_prospect_of_the_cost_worse_at_zero_size(
    grid, prepared, preferences
):
    sweep = expected_cost.expected_cost_sweep(
        grid, prepared, preferences, np.array([0.0, 1e7, 1e9])
    )
    assert sweep["expected"].tolist() == [0.0, 1e7, 1e9]
    assert sweep["prospect_cost"].is_monotonic_increasing
    table = expected_cost.turn_table({"literature": sweep})
    assert set(expected_cost.TURN_UNITS) <= set(table.columns)
    assert table["Energy, least"].iloc[0] == sweep["energy_kwh"].min()
    fig = figures.expected_cost({"literature": sweep, "calibrated": sweep})
    assert len(fig.axes) == 4
    assert all(len(ax.lines) >= 2 for ax in fig.axes)
    plt.close(fig)


def test_the_ends_of_the_expected_cost_are_the_first_and_the_last_row():
    rows = [scenario("cost", at, at, prospect_cost=at - 50.0) for at in (1.0, 20.0, 100.0)]
    table = expected_cost.cost_end_table({"a": pd.DataFrame(rows)})
    assert table.iloc[0].tolist() == ["a", -49.0, 50.0, 1.0, 100.0, 0.5, 50.0]
    assert set(expected_cost.COST_END_UNITS) <= set(table.columns)
