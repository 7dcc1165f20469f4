"""The income of section 3 before any game is played, and the path of one iteration."""

from __future__ import annotations

import pandas as pd

from mobile_storage.pricing.analysis.iteration import Iteration
from mobile_storage.pricing.model.income import Account, UnitRates
from mobile_storage.pricing.show.tables import ROWS

__all__ = ["account_table", "path_table", "rate_table"]

_RATES = {
    "arbitrage": ("$F^{pva}$, Eq. (7)", "yuan/(kW yr)"),
    "renewable": ("$F^{nec}$, Eq. (8)", "yuan/(kW yr)"),
    "investment": ("$C_{inv}$", "yuan/(kW yr)"),
    "operation": ("$C_{op}$", "yuan/(kW yr)"),
    "standing": ("arbitrage + renewable - investment - operation", "yuan/(kW yr)"),
    "charging": ("$C_{ch}$ per kWh supplied in an emergency", "yuan/kWh"),
    "vehicle": ("$C_{car}$ per vehicle", "yuan/yr"),
    "labour": ("$C_{lab}$ per vehicle", "yuan/yr"),
}


def rate_table(rates: UnitRates) -> pd.DataFrame:
    """Return the coefficients of Eq. (5)-(9) with their meaning and unit."""
    return pd.DataFrame(
        {"rate": name, "meaning": text, "value": getattr(rates, name), "unit": unit}
        for name, (text, unit) in _RATES.items()
    )


def account_table(books: Account) -> pd.DataFrame:
    """Return the rows of Table 1 for one account, in whole yuan a year."""
    values = books.rows()
    return pd.DataFrame({"row": list(ROWS.values()), "value": [round(values[row]) for row in ROWS]})


def path_table(run: Iteration) -> pd.DataFrame:
    """Return the base prices, the sales and the income of every round of an iteration.

    Prices are in yuan/kWh; the other columns name their units. Numbers have three decimals.
    """
    return pd.DataFrame(
        {
            "round": k,
            "base H1": o.prices.base[0],
            "base H2": o.prices.base[1],
            "base H3": o.prices.base[2],
            "buyers": sum(c.grade is not None for c in o.choices),
            "sold (kW)": sum(c.capacity_kw for c in o.choices),
            "fees (yuan/yr)": o.account.emergency_revenue,
            "net income (yuan/yr)": o.account.net_income,
            "missing in (11), (12)": o.violation_yuan_per_year,
        }
        for k, o in enumerate(run.path)
    ).round(3)
