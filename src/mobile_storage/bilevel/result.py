"""Result of a bilevel solve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    #: Stopped by a time or node limit; objective and bound hold what is known.
    LIMIT = "limit"
    #: A point was found, but a check of the certificate failed; the message says which.
    UNCERTAIN = "uncertain"
    ERROR = "error"


@dataclass(frozen=True)
class BigM:
    """The bound on one multiplier or slack, where it comes from, and the value it took."""

    follower: str
    row: str
    kind: str
    bound: float
    big_m: float
    origin: str
    value: float | None = None
    at_bound: bool = False


@dataclass(frozen=True)
class Certificate:
    """Largest residuals of the KKT conditions, and the big-M table (empty where none is used)."""

    primal: float
    dual: float
    stationarity: float
    complementarity: float
    leader: float
    integrality: float
    big_m: tuple[BigM, ...] = ()

    @property
    def any_at_bound(self) -> bool:
        """Whether a multiplier or slack sits at its big-M."""
        return any(m.at_bound for m in self.big_m)

    @property
    def largest_residual(self) -> float:
        """The worst of the six residuals."""
        return max(
            self.primal,
            self.dual,
            self.stationarity,
            self.complementarity,
            self.leader,
            self.integrality,
        )


@dataclass(frozen=True)
class BilevelResult:
    """Result of :func:`mobile_storage.bilevel.solve_bilevel`.

    Attributes
    ----------
    objective
        The leader's objective recomputed from ``solution``; None without a solution.
    bound
        Proven bound on it (from below when the leader minimises).
    gap
        ``|objective - bound| / max(1, |objective|)``.
    solution
        Full variable name -> value.
    follower_objectives, follower_optimal_values, follower_gaps
        Per follower block name: its objective at ``solution``, its optimum when it is solved
        again alone at the leader's decision, and by how much the first is worse. The last two
        are None for a follower that could not be solved again.
    tied
        Per follower: whether another optimal response of it changes the leader's objective.
    optimistic, worst_case
        The leader's value at this decision for the best and the worst optimal responses of
        all followers together; ``worst_case`` is None with ``worst_case_reason``.
    announcements
        Fallbacks and choices, in the order they were made.
    """

    status: Status
    message: str
    method: str
    solver: str
    solver_version: str
    seconds: float
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    solution: Mapping[str, float] | None = None
    follower_objectives: Mapping[str, float] | None = None
    follower_optimal_values: Mapping[str, float | None] | None = None
    follower_gaps: Mapping[str, float | None] | None = None
    tied: Mapping[str, bool | None] | None = None
    optimistic: float | None = None
    worst_case: float | None = None
    worst_case_reason: str = ""
    certificate: Certificate | None = None
    announcements: tuple[str, ...] = ()
    n_variables: int = 0
    n_constraints: int = 0
    n_complementarities: int = 0
    nodes: int | None = None

    @property
    def optimal(self) -> bool:
        """Whether the status is optimal."""
        return self.status is Status.OPTIMAL
