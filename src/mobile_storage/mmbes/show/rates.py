"""Section 5.3 as tables: what the load rate of the substation does, with and without the size.

`frames` are scenarios of the load rate, by rising rate: ``value`` and the columns of
`report.describe`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import prepare
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Substation
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES, MILLION

__all__ = [
    "END_UNITS",
    "at_load_rate",
    "change_table",
    "deferral_by_hand",
    "end_table",
    "fixed_size",
    "fixed_table",
    "sweep_table",
    "trend_table",
]

Frames = Mapping[str, pd.DataFrame]


def at_load_rate(raw: RawMmbes, rate: float) -> RawMmbes:
    """The ledgers with another load rate of the substation."""
    return raw.replace({"substation.load_rate": float(rate)})


def end_table(frames: Frames, high_kwh: float) -> pd.DataFrame:
    """Sizes at both ends of the sweep, and the load rate from which storage is built (P2-08).

    Parameters
    ----------
    high_kwh : float
        Published energy at the high end; 1 % of it counts as built.
    """
    rows = []
    for name, frame in frames.items():
        energy, rate = frame["energy_kwh"].to_numpy(), frame["value"].to_numpy()
        built = rate[energy > 0.01 * high_kwh]
        rows.append(
            {
                "Set": name,
                "Energy at the low end": energy[0],
                "Energy at the high end": energy[-1],
                "Power at the high end": frame["power_kw"].iloc[-1],
                "Published high end (%)": 100.0 * energy[-1] / high_kwh,
                "Built from load rate": built.min() if built.size else None,
                "Largest step down": max(0.0, -np.diff(energy).min()),
            }
        )
    return pd.DataFrame(rows)


END_UNITS = {
    **dict.fromkeys(
        ("Energy at the low end", "Energy at the high end", "Largest step down"), "kWh"
    ),
    "Power at the high end": "kW",
}


def sweep_table(raw: RawMmbes, frame: pd.DataFrame) -> pd.DataFrame:
    """The substation at every load rate, and what its best storage does and is worth."""
    rows = []
    for _, row in frame.iterrows():
        there = prepare(build(at_load_rate(raw, row["value"]))[0])
        rows.append(
            {
                "Load rate": row["value"],
                "Peak (kW)": there.substation.peak_kw,
                "EENS without (kWh/yr)": row["eens_before_kwh"],
                "Upgrade due in (yr)": there.due_year,
                "Energy (kWh)": row["energy_kwh"],
                "Credible capacity (kW)": row["elcc_kw"],
                "Deferral (yr)": row["deferral_yr"],
                **{f"{k} (million yuan)": row[f"worth_{k}_yuan"] / MILLION for k in ATTRIBUTES},
                "Net profit (million yuan)": row["net_profit_yuan"] / MILLION,
            }
        )
    return pd.DataFrame(rows)


def deferral_by_hand(station: Substation, elcc_kw: float) -> tuple[float, float, float]:
    """Years until the upgrade is due, years put off, and their worth, yuan, by Eq. (22), (24)."""
    x, growth = station.economics, np.log(1 + station.growth)
    due = min(max(0.0, np.log(x.due_load_rate / station.load_rate) / growth), x.horizon_yr)
    years = np.log(1 + elcc_kw / station.peak_kw) / growth
    k = (1 + x.inflation_rate) / (1 + x.discount_rate)
    worth = x.upgrade_cost * (k**due - k ** min(due + years, x.horizon_yr))
    return float(due), float(years), float(worth)


def fixed_size(
    raws: Mapping[str, RawMmbes], rates: np.ndarray, energy_kwh: float, power_kw: float
) -> dict[str, pd.DataFrame]:
    """`report.describe` of one size at every load rate, by parameter set."""
    frames = {}
    for name, raw in raws.items():
        rows = []
        for rate in rates:
            station, planner = build(at_load_rate(raw, rate))
            size = describe(prepare(station), planner, energy_kwh, power_kw)
            rows.append({"value": rate, **size})
        frames[name] = pd.DataFrame(rows)
    return frames


def fixed_table(frames: Frames) -> pd.DataFrame:
    """EENS, credible capacity and worths of `fixed_size`."""
    columns = {
        "value": "Load rate",
        "eens_before_kwh": "EENS without (kWh/yr)",
        "eens_cut_kwh": "EENS cut (kWh/yr)",
        "elcc_kw": "Credible capacity (kW)",
        **{f"worth_{k}_yuan": f"{k} (yuan)" for k in ATTRIBUTES},
    }
    table = pd.concat([frame[list(columns)].assign(Set=name) for name, frame in frames.items()])
    return table[["Set", *columns]].rename(columns=columns)


def change_table(frames: Frames) -> pd.DataFrame:
    """How much each worth of `fixed_size` changes from the low to the high end."""
    rows = []
    for name, frame in frames.items():
        for k in ATTRIBUTES:
            first, last = frame[f"worth_{k}_yuan"].iloc[[0, -1]]
            rows.append(
                {
                    "Set": name,
                    "Attribute": ATTRIBUTE_NAMES[k],
                    "Change (million yuan)": round((last - first) / MILLION, 9),
                    "Change (%)": round(100.0 * (last / first - 1.0), 6) if first else None,
                }
            )
    return pd.DataFrame(rows)


def trend_table(frames: Frames, due_at: Mapping[str, float | None]) -> pd.DataFrame:
    """Share of each curve's movement that goes up: 1 where it only rises, blank where it rests.

    Parameters
    ----------
    due_at : mapping
        Load rate at which the upgrade is due, by set or member.
    """
    curves = {
        "Energy": "energy_kwh",
        "Power": "power_kw",
        **{f"Prospect: {k}": f"prospect_{k}" for k in ATTRIBUTES},
        "Comprehensive prospect": "prospect",
    }
    rows = []
    for name, frame in frames.items():
        steps = {label: np.diff(frame[c].to_numpy()) for label, c in curves.items()}
        rows.append(
            {
                "Set": name,
                **{
                    k: d.clip(0).sum() / np.abs(d).sum() if d.any() else None
                    for k, d in steps.items()
                },
                "Peak at": float(frame["value"].iloc[int(np.argmax(frame["prospect"]))]),
                "Due at": due_at[name],
            }
        )
    return pd.DataFrame(rows)
