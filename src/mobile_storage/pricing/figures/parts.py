"""What several figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mobile_storage.compendium.style import PAGE_MM, new_figure, series

Case = Mapping[str, Any]

CASES = ("Case 1: multi-grade", "Case 2: one price", "Case 3: no emergency supply")
MOST_NAMED = 60
"""Customers beyond this number are drawn without their names: there is no room for them."""


def mark(label: str, **style: Any) -> Line2D:
    """Legend entry; a marker without line unless `style` says otherwise."""
    style = {"color": "black", "linestyle": "", "marker": ""} | style
    return Line2D([], [], label=label, **style)


def points(position: int) -> dict[str, Any]:
    """Colour and marker of a series that is not a line."""
    return series(position) | {"linestyle": ""}


def customers_height_mm(count: int) -> float:
    """Height of a figure with a row for each customer."""
    return min(240.0, max(60.0, 32.0 + 4.2 * count))


def customer_axis(ax: Axes, names: Sequence[str], label: str) -> None:
    """Rows from top to bottom, with names as long as there is room for them."""
    if len(names) <= MOST_NAMED:
        ax.set_yticks(range(len(names)), names, fontsize=6.5)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_ylabel(label)


def no_answer(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    fig, ax = new_figure(width_mm=PAGE_MM, height_mm=20)
    ax.set_axis_off()
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    return fig
