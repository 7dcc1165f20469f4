"""Table 6 as figures: where the optimum lies, what it brings, and how it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mobile_storage.core.numbers import short
from mobile_storage.core.style import (
    GREY,
    PAGE_MM,
    PALETTE,
    SEQUENTIAL,
    bars,
    label_panels,
    mark,
    new_figure,
    say,
)
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.show.figures.parts import MILLION, scale_of, set_label
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES

OBJECTIVES = {
    "prospect": "prospect",
    "net_profit": "net profit",
}
"""How a figure names what is maximised."""

Found = Mapping[str, Any]


def optimum_map(
    grids: Mapping[str, pd.DataFrame],
    optima: Mapping[str, Found],
    sets: Sequence[str],
    published_kwh: Mapping[str, float],
) -> Figure:
    """What is maximised over energy and power, with the best size by each method.

    Parameters
    ----------
    grids, optima : mapping
        By ``<set>_<objective>``: the columns energy_kwh, power_kw, value; the stage's record.
    sets : sequence of str
        Columns of panels.
    published_kwh : mapping
        The paper's S_n by objective: a vertical line.
    """
    fig, axes = new_figure(
        len(OBJECTIVES),
        len(sets),
        width_mm=PAGE_MM,
        height_mm=14 + 60 * len(OBJECTIVES),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for band, (kind, what) in zip(axes, OBJECTIVES.items(), strict=True):
        for ax, name in zip(band, sets, strict=True):
            key = f"{name}_{kind}"
            _contours(ax, grids[key], kind)
            _found(ax, optima[key])
            if kind in published_kwh:
                ax.axvline(published_kwh[kind] / 1e3, color="black", linestyle=":", linewidth=1.2)
            ax.set_title(f"{set_label(name)}, {what}", fontsize=8)
        band[0].set_ylabel("Rated power (MW)")
    for ax in axes[-1]:
        ax.set_xlabel("Rated energy (MWh)")
    label_panels(axes)
    fig.legend(
        handles=[
            mark("differential evolution", marker="o", **_HOLLOW, markersize=8),
            mark("DIRECT", marker="x", color=PALETTE[2], markersize=5),
            mark("best of the grid", marker="+", markersize=9),
            mark("published energy", linestyle=":"),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return fig


_HOLLOW = {"markerfacecolor": "none", "markeredgecolor": PALETTE[2], "markeredgewidth": 1.4}


def _contours(ax: Axes, grid: pd.DataFrame, kind: str) -> None:
    table = grid.pivot_table(index="power_kw", columns="energy_kwh", values="value")
    values = table.to_numpy()
    x, y = table.columns.to_numpy() / 1e3, table.index.to_numpy() / 1e3
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.grid(visible=False)
    if not np.ptp(values) > 0:
        say(ax, "the same for every size")
        return
    factor, unit = (MILLION, " (million yuan)") if kind == "net_profit" else scale_of(values)
    # Close together near the top, where the optimum is decided.
    depth = np.linspace(1.0, 0.0, 15) ** 2
    levels = (values.max() - np.ptp(values) * depth) / factor
    filled = ax.contourf(
        x, y, values / factor, levels=levels, cmap=SEQUENTIAL, norm=BoundaryNorm(levels, 256)
    )
    ax.contour(x, y, values / factor, levels=levels, colors="white", linewidths=0.4, linestyles="-")
    bar = ax.figure.colorbar(filled, ax=ax, pad=0.01, format=lambda level, _: short(level))
    bar.set_label(("Net profit" if kind == "net_profit" else "Prospect") + unit)
    bar.set_ticks(levels[::2])


def _found(ax: Axes, record: Found) -> None:
    for method, style in (
        ("optimum", {"marker": "o", "markersize": 8, **_HOLLOW}),
        ("grid", {"marker": "+", "markersize": 9, "color": "black"}),
        ("direct", {"marker": "x", "markersize": 5, "color": PALETTE[2]}),
    ):
        size = record[method]
        # A best size on the border is drawn in full.
        ax.plot(size["energy_kwh"] / 1e3, size["power_kw"] / 1e3, clip_on=False, zorder=5, **style)


def attributes(optima: Mapping[str, Mapping[str, float]]) -> Figure:
    """Table 6 in bars: worth and prospect of each attribute at the best size.

    Parameters
    ----------
    optima : mapping
        `report.describe` by the name of a parameter set.
    """
    fig, (left, right) = new_figure(1, 2, width_mm=PAGE_MM, height_mm=82, sharey=True)
    names = [*ATTRIBUTE_NAMES.values(), "Total"]
    everything = [[*(row[f"prospect_{k}"] for k in ATTRIBUTES)] for row in optima.values()]
    factor, unit = scale_of(everything)
    height = 0.8 / len(optima)
    for position, row in enumerate(optima.values()):
        y = np.arange(len(names)) + height * (position - (len(optima) - 1) / 2)
        worth = [*(row[f"worth_{k}_yuan"] for k in ATTRIBUTES), row["net_profit_yuan"]]
        prospect = [*(row[f"prospect_{k}"] for k in ATTRIBUTES), row["prospect"]]
        for ax, values in ((left, np.array(worth) / MILLION), (right, np.array(prospect) / factor)):
            ax.barh(y, values, height=height, **bars(position))
            for place, value in zip(y, values, strict=True):
                ax.annotate(
                    short(value),
                    (value, place),
                    (2 if value >= 0 else -2, 0),
                    textcoords="offset points",
                    ha="left" if value >= 0 else "right",
                    va="center",
                    fontsize=6.5,
                )
    left.set_yticks(range(len(names)), [*names[:-1], "Total (prospect: weighted)"])
    left.set_ylim(len(names) - 0.4, -0.6)
    left.set_xlabel("Worth (million yuan)")
    right.set_xlabel(f"Prospect{unit}")
    for ax in (left, right):
        ax.axvline(0, color="0.2", linewidth=0.6)
        ax.axhline(len(names) - 1.5, color="0.2", linewidth=0.6)
        ax.grid(axis="y", visible=False)
        ax.margins(x=0.16)
        if not any(bar.get_width() for bar in ax.patches):
            ax.set_xlim(-1.0, 1.0)
    label_panels(np.array([left, right]))
    fig.legend(
        handles=[
            Patch(
                label=f"{set_label(name)}: {row['energy_kwh']:,.0f} kWh, {row['power_kw']:,.0f} kW",
                **bars(position),
            )
            for position, (name, row) in enumerate(optima.items())
        ],
        loc="outside lower center",
        ncols=2,
    )
    return fig


def convergence(curves: Mapping[str, pd.DataFrame], within: int, limit: int) -> Figure:
    """Distance of the best value to the last one, by iteration, for every seed.

    The first population's distance is 1.

    Parameters
    ----------
    curves : mapping
        By ``<set>_<objective>``: column iteration and one for each seed.
    within, limit : int
        Iterations in which the paper converges, and at which it stops.
    """
    rows = -(-len(curves) // 2)
    fig, axes = new_figure(
        rows,
        2,
        width_mm=PAGE_MM,
        height_mm=14 + 52 * rows,
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for ax in axes.flat[len(curves) :]:
        ax.set_axis_off()
    for ax, (key, frame) in zip(axes.flat, curves.items(), strict=False):
        name, kind = split_key(key)
        ax.set_title(f"{set_label(name)}, {OBJECTIVES[kind]}", fontsize=8)
        _distances(ax, frame)
        ax.axvline(within, color=PALETTE[2], linestyle="--", linewidth=1.1)
        ax.axvline(limit, color="black", linestyle=":", linewidth=1.1)
        ax.set_yscale("log")
        ax.set_ylim(1e-12, 2.0)
        ax.set_xlim(0, 1.02 * limit)
    for ax in axes[-1]:
        ax.set_xlabel("Iteration")
    for ax in axes[:, 0]:
        ax.set_ylabel("Distance to the last value\n(first population = 1)")
    label_panels(axes)
    fig.legend(
        handles=[
            mark("one seed", linestyle="-", color=GREY, linewidth=0.7),
            mark("median", linestyle="-", color=PALETTE[0], linewidth=1.6),
            mark(f"published convergence, {within}", linestyle="--", color=PALETTE[2]),
            mark(f"most iterations, {limit}", linestyle=":"),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return fig


def split_key(key: str) -> tuple[str, str]:
    """Parameter set and objective from ``<set>_<objective>``."""
    kind = next(kind for kind in OBJECTIVES if key.endswith(f"_{kind}"))
    return key.removesuffix(f"_{kind}"), kind


def _distances(ax: Axes, frame: pd.DataFrame) -> None:
    # A run that ended early stays where it ended.
    values = frame.set_index("iteration").ffill()
    left = values.iloc[-1] - values
    first = left.iloc[0]
    if not (first > 0).any():
        say(ax, "the first population holds the best already")
        return
    share = left.loc[:, first > 0] / first[first > 0]
    # Nothing left cannot be drawn on a logarithmic axis: the line falls off its lower end.
    share = share.clip(lower=1e-16)
    ax.plot(share.index, share.to_numpy(), color=GREY, linewidth=0.5, alpha=0.6)
    ax.plot(share.index, share.median(axis=1), color=PALETTE[0], linewidth=1.6)
