"""Losses of a year, and their reduction by storage, by the formula and by an AC power flow.

The reduction is a small difference of large numbers, so it is compared separately.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mobile_storage.core.ledger import ParameterSet
from mobile_storage.mmbes.analysis.power_flow import ARRANGEMENTS, build_grid, solve
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.losses import losses_kw
from mobile_storage.mmbes.model.reliability import base_load
from mobile_storage.mmbes.model.schedule import schedule
from mobile_storage.mmbes.model.substation import Substation

__all__ = ["causes", "hourly", "yearly"]

KW_DECIMALS = 8
"""Decimals of losses in kW. Their parts are differences of hundreds of kW with ten valid digits."""


def hourly(
    raw: RawMmbes, electrical: ParameterSet, sizes: Mapping[str, tuple[float, float]]
) -> pd.DataFrame:
    """Compute the losses of every step of the typical days by formula and by power flow.

    Parameters
    ----------
    sizes : mapping
        Energy, kWh, and power, kW, by name. The case ``none``, without storage, is added first.

    Returns
    -------
    DataFrame
        ``arrangement``, ``size``, ``day_type``, ``hour``, ``load_kw``, ``storage_kw`` (discharging
        less charging), ``formula_kw``, ``power_flow_kw`` and the fields of `power_flow.Solved`;
        kW to `KW_DECIMALS`.
    """
    substation, _ = build(raw)
    load = base_load(substation)
    curves = substation.curves
    days, steps = load.shape
    cycles = {"none": np.zeros_like(load)}
    for name, (energy_kwh, power_kw) in sizes.items():
        cycle = schedule(load, energy_kwh, power_kw, substation.battery)
        cycles[name] = cycle.discharge_kw - cycle.charge_kw
    parts = []
    for arrangement in ARRANGEMENTS:
        grid = build_grid(raw, electrical, arrangement)
        for name, storage in cycles.items():
            found = solve(grid, load.ravel(), storage.ravel())
            parts.append(
                pd.DataFrame(
                    {
                        "arrangement": arrangement,
                        "size": name,
                        "day_type": np.repeat(curves.names, steps),
                        "hour": np.tile(np.arange(steps) * curves.step_h, days),
                        "load_kw": load.ravel(),
                        "storage_kw": storage.ravel(),
                        "formula_kw": sum(losses_kw(substation, load, storage)).ravel(),
                        "power_flow_kw": found.total_kw,
                        **vars(found),
                    }
                )
            )
    hours = pd.concat(parts, ignore_index=True)
    return hours.round({name: KW_DECIMALS for name in hours if name.endswith("_kw")})


def _year(substation: Substation, hours: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Sum columns in kW over a year, kWh, by arrangement and size."""
    curves = substation.curves
    days = dict(zip(curves.names, curves.days_per_year, strict=True))
    weight = curves.step_h * hours["day_type"].map(days)
    keys = [hours["arrangement"], hours["size"]]
    return hours[columns].mul(weight, axis=0).groupby(keys, sort=False).sum()


def yearly(substation: Substation, hours: pd.DataFrame) -> pd.DataFrame:
    """Compute a year's losses and their reduction by storage, by formula and by power flow, kWh.

    Parameters
    ----------
    hours : DataFrame
        From `hourly`.

    Returns
    -------
    DataFrame
        ``arrangement``, ``size``, ``formula_kwh``, ``power_flow_kwh``, ``off`` (power flow over
        formula, less 1); the same of the reduction against no storage; ``lowest_voltage``.
    """
    year = _year(substation, hours, ["formula_kw", "power_flow_kw"]).reset_index()
    year.columns = ["arrangement", "size", "formula_kwh", "power_flow_kwh"]
    year["off"] = year["power_flow_kwh"] / year["formula_kwh"] - 1.0
    bare = year[year["size"] == "none"].set_index("arrangement")
    for method in ("formula", "power_flow"):
        before = year["arrangement"].map(bare[f"{method}_kwh"])
        year[f"{method}_reduction_kwh"] = before - year[f"{method}_kwh"]
    with np.errstate(invalid="ignore"):
        year["reduction_off"] = (
            year["power_flow_reduction_kwh"] / year["formula_reduction_kwh"] - 1.0
        )
    lowest = hours.groupby(["arrangement", "size"], sort=False)["lowest_voltage"].min()
    return year.assign(lowest_voltage=lowest.to_numpy())


def causes(substation: Substation, hours: pd.DataFrame) -> pd.DataFrame:
    """Split the difference of formula and power flow in a year, kWh, into parts that add up to it.

    Returns
    -------
    DataFrame
        ``arrangement``, ``size``, ``formula_kwh``; ``flow_kwh``: lines carry the transformers'
        losses and reactive power too, or not the same; ``line_voltage_kwh``,
        ``transformer_voltage_kwh``: more current at a lower voltage; ``no_load_voltage_kwh``;
        ``rest_kwh``: an uneven division over the transformers, and their no-load current;
        ``power_flow_kwh``.
    """
    names = {
        "formula_kw": "formula_kwh",
        "lines_by_flow_kw": "flow_kwh",
        "lines_by_voltage_kw": "line_voltage_kwh",
        "transformers_by_voltage_kw": "transformer_voltage_kwh",
        "no_load_by_voltage_kw": "no_load_voltage_kwh",
        "power_flow_kw": "power_flow_kwh",
    }
    year = _year(substation, hours, list(names)).rename(columns=names)
    explained = year.drop(columns="power_flow_kwh").sum(axis=1)
    year.insert(year.shape[1] - 1, "rest_kwh", year["power_flow_kwh"] - explained)
    return year.reset_index()
