"""Section 3.5 as tables: the life-cycle cost part by part, and what its data decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.cost import Cost, cell_life, life_cycle_cost
from mobile_storage.mmbes.model.evaluate import Attributes, Prepared, attributes, prospects
from mobile_storage.mmbes.model.prospect import value
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Economics, Preferences, Substation

__all__ = [
    "LIFE_UNITS",
    "MARGINAL_UNITS",
    "PART_UNITS",
    "RECYCLING_UNITS",
    "along_table",
    "expected_table",
    "grid_table",
    "life_table",
    "marginal_table",
    "part_table",
    "payments_by_hand",
    "recycling_table",
]

COST = ATTRIBUTES.index("cost")


def _new_sets(horizon_yr: float, life_yr: float) -> int:
    """How often cells are replaced within the horizon."""
    return max(0, int(np.ceil(horizon_yr / life_yr - 1e-9)) - 1)


def payments_by_hand(
    energy_kwh: float, power_kw: float, lost_kwh: float, life_yr: float, economics: Economics
) -> pd.DataFrame:
    """Every payment of Eq. (33)-(36) with its date, its factor and its present value.

    Parameters
    ----------
    energy_kwh, power_kw : float
    lost_kwh : float
        Energy lost in cycling, kWh a year.
    life_yr : float
        What the cells last.
    economics : Economics
        Payments of every year are counted in whole years.
    """
    x = economics
    number = _new_sets(x.horizon_yr, life_yr)
    end_of_life = (x.treatment_cost - x.recovered_value) * energy_kwh
    payments: list[tuple[str, str, float | None, float]] = [
        ("investment", "cells", 0.0, x.energy_cost * energy_kwh),
        ("investment", "conversion, monitoring, management", 0.0, x.power_cost * power_kw),
        ("fixed om", "every year", None, x.fixed_om * power_kw),
        ("variable om", "every year", None, x.valley_price * lost_kwh),
    ]
    for j in range(1, number + 1):
        new = x.replacement_cost * energy_kwh
        payments.append(("replacement", f"cells, set {j + 1}", j * life_yr, new))
        payments.append(("end of life", f"cells, set {j}", j * life_yr, end_of_life))
    payments.append(("end of life", f"cells, set {number + 1}", x.horizon_yr, end_of_life))
    paid = pd.DataFrame(payments, columns=["Part", "What", "After (yr)", "Paid (yuan)"])
    each_year = float(((1.0 + x.discount_rate) ** -np.arange(1, int(x.horizon_yr) + 1)).sum())
    factor = (1.0 + x.discount_rate) ** -paid["After (yr)"].astype(float)
    paid["Factor"] = factor.fillna(each_year)
    paid["Present value (yuan)"] = paid["Factor"] * paid["Paid (yuan)"]
    return paid


def part_table(paid: pd.DataFrame, called: Cost, valued: Cost) -> pd.DataFrame:
    """The parts of the cost by hand, by `life_cycle_cost` and by `attributes`, with their sum.

    Parameters
    ----------
    paid : DataFrame
        From `payments_by_hand`.
    called : Cost
        Of one size, plain.
    valued : Cost
        Of `attributes`, shape (1,).
    """
    by_hand = paid.groupby("Part")["Present value (yuan)"].sum()
    rows = [
        {
            "Part": name.replace("_", " "),
            "By hand": float(by_hand.get(name.replace("_", " "), 0.0)),
            "life_cycle_cost": float(amount),
            "attributes": float(getattr(valued, name)[0]),
            "Share": 100.0 * float(amount / called.total) if called.total > 0 else 0.0,
        }
        for name, amount in vars(called).items()
    ]
    total = pd.DataFrame(rows).drop(columns="Part").sum().to_dict()
    return pd.DataFrame([*rows, {"Part": "total", **total}])


PART_UNITS = {**dict.fromkeys(("By hand", "life_cycle_cost", "attributes"), "yuan"), "Share": "%"}


def grid_table(values: np.ndarray, energies_kwh: np.ndarray, powers_kw: np.ndarray) -> pd.DataFrame:
    """Values of sizes, energy first, as a table of energies by powers."""
    table = pd.DataFrame(
        values.reshape(len(energies_kwh), len(powers_kw)),
        columns=[f"{kw:,.0f} kW" for kw in powers_kw],
    )
    table.insert(0, "Energy (kWh)", energies_kwh)
    return table


def marginal_table(prepared: Prepared, energy_kwh: float, power_kw: float) -> pd.DataFrame:
    """What one more kWh and one more kW cost, part by part; the total is the last row."""
    near = attributes(
        prepared,
        [energy_kwh, energy_kwh + 1.0, energy_kwh],
        [power_kw, power_kw, power_kw + 1.0],
    )
    return pd.DataFrame(
        {
            "Part": name.replace("_", " "),
            "One more kWh": amount[1] - amount[0],
            "One more kW": amount[2] - amount[0],
        }
        for name, amount in {**vars(near.cost), "total": near.cost.total}.items()
    )


MARGINAL_UNITS = {"One more kWh": "yuan/kWh", "One more kW": "yuan/kW"}


def _corners(entries: pd.DataFrame, first: str, second: str) -> Iterator[tuple[float, float]]:
    """Both values at the ends of their ranges in the ledger."""
    for end in ("low", "high"):
        for other in ("low", "high"):
            yield entries.loc[first, end], entries.loc[second, other]


def life_table(
    station: Substation,
    entries: pd.DataFrame,
    size: tuple[float, float],
    cycles: float,
    lost_kwh: float,
) -> pd.DataFrame:
    """Cost where calendar life and cycle life are at the ends of their ranges.

    Parameters
    ----------
    station : Substation
    entries : DataFrame
        The ledger by symbol.
    size : (float, float)
        Energy, kWh, and power, kW.
    cycles : float
        Full cycles a year.
    lost_kwh : float
        Energy lost in cycling, kWh a year.
    """
    rows = []
    for calendar, cyclic in _corners(entries, "battery.calendar_life", "battery.cycle_life"):
        battery = replace(station.battery, calendar_life_yr=calendar, cycle_life=cyclic)
        lasts = float(cell_life(battery, cycles))
        cost = life_cycle_cost(*size, lost_kwh, lasts, station.economics)
        rows.append(
            {
                "Calendar life": battery.calendar_life_yr,
                "Cycle life": battery.cycle_life,
                "Cells last": lasts,
                "New sets": _new_sets(station.economics.horizon_yr, lasts),
                "Replacement": float(cost.replacement),
                "End of life": float(cost.end_of_life),
                "Total": float(cost.total),
            }
        )
    return pd.DataFrame(rows)


LIFE_UNITS = {
    "Calendar life": "yr",
    "Cycle life": "cycles",
    "Cells last": "yr",
    **dict.fromkeys(("Replacement", "End of life", "Total"), "yuan"),
}


def recycling_table(
    economics: Economics,
    entries: pd.DataFrame,
    size: tuple[float, float],
    life_yr: float,
    lost_kwh: float,
) -> pd.DataFrame:
    """Cost where treatment and recovered metals are at the ends of their ranges.

    Parameters
    ----------
    economics : Economics
    entries : DataFrame
        The ledger by symbol.
    size : (float, float)
        Energy, kWh, and power, kW.
    life_yr : float
        What the cells last.
    lost_kwh : float
        Energy lost in cycling, kWh a year.
    """
    rows = []
    ranges = ("economics.treatment_cost", "economics.recovered_value")
    for treat, recover in _corners(entries, *ranges):
        prices = replace(economics, treatment_cost=treat, recovered_value=recover)
        cost = life_cycle_cost(*size, lost_kwh, life_yr, prices)
        share = 100.0 * float(cost.end_of_life / cost.total) if cost.total > 0 else 0.0
        rows.append(
            {
                "Treatment": treat,
                "Recovered": recover,
                "End of life": float(cost.end_of_life),
                "Total": float(cost.total),
                "Share": share,
            }
        )
    return pd.DataFrame(rows)


RECYCLING_UNITS = {
    **dict.fromkeys(("Treatment", "Recovered"), "yuan/kWh"),
    "Share": "%",
    **dict.fromkeys(("End of life", "Total"), "yuan"),
}


def along_table(shares: np.ndarray, along: Attributes, planner: Preferences) -> pd.DataFrame:
    """Cost and its prospect V5 for multiples of a size, and what the next yuan takes from V5.

    Parameters
    ----------
    shares : ndarray, shape (n,)
    along : Attributes
        Of the size times each of `shares`.
    planner : Preferences
    """
    below = -float(planner.reference[COST]) - along.cost.total
    return pd.DataFrame(
        {
            "Size, in sizes above": shares,
            "Cost (yuan)": along.cost.total,
            "Less than expected (yuan)": below,
            "Seen as": np.where(below >= 0, "gain", "loss"),
            "V5": prospects(along, planner)[:, COST],
            "Of one yuan more": value(below - 1.0, planner) - value(below, planner),
        }
    )


def expected_table(
    planner: Preferences, total_yuan: float, ends_yuan: tuple[float, float]
) -> pd.DataFrame:
    """V5 of a cost, and of building nothing, for expected costs between two ends."""
    own = -float(planner.reference[COST])
    rows = []
    for one in sorted({*np.linspace(*ends_yuan, 5).tolist(), own}):
        below = one - total_yuan
        v, nothing = value(below, planner), value(one, planner)
        rows.append(
            {
                "Expected cost (yuan)": one,
                "": "of the set" if one == own else "",
                "Less than expected (yuan)": below,
                "V5": float(v),
                "V5 of building nothing": float(nothing),
                "What storage costs in V5": float(nothing - v),
            }
        )
    return pd.DataFrame(rows)
