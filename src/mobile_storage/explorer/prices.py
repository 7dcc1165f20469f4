"""Paper 1: how prices, income, purchases and verdicts depend on bounds on the prices and on k_exp.

Every answer is an exact solve of the default variant of the game, by the ``value_function``
formulation, which is the smallest; nothing is interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mobile_storage.bilevel import Status, solve_bilevel
from mobile_storage.core.claims import Claim
from mobile_storage.core.io import markdown_table
from mobile_storage.core.style import PAGE_MM, bars, label_panels, new_figure, say
from mobile_storage.explorer.knobs import Knob, knob_of, knob_table, moved_symbols, moved_text, show
from mobile_storage.pricing.analysis.cases import Solution, decisions
from mobile_storage.pricing.analysis.sensitivity import compare
from mobile_storage.pricing.claims import Comparison, margins, numbers
from mobile_storage.pricing.model.data import PricingData, RawPricing, build
from mobile_storage.pricing.model.game import build_game
from mobile_storage.pricing.model.outcome import customer_rows, outcome_of_choices
from mobile_storage.pricing.model.setting import Setting, highest_useful_prices

__all__ = ["Answer", "PriceExplorer", "solve_within"]

PRICES = {
    "base": ("base", "Base prices by capacity level"),
    "duration": ("duration_premium", "Premiums by duration, levels 2 and 3"),
    "response": ("response_premium", "Premiums by response, levels 2 and 3"),
}
"""Components of Eq. (1): name of the variable in the leader's model, and label."""

CLAIMS = ("P1-02", "P1-03", "P1-04", "P1-05", "P1-06")
"""Claims that compare the three cases."""

ROWS = {
    "emergency_revenue": "Emergency supply revenue",
    "total_revenue": "Total revenue",
    "total_cost": "Total cost",
    "net_income": "Net income",
}

Bounds = Mapping[str, tuple[float, float]]


def solve_within(data: PricingData, setting: Setting, within: Bounds, **limits: Any) -> Solution:
    """Solve case 1 or 2 with bounds on the components of the prices.

    Parameters
    ----------
    within : mapping
        Lowest and highest value by component of `PRICES`, yuan/kWh. In case 2 only ``base`` has a
        meaning: it bounds the one price.
    **limits
        Of `solve_bilevel`.

    Notes
    -----
    Nobody buys above `highest_useful_prices`, so a higher price changes nothing. A lower bound
    above these prices is moved down to them, which does not change the answer.
    """
    m = build_game(data, setting, "value_function")
    for kind, (low, high) in within.items():
        for variable in getattr(m, PRICES[kind][0]).values():
            variable.setlb(min(low, variable.ub))
            variable.setub(max(variable.lb, min(high, variable.ub)))
    result = solve_bilevel(m, [], [], **limits)
    found = outcome_of_choices(data, setting, *decisions(m)) if result.solution else None
    return Solution(setting, found, result)


@dataclass(frozen=True)
class Answer:
    """Cases 1 and 2 solved, and case 3 with the storage of case 1.

    Attributes
    ----------
    data : PricingData
    multi_grade, single_price : Solution
    compared : Comparison or None
        None unless both are solved to proven optimality.
    seconds : float
        How long it took.
    """

    data: PricingData
    multi_grade: Solution
    single_price: Solution
    compared: Comparison | None
    seconds: float

    @property
    def status(self) -> str:
        """Reason why the claims have no answer here; empty if they have one."""
        for case, found in (("1", self.multi_grade), ("2", self.single_price)):
            status = found.result.status
            if status is Status.INFEASIBLE:
                return f"Case {case}: no prices within these bounds satisfy the constraints."
            if not found.result.optimal:
                return f"Case {case}: the solver stopped ({status}) without a proven optimum."
        return "" if self.sold else "Nothing is sold in case 1."

    @property
    def sold(self) -> list[dict[str, Any]]:
        """Purchases of case 1, one record for each customer that buys."""
        if self.compared is None:
            return []
        rows = customer_rows(self.data, self.multi_grade.outcome)
        return [row for row in rows if row["grade"] != "none"]

    def verdicts(self) -> dict[str, str]:
        """Say of each of `CLAIMS` whether it holds."""
        if self.status:
            return dict.fromkeys(CLAIMS, "no answer")
        return {
            claim: "holds" if margin.holds else "does not hold"
            for claim, margin in margins(self.compared).items()
        }


@dataclass
class PriceExplorer:
    """Answers for any position of the sliders; each is computed once.

    Attributes
    ----------
    raw : RawPricing
        The ledgers.
    claims : sequence of Claim
        The ledger of claims, for what they state.
    limits : mapping
        Of `solve_bilevel`.
    answers : dict
        Answers so far, by the values of the knobs.
    """

    raw: RawPricing
    claims: Sequence[Claim]
    limits: Mapping[str, Any] = field(default_factory=dict)
    answers: dict[tuple, Answer] = field(default_factory=dict, repr=False)

    @cached_property
    def knobs(self) -> tuple[Knob, ...]:
        """k_exp and the smallest step of Eq. (13) from the ledger, and bounds on the prices.

        The paper gives no bounds on prices; by default they are as wide as any price can matter
        with k_exp at the upper end of its range.
        """
        k_exp, step = (self.raw.scalars.parameter(s) for s in ("k_exp", "price_step_min"))
        dearest = build(self.raw.replace({"k_exp": k_exp.high, "price_step_min": step.high}))
        widest = float(math.ceil(highest_useful_prices(dearest)[-1]))
        return (
            knob_of(k_exp, "k_exp", 0.01),
            *(
                Knob(
                    kind, name, "yuan/kWh", (0.0, widest), 0.0, widest, 0.25, "no bound (not given)"
                )
                for kind, (_, name) in PRICES.items()
            ),
            knob_of(step, "price_step_min", 0.01),
        )

    @property
    def defaults(self) -> dict[str, Any]:
        """Value of every knob as the ledgers have it."""
        return {knob.symbol: knob.default for knob in self.knobs}

    def ask(self, values: Mapping[str, Any]) -> Answer:
        """Solve for values of the knobs, by symbol."""
        key = tuple(values[knob.symbol] for knob in self.knobs)
        if key not in self.answers:
            self.answers[key] = self._solve(values)
        return self.answers[key]

    def _solve(self, values: Mapping[str, Any]) -> Answer:
        start = perf_counter()
        moves = {symbol: values[symbol] for symbol in ("k_exp", "price_step_min")}
        data, within = build(self.raw.replace(moves)), {kind: values[kind] for kind in PRICES}
        one, two = (
            solve_within(data, replace(Setting(), tariff=tariff), within, **self.limits)
            for tariff in ("multi_grade", "single_price")
        )
        compared = None
        if one.result.optimal and two.result.optimal:
            compared = compare(data, one.outcome, two.outcome)
        return Answer(data, one, two, compared, perf_counter() - start)

    def report(self, values: Mapping[str, Any]) -> Iterator[Any]:
        """Yield what to show for values of the knobs: texts, tables and a figure."""
        now, usual = self.ask(values), self.ask(self.defaults)
        yield Markdown(_headline(now, moved_symbols(self.knobs, values)))
        yield Markdown(markdown_table(knob_table(self.knobs, values)))
        yield incomes_and_purchases(now, usual)
        yield Markdown(markdown_table(verdict_table(now, usual, self.claims)))
        if now.compared is not None:
            yield Markdown("yuan a year\n\n" + markdown_table(income_table(now, usual)))
        if now.sold:
            yield Markdown(markdown_table(grade_table(now)))

    def show(self, **values: Any) -> None:
        """Display the report. The sliders call this."""
        show(self.report(values))


def _headline(now: Answer, changed: Sequence[str]) -> str:
    solver = now.multi_grade.result.solver
    text = f"**{moved_text(changed)}.** Exact solves by {solver}, nothing interpolated, "
    text += f"{now.seconds:.1f} s."
    return f"{text} **{now.status}**" if now.status else text


def verdict_table(now: Answer, usual: Answer, claims: Sequence[Claim]) -> pd.DataFrame:
    """P1-02 to P1-06 at the defaults and now, with the numbers behind them, yuan/yr."""
    before, after = usual.verdicts(), now.verdicts()
    said = dict.fromkeys(CLAIMS, now.status) if now.status else numbers(now.compared)
    stated = {claim.id: claim.statement for claim in claims}
    return pd.DataFrame(
        {
            "Claim": claim,
            "Statement": stated[claim],
            "At the defaults": before[claim],
            "Now": after[claim] if after[claim] == before[claim] else f"**{after[claim]}**",
            "Now, yuan/yr": said[claim],
        }
        for claim in CLAIMS
    )


def income_table(now: Answer, usual: Answer) -> pd.DataFrame:
    """Rows of Table 1 and the customers' cost by case, now and at the defaults, yuan/yr.

    Case 3's customers are taken to buy storage of their own, as the paper has it.
    """
    columns: dict[str, list[str]] = {"Row": [*ROWS.values(), "Customers' cost of supply"]}
    for case in (1, 2, 3):
        for label, answer in (("now", now), ("default", usual)):
            if answer.compared is not None:
                account, cost = _case(answer.compared, case)
                cells = [*(account[row] for row in ROWS), cost]
                columns[f"Case {case}, {label}"] = [f"{cell:,.0f}" for cell in cells]
    return pd.DataFrame(columns)


def _case(c: Comparison, case: int) -> tuple[Mapping[str, float], float]:
    """Account of the owner and supply cost of all customers, yuan/yr."""
    accounts = (c.multi_grade, c.single_price, c.no_emergency)
    costs = (c.cost_multi_grade, c.cost_single_price, c.cost_own_storage)
    return accounts[case - 1], costs[case - 1]


def grade_table(now: Answer) -> pd.DataFrame:
    """What is bought of each grade in case 1."""
    rows = pd.DataFrame(
        now.sold, columns=["grade", "price_yuan_per_kwh", "capacity_kw", "fee_yuan_per_year"]
    )
    found = rows.groupby("grade", as_index=False).agg(
        **{
            "Price (yuan/kWh)": ("price_yuan_per_kwh", "first"),
            "Customers": ("grade", "size"),
            "Capacity (kW)": ("capacity_kw", "sum"),
            "Fees (yuan/yr)": ("fee_yuan_per_year", "sum"),
        }
    )
    found["Price (yuan/kWh)"] = found["Price (yuan/kWh)"].round(3)
    found["Fees (yuan/yr)"] = found["Fees (yuan/yr)"].round().astype(int)
    return found.rename(columns={"grade": "Grade bought in case 1"})


def incomes_and_purchases(now: Answer, usual: Answer) -> Figure:
    """Net income of the three cases, and capacity sold by grade in case 1; now and by default."""
    grades = sorted({row["grade"] for answer in (now, usual) for row in answer.sold})
    height = max(70.0, 24.0 + 5.0 * len(grades))
    fig, (left, right) = new_figure(
        1, 2, width_mm=PAGE_MM, height_mm=height, width_ratios=(1.0, 1.3)
    )
    shown = (("now", now, 0, -0.2), ("at the defaults", usual, 1, 0.2))
    for _, answer, position, shift in shown:
        if answer.compared is None:
            continue
        incomes = [_case(answer.compared, case)[0]["net_income"] / 1e3 for case in (1, 2, 3)]
        left.bar(np.arange(3) + shift, incomes, width=0.38, **bars(position))
        for x, income in enumerate(incomes):
            _label(left, f"{income:,.0f}", (x + shift, income))
        capacity = pd.Series(0.0, index=grades)
        for row in answer.sold:
            capacity[row["grade"]] += row["capacity_kw"]
        right.barh(np.arange(len(grades)) + shift, capacity, height=0.38, **bars(position))
    if now.compared is None:
        say(left, "no answer")
    left.set_xticks(range(3), ["Case 1\nmulti-grade", "Case 2\none price", "Case 3\nno emergency"])
    left.set_ylabel("Net income (1000 yuan/yr)")
    left.axhline(0, color="0.2", linewidth=0.6)
    left.grid(axis="x", visible=False)
    left.margins(y=0.1)
    right.set_yticks(range(len(grades)), grades)
    right.invert_yaxis()
    right.set_xlabel("Capacity sold in case 1 (kW)")
    right.set_ylabel("Grade (capacity-duration-response)")
    right.grid(axis="y", visible=False)
    label_panels(np.array([left, right]))
    fig.legend(
        handles=[Patch(label=name, **bars(position)) for name, _, position, _ in shown],
        loc="outside lower center",
        ncols=2,
    )
    return fig


def _label(ax: Axes, text: str, at: tuple[float, float]) -> None:
    up = at[1] >= 0
    ax.annotate(
        text,
        at,
        (0, 2 if up else -2),
        textcoords="offset points",
        ha="center",
        va="bottom" if up else "top",
        fontsize=6.5,
    )
