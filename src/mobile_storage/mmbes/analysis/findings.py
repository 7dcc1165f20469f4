"""From outcomes to findings: what the ledger says about each claim of paper 2, and why.

The calibrated set speaks for the paper, since it is as close to the published numbers as plausible
values come; the literature set, fixed without them, is the blind prediction beside it. A number
that was a target confirms nothing, and the finding says so. A trend was never a target: it is
counted over both sets and over the ensemble of others that come about as close.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from mobile_storage.core.claims import Claim, Evidence, Finding, Verdict, judge
from mobile_storage.core.margins import holding
from mobile_storage.core.numbers import short
from mobile_storage.core.papers import MMBES
from mobile_storage.mmbes.claims import SetResults, convergence_margin, margins, numbers

__all__ = ["convergence_finding", "findings", "loss_rate_finding"]

_EVIDENCE = {
    "5.2": ("05_2_optimum", "table6", "optimum_map"),
    "5.3": ("05_3_adequacy", "load_rate", "load_rate"),
    "5.4": ("05_4_importance_and_cognition", "importance", "importance"),
    "5.4.1": ("05_2_optimum", "table6", "optimum_map"),
    "5.4.2": ("05_3_adequacy", "load_rate", "load_rate"),
    "5.4.3": ("05_3_adequacy", "load_rate", "load_rate"),
    "5.4.5": ("05_3_adequacy", "load_rate", "load_rate"),
    "5.4.6": ("05_3_adequacy", "load_rate", "load_rate"),
    "6": ("05_4_importance_and_cognition", "importance", "importance"),
    "4": ("04_solving", "convergence", "convergence"),
}
_WHY = {
    "P2-02": "Credible capacity is read as ELCC.",
    "P2-03": "Follows from the credible capacity, the peak load and 1.5 % of growth a year.",
}


def evidence(claim: Claim) -> Evidence:
    """Where a reader can check the claims of a section."""
    notebook, table, figure = _EVIDENCE[claim.section]
    return Evidence.of(MMBES, notebook=notebook, table=table, figure=figure)


def findings(
    claims: Iterable[Claim],
    literature: SetResults,
    calibrated: SetResults,
    ensemble: Sequence[SetResults],
    targets: Iterable[str],
) -> list[Finding]:
    """Findings on the numbers, trends and orderings.

    Parameters
    ----------
    claims : iterable of Claim
        Those that follow from `SetResults`: all but P2-13 and P2-17.
    literature, calibrated : SetResults
        The two parameter sets.
    ensemble : sequence of SetResults
        Other sets, about as close to the targets as the calibrated one.
    targets : iterable of str
        Claims that the calibration aimed at; none if it was not run.
    """
    blind, computed = numbers(literature), numbers(calibrated)
    others = [numbers(member) for member in ensemble]
    truth = [holding(margins(results)) for results in (calibrated, literature, *ensemble)]
    aimed = set(targets)
    result = []
    for claim in claims:
        if claim.id in computed:
            finding = Finding(
                claim.id,
                computed[claim.id],
                _number_cause(claim, computed, blind, others, claim.id in aimed),
                evidence=evidence(claim),
            )
            met = judge(claim, finding) is not Verdict.NOT_REPRODUCED
            # A target that is missed all the same is judged like any other number.
            result.append(replace(finding, calibrated=claim.id in aimed and met))
        else:
            holds = [each[claim.id] for each in truth]
            result.append(
                Finding(
                    claim.id,
                    "holds" if holds[0] else "does not hold",
                    f"Calibrated set: {_yes(holds[0])}; literature set: {_yes(holds[1])}; holds in "
                    f"{sum(holds[2:])} of {len(holds) - 2} further sets about as close to the "
                    f"published numbers. {_detail(claim.id, literature, calibrated)}",
                    holds=holds[0],
                    holds_in=sum(holds),
                    out_of=len(holds),
                    evidence=evidence(claim),
                )
            )
    return result


def _yes(holds: bool) -> str:
    return "holds" if holds else "does not"


def _number_cause(
    claim: Claim,
    computed: Mapping[str, float | str],
    blind: Mapping[str, float | str],
    others: Sequence[Mapping[str, float | str]],
    aimed: bool,
) -> str:
    text = "A target of the calibration" if aimed else "Calibrated set, not a target"
    value = computed[claim.id]
    if isinstance(value, str):
        text += "."
    else:
        off = value / float(claim.published_value) - 1.0
        text += f", {abs(off):.1%} too {'high' if off > 0 else 'low'}."
    text += f" Literature set, blind: {_written(blind[claim.id])} {claim.unit}."
    spread = [other[claim.id] for other in others]
    if spread and not isinstance(spread[0], str):
        text += f" {len(spread)} further sets about as close: {short(min(spread), 4)} to "
        text += f"{short(max(spread), 4)}."
    return f"{text} {_WHY.get(claim.id, '')}"


def _written(value: float | str) -> str:
    return value if isinstance(value, str) else short(value, 4)


def _detail(claim: str, literature: SetResults, calibrated: SetResults) -> str:
    """The numbers behind a trend or an ordering, calibrated set."""
    if claim == "P2-05":
        row = calibrated.prospect
        parts = (f"{k} {row[f'prospect_{k}']:,.0f}" for k in ("deferral", "reliability"))
        return f"Prospects, calibrated: {', '.join(parts)}."
    if claim == "P2-18":
        gains = [
            f"{name} {o.prospect['net_profit_yuan']:,.0f} to {o.net_profit['net_profit_yuan']:,.0f}"
            for name, o in (("calibrated", calibrated), ("literature", literature))
        ]
        return f"Net profit, yuan: {', '.join(gains)}."
    if claim in ("P2-07", "P2-09", "P2-10", "P2-11", "P2-12"):
        column = {
            "P2-07": "energy_kwh",
            "P2-09": "prospect_reliability",
            "P2-10": "prospect_cost",
            "P2-11": "prospect_extreme",
            "P2-12": "prospect",
        }[claim]
        rates = calibrated.load_rate.sort_values("value")
        low, high = rates.iloc[0], rates.iloc[-1]
        return (
            f"Calibrated {column} from load rate {low['value']:.2f} to {high['value']:.2f}: "
            f"{short(low[column], 5)} to {short(high[column], 5)}, "
            f"most {short(rates[column].max(), 5)}."
        )
    return ""


def convergence_finding(claim: Claim, seeds: Mapping[str, pd.DataFrame], limit: int) -> Finding:
    """P2-17: after how many iterations differential evolution has settled, over its seeds.

    Parameters
    ----------
    seeds : mapping
        Per parameter set and objective, one row a seed with ``settled_after``.
    limit : int
        Iterations within which the paper says it converges.
    """
    every = pd.concat(seeds.values())
    holds = [convergence_margin(settled, limit).holds for settled in every["settled_after"]]
    return Finding(
        claim.id,
        f"{sum(holds)} of {len(holds)} runs",
        f"Settled after {every['settled_after'].median():.0f} iterations in the median and "
        f"{every['settled_after'].max():.0f} at most, over {len(holds)} runs of "
        f"{len(seeds)} problems; SciPy's best1bin stands in for settings that the text lacks.",
        holds=holds[0],
        holds_in=sum(holds),
        out_of=len(holds),
        evidence=evidence(claim),
    )


def loss_rate_finding(claim: Claim, rates: Mapping[str, float]) -> Finding:
    """P2-13: what can be said of a loss rate of a network that is mostly not described."""
    written = ", ".join(f"{name} {rate:.2%}" for name, rate in rates.items())
    return Finding(
        claim.id,
        None,
        "The published rate is that of the whole distribution system. L1, L2, T1 and T2, the only "
        f"parts that the paper describes, lose {written} of the energy that passes through them; "
        "feeders and low voltage, where most is lost, are not in the text.",
        evidence=evidence(claim),
    )
