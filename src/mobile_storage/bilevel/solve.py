"""Exact solution of a leader-follower problem by its KKT conditions."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mobile_storage.bilevel import complementarity
from mobile_storage.bilevel.bounds import HighPoint, HighPointInfeasibleError
from mobile_storage.bilevel.branch import branch_and_bound
from mobile_storage.bilevel.certificate import TIE_TOLERANCE
from mobile_storage.bilevel.domains import nearest
from mobile_storage.bilevel.errors import MethodError, MissingBoundError, SolverUnavailableError
from mobile_storage.bilevel.kkt import NoResponseError, SingleLevel, build_kkt
from mobile_storage.bilevel.matrix import MatrixModel, compile_model
from mobile_storage.bilevel.model import Problem, read_problem
from mobile_storage.bilevel.products import Products
from mobile_storage.bilevel.report import CHECK_TOLERANCE, Attempt, report
from mobile_storage.bilevel.result import BilevelResult
from mobile_storage.bilevel.solvers import (
    SOLVERS,
    Deadline,
    Limits,
    OutOfTimeError,
    RawSolution,
    highs_instance,
    highs_run,
    solve,
)

log = logging.getLogger(__name__)

#: Largest number of nodes of the search that checks the verdict of another method.
CHECK_NODES = 50_000
#: Bounds may take this share of the remaining time if the method does not need them.
BOUNDS_SHARE = 0.25


def solve_bilevel(
    model: pyo.ConcreteModel,
    followers: Any,
    leader_vars: Any,
    *,
    method: str = "auto",
    solver: str = "auto",
    multiplier_bounds: Any = None,
    gap: float = 0.0,
    time_limit_s: float | None = None,
    node_limit: int | None = None,
    tie_tolerance: float = TIE_TOLERANCE,
    check_pessimistic: bool = True,
) -> BilevelResult:
    """Find the best decision of a leader whose followers answer optimally.

    Where a follower is indifferent, it gives the answer that suits the leader best.

    Parameters
    ----------
    model
        Leader's variables, one active objective, constraints (also on follower variables), and
        the follower blocks. Its structure is left alone; solution values are loaded into it.
    followers
        One or several Blocks: own variables, one objective (linear or convex quadratic), linear
        constraints. Leader variables may stand in both, also times a follower variable in the
        objective.
    leader_vars
        The leader's variables that followers may contain.
    method
        ``auto``, ``sos1``, ``bigm``, ``gdp.bigm``, ``gdp.mbigm``, ``gdp.hull``,
        ``strong_duality`` or ``branch``.
    solver
        ``auto`` (Gurobi if its licence admits the model, else HiGHS, else SCIP), ``gurobi``,
        ``highs`` or ``scip``.
    multiplier_bounds
        Bounds on follower multipliers where none can be derived: a number for all, or a mapping
        from constraint (or variable, for its bounds; or their names) to a number. An optimum
        found with them is checked by ``branch``.
    gap
        Relative optimality gap to stop at.
    time_limit_s, node_limit
        Stop early with status ``limit``.
    tie_tolerance
        Relative change of the leader's objective above which a follower counts as tied.
    check_pessimistic
        Whether to compute ``tied``, ``optimistic`` and ``worst_case``.

    Returns
    -------
    BilevelResult
        Infeasible and unbounded problems come back as statuses.

    Raises
    ------
    BilevelModelError
        The model is outside the class (see :mod:`mobile_storage.bilevel.errors`).
    SolverUnavailableError
        The named solver, or every solver, cannot take the model.
    """
    started = time.perf_counter()
    if method not in ("auto", *complementarity.METHODS):
        raise MethodError(
            f"unknown method '{method}'; known: auto, {', '.join(complementarity.METHODS)}."
        )
    if solver not in ("auto", *SOLVERS):
        raise MethodError(f"unknown solver '{solver}'; known: auto, {', '.join(SOLVERS)}.")
    problem = read_problem(model, followers, leader_vars)
    run = _Run(
        problem=problem,
        method=method,
        solver=solver,
        given=multiplier_bounds,
        limits=Limits(gap, time_limit_s, node_limit),
        started=started,
    )
    outcome = run.outcome()
    result = report(
        problem,
        outcome,
        gap_asked=gap,
        announcements=run.announcements,
        tie_tolerance=tie_tolerance,
        pessimistic=check_pessimistic,
        started=started,
    )
    if outcome.point is not None:
        for var, value in zip(problem.variables[: problem.callers], outcome.point, strict=False):
            var.set_value(float(value), skip_validation=True)
    log.info(
        "%s with %s %s: %s, objective %s, gap %s, %d variables, %d constraints, %.2f s",
        result.method,
        result.solver,
        result.solver_version,
        result.status,
        result.objective,
        result.gap,
        result.n_variables,
        result.n_constraints,
        result.seconds,
    )
    return result


@dataclass
class _Built:
    """A compiled single-level model and where its parts are."""

    single: SingleLevel
    matrix: MatrixModel
    pairs: list[tuple[int, int]]
    """Columns of each multiplier and its slack; empty where the matrix holds complementarity."""
    bounds: list[complementarity.PairBounds]

    def columns(self, variables: Iterable[Any]) -> list[int]:
        return [self.matrix.columns[id(v)] for v in variables]


class _Run:
    """Choice of method and solver, fallbacks, and the solve itself."""

    def __init__(self, problem, method, solver, given, limits, started) -> None:
        self.problem: Problem = problem
        self.method, self.solver, self.given, self.limits = method, solver, given, limits
        limit = math.inf if limits.time_s is None else limits.time_s
        self.deadline = Deadline(started + limit)
        self.announcements: list[str] = []
        self.high_point = HighPoint(problem, self.deadline)
        self._pair_bounds: list[complementarity.PairBounds] | None = None
        for text in problem.warnings:
            self.announce(text, warn=True)

    def announce(self, text: str, *, warn: bool = False) -> None:
        if text not in self.announcements:
            self.announcements.append(text)
            log.log(logging.WARNING if warn else logging.INFO, text)

    def outcome(self) -> Attempt:
        try:
            return self._attempts()
        except HighPointInfeasibleError:
            message = "no point satisfies the constraints of both levels"
            return Attempt(
                RawSolution("infeasible", message=message),
                "high-point relaxation",
                "highs",
            )
        except NoResponseError as error:
            return Attempt(RawSolution("infeasible", message=str(error)), "none", "highs")
        except OutOfTimeError:
            message = "the time limit passed while bounds were derived from the data"
            return Attempt(RawSolution("limit", message=message), self.method, self.solver)

    # ------------------------------------------------------------------------- which way

    def _attempts(self) -> Attempt:
        if (self.problem.lower > self.problem.upper).any():
            raise HighPointInfeasibleError
        base = self._build("branch")
        refused: list[str] = []
        for solver in self._solvers(base.matrix):
            said = len(self.announcements)
            try:
                outcome = self._attempt(solver, base)
                if outcome.raw.status == "error" and self.solver == "auto":
                    raise SolverUnavailableError(f"it gave up ({outcome.raw.message})")
                return outcome
            except SolverUnavailableError as error:
                if self.solver != "auto":
                    raise
                refused.append(f"{solver}: {error}")
                del self.announcements[said:]  # what was chosen for this solver is void
                self.announce(f"{solver} not used: {error}", warn=True)
        raise SolverUnavailableError("no solver can take the model; " + "; ".join(refused))

    def _solvers(self, base: MatrixModel) -> list[str]:
        """Select the solvers that can take the class of the model and the method."""
        if self.solver != "auto":
            return [self.solver]
        admitted = list(SOLVERS)
        if base.nonconvex or base.quadratic_rows:
            admitted.remove("highs")
        if self.method == "branch":
            admitted.remove("scip")
        if self.method == "sos1":
            admitted.remove("highs")
        if self.method in (*complementarity.BIG_M_METHODS, "strong_duality") and base.quadratic:
            admitted = [s for s in admitted if s != "highs"]
        if not admitted:
            raise MethodError(f"no solver offers method='{self.method}' for this class of model.")
        return admitted

    def _attempt(self, solver: str, base: _Built) -> Attempt:
        method = self.method
        if solver == "highs" and (base.matrix.nonconvex or base.matrix.quadratic_rows):
            raise MethodError(
                "HiGHS takes neither nonconvex products nor quadratic constraints, which the "
                "leader's problem has; use solver='gurobi' or 'scip'."
            )
        if method == "auto":
            method = self._choose(solver, base)
        if method == "sos1" and solver == "highs":
            raise MethodError("HiGHS has no SOS1 sets; use method='bigm' or 'branch' with it.")
        built = self._variant(method, base)
        if method not in ("branch", "sos1") and solver == "highs" and not built.matrix.is_linear:
            raise MethodError(
                "HiGHS takes no mixed-integer quadratic problem; use method='branch' with it."
            )
        log.info(
            "%s with %s: %d variables, %d constraints, %d complementarities",
            method,
            solver,
            built.matrix.n_variables,
            built.matrix.n_constraints,
            len(built.single.pairs),
        )
        raw = self._run(method, solver, built)
        outcome = self._second_look(raw, method, solver, built, base)
        if outcome.raw.x is not None:
            holder = built if outcome.matrix is not base.matrix else base
            outcome.point = self._point(outcome.raw.x, holder, base)
        return outcome

    def _choose(self, solver: str, base: _Built) -> str:
        if not base.pairs and (base.matrix.is_linear or solver != "highs"):
            return "none"
        if solver in ("gurobi", "scip"):
            name = {"gurobi": "Gurobi", "scip": "SCIP"}[solver]
            self.announce(f"sos1 chosen: {name} has SOS1 sets, which need no big-M")
            return "sos1"
        if not base.matrix.is_linear:
            self.announce("branch chosen: HiGHS takes no mixed-integer quadratic problem")
            return "branch"
        try:
            bounds = self._bounds(base.single, needed=False)
            complementarity.require_finite(self.problem, base.single.pairs, bounds)
        except MissingBoundError as error:
            self.announce(f"branch chosen: {error.reason}")
            return "branch"
        self.announce("bigm chosen: HiGHS takes MILPs, and every big-M follows from the data")
        return "bigm"

    # ------------------------------------------------------------------------------ build

    def _bounds(self, single: SingleLevel, *, needed: bool) -> list[complementarity.PairBounds]:
        """Bound all pairs; bounds that are not needed get only a share of the time."""
        if self._pair_bounds is None:
            if not needed:
                self.high_point.deadline = self.deadline.share(BOUNDS_SHARE)
            try:
                self._pair_bounds, notes = complementarity.pair_bounds(
                    self.problem, self.high_point, single.pairs, self.given
                )
            except OutOfTimeError:
                if needed:
                    raise
                reason = "the time limit left no time to derive them from the data"
                self.announce(f"no bounds of multipliers and slacks are used: {reason}")
                return complementarity.no_bounds(single.pairs, reason)
            finally:
                self.high_point.deadline = self.deadline
            for note in notes:
                self.announce(note, warn=True)
        return self._pair_bounds

    def _variant(self, method: str, base: _Built) -> _Built:
        """The model as the method needs it."""
        if method in ("branch", "none"):
            return base
        if method == "strong_duality":
            return self._build(method)
        bounds = self._bounds(base.single, needed=method != "sos1")
        if method in complementarity.BIG_M_METHODS:
            complementarity.require_finite(self.problem, base.single.pairs, bounds)
        if method == "sos1":
            return replace(base, matrix=complementarity.with_sos1(base.matrix, base.pairs, bounds))
        if method == "bigm":
            matrix = complementarity.with_bigm(base.matrix, base.pairs, bounds)
            return replace(base, matrix=matrix, bounds=bounds)
        return self._build(method, bounds)

    def _build(self, method: str, bounds: Sequence[complementarity.PairBounds] = ()) -> _Built:
        """Single-level model; ``branch`` is the one without complementarity."""
        problem = self.problem
        single = build_kkt(problem)
        products = Products(problem, single, self.high_point)
        m = single.model
        m.leader = pyo.ConstraintList()
        for row in problem.rows:
            self._leader_row(m, products, row)
        objective = problem.objective.scaled(problem.sense * problem.objective_scale)
        where = "the leader's objective"
        m.objective = pyo.Objective(expr=products.write(objective, where, convex_use=True))
        pairs, slacks = [], []
        if method in complementarity.GDP_METHODS:
            complementarity.add_gdp(single, bounds, method)
        elif method == "strong_duality":
            complementarity.add_strong_duality(single, problem, products)
        else:
            slacks = complementarity.slack_variables(single)
        for note in products.notes:
            self.announce(note)
        matrix = compile_model(m, nonconvex=products.nonconvex)
        if method == "branch":
            pairs = [
                (matrix.columns[id(p.multiplier)], matrix.columns[id(s)])
                for p, s in zip(single.pairs, slacks, strict=True)
            ]
        return _Built(single, matrix, pairs, list(bounds))

    @staticmethod
    def _leader_row(m, products: Products, row) -> None:
        where = f"leader constraint '{row.name}'"
        if not row.body.quadratic:
            body = products.write(row.body, where, convex_use=True)
            m.leader.add((row.lower, body, row.upper))
            return
        if row.lower == row.upper:
            m.leader.add(products.write(row.body, where, convex_use=False) == row.upper)
            return
        if math.isfinite(row.upper):
            m.leader.add(products.write(row.body, where, convex_use=True) <= row.upper)
        if math.isfinite(row.lower):
            body = products.write(row.body.scaled(-1.0), where, convex_use=True)
            m.leader.add(body <= -row.lower)

    # -------------------------------------------------------------------------------- run

    def _remaining(self, nodes: int | None = None) -> Limits:
        limits = self.limits
        if limits.time_s is not None:
            limits = replace(limits, time_s=self.deadline.left())
        return limits if nodes is None else replace(limits, nodes=nodes)

    def _run(self, method: str, solver: str, built: _Built) -> RawSolution:
        if method == "branch":
            return branch_and_bound(built.matrix, built.pairs, solver, self._remaining())
        raw = solve(built.matrix, solver, self._remaining())
        doubtful = solver == "scip" and raw.status in ("optimal", "infeasible")
        if doubtful and not _relaxation_is_bounded(built.matrix):
            message = f"the relaxation is unbounded, and SCIP's word was '{raw.status}'"
            return replace(raw, status="open", message=message)
        return raw

    def _second_look(self, raw, method, solver, built, base) -> Attempt:
        """Check by branch and bound a verdict that is not a proof."""
        outcome = Attempt(raw, method, solver, built.matrix, built.bounds, built.single.pairs)
        if method == "branch" or base.matrix.nonconvex:
            return outcome
        relaxer = "gurobi" if solver == "gurobi" else "highs"
        if base.matrix.quadratic_rows and relaxer == "highs":
            return outcome
        if raw.status in ("unbounded", "open"):
            # The ray is one of the relaxation: it may violate complementarity.
            verdict = "unbounded" if raw.status == "unbounded" else f"open ({raw.message})"
            self.announce(
                f"{solver} called the {method} model {verdict}; settled by branch and bound"
            )
            nodes = self.limits.nodes or CHECK_NODES * 10
            settled = branch_and_bound(base.matrix, base.pairs, relaxer, self._remaining(nodes))
            return Attempt(
                settled,
                f"{method}, settled by branch",
                solver,
                base.matrix,
                None,
                base.single.pairs,
            )
        stated = [b for b in built.bounds if b.stated]
        if stated and raw.status in ("optimal", "infeasible"):
            return self._check_stated(outcome, base, relaxer)
        return outcome

    def _check_stated(self, outcome: Attempt, base: _Built, relaxer: str) -> Attempt:
        """Search for a better solution without the unproven multiplier bounds of the caller."""
        raw = outcome.raw
        cutoff = math.inf
        if raw.objective is not None:
            cutoff = raw.objective - CHECK_TOLERANCE * max(1.0, abs(raw.objective))
        check = branch_and_bound(
            base.matrix, base.pairs, relaxer, self._remaining(CHECK_NODES), cutoff
        )
        if check.status == "infeasible":
            self.announce("the given multiplier bounds cut nothing off (checked by branch)")
            return outcome
        if check.status == "limit" and check.x is None:
            self.announce(
                "whether the given multiplier bounds are large enough was not settled: "
                f"{check.message}",
                warn=True,
            )
            outcome.raw = replace(
                raw,
                status="limit",
                bound=check.bound,
                message="the given multiplier bounds are not verified",
            )
            return outcome
        self.announce(
            "a given multiplier bound is too small: it cut off a better solution, which branch "
            f"and bound without big-M found ({self.problem.callers_value(check.objective)} instead "
            f"of {self.problem.callers_value(raw.objective)})",
            warn=True,
        )
        return Attempt(
            check,
            f"{outcome.method}, corrected by branch",
            outcome.solver,
            base.matrix,
            outcome.bounds,
            base.single.pairs,
        )

    # ------------------------------------------------------------------------------- load

    def _point(self, x: np.ndarray, built: _Built, base: _Built) -> np.ndarray:
        """Return the solution over the problem's variables, sharpened where that is possible.

        Parameters
        ----------
        x : ndarray
            The solution over the columns of `built`.
        """
        place = built.columns(built.single.v)
        mult = built.columns([p.multiplier for p in built.single.pairs])
        point, mu = x[place], x[mult]
        slack = np.array(
            [
                p.slack.constant
                + sum(
                    a * x[built.matrix.columns[id(v)]]
                    for a, v in zip(p.slack.linear_coefs, p.slack.linear_vars, strict=True)
                )
                for p in built.single.pairs
            ]
        )
        self._round(point)
        sharp = self._sharpen(base, point, mu, slack, built.matrix.evaluate(x))
        return point if sharp is None else sharp

    def _round(self, point: np.ndarray) -> None:
        """Round integers and members of discrete domains to exact values, in place."""
        whole = self.problem.integer
        point[whole] = np.round(point[whole])
        for i, ranges in self.problem.domains.items():
            point[i] = nearest(ranges, point[i])

    def _sharpen(self, base: _Built, point, mu, slack, value: float) -> np.ndarray | None:
        """Fix integers and which side of every pair is zero, and solve what is left exactly.

        This removes the error of a big-M times an integrality tolerance. The result is kept only
        if it is not worse than the solver's solution by more than a rounding error.
        """
        m = base.matrix
        if m.nonconvex or m.quadratic_rows:
            return None
        lower, upper = m.lower.copy(), m.upper.copy()
        for (left, right), a, s in zip(base.pairs, mu, slack, strict=True):
            upper[left if a <= s else right] = 0.0
        whole = base.columns([v for v in base.single.v if not v.is_continuous()])
        values = point[[i for i, v in enumerate(base.single.v) if not v.is_continuous()]]
        lower[whole] = upper[whole] = values
        fixed = replace(m, lower=lower, upper=upper, integer=np.zeros_like(m.integer))
        h = highs_instance(fixed)
        if highs_run(h, linear=m.is_linear) != "optimal":
            return None
        x = np.array(h.getSolution().col_value)
        if m.evaluate(x) > value + 1e-5 * max(1.0, abs(value)):
            return None
        sharp = x[base.columns(base.single.v)]
        self._round(sharp)
        return sharp


def _relaxation_is_bounded(m: MatrixModel) -> bool:
    """Whether the convex relaxation has an optimum, or no point at all.

    SCIP calls models with special ordered sets optimal or infeasible that are unbounded.
    """
    m = replace(m, sos1=(), quadratic_rows=(), quadratic=() if m.nonconvex else m.quadratic)
    h = highs_instance(replace(m, nonconvex=False), integers=False)
    return highs_run(h, linear=m.is_linear) in ("optimal", "infeasible")
