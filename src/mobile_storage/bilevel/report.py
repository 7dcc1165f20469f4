"""Checks of a solver's solution, and the :class:`BilevelResult` that reports them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mobile_storage.bilevel.certificate import leader_residuals, position, respond
from mobile_storage.bilevel.matrix import MatrixModel
from mobile_storage.bilevel.model import Problem
from mobile_storage.bilevel.result import BigM, BilevelResult, Certificate, Status
from mobile_storage.bilevel.solvers import RawSolution, solver_version

if TYPE_CHECKING:
    from mobile_storage.bilevel.certificate import Response
    from mobile_storage.bilevel.complementarity import PairBounds
    from mobile_storage.bilevel.kkt import Pair

#: A solution with a relative follower gap, residual or objective gap above this is not optimal.
CHECK_TOLERANCE = 1e-6


@dataclass
class Attempt:
    """Outcome of one attempt; objective and bound belong to the minimisation form.

    ``point`` is the solution over the problem's variables, None where there is none.
    """

    raw: RawSolution
    method: str
    solver: str
    matrix: MatrixModel | None = None
    bounds: list[PairBounds] | None = None
    pairs: tuple[Pair, ...] = ()
    point: np.ndarray | None = None


def report(
    problem: Problem,
    outcome: Attempt,
    *,
    gap_asked: float,
    announcements: Sequence[str],
    tie_tolerance: float,
    pessimistic: bool,
    started: float,
) -> BilevelResult:
    """Recompute the objective, solve the followers again, and judge.

    Parameters
    ----------
    gap_asked
        The relative gap at which the solver was allowed to stop.
    pessimistic
        Whether to look for ties and the worst case.
    started
        ``time.perf_counter()`` at the start of the solve.
    """
    raw = outcome.raw
    matrix = outcome.matrix
    result = partial(
        BilevelResult,
        method=outcome.method,
        solver=outcome.solver,
        solver_version=solver_version(outcome.solver),
        announcements=tuple(announcements),
        n_variables=matrix.n_variables if matrix else 0,
        n_constraints=matrix.n_constraints if matrix else 0,
        n_complementarities=len(outcome.pairs),
        nodes=raw.nodes,
    )
    bound = problem.callers_value(raw.bound)
    if outcome.point is None:
        status = Status(raw.status) if raw.status in set(Status) else Status.ERROR
        if status is Status.OPTIMAL:
            status = Status.ERROR
        message = raw.message or status.value
        meaning = {
            Status.LIMIT: "stopped by a limit without a solution",
            Status.INFEASIBLE: "no decision of the leader meets all constraints together with "
            "optimal responses of the followers",
            Status.UNBOUNDED: "the leader's objective has no bound over the followers' optimal "
            "responses",
        }.get(status)
        if meaning:
            message = f"{meaning} ({message})"
        return result(
            status=status,
            message=message,
            bound=bound if status is Status.LIMIT else None,
            seconds=time.perf_counter() - started,
        )

    point = outcome.point
    objective = problem.objective.value(point)
    gap = None
    if bound is not None:
        # A bound beyond the objective is rounding, not a negative gap.
        unit = 1.0 / problem.objective_scale
        gap = max(0.0, problem.sense * (objective - bound)) / max(unit, abs(objective))
    responses = [respond(f, point) for f in problem.followers]
    leader, integrality = leader_residuals(problem, point)
    certificate = Certificate(
        primal=max((r.primal for r in responses), default=0.0),
        dual=max((r.dual for r in responses), default=0.0),
        stationarity=max((r.stationarity for r in responses), default=0.0),
        complementarity=max((r.complementarity for r in responses), default=0.0),
        leader=leader,
        integrality=integrality,
        big_m=_big_m_table(problem, outcome, responses),
    )
    status, message = _verdict(problem, raw, point, gap, gap_asked, responses, certificate)
    names = [f.name for f in problem.followers]
    tied: dict[str, bool | None] | None = None
    optimistic, worst, reason = None, None, "not asked for"
    if pessimistic:
        p = position(problem, point, responses, tie_tolerance)
        tied = dict(zip(names, p.tied, strict=True))
        optimistic, worst, reason = p.optimistic, p.worst_case, p.reason
    return result(
        status=status,
        message=message,
        objective=objective,
        bound=bound,
        gap=gap,
        solution=dict(
            zip(problem.names[: problem.callers], map(float, point[: problem.callers]), strict=True)
        ),
        follower_objectives={n: r.objective for n, r in zip(names, responses, strict=True)},
        follower_optimal_values={n: r.optimal_value for n, r in zip(names, responses, strict=True)},
        follower_gaps={n: r.gap for n, r in zip(names, responses, strict=True)},
        tied=tied,
        optimistic=optimistic,
        worst_case=worst,
        worst_case_reason=reason,
        certificate=certificate,
        seconds=time.perf_counter() - started,
    )


def _big_m_table(problem: Problem, outcome: Attempt, responses) -> tuple[BigM, ...]:
    table = []
    for pair, bound in zip(outcome.pairs, outcome.bounds or (), strict=False):
        response = responses[pair.follower]
        follower = problem.followers[pair.follower]
        row = follower.rows[pair.row]
        for kind, b, value, unit in (
            (
                "multiplier",
                bound.multiplier,
                response.multipliers[pair.row],
                float(follower.multiplier_unit[pair.row]),
            ),
            ("slack", bound.slack, response.slacks[pair.row], 1.0 / row.scale),
        ):
            table.append(
                BigM(
                    follower=follower.name,
                    row=row.name,
                    kind=kind,
                    bound=b.value * unit,
                    big_m=b.big_m * unit,
                    origin=b.origin,
                    value=float(value) * unit,
                    at_bound=bool(value >= b.big_m * (1 - 1e-6)),
                )
            )
    return tuple(table)


def _verdict(
    problem: Problem,
    raw: RawSolution,
    point: np.ndarray,
    gap: float | None,
    gap_asked: float,
    responses: Sequence[Response],
    certificate: Certificate,
) -> tuple[Status, str]:
    """Judge the solution: optimal only if the solver says so and every independent check agrees."""
    if raw.status not in ("optimal", "limit", "open"):
        return Status.ERROR, raw.message
    problems = []
    if raw.status == "open":
        problems.append(f"the solver stopped without a proof ({raw.message})")
    for follower, response in zip(problem.followers, responses, strict=True):
        if response.relative_gap is None:
            problems.append(f"follower '{follower.name}' could not be solved again")
        elif response.relative_gap > CHECK_TOLERANCE:
            problems.append(f"follower '{follower.name}' misses its optimum by {response.gap:.3g}")
    scale = max(1.0, float(np.abs(point).max(initial=0.0)))
    for name in ("primal", "leader", "integrality"):
        residual = getattr(certificate, name)
        if residual > CHECK_TOLERANCE * scale:
            problems.append(f"{name} residual {residual:.3g}")
    if certificate.any_at_bound:
        entry = next(m for m in certificate.big_m if m.at_bound)
        problems.append(f"the {entry.kind} of '{entry.row}' sits at its big-M {entry.big_m:.6g}")
    if raw.status == "optimal" and gap is not None and gap > max(gap_asked, CHECK_TOLERANCE):
        problems.append(f"the recomputed objective is {gap:.3g} away from the solver's bound")
    if problems:
        return Status.UNCERTAIN, "; ".join(problems)
    if raw.status == "limit":
        return Status.LIMIT, f"stopped by a limit ({raw.message})"
    return Status.OPTIMAL, "optimal; every follower answers optimally when solved again"
