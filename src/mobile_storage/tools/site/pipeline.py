"""Picture of the pipeline from the block in the README."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import networkx as nx
from matplotlib.patches import FancyBboxPatch

from mobile_storage.core.style import PAGE_MM, PALETTE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw", "layers", "read_graph"]

_NODE = re.compile(r'^\s*(\w+)\["(.+)"\]$', re.MULTILINE)
_EDGE = re.compile(r"^\s*(\w+) --> (\w+)$", re.MULTILINE)
_ROW_MM, _BOX_MM = 19.0, 9.0


def read_graph(markdown: str) -> nx.DiGraph:
    """Return stages and what they need from a Mermaid block; names in the attribute ``name``.

    What comes before a name's first underscore stands on a line of its own.
    """
    graph = nx.DiGraph()
    for node, name in _NODE.findall(markdown):
        graph.add_node(node, name=name.replace("_", "\n", 1))
    graph.add_edges_from(_EDGE.findall(markdown))
    return graph


def layers(graph: nx.DiGraph) -> list[list[str]]:
    """Return the stages by layers; within one, below the mean place of what they need."""
    found: list[list[str]] = []
    place: dict[str, float] = {}
    for generation in nx.topological_generations(graph):
        above = {node: [place[p] for p in graph.predecessors(node)] or [0.5] for node in generation}
        row = sorted(generation, key=lambda node: (sum(above[node]) / len(above[node]), node))
        place |= {node: (i + 0.5) / len(row) for i, node in enumerate(row)}
        found.append(row)
    return found


def draw(graph: nx.DiGraph) -> Figure:
    """Draw the stages from top to bottom, one picture for each part that shares nothing.

    An arrow that follows from others is left out.
    """
    parts = [
        nx.transitive_reduction(graph.subgraph(part))
        for part in sorted(nx.weakly_connected_components(graph), key=min)
    ]
    rows = [layers(part) for part in parts]
    heights = [len(row) * _ROW_MM for row in rows]
    fig, axes = new_figure(
        len(parts),
        width_mm=PAGE_MM,
        height_mm=max(sum(heights), _ROW_MM),
        squeeze=False,
        gridspec_kw={"height_ratios": heights or [1]},
    )
    for ax, part, row, height in zip(axes[:, 0], parts, rows, heights, strict=False):
        ax.set_axis_off()
        ax.set_xlim(0, PAGE_MM)
        ax.set_ylim(-height, 0)
        at = {
            node: (PAGE_MM * (i + 0.5) / len(names), -_ROW_MM * (level + 0.5))
            for level, names in enumerate(row)
            for i, node in enumerate(names)
        }
        for start, end in sorted(part.edges):
            (x0, y0), (x1, y1) = at[start], at[end]
            ax.annotate(
                "",
                xy=(x1, y1 + _BOX_MM / 2),
                xytext=(x0, y0 - _BOX_MM / 2),
                arrowprops={"arrowstyle": "-|>", "color": "0.3", "linewidth": 0.8},
            )
        for node, (x, y) in at.items():
            _box(ax, x, y, graph.nodes[node].get("name", node))
    return fig


def _box(ax, x: float, y: float, text: str) -> None:
    width = 1.6 * max(map(len, text.split("\n"))) + 5.0
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - _BOX_MM / 2),
            width,
            _BOX_MM,
            boxstyle="round,pad=0,rounding_size=1.5",
            facecolor="white",
            edgecolor=PALETTE[0],
            linewidth=1.1,
            zorder=3,
        )
    )
    ax.text(x, y, text, ha="center", va="center", fontsize=7, linespacing=1.3, zorder=4)
