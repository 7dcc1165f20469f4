"""Extreme events, sections 3.4 and 5.4, as tables: who is supplied, the lottery, the best size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import Prepared, prepare
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import Preferences
from mobile_storage.mmbes.search.surfaces import Surface, best_size

__all__ = ["COUNTED_UNITS", "counted_table", "member_counted_table"]

LEAST_COST_YUAN = 1e4
"""A share of the cost is blank where the storage costs less: a trace can multiply without meaning
anything."""


def _without_events(raw: RawMmbes) -> Prepared:
    """The substation with all chances at zero."""
    never = {f"extreme_events.{name}.probability": 0.0 for name in raw.scenario_names}
    return prepare(build(raw.replace(never))[0])


def counted_table(
    raws: Mapping[str, RawMmbes],
    surfaces: Mapping[str, Surface],
    planners: Mapping[str, Preferences],
    frames: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Best size with and without extreme events, for the prospect and for net profit.

    Parameters
    ----------
    raws, surfaces, planners : mapping
        Ledgers, physics and planner by parameter set. The physics does not depend on the chances of
        the events, so one surface serves both.
    frames : mapping
        Scenarios of the family ``extreme``, which are of the prospect.
    """
    rows = []
    for name, raw in raws.items():
        ready = prepare(build(raw)[0])
        found, stored = surfaces[name], frames[name].set_index("series")
        sizes = {
            "prospect": [
                tuple(stored.loc[series, ["energy_kwh", "power_kw"]])
                for series in ("without", "with")
            ],
            "net profit": [best_size(found, x, None) for x in (_without_events(raw), ready)],
        }
        for kind, pair in sizes.items():
            a, b = (
                describe(ready, planners[name], max(energy, 0.0), max(power, 0.0))
                for energy, power in pair
            )
            cost, before = -(b["worth_cost_yuan"] - a["worth_cost_yuan"]), -a["worth_cost_yuan"]
            rows.append(
                {
                    "Set": name,
                    "Objective": kind,
                    "Energy, without": a["energy_kwh"],
                    "Energy, with": b["energy_kwh"],
                    "Power, without": a["power_kw"],
                    "Power, with": b["power_kw"],
                    "Benefit": b["worth_extreme_yuan"],
                    "of it by the size": b["worth_extreme_yuan"] - a["worth_extreme_yuan"],
                    "More cost": cost,
                    "of the cost": cost / before if before > LEAST_COST_YUAN else None,
                }
            )
    return pd.DataFrame(rows)


COUNTED_UNITS = {
    **dict.fromkeys(("Energy, without", "Energy, with"), "kWh"),
    **dict.fromkeys(("Power, without", "Power, with"), "kW"),
    **dict.fromkeys(("Benefit", "of it by the size", "More cost"), "yuan"),
}


def member_counted_table(members: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What counting extreme events adds in each member of the ensemble.

    Rises of energy and cost are blank where there is at most 1 kWh, or less than
    `LEAST_COST_YUAN`, without the events.
    """
    rows = []
    for n, member in enumerate(members, 1):
        frame = pd.DataFrame(member["extreme"]).set_index("series")
        a, b = frame.loc["without"], frame.loc["with"]
        energy = b["energy_kwh"] / a["energy_kwh"] if a["energy_kwh"] > 1 else None
        paid = a["worth_cost_yuan"] < -LEAST_COST_YUAN
        cost = b["worth_cost_yuan"] / a["worth_cost_yuan"] if paid else None
        rows.append(
            {
                "Set": f"member {n}",
                "Energy rises by (%)": None if energy is None else 100.0 * (energy - 1.0),
                "Cost rises by (%)": None if cost is None else 100.0 * (cost - 1.0),
                "Prospect of the events, without": a["prospect_extreme"],
                "with": b["prospect_extreme"],
                "Net profit rises by (yuan)": b["net_profit_yuan"] - a["net_profit_yuan"],
            }
        )
    return pd.DataFrame(rows)
