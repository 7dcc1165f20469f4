"""The certificate of a solved game, and its record for the results folder.

(a) residuals of the KKT conditions, (b) each follower against its best response by enumeration,
(c) no multiplier at its big-M, (d) income recomputed from Eq. (1)-(9) against the optimiser's
objective, (e) the ranges over the optimal set, from `intervals.optimal_ranges`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mobile_storage.pricing.analysis.cases import KKT_CUSTOMERS, Solution, solve
from mobile_storage.pricing.analysis.intervals import optimal_ranges
from mobile_storage.pricing.model.customers import best_responses
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.income import NOISE_YUAN_PER_YEAR
from mobile_storage.pricing.model.outcome import Outcome, customer_rows
from mobile_storage.pricing.model.setting import Setting

RESIDUAL_NOISE = 1e-9
"""Residuals and gaps below this are written as 0: they are rounding and differ by processor."""


def without_noise(value: float | None, noise: float = RESIDUAL_NOISE) -> float | None:
    """Return the value, or 0 if it is below the noise."""
    return 0.0 if value is not None and abs(value) < noise else value


def regret_yuan_per_year(data: PricingData, setting: Setting, outcome: Outcome) -> float:
    """Return the largest distance of a customer's utility from its best response's, yuan/yr.

    It is 0 at an equilibrium. The customer regrets a choice that is worse than its best response. A
    choice with a higher utility is one that the customer cannot make: a grade that it refuses by
    Eq. (12), or a capacity outside the band.
    """
    worst = 0.0
    for customer, menu, cap, choice in zip(
        data.customers, setting.menus(data), data.acceptable_prices, outcome.choices, strict=True
    ):
        best = best_responses(customer, menu, outcome.prices, cap, tolerance=1e-6)
        highest = max(c.utility_yuan_per_year for c in best)
        worst = max(worst, abs(highest - choice.utility_yuan_per_year))
    return without_noise(worst, NOISE_YUAN_PER_YEAR)


def certified_case(
    data: PricingData,
    setting: Setting,
    *,
    ranges: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """Solve a case and return its record with the whole certificate.

    Parameters
    ----------
    ranges : bool
        Whether to add part (e), as ``intervals``. It takes some hundred small MILPs, so it is left
        out for more than `KKT_CUSTOMERS` customers.
    **options
        ``solver``, ``gap`` and ``node_limit`` of `mobile_storage.bilevel.solve_bilevel`, for the
        case and for each end of a range.
    """
    solution = solve(data, setting, **options)
    record = case_record(data, solution)
    if ranges and solution.result.optimal and len(data.customers) <= KKT_CUSTOMERS:
        intervals = optimal_ranges(data, setting, solution.outcome, **options)
        record["intervals"] = {name: asdict(interval) for name, interval in intervals.items()}
    return record


def case_record(data: PricingData, solution: Solution) -> dict[str, Any]:
    """Return everything that a reader or a later stage needs of a solved case.

    Wall time is left out because it differs from run to run.
    """
    result, outcome = solution.result, solution.outcome
    record: dict[str, Any] = {
        "setting": solution.setting.record(),
        "status": result.status,
        "message": result.message,
        "solver": {
            "method": result.method,
            "name": result.solver,
            "version": result.solver_version,
            "gap": without_noise(result.gap),
            "bound": result.bound,
            "variables": result.n_variables,
            "constraints": result.n_constraints,
            "announcements": result.announcements,
        },
    }
    if outcome is None:
        return record
    certificate = result.certificate
    return record | {
        "prices": asdict(outcome.prices),
        "storage_kw": outcome.storage_kw,
        "fleet": outcome.fleet,
        "account": outcome.account.rows(),
        "customers": customer_rows(data, outcome),
        "certificate": {
            "largest_residual": without_noise(certificate.largest_residual),
            "regret_yuan_per_year": regret_yuan_per_year(data, solution.setting, outcome),
            "largest_follower_gap_yuan_per_year": without_noise(
                max((abs(g) for g in result.follower_gaps.values() if g is not None), default=0.0),
                NOISE_YUAN_PER_YEAR,
            ),
            "any_at_big_m": certificate.any_at_bound,
            "objective_minus_account_yuan_per_year": without_noise(
                result.objective - outcome.account.net_income, NOISE_YUAN_PER_YEAR
            ),
            "violation_yuan_per_year": without_noise(
                outcome.violation_yuan_per_year, NOISE_YUAN_PER_YEAR
            ),
        },
    }
