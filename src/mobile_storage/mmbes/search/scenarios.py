"""The scenarios of section 5, as moves of the ledgers.

A scenario is only a set of moved values. It reaches the model in the same way as any number of the
ledgers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mobile_storage.mmbes.model.data import RawMmbes
from mobile_storage.mmbes.model.substation import ATTRIBUTES

__all__ = ["FAMILIES", "Scenario", "scenarios"]


@dataclass(frozen=True)
class Scenario:
    """One point of a family.

    Attributes
    ----------
    family, name : str
        Which of `FAMILIES`, and which series in it.
    value : float
        Position on the axis of its figure.
    moves : mapping
        Values that `RawMmbes.replace` puts in place of the ledgers'.
    """

    family: str
    name: str
    value: float
    moves: Mapping[str, float] = field(default_factory=dict)


def _load_rate(raw: RawMmbes, *, lowest: float, highest: float, count: int) -> Iterator[Scenario]:
    """Section 5.3, Figure 8: the load rate in a geometric progression."""
    for rate in np.geomspace(lowest, highest, count).tolist():
        yield Scenario("load_rate", "load_rate", rate, {"substation.load_rate": rate})


def _weights(raw: RawMmbes, *, raised: float, lowered: float) -> Iterator[Scenario]:
    """Section 5.4: one attribute counts for more or less, the others share the rest equally."""
    for chosen in ATTRIBUTES:
        for weight in (lowered, raised):
            rest = (1.0 - weight) / (len(ATTRIBUTES) - 1)
            moves = {f"preferences.weight_{k}": rest for k in ATTRIBUTES}
            yield Scenario(
                "weights", chosen, weight, {**moves, f"preferences.weight_{chosen}": weight}
            )


def _cognition(
    raw: RawMmbes,
    *,
    alpha_beta: Sequence[float],
    loss_aversion: Sequence[float],
    gamma_delta: Sequence[float],
) -> Iterator[Scenario]:
    """Section 5.4: how gains and losses bend, how much losses count, how chances are weighed."""
    for name, symbols, values in (
        ("alpha_beta", ("alpha", "beta"), alpha_beta),
        ("loss_aversion", ("loss_aversion",), loss_aversion),
        ("gamma_delta", ("gamma", "delta"), gamma_delta),
    ):
        for value in values:
            yield Scenario("cognition", name, value, {f"preferences.{s}": value for s in symbols})


def _reference(raw: RawMmbes, *, count: int) -> Iterator[Scenario]:
    """Section 5.4: what the planner expects of one attribute, over the range of the ledger."""
    for attribute in ATTRIBUTES:
        symbol = f"reference_{attribute}"
        row = raw.preferences.parameter(symbol)
        for value in np.linspace(row.low, row.high, count).tolist():
            yield Scenario("reference", attribute, value, {f"preferences.{symbol}": value})


def _extreme(raw: RawMmbes) -> Iterator[Scenario]:
    """Conclusion 1: with extreme events counted, and without any."""
    never = {f"extreme_events.{name}.probability": 0.0 for name in raw.scenarios}
    yield Scenario("extreme", "without", 0.0, never)
    yield Scenario("extreme", "with", 1.0)


#: Families of section 5 by name.
FAMILIES = {
    "load_rate": _load_rate,
    "weights": _weights,
    "cognition": _cognition,
    "reference": _reference,
    "extreme": _extreme,
}


def scenarios(raw: RawMmbes, family: str, settings: Mapping[str, Any]) -> list[Scenario]:
    """Return the scenarios of a family.

    Parameters
    ----------
    raw : RawMmbes
        The ledgers of a parameter set.
    family : str
        One of `FAMILIES`.
    settings : mapping
        Ranges and numbers of points by family: ``mmbes.scenarios`` of ``params.yaml``.
    """
    return list(FAMILIES[family](raw, **settings.get(family, {})))
