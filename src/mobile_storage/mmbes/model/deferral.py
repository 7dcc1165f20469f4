"""Deferral of the upgrade by credible capacity (section 3.3, Eq. 22-24, reconstructed).

The credible capacity itself (Eq. 25) is the capacity credit ELCC of `adequacy.analytic.elcc`.
"""

from __future__ import annotations

import numpy as np

from mobile_storage.adequacy.checks import require_number, require_numbers
from mobile_storage.mmbes.model.substation import Economics

__all__ = ["deferral_value", "deferral_years", "due_year"]


def deferral_years(elcc_kw: np.ndarray, peak_kw: float, growth: float) -> np.ndarray:
    """Years of growth that a credible capacity carries: ``ln(1 + ELCC / L_max) / ln(1 + g)``.

    Without growth any credible capacity lasts for ever (``inf``), and none defers nothing (0).
    """
    require_number("peak_kw", peak_kw, above=0.0)
    require_number("growth", growth, least=0.0)
    gain = np.log1p(require_numbers("elcc_kw", elcc_kw, least=0.0, infinite=True) / peak_kw)
    if growth > 0:
        return gain / np.log1p(growth)
    return np.where(gain > 0, np.inf, 0.0)


def due_year(load_rate: float, due_load_rate: float, growth: float) -> float:
    """Years until the load rate reaches the one at which the upgrade is due; 0 if it has.

    Without growth a load rate below it never does (``inf``).
    """
    require_number("load_rate", load_rate, above=0.0)
    require_number("due_load_rate", due_load_rate, above=0.0)
    require_number("growth", growth, least=0.0)
    if load_rate >= due_load_rate:
        return 0.0
    return float(np.log(due_load_rate / load_rate) / np.log1p(growth)) if growth > 0 else np.inf


def deferral_value(years: np.ndarray, due_yr: float, economics: Economics) -> np.ndarray:
    """Present value saved by building later, yuan: ``C (k^T - k^(T + dN))``, k = (1+i)/(1+r).

    The storage that carries the load is gone after the horizon, so the upgrade waits until then at
    most: years beyond it save nothing, and neither does an upgrade that is not due before.

    Parameters
    ----------
    years : ndarray, shape (...)
        dN, from `deferral_years`.
    due_yr : float
        T, from `due_year`.
    economics : Economics
    """
    x = economics
    years = require_numbers("years", years, least=0.0, infinite=True)
    due = min(require_number("due_yr", due_yr, least=0.0, infinite=True), x.horizon_yr)
    built = np.minimum(due + years, x.horizon_yr)
    k = (1.0 + x.inflation_rate) / (1.0 + x.discount_rate)
    return x.upgrade_cost * (k**due - k**built)
