"""Section 5 as figures: what the best size does when something else changes.

`frames` are tables of ``scenarios`` by parameter set: ``series``, ``value`` and the columns of
`report.describe`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mobile_storage.core.style import PAGE_MM, bars, label_panels, mark, new_figure, series
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.show.figures.parts import MILLION, scale_of, set_label
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES

Frames = Mapping[str, pd.DataFrame]
Rows = Mapping[str, Mapping[str, float]]

SIZES = (("energy_kwh", "Energy (MWh)"), ("power_kw", "Power (MW)"))
"""Columns of the size, and their axes; shown in thousands."""
COGNITION = {
    "alpha_beta": r"Exponents $\alpha = \beta$",
    "loss_aversion": r"Loss aversion $\lambda$",
    "gamma_delta": r"Weighting $\gamma = \delta$",
}


def load_rate(frames: Frames) -> Figure:
    """Figure 8: prospects and best size against the load rate."""
    fig, axes = new_figure(
        3,
        len(frames),
        width_mm=PAGE_MM,
        height_mm=170,
        sharex=True,
        sharey="row",
        height_ratios=(1.5, 1.0, 1.0),
        squeeze=False,
    )
    columns = [f"prospect_{k}" for k in ATTRIBUTES]
    factor, unit = scale_of([frame[columns].to_numpy() for frame in frames.values()])
    whole, whole_unit = scale_of([frame["prospect"].to_numpy() for frame in frames.values()])
    for column, (name, frame) in zip(axes.T, frames.items(), strict=True):
        rows = frame.sort_values("value")
        every, comprehensive, size = column
        every.set_title(set_label(name), fontsize=8)
        for position, kind in enumerate(columns):
            every.plot(rows["value"], rows[kind] / factor, **series(position))
        comprehensive.plot(rows["value"], rows["prospect"] / whole, **series(0))
        for position, (quantity, _) in enumerate(SIZES):
            size.plot(rows["value"], rows[quantity] / 1e3, **series(position))
        size.set_xlabel("Load rate")
        for ax in (every, comprehensive):
            ax.axhline(0, color="0.2", linewidth=0.6)
    axes[0, 0].set_ylabel(f"Prospect{unit}")
    axes[1, 0].set_ylabel(f"Comprehensive\nprospect{whole_unit}")
    axes[2, 0].set_ylabel("Best size (MWh, MW)")
    axes[2, -1].legend(
        handles=[mark(label, **series(k)) for k, (_, label) in enumerate(SIZES)], loc="upper left"
    )
    label_panels(axes)
    fig.legend(
        handles=[mark(label, **series(k)) for k, label in enumerate(ATTRIBUTE_NAMES.values())],
        loc="outside lower center",
        ncols=5,
        columnspacing=1.2,
    )
    return fig


def importance(frames: Frames, base: Rows) -> Figure:
    """Best size when one attribute counts for less or for more than the others.

    Parameters
    ----------
    base : mapping
        `report.describe` at the best size with the weights as they are, by parameter set.
    """
    fig, axes = new_figure(
        len(frames),
        2,
        width_mm=PAGE_MM,
        height_mm=18 + 46 * len(frames),
        sharey=True,
        sharex="col",
        squeeze=False,
    )
    ends: tuple[float, float] = (0.0, 0.0)
    for band, (name, frame) in zip(axes, frames.items(), strict=True):
        ends = frame["value"].min(), frame["value"].max()
        for ax, (quantity, label) in zip(band, SIZES, strict=True):
            ax.axvline(base[name][quantity] / 1e3, color="black", linestyle="--", linewidth=0.9)
            for y, attribute in enumerate(ATTRIBUTES):
                rows = frame[frame["series"] == attribute].sort_values("value")
                size = rows[quantity].to_numpy() / 1e3
                ax.plot(size[[0, -1]], [y, y], color="0.6", linewidth=1.0, zorder=1)
                ax.plot(size[0], y, **_end(0))
                ax.plot(size[-1], y, **_end(1))
            ax.set_xlabel(label)
            ax.set_title(set_label(name), fontsize=8)
            ax.grid(axis="y", visible=False)
            ax.tick_params(labelbottom=True)
        band[0].set_yticks(range(len(ATTRIBUTES)), ATTRIBUTE_NAMES.values())
        band[0].set_ylim(len(ATTRIBUTES) - 0.5, -0.5)
    label_panels(axes)
    fig.legend(
        handles=[
            mark(f"weight {ends[0]:.3g}", **_end(0)),
            mark(f"weight {ends[1]:.3g}", **_end(1)),
            mark("weights as they are", linestyle="--", linewidth=0.9),
        ],
        loc="outside lower center",
        ncols=3,
    )
    return fig


def _end(position: int) -> dict[str, object]:
    """Marker of the lower or the higher weight; the lower one is open and larger."""
    style = series(2 * position) | {"linestyle": "", "markersize": 5.0}
    return style | ({"markerfacecolor": "white", "markersize": 7.5} if position == 0 else {})


def cognition(frames: Frames, base: Rows, at: Mapping[str, Mapping[str, float]]) -> Figure:
    """Best size against the planner's exponents, loss aversion and weighting of chances.

    Parameters
    ----------
    base : mapping
        `report.describe` at the best size with the planner as it is, by parameter set.
    at : mapping
        The planner's own value of each series by parameter set; absent where the two symbols of a
        series differ.
    """
    fig, axes = new_figure(
        len(SIZES), len(COGNITION), width_mm=PAGE_MM, height_mm=104, sharex="col", sharey="row"
    )
    for band, (quantity, label) in zip(axes, SIZES, strict=True):
        for ax, (name, axis) in zip(band, COGNITION.items(), strict=True):
            for position, (which, frame) in enumerate(frames.items()):
                rows = frame[frame["series"] == name].sort_values("value")
                ax.plot(rows["value"], rows[quantity] / 1e3, **series(position))
                if name in at[which]:
                    ax.plot(at[which][name], base[which][quantity] / 1e3, **_own(position))
            if quantity == SIZES[-1][0]:
                ax.set_xlabel(axis)
        band[0].set_ylabel(label)
    label_panels(axes)
    fig.legend(handles=_set_marks(frames), loc="outside lower center", ncols=len(frames) + 1)
    return fig


def _own(position: int) -> dict[str, object]:
    style = series(position) | {"linestyle": "", "markersize": 9.0}
    return style | {"markerfacecolor": "none", "markeredgewidth": 1.2}


def _set_marks(frames: Frames) -> list[object]:
    lines = [mark(set_label(name), **series(k)) for k, name in enumerate(frames)]
    return [*lines, mark("as in the set", **_own(0) | {"color": "black"})]


def reference(frames: Frames, base: Rows, at: Mapping[str, Mapping[str, float]]) -> Figure:
    """What the planner expects: of the cost (above), of the other attributes (below).

    Parameters
    ----------
    base : mapping
        `report.describe` at the best size with the reference points as they are, by set.
    at : mapping
        What is expected of each attribute in yuan, by set: of the cost a number above zero.
    """
    others = [k for k in ATTRIBUTES if k != "cost"]
    fig, spare = new_figure(width_mm=PAGE_MM, height_mm=126)
    spare.remove()
    above, below = fig.subfigures(2, 1, height_ratios=(1.2, 1.0))
    upper = above.subplots(1, 3)
    lower = below.subplots(1, len(others), sharey=True)
    top = (*SIZES, ("prospect_cost", ""))
    factor, unit = scale_of([_series(f, "cost")["prospect_cost"] for f in frames.values()])
    for ax, (quantity, label) in zip(upper, top, strict=True):
        divisor = factor if quantity == "prospect_cost" else 1e3
        _against(ax, frames, base, at, "cost", (quantity, divisor))
        ax.set_xlabel("Expected cost (million yuan)")
        ax.set_ylabel(label or f"Prospect of the cost{unit}")
    upper[2].axhline(0, color="0.2", linewidth=0.6)
    for ax, attribute in zip(lower, others, strict=True):
        _against(ax, frames, base, at, attribute, ("energy_kwh", 1e3))
        ax.set_title(ATTRIBUTE_NAMES[attribute], fontsize=7)
        ax.set_xlabel("Expected\n(million yuan)")
    lower[0].set_ylabel(SIZES[0][1])
    for ax in (*upper[:2], lower[0]):
        # From zero, with room for the markers on it.
        top = 1.12 * ax.get_ylim()[1]
        ax.set_ylim(-0.06 * top, top)
    for letter, ax in zip("abcdefg", (*upper, *lower), strict=True):
        ax.text(
            -0.02,
            1.02,
            f"({letter})",
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            weight="bold",
            fontsize=8.5,
        )
    below.legend(handles=_set_marks(frames), loc="outside lower center", ncols=len(frames) + 1)
    return fig


def _series(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[frame["series"] == name].sort_values("value")


def _against(
    ax: Axes,
    frames: Frames,
    base: Rows,
    at: Mapping[str, Mapping[str, float]],
    attribute: str,
    quantity: tuple[str, float],
) -> None:
    """A quantity over its divisor against what is expected of an attribute."""
    column, divisor = quantity
    for position, (which, frame) in enumerate(frames.items()):
        rows = _series(frame, attribute)
        ax.plot(rows["value"] / MILLION, rows[column] / divisor, **series(position))
        own = at[which][attribute] / MILLION, base[which][column] / divisor
        ax.plot(*own, **_own(position))


def extreme(frames: Frames) -> Figure:
    """Best size, cost and prospects with extreme events counted and without any."""
    own, own_unit = scale_of([f["prospect_extreme"] for f in frames.values()])
    whole, whole_unit = scale_of([f["prospect"] for f in frames.values()])
    panels: Sequence[tuple[str, float, str]] = (
        ("energy_kwh", 1e3, SIZES[0][1]),
        ("power_kw", 1e3, SIZES[1][1]),
        ("worth_cost_yuan", -MILLION, "Life-cycle cost\n(million yuan)"),
        ("prospect_extreme", own, f"Prospect of extreme\nevents{own_unit}"),
        ("prospect", whole, f"Comprehensive\nprospect{whole_unit}"),
    )
    fig, axes = new_figure(1, len(panels), width_mm=PAGE_MM, height_mm=72)
    width = 0.8 / len(frames)
    for ax, (column, divisor, label) in zip(axes, panels, strict=True):
        for position, frame in enumerate(frames.values()):
            rows = frame.set_index("series").loc[["without", "with"]]
            x = np.arange(2) + width * (position - (len(frames) - 1) / 2)
            ax.bar(x, rows[column] / divisor + 0.0, width=width, **bars(position))
        ax.set_xticks(range(2), ["without", "with"])
        ax.set_title(label, fontsize=7.5)
        ax.axhline(0, color="0.2", linewidth=0.6)
        ax.grid(axis="x", visible=False)
    axes[len(panels) // 2].set_xlabel("Extreme events")
    fig.legend(
        handles=[Patch(label=set_label(name), **bars(k)) for k, name in enumerate(frames)],
        loc="outside lower center",
        ncols=len(frames),
    )
    return fig
