"""Fast predictions of the published numbers from values of the ledgers.

One prediction needs the best size at the base load rate by either objective, and at both ends of
the published sweep. Physical values change the surfaces (`search.surfaces`). Prices and preferences
change only the worth of a size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mobile_storage.adequacy.checks import require_number
from mobile_storage.mmbes.claims import NUMBERS
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import Prepared, prepare, revalue, valued
from mobile_storage.mmbes.model.substation import Substation
from mobile_storage.mmbes.search.calibration import Space, Target
from mobile_storage.mmbes.search.surfaces import Surface, best_size, surface

__all__ = ["VALUATION_TABLES", "Forward", "at_load_rate"]

#: Ledgers whose values change the worth of a size and not its physical effects.
VALUATION_TABLES = ("economics", "preferences")
#: Largest number of surfaces kept in memory.
MOST_SURFACES = 60


@dataclass
class Forward:
    """Predictions for the targets as a function of the values that may move.

    Attributes
    ----------
    raw : RawMmbes
        The literature set, with the readings.
    space : Space
        The values that may move.
    aims : sequence of Target
        Targets of the claims in `claims.NUMBERS`, of P2-06 and of P2-08.
    bounds : (float, float)
        Largest energy and power.
    rates : (float, float)
        Ends of the sweep of load rates.
    surfaces : dict
        What is computed already, by the physical values: the substation as `prepare` returns it,
        and its surface.
    """

    raw: RawMmbes
    space: Space
    aims: Sequence[Target]
    bounds: tuple[float, float]
    rates: tuple[float, float]
    surfaces: dict[tuple, tuple[Prepared, Surface]] = field(default_factory=dict, repr=False)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Predict the targets, shape (targets,)."""
        moves = self.space.moves(values)
        substation, preferences = build(self.raw.replace(moves))
        key = tuple(v for k, v in moves.items() if k.split(".")[0] not in VALUATION_TABLES)
        prepared, grid = self._surface(key, substation)
        size = best_size(grid, prepared, preferences)
        there = valued(prepared, grid.at(*np.array(size)[:, None]))
        quantities = {
            "energy_kwh": size[0],
            "elcc_kw": there.elcc_kw[0],
            "deferral_yr": there.deferral_years[0],
            "eens_cut_kwh": there.eens_before_kwh[0] - there.eens_after_kwh[0],
        }
        predicted = {claim: quantities[name] for claim, name in NUMBERS.items()}
        if not any(size):  # no storage has no effect; the splines would give rounding errors
            predicted = dict.fromkeys(predicted, 0.0)
        predicted["P2-06"] = best_size(grid, prepared, None)[0]
        ends = []
        for rate in self.rates:
            loaded, surface = self._surface((*key, rate), at_load_rate(substation, rate))
            ends.append(best_size(surface, loaded, preferences)[0])
        return np.array(
            [ends.pop(0) if a.claim == "P2-08" else predicted[a.claim] for a in self.aims]
        )

    def _surface(self, key: tuple, substation: Substation) -> tuple[Prepared, Surface]:
        if key not in self.surfaces:
            # A search returns only to its last few points.
            if len(self.surfaces) > MOST_SURFACES:
                self.surfaces.clear()
            prepared = prepare(substation)
            self.surfaces[key] = prepared, surface(prepared, self.bounds)
        prepared, grid = self.surfaces[key]
        return revalue(prepared, substation), grid


def at_load_rate(substation: Substation, rate: float) -> Substation:
    """Return the substation with all loads scaled to another load rate."""
    factor = require_number("rate", rate, above=0.0) / substation.load_rate
    events = replace(substation.extreme, load_kw=factor * substation.extreme.load_kw)
    return replace(substation, load_rate=rate, peak_kw=factor * substation.peak_kw, extreme=events)
