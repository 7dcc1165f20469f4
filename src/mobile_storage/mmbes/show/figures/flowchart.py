"""Figure 6: the thirteen steps of section 4."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon

from mobile_storage.core.style import PAGE_MM, PALETTE, new_figure

SIZE_MM = (PAGE_MM, 168.0)
_ATTRIBUTES = (
    ("6", "Network losses", "Eq. (10)-(12)"),
    ("7", "Reliability", "EENS without and with\nstorage, Eq. (16)-(21)"),
    ("8", "Deferral", "credible capacity,\nEq. (22)-(25)"),
    ("9", "Extreme events", "residual energy,\nEq. (29)-(31)"),
    ("10", "Life-cycle cost", "Eq. (32)-(36)"),
)


def flowchart() -> Figure:
    """Figure 6: differential evolution around the five attributes, steps 1 to 13."""
    fig, ax = new_figure(width_mm=SIZE_MM[0], height_mm=SIZE_MM[1])
    ax.set_axis_off()
    ax.set_xlim(0, SIZE_MM[0])
    ax.set_ylim(0, SIZE_MM[1])
    middle = 87.0
    top = (
        (158.0, "1", r"Read the ledgers; decision variables $S_n$ and $P_n$"),
        (145.0, "2", "Reference point of each attribute"),
        (132.0, "3", r"Iteration $k = 0$, first population drawn"),
        (119.0, "4", r"Member $m = 1$ of the population"),
        (104.0, "5", "Charge and discharge on every typical day;\nlaw of the state of charge"),
    )
    for y, number, text in top:
        _box(ax, (middle, y), (84.0, 8.0 if "\n" not in text else 11.0), number, text)
    for upper, lower in ((154.0, 149.0), (141.0, 136.0), (128.0, 123.0), (115.0, 109.5)):
        _arrow(ax, [(middle, upper), (middle, lower)])
    xs = [19.0 + 34.0 * k for k in range(5)]
    for x, (number, title, text) in zip(xs, _ATTRIBUTES, strict=True):
        _box(ax, (x, 80.0), (31.0, 19.0), number, text, title, PALETTE[1])
        _arrow(ax, [(middle, 98.5), (middle, 94.5), (x, 94.5), (x, 89.5)])
        _arrow(ax, [(x, 70.5), (x, 65.5), (middle, 65.5), (middle, 61.5)])
    _arrow(ax, [(xs[1] + 15.5, 80.0), (xs[2] - 15.5, 80.0)], dashed=True)
    _box(ax, (middle, 57.0), (84.0, 9.0), "11", r"Comprehensive prospect $V = \sum_k w_k V_k$")
    _arrow(ax, [(middle, 52.5), (middle, 48.5)])
    _diamond(ax, (middle, 41.0), "12", "whole population\nvalued?")
    _arrow(ax, [(middle, 33.5), (middle, 28.5)], "yes")
    _diamond(ax, (middle, 21.0), "13", "most iterations\nreached?")
    _arrow(ax, [(middle, 13.5), (middle, 9.5)], "yes")
    _box(ax, (middle, 5.0), (84.0, 8.0), "", r"Best $S_n$, $P_n$ and their prospect")
    _box(ax, (28.0, 41.0), (40.0, 8.0), "", r"next member, $m \to m + 1$")
    _arrow(ax, [(62.0, 41.0), (48.0, 41.0)], "no")
    _arrow(ax, [(8.0, 41.0), (1.0, 41.0), (1.0, 104.0), (45.0, 104.0)])
    _box(
        ax,
        (146.0, 21.0),
        (42.0, 14.0),
        "",
        "mutation, crossover, selection;\n" r"$k \to k + 1$",
    )
    _arrow(ax, [(112.0, 21.0), (125.0, 21.0)], "no")
    _arrow(ax, [(167.0, 21.0), (173.0, 21.0), (173.0, 119.0), (129.0, 119.0)])
    return fig


def _box(
    ax: Axes,
    centre: tuple[float, float],
    size: tuple[float, float],
    number: str,
    text: str,
    title: str = "",
    colour: str = PALETTE[0],
) -> None:
    (x, y), (width, height) = centre, size
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=1.5",
            facecolor="white",
            edgecolor=colour,
            linewidth=1.3,
        )
    )
    if number:
        _number(ax, x - width / 2, y + height / 2, number)
    if title:
        ax.text(x, y + height / 2 - 5.0, title, ha="center", va="center", fontsize=7, weight="bold")
        y -= 3.0
    ax.text(x, y, text, ha="center", va="center", fontsize=7, linespacing=1.4)


def _diamond(ax: Axes, centre: tuple[float, float], number: str, text: str) -> None:
    x, y = centre
    corners = [(x - 25.0, y), (x, y + 7.5), (x + 25.0, y), (x, y - 7.5)]
    ax.add_patch(Polygon(corners, facecolor="white", edgecolor=PALETTE[0], linewidth=1.3))
    _number(ax, x - 18.0, y + 2.1, number)
    ax.text(x, y, text, ha="center", va="center", fontsize=7)


def _number(ax: Axes, x: float, y: float, number: str) -> None:
    """Number of a step, on the corner of its box."""
    ax.text(
        x,
        y,
        number,
        ha="center",
        va="center",
        fontsize=6.5,
        weight="bold",
        color="white",
        bbox={"boxstyle": "circle,pad=0.25", "facecolor": "0.2", "edgecolor": "none"},
    )


def _arrow(
    ax: Axes,
    path: Sequence[tuple[float, float]],
    label: str = "",
    *,
    dashed: bool = False,
) -> None:
    """Line along a path with a head at its end; its label stands beside the start."""
    if len(path) > 2:
        ax.plot(*zip(*path[:-1], strict=True), color="0.2", linewidth=0.9)
    ax.annotate(
        "",
        xy=path[-1],
        xytext=path[-2],
        arrowprops={
            "arrowstyle": "-|>",
            "color": "0.2",
            "linewidth": 0.9,
            "linestyle": (0, (2, 1)) if dashed else "-",
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )
    if label:
        x, y = path[0]
        right = path[0][0] == path[1][0]
        step = 1.0 if path[1][0] > x else -1.0
        ax.text(
            x + (1.5 if right else 3.0 * step),
            y - 2.0 if right else y + 1.8,
            label,
            fontsize=7,
            ha="left" if right or step > 0 else "right",
            va="center",
        )
