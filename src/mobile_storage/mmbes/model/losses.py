"""Losses of the lines L1, L2 and the transformers T1, T2 (section 3.1, Eq. 10-12, reconstructed).

Lines lose ``R (P^2 + Q^2) / U^2``, transformers their no-load loss plus ``P_k (S / S_N)^2``. The
lines share the flow of both substations equally. The transformers share this substation's load in
proportion to their ratings. Storage changes the active power only; the reactive power stays that of
the load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.checks import require_numbers
from mobile_storage.mmbes.model.schedule import Schedule
from mobile_storage.mmbes.model.substation import LoadCurves, Substation

__all__ = ["LossReduction", "loss_rate", "loss_reduction", "losses_kw"]


@dataclass(frozen=True)
class LossReduction:
    """Changes of losses by storage in a year, shape (...) each.

    Attributes
    ----------
    gross_kwh : ndarray
        Reduction of losses in the four elements.
    round_trip_kwh : ndarray
        Energy that the storage itself loses in cycling.
    """

    gross_kwh: np.ndarray
    round_trip_kwh: np.ndarray

    @property
    def net_kwh(self) -> np.ndarray:
        """Gross reduction less the storage's own loss; negative in most networks."""
        return self.gross_kwh - self.round_trip_kwh


def _coefficients(substation: Substation) -> tuple[float, float]:
    """Loss in kW per squared kW (or kvar) of power: in all lines, in all transformers."""
    x = substation.losses
    lines = x.line_resistance_ohm.size
    # ohm kW^2 / kV^2 = W
    line = float(x.line_resistance_ohm.sum()) / lines**2 / x.voltage_kv**2 / 1000.0
    transformer = float(x.load_loss_kw.sum()) / float(x.transformer_rating_kva.sum()) ** 2
    return line, transformer


def losses_kw(
    substation: Substation, load_kw: np.ndarray, storage_kw: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the losses of all lines and of all transformers, kW.

    Parameters
    ----------
    load_kw : ndarray, shape (...)
        Active load of the substation.
    storage_kw : ndarray, shape (...)
        Discharging less charging.
    """
    load_kw = require_numbers("load_kw", load_kw, least=0.0)
    storage_kw = require_numbers("storage_kw", storage_kw)
    line, transformer = _coefficients(substation)
    reactive = load_kw * np.tan(np.arccos(substation.power_factor))
    # The other substation's load has the same shape and power factor.
    share = substation.losses.own_share
    total = load_kw / share - storage_kw
    own = load_kw - storage_kw
    no_load = float(substation.losses.no_load_loss_kw.sum())
    return (
        line * (total**2 + (reactive / share) ** 2),
        no_load + transformer * (own**2 + reactive**2),
    )


def loss_rate(substation: Substation) -> float:
    """Return the losses of a year without storage per energy taken by the substation's own load.

    The own load accounts for its share of the lines' losses.
    """
    load = substation.curves.shape * substation.peak_kw
    line, transformer = losses_kw(substation, load)
    own = substation.losses.own_share * line + transformer
    days = substation.curves.days_per_year
    return float(days @ own.sum(axis=-1)) / float(days @ load.sum(axis=-1))


def loss_reduction(
    substation: Substation, load_kw: np.ndarray, schedule: Schedule
) -> LossReduction:
    """Compute how a schedule changes the losses of a year.

    As ``b^2 - (b - x)^2 = x (2 b - x)`` for each squared active power b and the storage's power x,
    neither reactive powers nor no-load losses are needed.

    Parameters
    ----------
    load_kw : ndarray, shape (days, steps)
        Active load of the substation.
    schedule : Schedule
        Of storage of one size or of many.
    """
    load_kw = require_numbers("load_kw", load_kw, least=0.0, shape=("days", "steps"))
    line, transformer = _coefficients(substation)
    storage = schedule.discharge_kw - schedule.charge_kw
    through = 2.0 * (line / substation.losses.own_share + transformer) * load_kw
    saved_kw = storage * (through - (line + transformer) * storage)
    curves: LoadCurves = substation.curves
    return LossReduction(
        curves.step_h * (saved_kw.sum(axis=-1) @ curves.days_per_year),
        schedule.lost_kwh @ curves.days_per_year,
    )
