"""Errors of models that the bilevel solver refuses; each message is one plain sentence."""

from __future__ import annotations

from mobile_storage.core.errors import PlainError


class BilevelModelError(ValueError):
    """The model is outside the class whose KKT reformulation is exact."""


class IntegerFollowerError(BilevelModelError):
    """A follower has integer or binary variables."""


class NonconvexFollowerError(BilevelModelError):
    """A follower's objective is not convex for its sense."""


class LeaderVariableError(BilevelModelError):
    """A follower uses a variable that is neither its own nor one of the leader's."""


class UnboundedProductError(BilevelModelError):
    """A product in the leader's problem is neither exactly linearisable nor bounded."""


class MissingBoundError(BilevelModelError):
    """No big-M can be derived; the message names the missing bound, ``reason`` only the cause."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}; {advice}.")
        self.reason = reason


class StrongDualityError(BilevelModelError):
    """The strong-duality equation of a follower does not linearise."""


class MethodError(BilevelModelError):
    """The requested method does not fit the solver or the class of the model."""


class SolverUnavailableError(PlainError, RuntimeError):
    """A solver cannot take the model: not installed, no licence, or the licence is too small."""
