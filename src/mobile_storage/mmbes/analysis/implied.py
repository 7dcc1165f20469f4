"""What the published numbers imply for the lost tables, without any model.

The paper prints the credible capacity, the years of deferral, the growth of the load, the power
factor and the reduction of EENS. Together they determine the peak load, limit the choice of
transformers, and give the EENS that the network must have without storage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from mobile_storage.adequacy.checks import require_number, require_numbers

__all__ = ["initial_interruption", "peak_load", "transformer_options"]

#: Rated capacities of 66 kV transformers up to 63 MVA, MVA (GB/T 6451, series R10).
STANDARD_RATINGS_MVA = (6.3, 8.0, 10.0, 12.5, 16.0, 20.0, 25.0, 31.5, 40.0, 50.0, 63.0)


def peak_load(elcc_kw: float, deferral_yr: float, growth: float) -> dict[str, float]:
    """Return the peak load at which a credible capacity equals given years of load growth, kW.

    It follows from ``(1 + g)^dN = 1 + ELCC / L_max``. The years are printed as a whole number, so
    they lie within half a year of it; ``low`` and ``high`` are the peaks at those ends.
    """
    require_number("elcc_kw", elcc_kw, least=0.0)
    require_number("deferral_yr", deferral_yr, above=0.5)
    require_number("growth", growth, above=0.0)
    by = {"low": deferral_yr + 0.5, "peak": deferral_yr, "high": deferral_yr - 0.5}
    return {name: elcc_kw / ((1.0 + growth) ** years - 1.0) for name, years in by.items()}


def transformer_options(
    peaks_kw: Mapping[str, float],
    power_factor: float,
    load_rates: tuple[float, float],
    number: int = 2,
    ratings_mva: Sequence[float] = STANDARD_RATINGS_MVA,
) -> pd.DataFrame:
    """Tabulate the load rate of each standard pair of transformers, and whether it fits the paper.

    Parameters
    ----------
    peaks_kw : mapping
        As from `peak_load`.
    load_rates : (float, float)
        Ends of the published sweep: the base case should lie within.

    Returns
    -------
    DataFrame
        ``rating_mva``, the load rate at the ``low``, ``peak`` and ``high`` peak, and ``fits``:
        whether that range and the published one overlap.
    """
    for name, peak in peaks_kw.items():
        require_number(f"peak {name}", peak, above=0.0)
    require_number("power_factor", power_factor, above=0.0, most=1.0)
    require_numbers("load_rates", load_rates, least=0.0, shape=(2,))
    require_number("number", number, least=1, whole=True)
    require_numbers("ratings_mva", ratings_mva, above=0.0, shape=("ratings",))
    table = pd.DataFrame({"rating_mva": ratings_mva})
    for name, peak in peaks_kw.items():
        table[name] = peak / power_factor / (number * 1000.0 * table["rating_mva"])
    table["fits"] = (table["high"] >= load_rates[0]) & (table["low"] <= load_rates[1])
    return table


def initial_interruption(
    eens_cut_kwh: float, elcc_kw: float, peak_kw: float, load_factor: float
) -> dict[str, float]:
    """Return EENS and hours of interruption without storage, under either form of added load.

    ELCC is the added load at which the reduction of EENS is used up. If EENS is proportional to the
    load, added load `scaled` with it gives ``EENS0 = cut * L_max / ELCC``. If the added load is
    `constant`, each hour of interruption adds ELCC to the EENS, so ``hours = cut / ELCC``.

    Returns
    -------
    dict
        ``eens_scaled_kwh``, ``hours_scaled`` (at the mean load), ``hours_constant``,
        ``eens_constant_kwh`` (at the mean load).
    """
    require_number("eens_cut_kwh", eens_cut_kwh, least=0.0)
    require_number("elcc_kw", elcc_kw, above=0.0)
    require_number("peak_kw", peak_kw, above=0.0)
    require_number("load_factor", load_factor, above=0.0, most=1.0)
    mean_kw = load_factor * peak_kw
    eens_scaled = eens_cut_kwh * peak_kw / elcc_kw
    hours_constant = eens_cut_kwh / elcc_kw
    return {
        "eens_scaled_kwh": eens_scaled,
        "hours_scaled": eens_scaled / mean_kw,
        "hours_constant": hours_constant,
        "eens_constant_kwh": hours_constant * mean_kw,
    }
