"""Section 3.3 as tables: credible capacity, years of deferral, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.adequacy.analytic.elcc import STATUSES
from mobile_storage.adequacy.analytic.islands import SOC_LAWS
from mobile_storage.mmbes.model.data import RawMmbes, build, ledger
from mobile_storage.mmbes.model.deferral import deferral_value, deferral_years, due_year
from mobile_storage.mmbes.model.evaluate import attributes, prepare
from mobile_storage.mmbes.model.reliability import eens_after, eens_before
from mobile_storage.mmbes.model.schedule import Schedule
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Substation
from mobile_storage.mmbes.show.tables import ELCC_STATUS

__all__ = [
    "ADDED_LOAD_UNITS",
    "LAW_UNITS",
    "LIMIT_UNITS",
    "added_load_table",
    "carried_table",
    "law_table",
    "limit_table",
    "price_table",
    "year_table",
]

DEFERRAL = ATTRIBUTES.index("deferral")


def added_load_table(
    station: Substation, cycle: Schedule, power_kw: float, elcc_kw: float
) -> pd.DataFrame:
    """Both sides of Eq. (25) at the credible capacity and around it, by the plain functions."""
    rows, before = [], eens_before(station)
    for share in (0.0, 0.5, 1.0, 1.5):
        added = share * elcc_kw
        after = eens_after(station, cycle, power_kw, added)
        rows.append(
            {
                "Added load, in credible capacities": share,
                "Added load": added,
                "EENS without": eens_before(station, added),
                "EENS with": after,
                "EENS with, less that without at the base load": round(after - before, 6),
            }
        )
    return pd.DataFrame(rows)


ADDED_LOAD_UNITS = {
    "Added load": "kW",
    **dict.fromkeys(
        ("EENS without", "EENS with", "EENS with, less that without at the base load"), "kWh/yr"
    ),
}


def law_table(raw: RawMmbes, energy_kwh: float, power_kw: float) -> pd.DataFrame:
    """One size under every law of repair and state of charge and both forms of the added load."""
    rows = []
    for repair in ("exponential", "fixed"):
        built, _ = build(raw, repair_law=repair)
        for law in SOC_LAWS:
            for form in ("constant", "scaled"):
                station = replace(built, soc_law=law, added_load=form)
                effects = attributes(prepare(station), energy_kwh, power_kw)
                share = 100.0 * effects.elcc_kw[0] / power_kw if power_kw > 0 else 0.0
                rows.append(
                    {
                        "Repair": repair,
                        "State of charge": law,
                        "Added load": form,
                        "Credible capacity": effects.elcc_kw[0],
                        "of the rated power": share,
                        "Deferral": effects.deferral_years[0],
                        "Worth": effects.worth[0, DEFERRAL],
                    }
                )
    return pd.DataFrame(rows)


LAW_UNITS = {
    "Credible capacity": "kW",
    "of the rated power": "%",
    "Deferral": "yr",
    "Worth": "yuan",
}


def carried_table(station: Substation, capacities_kw: Mapping[str, float]) -> pd.DataFrame:
    """Years of growth, Eq. (24), that each credible capacity carries."""
    return pd.DataFrame(
        {
            "Credible capacity": name,
            "kW": kw,
            "Deferral (yr)": float(deferral_years(kw, station.peak_kw, station.growth)),
        }
        for name, kw in capacities_kw.items()
    )


def year_table(station: Substation, elcc_kw: float) -> pd.DataFrame:
    """Peak load and load rate of every year up to the horizon, without and with storage."""
    due = station.economics.due_load_rate
    year = np.arange(int(np.ceil(station.economics.horizon_yr)) + 1)
    rate = station.load_rate * (1.0 + station.growth) ** year
    eased = rate / (1.0 + elcc_kw / station.peak_kw)
    return pd.DataFrame(
        {
            "Year": year,
            "Peak load (kW)": station.peak_kw * (1.0 + station.growth) ** year,
            "Load rate": rate,
            "Upgrade due": rate >= due,
            "Load rate that storage leaves": eased,
            "Due with storage": eased >= due,
        }
    )


def price_table(station: Substation, raw: RawMmbes, years: float) -> pd.DataFrame:
    """Worth of a deferral with one price or rate at either end of its range in the ledger.

    Parameters
    ----------
    station : Substation
    raw : RawMmbes
        Ledgers with the ranges.
    years : float
        Years of deferral.
    """
    rows, entries = [], ledger(raw).set_index("symbol")
    for symbol in ("upgrade_cost", "due_load_rate", "discount_rate", "inflation_rate", "horizon"):
        entry = entries.loc[f"economics.{symbol}"]
        for end in ("low", "high"):
            field = "horizon_yr" if symbol == "horizon" else symbol
            economics = replace(station.economics, **{field: entry[end]})
            due = due_year(station.load_rate, economics.due_load_rate, station.growth)
            rows.append(
                {
                    "Moved": symbol,
                    "End": end,
                    "To": entry[end],
                    "Unit": entry["unit"],
                    "Due (yr)": due,
                    "Worth (yuan)": float(deferral_value(years, due, economics)),
                }
            )
    table = pd.DataFrame(rows)
    due = due_year(station.load_rate, station.economics.due_load_rate, station.growth)
    own = float(deferral_value(years, due, station.economics))
    if own > 0:
        table["Against the set (%)"] = 100.0 * (table["Worth (yuan)"] / own - 1.0)
    return table


def limit_table(station: Substation, energy_kwh: float, power_kw: float) -> pd.DataFrame:
    """Credible capacity and deferral where the formulas have no ordinary answer."""
    own, size = station.economics, (energy_kwh, power_kw)
    due_now = replace(own, due_load_rate=station.load_rate)
    never = replace(own, due_load_rate=10.0)
    same_rates = replace(own, inflation_rate=own.discount_rate)
    faultless = replace(station.reliability, contingencies=(), normal_capacity_kw=np.inf)
    still = replace(station, growth=0.0)
    cases = {
        "as it is": (station, *size),
        "storage of zero size": (station, 0.0, 0.0),
        "energy without power": (station, energy_kwh, 0.0),
        "power without energy": (station, 0.0, power_kw),
        "no growth, upgrade not due yet": (replace(still, economics=never), *size),
        "no growth, upgrade due already": (replace(still, economics=due_now), *size),
        "no growth, due already, zero size": (replace(still, economics=due_now), 0.0, 0.0),
        "due already": (replace(station, economics=due_now), *size),
        "due after the horizon": (replace(station, economics=never), *size),
        "price rises at the discount rate": (replace(station, economics=same_rates), *size),
        "nothing ever unserved": (replace(station, reliability=faultless), *size),
    }
    rows = []
    for name, (there, kwh, kw) in cases.items():
        prepared = prepare(there)
        effects = attributes(prepared, kwh, kw)
        rows.append(
            {
                "Case": name,
                "Credible capacity": effects.elcc_kw[0],
                "Found": ELCC_STATUS[STATUSES[effects.elcc_status[0]]],
                "Due": prepared.due_year,
                "Deferral": effects.deferral_years[0],
                "Worth": effects.worth[0, DEFERRAL],
            }
        )
    return pd.DataFrame(rows)


LIMIT_UNITS = {"Credible capacity": "kW", "Due": "yr", "Deferral": "yr", "Worth": "yuan"}
