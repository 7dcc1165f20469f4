"""What the published numbers imply about the lost tables: arithmetic, and tests on the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mobile_storage.mmbes.analysis.implied import (
    initial_interruption,
    peak_load,
    transformer_options,
)
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import Attributes, attributes, prepare

__all__ = [
    "FAULT_UNITS",
    "LAW_UNITS",
    "PEAK_UNITS",
    "arithmetic_table",
    "asked_table",
    "fault_table",
    "law_table",
    "peak_table",
    "power_table",
    "rating_table",
]

#: Rates, 1/yr, and repair times, h, that are tried for losses of the whole supply.
RATES = (0.3, 0.6, 0.9, 1.2)
REPAIRS_H = (0.25, 0.5, 1.0)


def peak_table(
    peaks_kw: Mapping[str, float], deferral_yr: float, growth: float, power_factor: float
) -> pd.DataFrame:
    """`implied.peak_load` with the growth that the years carry and the apparent power."""
    years = [deferral_yr + 0.5, deferral_yr, deferral_yr - 0.5]
    peaks = [peaks_kw[k] for k in ("low", "peak", "high")]
    return pd.DataFrame(
        {
            "Deferral": years,
            "Growth carried (%)": [100 * ((1 + growth) ** y - 1) for y in years],
            "Peak": peaks,
            "Apparent power": [peak / power_factor for peak in peaks],
        }
    )


PEAK_UNITS = {"Deferral": "yr", "Peak": "kW", "Apparent power": "kVA"}


def rating_table(
    elcc_kw: float,
    deferral_yr: float,
    growth: float,
    power_factor: float,
    load_rates: tuple[float, float],
) -> pd.DataFrame:
    """Transformers that fit where the credible capacity is only a share of the published one."""
    rows = []
    for share in (1.0, 0.75, 0.5):
        peaks = peak_load(share * elcc_kw, deferral_yr, growth)
        options = transformer_options(peaks, power_factor, load_rates)
        fits = options.loc[options["fits"], "rating_mva"]
        rows.append(
            {
                "Credible capacity over 3,330 kW": share,
                "Peak (kW)": peaks["peak"],
                "Ratings that fit (MVA)": ", ".join(f"{r:g}" for r in fits) or "none",
            }
        )
    return pd.DataFrame(rows)


def arithmetic_table(
    raws: Mapping[str, RawMmbes], energy_kwh: float, power_kw: float, load_factor: float
) -> pd.DataFrame:
    """The arithmetic of part 1 done on the model's own numbers, against the model.

    Parameters
    ----------
    raws : mapping
        Ledgers by parameter set.
    energy_kwh, power_kw : float
        The storage.
    load_factor : float
        Mean load over the peak.
    """
    rows = []
    for name, raw in raws.items():
        for form in ("constant", "scaled"):
            station, _ = build(raw, added_load=form)
            effects = attributes(prepare(station), energy_kwh, power_kw)
            before, elcc = float(effects.eens_before_kwh[0]), float(effects.elcc_kw[0])
            cut, years = _cut(effects)[0], float(effects.deferral_years[0])
            back = initial_interruption(float(cut), elcc, station.peak_kw, load_factor)
            rows.append(
                {
                    "Set": name,
                    "Added load": form,
                    "ELCC (kW)": elcc,
                    "EENS cut (kWh/yr)": float(cut),
                    "Peak (kW)": station.peak_kw,
                    "Peak by arithmetic (kW)": peak_load(elcc, years, station.growth)["peak"],
                    "EENS without (kWh/yr)": before,
                    "EENS by arithmetic (kWh/yr)": back[f"eens_{form}_kwh"],
                    "By arithmetic / model": back[f"eens_{form}_kwh"] / before,
                    "Hours, model": before / (load_factor * station.peak_kw),
                }
            )
    return pd.DataFrame(rows)


def _cut(effects: Attributes) -> np.ndarray:
    return effects.eens_before_kwh - effects.eens_after_kwh


def power_table(
    raws: Mapping[str, RawMmbes],
    energy_kwh: float,
    powers_kw: np.ndarray,
    power_kw: float,
    wanted: tuple[float, float],
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Credible capacity and cut of EENS of the published energy over the rated power.

    Parameters
    ----------
    raws : mapping
        Ledgers by parameter set.
    energy_kwh : float
    powers_kw : ndarray, shape (n,)
        Rated powers that are tried.
    power_kw : float
        The one that is shown, to the nearest of `powers_kw`.
    wanted : (float, float)
        Published credible capacity, kW, and cut, kWh a year.

    Returns
    -------
    DataFrame
    dict
        The units of its columns.
    """
    at = int(np.argmin(np.abs(powers_kw - power_kw)))
    here = f"at {powers_kw[at]:,.0f} kW"
    rows = []
    for name, raw in raws.items():
        station, _ = build(raw)
        effects = attributes(prepare(station), np.full(powers_kw.size, energy_kwh), powers_kw)
        elcc, cut = effects.elcc_kw, _cut(effects)
        best = int(np.argmax(elcc))
        both = (elcc >= wanted[0]) & (cut >= wanted[1])
        rows.append(
            {
                "Set": name,
                f"ELCC {here}": elcc[at],
                f"Cut {here}": cut[at],
                "Most ELCC": elcc[best],
                "at a power of": powers_kw[best],
                "Cut there": cut[best],
                "Both published from": powers_kw[both].min() if both.any() else None,
            }
        )
    kilowatts = (f"ELCC {here}", "Most ELCC", "at a power of", "Both published from")
    units = dict.fromkeys(kilowatts, "kW") | dict.fromkeys((f"Cut {here}", "Cut there"), "kWh/yr")
    return pd.DataFrame(rows), units


def asked_table(
    hours: float, cut_kwh: float, stored_kwh: Mapping[str, float], powers_kw: Sequence[float]
) -> pd.DataFrame:
    """What losses of the whole supply ask of the storage, and what it can deliver, kWh a loss.

    With a repair of mean ``r``, exponential, storage of energy ``E`` and power ``P`` delivers
    ``P r (1 - exp(-E / (P r)))``.

    Parameters
    ----------
    hours : float
        Hours of interruption in a year, which fewer losses have to fill with longer repairs.
    cut_kwh : float
        Cut of EENS, kWh a year.
    stored_kwh : mapping
        Deliverable energy by name.
    powers_kw : sequence of float
    """
    rows = []
    for rate in (*RATES, 1.8, 2.4):
        repair = hours / rate
        served = {
            f"{name}, {p:,.0f} kW": p * repair * (1 - np.exp(-energy / (p * repair)))
            for name, energy in stored_kwh.items()
            for p in powers_kw
        }
        asked = {"Losses (1/yr)": rate, "Repair (h)": repair, "Asked for": cut_kwh / rate}
        rows.append(asked | served)
    return pd.DataFrame(rows)


def _supply(rate: float, repair_h: float) -> dict[str, float]:
    return {"network.supply.failure_rate": rate, "network.supply.repair_time": repair_h}


def fault_table(
    raw: RawMmbes, energy_kwh: float, powers_kw: np.ndarray, own: tuple[float, float]
) -> pd.DataFrame:
    """The power of most credible capacity under other losses of the whole supply.

    Parameters
    ----------
    raw : RawMmbes
    energy_kwh : float
    powers_kw : ndarray, shape (n,)
        Rated powers that are tried.
    own : (float, float)
        Rate, 1/yr, and repair time, h, of the set.
    """
    tries = [("as in the set", *own), ("no loss of the whole supply", 0.0, own[1])]
    tries += [("supply as given here", rate, repair) for rate in RATES for repair in REPAIRS_H]
    rows = []
    for name, rate, repair in tries:
        prepared = prepare(build(raw.replace(_supply(rate, repair)))[0])
        effects = attributes(prepared, np.full(powers_kw.size, energy_kwh), powers_kw)
        best = int(np.argmax(effects.elcc_kw))
        rows.append(
            {
                "Faults": name,
                "Supply lost": rate,
                "Repair": repair,
                "EENS without": effects.eens_before_kwh[0],
                "Power": powers_kw[best],
                "EENS cut": _cut(effects)[best],
                "ELCC": effects.elcc_kw[best],
            }
        )
    return pd.DataFrame(rows)


FAULT_UNITS = {
    "Supply lost": "1/yr",
    "Repair": "h",
    **dict.fromkeys(("Power", "ELCC"), "kW"),
    **dict.fromkeys(("EENS without", "EENS cut"), "kWh/yr"),
}


def law_table(
    raw: RawMmbes,
    energy_kwh: float,
    powers_kw: np.ndarray,
    rates: np.ndarray,
    repairs_h: np.ndarray,
    wanted: tuple[float, float],
) -> pd.DataFrame:
    """The trial closest to both published numbers under either law of repair.

    Parameters
    ----------
    raw : RawMmbes
    energy_kwh : float
    powers_kw, rates, repairs_h : ndarray
        Rated powers, and losses of the whole supply, that are tried.
    wanted : (float, float)
        Published credible capacity, kW, and cut, kWh a year; the tolerance of both is a tenth.
    """
    names = ("Repair", "Off", "Supply lost", "Repair time", "Power", "EENS cut", "ELCC")
    rows = []
    for law in ("exponential", "fixed"):
        tried = []
        for rate in rates:
            for repair in repairs_h:
                station, _ = build(raw.replace(_supply(rate, repair)), repair_law=law)
                sizes = np.full(powers_kw.size, energy_kwh), powers_kw
                effects = attributes(prepare(station), *sizes)
                elcc, cut = effects.elcc_kw, _cut(effects)
                off = np.hypot(elcc / wanted[0] - 1.0, cut / wanted[1] - 1.0) / 0.1
                k = int(np.argmin(off))
                tried.append((law, off[k], rate, repair, powers_kw[k], cut[k], elcc[k]))
        rows.append(min(tried))
    return pd.DataFrame(rows, columns=names)


LAW_UNITS = {
    "Off": "tolerances",
    "Supply lost": "1/yr",
    "Repair time": "h",
    **dict.fromkeys(("Power", "ELCC"), "kW"),
    "EENS cut": "kWh/yr",
}
