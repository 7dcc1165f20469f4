"""Extreme events, sections 3.4 and 5.4, as tables: who is supplied, the lottery, the best size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import Prepared, prepare
from mobile_storage.mmbes.model.extreme import avoided_loss, islands
from mobile_storage.mmbes.model.reliability import base_load, day_share
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.schedule import schedule
from mobile_storage.mmbes.model.substation import ExtremeEvents, Preferences, Substation
from mobile_storage.mmbes.search.surfaces import Surface, best_size

__all__ = [
    "CHECK_UNITS",
    "COUNTED_UNITS",
    "SCENARIO_UNITS",
    "SUPPLIED_UNITS",
    "SUPPLY_UNITS",
    "counted_table",
    "member_counted_table",
    "protected_loads",
    "residual_table",
    "scenario_table",
    "supplied_by_hand",
    "supply_table",
]

LEAST_COST_YUAN = 1e4
"""A share of the cost is blank where the storage costs less: a trace can multiply without meaning
anything."""


def scenario_table(raw: RawMmbes) -> pd.DataFrame:
    """Chance, 1/yr, return period, yr, and duration, h, of every scenario of the ledger."""
    rows = pd.DataFrame.from_dict(raw.scenarios, orient="index")
    chance = rows["probability"]
    return pd.DataFrame(
        {
            "Scenario": rows.index,
            "Chance": chance.to_numpy(),
            "Once in": 1.0 / chance.where(chance > 0).to_numpy(),
            "Duration": rows["duration"].to_numpy(),
        }
    )


SCENARIO_UNITS = {"Chance": "1/yr", "Once in": "yr", "Duration": "h"}


def protected_loads(raw: RawMmbes) -> pd.DataFrame:
    """Rows of the ledger for the loads that may be supplied, by name."""
    points = pd.DataFrame.from_dict(raw.points, orient="index").sort_index()
    return points[points["priority"] != "ordinary"]


def supply_table(points: pd.DataFrame, events: ExtremeEvents) -> pd.DataFrame:
    """Loads in the order of supply: by priority, then the costliest outage first (Eq. 28).

    Parameters
    ----------
    points : DataFrame
        From `protected_loads`: names and priorities.
    events : ExtremeEvents
        The model's numbers for the same loads, in the same order.
    """
    order = np.lexsort((-events.loss_per_kwh, events.priority))
    loads = points.iloc[order].rename_axis("Load").reset_index()
    return pd.DataFrame(
        {
            "Load, in the order of supply": loads["Load"],
            "Priority": loads["priority"],
            "Average": events.load_kw[order],
            "Backup lasts": events.backup_h[order],
            "Outage loss": events.loss_per_kwh[order],
        }
    )


SUPPLY_UNITS = {"Average": "kW", "Backup lasts": "h", "Outage loss": "yuan/kWh"}


def supplied_by_hand(
    loads: pd.DataFrame,
    scenarios: pd.DataFrame,
    called: np.ndarray,
    energy_kwh: float,
    power_kw: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What every load asks for and gets in every scenario, by Eq. (28) interval by interval.

    Parameters
    ----------
    loads, scenarios : DataFrame
        From `supply_table` and `scenario_table`.
    called : ndarray, shape (scenarios,)
        Avoided loss from `extreme.avoided_loss`, yuan, to compare with.
    energy_kwh, power_kw : float
        Expected residual energy and rated power.

    Returns
    -------
    DataFrame
        One row per scenario and load.
    DataFrame
        One row per scenario: the sums, and the avoided loss by hand and by call.
    """
    load_kw, backup, loss = (
        loads[c].to_numpy() for c in ("Average", "Backup lasts", "Outage loss")
    )
    ends = np.unique(np.append(0.0, backup))
    rows, checks = [], []
    for i, (scenario, lasts) in enumerate(
        zip(scenarios["Scenario"], scenarios["Duration"], strict=True)
    ):
        upto = np.zeros(load_kw.size)  # what the loads up to each one could get together
        for start, stop in pairwise(np.append(ends[ends < lasts], lasts)):
            upto += np.minimum(power_kw, np.cumsum(load_kw * (backup <= start))) * (stop - start)
        gets = np.diff(np.minimum(energy_kwh, upto), prepend=0.0)
        asks = load_kw * np.maximum(0.0, lasts - backup)
        share = 100.0 * gets.sum() / energy_kwh if energy_kwh > 0 else 0.0
        checks.append(
            {
                "Scenario": scenario,
                "Duration": lasts,
                "Asked for": asks.sum(),
                "Supplied": gets.sum(),
                "of the residual energy": share,
                "Avoided loss, by hand": float(gets @ loss),
                "by call": float(called[i]),
            }
        )
        names = loads["Load, in the order of supply"]
        columns = {"Scenario": scenario, "Load": names, "Asks for": asks, "Gets": gets}
        rows.append(pd.DataFrame({**columns, "Avoided loss": gets * loss}))
    return pd.concat(rows, ignore_index=True), pd.DataFrame(checks)


SUPPLIED_UNITS = {"Asks for": "kWh", "Gets": "kWh", "Avoided loss": "yuan"}
CHECK_UNITS = {
    "Duration": "h",
    **dict.fromkeys(("Asked for", "Supplied"), "kWh"),
    "of the residual energy": "%",
    **dict.fromkeys(("Avoided loss, by hand", "by call"), "yuan"),
}


def residual_table(
    station: Substation, names: Sequence[str], called: np.ndarray, size: tuple[float, float]
) -> pd.DataFrame:
    """Avoided loss, yuan, at the mean residual energy against its mean over the hours of a year.

    Parameters
    ----------
    station : Substation
    names : sequence of str
        The scenarios.
    called : ndarray, shape (scenarios,)
        Avoided loss at the mean residual energy.
    size : (float, float)
        Energy, kWh, and power, kW.
    """
    energy, power = size
    cycle = schedule(base_load(station), np.float64(energy), np.float64(power), station.battery)
    fine = np.linspace(0.0, 1.0, 21)[None, None, :]  # within each step, where energy is linear
    ends_kwh = cycle.deliverable_kwh
    at = ends_kwh[:, :-1, None] * (1.0 - fine) + ends_kwh[:, 1:, None] * fine
    trapezoid = np.full(21, 1.0 / 20.0)
    trapezoid[[0, -1]] /= 2.0
    by_energy = avoided_loss(islands(station.extreme), at, np.full_like(at, power))
    by_hour = np.einsum("d,dtks,k->s", day_share(station), by_energy, trapezoid) / at.shape[1]
    return pd.DataFrame(
        {
            "Scenario": names,
            "At the mean energy (default)": called,
            "Mean over the hours": by_hour,
            "Mean over the hours, storage may fail": station.battery.availability * by_hour,
        }
    )


def _without_events(raw: RawMmbes) -> Prepared:
    """The substation with all chances at zero."""
    never = {f"extreme_events.{name}.probability": 0.0 for name in raw.scenarios}
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
