"""Tables of what does not hang on a search, a seed, a simulation or the loss formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from mobile_storage.mmbes.analysis.deviation import VALUE_TOLERANCE, beyond, shortfall
from mobile_storage.mmbes.analysis.power_flow_losses import causes, yearly
from mobile_storage.mmbes.model.substation import Substation

__all__ = [
    "CAUSE_UNITS",
    "EENS_UNITS",
    "LOSS_UNITS",
    "SEARCH_UNITS",
    "cause_table",
    "deviation_table",
    "eens_table",
    "loss_table",
    "search_table",
]

Frames = Mapping[str, pd.DataFrame]
QUANTITIES = ("without", "with", "cut")


def _optima(optima: Mapping[str, Any], seeds: Frames) -> Iterator[dict[str, Any]]:
    for name, record in optima.items():
        others = max(record["grid"]["value"], record["direct"]["value"])
        best = max(others, *seeds[name]["value"])
        short = [shortfall(value, best) for value in seeds[name]["value"]]
        other = max((record["grid"], record["direct"]), key=lambda size: size["value"])
        yield {
            "Problem": f"optimum, {name.replace('_', ' ')}",
            "Searches": 1,
            "Runs of evolution": len(short),
            "Runs at the best value": short.count(0.0),
            "Largest shortfall": _share(max(short)),
            "Largest shortfall, other search": _share(shortfall(others, best)),
            "Apart in energy": (seeds[name]["energy_kwh"] - other["energy_kwh"]).abs().max(),
        }


def _share(shortfall: float) -> str:
    return f"{shortfall:.3g}" if shortfall else f"at most {VALUE_TOLERANCE:g}"


def search_table(optima: Mapping[str, Any], seeds: Frames, searches: Frames) -> pd.DataFrame:
    """Differential evolution against other searches and over its seeds, problem by problem.

    Shortfalls are shares of the best value that any method found; ``at most 1e-06`` where it is
    no more than `deviation.VALUE_TOLERANCE`, so that the run counts as having found it.

    Parameters
    ----------
    optima, seeds : mapping
        Files of the stage ``mmbes_optimum`` by parameter set and objective; the other searches are
        DIRECT and an even grid.
    searches : mapping
        `independence.compared` of every scenario, by parameter set.
    """
    rows = list(_optima(optima, seeds))
    for name, frame in searches.items():
        for family, part in frame.groupby("family", sort=False):
            again = part[part["seeds"] > 0]
            first = int((part["evolved_shortfall"] == 0.0).sum())
            rows.append(
                {
                    "Problem": f"{str(family).replace('_', ' ')}, {name}",
                    "Searches": len(part),
                    "Runs of evolution": len(part) + int(again["seeds"].sum()),
                    "Runs at the best value": first + int(again["seeds_at_best"].sum()),
                    "Largest shortfall": _share(
                        part[["evolved_shortfall", "seeds_shortfall"]].to_numpy().max()
                    ),
                    "Largest shortfall, other search": _share(part["refined_shortfall"].max()),
                    "Apart in energy": part["energy_off_kwh"].abs().max(),
                }
            )
    return pd.DataFrame(rows)


SEARCH_UNITS = {"Apart in energy": "kWh"}


def eens_table(frames: Frames) -> pd.DataFrame:
    """The EENS of every storage compared, against both simulations.

    Parameters
    ----------
    frames : mapping
        Rows of `independence.simulated`, with ``storage`` and its size, by parameter set.
    """
    names = {
        "set": "Set",
        "storage": "Storage",
        "energy_kwh": "Energy",
        "power_kw": "Power",
        "method": "Simulated",
        "quantity": "EENS",
        "analytic_kwh": "Analytic",
        "mean_kwh": "Simulation",
        "standard_error_kwh": "Standard error",
        "z": "Apart, in standard errors",
        "samples": "Samples",
    }
    table = pd.concat([f.assign(set=name) for name, f in frames.items()], ignore_index=True)
    return table[list(names)].rename(columns=names)


EENS_UNITS = {
    "Energy": "kWh",
    "Power": "kW",
    **dict.fromkeys(("Analytic", "Simulation", "Standard error"), "kWh/yr"),
}


def deviation_table(frames: Frames) -> pd.DataFrame:
    """How many of the simulations lie more than two standard errors off, and how many should.

    Without storage, with it and the cut come from the same faults, so each counts for itself.
    """
    every = pd.concat(frames.values(), ignore_index=True)
    rows = []
    for quantity in QUANTITIES:
        z = every.loc[every["quantity"] == quantity, "z"].to_numpy()
        if z.size:
            counted = beyond(z)
            rows.append(
                {
                    "EENS": quantity,
                    "Simulations": counted["count"],
                    "Beyond 2 standard errors": counted["beyond"],
                    "Expected there": counted["expected"],
                    "Chance of so many or more": counted["chance"],
                    "Mean": z.mean(),
                    "Farthest": max(z, key=abs),
                }
            )
    return pd.DataFrame(rows)


def loss_table(substations: Mapping[str, Substation], hours: Frames) -> pd.DataFrame:
    """A year's losses and what storage takes off them, by formula and by power flow.

    Parameters
    ----------
    hours : mapping
        `power_flow.hourly` by parameter set.
    """
    names = {
        "arrangement": "Section",
        "size": "Storage",
        "formula_kwh": "Formula",
        "power_flow_kwh": "Power flow",
        "off": "Off (%)",
        "formula_reduction_kwh": "Reduction, formula",
        "power_flow_reduction_kwh": "Reduction, power flow",
        "reduction_off": "Reduction off (%)",
        "lowest_voltage": "Lowest voltage (pu)",
    }
    table = _by_set({name: yearly(substations[name], h) for name, h in hours.items()}, names)
    for column in ("Off (%)", "Reduction off (%)"):
        table[column] *= 100.0
    return table


def cause_table(substations: Mapping[str, Substation], hours: Frames) -> pd.DataFrame:
    """From the formula's losses to the power flow's, cause by cause."""
    names = {
        "arrangement": "Section",
        "size": "Storage",
        "formula_kwh": "Formula",
        "flow_kwh": "More flow in lines",
        "line_voltage_kwh": "Voltage, lines",
        "transformer_voltage_kwh": "Voltage, transformers",
        "no_load_voltage_kwh": "Voltage, cores",
        "rest_kwh": "Rest",
        "power_flow_kwh": "Power flow",
    }
    return _by_set({name: causes(substations[name], h) for name, h in hours.items()}, names)


def _by_set(frames: Frames, names: Mapping[str, str]) -> pd.DataFrame:
    table = pd.concat([f.assign(set=name) for name, f in frames.items()], ignore_index=True)
    return table[["set", *names]].rename(columns={"set": "Set", **names})


LOSS_UNITS = dict.fromkeys(
    ("Formula", "Power flow", "Reduction, formula", "Reduction, power flow"), "kWh/yr"
)
CAUSE_UNITS = dict.fromkeys(
    (
        *("Formula", "More flow in lines", "Voltage, lines", "Voltage, transformers"),
        *("Voltage, cores", "Rest", "Power flow"),
    ),
    "kWh/yr",
)
