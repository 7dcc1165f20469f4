"""Figures of the flip test: how many plausible worlds a claim holds in, and what flips it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, NullLocator
from scipy import stats

from mobile_storage.core.style import (
    GREY,
    PAGE_MM,
    PALETTE,
    SEQUENTIAL,
    bars,
    mark,
    new_figure,
    nothing,
)
from mobile_storage.flip.worlds import EARLIER_LEDGERS, OTHER_DATA, FlipTest, levels, percent

__all__ = ["along", "figures", "influence", "shares"]

SIGNIFICANT = 0.01
"""False discovery rate up to which an influence is marked."""
MOST_FACTORS = 26
BINS = 10
"""Parts of a range with equally many worlds, for shares along it."""
SCALES = (5.0, 10.0, 25.0, 50.0, 100.0)
"""Ends of an axis of shares, per cent."""
_BUILT = {"marker": "D", "linestyle": "", "markerfacecolor": "white", "markersize": 4.5}


def figures(flip: FlipTest | None, claims: pd.DataFrame) -> dict[str, Figure]:
    """Every figure by name; none without a flip test of the data at hand."""
    if flip is None:
        return {}
    return {
        "flip_shares": shares(flip, claims),
        "flip_influence": influence(flip),
        "flip_along": along(flip, claims),
    }


def _marked(fig: Figure, flip: FlipTest) -> Figure:
    """Say so where the worlds were computed with earlier ledgers."""
    if not flip.current:
        fig.suptitle(EARLIER_LEDGERS, fontsize=7)
    return fig


def shares(flip: FlipTest | None, claims: pd.DataFrame) -> Figure:
    """What becomes of the worlds, and the share of them in which each claim holds.

    Parameters
    ----------
    flip : FlipTest or None
        None where there is no flip test of the data at hand; the figure says so.
    claims : DataFrame
        The paper's verdicts: ``id``, ``statement``, ``verdict``.
    """
    if flip is None:
        return nothing(OTHER_DATA)
    rows = flip.summary.merge(claims, left_on="claim", right_on="id", how="inner")
    fig, (top, main) = new_figure(
        2,
        1,
        width_mm=PAGE_MM,
        height_mm=42 + 8.2 * len(rows),
        height_ratios=(1.0, 1.1 * len(rows)),
    )
    _statuses(top, flip)
    _share_bars(main, rows)
    fig.legend(
        handles=[
            Patch(**bars(0), label="holds"),
            Patch(**bars(1), label="does not hold"),
            mark("95 % interval", linestyle="-", color="0.2", linewidth=1.0),
            mark(f"share where {flip.names['built']}", color=PALETTE[2], **_BUILT),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return _marked(fig, flip)


def _statuses(ax: Axes, flip: FlipTest) -> None:
    """One bar: worlds with storage, without, and without an answer, by why."""
    worlds = flip.worlds
    answered = worlds["status"] == "answered"
    built = worlds["built"].fillna(False).astype(bool) & answered
    counts = {
        flip.names["built"]: int(built.sum()),
        flip.names["not built"]: int((answered & ~built).sum()),
    }
    counts |= worlds.loc[~answered, "status"].value_counts(sort=False).sort_index().to_dict()
    start, named = 0, []
    for position, (name, count) in enumerate(counts.items()):
        if count:
            style = bars(position + 2)  # those of a claim's bar would mislead
            ax.barh(0, count / len(worlds), left=start, height=0.8, **style)
            named.append(Patch(**style, label=f"{name}: {count:,}"))
        start += count / len(worlds)
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.5, 0.5)
    ax.set_yticks([0], [f"all {len(worlds):,} worlds"])
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.legend(handles=named, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)


def _share_bars(ax: Axes, rows: pd.DataFrame) -> None:
    y = np.arange(len(rows))
    asked = (rows["asked"] > 0).to_numpy()
    share = rows["share"].to_numpy(dtype=float)
    ax.barh(y[asked], share[asked], height=0.62, **bars(0))
    ax.barh(y[asked], 1 - share[asked], left=share[asked], height=0.62, **bars(1))
    ax.hlines(y[asked], rows["share_low"][asked], rows["share_high"][asked], color="0.2")
    ax.plot(rows["share_where_built"], y, color=PALETTE[2], zorder=3, clip_on=False, **_BUILT)
    for place, row in zip(y, rows.itertuples(), strict=True):
        text = f"{percent(row.holds, row.asked)} | {row.verdict}" if row.asked else row.verdict
        ax.text(1.03, place, text, va="center", fontsize=6.5)
        if not row.asked:
            why = textwrap.fill(f"No share: {row.why}", 70, max_lines=2)
            ax.text(0.01, place, why, va="center", fontsize=6, color=GREY)
    names = rows["claim"] + " " + rows["statement"]
    ax.set_yticks(y, [textwrap.fill(name, 46, max_lines=2) for name in names], fontsize=6)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}")
    ax.set_xlabel("Share of the worlds with an answer (%)")
    ax.set_title("share | verdict", loc="right", fontsize=7)
    ax.grid(axis="y", visible=False)


def influence(flip: FlipTest | None) -> Figure:
    """Values against outcomes: Youden's J of the best split, and which side helps.

    Parameters
    ----------
    flip : FlipTest or None
        As in `shares`.
    """
    if flip is None:
        return nothing(OTHER_DATA)
    known = flip.indices.dropna(subset=["youden_j"])
    if known.empty:
        return nothing("No claim holds in some worlds and fails in others.")
    known = known.assign(
        counts=known["p_adjusted"] <= SIGNIFICANT, up=known["holds_above"].astype(bool)
    )
    strongest = known[known["counts"]].groupby("factor")["youden_j"].max()
    order = list(strongest.sort_values(ascending=False, kind="stable").index)
    if not order:
        return nothing("No single value is told from chance.")
    shown = order[:MOST_FACTORS]
    outcomes = list(dict.fromkeys(known["outcome"]))
    table = known.set_index(["factor", "outcome"])["youden_j"].unstack()  # noqa: PD010
    table = table.reindex(index=shown, columns=outcomes)
    fig, ax = new_figure(width_mm=PAGE_MM, height_mm=44 + 4.6 * max(len(shown), 8))
    most = np.ceil(10 * strongest.max()) / 10
    image = ax.imshow(table, cmap=SEQUENTIAL, vmin=0, vmax=most, aspect="auto")
    places = {name: k for k, name in enumerate(shown)}
    for row in known[known["counts"] & known["factor"].isin(shown)].itertuples():
        ax.plot(
            outcomes.index(row.outcome),
            places[row.factor],
            "^" if row.up else "v",
            color="white" if row.youden_j < 0.55 * most else "black",
            markersize=3.5,
        )
    names = [textwrap.fill(flip.names.get(outcome, outcome), 16) for outcome in outcomes]
    ax.set_xticks(range(len(outcomes)), names, rotation=90)
    ax.set_yticks(range(len(shown)), shown, fontsize=6.5)
    ax.grid(visible=False)
    rest = len(flip.factors) - len(shown)
    ax.set_xlabel("Outcome of a world" + (f" ({rest} further values: less or none)" * (rest > 0)))
    fig.colorbar(image, ax=ax, label="Youden's J", aspect=30, pad=0.02)
    fig.legend(
        handles=[
            mark("more often above the threshold", marker="^"),
            mark("more often below", marker="v"),
            mark(f"no mark: not told from chance (false discovery rate {SIGNIFICANT:.0%})"),
        ],
        loc="outside lower center",
        ncols=3,
    )
    return _marked(fig, flip)


def along(flip: FlipTest | None, claims: pd.DataFrame, most: int = 2) -> Figure:
    """Share of worlds in which a claim holds, along the values that flip it most.

    Parameters
    ----------
    flip : FlipTest or None
        As in `shares`.
    claims : DataFrame
        As in `shares`.
    most : int
        Values shown for each claim.
    """
    if flip is None:
        return nothing(OTHER_DATA)
    marked = flip.thresholds.query("among == 'all' and rank <= @most")
    marked = marked[marked["outcome"] != "answered"]
    if marked.empty:
        return nothing("No single value moves the share of any claim beyond chance.")
    columns = 4
    outcomes = list(dict.fromkeys(marked["outcome"]))
    titles = flip.names | {row.id: f"{row.id} {row.statement}" for row in claims.itertuples()}
    per_row = columns // most
    rows = -(-len(outcomes) // per_row)
    fig, axes = new_figure(
        rows,
        columns,
        width_mm=PAGE_MM,
        height_mm=14 + 31 * rows,
        squeeze=False,
    )
    for ax in axes.flat:
        ax.set_visible(False)
    defaults = flip.factors.set_index("factor")["default"]
    tops: dict[str, float] = {}
    for row in marked.to_dict("records"):
        place = outcomes.index(row["outcome"])
        ax = axes[place // per_row, place % per_row * most + row["rank"] - 1]
        ax.set_visible(True)
        most_here = _along_one(ax, flip.worlds, row, defaults[row["factor"]])
        tops[row["outcome"]] = max(tops.get(row["outcome"], 0.0), most_here)
        if row["rank"] == 1:
            title = textwrap.shorten(titles[row["outcome"]], 30 * most, placeholder=" ...")
            # Over both panels of the claim, which must not make room for it.
            ax.set_title(title, loc="left", fontsize=7).set_in_layout(False)
    for ax, outcome in zip(axes.flat, np.repeat(outcomes, most), strict=False):
        ax.set_ylim(0, next(top for top in SCALES if top >= tops[outcome]))
    fig.supylabel("Share of the worlds with an answer (%)", fontsize=8)
    fig.legend(
        handles=[
            mark("share and 95 % interval", marker="o", color=PALETTE[0]),
            mark("threshold and 95 % interval", linestyle="-", color=PALETTE[2]),
            mark("value in the ledger", marker="^", color="0.2"),
        ],
        loc="outside lower center",
        ncols=3,
    )
    return _marked(fig, flip)


def _along_one(ax: Axes, worlds: pd.DataFrame, row: Mapping[str, Any], default: float) -> float:
    """Draw one panel and return the highest share in it, per cent."""
    outcome, factor = row["outcome"], row["factor"]
    column = outcome if outcome == "built" else f"holds.{outcome}"
    asked = (worlds["status"] == "answered") & worlds[column].notna()
    x = worlds.loc[asked, f"x.{factor}"].to_numpy(dtype=float)
    holds = worlds.loc[asked, column].to_numpy(dtype=bool)
    by_level = row["scale"].endswith("-level")
    part = x if by_level else pd.qcut(x, BINS, labels=False, duplicates="drop")
    groups = pd.DataFrame({"x": x, "holds": holds}).groupby(part)
    middle, share, count = groups["x"].median(), groups["holds"].mean(), groups["holds"].size()
    ends = [
        stats.binomtest(int(k), int(n)).proportion_ci(method="wilson")
        for k, n in zip(groups["holds"].sum(), count, strict=True)
    ]
    below = 100 * (share - [e.low for e in ends])
    above = 100 * ([e.high for e in ends] - share)
    style = {"marker": "o", "markersize": 2.5, "linewidth": 0.9, "elinewidth": 0.7}
    ax.errorbar(middle, 100 * share, yerr=[below, above], color=PALETTE[0], **style)
    ax.axvline(row["threshold"], color=PALETTE[2], linewidth=1.2)
    if np.isfinite(row["threshold_low"]):
        ax.axvspan(row["threshold_low"], row["threshold_high"], color=PALETTE[2], alpha=0.25, lw=0)
    ax.plot(default, 0, "^", color="0.2", markersize=4, clip_on=False, zorder=4)
    if by_level:
        names = levels(row["unit"])
        ax.set_xticks(range(len(names)), names, fontsize=6)
        ax.set_xlim(-0.5, len(names) - 0.5)
        label = factor
    else:
        label = f"{factor}\n({row['unit']})"
        if row["scale"] == "log":
            ax.set_xscale("log")
            ax.set_xticks(_log_ticks(x.min(), x.max()))
            ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(EngFormatter(sep="") if x.max() >= 1e4 else "{x:g}")
    ax.set_xlabel(label, fontsize=6)
    ax.tick_params(labelsize=6)
    return float((100 * share + above).max())


def _log_ticks(low: float, high: float) -> list[float]:
    """Round numbers within a range, fewer in each decade where there are more decades."""
    spread = np.log10(high / low)
    steps = (1, 2, 5) if spread < 1.5 else (1, 3) if spread < 2.5 else (1,)
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    every = [step * 10.0**decade for decade in decades for step in steps]
    return [tick for tick in every if low / 1.05 <= tick <= high * 1.05]
