"""Picture of the pipeline, drawn here so that the site needs no network and no JavaScript.

The README has the same graph as Mermaid text, which the forge draws. Mermaid's Sphinx extension is
no way to show that text here: it either has the browser fetch Mermaid's script from a content
delivery network, or runs Mermaid's command line, which needs Node.js and a browser of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
from matplotlib.patches import FancyBboxPatch

from mobile_storage.core.style import PAGE_MM, PALETTE, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw", "layers"]

_ROW_MM, _BOX_MM = 19.0, 9.0


def layers(graph: nx.DiGraph) -> list[list[str]]:
    """Return the stages by layers, each stage below the mean place of those that it needs."""
    found: list[list[str]] = []
    place: dict[str, float] = {}
    for generation in nx.topological_generations(graph):
        above = {node: [place[p] for p in graph.predecessors(node)] or [0.5] for node in generation}
        row = sorted(generation, key=lambda node: (sum(above[node]) / len(above[node]), node))
        place |= {node: (i + 0.5) / len(row) for i, node in enumerate(row)}
        found.append(row)
    return found


def draw(graph: nx.DiGraph) -> Figure:
    """Draw the stages from top to bottom, each connected part of the graph by itself.

    An edge that follows from others is left out.

    Parameters
    ----------
    graph : DiGraph
        As `stage_graph` returns it. What comes before the first underscore of a label stands on a
        line of its own.
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
            _box(ax, x, y, graph.nodes[node]["label"].replace("_", "\n", 1))
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
