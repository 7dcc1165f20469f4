"""Figures 2 and 3: how the planner sees gains, losses and chances."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mobile_storage.core.style import (
    COLUMN_MM,
    GREY,
    PAGE_MM,
    PALETTE,
    label_panels,
    new_figure,
    series,
)
from mobile_storage.mmbes.model.prospect import value, weight
from mobile_storage.mmbes.model.substation import Preferences
from mobile_storage.mmbes.show.figures.parts import MILLION, set_label

REACH = 2.0 * MILLION
"""Largest gain and loss shown, yuan."""


def value_function(planners: Mapping[str, Preferences]) -> Figure:
    """Figure 2: value of gains and losses, relative to that of a gain of a million yuan.

    Parameters
    ----------
    planners : mapping
        By parameter set; sets that agree share a curve.
    """
    fig, ax = new_figure(width_mm=COLUMN_MM, height_mm=72)
    x = np.linspace(-REACH, REACH, 401)
    for position, (name, p) in enumerate(_distinct(planners, "alpha", "beta", "loss_aversion")):
        y = value(x, p) / value(MILLION, p)
        label = (
            rf"{name}: $\alpha={p.alpha:.3g}$, $\beta={p.beta:.3g}$, "
            rf"$\lambda={p.loss_aversion:.3g}$"
        )
        ax.plot(x / MILLION, y, label=label, **series(position) | {"marker": ""})
    ax.plot([-2, 2], [-2, 2], color=GREY, linewidth=0.7, label="the money itself")
    for line in (ax.axhline, ax.axvline):
        line(0.0, color="0.2", linewidth=0.6)
    ax.plot(0, 0, "o", color="black", markersize=4)
    ax.annotate("reference point", (0, 0), (4, -9), textcoords="offset points", fontsize=7)
    for word, x, y, side in (("losses", 0.03, 0.93, "left"), ("gains", 0.97, 0.05, "right")):
        ax.text(x, y, word, ha=side, transform=ax.transAxes, fontsize=7.5, color="0.35")
    ax.set_xlabel("Difference to the reference point (million yuan)")
    ax.set_ylabel("Value (gain of a million = 1)")
    fig.legend(loc="outside lower center", ncols=1)
    return fig


def weighting(planners: Mapping[str, Preferences], chances: Mapping[str, np.ndarray]) -> Figure:
    """Figure 3: weight of a probability for gains and for losses.

    Parameters
    ----------
    planners : mapping
        By parameter set; sets that agree share a panel.
    chances : mapping
        By parameter set, the probabilities of the extreme scenarios, (scenarios,): right panels
        show the range in which they lie.
    """
    shown = list(_distinct(planners, "gamma", "delta"))
    rare = np.concatenate([np.ravel(c) for c in chances.values()])
    # Up to twice the likeliest scenario; without any, the small chances all the same.
    reach = min(1.0, 2.0 * rare.max(initial=0.0)) or 0.1
    fig, axes = new_figure(
        len(shown), 2, width_mm=PAGE_MM, height_mm=8 + 66 * len(shown), squeeze=False
    )
    for (name, p), (whole, small) in zip(shown, axes, strict=True):
        _weights(whole, p, 1.0)
        _weights(small, p, reach)
        here = np.unique(rare[rare > 0])
        small.plot(here, weight(here, p.gamma), "o", color=PALETTE[0], label="extreme scenarios")
        whole.set_title(name, fontsize=8)
        small.set_title(f"{name}, small probabilities", fontsize=8)
        small.legend(loc="upper left")
    for ax in axes[-1]:
        ax.set_xlabel("Probability")
    for ax in axes[:, 0]:
        ax.set_ylabel("Weight")
    label_panels(axes)
    return fig


def _weights(ax: Axes, planner: Preferences, reach: float) -> None:
    p = np.linspace(0.0, reach, 401)
    curves = (
        (rf"gains, $\gamma={planner.gamma:.3g}$", planner.gamma),
        (rf"losses, $\delta={planner.delta:.3g}$", planner.delta),
    )
    for position, (label, curvature) in enumerate(curves):
        ax.plot(p, weight(p, curvature), label=label, **series(position) | {"marker": ""})
    ax.plot([0, reach], [0, reach], color=GREY, linewidth=0.7, label="the probability itself")


def _distinct(planners: Mapping[str, Preferences], *names: str) -> list[tuple[str, Preferences]]:
    """Planners that differ in some of their numbers, under the names of all that share them."""
    groups: dict[tuple, list[str]] = {}
    for name, planner in planners.items():
        groups.setdefault(tuple(getattr(planner, n) for n in names), []).append(name)
    return [
        (set_label(members[0]) if len(members) == 1 else "both sets", planners[members[0]])
        for members in groups.values()
    ]
