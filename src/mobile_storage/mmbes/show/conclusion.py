"""Section 6 as tables: numbers and statements of every set, and what a planner can take away.

`SetResults` are what a parameter set, or a member of the ensemble, comes to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from mobile_storage.core.claims import with_tolerances
from mobile_storage.mmbes.claims import SetResults, numbers
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES

__all__ = [
    "BENEFITS",
    "number_table",
    "planner_table",
    "spread_table",
    "statement_table",
]

BENEFITS = tuple(k for k in ATTRIBUTES if k != "cost")

QUANTITIES = {
    "energy_kwh": "Energy (kWh)",
    "power_kw": "Power (kW)",
    "elcc_kw": "Credible capacity (kW)",
    "deferral_yr": "Deferral (yr)",
    "eens_before_kwh": "EENS without (kWh/yr)",
    "eens_cut_kwh": "EENS cut (kWh/yr)",
    "loss_cut_kwh": "Loss cut, gross (kWh/yr)",
    "loss_cut_net_kwh": "Loss cut, net of storage (kWh/yr)",
    **{f"worth_{k}_yuan": f"{ATTRIBUTE_NAMES[k]} (yuan)" for k in ATTRIBUTES},
    "net_profit_yuan": "Net profit (yuan)",
}
"""Columns of `report.describe` in words."""


def number_table(
    claims: pd.DataFrame,
    sets: Mapping[str, SetResults],
    members: Sequence[SetResults],
    aimed: Collection[str],
) -> pd.DataFrame:
    """Published numbers against the blind set, the calibrated one and the ensemble.

    Parameters
    ----------
    claims : DataFrame
        The ledger of claims with its verdicts, as text.
    sets : mapping
        ``literature`` and ``calibrated``.
    members : sequence of SetResults
    aimed : collection of str
        Claims that were targets of the calibration.
    """
    blind, fitted = (numbers(sets[name]) for name in ("literature", "calibrated"))
    others = [numbers(member) for member in members]
    rows = []
    for claim in claims[claims["id"].isin(blind)].itertuples():
        ends = [float(end) for end in claim.published.split(" to ")]
        tolerances = with_tolerances(ends, float(claim.tolerance))
        for k, (published, near) in enumerate(tolerances):
            found, calibrated, *spread = (
                float(str(v[claim.id]).split(" to ")[k]) for v in (blind, fitted, *others)
            )
            spread = pd.Series(spread, dtype=float)
            rows.append(
                {
                    "Claim": claim.id + (f", {('low', 'high')[k]} end" if len(ends) > 1 else ""),
                    "Unit": claim.unit,
                    "Published": published,
                    "Blind": found,
                    "Calibrated": calibrated,
                    "Ensemble, least": spread.min(),
                    "Ensemble, most": spread.max(),
                    "Target": claim.id in aimed,
                    "Blind within": abs(found - published) <= near,
                    "Calibrated within": abs(calibrated - published) <= near,
                    "Published in the ensemble": bool(spread.min() <= published <= spread.max()),
                }
            )
    return pd.DataFrame(rows)


def statement_table(truth: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Whether each statement holds in either set, and in how many members of the ensemble.

    Parameters
    ----------
    truth : DataFrame
        Whether each of `claims.margins` holds: by set, ``literature`` and ``calibrated`` first,
        then by member.
    claims : DataFrame
        The ledger of claims with its verdicts, by id.
    """
    members = truth.drop(columns=["literature", "calibrated"])
    return pd.DataFrame(
        {
            "Claim": truth.index,
            "Statement": claims.loc[truth.index, "statement"].to_numpy(),
            "Literature": truth["literature"].to_numpy(),
            "Calibrated": truth["calibrated"].to_numpy(),
            "Ensemble": [f"{int(n)} of {members.shape[1]}" for n in members.sum(axis=1)],
            "Verdict": claims.loc[truth.index, "verdict"].to_numpy(),
        }
    )


def spread_table(
    sets: Mapping[str, SetResults], members: Sequence[SetResults], targets: Collection[str]
) -> pd.DataFrame:
    """Quantities at the best prospect in both sets and over the ensemble.

    Parameters
    ----------
    sets : mapping
        ``literature`` and ``calibrated``.
    members : sequence of SetResults
    targets : collection of str
        Columns of `report.describe` that were targets of the calibration.
    """
    rows = []
    for column, label in QUANTITIES.items():
        spread = pd.Series([x.prospect[column] for x in members], dtype=float)
        size = spread.abs()
        same_sign = len(spread) > 0 and bool((spread > 0).all() or (spread < 0).all())
        rows.append(
            {
                "At the best prospect": label,
                "Target": column in targets,
                "Literature": sets["literature"].prospect[column],
                "Calibrated": sets["calibrated"].prospect[column],
                "Ensemble, least": spread.min(),
                "Median": spread.median(),
                "Most": spread.max(),
                "Largest over least": size.max() / size.min() if same_sign else None,
                "One sign": same_sign,
            }
        )
    return pd.DataFrame(rows)


def planner_table(every: Mapping[str, SetResults], trace_kwh: float) -> pd.DataFrame:
    """What a planner can take away from each set and member: sizes, and who pays for them.

    Parameters
    ----------
    every : mapping
        Outcomes by set and member.
    trace_kwh : float
        Storage below this counts as none.
    """
    rows = []
    for name, x in every.items():
        best, cost = x.prospect, -x.prospect["worth_cost_yuan"]
        gross = sum(best[f"worth_{k}_yuan"] for k in BENEFITS)
        rates = x.load_rate.sort_values("value")
        built = rates.loc[rates["energy_kwh"] >= trace_kwh, "value"]
        expected = x.reference[x.reference["series"] == "cost"].sort_values("value")["energy_kwh"]
        power = best["power_kw"]
        shares = {
            f"{k} (% of benefits)": 100.0 * best[f"worth_{k}_yuan"] / gross if gross > 0 else np.nan
            for k in BENEFITS
        }
        rows.append(
            {
                "Set": name,
                "Builds (kWh)": best["energy_kwh"],
                "Hours at rated power": best["energy_kwh"] / power if power > 0 else np.nan,
                **shares,
                "Benefits over cost": gross / cost if cost > 0 else np.nan,
                "For net profit (kWh)": x.net_profit["energy_kwh"],
                "Built from load rate": built.min() if len(built) else np.nan,
                "Least expected cost (kWh)": expected.iloc[0],
                "Most expected cost (kWh)": expected.iloc[-1],
                "Without extreme events (kWh)": x.extreme.set_index("series").loc[
                    "without", "energy_kwh"
                ],
            }
        )
    return pd.DataFrame(rows).set_index("Set")
