"""Sections 5.2 and 5.4.1 as tables: the best sizes, how sharp they are, and what they trade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import (
    Attributes,
    Prepared,
    attributes,
    net_profit,
    prepare,
    prospects,
)
from mobile_storage.mmbes.model.prospect import lottery_value
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES, CONVERGENCE_UNITS, MILLION

__all__ = [
    "HAND_UNITS",
    "PROFIT_UNITS",
    "along_table",
    "best_powers",
    "flat_table",
    "order_table",
    "profit_table",
    "prospects_by_hand",
    "published_table",
    "ridge",
]

Row = Mapping[str, float]

QUESTIONS = (
    ("P2-01", "Energy", "energy_kwh", "kWh", "prospect"),
    ("P2-02", "Credible capacity (first reading)", "elcc_kw", "kW", "prospect"),
    ("P2-02", "Rated power (second reading)", "power_kw", "kW", "prospect"),
    ("P2-03", "Deferral", "deferral_yr", "yr", "prospect"),
    ("P2-04", "EENS cut", "eens_cut_kwh", "kWh/yr", "prospect"),
    ("P2-06", "Energy for net profit", "energy_kwh", "kWh", "net_profit"),
    ("", "Power for net profit", "power_kw", "kW", "net_profit"),
)
"""Claim, quantity, column of `report.describe`, unit, and whose optimum it is read from."""


def published_table(
    optima: Mapping[str, Mapping[str, Any]],
    members: Sequence[Mapping[str, Row]],
    published: Mapping[str, str],
    aimed: set[str],
) -> pd.DataFrame:
    """The published numbers beside those of both sets and of the ensemble.

    Parameters
    ----------
    optima : mapping
        `stored.optima`.
    members : sequence of mapping
        Records of the ensemble.
    published : mapping
        Published number by claim.
    aimed : set of str
        Claims that were targets of the calibration.
    """
    rows = []
    for claim, name, column, unit, kind in QUESTIONS:
        literature, calibrated = (
            optima[f"{s}_{kind}"]["optimum"][column] for s in ("literature", "calibrated")
        )
        known = float(published[claim]) if claim else None
        spread = [member[kind][column] for member in members]
        rows.append(
            {
                "Claim": claim,
                "Quantity": name,
                "Unit": unit,
                "Published": known,
                "Literature": literature,
                "Calibrated": calibrated,
                "Calibrated / published": calibrated / known if claim else None,
                "Ensemble, least": min(spread, default=None),
                "Ensemble, most": max(spread, default=None),
                "Target": "yes" if claim in aimed and column != "power_kw" else "no",
            }
        )
    return pd.DataFrame(rows)


def prospects_by_hand(prepared: Prepared, planner: Preferences, optimum: Row) -> pd.DataFrame:
    """Prospect of each attribute by Eq. (6), (7), and the lottery's by Eq. (1).

    Parameters
    ----------
    prepared : Prepared
    planner : Preferences
    optimum : mapping
        `report.describe` at a size, as stored.
    """
    worth = np.array([optimum[f"worth_{k}_yuan"] for k in ATTRIBUTES])
    distance = worth - planner.reference
    size = np.abs(distance)
    gain, loss = size**planner.alpha, -planner.loss_aversion * size**planner.beta
    sure = np.where(distance >= 0, gain, loss)
    live = attributes(prepared, optimum["energy_kwh"], optimum["power_kw"])
    by_hand, k = sure.copy(), ATTRIBUTES.index("extreme")
    lottery = live.extreme_outcomes, live.extreme_probability
    by_hand[k] = lottery_value(*lottery, float(planner.reference[k]), planner)[0]
    return pd.DataFrame(
        {
            "Attribute": ATTRIBUTE_NAMES.values(),
            "Worth": worth,
            "Reference point": planner.reference,
            "Difference": distance,
            "Sure": sure,
            "By hand": by_hand,
            "Stored": [optimum[f"prospect_{k}"] for k in ATTRIBUTES],
            "Live": prospects(live, planner)[0],
        }
    )


HAND_UNITS = dict.fromkeys(("Worth", "Reference point", "Difference"), "yuan")


def order_table(best: Mapping[str, Row]) -> pd.DataFrame:
    """Order of the four benefits by worth and by prospect, and which are below zero.

    Parameters
    ----------
    best : mapping
        `report.describe` by the name of the optimum.
    """
    benefits = [k for k in ATTRIBUTES if k != "cost"]
    orders = []
    for name, row in best.items():
        for what, column in (("worth", "worth_{}_yuan"), ("prospect", "prospect_{}")):
            of = {k: row[column.format(k)] for k in benefits}
            ranked = sorted(benefits, key=of.get, reverse=True)
            negative = [k for k in ranked if of[k] < 0]
            orders.append(
                {
                    "Optimum": name,
                    "By": what,
                    "Order": " > ".join(ranked) if any(of.values()) else "all zero",
                    "Below zero": ", ".join(negative) or "none",
                }
            )
    return pd.DataFrame(orders)


def flat_table(grids: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Sizes that stay within a share of the way from building nothing to the best node.

    Parameters
    ----------
    grids : mapping
        ``energy_kwh``, ``power_kw`` and ``value`` by problem; those where nothing is best are left
        out.
    """
    rows = []
    for name, grid in grids.items():
        values = grid["value"].to_numpy()
        nothing = float(values[(grid["energy_kwh"] == 0) & (grid["power_kw"] == 0)][0])
        way = values.max() - nothing
        for share in (0.01, 0.05, 0.10) if way > 0 else ():
            near = grid[values >= values.max() - share * way]
            ends = near[["energy_kwh", "power_kw"]].agg(["min", "max"]).to_numpy().T.ravel()
            row = {"Problem": name, "Given up": f"{share:.0%}", "Nodes": len(near)}
            rows.append(row | dict(zip(CONVERGENCE_UNITS, ends, strict=True)))
    return pd.DataFrame(rows, columns=["Problem", "Given up", "Nodes", *CONVERGENCE_UNITS])


def ridge(prepared: Prepared, grid: pd.DataFrame) -> Attributes:
    """Attributes of the best node of each energy, computed anew."""
    nodes = grid.loc[grid.groupby("energy_kwh")["value"].idxmax()]
    return attributes(prepared, nodes["energy_kwh"].to_numpy(), nodes["power_kw"].to_numpy())


def along_table(along: Attributes, planner: Preferences, points: int) -> pd.DataFrame:
    """What some sizes of `ridge` do and are worth."""
    pick = np.unique(np.linspace(0, len(along.energy_kwh) - 1, points).round().astype(int))
    worth = along.worth.T / MILLION
    table = pd.DataFrame(
        {
            "Energy (kWh)": along.energy_kwh,
            "Power (kW)": along.power_kw,
            "Credible capacity (kW)": along.elcc_kw,
            "Deferral (yr)": along.deferral_years,
            "EENS cut (kWh/yr)": along.eens_before_kwh - along.eens_after_kwh,
            **{f"{k} (million yuan)": w for k, w in zip(ATTRIBUTES, worth, strict=True)},
            "Net profit (million yuan)": net_profit(along) / MILLION,
            "V (millions)": prospects(along, planner) @ planner.weights / MILLION,
        }
    )
    return table.iloc[pick]


def profit_table(pairs: Mapping[str, tuple[Row, Row]]) -> pd.DataFrame:
    """The optimum of the prospect against that of net profit.

    Parameters
    ----------
    pairs : mapping
        `report.describe` at the optimum of the prospect and at that of net profit, by set.
    """
    return pd.DataFrame(
        {
            "Set": name,
            "Energy, prospect": own["energy_kwh"],
            "Energy, net profit": other["energy_kwh"],
            "Net profit at the first": own["net_profit_yuan"],
            "Net profit at the second": other["net_profit_yuan"],
            "V at the first": own["prospect"],
            "V at the second": other["prospect"],
        }
        for name, (own, other) in pairs.items()
    )


PROFIT_UNITS = {
    **dict.fromkeys(("Energy, prospect", "Energy, net profit"), "kWh"),
    **dict.fromkeys(("Net profit at the first", "Net profit at the second"), "yuan"),
}


def best_powers(
    raws: Mapping[str, RawMmbes],
    energies_kwh: Mapping[str, float],
    published_power_kw: float,
    largest_power_kw: float,
) -> dict[str, dict[str, float]]:
    """`report.describe` at published energies, with the best power on an even grid.

    Parameters
    ----------
    raws : mapping
        Ledgers by parameter set.
    energies_kwh : mapping
        Published energy of each objective; that of the prospect is also looked at with the
        published power.
    published_power_kw, largest_power_kw : float
    """
    shown = {}
    powers = np.linspace(0.0, largest_power_kw, 321)
    for name, raw in raws.items():
        station, planner = build(raw)
        prepared = prepare(station)
        for kind, energy in energies_kwh.items():
            tried = attributes(prepared, np.full(powers.size, energy), powers)
            values = (
                prospects(tried, planner) @ planner.weights
                if kind == "prospect"
                else net_profit(tried)
            )
            label = f"{name}, best power for {kind.replace('_', ' ')}"
            best = float(powers[np.argmax(values)])
            shown[label] = describe(prepared, planner, energy, best)
        label, energy = f"{name}, {published_power_kw:,.0f} kW", energies_kwh["prospect"]
        shown[label] = describe(prepared, planner, energy, published_power_kw)
    return shown
