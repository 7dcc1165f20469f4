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
    effects = attributes(prepared, energy_kwh, power_kw)
    prospect = prospects(effects, preferences)[0]
    row = {
        "energy_kwh": energy_kwh,
        "power_kw": power_kw,
        "prospect": prospect @ preferences.weights,
        "net_profit_yuan": net_profit(effects)[0],
        "loss_cut_kwh": effects.gross_loss_reduction_kwh[0],
        "loss_cut_net_kwh": effects.net_loss_reduction_kwh[0],
        "eens_before_kwh": effects.eens_before_kwh[0],
        "eens_after_kwh": effects.eens_after_kwh[0],
        "eens_cut_kwh": effects.eens_before_kwh[0] - effects.eens_after_kwh[0],
        "elcc_kw": effects.elcc_kw[0],
        # Without growth the deferral would be infinite, but the storage ends with the horizon.
        "deferral_yr": min(effects.deferral_years[0], prepared.substation.economics.horizon_yr),
        "residual_kwh": effects.residual_energy_kwh[0],
        "full_cycles": effects.full_cycles[0],
        **{f"worth_{k}_yuan": effects.worth[0, i] for i, k in enumerate(ATTRIBUTES)},
        **{f"prospect_{k}": prospect[i] for i, k in enumerate(ATTRIBUTES)},
        **{f"cost_{part}_yuan": value[0] for part, value in vars(effects.cost).items()},
    }
    return {name: float(value) for name, value in row.items()}
