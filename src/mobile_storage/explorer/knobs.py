"""Values that a reader may move, shown as sliders and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure

from mobile_storage.core.ledger import Parameter

__all__ = [
    "Knob",
    "knob_of",
    "knob_table",
    "moved_symbols",
    "moved_text",
    "reset_button",
    "show",
    "sliders",
]

Value = float | tuple[float, float]


@dataclass(frozen=True)
class Knob:
    """One value that may move, or the two ends of a range.

    Attributes
    ----------
    symbol : str
        Its key in what is asked.
    name, unit : str
    default : float or tuple of 2 floats
        A pair stands for a range with two handles.
    low, high, step : float
        Ends of the slider, and how finely it moves.
    origin : str
        Where the default comes from.
    """

    symbol: str
    name: str
    unit: str
    default: Value
    low: float
    high: float
    step: float
    origin: str

    @property
    def label(self) -> str:
        """Name and unit, short enough to stand beside a slider."""
        short = self.name.partition(":")[0]
        return short if self.unit == "dimensionless" else f"{short} ({self.unit})"

    def text(self, value: Value) -> str:
        """Write a value as the table does."""
        if isinstance(value, tuple):
            return " to ".join(self.text(end) for end in value)
        return f"{value:,.0f}" if self.step >= 1 else f"{value:.3g}"


def knob_of(row: Parameter, symbol: str, step: float, default: float | None = None) -> Knob:
    """Make the knob of a ledger's row, over the range that the ledger gives.

    Parameters
    ----------
    row : Parameter
        Must have a range.
    symbol : str
        Key of the knob.
    step : float
        How finely it moves.
    default : float, optional
        Value of another parameter set in place of the ledger's.
    """
    knob = Knob(symbol, row.name, row.unit, row.value, row.low, row.high, step, row.status)
    if default is None or default == row.value:
        return knob
    origin = f"calibrated; the ledger has {knob.text(row.value)} ({row.status})"
    return replace(knob, default=default, origin=origin)


def sliders(knobs: Iterable[Knob]) -> dict[str, widgets.ValueWidget]:
    """Make a slider for each knob, by symbol; it reports when the handle is released."""
    controls = {}
    for knob in knobs:
        kind = widgets.FloatRangeSlider if isinstance(knob.default, tuple) else widgets.FloatSlider
        controls[knob.symbol] = kind(
            value=knob.default,
            min=knob.low,
            max=knob.high,
            step=knob.step,
            description=knob.label,
            readout_format=",.0f" if knob.step >= 1 else ".2f" if knob.step >= 0.01 else ".3f",
            continuous_update=False,
            style={"description_width": "38em"},
            layout={"width": "min(70em, 98%)"},
        )
    return controls


def reset_button(
    knobs: Iterable[Knob], controls: Mapping[str, widgets.ValueWidget]
) -> widgets.Button:
    """Make a button that moves every slider back to its default."""
    button = widgets.Button(
        description="Back to the defaults", icon="undo", layout={"width": "max-content"}
    )
    defaults = {knob.symbol: knob.default for knob in knobs}

    def reset(_: widgets.Button) -> None:
        for symbol, value in defaults.items():
            controls[symbol].value = value

    button.on_click(reset)
    return button


def moved_symbols(knobs: Iterable[Knob], values: Mapping[str, Value]) -> list[str]:
    """List the symbols of the knobs that are not at their default."""
    return [knob.symbol for knob in knobs if values[knob.symbol] != knob.default]


def moved_text(changed: Sequence[str]) -> str:
    """Say in words how many values were moved."""
    if not changed:
        return "Every value at its default"
    return f"{len(changed)} value{'s' if len(changed) > 1 else ''} moved"


def knob_table(knobs: Iterable[Knob], values: Mapping[str, Value]) -> pd.DataFrame:
    """Tabulate every knob: whether it was moved, its default, and where the default comes from."""
    knobs = list(knobs)
    changed = moved_symbols(knobs, values)
    return pd.DataFrame(
        {
            "Value": f"{knob.name} (`{knob.symbol}`)",
            "Unit": "" if knob.unit == "dimensionless" else knob.unit,
            "Now": f"**{knob.text(values[knob.symbol])}, moved**"
            if knob.symbol in changed
            else "default",
            "Default": knob.text(knob.default),
            "Range": knob.text((knob.low, knob.high)),
            "The default is": knob.origin,
        }
        for knob in knobs
    )


def show(parts: Iterable[Any]) -> None:
    """Display the parts of a report and close its figures."""
    for part in parts:
        display(part)
        if isinstance(part, Figure):
            plt.close(part)
