"""Paper 1 in one world: the three cases are solved, and every claim is given its margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mobile_storage.core.errors import InputError
from mobile_storage.core.margins import Margin
from mobile_storage.flip.design import Factor, moved, ranged_factors
from mobile_storage.flip.worlds import claim_columns
from mobile_storage.pricing.analysis.cases import Solution, solve
from mobile_storage.pricing.analysis.certificate import regret_yuan_per_year
from mobile_storage.pricing.analysis.iteration import iterate, starts
from mobile_storage.pricing.analysis.sensitivity import compare
from mobile_storage.pricing.claims import (
    ends_at_equilibrium,
    equivalence_margin,
    iteration_margin,
    margins,
)
from mobile_storage.pricing.model.data import PricingData, RawPricing, build
from mobile_storage.pricing.model.setting import Setting

__all__ = ["Pricing"]

#: Rows of Table 1 that are recorded for each case.
KEPT = ("emergency_revenue", "total_revenue", "total_cost", "net_income")
CASES = ("multi_grade", "single_price", "no_emergency")


@dataclass(frozen=True)
class Pricing:
    """The flip test of paper 1.

    Attributes
    ----------
    raw : RawPricing
        The ledgers, with every value at its default.
    setting : Setting
        The default variant of the game.
    solver : str
        Name of the solver, as `bilevel.solve_bilevel` takes it.
    limits : mapping
        Limits of every solve: ``pricing.limits`` of ``params.yaml``.
    rounds : int
        Largest number of rounds of the iteration of section 3.
    kkt_every : int
        P1-08 needs a second solve, so it is asked only in every `kkt_every`-th world, beginning
        with the first; 0 for no world.
    """

    raw: RawPricing
    setting: Setting
    solver: str
    limits: Mapping[str, Any]
    rounds: int
    kkt_every: int

    @cached_property
    def factors(self) -> list[Factor]:
        """Factors of the worlds: each scalar, and in keyed tables all rows of a symbol together."""
        return ranged_factors(self.raw, lambda _, rows: rows["symbol"])

    def answer(self, world: Mapping[str, float], number: int) -> dict[str, Any]:
        """Solve the three cases in a world and return its row.

        Parameters
        ----------
        world : mapping
            Value of each factor by its name.
        number : int
            Number of the world in its design; it decides whether P1-08 is asked.

        Returns
        -------
        dict
            ``status`` and ``why``; where the status is ``answered`` also ``built``, ``solver``,
            ``holds.*`` and ``margin.*`` of the claims, and the key quantities ``q.*``.
        """
        try:
            data = build(moved(self.raw, self.factors, world))
        except InputError as error:
            return {"status": "invalid combination", "why": str(error)}
        solved: dict[str, Solution] = {}
        for tariff in CASES[:2]:
            solution = self._solve(data, tariff, "value_function")
            if not solution.result.optimal:
                what = {"infeasible": "no feasible prices"}.get(
                    solution.result.status, "not solved"
                )
                return {"status": what, "why": f"{tariff}: {solution.result.message}"}
            solved[tariff] = solution
        best = solved["multi_grade"]
        compared = compare(
            data, **{tariff: solution.outcome for tariff, solution in solved.items()}
        )
        row: dict[str, Any] = {
            "status": "answered",
            "why": "",
            "built": compared.multi_grade["emergency_revenue"] > 0,
            "solver": f"{best.result.solver} {best.result.solver_version}",
        }
        judged = margins(compared)
        if row["built"]:
            judged["P1-07"] = self._iteration(data, best)
        if self.kkt_every and number % self.kkt_every == 0:
            equivalence = self._equivalence(data, best)
            if equivalence is not None:
                judged["P1-08"] = equivalence
        row |= claim_columns(judged)
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

    def _iteration(self, data: PricingData, best: Solution) -> Margin:
        """P1-07, from every start that does not know the equilibrium."""
        begins = starts(data, best.outcome.prices)
        del begins["equilibrium"]
        runs = [iterate(data, self.setting, p, rounds=self.rounds) for p in begins.values()]
        return iteration_margin(
            [
                ends_at_equilibrium(
                    run.ending,
                    run.path[-1].account.net_income,
                    run.path[-1].violation_yuan_per_year,
                    best.outcome.account.net_income,
                )
                for run in runs
            ]
        )

    def _equivalence(self, data: PricingData, best: Solution) -> Margin | None:
        """P1-08, by the KKT formulation; None where the solver stopped at a limit."""
        kkt = self._solve(data, "multi_grade", "kkt_strengthened")
        if kkt.result.status == "infeasible":
            return Margin(-1.0, "tolerances")
        if not kkt.result.optimal:
            return None
        income = best.outcome.account.net_income
        apart = abs(kkt.outcome.account.net_income - income) / max(1.0, abs(income))
        return equivalence_margin(apart, regret_yuan_per_year(data, self.setting, kkt.outcome))
