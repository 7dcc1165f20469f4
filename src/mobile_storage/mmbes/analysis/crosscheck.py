"""Unserved energy of one size of storage, fault by fault, by variant, and by simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mobile_storage.adequacy.analytic.islands import (
    SOC_LAWS,
    bounded_starts,
    expected_served,
    expected_unserved,
)
from mobile_storage.adequacy.analytic.repair import LAWS
from mobile_storage.adequacy.estimate import Estimate, Sampling
from mobile_storage.adequacy.simulation.contingencies import simulate_contingencies
from mobile_storage.adequacy.simulation.episodes import DailyOperation
from mobile_storage.adequacy.simulation.network import simulate_network
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import attributes, prepare
from mobile_storage.mmbes.model.network import case_network
from mobile_storage.mmbes.model.reliability import base_load, day_share
from mobile_storage.mmbes.model.schedule import Schedule, schedule
from mobile_storage.mmbes.model.substation import ADDED_LOADS, Substation

__all__ = ["by_contingency", "daily_operation", "simulated", "variants"]

Row = dict[str, Any]


def _scheduled(substation: Substation, energy_kwh: float, power_kw: float) -> Schedule:
    return schedule(base_load(substation), energy_kwh, power_kw, substation.battery)


def daily_operation(substation: Substation, energy_kwh: float, power_kw: float) -> DailyOperation:
    """Return what the simulations need to know of a substation and its storage."""
    deliverable = _scheduled(substation, energy_kwh, power_kw).deliverable_kwh
    return DailyOperation(
        base_load(substation),
        day_share(substation),
        np.maximum(0.0, deliverable),  # rounding may leave a negative energy
        power_kw,
        substation.battery.availability,
    )


def by_contingency(substation: Substation, energy_kwh: float, power_kw: float) -> list[Row]:
    """Compute EENS of each contingency without and with storage, kWh/yr, the largest first."""
    load, share = base_load(substation), day_share(substation)
    cycle = _scheduled(substation, energy_kwh, power_kw)
    every, law = substation.reliability.contingencies, substation.soc_law
    start = bounded_starts(every, load, share, cycle.deliverable_kwh, law, power_kw)
    rows = []
    for c in every:
        before = expected_unserved([c], load, share)
        served = expected_served([c], load, share, start, power_kw)
        rows.append(
            {
                "name": c.name,
                "rate_per_yr": c.rate,
                "repair_h": c.repair,
                "law": c.law,
                "stages": len(c.stages),
                "eens_before_kwh": before,
                "eens_after_kwh": before - substation.battery.availability * served,
            }
        )
    return sorted(rows, key=lambda row: -row["eens_before_kwh"])


def variants(raw: RawMmbes, energy_kwh: float, power_kw: float) -> list[Row]:
    """Evaluate one size under every law of repair and state of charge, and every added load."""
    rows = []
    for repair_law in LAWS:
        for soc_law in SOC_LAWS:
            for added_load in ADDED_LOADS:
                choice = {
                    "repair_law": repair_law,
                    "soc_law": soc_law,
                    "added_load": added_load,
                }
                substation, _ = build(raw, **choice)
                effects = attributes(prepare(substation), energy_kwh, power_kw)
                rows.append(
                    {
                        **choice,
                        "eens_before_kwh": float(effects.eens_before_kwh[0]),
                        "eens_after_kwh": float(effects.eens_after_kwh[0]),
                        "elcc_kw": float(effects.elcc_kw[0]),
                    }
                )
    return rows


def simulated(
    raw: RawMmbes,
    sizes: Mapping[str, tuple[float, float]],
    sampling: Sampling,
) -> list[Row]:
    """Compare the analytic EENS with two simulations for every size, kWh/yr.

    ``contingencies`` simulates the faults of the derived contingencies. ``network`` simulates the
    elements of the network themselves and finds zones, ties and overlaps by its own search. The law
    of the state of charge is ``joint`` here, because this is what a simulation shows, whatever the
    ledgers' reading.

    Parameters
    ----------
    sizes : mapping
        Energy, kWh, and power, kW, by name.
    """
    rows = []
    for repair_law in LAWS:
        substation, _ = build(raw, repair_law=repair_law, soc_law="joint")
        prepared = prepare(substation)
        for name, (energy_kwh, power_kw) in sizes.items():
            effects = attributes(prepared, energy_kwh, power_kw)
            operation = daily_operation(substation, energy_kwh, power_kw)
            faults = simulate_contingencies(
                substation.reliability.contingencies, operation, sampling
            )
            elements = simulate_network(case_network(raw, repair_law), operation, sampling)
            for method, result in (("contingencies", faults), ("network", elements)):
                for with_storage, analytic, estimate in (
                    (False, effects.eens_before_kwh[0], result.eens_without),
                    (True, effects.eens_after_kwh[0], result.eens_with),
                ):
                    rows.append(
                        {
                            "case": name,
                            "repair_law": repair_law,
                            "method": method,
                            "storage": with_storage,
                            **_compared(float(analytic), estimate),
                        }
                    )
    return rows


def _compared(analytic: float, estimate: Estimate) -> Row:
    return {
        "analytic_kwh": analytic,
        "mean_kwh": float(estimate.mean),
        "standard_error_kwh": float(estimate.standard_error),
        "standard_errors_off": float(estimate.standard_errors_off(analytic)),
        "samples": int(estimate.samples),
        "stopped_because": estimate.stopped_because,
    }
