"""Section 2 as tables: one storage in three situations, cycling or standing by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.adequacy.analytic.islands import starts
from mobile_storage.adequacy.analytic.kernel import population
from mobile_storage.adequacy.analytic.packed import AddedLoad, Days, Storage
from mobile_storage.mmbes.model.deferral import deferral_value, deferral_years
from mobile_storage.mmbes.model.evaluate import Prepared
from mobile_storage.mmbes.model.extreme import avoided_loss
from mobile_storage.mmbes.model.losses import loss_reduction
from mobile_storage.mmbes.model.schedule import Schedule

__all__ = ["CYCLE_UNITS", "cycle_table", "full_energy", "operation_table"]


def cycle_table(prepared: Prepared, cycle: Schedule) -> pd.DataFrame:
    """The daily cycle of each typical day, and the energy that it leaves for a fault."""
    load, curves = prepared.load_kw, prepared.substation.curves
    left = cycle.deliverable_kwh.round(6)
    return pd.DataFrame(
        {
            "Typical day": curves.names,
            "Days": curves.days_per_year,
            "Peak": load.max(axis=1),
            "Peak with storage": (load + cycle.charge_kw - cycle.discharge_kw).max(axis=1),
            "Through the cells": cycle.cycled_kwh,
            "Lost in cycling": cycle.lost_kwh,
            "Deliverable, least": left.min(axis=1),
            "Deliverable, mean": cycle.mean_deliverable_kwh,
            "Deliverable, most": left.max(axis=1),
        }
    )


CYCLE_UNITS = {
    "Days": "d/yr",
    **dict.fromkeys(("Peak", "Peak with storage"), "kW"),
    **dict.fromkeys(("Through the cells", "Lost in cycling"), "kWh/d"),
    **{f"Deliverable, {k}": "kWh" for k in ("least", "mean", "most")},
}


def full_energy(prepared: Prepared, energy_kwh: float) -> float:
    """What full storage delivers, kWh."""
    battery = prepared.substation.battery
    return (battery.soc_max - battery.soc_min) * energy_kwh * battery.discharge_efficiency


def operation_table(
    prepared: Prepared, cycle: Schedule, energy_kwh: float, power_kw: float
) -> pd.DataFrame:
    """What storage that cycles once a day brings, and storage that always stands by full."""
    standing_by = replace(
        cycle,
        charge_kw=np.zeros_like(cycle.charge_kw),
        discharge_kw=np.zeros_like(cycle.discharge_kw),
        deliverable_kwh=np.full_like(cycle.deliverable_kwh, full_energy(prepared, energy_kwh)),
        cycled_kwh=np.zeros_like(cycle.cycled_kwh),
    )
    columns = {
        "One cycle a day": _benefits(prepared, cycle, power_kw),
        "Always full": _benefits(prepared, standing_by, power_kw),
    }
    return pd.DataFrame(columns).rename_axis("Quantity").reset_index()


def _benefits(prepared: Prepared, operation: Schedule, power_kw: float) -> dict[str, float]:
    station, load, share = prepared.substation, prepared.load_kw, prepared.day_share
    prices, yearly = station.economics, prepared.annuity
    residual_kwh = float(operation.mean_deliverable_kwh @ share)
    saved = loss_reduction(station, load, operation)
    storage = Storage(
        start=starts(operation.deliverable_kwh[None], share, station.soc_law),
        discharge=operation.discharge_kw[None],
        power=np.array([power_kw]),
        availability=station.battery.availability,
    )
    added = AddedLoad(peak=station.peak_kw, scaled=station.added_load == "scaled")
    before, after, elcc, _ = population(prepared.outages, Days(load, share), storage, added)
    cut, cycling = float(before - after[0]), float(saved.round_trip_kwh)
    years = deferral_years(elcc, station.peak_kw, station.growth)
    avoided = avoided_loss(prepared.islands, np.float64(residual_kwh), np.float64(power_kw))
    worth = {
        "Losses (yuan)": yearly * prices.loss_price * float(saved.gross_kwh),
        "Energy lost in cycling (yuan)": -yearly * prices.valley_price * cycling,
        "Reliability (yuan)": yearly * prices.interruption_cost * cut,
        "Deferral (yuan)": float(deferral_value(years, prepared.due_year, prices)[0]),
        "Extreme events (yuan)": yearly * float(avoided @ station.extreme.probability),
    }
    return {
        "Expected residual energy (kWh)": residual_kwh,
        "Network loss cut (kWh/yr)": float(saved.gross_kwh),
        "EENS cut (kWh/yr)": cut,
        "Credible capacity (kW)": float(elcc[0]),
        **worth,
        "Sum (yuan)": sum(worth.values()),
    }
