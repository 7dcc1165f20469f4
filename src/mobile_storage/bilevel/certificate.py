"""Checks after a solve that rely neither on the solver's verdict nor on the KKT model.

Every follower is solved again alone at the leader's decision. Multipliers are computed again from
the active constraints. The leader's value is bounded over the followers' optimal faces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from mobile_storage.bilevel.matrix import MatrixModel
from mobile_storage.bilevel.model import Follower, Problem
from mobile_storage.bilevel.solvers import highs_instance, highs_run

#: A constraint with a relative slack below this is active.
ACTIVE_TOLERANCE = 1e-6
#: A follower is tied if its optimal face changes the leader's objective by more than this share.
TIE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Response:
    """One follower at the leader's decision."""

    objective: float
    optimal_value: float | None
    #: By how much the objective misses the optimum, in the follower's own sense; >= 0.
    gap: float | None
    #: The same in the ordinary units of the follower's parts, the worst of them; relative where
    #: their values are above 1.
    relative_gap: float | None
    multipliers: np.ndarray
    primal: float
    dual: float
    stationarity: float
    complementarity: float
    slacks: np.ndarray


@dataclass(frozen=True)
class Position:
    """Leader's value over the followers' optimal responses (own sense of the leader)."""

    tied: tuple[bool | None, ...]
    optimistic: float | None
    worst_case: float | None
    reason: str


def linear_program(cost, A, rhs, equality, *, lower=None, maximise=False) -> np.ndarray | None:
    """A minimiser of ``cost'y`` over ``A y <= rhs`` (``==`` where marked), or None."""
    return _program(
        -np.asarray(cost) if maximise else np.asarray(cost), None, A, rhs, equality, lower
    )[1]


def _program(cost, hessian, A, rhs, equality, lower=None):
    """(status, minimiser) of a small LP or convex QP."""
    n = len(cost)
    if n == 0:
        return "optimal", np.zeros(0)
    quadratic = ()
    if hessian is not None and hessian.any():
        quadratic = tuple(
            (i, k, float(hessian[i, k] if i != k else hessian[i, i] / 2))
            for i in range(n)
            for k in range(i, n)
            if hessian[i, k]
        )
    rhs = np.asarray(rhs, dtype=float)
    model = MatrixModel(
        np.asarray(cost, dtype=float),
        0.0,
        quadratic,
        sparse.csr_matrix(np.asarray(A, dtype=float).reshape(len(rhs), n)),
        np.where(equality, rhs, -np.inf),
        rhs,
        np.full(n, -np.inf) if lower is None else lower,
        np.full(n, np.inf),
        np.zeros(n, dtype=bool),
    )
    status = "error"
    # A leader's decision that is a rounding error off can make a tight follower infeasible.
    for feasibility in (1e-9, 1e-7, 1e-6):
        h = highs_instance(model, feasibility=feasibility)
        status = highs_run(h, linear=not quadratic)
        if status == "optimal":
            return status, np.array(h.getSolution().col_value)
        if status == "unbounded":
            break
    return status, None


def respond(follower: Follower, point: np.ndarray) -> Response:
    """Solve one follower alone at the leader's decision and compare its objective."""
    y = point[follower.y]
    cost, rhs = follower.at(point)
    objective = follower.own.value(point)

    status, best = _program(cost, follower.hessian, follower.A, rhs, follower.equality)
    optimal_value = gap = relative_gap = None
    if status == "optimal":
        moved = point.copy()
        moved[follower.y] = best
        optimal_value = follower.own.value(moved)
        terms = y * (cost + follower.hessian @ y / 2)
        step = y - best
        saved = step * (cost + follower.hessian @ (y + best) / 2)
        # The independent optimum may itself be a rounding error worse.
        gap = max(0.0, float((saved / follower.cost_scale).sum()))
        relative_gap = _largest(
            np.bincount(follower.part, saved)
            / np.maximum(1.0, np.abs(np.bincount(follower.part, terms)))
        )
    slacks = rhs - follower.A @ y
    gradient = follower.hessian @ y + cost
    mu = _multipliers(follower, gradient, slacks)
    violated = np.where(follower.equality, np.abs(slacks), np.maximum(-slacks, 0.0))
    free = np.where(follower.equality, 0.0, mu)
    return Response(
        objective=objective,
        optimal_value=optimal_value,
        gap=gap,
        relative_gap=relative_gap,
        multipliers=mu,
        primal=_largest(violated),
        dual=_largest(np.maximum(-free, 0.0)),
        stationarity=_largest(np.abs(gradient + follower.A.T @ mu)),
        complementarity=_largest(np.abs(free * slacks)),
        slacks=slacks,
    )


def _largest(values: np.ndarray) -> float:
    return float(values.max()) if values.size else 0.0


def _multipliers(follower: Follower, gradient: np.ndarray, slacks: np.ndarray) -> np.ndarray:
    """Multipliers on the active rows with the smallest sum, stationarity as close as possible.

    The smallest sum is reached at a vertex, so it lies within the bound over gradient bases. A
    solver's own multipliers need not, if they are not unique. Every such basis contains all
    equalities, whose multipliers are free. The inequalities only balance the part of the gradient
    outside the span of the equalities.
    """
    rows, n = follower.A.shape
    mu = np.zeros(rows)
    scale = 1.0 + np.abs(follower.rhs)
    active = np.flatnonzero(~follower.equality & (slacks <= ACTIVE_TOLERANCE * scale))
    equality = follower.A[follower.equality]
    outside = np.eye(n)
    if len(equality):
        _, singular, vectors = np.linalg.svd(equality)
        outside = vectors[int((singular > 1e-9 * singular[0]).sum()) :]
    if len(active) and len(outside):
        A, rest = outside @ follower.A[active].T, -outside @ gradient
        k = len(rest)
        # Variables: multipliers, residual up, residual down.
        matrix = np.hstack([A, np.eye(k), -np.eye(k)])
        penalty = 1e5 * (1.0 + np.abs(gradient).max(initial=0.0))
        cost = np.concatenate([np.ones(len(active)), np.full(2 * k, penalty)])
        solved = linear_program(
            cost, matrix, rest, np.ones(k, dtype=bool), lower=np.zeros(len(cost))
        )
        if solved is not None:
            mu[active] = solved[: len(active)]
    if len(equality):
        rest = -(gradient + follower.A.T @ mu)
        mu[follower.equality] = np.linalg.lstsq(equality.T, rest)[0]
    return mu


def position(
    problem: Problem, point: np.ndarray, responses: list[Response], tolerance: float
) -> Position:
    """Who is tied, and the leader's best and worst value over all optimal responses.

    All leader variables stay at their values and the leader's constraints are not asked: a
    worst case is what the followers may do, not what the leader would like. Where the leader's
    model computes further quantities from the responses (variables not among its decisions),
    they cannot stay, and no worst case is given; a follower is then called tied when a variable
    of it that the leader's problem contains may differ.
    """
    if (dependent := _dependent(problem)) is not None:
        return _position_by_spread(problem, point, responses, tolerance, dependent)
    sign = problem.sense
    here = problem.objective.value(point)
    scale = max(1.0 / problem.objective_scale, abs(here))
    owner = problem.owner
    linear, quadratic = _own_terms(problem, point)
    tied: list[bool | None] = []
    worst_point, best_point = point.copy(), point.copy()
    reason, no_best = "", False
    for f, (follower, response) in enumerate(zip(problem.followers, responses, strict=True)):
        cost = np.array([linear.get(int(i), 0.0) for i in follower.y])
        curved = sorted({i for pair in quadratic for i in pair if owner[i][0] == f})
        if not cost.any() and not curved:
            tied.append(False)
            continue
        face = _face(follower, point, response)
        if face is None:
            tied.append(None)
            reason = reason or f"follower '{follower.name}' could not be solved again"
            continue
        spread, unbounded = _spread(follower, face, curved)
        if spread > tolerance:
            tied.append(True)
            reason = reason or (
                f"the optimal face of follower '{follower.name}' is unbounded"
                if unbounded
                else "the leader's objective is quadratic over follower "
                f"'{follower.name}''s optimal face, and its maximum is not computed"
            )
            continue
        # Outside the curved variables, which are unique, the objective is linear.
        own = [k for k, i in enumerate(follower.y) if int(i) in set(curved)]
        cost[own] = 0.0
        changes = False
        for direction, target in ((1.0, best_point), (-1.0, worst_point)):
            if not cost.any():
                continue
            status, y = _program(direction * sign * cost, None, *face)
            if status == "unbounded":
                changes = True
                if target is best_point:
                    no_best = True
                else:
                    reason = reason or (
                        f"the optimal face of follower '{follower.name}' is unbounded"
                    )
            elif y is None:
                reason = reason or f"follower '{follower.name}' could not be solved again"
            else:
                move = float(cost @ (y - point[follower.y]))
                if abs(move) > tolerance * scale:
                    changes = True
                    target[follower.y] = y
        tied.append(changes)
    optimistic = None if no_best else problem.objective.value(best_point)
    worst = None if reason else problem.objective.value(worst_point)
    return Position(tuple(tied), optimistic, worst, reason)


def _dependent(problem: Problem) -> str | None:
    """A leader variable outside ``leader_vars`` that a constraint ties to follower variables."""
    followers = problem.owner.keys()
    for row in problem.rows:
        if row.body.variables & followers:
            for i in sorted(row.body.variables - followers - problem.decisions):
                return problem.names[i]
    return None


def _position_by_spread(problem, point, responses, tolerance, dependent: str) -> Position:
    seen = problem.objective.variables.union(*(row.body.variables for row in problem.rows))
    tied: list[bool | None] = []
    for follower, response in zip(problem.followers, responses, strict=True):
        face = _face(follower, point, response)
        if face is None:
            tied.append(None)
            continue
        scale = max(1.0, float(np.abs(point[follower.y]).max(initial=0.0)))
        watched = [int(i) for i in follower.y if int(i) in seen]
        tied.append(_spread(follower, face, watched)[0] > tolerance * scale)
    here = problem.objective.value(point)
    if not any(tied) and None not in tied:
        return Position(tuple(tied), here, here, "")
    reason = (
        f"the leader's variable '{dependent}' depends on the responses without being one of "
        "leader_vars, so its value after another response is not known here"
    )
    return Position(tuple(tied), here, None, reason)


def _own_terms(problem: Problem, point: np.ndarray):
    """The leader's objective in follower variables with the leader's variables put in."""
    owner = problem.owner
    linear = {i: a for i, a in problem.objective.linear.items() if i in owner}
    quadratic = {}
    for (i, j), a in problem.objective.quadratic.items():
        if i in owner and j in owner:
            quadratic[i, j] = a
        elif i in owner or j in owner:
            own, other = (i, j) if i in owner else (j, i)
            linear[own] = linear.get(own, 0.0) + a * point[other]
    return linear, quadratic


def _face(follower: Follower, point: np.ndarray, response: Response):
    """``(A, rhs, equality)`` of the follower's optimal responses at the leader's decision.

    For a convex quadratic objective all optima share ``H y`` and the linear cost.
    """
    if response.optimal_value is None:
        return None
    y = point[follower.y]
    cost, rhs = follower.at(point)
    # A binding row may be violated by a rounding error: the face must hold the point itself.
    rhs = np.where(follower.equality, follower.A @ y, np.maximum(rhs, follower.A @ y))
    if follower.quadratic:
        fixed = np.vstack([follower.hessian, cost[None, :]])
        fixed = fixed[np.abs(fixed).any(axis=1)]
        return (
            np.vstack([follower.A, fixed]),
            np.concatenate([rhs, fixed @ y]),
            np.concatenate([follower.equality, np.ones(len(fixed), dtype=bool)]),
        )
    # Rows with a positive multiplier are active at every optimal response (complementarity
    # with one fixed multiplier vector), which says the same as 'cost is optimal' but sharper.
    scale = 1.0 + np.abs(follower.c).max(initial=0.0)
    binding = (response.multipliers > 1e-7 * scale) & ~follower.equality
    return (
        follower.A,
        np.where(binding, follower.A @ y, rhs),
        follower.equality | binding,
    )


def _spread(follower: Follower, face, curved: list[int]) -> tuple[float, bool]:
    """Largest range, over the face, of the variables that the leader's quadratic contains."""
    largest = 0.0
    for k in (k for k, i in enumerate(follower.y) if int(i) in curved):
        unit = np.zeros(len(follower.y))
        unit[k] = 1.0
        low, high = (linear_program(unit, *face, maximise=m) for m in (False, True))
        if low is None or high is None:
            return math.inf, True
        largest = max(largest, float(high[k] - low[k]))
    return largest, False


def leader_residuals(problem: Problem, point: np.ndarray) -> tuple[float, float]:
    """Largest violation of the leader's rows and bounds, and of integrality."""
    worst = 0.0
    for row in problem.rows:
        value = row.body.value(point)
        worst = max(worst, row.lower - value, value - row.upper)
    ids = sorted(problem.leader)
    if ids:
        worst = max(
            worst,
            float((problem.lower[ids] - point[ids]).max()),
            float((point[ids] - problem.upper[ids]).max()),
        )
    whole = point[problem.integer]
    return worst, _largest(np.abs(whole - np.round(whole)))
