"""The storage owner's side: Table 1 in bars, and the leader-follower iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mobile_storage.core.style import PAGE_MM, bars, label_panels, mark, new_figure, nothing, series
from mobile_storage.pricing.show.figures.parts import CASES, Case, case_style
from mobile_storage.pricing.show.tables import ROWS

BROKEN = 1e-6
"""What may be missing in the constraints before a point counts as infeasible, yuan/yr."""

MOST_ROUNDS = 30


def revenue_cost(
    cases: Mapping[str, Case], trading: Mapping[str, Case], names: Sequence[str]
) -> Figure:
    """Revenue and cost of the three cases by row of Table 1, and net income of every variant.

    Parameters
    ----------
    cases : mapping
        All solved cases by name.
    trading : mapping
        Case 3 by the name of the case 1 whose storage it has.
    names : sequence of str
        Case 1 and case 2 of the default variant.
    """
    fig, spare = new_figure(width_mm=PAGE_MM, height_mm=125)
    spare.remove()
    top, bottom = fig.subfigures(2, 1, height_ratios=(1.1, 1.0))
    left, right = top.subplots(1, 2, sharey=True)
    third = trading.get(names[0], {})
    accounts = [case.get("account") for case in (*(cases[name] for name in names), third)]
    _stacked(left, accounts, "revenue")
    _stacked(right, accounts, "cost")
    right.tick_params(labelleft=True)
    wide = bottom.subplots()
    _variant_incomes(wide, cases, trading)
    styles = [case_style(tariff) for tariff in CASES]
    bottom.legend(
        handles=[mark(style.label, **style.points) for style in styles],
        loc="outside lower center",
        ncols=len(styles),
    )
    label_panels(np.array([left, right, wide]))
    return fig


def _stacked(ax: Axes, accounts: Sequence[Mapping[str, float] | None], kind: str) -> None:
    rows = [row for row in ROWS if row.endswith(f"_{kind}") and not row.startswith("total")]
    bottom = np.zeros(len(accounts))
    for position, row in enumerate(rows):
        height = np.array([account[row] / 1e3 if account else 0.0 for account in accounts])
        label = ROWS[row].removesuffix(f" {kind}")
        ax.bar(range(3), height, bottom=bottom, width=0.6, label=label, **bars(position))
        bottom += height
    for x, (total, account) in enumerate(zip(bottom, accounts, strict=True)):
        text = "no feasible\nprices" if account is None else f"{total:,.0f}"
        ax.annotate(text, (x, total), (0, 2), textcoords="offset points", ha="center", fontsize=7)
    ax.set_xticks(range(3), [f"Case {k + 1}" for k in range(3)])
    ax.set_ylabel(f"{kind.capitalize()} (1000 yuan/yr)")
    ax.grid(axis="x", visible=False)
    ax.margins(y=0.1)
    # From top to bottom as in the bars.
    ax.legend(reverse=True, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _variant_incomes(ax: Axes, cases: Mapping[str, Case], trading: Mapping[str, Case]) -> None:
    multi = {n: c for n, c in cases.items() if c["setting"]["tariff"] == "multi_grade"}
    flat = {
        (c["setting"]["participation"], c["setting"]["investment"]): c
        for c in cases.values()
        if c["setting"]["tariff"] == "single_price"
    }
    for y, (name, case) in enumerate(multi.items()):
        setting = case["setting"]
        other = flat.get((setting["participation"], setting["investment"]), {})
        solved = [c.get("account") for c in (case, other, trading.get(name, {}))]
        for tariff, account, shift in zip(CASES, solved, (-0.2, 0.0, 0.2), strict=True):
            if account is not None:
                style = case_style(tariff).points
                ax.plot(account["net_income"] / 1e3, y + shift, **style)
        if solved[0] is None:
            note = "no feasible prices"
        else:
            note = "" if solved[0]["emergency_revenue"] > 0 else "nothing is sold"
        ax.annotate(note, (0, y), (7, 0), textcoords="offset points", va="center", fontsize=7)
    ax.set_yticks(range(len(multi)), [variant_label(c["setting"]) for c in multi.values()])
    ax.set_ylim(len(multi) - 0.5, -0.5)
    ax.set_xlabel("Net income (1000 yuan/yr); case 3 with the storage of case 1")
    ax.axvline(0, color="0.2", linewidth=0.6)


def variant_label(setting: Mapping[str, Any]) -> str:
    """A variant of case 1 in a few words."""
    follower = "fixed grade" if setting["fixed_grade"] else "chooses grade"
    part = "all take part" if setting["participation"] == "all" else "may stay out"
    pays = "with trading" if setting["investment"] == "with_trading" else "fees alone"
    return f"{follower}, {part}, (11) {pays}"


def iteration(runs: Mapping[str, Any], cases: Mapping[str, Case]) -> Figure:
    """Income along the leader-follower iteration from every start, against the equilibrium.

    A fixed point or a cycle is drawn on to the last round shown. Variants in which nothing is sold
    at the equilibrium are left out: their iteration has no path.

    Parameters
    ----------
    runs : mapping
        ``iteration.json``.
    cases : mapping
        The solved cases by name, for their settings.
    """
    shown = {n: v for n, v in runs.items() if cases[n]["account"]["emergency_revenue"] > 0}
    if not shown:
        return nothing("Nothing is sold at any equilibrium.")
    rows = -(-len(shown) // 2)
    fig, axes = new_figure(
        rows, 2, width_mm=PAGE_MM, height_mm=24 + 48 * rows, sharey=True, sharex=True, squeeze=False
    )
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    starts = list(dict.fromkeys(s for v in shown.values() for s in v["starts"]))
    longest = max(
        len(run["net_income_yuan_per_year"]) for v in shown.values() for run in v["starts"].values()
    )
    last = min(longest + 2, MOST_ROUNDS)
    for ax, (name, variant) in zip(axes.flat, shown.items(), strict=False):
        best = variant["equilibrium_yuan_per_year"] / 1e3
        ax.axhline(best, color="black", linewidth=0.9, linestyle="--", zorder=1)
        for k, start in enumerate(starts):
            _path(ax, variant["starts"][start], last, k)
        ax.set_title(variant_label(cases[name]["setting"]), fontsize=7.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    for ax in axes[-1]:
        ax.set_xlabel("Round of the iteration")
    for ax in axes[:, 0]:
        ax.set_ylabel("Net income (1000 yuan/yr)")
    label_panels(axes)
    names = {"equilibrium": "from the optimum"}
    handles = [
        mark(names.get(s, f"from the {s} prices"), **series(k), markersize=_size(k))
        for k, s in enumerate(starts)
    ]
    handles.append(mark("optimum of the bilevel model", linestyle="--"))
    handles.append(mark("open: a constraint is broken", marker="o", markerfacecolor="white"))
    handles.append(mark("end: no prices satisfy (11)-(13)", marker="x", markersize=6))
    fig.legend(handles=handles, loc="outside lower center", ncols=3)
    return fig


def _size(position: int) -> float:
    """Markers shrink from series to series, so that coinciding ones stay visible."""
    return max(7.5 - 1.5 * position, 3.0)


def _path(ax: Axes, run: Mapping[str, Any], last: int, position: int) -> None:
    income = list(np.array(run["net_income_yuan_per_year"]) / 1e3)
    missing = list(run["violation_yuan_per_year"])
    while run["period"] and len(income) <= last:
        income.append(income[-run["period"]])
        missing.append(missing[-run["period"]])
    income, missing = np.array(income[: last + 1]), np.array(missing[: last + 1])
    style, size = series(position), _size(position)
    ax.plot(income, **style, markersize=size)
    broken = np.flatnonzero(missing > BROKEN)
    style = style | {"linestyle": "", "markerfacecolor": "white"}
    ax.plot(broken, income[broken], **style, markersize=size)
    if run["ending"] == "no prices":
        ax.plot(len(income) - 1, income[-1], "x", color="black", markersize=6)
