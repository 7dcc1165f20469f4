"""Sliders and the table that says what was moved, on knobs with round numbers."""

from __future__ import annotations

import ipywidgets as widgets
import matplotlib.pyplot as plt
import pytest

from mobile_storage.core.ledger import Parameter
from mobile_storage.explorer.knobs import (
    Knob,
    knob_of,
    knob_table,
    moved_symbols,
    moved_text,
    reset_button,
    show,
    sliders,
)

ROW = Parameter("x", "Share: of what", 0.5, "dimensionless", 0.25, 1.0, "assumed", "toy", "")
SHARE = knob_of(ROW, "x", 0.01)
RANGE = Knob("p", "Prices", "yuan/kWh", (0.0, 40.0), 0.0, 40.0, 0.25, "no bound")
KNOBS = (SHARE, RANGE)


def test_knob_of_a_row_has_its_range_value_and_status():
    assert Knob("x", "Share: of what", "dimensionless", 0.5, 0.25, 1.0, 0.01, "assumed") == SHARE


def test_default_of_another_set_says_what_the_ledger_has():
    knob = knob_of(ROW, "x", 0.01, default=0.7)
    assert knob.default == 0.7
    assert knob.origin == "calibrated; the ledger has 0.5 (assumed)"
    assert knob_of(ROW, "x", 0.01, default=0.5) == SHARE


def test_sliders_cover_the_range_start_at_the_default_and_wait_for_the_handle():
    controls = sliders(KNOBS)
    assert isinstance(controls["p"], widgets.FloatRangeSlider)
    assert controls["p"].value == (0.0, 40.0)
    assert (controls["x"].min, controls["x"].value, controls["x"].max) == (0.25, 0.5, 1.0)
    assert controls["p"].description == "Prices (yuan/kWh)"
    assert controls["x"].description == "Share"
    assert not any(control.continuous_update for control in controls.values())


def test_moving_a_slider_calls_back_and_the_button_takes_all_back():
    controls, calls = sliders(KNOBS), []
    widgets.interactive_output(lambda **values: calls.append(values), controls)
    controls["x"].value = 0.75
    controls["p"].value = (1.0, 5.0)
    assert calls == [
        {"x": 0.5, "p": (0.0, 40.0)},
        {"x": 0.75, "p": (0.0, 40.0)},
        {"x": 0.75, "p": (1.0, 5.0)},
    ]
    reset_button(KNOBS, controls).click()
    assert calls[-1] == calls[0]


def test_table_tells_defaults_from_moved_values():
    values = {"x": 0.5, "p": (0.0, 12.5)}
    assert moved_symbols(KNOBS, values) == ["p"]
    assert moved_text(moved_symbols(KNOBS, values)) == "1 value moved"
    assert moved_text(["p", "x"]) == "2 values moved"
    table = knob_table(KNOBS, values)
    assert table["Value"].to_list() == ["Share: of what (`x`)", "Prices (`p`)"]
    assert table["Now"].to_list() == ["default", "**0 to 12.5, moved**"]
    assert table["Default"].to_list() == ["0.5", "0 to 40"]
    assert table["Range"].to_list() == ["0.25 to 1", "0 to 40"]
    assert table["Unit"].to_list() == ["", "yuan/kWh"]


@pytest.mark.parametrize(("step", "text"), [(5e5, "9,923,039"), (0.005, "9.92e+06")])
def test_large_values_are_written_out(step, text):
    assert Knob("c", "Cost", "yuan", 1.0, 0.0, 2e7, step, "").text(9923039.35) == text


def test_shown_figures_are_closed(capsys):
    fig = plt.figure()
    show(["a text", fig])
    assert "a text" in capsys.readouterr().out
    assert not plt.fignum_exists(fig.number)
