"""All numbers of one size of storage: the row that tables, scenarios and claims read."""

from __future__ import annotations

from mobile_storage.mmbes.model.evaluate import Prepared, attributes, net_profit, prospects
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences

__all__ = ["describe"]


def describe(
    prepared: Prepared, preferences: Preferences, energy_kwh: float, power_kw: float
) -> dict[str, float]:
    """Return all numbers of the five attributes for one size; units are in the names, per year.

    ``worth_*`` are present values in yuan; the one of the cost is negative. ``prospect_*`` are
    values of prospect theory, in yuan to the power of alpha, and ``prospect`` is their weighted
    sum.
    """
    found = attributes(prepared, energy_kwh, power_kw)
    prospect = prospects(found, preferences)[0]
    row = {
        "energy_kwh": energy_kwh,
        "power_kw": power_kw,
        "prospect": prospect @ preferences.weights,
        "net_profit_yuan": net_profit(found)[0],
        "loss_cut_kwh": found.gross_loss_reduction_kwh[0],
        "loss_cut_net_kwh": found.net_loss_reduction_kwh[0],
        "eens_before_kwh": found.eens_before_kwh[0],
        "eens_after_kwh": found.eens_after_kwh[0],
        "eens_cut_kwh": found.eens_before_kwh[0] - found.eens_after_kwh[0],
        "elcc_kw": found.elcc_kw[0],
        # Without growth the deferral would be infinite, but the storage ends with the horizon.
        "deferral_yr": min(found.deferral_years[0], prepared.substation.economics.horizon_yr),
        "residual_kwh": found.residual_energy_kwh[0],
        "full_cycles": found.full_cycles[0],
        **{f"worth_{k}_yuan": found.worth[0, i] for i, k in enumerate(ATTRIBUTES)},
        **{f"prospect_{k}": prospect[i] for i, k in enumerate(ATTRIBUTES)},
        **{f"cost_{part}_yuan": value[0] for part, value in vars(found.cost).items()},
    }
    return {name: float(value) for name, value in row.items()}
