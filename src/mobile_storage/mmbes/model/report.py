"""One size of storage in numbers: the row that every table, scenario and claim is read from."""

from __future__ import annotations

from mobile_storage.mmbes.model.evaluate import Prepared, attributes, net_profit, prospects
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences

__all__ = ["describe"]


def describe(
    prepared: Prepared, preferences: Preferences, energy_kwh: float, power_kw: float
) -> dict[str, float]:
    """Everything the five attributes say of one size; units are in the names, a year's where none.

    ``worth_*`` are present values, yuan, the cost below zero; ``prospect_*`` and ``prospect`` are
    values of prospect theory, without unit, the latter weighted.
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
        # Without growth it would be for ever; the storage is gone after the horizon.
        "deferral_yr": min(found.deferral_years[0], prepared.substation.economics.horizon_yr),
        "residual_kwh": found.residual_energy_kwh[0],
        "full_cycles": found.full_cycles[0],
        **{f"worth_{k}_yuan": found.worth[0, i] for i, k in enumerate(ATTRIBUTES)},
        **{f"prospect_{k}": prospect[i] for i, k in enumerate(ATTRIBUTES)},
        **{f"cost_{part}_yuan": value[0] for part, value in vars(found.cost).items()},
    }
    return {name: float(value) for name, value in row.items()}
