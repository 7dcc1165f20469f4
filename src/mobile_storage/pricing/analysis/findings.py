"""From measurements to findings: what the ledger says about each claim of paper 1, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mobile_storage.core.claims import Evidence, Finding
from mobile_storage.core.papers import PRICING
from mobile_storage.pricing.claims import (
    AGREE,
    Comparison,
    ends_at_equilibrium,
    equivalence_margin,
    iteration_margin,
    margins,
    numbers,
    turned_claims,
)
from mobile_storage.pricing.model.grades import GRADES, Prices

RESULT_PRECISION = 1e-9
"""Relative precision to which result files keep a number."""

DISCUSSION = Evidence.of(PRICING, notebook="05_discussion", table="table1", figure="sensitivity")


def flipping_parameters(moves: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """By claim: the symbols that turn the claim over at an end of their range.

    Parameters
    ----------
    moves : DataFrame
        Rows of `sensitivity.try_move`, the unmoved data first.
    """
    turned = turned_claims(moves).groupby("claim", sort=False)["symbol"]
    return {claim: tuple(dict.fromkeys(symbols)) for claim, symbols in turned}


def ordering_finding(
    claim: str,
    default: str,
    variants: Mapping[str, Comparison],
    posed: int,
    flips: Sequence[str],
) -> Finding:
    """Whether an ordering of P1-02 to P1-06 holds by default, and in how many variants.

    Parameters
    ----------
    default : str
        Name of the default variant.
    variants : mapping
        Comparison of the three cases by variant, where anything is sold.
    posed : int
        Number of variants posed; those that sell nothing count for nothing.
    flips : sequence of str
        Symbols whose range turns the verdict over, one at a time.
    """
    if default not in variants:
        return _undecided(
            claim,
            "The default variant has no proven optimum at which anybody buys: no prices are "
            "feasible, none sell, or the solver stopped at its limit.",
        )
    truth = {name: margins(c)[claim].holds for name, c in variants.items()}
    cause = f"Default variant: {numbers(variants[default])[claim]} (yuan/yr)."
    if len(variants) < posed:
        cause += (
            f" {posed - len(variants)} of {posed} variants have no feasible prices, sell nothing "
            "or are not solved to optimality."
        )
    cause += (
        f" One at a time, these values turn it over within their ranges: {', '.join(flips)}."
        if flips
        else " No single value turns it over within its range."
    )
    return Finding(
        claim=claim,
        value="holds" if truth[default] else "does not hold",
        cause=cause,
        holds=truth[default],
        holds_in=sum(truth.values()),
        out_of=len(truth),
        evidence=DISCUSSION,
    )


def _undecided(claim: str, cause: str) -> Finding:
    return Finding(claim=claim, value=None, cause=cause, holds=None)


def structure_finding(case: Mapping[str, Any]) -> Finding:
    """P1-01: 27 unit prices from seven decisions, each paid price the sum that Eq. (1) says."""
    if "prices" not in case:
        return _undecided("P1-01", "The default variant has no feasible prices.")
    prices = Prices.from_record(case["prices"])
    by_label = {grade.label: prices.of(grade) for grade in GRADES}
    paid = [row for row in case["customers"] if row["price_yuan_per_kwh"] is not None]
    off = max((abs(r["price_yuan_per_kwh"] - by_label[r["grade"]]) for r in paid), default=0.0)
    return Finding(
        claim="P1-01",
        value=f"{len(by_label)} unit prices from 7 decisions",
        cause=f"Eq. (1) is how the model builds its prices; the {len(paid)} prices paid in the "
        f"default variant differ from the sum of their three parts by at most {off:.0e} yuan/kWh.",
        holds=off < AGREE,
        holds_in=1,
        out_of=1,
        evidence=Evidence.of(
            PRICING, notebook="02_metrics", table="prices", figure="prices", ledger="grades"
        ),
    )


def iteration_finding(iteration: Mapping[str, Any], default: str) -> Finding:
    """P1-07: whether best response ends at the equilibrium, from every start."""
    if default not in iteration:
        return _undecided("P1-07", "The default variant has no equilibrium to compare with.")
    arrived, endings = {}, {}
    for name, variant in iteration.items():
        best = variant["equilibrium_yuan_per_year"]
        blind = {s: run for s, run in variant["starts"].items() if s != "equilibrium"}
        arrived[name] = [
            ends_at_equilibrium(
                run["ending"],
                run["net_income_yuan_per_year"][-1],
                run["violation_yuan_per_year"][-1],
                best,
            )
            for run in blind.values()
        ]
        endings[name] = ", ".join(
            f"{run['ending']} at {run['net_income_yuan_per_year'][-1]:,.0f}"
            if run["ending"] == "fixed point"
            else run["ending"]
            for run in blind.values()
        )
    full = [name for name, ends in arrived.items() if iteration_margin(ends).holds]
    runs = [end for ends in arrived.values() for end in ends]
    return Finding(
        claim="P1-07",
        value=f"{sum(runs)} of {len(runs)} runs end at the equilibrium",
        cause="A leader that takes the purchases as given raises prices to what the buyers accept; "
        "it does not foresee whether they then choose another grade or leave. Default variant, "
        f"from the lowest, middling and highest prices: {endings[default]}; the equilibrium earns "
        f"{iteration[default]['equilibrium_yuan_per_year']:,.0f} yuan/yr.",
        holds=default in full,
        holds_in=len(full),
        out_of=len(arrived),
        evidence=Evidence.of(
            PRICING,
            notebook="03_trading_framework",
            table="iteration",
            figure="iteration",
            ledger=None,
        ),
    )


def milp_finding(routes: Sequence[Mapping[str, Any]], cases: Mapping[str, Any]) -> Finding:
    """P1-08: whether all formulations agree and every customer plays its best response."""
    ran = [r for r in routes if r["status"] == "optimal"]
    if not ran:
        return _undecided("P1-08", "None of the games solved for the comparison is feasible.")
    spread, regret = 0.0, 0.0
    for case in dict.fromkeys(r["case"] for r in ran):
        values = [r["objective_yuan_per_year"] for r in ran if r["case"] == case]
        spread = max(spread, (max(values) - min(values)) / max(1.0, abs(values[0])))
    solved = [c["certificate"] for c in cases.values() if c["status"] == "optimal"]
    for number in [r["regret_yuan_per_year"] for r in ran] + [
        c["regret_yuan_per_year"] for c in solved
    ]:
        regret = max(regret, number)
    exact = equivalence_margin(spread, regret).holds
    return Finding(
        claim="P1-08",
        value=f"{len(ran)} solves agree to {max(spread, RESULT_PRECISION):.0e}",
        cause="KKT conditions do not hold for Boolean choices, but here the customer's choice of "
        "one grade or none has an integral linear relaxation, for which they do; the paper does "
        f"not say so. {len(ran)} solves by KKT conditions and by a formulation without them agree, "
        f"and no customer gives up more than {max(regret, 1e-6):.0e} yuan a year against "
        "enumeration.",
        holds=exact,
        holds_in=len(ran) if exact else 0,
        out_of=len(ran),
        evidence=Evidence.of(
            PRICING, notebook="04_bilevel_pricing", table="formulations", ledger=None
        ),
    )


def table_finding() -> Finding:
    """P1-09: the published cells are lost; ours stand in their place."""
    return Finding(
        claim="P1-09",
        value="our Table 1, with ranges where the optimum is not unique",
        cause="The cells of the published Table 1 are not in the text, nor are most parameters "
        "behind them; whoever holds them can put the parameters into data/raw/bao2024 and run.",
        holds=None,
        evidence=Evidence.of(
            PRICING, notebook="04_bilevel_pricing", table="table1", figure="revenue_cost"
        ),
    )
