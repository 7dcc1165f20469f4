"""Section 5.4 as tables: what the weights and the planner's cognition do to the best size.

`frames` are scenarios by parameter set or member of the ensemble: ``series``, ``value`` and the
columns of `report.describe`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.evaluate import Prepared, attributes, prospects
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences
from mobile_storage.mmbes.search.surfaces import Surface, best_size
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES

__all__ = [
    "CASH_UNITS",
    "SPREAD_UNITS",
    "WEIGHT_UNITS",
    "aversion_table",
    "cognition_spread",
    "doubled_aversion",
    "loss_weight_table",
    "unit_table",
    "weight_table",
]

Frames = Mapping[str, pd.DataFrame]

UNITS_OF_MONEY = {"yuan": 1.0, "10,000 yuan": 1e4, "million yuan": 1e6}


def weight_table(frames: Frames) -> pd.DataFrame:
    """Best size and an attribute's own worth where it weighs least and where it weighs most."""
    rows = []
    for name, frame in frames.items():
        for k in ATTRIBUTES:
            ends = frame[frame["series"] == k].sort_values("value")
            less, more = ends.iloc[0], ends.iloc[-1]
            rows.append(
                {
                    "Set": name,
                    "Attribute": ATTRIBUTE_NAMES[k],
                    "Energy, less": less["energy_kwh"],
                    "Energy, more": more["energy_kwh"],
                    "Power, less": less["power_kw"],
                    "Power, more": more["power_kw"],
                    "Own, less": less[f"worth_{k}_yuan"],
                    "Own, more": more[f"worth_{k}_yuan"],
                    "Own prospect gains": more[f"prospect_{k}"] - less[f"prospect_{k}"],
                }
            )
    return pd.DataFrame(rows)


WEIGHT_UNITS = {
    **dict.fromkeys(("Energy, less", "Energy, more"), "kWh"),
    **dict.fromkeys(("Power, less", "Power, more"), "kW"),
    **dict.fromkeys(("Own, less", "Own, more"), "yuan"),
}


def loss_weight_table(frames: Frames) -> pd.DataFrame:
    """Loss reduction, kWh a year, at the least and at the most weight on losses (P2-14).

    Parameters
    ----------
    frames : mapping
        Scenarios of the weight on losses, by rising weight. The rise is blank where nothing is
        saved at the least weight.
    """
    rows = []
    for name, frame in frames.items():
        less, more = frame.iloc[0], frame.iloc[-1]
        before, after = less["loss_cut_kwh"], more["loss_cut_kwh"]
        rows.append(
            {
                "Set": name,
                "Gross, less weight": before,
                "Gross, more weight": after,
                "Rise of it (%)": 100.0 * (after / before - 1.0) if before > 0 else None,
                "Net, less weight": less["loss_cut_net_kwh"],
                "Net, more weight": more["loss_cut_net_kwh"],
            }
        )
    return pd.DataFrame(rows)


def cognition_spread(frames: Frames, base: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The least and the most energy of each series, and their distance over the base's energy.

    Parameters
    ----------
    base : mapping
        Best size of each set as it is. The share is blank where that is at most 1 kWh.
    """
    rows = []
    for name, frame in frames.items():
        own = base[name]["energy_kwh"]
        for series, part in frame.groupby("series", sort=False):
            least, most = part["energy_kwh"].min(), part["energy_kwh"].max()
            rows.append(
                {
                    "Set": name,
                    "Series": series,
                    "Energy, least": least,
                    "Energy, most": most,
                    "Spread over the base": (most - least) / own if own > 1.0 else None,
                }
            )
    return pd.DataFrame(rows)


SPREAD_UNITS = {"Energy, least": "kWh", "Energy, most": "kWh"}


def doubled_aversion(
    prepared: Prepared, planner: Preferences, size: Mapping[str, float]
) -> pd.DataFrame:
    """Prospect of each attribute of one size, and with twice the loss aversion."""
    effects = attributes(prepared, size["energy_kwh"], size["power_kw"])
    averse = replace(planner, loss_aversion=2.0 * planner.loss_aversion)
    once, twice = prospects(effects, planner)[0], prospects(effects, averse)[0]
    return pd.DataFrame(
        {
            "Attribute": ATTRIBUTE_NAMES.values(),
            "Above the reference point (yuan)": effects.worth[0] - planner.reference,
            "Prospect": once,
            "with twice the loss aversion": twice,
            "Ratio": np.divide(twice, once, out=np.ones_like(once), where=once != 0),
        }
    )


def aversion_table(planners: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Loss aversion in yuan where the exponents differ.

    A loss of ``d`` counts for ``lambda * d**(beta - alpha)`` times an equal gain, which is 1 at
    ``d* = lambda**(1 / (alpha - beta))``.

    Parameters
    ----------
    planners : mapping
        ``alpha``, ``beta`` and ``loss_aversion`` by parameter set. ``d*`` is blank unless alpha is
        above beta.
    """
    rows = []
    for name, planner in planners.items():
        alpha, beta, aversion = (planner[x] for x in ("alpha", "beta", "loss_aversion"))
        rows.append(
            {
                "Set": name,
                "alpha": alpha,
                "beta": beta,
                "lambda": aversion,
                "d* (yuan)": aversion ** (1.0 / (alpha - beta)) if alpha > beta else None,
                "Loss over gain at a million yuan": aversion * 1e6 ** (beta - alpha),
            }
        )
    return pd.DataFrame(rows)


def unit_table(
    surfaces: Mapping[str, Surface],
    prepared: Mapping[str, Prepared],
    planners: Mapping[str, Preferences],
) -> pd.DataFrame:
    """Best size where lambda is meant in another unit of money, by parameter set.

    A loss aversion in units of ``u`` yuan is ``lambda * u**(alpha - beta)`` in yuan.
    """
    rows = []
    for name, planner in planners.items():
        same = replace(planner, beta=planner.alpha)
        for unit, yuan in UNITS_OF_MONEY.items():
            row: dict[str, object] = {"Set": name, "Unit": unit}
            for label, p in (("as in the set", planner), ("alpha for both", same)):
                scaled = replace(p, loss_aversion=p.loss_aversion * yuan ** (p.alpha - p.beta))
                size = best_size(surfaces[name], prepared[name], scaled)
                row |= {f"Energy, {label}": size[0], f"Power, {label}": size[1]}
            rows.append(row)
    return pd.DataFrame(rows)


CASH_UNITS = {
    f"{quantity}, {label}": unit
    for label in ("as in the set", "alpha for both")
    for quantity, unit in (("Energy", "kWh"), ("Power", "kW"))
}
