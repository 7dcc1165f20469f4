"""From values of the ledgers to what the model makes of the published numbers, quickly.

One prediction takes the best size at the base load rate by either objective, and at both ends of
the published sweep. Physical values change the surfaces (`surfaces`), prices and preferences only
what they are worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .calibration import Space, Target
from .claims import NUMBERS
from .data import RawMmbes, build
from .evaluate import prepare, valued
from .surfaces import Surface, best_size, interpolated, surface

__all__ = ["VALUATION_TABLES", "Forward"]

#: Ledgers whose values change what a size is worth, not what it does.
VALUATION_TABLES = ("economics", "preferences")


@dataclass
class Forward:
    """Predictions for the targets as a function of the values that may move.

    Attributes
    ----------
    raw : RawMmbes
        The literature set.
    space : Space
        What moves.
    aims : sequence of Target
        Number claims of `claims.NUMBERS`, P2-06 and P2-08.
    options : mapping
        Of `data.build`.
    bounds : (float, float)
        Largest energy and power.
    rates : (float, float)
        Ends of the sweep of load rates.
    """

    raw: RawMmbes
    space: Space
    aims: Sequence[Target]
    options: Mapping[str, Any]
    bounds: tuple[float, float]
    rates: tuple[float, float]
    _known: dict[tuple, Surface] = field(default_factory=dict, repr=False)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Predicted targets, shape (targets,)."""
        base = self._at(values, None)
        found, prepared, preferences = base
        size = best_size(found, prepared, preferences)
        worth = valued(prepared, found.physics)
        physical = {
            "elcc_kw": worth.elcc_kw,
            "deferral_yr": worth.deferral_years,
            "eens_cut_kwh": worth.eens_before_kwh - worth.eens_after_kwh,
        }
        predicted = {
            claim: size[0] if name == "energy_kwh" else interpolated(found, physical[name], *size)
            for claim, name in NUMBERS.items()
        }
        predicted["P2-06"] = best_size(found, prepared, None)[0]
        ends = [best_size(*self._at(values, rate))[0] for rate in self.rates]
        numbers = []
        for aim in self.aims:
            numbers.append(ends.pop(0) if aim.claim == "P2-08" else predicted[aim.claim])
        return np.array(numbers)

    def _at(self, values: np.ndarray, rate: float | None):
        """Surface, substation and planner at the values' own load rate or at another."""
        moves = self.space.moves(values)
        if rate is not None:
            moves["substation.load_rate"] = rate
        substation, preferences = build(self.raw.replace(moves), **self.options)
        prepared = prepare(substation)
        key = tuple(v for k, v in moves.items() if k.split(".")[0] not in VALUATION_TABLES)
        key = (*key, rate)
        if key not in self._known:
            # Searches come back to the last few points only.
            if len(self._known) > 60:
                self._known.clear()
            self._known[key] = surface(prepared, self.bounds)
        return self._known[key], prepared, preferences
