"""Paper 2 in one world: the best sizes of the storage, and the margin of every claim.

`Mmbes.answer` finds the best sizes by the quick search of `sizes.optimal_size`. `Mmbes.searched`
finds them by the full search of section 4, which checks the quick one in some of the worlds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.core.claims import Claim, number_margin
from mobile_storage.core.errors import InputError
from mobile_storage.flip.design import Factor, moved, ranged_factors, readings
from mobile_storage.flip.sizes import optimal_size
from mobile_storage.flip.worlds import claim_columns
from mobile_storage.mmbes.analysis.outcomes import claimed_scenarios, outcome_record
from mobile_storage.mmbes.claims import (
    TRACE_KWH,
    SetResults,
    convergence_margin,
    margins,
    numbers,
)
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import Prepared, prepare
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences, Substation
from mobile_storage.mmbes.search.forward import at_load_rate
from mobile_storage.mmbes.search.solve import evolve, objective
from mobile_storage.mmbes.search.surfaces import Surface, surface

__all__ = ["Mmbes", "factors"]

#: By keyed table: the column with the kind of thing that a row describes, and that with its name.
KIND = {
    "network": ("kind", "component"),
    "components": ("kind", "kind"),
    "load_points": ("priority", "load_point"),
    "extreme_events": ("scenario", "scenario"),
}
READINGS = {
    "repair_law": ("Law of every repair time", ("exponential", "fixed")),
    # The third law, `marginal`, is left out: it takes ten to sixty times as long.
    "soc_law": ("How the energy at the start of a fault hangs on its hour", ("joint", "constant")),
    "added_load": ("Added load of the credible capacity", ("constant", "scaled")),
    "rank_dependent": ("Decision weights of 1992 rather than of 1979", (True, False)),
}
#: The two exponents move together: if they differed, the optimum would depend on the unit of money.
TOGETHER = (("preferences", "alpha_beta", ("alpha", "beta")),)
#: Quantities of `report.describe` that are recorded at the best size.
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
    """Factors of the worlds of paper 2.

    Rows about the same kind of thing with equal values and ranges move together, and so do the
    hours of the load curves. The shares of the ordinary loads are no factors: they are what the
    other loads leave.
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
    """The flip test of paper 2.

    Attributes
    ----------
    raw : RawMmbes
        The ledgers, with every value at its default.
    claims : sequence of Claim
        The paper's claims that can be asked in a world.
    settings : mapping
        Ends and steps of the scenarios: ``mmbes.scenarios`` of ``params.yaml``.
    bounds : (float, float)
        Largest energy, kWh, and largest power, kW, of the storage.
    search : mapping
        Settings of `solve.evolve` for the full search.
    convergence : mapping
        ``mmbes.convergence`` of ``params.yaml``: the tolerance at which a run ends, and that
        within which it counts as settled.
    iterations : int
        Number of iterations within which a run settles by P2-17.
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
        """Factors of the worlds, see `factors`."""
        return factors(self.raw)

    def ledgers(self, world: Mapping[str, float]) -> RawMmbes:
        """Return the ledgers of a world.

        Two conditions are restored after the factors have moved. The hours of the load curves are
        shares of the annual peak, so the highest hour is scaled to 1. The shares of all loads add
        up to 1, so the ordinary loads get what the others leave.
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
        """Find the best sizes in a world by the quick search, and return its row.

        Parameters
        ----------
        world : mapping
            Value of each factor by its name.
        number : int
            Number of the world in its design; not used here.

        Returns
        -------
        dict
            ``status`` and ``why``; where the status is ``answered`` also ``built``, ``holds.*`` and
            ``margin.*`` of the claims, and the key quantities ``q.*``.
        """
        try:
            substation, preferences = build(self.ledgers(world))
        except InputError as error:
            return {"status": "invalid combination", "why": str(error)}
        return self.row(self.results(substation, preferences))

    def results(self, substation: Substation, preferences: Preferences) -> SetResults:
        """Find by the quick search what `outcomes.outcome_record` finds by the full one."""
        prepared = prepare(substation)
        physics = surface(prepared, self.bounds)

        def row(
            prepared: Prepared, physics: Surface, of: Preferences | None = preferences
        ) -> dict[str, float]:
            return describe(prepared, of or preferences, *optimal_size(prepared, physics, of))

        rates, weights, reference = [], [], []
        for s in claimed_scenarios(self.raw, "load_rate", self.settings):
            loaded = prepare(at_load_rate(substation, s.value))
            best = row(loaded, surface(loaded, self.bounds))
            rates.append({"series": s.name, "value": s.value, **best})
        for s in claimed_scenarios(self.raw, "weights", self.settings):
            weighed = np.array([s.moves[f"preferences.weight_{k}"] for k in ATTRIBUTES])
            best = row(prepared, physics, replace(preferences, weights=weighed))
            weights.append({"series": s.name, "value": s.value, **best})
        for s in claimed_scenarios(self.raw, "reference", self.settings):
            expected = preferences.reference.copy()
            expected[ATTRIBUTES.index("cost")] = -s.value
            best = row(prepared, physics, replace(preferences, reference=expected))
            reference.append({"series": s.name, "value": s.value, **best})
        optimum = row(prepared, physics)
        events = replace(substation.extreme, probability=0.0 * substation.extreme.probability)
        without = row(prepare(replace(substation, extreme=events)), physics)
        return SetResults(
            prospect=optimum,
            net_profit=row(prepared, physics, None),
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
        """Find the best sizes in a world by the full search, and return its row.

        The row has one claim more than that of `answer`: P2-17, which is about that search.
        """
        raw = self.ledgers(world)
        record = outcome_record(raw, self.settings, self.bounds, self.search)
        substation, preferences = build(raw)
        search = {**self.search, "tolerance": self.convergence["tolerance"]}
        run = evolve(objective(prepare(substation), preferences), self.bounds, **search)
        settled = run.settled_after(self.convergence["settled"])
        convergence = {"P2-17": convergence_margin(settled, self.iterations)}
        return self.row(SetResults.of(record)) | claim_columns(convergence)

    def row(self, results: SetResults) -> dict[str, Any]:
        """Return the row of a world with these results: claims and key quantities."""
        computed = numbers(results)
        judged = {c.id: number_margin(c, computed[c.id]) for c in self.claims if c.id in computed}
        row: dict[str, Any] = {
            "status": "answered",
            "why": "",
            "built": results.prospect["energy_kwh"] >= TRACE_KWH,
            **claim_columns(judged | margins(results)),
        }
        row |= {f"q.{name}": results.prospect[name] for name in KEPT}
        row["q.profit_energy_kwh"] = results.net_profit["energy_kwh"]
        row["q.profit_net_profit_yuan"] = results.net_profit["net_profit_yuan"]
        ends = results.load_rate["energy_kwh"]
        row["q.energy_kwh_lowest_rate"], row["q.energy_kwh_highest_rate"] = ends.iloc[[0, -1]]
        return row
