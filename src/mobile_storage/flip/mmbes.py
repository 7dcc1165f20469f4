"""Paper 2 in one world: the best sizes of the storage, and how far each claim holds.

The best sizes are found by `sizes.best`, which is quick; `Mmbes.searched` finds them by the full
search of section 4, to check that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.core.claims import Claim
from mobile_storage.core.errors import InputError
from mobile_storage.flip.design import Factor, moved, ranged_factors, readings
from mobile_storage.flip.margins import number_margin, trend_margins, verdict
from mobile_storage.flip.sizes import best
from mobile_storage.mmbes.analysis.outcomes import FAMILIES, claimed_scenarios, outcome_record
from mobile_storage.mmbes.claims import TRACE_KWH, Outcome, checks, numbers
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import Prepared, prepare
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences, Substation
from mobile_storage.mmbes.search.calibration import targets
from mobile_storage.mmbes.search.forward import at_load_rate
from mobile_storage.mmbes.search.solve import evolve, objective
from mobile_storage.mmbes.search.surfaces import Surface, surface

__all__ = ["Mmbes", "factors"]

#: Column that says what kind of thing a row of a keyed table is about.
KIND = {
    "network": ("kind", "component"),
    "components": ("kind", "kind"),
    "load_points": ("priority", "load_point"),
    "extreme_events": ("scenario", "scenario"),
}
READINGS = {
    "repair_law": ("Law of every repair time", ("exponential", "fixed")),
    # A third one, `marginal`, takes ten to sixty times as long.
    "soc_law": ("How the energy at the start of a fault hangs on its hour", ("joint", "constant")),
    "added_load": ("Added load of the credible capacity", ("constant", "scaled")),
    "rank_dependent": ("Decision weights of 1992 rather than of 1979", (True, False)),
}
#: With exponents that differ the optimum would hang on the unit of money.
TOGETHER = (("preferences", "alpha_beta", ("alpha", "beta")),)
#: Quantities of `report.describe` kept at the best size.
KEPT = (
    "energy_kwh",
    "power_kw",
    "elcc_kw",
    "deferral_yr",
    "eens_before_kwh",
    "eens_cut_kwh",
    "loss_cut_kwh",
    "prospect",
    "net_profit_yuan",
    *(f"worth_{k}_yuan" for k in ATTRIBUTES),
    *(f"prospect_{k}" for k in ATTRIBUTES),
)


def factors(raw: RawMmbes) -> list[Factor]:
    """What differs between worlds of paper 2.

    Rows of one kind of thing with the same value and range move together; so do the hours of the
    load curves. The ordinary loads' shares are no factor: they are what the others leave.
    """
    return [*ranged_factors(raw, _label, TOGETHER), *readings("readings", READINGS)]


def _label(table: str, rows: pd.DataFrame) -> pd.Series:
    if table not in KIND:
        return rows["symbol"]
    kind, name = KIND[table]
    alike = rows.groupby([kind, "symbol", "value", "low", "high"], dropna=False)[name]
    which = rows[name].where(alike.transform("size") == 1, rows[kind])
    label = which + "." + rows["symbol"]
    return label.mask(which == "ordinary") if table == "load_points" else label


@dataclass(frozen=True)
class Mmbes:
    """Paper 2 as a flip test.

    Attributes
    ----------
    raw : RawMmbes
        The ledgers as they are.
    claims : sequence of Claim
        Of the paper.
    settings : mapping
        ``mmbes.scenarios`` of ``params.yaml``: how far the sweeps go.
    bounds : (float, float)
        Largest energy, kWh, and power, kW.
    search : mapping
        Settings of `solve.evolve` for the full search.
    convergence : mapping
        ``mmbes.convergence`` of ``params.yaml``: when a run is over and when it has settled.
    iterations : int
        P2-17: within how many it has to settle.
    """

    raw: RawMmbes
    claims: Sequence[Claim]
    settings: Mapping[str, Any]
    bounds: tuple[float, float]
    search: Mapping[str, Any]
    convergence: Mapping[str, float]
    iterations: int

    @cached_property
    def factors(self) -> list[Factor]:
        """See `factors`."""
        return factors(self.raw)

    def ledgers(self, world: Mapping[str, float]) -> RawMmbes:
        """The ledgers in a world.

        The hours of the load curves are shares of the annual peak, and all loads together are the
        load: whatever moved, the highest hour is 1 and the ordinary loads are the rest.
        """
        raw = moved(self.raw, self.factors, world)
        curves, points = raw.load_curves, raw.load_points
        curves = curves.assign(value=curves["value"] / curves["value"].max())
        share = points["symbol"] == "share"
        rest = share & (points["priority"] == "ordinary")
        left = 1.0 - points.loc[share & ~rest, "value"].sum()
        points = points.assign(value=points["value"].mask(rest, left / max(rest.sum(), 1)))
        return replace(raw, load_curves=curves, load_points=points)

    def answer(self, world: Mapping[str, float], number: int) -> dict[str, Any]:
        """Row of a world: ``status``, ``why``, ``built``, the claims and the key quantities."""
        try:
            substation, preferences = build(self.ledgers(world))
        except InputError as error:
            return {"status": "invalid combination", "why": str(error)}
        return self.row(self.outcome(substation, preferences))

    def outcome(self, substation: Substation, preferences: Preferences) -> Outcome:
        """What `outcomes.outcome_record` finds, from interpolated physics."""
        prepared = prepare(substation)
        known = surface(prepared, self.bounds)

        def row(
            prepared: Prepared, known: Surface, of: Preferences | None = preferences
        ) -> dict[str, float]:
            return describe(prepared, of or preferences, *best(prepared, known, of))

        rates, weights, reference = [], [], []
        for s in claimed_scenarios(self.raw, "load_rate", self.settings):
            loaded = prepare(at_load_rate(substation, s.value))
            found = row(loaded, surface(loaded, self.bounds))
            rates.append({"series": s.name, "value": s.value, **found})
        for s in claimed_scenarios(self.raw, "weights", self.settings):
            weighed = np.array([s.moves[f"preferences.weight_{k}"] for k in ATTRIBUTES])
            found = row(prepared, known, replace(preferences, weights=weighed))
            weights.append({"series": s.name, "value": s.value, **found})
        for s in claimed_scenarios(self.raw, "reference", self.settings):
            expected = preferences.reference.copy()
            expected[ATTRIBUTES.index("cost")] = -s.value
            found = row(prepared, known, replace(preferences, reference=expected))
            reference.append({"series": s.name, "value": s.value, **found})
        optimum = row(prepared, known)
        events = replace(substation.extreme, probability=0.0 * substation.extreme.probability)
        without = row(prepare(replace(substation, extreme=events)), known)
        return Outcome(
            prospect=optimum,
            net_profit=row(prepared, known, None),
            load_rate=pd.DataFrame(rates),
            weights=pd.DataFrame(weights),
            reference=pd.DataFrame(reference),
            extreme=pd.DataFrame(
                [
                    {"series": "without", "value": 0.0, **without},
                    {"series": "with", "value": 1.0, **optimum},
                ]
            ),
        )

    def searched(self, world: Mapping[str, float], number: int) -> dict[str, Any]:
        """Row of a world by the full search, with P2-17, which only that can tell."""
        raw = self.ledgers(world)
        record = outcome_record(raw, self.settings, self.bounds, self.search)
        frames = {name: pd.DataFrame(record[name]) for name in FAMILIES}
        outcome = Outcome(record["prospect"], record["net_profit"], **frames)
        substation, preferences = build(raw)
        search = {**self.search, "tolerance": self.convergence["tolerance"]}
        run = evolve(objective(prepare(substation), preferences), self.bounds, **search)
        margin = float(self.iterations - run.settled_after(self.convergence["settled"]))
        return self.row(outcome) | verdict("P2-17", margin >= 0, margin)

    def row(self, outcome: Outcome) -> dict[str, Any]:
        """Claims and key quantities of an outcome."""
        row: dict[str, Any] = {
            "status": "answered",
            "why": "",
            "built": outcome.prospect["energy_kwh"] >= TRACE_KWH,
        }
        found = numbers(outcome)
        for claim in self.claims:
            if claim.id in found:
                margin = number_margin(targets([claim], [claim.id]), str(found[claim.id]))
                row |= verdict(claim.id, margin >= 0, margin)
        margins = trend_margins(outcome)
        for name, holds in checks(outcome).items():
            row |= verdict(name, holds, margins[name])
        row |= {f"q.{name}": outcome.prospect[name] for name in KEPT}
        row["q.profit_energy_kwh"] = outcome.net_profit["energy_kwh"]
        row["q.profit_net_profit_yuan"] = outcome.net_profit["net_profit_yuan"]
        ends = outcome.load_rate["energy_kwh"]
        row["q.energy_kwh_lowest_rate"], row["q.energy_kwh_highest_rate"] = ends.iloc[[0, -1]]
        return row
