"""Section 3.1 as tables: the daily cycle, losses with and without it, and readings of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.losses import loss_rate, loss_reduction, losses_kw
from mobile_storage.mmbes.model.reliability import base_load
from mobile_storage.mmbes.model.schedule import Schedule, schedule
from mobile_storage.mmbes.model.substation import Substation

__all__ = [
    "CYCLE_UNITS",
    "LEDGER_ROWS",
    "SIZE_UNITS",
    "cycle_table",
    "hour_table",
    "marginal_table",
    "ratio_table",
    "size_table",
]

LEDGER_ROWS = (
    "substation.load_rate",
    "substation.power_factor",
    "substation.distribution_ratio",
    "substation.voltage",
    "substation.line_resistance",
    "battery.soc",
    "battery.charge",
    "battery.discharge",
    "economics.loss_price",
    "economics.valley_price",
    "network.L1.length",
    "network.L2.length",
    "network.T1.",
    "network.T2.",
)
"""How the symbols of section 3.1 begin."""


def cycle_table(station: Substation, cycle: Schedule, energy_kwh: float) -> pd.DataFrame:
    """What the daily cycle does to the load of each typical day."""
    load, battery, step = base_load(station), station.battery, station.curves.step_h
    usable = (battery.soc_max - battery.soc_min) * energy_kwh
    net = load + cycle.charge_kw - cycle.discharge_kw
    return pd.DataFrame(
        {
            "Typical day": station.curves.names,
            "Highest load": load.max(axis=1),
            "Highest with storage": net.max(axis=1),
            "Lowest load": load.min(axis=1),
            "Lowest with storage": net.min(axis=1),
            "Discharged": step * cycle.discharge_kw.sum(axis=1),
            "Charged": step * cycle.charge_kw.sum(axis=1),
            "Through the cells": cycle.cycled_kwh,
            "Of a full cycle": cycle.cycled_kwh / max(usable, 1e-9),
            "Most power used": np.maximum(cycle.charge_kw, cycle.discharge_kw).max(axis=1),
        }
    )


CYCLE_UNITS = {
    **{f"{end} {what}": "kW" for end in ("Highest", "Lowest") for what in ("load", "with storage")},
    **dict.fromkeys(("Discharged", "Charged", "Through the cells"), "kWh/d"),
    "Most power used": "kW",
}


def hour_table(station: Substation, load_kw: float, storage_kw: float) -> pd.DataFrame:
    """Losses of lines and transformers in one hour, Eq. (11), (12), without and with storage.

    Parameters
    ----------
    station : Substation
    load_kw : float
    storage_kw : float
        Discharged, below zero where charged.
    """
    rows = []
    for name, through in (("without storage", 0.0), ("with storage", storage_kw)):
        lines, transformers = losses_kw(station, load_kw, through)
        rows.append(
            {
                "": name,
                "Storage (kW)": through,
                "Lines (kW)": float(lines),
                "Transformers (kW)": float(transformers),
                "Both (kW)": float(lines + transformers),
            }
        )
    return pd.DataFrame(rows)


def marginal_table(station: Substation) -> pd.DataFrame:
    """What the first kWh moved from peak to valley saves and loses, kWh per kWh discharged."""
    load, battery = base_load(station), station.battery
    per_kw = sum(losses_kw(station, load, -1.0)) - sum(losses_kw(station, load, 1.0))
    marginal = per_kw / 2.0  # the losses are quadratic, so the central difference is exact
    peak, valley = marginal.max(axis=1), marginal.min(axis=1)
    round_trip = battery.charge_efficiency * battery.discharge_efficiency
    return pd.DataFrame(
        {
            "Typical day": station.curves.names,
            "Marginal loss at the peak": peak,
            "at the valley": valley,
            "Saved by the first kWh discharged": peak - valley / round_trip,
            "Lost in the cycle for it": 1.0 / round_trip - 1.0,
        }
    )


def size_table(station: Substation, energies_kwh: np.ndarray) -> pd.DataFrame:
    """Loss reduction of storages that discharge within two hours."""
    load = base_load(station)
    many = schedule(load, energies_kwh, energies_kwh / 2.0, station.battery)
    saved = loss_reduction(station, load, many)
    return pd.DataFrame(
        {
            "Energy": energies_kwh,
            "Gross": saved.gross_kwh,
            "Round trip": saved.round_trip_kwh,
            "Net": saved.net_kwh,
            "Gross per capacity": saved.gross_kwh / energies_kwh,
        }
    )


SIZE_UNITS = {
    "Energy": "kWh",
    **dict.fromkeys(("Gross", "Round trip", "Net"), "kWh/yr"),
    "Gross per capacity": "1/yr",
}


def ratio_table(
    station: Substation, cycle: Schedule, readings: Mapping[str, float]
) -> pd.DataFrame:
    """Loss reduction under readings of the distribution ratio.

    Parameters
    ----------
    station : Substation
    cycle : Schedule
    readings : mapping
        Share of what the lines carry that is the substation's own. Those of zero are left out:
        lines that feed others alone, whose losses the substation does not change.
    """
    rows = []
    for name, share in readings.items():
        if share > 0.0:
            other = replace(station, losses=replace(station.losses, own_share=share))
            saved = loss_reduction(other, base_load(station), cycle)
            rows.append(
                {
                    "Reading": name,
                    "Own share": share,
                    "Gross (kWh/yr)": float(saved.gross_kwh),
                    "Net (kWh/yr)": float(saved.net_kwh),
                    "Loss rate (%)": 100.0 * loss_rate(other),
                }
            )
    return pd.DataFrame(rows)
