"""Paper 1 in one world: the three cases solved, and how far each claim holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mobile_storage.core.errors import InputError
from mobile_storage.flip.design import Factor, moved, ranged_factors
from mobile_storage.flip.margins import verdict
from mobile_storage.pricing.analysis.cases import Solution, solve
from mobile_storage.pricing.analysis.certificate import NOISE_YUAN_PER_YEAR, regret_yuan_per_year
from mobile_storage.pricing.analysis.findings import AGREE
from mobile_storage.pricing.analysis.iteration import iterate, starts
from mobile_storage.pricing.analysis.sensitivity import compare
from mobile_storage.pricing.claims import SIGNIFICANT_SHARE, Comparison
from mobile_storage.pricing.model.data import PricingData, RawPricing, build
from mobile_storage.pricing.model.game import Setting

__all__ = ["REGRET", "Pricing", "ordering_margins"]

#: P1-08: no customer may give up more than this against its best response, yuan/yr.
REGRET = 0.01
#: Rows of Table 1 that are kept, by case.
KEPT = ("emergency_revenue", "total_revenue", "total_cost", "net_income")
CASES = ("multi_grade", "single_price", "no_emergency")


@dataclass(frozen=True)
class Pricing:
    """Paper 1 as a flip test.

    Attributes
    ----------
    raw : RawPricing
        The ledgers as they are.
    setting : Setting
        The default variant.
    solver : str
        See `bilevel.solve_bilevel`.
    limits : mapping
        When a solve stops: ``pricing.limits`` of ``params.yaml``.
    rounds : int
        Most rounds of the iteration of section 3.
    kkt_every : int
        P1-08 is asked in one world in so many, the first included; 0 for none.
    """

    raw: RawPricing
    setting: Setting
    solver: str
    limits: Mapping[str, Any]
    rounds: int
    kkt_every: int

    @cached_property
    def factors(self) -> list[Factor]:
        """What differs between worlds: single numbers, and all rows of a symbol in keyed tables."""
        return ranged_factors(self.raw, lambda _, rows: rows["symbol"])

    def answer(self, world: Mapping[str, float], number: int) -> dict[str, Any]:
        """Row of a world: ``status``, ``why``, ``built``, the claims and the key quantities."""
        try:
            data = build(moved(self.raw, self.factors, world))
        except InputError as error:
            return {"status": "invalid combination", "why": str(error)}
        solved: dict[str, Solution] = {}
        for tariff in CASES[:2]:
            found = self._solve(data, tariff, "value_function")
            if not found.result.optimal:
                what = {"infeasible": "no feasible prices"}.get(found.result.status, "not solved")
                return {"status": what, "why": f"{tariff}: {found.result.message}"}
            solved[tariff] = found
        best = solved["multi_grade"]
        compared = compare(data, **{tariff: found.outcome for tariff, found in solved.items()})
        row: dict[str, Any] = {
            "status": "answered",
            "why": "",
            "built": compared.multi_grade["emergency_revenue"] > 0,
            "solver": f"{best.result.solver} {best.result.solver_version}",
        }
        for claim, margin in ordering_margins(compared).items():
            # Equal amounts differ by rounding, which decides no claim.
            row |= verdict(claim, margin > NOISE_YUAN_PER_YEAR, margin)
        if row["built"]:
            margin = self._reached(data, best)
            row |= verdict("P1-07", margin >= 0, margin)
        if self.kkt_every and number % self.kkt_every == 0:
            margin = self._equivalence(data, best)
            if margin is not None:
                row |= verdict("P1-08", margin >= 0, margin)
        for name in CASES:
            account = getattr(compared, name)
            row |= {f"q.{item}_{name}_yuan_per_year": account[item] for item in KEPT}
        return row | {
            "q.customers_cost_multi_grade_yuan_per_year": compared.cost_multi_grade,
            "q.customers_cost_single_price_yuan_per_year": compared.cost_single_price,
            "q.customers_cost_own_storage_yuan_per_year": compared.cost_own_storage,
            "q.storage_kw": best.outcome.storage_kw,
            "q.customers_served": sum(c.grade is not None for c in best.outcome.choices),
        }

    def _solve(self, data: PricingData, tariff: str, formulation: str) -> Solution:
        return solve(
            data,
            replace(self.setting, tariff=tariff),
            formulation=formulation,
            solver=self.solver,
            **self.limits,
        )

    def _reached(self, data: PricingData, best: Solution) -> float:
        """P1-07: share of the blind starts from which the iteration ends elsewhere, negative."""
        income = best.outcome.account.net_income
        near = AGREE * max(1.0, abs(income))
        begins = starts(data, best.outcome.prices)
        del begins["equilibrium"]
        reached = 0
        for prices in begins.values():
            run = iterate(data, self.setting, prices, rounds=self.rounds)
            end = run.path[-1]
            reached += (
                run.ending == "fixed point"
                and abs(end.account.net_income - income) <= near
                and end.violation_yuan_per_year <= near
            )
        return reached / len(begins) - 1.0

    def _equivalence(self, data: PricingData, best: Solution) -> float | None:
        """P1-08: one less the largest difference between the two formulations, in tolerances.

        None where the solver stopped at a limit.
        """
        kkt = self._solve(data, "multi_grade", "kkt_strengthened")
        if not kkt.result.optimal:
            return -1.0 if kkt.result.status == "infeasible" else None
        income = best.outcome.account.net_income
        apart = abs(kkt.outcome.account.net_income - income) / max(1.0, abs(income))
        regret = regret_yuan_per_year(data, self.setting, kkt.outcome)
        return 1.0 - max(apart / AGREE, regret / REGRET)


def ordering_margins(c: Comparison) -> dict[str, float]:
    """By how much each of P1-02 to P1-06 passes or fails `claims.orderings`, yuan/yr."""
    significant = SIGNIFICANT_SHARE * abs(c.no_emergency["net_income"])
    return {
        "P1-02": min(c.rise("total_revenue", o) for o in c.others),
        "P1-03": min(c.rise("total_cost", o) for o in c.others),
        "P1-04": min(c.rise("emergency_revenue", o) - c.rise("total_cost", o) for o in c.others),
        "P1-05": c.rise("net_income", c.no_emergency) - significant,
        "P1-06": min(c.cost_single_price, c.cost_own_storage) - c.cost_multi_grade,
    }
