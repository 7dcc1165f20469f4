"""Results of paper 2 as tables: what the stage ``tables`` writes and the notebooks show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .model import ATTRIBUTES

__all__ = [
    "ATTRIBUTE_NAMES",
    "agreement",
    "configuration",
    "convergence",
    "moved_values",
    "scenario_table",
    "table6",
    "target_table",
]

ATTRIBUTE_NAMES = {
    "loss": "Loss reduction",
    "reliability": "Reliability",
    "deferral": "Deferral of the upgrade",
    "extreme": "Extreme events",
    "cost": "Life-cycle cost",
}
MILLION = 1e6

Row = Mapping[str, float]


def table6(rows: Mapping[str, Row]) -> pd.DataFrame:
    """Table 6: worth (million yuan) and prospect of each attribute, and their totals.

    Parameters
    ----------
    rows : mapping
        `report.describe` by the name of the column group, such as a parameter set.
    """
    table = pd.DataFrame({"Attribute": [*ATTRIBUTE_NAMES.values(), "Total"]})
    for name, row in rows.items():
        table[f"{name}: million yuan"] = [
            *(row[f"worth_{k}_yuan"] / MILLION for k in ATTRIBUTES),
            row["net_profit_yuan"] / MILLION,
        ]
        table[f"{name}: prospect"] = [*(row[f"prospect_{k}"] for k in ATTRIBUTES), row["prospect"]]
    return table


def configuration(rows: Mapping[str, Row]) -> pd.DataFrame:
    """The best sizes and what they physically do, one row each."""
    return pd.DataFrame(
        {
            "Optimum": name,
            "Energy": row["energy_kwh"],
            "Power": row["power_kw"],
            "Credible capacity": row["elcc_kw"],
            "Deferral": row["deferral_yr"],
            "EENS without": row["eens_before_kwh"],
            "EENS cut": row["eens_cut_kwh"],
            "Loss cut": row["loss_cut_kwh"],
            "Loss cut, net": row["loss_cut_net_kwh"],
            "Residual energy": row["residual_kwh"],
        }
        for name, row in rows.items()
    )


CONFIGURATION_UNITS = {
    "Energy": "kWh",
    "Power": "kW",
    "Credible capacity": "kW",
    "Deferral": "yr",
    "EENS without": "kWh/yr",
    "EENS cut": "kWh/yr",
    "Loss cut": "kWh/yr",
    "Loss cut, net": "kWh/yr",
    "Residual energy": "kWh",
}


def scenario_table(frame: pd.DataFrame) -> pd.DataFrame:
    """A family of scenarios: size, credible capacity and the prospects."""
    names = {
        "series": "Series",
        "value": "Value",
        "energy_kwh": "Energy",
        "power_kw": "Power",
        "elcc_kw": "Credible capacity",
        **{f"prospect_{k}": f"Prospect: {k}" for k in ATTRIBUTES},
        "prospect": "Comprehensive prospect",
        "net_profit_yuan": "Net profit",
    }
    return frame[list(names)].rename(columns=names)


SCENARIO_UNITS = {
    "Energy": "kWh",
    "Power": "kW",
    "Credible capacity": "kW",
    "Net profit": "yuan",
}


def convergence(seeds: Mapping[str, pd.DataFrame], best: Mapping[str, float]) -> pd.DataFrame:
    """Differential evolution over its seeds: when it settles, and how often it finds the best.

    Parameters
    ----------
    seeds : mapping
        One row a seed, by problem.
    best : mapping
        Best value that any method found, by problem.
    """
    rows = []
    for name, frame in seeds.items():
        short = (best[name] - frame["value"]) / max(abs(best[name]), 1e-300)
        rows.append(
            {
                "Problem": name,
                "Seeds": len(frame),
                "Settled after, median": frame["settled_after"].median(),
                "Settled after, most": frame["settled_after"].max(),
                "Runs at the best value": int((short <= 1e-6).sum()),
                "Energy, least": frame["energy_kwh"].min(),
                "Energy, most": frame["energy_kwh"].max(),
                "Power, least": frame["power_kw"].min(),
                "Power, most": frame["power_kw"].max(),
            }
        )
    return pd.DataFrame(rows)


CONVERGENCE_UNITS = {
    "Energy, least": "kWh",
    "Energy, most": "kWh",
    "Power, least": "kW",
    "Power, most": "kW",
}


def agreement(optima: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The same optimum by differential evolution, by DIRECT and on the grid."""
    rows = []
    for name, found in optima.items():
        evolved = {
            "energy_kwh": found["optimum"]["energy_kwh"],
            "power_kw": found["optimum"]["power_kw"],
            "value": found["value"],
        }
        for method, size in (
            ("differential evolution", evolved),
            ("DIRECT", found["direct"]),
            ("best of the grid", found["grid"]),
        ):
            rows.append(
                {
                    "Problem": name,
                    "Method": method,
                    "Energy": size["energy_kwh"],
                    "Power": size["power_kw"],
                    "Value": size["value"],
                }
            )
    return pd.DataFrame(rows)


def target_table(calibration: Mapping[str, Any]) -> pd.DataFrame:
    """Published numbers, and what either parameter set makes of them."""
    names = {
        "claim": "Claim",
        "name": "Quantity",
        "published": "Published",
        "literature": "Literature set",
        "calibrated": "Calibrated set",
        "residual": "Residual, in tolerances",
    }
    return pd.DataFrame(calibration["targets"], columns=list(names)).rename(columns=names)


def moved_values(calibration: Mapping[str, Any]) -> pd.DataFrame:
    """How far each value moved, as a share of half its range, and the ensemble's spread of it."""
    names = {
        "symbol": "Symbol",
        "name": "Name",
        "unit": "Unit",
        "literature": "Literature",
        "calibrated": "Calibrated",
        "low": "Low",
        "high": "High",
        "share": "Moved",
        "ensemble_low": "Ensemble, least",
        "ensemble_high": "Ensemble, most",
    }
    return pd.DataFrame(calibration["moved"], columns=list(names)).rename(columns=names)
