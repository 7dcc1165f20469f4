"""What one value after the other does to the cases and to the verdicts."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mobile_storage.core.style import GREY, PAGE_MM, bars, label_panels, mark, new_figure, nothing
from mobile_storage.pricing.claims import turned_claims

GAINS = {"Case 1 less case 3": "no_emergency", "Case 1 less case 2": "single_price"}
SMALL = 0.005
"""Swings below this share of the largest are not drawn, unless a verdict turns."""


def sensitivity(moves: pd.DataFrame) -> Figure:
    """One value at a time to the ends of its range: swing of the net income, verdicts turned over.

    Parameters
    ----------
    moves : DataFrame
        ``sensitivity.csv``: rows of `sensitivity.try_move`, the unmoved data first.
    """
    base, moved = moves.iloc[0], moves.iloc[1:]
    if base["status"] != "optimal":
        return nothing(f"No answer for the data as they are: {base['status']}.")
    claims = [c for c in moves.columns if c.startswith("P1-")]
    centres = {title: _gain(base, other) for title, other in GAINS.items()}
    ends = {title: _ends(moved, other) for title, other in GAINS.items()}
    swing = pd.concat([(e.sub(centres[t])).abs() for t, e in ends.items()], axis=1).max(axis=1)
    turned = turned_claims(moves)
    lost = set(moved.loc[moved["status"] != "optimal", "symbol"])
    shown = (swing > SMALL * swing.max()) | swing.index.isin([*turned["symbol"], *lost])
    order = list(swing[shown].sort_values(ascending=False, kind="stable").index)
    fig, axes = new_figure(
        1,
        3,
        width_mm=PAGE_MM,
        height_mm=44 + 4.3 * max(len(order), 6),
        sharey=True,
        width_ratios=(1.25, 1.25, 1.0),
    )
    for ax, title in zip(axes, GAINS, strict=False):
        _swings(ax, ends[title].loc[order], centres[title])
        ax.set_xlabel(f"{title}:\nnet income (1000 yuan/yr)")
    _turned_grid(axes[2], base, order, claims, turned, lost)
    axes[0].set_yticks(range(len(order)), order, fontsize=6.5)
    axes[0].set_ylim(len(order) - 0.4, -0.6)
    axes[0].set_ylabel("Value moved to the ends of its range")
    label_panels(axes)
    silent = ", ".join(s for s in swing.index if s not in set(order))
    note = textwrap.fill(f"Moving these changes next to nothing: {silent}." if silent else "", 125)
    fig.legend(
        handles=[
            Patch(**bars(0), label="low end of the range"),
            Patch(**bars(1), label="high end"),
            mark("verdict turned at the low end", marker="<"),
            mark("at the high end", marker=">"),
            mark("no answer", marker="x", color=GREY),
        ],
        loc="outside lower center",
        ncols=5,
        columnspacing=1.2,
        title=note,
        title_fontsize=6.5,
        alignment="left",
    )
    return fig


def _gain(row: pd.Series | pd.DataFrame, other: str) -> float | pd.Series:
    """Net income of case 1 over another case, 1000 yuan/yr."""
    one, two = (f"net_income_{name}_yuan_per_year" for name in ("multi_grade", other))
    return (row[one] - row[two]) / 1e3


def _ends(moved: pd.DataFrame, other: str) -> pd.DataFrame:
    """The gain by symbol, columns ``low`` and ``high``; NaN where there is no answer."""
    table = moved.assign(gain=_gain(moved, other)).set_index("symbol")
    return pd.DataFrame({end: table.loc[table["end"] == end, "gain"] for end in ("low", "high")})


def _swings(ax: Axes, ends: pd.DataFrame, centre: float) -> None:
    for position, side in enumerate(("low", "high")):
        y = np.arange(len(ends)) + 0.2 * (2 * position - 1)
        ax.barh(y, ends[side] - centre, left=centre, height=0.4, **bars(position))
    ax.axvline(centre, color="black", linewidth=0.8)
    ax.axvline(0, color="black", linewidth=0.8, linestyle=":")
    ax.grid(axis="y", visible=False)


def _turned_grid(
    ax: Axes,
    base: pd.Series,
    order: Sequence[str],
    claims: Sequence[str],
    turned: pd.DataFrame,
    lost: Collection[str],
) -> None:
    marks = {"low": ("<", -0.2), "high": (">", 0.2)}
    for y, symbol in enumerate(order):
        here = turned.loc[turned["symbol"] == symbol, ["claim", "end"]]
        for claim, end in sorted(here.itertuples(index=False, name=None)):
            marker, shift = marks[end]
            ax.plot(claims.index(claim) + shift, y, marker, color="black", markersize=4.5)
        if symbol in lost:
            ax.plot(range(len(claims)), [y] * len(claims), "x", color=GREY, markersize=4)
    names = [f"{c}\n{'holds' if bool(base[c]) else 'fails'}" for c in claims]
    ax.set_xticks(range(len(claims)), names, fontsize=6, rotation=90)
    ax.set_xlim(-0.5, len(claims) - 0.5)
    ax.grid(visible=False)
    ax.vlines(np.arange(len(claims) - 1) + 0.5, -0.6, len(order) - 0.4, color="0.85", linewidth=0.6)
    ax.hlines(np.arange(len(order)) + 0.5, -0.5, len(claims) - 0.5, color="0.92", linewidth=0.4)
    ax.set_xlabel("Claim, and its verdict\nwith no value moved")
