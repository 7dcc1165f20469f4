"""Figure 7: the one-line diagram of the case system, drawn from the network itself."""

from __future__ import annotations

import textwrap
from collections.abc import Collection

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle

from mobile_storage.adequacy.analytic.network import Branch, Network
from mobile_storage.core.style import PAGE_MM, PALETTE, mark, new_figure
from mobile_storage.mmbes.show.figures.layout import layout, other_end, straight_ties, tie_columns

LEVEL_MM = 24.0
"""Between a busbar and the next below it."""
TIE_MM = 7.0
"""Between the ties at the foot of the diagram."""
LOAD_MM = 15.0
"""What hangs below the lowest busbar."""
NARROW_MM = 9.0
"""Columns closer than this have the names of their loads upright."""
WIRE = {"color": "0.2", "linewidth": 1.0, "solid_capstyle": "butt"}


def network(net: Network, transformers: Collection[str], critical: Collection[str] = ()) -> Figure:
    """Figure 7: the case system as it is modelled.

    Parameters
    ----------
    net : Network
        Radial.
    transformers, critical : collection of str
        Branches that are transformers, and load points that are protected first.
    """
    plan = layout(net)
    straight = straight_ties(net, plan)
    spans = {name: np.ptp(ends) for name, ends in tie_columns(plan).items()}
    # The shorter a tie, the nearer its lane: so they cross least.
    round_the_foot = sorted(set(spans) - set(straight), key=lambda name: (spans[name], name))
    levels = max(plan.depth.values()) + 1
    foot = LOAD_MM + TIE_MM * len(round_the_foot)
    height = LEVEL_MM * (levels - 1) + foot + 12.0
    fig, ax = new_figure(width_mm=PAGE_MM, height_mm=height + 8.0)
    ax.set_axis_off()
    ax.set_xlim(0, PAGE_MM)
    ax.set_ylim(0, height)
    pitch = min((PAGE_MM - 24.0) / max(plan.columns - 1, 1), 26.0)
    left = (PAGE_MM - pitch * (plan.columns - 1)) / 2

    def x_of(column: float) -> float:
        return left + pitch * column

    def y_of(node: str) -> float:
        return height - 12.0 - LEVEL_MM * plan.depth[node]

    branches = {b.name: b for b in net.branches}
    lanes = {name: foot - LOAD_MM - TIE_MM * k for k, name in enumerate(round_the_foot)}
    drops: dict[str, list[tuple[float, float]]] = {}
    for node in net.nodes:
        y = y_of(node.name)
        first, last = (x_of(c) for c in plan.span[node.name])
        ax.plot([first - 4.0, last + 4.0], [y, y], color="black", linewidth=2.6)
        if node.source_capacity > 0:
            _source(ax, (first + last) / 2, y, node.name)
        elif plan.below[node.name]:
            _name(ax, node.name, first - 4.0, y + 1.6)
        else:  # short: its name has no room beside its neighbours'
            words = textwrap.fill(node.name.replace("_", " "), 10)
            style = {"ha": "center", "va": "top", "weight": "bold"}
            ax.text(first, y - 1.6, words, fontsize=6.5, **style)
        for kind, name, column in plan.below[node.name]:
            x = x_of(column)
            if kind == "branch":
                branch = branches[name]
                low = y_of(other_end(branch, node.name))
                _branch(ax, branch, node.name, x, y, low, name in transformers)
            elif kind == "load":
                _load(ax, x, y, name, name in critical, upright=pitch < NARROW_MM)
            elif kind == "storage":
                _storage(ax, x, y)
            else:
                drops.setdefault(name, []).append((x, y))
    for name, ends in drops.items():
        _tie(ax, branches[name], ends, lanes.get(name, ends[0][1]))
    fig.legend(handles=_symbols(), loc="outside lower center", ncols=6, columnspacing=1.2)
    return fig


def _name(ax: Axes, name: str, x: float, y: float) -> None:
    ax.text(x, y, name.replace("_", " "), fontsize=6.5, ha="left", va="bottom", weight="bold")


def _source(ax: Axes, x: float, y: float, name: str) -> None:
    ax.plot([x, x], [y, y + 3.0], **WIRE)
    ax.add_patch(Circle((x, y + 5.6), 2.6, facecolor="white", edgecolor="0.2", zorder=3))
    ax.text(x, y + 5.6, "~", ha="center", va="center", fontsize=9, zorder=4)
    _name(ax, name, x + 3.6, y + 4.6)


def _branch(
    ax: Axes, branch: Branch, above: str, x: float, top: float, bottom: float, transformer: bool
) -> None:
    ax.plot([x, x], [top, bottom], zorder=1, **WIRE)
    middle = (top + bottom) / 2
    if transformer:
        for shift in (1.6, -1.6):
            ax.add_patch(
                Circle((x, middle + shift), 2.6, facecolor="white", edgecolor="0.2", zorder=2)
            )
        for shift in (1.6, -1.6):
            ax.add_patch(
                Circle((x, middle + shift), 2.6, facecolor="none", edgecolor="0.2", zorder=3)
            )
    first, second = branch.from_device, branch.to_device
    if branch.start != above:
        first, second = second, first
    _device(ax, first, x, top - 4.5)
    _device(ax, second, x, bottom + 4.5)
    ax.text(x + (3.6 if transformer else 1.8), middle, branch.name, fontsize=7, va="center")


def _device(ax: Axes, device: str, x: float, y: float, *, closed: bool = True) -> None:
    face = "0.2" if closed else "white"
    if device == "breaker":
        ax.add_patch(
            Rectangle((x - 1.3, y - 1.3), 2.6, 2.6, facecolor=face, edgecolor="0.2", zorder=3)
        )
    elif device == "disconnector":
        ax.plot([x - 1.6, x + 1.6], [y - 1.4, y + 1.4], color="0.2", linewidth=1.4, zorder=3)
    elif device == "fuse":
        ax.add_patch(
            Rectangle((x - 0.9, y - 1.8), 1.8, 3.6, facecolor="white", edgecolor="0.2", zorder=3)
        )


def _load(ax: Axes, x: float, y: float, name: str, critical: bool, *, upright: bool) -> None:
    colour = PALETTE[2] if critical else "0.2"
    ax.annotate(
        "",
        xy=(x, y - 9.0),
        xytext=(x, y),
        arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.0, "shrinkA": 0},
    )
    style = {"weight": "bold"} if critical else {}
    ax.text(
        x,
        y - 10.0,
        name.replace("_", " "),
        ha="center",
        va="top",
        fontsize=6.5,
        color=colour,
        rotation=90 if upright else 0,
        **style,
    )


def _storage(ax: Axes, x: float, y: float) -> None:
    ax.plot([x, x], [y, y - 6.0], **WIRE)
    ax.add_patch(
        Rectangle((x - 4.5, y - 11.0), 9.0, 5.0, facecolor=PALETTE[1], edgecolor="0.2", zorder=2)
    )
    ax.text(x, y - 8.6, "MMBES", ha="center", va="center", fontsize=5.5, zorder=3)


def _tie(ax: Axes, tie: Branch, ends: list[tuple[float, float]], lane: float) -> None:
    """A tie through its lane, with its open switch in the middle."""
    for x, y in ends:
        ax.plot([x, x], [y, lane], zorder=1, **WIRE | {"linestyle": (0, (4, 2))})
    first, last = sorted(x for x, _ in ends)
    ax.plot([first, last], [lane, lane], zorder=1, **WIRE | {"linestyle": (0, (4, 2))})
    middle = (first + last) / 2
    _device(ax, "breaker", middle, lane, closed=False)
    words = f"{tie.name}, automatic" if tie.automatic else tie.name
    ax.text(middle, lane - 2.0, words, ha="center", va="top", fontsize=6.5)


def _symbols() -> list[Line2D]:
    return [
        mark("breaker, closed", marker="s", color="0.2", markersize=5),
        mark("tie, open", marker="s", markeredgecolor="0.2", markerfacecolor="white", markersize=5),
        mark("disconnector", marker=(2, 0, -45), markersize=7, markeredgewidth=1.4, color="0.2"),
        mark("load", marker="v", color="0.2", markersize=4),
        mark("critical load", marker="v", color=PALETTE[2], markersize=4),
    ]
