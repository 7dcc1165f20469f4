"""Routes that agree, and what ties are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mobile_storage.core.style import (
    GREY,
    PAGE_MM,
    PALETTE,
    bars,
    label_panels,
    mark,
    new_figure,
    nothing,
    series,
)
from mobile_storage.pricing.claims import AGREE
from mobile_storage.pricing.show.agreement import NOT_RUN, case_label
from mobile_storage.pricing.show.figures.parts import Case

STATES = {
    "optimal, and the same": {"color": PALETTE[0], "marker": "o"},
    "no feasible prices": {"color": PALETTE[1], "marker": "s"},
    "not run": {"color": GREY, "marker": "x"},
    "another answer": {"color": PALETTE[2], "marker": "D"},
}
"""What a route says of a case, and its mark."""


def _state(route: Case, case: Case) -> str:
    if route["status"].startswith(NOT_RUN):
        return "not run"
    if route["status"] == case["status"] == "infeasible":
        return "no feasible prices"
    if route["status"] != "optimal" or case["status"] != "optimal":
        return "another answer"
    ours = case["account"]["net_income"]
    off = abs(route["objective_yuan_per_year"] - ours) / max(1.0, abs(ours))
    return "optimal, and the same" if off < AGREE else "another answer"


def agreement(routes: Sequence[Mapping[str, Any]], cases: Mapping[str, Case]) -> Figure:
    """Every case by every route: the same optimum, none, or not run.

    Parameters
    ----------
    routes : sequence of mapping
        Rows of ``formulations.json``.
    cases : mapping
        Solved cases by name.
    """
    if not routes:
        return nothing("No case was solved by other routes.")
    names = list(dict.fromkeys(r["case"] for r in routes))
    ways = list(dict.fromkeys((r["formulation"], r["method"], r["solver"]) for r in routes))
    fig, ax = new_figure(width_mm=PAGE_MM, height_mm=42 + 5.0 * len(names))
    for r in routes:
        way = ways.index((r["formulation"], r["method"], r["solver"]))
        state = _state(r, cases[r["case"]])
        ax.plot(way, names.index(r["case"]), linestyle="", markersize=5, **STATES[state])
    ax.set_yticks(range(len(names)), [case_label(cases[n]["setting"]) for n in names])
    ax.set_xticks(
        range(len(ways)),
        [f"{f.replace('_', ' ')}\n{m}, {s}" for f, m, s in ways],
        rotation=60,
        ha="right",
        rotation_mode="anchor",
        fontsize=6,
    )
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel("Formulation, method, solver")
    ax.set_ylabel("Case")
    shown = {_state(r, cases[r["case"]]) for r in routes}
    handles = [mark(state, **style) for state, style in STATES.items() if state in shown]
    fig.legend(handles=handles, loc="outside upper center", ncols=len(STATES))
    return fig


def ties(tied: Mapping[str, Mapping[str, Any]], cases: Mapping[str, Case]) -> Figure:
    """Net income if ties go for and against the leader, and what a margin costs, with trading.

    Parameters
    ----------
    tied : mapping
        ``ties.json``.
    """
    tied = {name: tied[name] for name in cases if name in tied}
    if not tied:
        return nothing("No case has an optimum.")
    fig, (left, right) = new_figure(
        1, 2, width_mm=PAGE_MM, height_mm=max(75, 30 + 7 * len(tied)), width_ratios=(1.15, 1.0)
    )
    labels = [case_label(cases[name]["setting"]) for name in tied]
    rows = np.arange(len(tied))
    for k, key in enumerate(("net_income_yuan_per_year", "worst_net_income_yuan_per_year")):
        values = [np.nan if one[key] is None else one[key] / 1e3 for one in tied.values()]
        left.barh(rows + (k - 0.5) * 0.38, values, 0.36, **bars(k))
    left.axvline(0.0, color="0.2", linewidth=0.6)
    left.set_yticks(rows, labels)
    left.invert_yaxis()
    left.set_xlabel("Net income at the optimal prices (1000 yuan/yr)")
    left.grid(axis="y", visible=False)
    # As many lines as can be told apart: where trading with the grid counts.
    drawn = [n for n in tied if cases[n]["setting"]["investment"] == "with_trading"]
    _given_up(right, [tied[n] for n in drawn])
    label_panels(np.array([left, right]))
    fig.legend(
        handles=[left.containers[k].patches[0] for k in (0, 1)],
        labels=["ties for the leader", "ties against the leader"],
        loc="outside lower left",
        ncols=2,
    )
    fig.legend(
        handles=[
            mark(case_label(cases[n]["setting"]).removesuffix(", trading"), **series(k))
            for k, n in enumerate(drawn)
        ],
        loc="outside lower right",
        ncols=2,
        fontsize=6,
    )
    return fig


def _given_up(ax: Axes, tied: Sequence[Mapping[str, Any]]) -> None:
    """Share of the net income that the leader gives up, by margin."""
    for k, one in enumerate(tied):
        best = one["net_income_yuan_per_year"]
        kept = [
            (s["margin_yuan_per_year"], 100.0 * (best - s["net_income_yuan_per_year"]) / best)
            for s in one["strict"]
            if s.get("net_income_yuan_per_year") is not None
        ]
        if kept and best > 0:
            ax.plot(*zip(*kept, strict=True), **series(k))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("Margin for every customer (yuan/yr)")
    ax.set_ylabel("Net income given up (%)")
