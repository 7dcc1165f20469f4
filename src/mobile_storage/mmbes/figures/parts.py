"""What several figures share."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mobile_storage.compendium.style import PAGE_MM, new_figure

MILLION = 1e6


def set_label(name: str) -> str:
    """A parameter set in words: ``literature`` is the literature set."""
    return f"{name.replace('_', ' ').capitalize()} set"


def mark(label: str, **style: Any) -> Line2D:
    """Legend entry; a black marker without line unless `style` says otherwise."""
    return Line2D([], [], label=label, **{"color": "black", "linestyle": "", "marker": "", **style})


def say(ax: Axes, text: str) -> None:
    """Write why a panel has nothing to show into its middle."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, fontsize=7.5)


def nothing(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    fig, ax = new_figure(width_mm=PAGE_MM, height_mm=20)
    ax.set_axis_off()
    say(ax, text)
    return fig


def short(value: float) -> str:
    """Three digits, but 1,160 rather than 1.16e+03."""
    return f"{float(f'{value:.3g}'):,g}"


def scale_of(values: Any) -> tuple[float, str]:
    """Power of 1000 that makes values readable, and how an axis names it.

    Prospect values are in yuan to the power of alpha: no unit, and large.
    """
    largest = np.nanmax(np.abs(np.asarray(values, dtype=float)), initial=0.0)
    if largest >= 1e7:
        return 1e6, " (millions)"
    return (1e3, " (thousands)") if largest >= 1e4 else (1.0, "")
