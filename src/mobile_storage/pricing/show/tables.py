"""Results of paper 1 as tables: what the stage ``tables`` writes and the notebooks show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mobile_storage.pricing.claims import turned_claims
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import GRADES, LEVELS, Prices
from mobile_storage.pricing.model.income import OPTIMALITY_TOLERANCE_YUAN_PER_YEAR

Results = Mapping[str, Mapping[str, Any]]

ROWS = {
    "emergency_revenue": "Emergency supply revenue",
    "arbitrage_revenue": "Arbitrage revenue",
    "renewable_revenue": "Renewable absorption revenue",
    "total_revenue": "Total revenue",
    "investment_cost": "Investment cost",
    "operation_cost": "Operating cost",
    "charging_cost": "Charging cost",
    "vehicle_cost": "Vehicle cost",
    "fuel_cost": "Fuel cost",
    "labour_cost": "Labour cost",
    "total_cost": "Total cost",
    "net_income": "Net income",
}
"""Rows of Table 1 in its order."""


NARROW_YUAN_PER_YEAR = 10 * OPTIMALITY_TOLERANCE_YUAN_PER_YEAR
"""Ranges narrower than this say nothing: the income is held only that close to the optimum, see
`income.OPTIMALITY_TOLERANCE_YUAN_PER_YEAR`."""
NARROW_YUAN_PER_KWH = 1e-3
"""The same for prices."""


def interval_text(
    low: float | None,
    high: float | None,
    digits: int = 0,
    narrow: float = NARROW_YUAN_PER_YEAR,
) -> str:
    """A number, or ``low to high`` where the optimal set is wider than `narrow`."""
    if low is None or high is None:
        return "unbounded"
    if high - low <= narrow:
        return f"{(low + high) / 2:,.{digits}f}"
    return f"{low:,.{digits}f} to {high:,.{digits}f}"


def table1(cases: Results, trading: Results, names: Sequence[str]) -> pd.DataFrame:
    """Table 1 for one variant, yuan/yr, cells with a range where the optimum is not unique.

    Parameters
    ----------
    cases : mapping
        Result files by name.
    trading : mapping
        Case 3 by the name of the case 1 whose storage it has, and ``freely_sized``.
    names : sequence of str
        Names of case 1 and case 2.
    """
    one, two = (cases[name] for name in names)
    columns = {
        "Case 1: multi-grade": _cells(one),
        "Case 2: one price": _cells(two),
        "Case 3: no emergency supply": _cells(trading.get(names[0], {})),
        "Case 3, freely sized": _cells(trading["freely_sized"]),
    }
    return pd.DataFrame(columns, index=list(ROWS.values())).rename_axis("Row").reset_index()


def _cells(case: Mapping[str, Any]) -> list[str]:
    if "account" not in case:
        return ["no feasible prices"] * len(ROWS)
    ranges = case.get("intervals", {})
    return [
        interval_text(**ranges[row]) if row in ranges else f"{case['account'][row]:,.0f}"
        for row in ROWS
    ]


def variants(cases: Results, trading: Results) -> pd.DataFrame:
    """Every solved variant on one line: buyers, storage, income, and income of case 3's storage."""
    rows = []
    for name, case in cases.items():
        setting = case["setting"]
        row = {
            "Case": 1 if setting["tariff"] == "multi_grade" else 2,
            "Follower": "fixed grade" if setting["fixed_grade"] else "chooses grade",
            "Participation": setting["participation"],
            "Eq. (11)": setting["investment"],
            "Status": case["status"],
        }
        if "account" in case:
            row |= {
                "Buyers": sum(c["grade"] != "none" for c in case["customers"]),
                "Storage (kW)": case["storage_kw"],
                "Vehicles": case["fleet"],
                "Emergency revenue": case["account"]["emergency_revenue"],
                "Total revenue": case["account"]["total_revenue"],
                "Total cost": case["account"]["total_cost"],
                "Net income": case["account"]["net_income"],
                "Net income of case 3": trading[name]["account"]["net_income"],
            }
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.astype({c: "Int64" for c in ("Buyers", "Vehicles") if c in frame})


def price_table(case: Mapping[str, Any]) -> pd.DataFrame:
    """The seven decisions with their range over the optimal set, yuan/kWh."""
    ranges = case.get("intervals", {})
    rows = []
    for kind, name in (("base", "Base price"), ("duration", "Premium"), ("response", "Premium")):
        for level in LEVELS:
            value = case["prices"][kind][level - 1]
            found = ranges.get(f"price.{kind}.{level}", {"low": value, "high": value})
            text = interval_text(**found, digits=3, narrow=NARROW_YUAN_PER_KWH)
            rows.append(
                {
                    "Price": name,
                    "Metric": "capacity" if kind == "base" else kind,
                    "Level": f"H{level}",
                    "Value": value,
                    "Over the optimal set": text,
                }
            )
    return pd.DataFrame(rows)


def decision_table(prices: Mapping[str, Prices]) -> pd.DataFrame:
    """The seven decisions of several price lists side by side, yuan/kWh.

    Parameters
    ----------
    prices : mapping
        Price lists by the heading of their column.
    """
    names = [f"base {k}" for k in LEVELS]
    names += [f"{kind} {k}" for kind in ("duration", "response") for k in LEVELS[1:]]
    return pd.DataFrame({"Decision": names, **{k: p.vector() for k, p in prices.items()}})


def unit_prices(case: Mapping[str, Any]) -> pd.DataFrame:
    """Unit price of all 27 grades, Eq. (1), yuan/kWh."""
    prices = Prices.from_record(case["prices"])
    return pd.DataFrame(
        {
            "Capacity": f"H{grade.capacity}",
            "Duration": f"H{grade.duration}",
            "Response": f"H{grade.response}",
            "Unit price": prices.of(grade),
        }
        for grade in GRADES
    )


def customer_table(data: PricingData) -> pd.DataFrame:
    """The customers with what is derived for them."""
    return pd.DataFrame(
        {
            "Customer": c.name,
            "Sector": c.sector,
            "N (1/yr)": c.outages_per_year,
            "t (h)": c.outage_duration_h,
            "S_min (kW)": c.capacity_kw.lower,
            "S_max (kW)": c.capacity_kw.upper,
            "l (yuan/kWh)": c.outage_loss_yuan_per_kwh,
            "C_buy (yuan/yr)": c.own_storage_yuan_per_year,
            "Acceptable price (yuan/kWh)": cap,
            "Duration": f"H{c.duration_level}",
            "Response": f"H{c.response_level}",
        }
        for c, cap in zip(data.customers, data.acceptable_prices, strict=True)
    )


def purchase_table(case: Mapping[str, Any]) -> pd.DataFrame:
    """Who buys which grade at what price, and what it costs them, yuan/yr."""
    ranges = case.get("intervals", {})
    rows = []
    for row in case["customers"]:
        cost = ranges.get(f"customer.{row['customer']}.supply_cost")
        rows.append(
            {
                "Customer": row["customer"],
                "Sector": row["sector"],
                "Grade": row["grade"],
                "Capacity (kW)": row["capacity_kw"],
                "Price (yuan/kWh)": row["price_yuan_per_kwh"],
                "Fee": row["fee_yuan_per_year"],
                "Utility": row["utility_yuan_per_year"],
                "Supply cost": interval_text(**cost)
                if cost
                else f"{row['supply_cost_yuan_per_year']:,.0f}",
                "Stand-alone cost": row["stand_alone_cost_yuan_per_year"],
            }
        )
    return pd.DataFrame(rows)


def formulation_table(routes: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Agreement of formulations, methods and solvers."""
    names = {
        "case": "Case",
        "formulation": "Formulation",
        "method": "Method",
        "solver": "Solver",
        "solver_version": "Version",
        "status": "Status",
        "objective_yuan_per_year": "Objective",
        "gap": "Gap",
        "regret_yuan_per_year": "Largest regret",
        "variables": "Variables",
        "constraints": "Constraints",
    }
    frame = pd.DataFrame(routes).reindex(columns=list(names)).rename(columns=names)
    return frame.astype({"Variables": "Int64", "Constraints": "Int64"})


def iteration_table(iteration: Results) -> pd.DataFrame:
    """Where the leader-follower iteration ends, yuan/yr."""
    rows = []
    for name, variant in iteration.items():
        for start, run in variant["starts"].items():
            incomes = run["net_income_yuan_per_year"]
            rows.append(
                {
                    "Variant": name,
                    "Start": start,
                    "Ending": run["ending"],
                    "Period": run["period"],
                    "Rounds": len(incomes) - 1,
                    "Net income at the end": incomes[-1],
                    "Missing at the end": run["violation_yuan_per_year"][-1],
                    "Equilibrium": variant["equilibrium_yuan_per_year"],
                }
            )
    return pd.DataFrame(rows)


def search_table(search: Sequence[Mapping[str, Any]], optimum: float) -> pd.DataFrame:
    """Best income of the blind search by seed, against the MILP's optimum, yuan/yr."""
    return pd.DataFrame(
        {
            "Seed": run["seed"],
            "Evaluations": run["evaluations"],
            "Best net income": run["net_income_yuan_per_year"],
            "Short of the optimum": optimum - run["net_income_yuan_per_year"],
        }
        for run in search
    )


def flip_table(moves: pd.DataFrame) -> pd.DataFrame:
    """Moves of one value to an end of its range that turn a claim over.

    Parameters
    ----------
    moves : DataFrame
        Rows of `sensitivity.try_move`, the unmoved data first.
    """
    place = ["table", "symbol", "end"]
    turned = turned_claims(moves).groupby(place)["claim"].agg(", ".join)
    found = moves.iloc[1:].set_index(place)
    # No answer is said as such; a move that turns nothing has no row.
    said = found["status"].where(found["status"] != "optimal", turned.reindex(found.index))
    names = {"table": "File", "symbol": "Symbol", "end": "End"}
    return said.dropna().rename("Turned over").reset_index().rename(columns=names)
