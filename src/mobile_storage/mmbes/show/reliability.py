"""Section 3.2 as tables: contingencies stage by stage, and EENS under other laws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.adequacy.analytic.contingency import Contingency
from mobile_storage.adequacy.analytic.islands import SOC_LAWS
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import attributes, prepare

__all__ = ["LAW_UNITS", "STAGE_UNITS", "kind_table", "law_table", "stage_table"]


def stage_table(contingencies: Sequence[Contingency], peak_kw: float) -> pd.DataFrame:
    """Every stage of some contingencies, and what it leaves unfed at the annual peak."""
    rows = []
    for c in contingencies:
        for number, stage in enumerate(c.stages, start=1):
            in_reach, beyond = stage.reachable(peak_kw), stage.unreachable(peak_kw)
            rows.append(
                {
                    "Contingency": c.name,
                    "Frequency": c.rate,
                    "Mean repair": c.repair,
                    "Stage": f"{number} of {len(c.stages)}",
                    "Until": stage.until if np.isfinite(stage.until) else None,
                    "Unfed at peak": float(in_reach + beyond),
                    "in reach": float(in_reach),
                }
            )
    return pd.DataFrame(rows)


STAGE_UNITS = {
    "Frequency": "1/yr",
    **dict.fromkeys(("Mean repair", "Until"), "h"),
    **dict.fromkeys(("Unfed at peak", "in reach"), "kW"),
}


def kind_table(by_fault: pd.DataFrame, network: pd.DataFrame) -> pd.DataFrame:
    """Frequency and EENS by kind of fault, pairs of outages together.

    Parameters
    ----------
    by_fault : DataFrame
        `tables.contingency_table` of one set.
    network : DataFrame
        The ledger of the network, with ``component`` and ``kind``.
    """
    kind = network.drop_duplicates("component").set_index("component")["kind"]
    summed = by_fault.assign(Kind=by_fault["Fault"].map(kind).fillna("pair of outages"))
    summed = summed.groupby("Kind")[["Frequency", "EENS without", "EENS with"]].sum()
    summed = summed.reindex([*dict.fromkeys(kind), "pair of outages"]).dropna()
    summed["Reduction"] = summed["EENS without"] - summed["EENS with"]
    return summed.reset_index()


def law_table(raw: RawMmbes, energy_kwh: float, power_kw: float) -> pd.DataFrame:
    """EENS and credible capacity of one size under every law of state of charge and of repair.

    The last column is the reduction against that under the joint law, which is the default.
    """
    stations = {repair: build(raw, repair_law=repair)[0] for repair in ("exponential", "fixed")}
    rows = []
    for law in SOC_LAWS:
        for repair, station in stations.items():
            prepared = prepare(replace(station, soc_law=law))
            effects = attributes(prepared, energy_kwh, power_kw)
            rows.append(
                {
                    "State of charge": law,
                    "Repair": repair,
                    "EENS before": effects.eens_before_kwh[0],
                    "EENS after": effects.eens_after_kwh[0],
                    "Reduction": effects.eens_before_kwh[0] - effects.eens_after_kwh[0],
                    "Credible capacity": effects.elcc_kw[0],
                }
            )
    table = pd.DataFrame(rows)
    default = table.query("`State of charge` == 'joint'").set_index("Repair")["Reduction"]
    joint = table["Repair"].map(default).to_numpy()
    nowhere = np.full(len(table), np.nan)
    changed = np.divide(table["Reduction"], joint, out=nowhere, where=joint > 0)
    table["Against joint (%)"] = (100.0 * (changed - 1.0)).round(6)
    return table


LAW_UNITS = {
    **dict.fromkeys(("EENS before", "EENS after", "Reduction"), "kWh/yr"),
    "Credible capacity": "kW",
}
