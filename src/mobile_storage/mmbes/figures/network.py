"""Figure 7: the one-line diagram of the case system, laid out from the network itself.

Closed branches form trees below the sources. Every load, the storage and every end of a tie take a
column of their own below their busbar; a busbar spans the columns below it. A tie between
neighbours is drawn straight, any other goes round at the foot. So nothing crosses but such ties,
and any radial network can be drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle

from mobile_storage.adequacy.network import Branch, Network
from mobile_storage.compendium.style import PAGE_MM, PALETTE, new_figure

from .parts import mark

LEVEL_MM = 24.0
"""Between a busbar and the next below it."""
TIE_MM = 7.0
"""Between the ties at the foot of the diagram."""
LOAD_MM = 15.0
"""What hangs below the lowest busbar."""
WIRE = {"color": "0.2", "linewidth": 1.0, "solid_capstyle": "butt"}


@dataclass(frozen=True)
class Layout:
    """Where things are.

    Attributes
    ----------
    span : dict
        Of each node: first and last column of its busbar.
    depth : dict
        Of each node: levels below its source.
    below : dict
        What hangs below each node: ``(kind, name, column)``, kind one of ``branch``, ``load``,
        ``storage``, ``tie``.
    columns : int
    """

    span: dict[str, tuple[float, float]]
    depth: dict[str, int]
    below: dict[str, list[tuple[str, str, float]]]
    columns: int


def layout(network: Network) -> Layout:
    """Columns and levels of a radial network."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(node.name for node in network.nodes)
    for branch in network.branches:
        if not branch.normally_open:
            graph.add_edge(branch.start, branch.end, key=branch.name)
    span: dict[str, tuple[float, float]] = {}
    depth: dict[str, int] = {}
    below: dict[str, list[tuple[str, str, float]]] = {}
    columns = 0

    def place(node: str, level: int) -> float:
        """Columns of a node and all below it; the middle of its busbar."""
        nonlocal columns
        depth[node] = level
        hanging: list[tuple[str, str, float]] = []
        for kind, name in _hanging(network, node, graph, depth):
            if kind == "branch":
                branch = next(b for b in network.branches if b.name == name)
                other = branch.end if branch.start == node else branch.start
                hanging.append((kind, name, place(other, level + 1)))
            else:
                hanging.append((kind, name, float(columns)))
                columns += 1
        if not hanging:
            hanging.append(("end", node, float(columns)))
            columns += 1
        span[node] = hanging[0][2], hanging[-1][2]
        below[node] = [item for item in hanging if item[0] != "end"]
        return float(np.mean(span[node]))

    feeding = {node.name for node in network.nodes if node.source_capacity > 0}
    for node in network.nodes:
        if node.name in feeding and graph.degree(node.name):
            place(node.name, 0)
    # What hangs on ties alone stands beside what it is tied to.
    for node in network.nodes:
        if node.name not in depth:
            place(node.name, _beside(network, node.name, depth))
    return Layout(span, depth, below, columns)


def _beside(network: Network, node: str, depth: Mapping[str, int]) -> int:
    """Level of the first placed node that a node is tied to; the top without any."""
    for branch in network.branches:
        ends = {branch.start, branch.end}
        if node in ends and (placed := ends & set(depth)):
            return depth[placed.pop()]
    return 0


def straight_ties(network: Network, plan: Layout) -> dict[str, tuple[float, float]]:
    """Ties between neighbours on a level, and the columns of their ends.

    Nothing may stand between the ends but the ends of ties that are straight themselves.
    """
    ends: dict[str, list[float]] = {}
    for hanging in plan.below.values():
        for kind, name, column in hanging:
            if kind == "tie":
                ends.setdefault(name, []).append(column)
    free: set[float] = set()
    found = {}
    ties = [b for b in network.branches if b.normally_open]
    for tie in sorted(ties, key=lambda b: abs(np.subtract(*ends[b.name]))):
        first, last = sorted(ends[tie.name])
        between = set(np.arange(first + 1, last))
        if plan.depth[tie.start] == plan.depth[tie.end] and between <= free:
            found[tie.name] = first, last
            free |= {first, last}
    return found


def _hanging(
    network: Network, node: str, graph: nx.MultiGraph, placed: Collection[str]
) -> Iterator[tuple[str, str]]:
    """What hangs below a node from left to right."""
    for branch in network.branches:
        if branch.normally_open and branch.end == node:
            yield "tie", branch.name
    for point in network.load_points:
        if point.node == node:
            yield "load", point.name
    for _, other, name in graph.edges(node, keys=True):
        if other not in placed:
            yield "branch", name
    if network.storage_node == node:
        yield "storage", node
    for branch in network.branches:
        if branch.normally_open and branch.start == node:
            yield "tie", branch.name


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
    round_the_foot = [b.name for b in net.branches if b.normally_open and b.name not in straight]
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
        else:
            _name(ax, node.name, first - 4.0, y + 1.6)
        for kind, name, column in plan.below[node.name]:
            x = x_of(column)
            if kind == "branch":
                branch = branches[name]
                other = branch.end if branch.start == node.name else branch.start
                _branch(ax, branch, node.name, x, y, y_of(other), name in transformers)
            elif kind == "load":
                _load(ax, x, y, name, name in critical)
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


def _load(ax: Axes, x: float, y: float, name: str, critical: bool) -> None:
    colour = PALETTE[2] if critical else "0.2"
    ax.annotate(
        "",
        xy=(x, y - 9.0),
        xytext=(x, y),
        arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.0, "shrinkA": 0},
    )
    style = {"weight": "bold"} if critical else {}
    ax.text(x, y - 10.0, name, ha="center", va="top", fontsize=7, color=colour, **style)


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
