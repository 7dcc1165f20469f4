"""Tables of what does not hang on a solver, a formulation or a tie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mobile_storage.pricing.analysis.findings import RESULT_PRECISION
from mobile_storage.pricing.show.tables import NARROW_YUAN_PER_KWH, NARROW_YUAN_PER_YEAR

__all__ = [
    "agreement_table",
    "case_label",
    "every_table",
    "not_run_table",
    "participation_table",
    "routes_text",
    "smallest_margin_text",
    "strict_table",
    "tie_table",
]

Route = Mapping[str, Any]
Results = Mapping[str, Mapping[str, Any]]
NOT_RUN = "not run"
YUAN = "yuan/yr"


def case_label(setting: Mapping[str, Any]) -> str:
    """A case in a few words, such as ``1, choose, opt out, trading``."""
    follower = "fixed" if setting["fixed_grade"] else "choose"
    return ", ".join(
        [
            "1" if setting["tariff"] == "multi_grade" else "2",
            *([follower] if setting["tariff"] == "multi_grade" else []),
            setting["participation"].replace("_", " "),
            "trading" if setting["investment"] == "with_trading" else "fees only",
        ]
    )


def agreement_table(routes: Sequence[Route], cases: Results) -> pd.DataFrame:
    """How far the routes are apart, case by case, and what the optimum leaves open.

    Quantities ranged are those of `intervals.optimal_ranges`; not unique, of these, are those with
    a range wider than the tolerance they were found with. A difference is that between the largest
    and the least net income over the largest in size; results carry ten digits, so none below
    `findings.RESULT_PRECISION` can be told.

    Parameters
    ----------
    routes : sequence of mapping
        Rows of ``formulations.json``.
    cases : mapping
        Solved cases by name.
    """
    rows = []
    for name in dict.fromkeys(r["case"] for r in routes):
        ran = [r for r in routes if r["case"] == name and not r["status"].startswith(NOT_RUN)]
        incomes = [r["objective_yuan_per_year"] for r in ran if "objective_yuan_per_year" in r]
        regrets = [r["regret_yuan_per_year"] for r in ran if "regret_yuan_per_year" in r]
        statuses = list(dict.fromkeys(r["status"] for r in ran))
        case = cases[name]
        row = {
            "Case": case_label(case["setting"]),
            "Routes run": len(ran),
            "Not run": sum(r["case"] == name for r in routes) - len(ran),
            "Solvers": len({r["solver"] for r in ran}),
            "Status": " or ".join(statuses),
        }
        if incomes:
            spread = (max(incomes) - min(incomes)) / max(1.0, *map(abs, incomes))
            row |= {
                "Net income": case["account"]["net_income"] if "account" in case else None,
                "Largest relative difference": max(spread, RESULT_PRECISION),
                "Largest regret": max(regrets),
            }
        if "intervals" in case:
            row["Quantities ranged"] = len(case["intervals"])
            row["Not unique"] = sum(_wide(k, **v) for k, v in case["intervals"].items())
        rows.append(row)
    frame = pd.DataFrame(rows)
    counts = [c for c in ("Quantities ranged", "Not unique") if c in frame]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def _wide(quantity: str, low: float | None, high: float | None) -> bool:
    """Whether a range over the optimal set says more than the tolerance it was found with."""
    narrow = NARROW_YUAN_PER_KWH if quantity.startswith("price.") else NARROW_YUAN_PER_YEAR
    return low is None or high is None or high - low > narrow


def not_run_table(routes: Sequence[Route], cases: Results) -> pd.DataFrame:
    """Routes that could not be run, and why."""
    rows = [
        {
            "Case": case_label(cases[r["case"]]["setting"]),
            "Formulation": r["formulation"],
            "Method": r["method"],
            "Solver": r["solver"],
            "Why": r["status"].removeprefix(f"{NOT_RUN}: ").partition(";")[0],
        }
        for r in routes
        if r["status"].startswith(NOT_RUN)
    ]
    return pd.DataFrame(rows, columns=["Case", "Formulation", "Method", "Solver", "Why"])


def _in_order(ties: Results, cases: Results) -> list[tuple[str, Mapping[str, Any]]]:
    """In the order of the cases, which result files do not keep."""
    return [(name, ties[name]) for name in cases if name in ties]


def tie_table(ties: Results, cases: Results) -> pd.DataFrame:
    """The optimistic leader, and the same prices with every tie against it, yuan/yr."""
    return pd.DataFrame(
        {
            "Case": case_label(cases[name]["setting"]),
            "Buyers": record["buyers"],
            "Tied": record["tied"],
            "May stay out": record["may_stay_out"],
            "Net income, for": record["net_income_yuan_per_year"],
            "Net income, against": record["worst_net_income_yuan_per_year"],
            "Emergency revenue, for": record["emergency_revenue_yuan_per_year"],
            "Emergency revenue, against": record["least_emergency_revenue_yuan_per_year"],
        }
        for name, record in _in_order(ties, cases)
    )


def strict_table(ties: Results, cases: Results) -> pd.DataFrame:
    """What it costs the leader that nobody is tied, by the margin, yuan/yr."""
    rows = []
    for name, record in _in_order(ties, cases):
        row = {
            "Case": case_label(cases[name]["setting"]),
            "Net income": record["net_income_yuan_per_year"],
        }
        for one in record["strict"]:
            given = one.get("net_income_yuan_per_year")
            column = f"Given up for a margin of {one['margin_yuan_per_year']:g}"
            row[column] = None if given is None else record["net_income_yuan_per_year"] - given
        rows.append(row)
    return pd.DataFrame(rows)


def routes_text(routes: Sequence[Route]) -> str:
    """Return how many solves ran, how many did not, and by which solvers."""
    ran = [r for r in routes if not r["status"].startswith(NOT_RUN)]
    solvers = sorted({f"{r['solver']} {r['solver_version']}" for r in ran})
    return f"{len(ran)} solves ran, {len(routes) - len(ran)} did not\nsolvers: {', '.join(solvers)}"


def participation_table(cases: Results) -> pd.DataFrame:
    """Return the net income of every case by participation, yuan/yr; empty without prices."""
    rows = []
    for case in cases.values():
        participation = case["setting"]["participation"].replace("_", " ")
        rows.append(
            {
                "Case": case_label(case["setting"]).replace(f", {participation}", ""),
                "Participation": participation,
                "Net income": case["account"]["net_income"] if "account" in case else None,
            }
        )
    frame = pd.DataFrame(rows, columns=["Case", "Participation", "Net income"])
    table = frame.pivot(index="Case", columns="Participation", values="Net income")  # noqa: PD010
    return table.reset_index()


def smallest_margin_text(ties: Results, cases: Results) -> str:
    """Return what the smallest margin costs the leader, one line a case in which it is possible."""
    lines = []
    for name, record in ties.items():
        first, best = record["strict"][0], record["net_income_yuan_per_year"]
        if "net_income_yuan_per_year" in first:
            lost = best - first["net_income_yuan_per_year"]
            lines.append(
                f"{case_label(cases[name]['setting']):34s} {first['margin_yuan_per_year']:g} "
                f"yuan/yr cost {lost:8.2f} yuan/yr, {lost / abs(best):.5%}"
            )
    return "\n".join(lines)


def every_table(
    routes: Sequence[Route], ties: Results, cases: Results
) -> Iterator[tuple[str, pd.DataFrame, Mapping[str, str]]]:
    """Name, rows and units by column of each table."""
    strict, tied = strict_table(ties, cases), tie_table(ties, cases)
    money = dict.fromkeys(("Net income", "Largest regret"), YUAN)
    yield "agreement", agreement_table(routes, cases), money
    yield "not_run", not_run_table(routes, cases), {}
    ends = (", for", ", against")
    yield "ties", tied, dict.fromkeys([c for c in tied if c.endswith(ends)], YUAN)
    yield "strict", strict, dict.fromkeys(strict.columns[1:], YUAN)
