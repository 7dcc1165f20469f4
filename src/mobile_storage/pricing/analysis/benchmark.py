"""Case 3 of section 4: storage without emergency supply, the benchmark of cases 1 and 2."""

from __future__ import annotations

from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.income import Account, account


def no_emergency(data: PricingData, storage_kw: float) -> Account:
    """Case 3: storage of given size that only trades with the grid; no vehicle, fuel or crew."""
    return account([], storage_kw, 0, data.rates, data.response_costs)


def largest_demand_kw(data: PricingData) -> float:
    """Return the sum of S_max, the largest storage power that these customers can ask for, kW.

    The income of case 3 is linear in the size, so a freely sized storage is either zero or as large
    as its limit. This sum serves as the limit.
    """
    return sum(c.capacity_kw.upper for c in data.customers)
