"""Everything that the claims are read from, computed in one go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mobile_storage.mmbes.claims import CLAIMED_FAMILIES
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import prepare
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.search.scenarios import Scenario, scenarios
from mobile_storage.mmbes.search.solve import evolve, objective

__all__ = ["best_row", "claimed_scenarios", "outcome_record", "scenario_row"]

_CLAIMED = {"weights": "loss", "reference": "cost"}

Search = Mapping[str, Any]


def best_row(
    raw: RawMmbes,
    bounds: tuple[float, float],
    search: Search,
    kind: str = "prospect",
) -> dict[str, float]:
    """Return `report.describe` at the best size of a set of ledgers.

    Parameters
    ----------
    raw : RawMmbes
    bounds : (float, float)
        Largest energy, kWh, and power, kW.
    search : mapping
        Settings of `solve.evolve`.
    kind : str
        The objective.
    """
    substation, preferences = build(raw)
    prepared = prepare(substation)
    best = evolve(objective(prepared, preferences, kind), bounds, **search).best
    return describe(prepared, preferences, best.energy_kwh, best.power_kw)


def scenario_row(
    raw: RawMmbes,
    scenario: Scenario,
    bounds: tuple[float, float],
    search: Search,
) -> dict[str, Any]:
    """Return the best size for a scenario: ``series``, ``value`` and the numbers of `best_row`."""
    best = best_row(raw.replace(scenario.moves), bounds, search)
    return {"series": scenario.name, "value": scenario.value, **best}


def claimed_scenarios(raw: RawMmbes, family: str, settings: Mapping[str, Any]) -> list[Scenario]:
    """Scenarios of one of `CLAIMED_FAMILIES` that a claim needs.

    Of the weights these are the two values for the losses, and of the reference points both ends
    for the expected cost.
    """
    every = scenarios(raw, family, settings)
    if family not in _CLAIMED:
        return every
    series = [s for s in every if s.name == _CLAIMED[family]]
    return [series[0], series[-1]]


def outcome_record(
    raw: RawMmbes,
    settings: Mapping[str, Any],
    bounds: tuple[float, float],
    search: Search,
) -> dict[str, Any]:
    """Both optima and the scenarios that a claim needs, as `SetResults.of` takes them."""
    record: dict[str, Any] = {
        kind: best_row(raw, bounds, search, kind) for kind in ("prospect", "net_profit")
    }
    for family in CLAIMED_FAMILIES:
        todo = claimed_scenarios(raw, family, settings)
        record[family] = [scenario_row(raw, s, bounds, search) for s in todo]
    return record
