"""Results of paper 2 as tables: what the stage ``tables`` writes and the notebooks show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mobile_storage.mmbes.model.substation import ATTRIBUTES

__all__ = [
    "ATTRIBUTE_NAMES",
    "ELCC_STATUS",
    "agreement",
    "configuration",
    "contingency_table",
    "convergence",
    "implied_peak",
    "implied_transformers",
    "ledger_table",
    "monte_carlo_table",
    "moved_values",
    "scenario_table",
    "table6",
    "target_table",
    "variant_table",
]

ATTRIBUTE_NAMES = {
    "loss": "Loss reduction",
    "reliability": "Reliability",
    "deferral": "Deferral of the upgrade",
    "extreme": "Extreme events",
    "cost": "Life-cycle cost",
}
#: Statuses of a credible capacity (`adequacy.analytic.elcc.STATUSES`) in words of storage.
ELCC_STATUS = {
    "solved": "found",
    "no risk": "nothing unserved without storage",
    "no effect": "storage does not help",
    "out of reach": "unbounded",
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


def scenario_table(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A family of scenarios: size, credible capacity and the prospects.

    Parameters
    ----------
    frames : mapping
        Rows of the scenarios by parameter set.
    """
    names = {
        "set": "Set",
        "series": "Series",
        "value": "Value",
        "energy_kwh": "Energy",
        "power_kw": "Power",
        "elcc_kw": "Credible capacity",
        **{f"prospect_{k}": f"Prospect: {k}" for k in ATTRIBUTES},
        "prospect": "Comprehensive prospect",
        "net_profit_yuan": "Net profit",
    }
    return _stacked(frames)[list(names)].rename(columns=names)


def _stacked(frames: Mapping[str, pd.DataFrame | Sequence[Row]]) -> pd.DataFrame:
    """Tables by parameter set as one, with the set in the first column."""
    parts = [
        pd.DataFrame(frame).assign(set=name).astype({"set": "object"})
        for name, frame in frames.items()
        if len(frame)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


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
        "tolerance": "Tolerance",
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


def contingency_table(records: Mapping[str, Sequence[Row]]) -> pd.DataFrame:
    """Faults and what they leave unserved at the best size, worst first, by parameter set."""
    names = {
        "set": "Set",
        "name": "Fault",
        "rate_per_yr": "Frequency",
        "repair_h": "Repair",
        "law": "Law",
        "stages": "Stages",
        "eens_before_kwh": "EENS without",
        "eens_after_kwh": "EENS with",
    }
    table = _stacked(records).reindex(columns=list(names))
    # A stable sort by set first keeps the sets in their order.
    table = table.sort_values("eens_before_kwh", ascending=False, kind="stable")
    order = {name: position for position, name in enumerate(records)}
    table = table.sort_values("set", key=lambda column: column.map(order), kind="stable")
    return table.rename(columns=names).reset_index(drop=True)


CONTINGENCY_UNITS = {
    "Frequency": "1/yr",
    "Repair": "h",
    "EENS without": "kWh/yr",
    "EENS with": "kWh/yr",
}


def variant_table(records: Mapping[str, Sequence[Row]]) -> pd.DataFrame:
    """The best size under other laws of the state of charge, of repair and of added load."""
    names = {
        "set": "Set",
        "soc_law": "State of charge",
        "repair_law": "Repair",
        "added_load": "Added load",
        "eens_before_kwh": "EENS without",
        "eens_after_kwh": "EENS with",
        "elcc_kw": "Credible capacity",
    }
    return _stacked(records).reindex(columns=list(names)).rename(columns=names)


VARIANT_UNITS = {
    "EENS without": "kWh/yr",
    "EENS with": "kWh/yr",
    "Credible capacity": "kW",
}


def monte_carlo_table(records: Mapping[str, Sequence[Row]]) -> pd.DataFrame:
    """Analytic EENS against simulations of the contingencies and of the network itself."""
    names = {
        "set": "Set",
        "case": "Size",
        "repair_law": "Repair",
        "method": "Simulated",
        "storage": "With storage",
        "analytic_kwh": "Analytic",
        "mean_kwh": "Simulation",
        "standard_error_kwh": "Standard error",
        "standard_errors_off": "Apart, in standard errors",
        "samples": "Samples",
        "stopped_because": "Stopped because",
    }
    return _stacked(records).reindex(columns=list(names)).rename(columns=names)


MONTE_CARLO_UNITS = {
    "Analytic": "kWh/yr",
    "Simulation": "kWh/yr",
    "Standard error": "kWh/yr",
}


def implied_peak(peaks_kw: Row, interruption: Row) -> pd.DataFrame:
    """Peak load and EENS without storage that follow from the published numbers.

    Parameters
    ----------
    peaks_kw, interruption : mapping
        From `implied.peak_load` and `implied.initial_interruption`.
    """
    rows = [
        ("Peak load, half a year of deferral more", peaks_kw["low"], "kW"),
        ("Peak load", peaks_kw["peak"], "kW"),
        ("Peak load, half a year of deferral less", peaks_kw["high"], "kW"),
        ("EENS without storage, added load scaled", interruption["eens_scaled_kwh"], "kWh/yr"),
        ("Hours of interruption, added load scaled", interruption["hours_scaled"], "h/yr"),
        ("EENS without storage, added load constant", interruption["eens_constant_kwh"], "kWh/yr"),
        ("Hours of interruption, added load constant", interruption["hours_constant"], "h/yr"),
    ]
    return pd.DataFrame(rows, columns=["Quantity", "Value", "Unit"])


def implied_transformers(options: pd.DataFrame) -> pd.DataFrame:
    """Load rate of standard pairs of transformers at the implied peak load.

    Parameters
    ----------
    options : DataFrame
        From `implied.transformer_options`.
    """
    return options.rename(
        columns={
            "rating_mva": "Rating of each",
            "low": "Load rate, lowest",
            "peak": "Load rate",
            "high": "Load rate, highest",
            "fits": "Within the published range",
        }
    )


def ledger_table(ledgers: Mapping[str, pd.DataFrame], table: str) -> pd.DataFrame:
    """One ledger with its sources, and its values in every parameter set.

    Parameters
    ----------
    ledgers : mapping
        `data.ledger` by parameter set; they differ in their values only.
    table : str
        Name of the ledger, such as ``battery``.
    """
    names = {"symbol": "Symbol", "name": "Name", "unit": "Unit", "low": "Low", "high": "High"}
    names |= {"status": "Status", "source": "Source"}
    first = next(iter(ledgers.values()))
    here = first["symbol"].str.startswith(f"{table}.")
    rows = first.loc[here, list(names)].rename(columns=names)
    rows["Symbol"] = rows["Symbol"].str.removeprefix(f"{table}.")
    for position, (name, ledger) in enumerate(ledgers.items()):
        rows.insert(2 + position, f"{name.capitalize()} set", ledger.loc[here, "value"])
    return rows.reset_index(drop=True)
