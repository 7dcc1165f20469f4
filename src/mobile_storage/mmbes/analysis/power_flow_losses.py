"""Losses of a year, and their reduction by storage, by the formula and by an AC power flow.

The reduction is a small difference of large numbers, so it is compared separately. The hours come
from `power_flow.hourly`; adding them up needs no pandapower.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.substation import Substation

__all__ = ["causes", "yearly"]


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
        From `power_flow.hourly`.

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
