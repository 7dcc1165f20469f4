"""The model of section 4, its certificate, and what the solved cases cost and earn.

A *case* is the record of a solved game, see `mobile_storage.pricing.analysis.certificate`. Tables
of several cases number them from 1 in the order in which they are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyomo.environ as pyo

from mobile_storage.pricing.analysis.cases import Solution
from mobile_storage.pricing.analysis.ties import smallest_margin, worst_record
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.game import build_game
from mobile_storage.pricing.model.income import NOISE_YUAN_PER_YEAR
from mobile_storage.pricing.model.setting import Setting, investment_to_cover

__all__ = [
    "certificate_table",
    "component_table",
    "coverage_table",
    "fees_alone_text",
    "rise_table",
    "solver_table",
    "spread_table",
    "strict_text",
    "supply_cost_table",
    "worst_table",
]

Case = Mapping[str, Any]


def component_table(data: PricingData, setting: Setting) -> pd.DataFrame:
    """Return the objectives and constraints of the leader and of the first follower."""
    m = build_game(data, setting, "kkt")
    parts = {"leader": m, f"follower {data.customers[0].name}": m.customer[0]}
    return pd.DataFrame(
        {"part": part, "component": c.local_name, "says": c.doc or "", "rows": len(c)}
        for part, block in parts.items()
        for c in block.component_objects((pyo.Objective, pyo.Constraint), descend_into=False)
    )


def solver_table(cases: Sequence[Case]) -> pd.DataFrame:
    """Return how each case was solved: status, solver, method, gap and size of the model."""
    return pd.DataFrame(
        {
            "case": k,
            "status": case["status"],
            "solver": f"{case['solver']['name']} {case['solver']['version']}",
            "method": case["solver"]["method"],
            "gap": round(case["solver"]["gap"], 9) if "account" in case else None,
            "variables": case["solver"]["variables"],
            "constraints": case["solver"]["constraints"],
            "announced": "; ".join(case["solver"]["announcements"]),
        }
        for k, case in enumerate(cases, start=1)
    )


def certificate_table(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the parts of the certificate, one column a case.

    Values below 1e-6 are rounding, which differs between machines, and are shown as such.
    """
    columns = {}
    for k, case in enumerate(cases, start=1):
        parts = case.get("certificate", {})
        columns[f"case {k}"] = {
            part: value
            if isinstance(value, bool) or abs(value) >= NOISE_YUAN_PER_YEAR
            else "below 1e-6"
            for part, value in parts.items()
        }
    return pd.DataFrame(columns).rename_axis("part").reset_index()


def worst_table(cases: Sequence[Case], worst: Sequence[Mapping[str, Any] | None]) -> pd.DataFrame:
    """Return the net income with all ties for the owner and against it, yuan a year.

    Parameters
    ----------
    cases : sequence of mapping
    worst : sequence of mapping or None
        `mobile_storage.pricing.analysis.ties.worst_record` at the prices of each case; None for a
        case without feasible prices, which has no row.
    """
    rows = [
        (k, found["tied"], case["account"]["net_income"], found["worst_net_income_yuan_per_year"])
        for k, (case, found) in enumerate(zip(cases, worst, strict=True), start=1)
        if found is not None
    ]
    columns = ["case", "customers with a tie", "ties for the owner", "ties against it"]
    return pd.DataFrame(rows, columns=columns)


def strict_text(name: str, solution: Solution, data: PricingData, **options: Any) -> str:
    """Return what one strict game earns, and what it earns with every tie against the leader.

    Parameters
    ----------
    name : str
        The margin in words.
    solution : Solution
        Of `mobile_storage.pricing.analysis.ties.strict_game`.
    **options
        Of `mobile_storage.pricing.analysis.ties.worst_record`.
    """
    found = solution.outcome
    if found is None:
        return f"{name}: {solution.result.status}"
    worst = worst_record(data, solution.setting, found.prices, **options)
    income = worst["worst_net_income_yuan_per_year"]
    return (
        f"{name}: net income {found.account.net_income:,.2f}, smallest margin "
        f"{smallest_margin(data, solution.setting, found):.2f} yuan/yr, {worst['tied']} tied\n"
        "    ties against the leader: net income "
        f"{'not found' if income is None else f'{income:,.2f}'}, revenue "
        f"{worst['least_emergency_revenue_yuan_per_year']:,.2f} yuan/yr"
    )


def supply_cost_table(cases: Sequence[Case]) -> pd.DataFrame:
    """Return sums over the customers in whole yuan a year, one column a solved case."""
    sums = {
        "supply cost of all customers": "supply_cost_yuan_per_year",
        "the same, each left to itself": "stand_alone_cost_yuan_per_year",
        "the same, each with storage of its own": "own_storage_yuan_per_year",
    }
    columns = {
        f"case {k}": {
            text: sum(customer[column] for customer in case["customers"])
            for text, column in sums.items()
        }
        for k, case in enumerate(cases, start=1)
        if "customers" in case
    }
    return pd.DataFrame(columns).round().rename_axis("sum over customers").reset_index()


def rise_table(case: Case, single: Case, no_emergency: Mapping[str, float] | None) -> pd.DataFrame:
    """Return the increase of revenue, cost and income in case 1 over cases 2 and 3.

    Parameters
    ----------
    case, single : mapping
        Cases 1 and 2.
    no_emergency : mapping or None
        Rows of case 3's account; None if case 1 or case 2 has no feasible prices, for an empty
        table.

    Returns
    -------
    DataFrame
        In whole yuan a year.
    """
    others = {}
    if no_emergency is not None:
        others = {"case 2": single["account"], "case 3": no_emergency}
    rises = {
        f"case 1 over {name}": {
            row: case["account"][row] - other[row]
            for row in ("emergency_revenue", "total_revenue", "total_cost", "net_income")
        }
        for name, other in others.items()
    }
    return pd.DataFrame(rises).round().rename_axis("row").reset_index()


def coverage_table(data: PricingData) -> pd.DataFrame:
    """Return what a kW sold must earn by each reading of Eq. (11), and what Eq. (12) lets it earn.

    Both are fees in yuan/(kW yr), from the least to the greatest of the customers.
    """
    most = [
        c.hours_per_year * limit
        for c, limit in zip(data.customers, data.acceptable_prices, strict=True)
    ]
    rows = []
    for reading in ("with_trading", "emergency_only"):
        setting = Setting(investment=reading)
        needed = [investment_to_cover(data, setting, u) for u in range(len(most))]
        able = sum(a >= b for a, b in zip(most, needed, strict=True))
        rows.append(
            {
                "Eq. (11)": reading,
                "must earn in fees": f"{min(needed):.1f} to {max(needed):.1f}",
                "can earn at most": f"{min(most):.1f} to {max(most):.1f}",
                "customers able to cover it": f"{able} of {len(most)}",
            }
        )
    return pd.DataFrame(rows)


def fees_alone_text(cases: Mapping[str, Case]) -> str:
    """Return how many cases in which fees alone must pay have no feasible prices, or no sales.

    Parameters
    ----------
    cases : mapping
        All solved cases by name.
    """
    alone = [c for c in cases.values() if c["setting"]["investment"] == "emergency_only"]
    solved = [c for c in alone if "account" in c]
    idle = sum(c["account"]["emergency_revenue"] == 0 for c in solved)
    return (
        f"Of the {len(alone)} cases with fees alone, {len(alone) - len(solved)} have no feasible "
        f"prices, and in {idle} nothing is sold."
    )


def spread_table(routes: pd.DataFrame) -> pd.DataFrame:
    """Return the least and the greatest objective of each case over all routes, yuan a year.

    Parameters
    ----------
    routes : DataFrame
        `mobile_storage.pricing.show.tables.formulation_table`.
    """
    ran = routes[routes["Status"] == "optimal"]
    spread = ran.groupby("Case", sort=False)["Objective"].agg(["count", "min", "max"])
    relative = (spread["max"] - spread["min"]) / spread["max"].abs()
    return spread.assign(**{"relative spread": relative.round(9)}).reset_index()
