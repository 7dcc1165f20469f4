"""Margins: how far a claim is from turning over.

The rule of a claim returns a `Margin`. Everything else follows from it: the claim holds where the
margin is above zero, the flip test counts in how many worlds it is, and the thresholds of the flip
test are the values at which it changes its sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["JUST_FAILS", "Margin", "excess", "holding", "weakest"]

JUST_FAILS = -1e-9
"""What is recorded for a tie that fails, so that the sign of a record tells the verdict."""


@dataclass(frozen=True)
class Margin:
    """Distance of a claim from turning over.

    Attributes
    ----------
    value : float
        Above zero where the claim holds, below zero where it fails. NaN fails.
    unit : str
        Unit of the value; for a share, what it is a share of.
    strict : bool
        Whether the claim fails at a margin of exactly zero, which is a tie of what it compares.
    """

    value: float
    unit: str
    strict: bool = True

    @property
    def holds(self) -> bool:
        """Whether the claim holds."""
        return bool(self.value > 0 if self.strict else self.value >= 0)

    @property
    def recorded(self) -> float:
        """The value, and `JUST_FAILS` or less where the claim fails."""
        return float(self.value if self.holds else min(self.value, JUST_FAILS))


def weakest(*parts: Margin) -> Margin:
    """Margin of a claim of several parts, all of which have to hold: the smallest of theirs.

    Of equal ones a strict one is returned, and a NaN is returned before any number.
    """
    return min(parts, key=lambda part: (part.value == part.value, part.value, not part.strict))


def excess(value: float, than: float) -> Margin:
    """Margin of "`value` is larger than `than`": the difference over the larger magnitude.

    It lies between -1 and 1 for numbers of one sign, and is 0 where both are 0.
    """
    largest = max(abs(value), abs(than))
    return Margin((value - than) / largest if largest else 0.0, "share of the larger")


def holding(margins: Mapping[str, Margin]) -> dict[str, bool]:
    """Whether each claim holds, by its margin."""
    return {claim: margin.holds for claim, margin in margins.items()}
