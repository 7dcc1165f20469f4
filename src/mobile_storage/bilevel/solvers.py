"""Gurobi, HiGHS and SCIP on a :class:`MatrixModel`, with deterministic settings.

Each back-end returns a :class:`RawSolution`. It raises :class:`SolverUnavailableError` if another
solver should be tried: the package is missing, or the licence is missing, expired or too small.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from scipy import sparse

from mobile_storage.bilevel.errors import MethodError, SolverUnavailableError
from mobile_storage.bilevel.matrix import MatrixModel

log = logging.getLogger(__name__)

#: Order in which ``solver="auto"`` tries them.
SOLVERS = ("gurobi", "highs", "scip")
FEASIBILITY_TOLERANCE = 1e-9
#: Of HiGHS' option ``simplex_strategy``.
PRIMAL_SIMPLEX = 4
SEED = 1


@dataclass(frozen=True)
class Limits:
    """When to stop; ``gap`` is relative."""

    gap: float = 0.0
    time_s: float | None = None
    nodes: int | None = None


@dataclass(frozen=True)
class RawSolution:
    """``status``: optimal, infeasible, unbounded, limit, open or error.

    ``open``: the solver stopped by itself without a proof. ``bound`` is that of a minimisation.
    """

    status: str
    x: np.ndarray | None = None
    objective: float | None = None
    bound: float | None = None
    nodes: int | None = None
    message: str = ""


class OutOfTimeError(Exception):
    """A deadline has passed."""


@dataclass(frozen=True)
class Deadline:
    """A moment on `clock` (seconds) at which work stops; without one there is no limit."""

    at: float = math.inf
    clock: Callable[[], float] = time.perf_counter

    def left(self) -> float:
        """Seconds that are left; 0 once it has passed."""
        return max(self.at - self.clock(), 0.0)

    def share(self, part: float) -> Deadline:
        """An earlier deadline, after a share of the time that is left."""
        return Deadline(self.clock() + part * self.left(), self.clock)

    def check(self) -> None:
        """Raise OutOfTimeError once it has passed."""
        if self.clock() >= self.at:
            raise OutOfTimeError

    def run(self, h) -> str:
        """`highs_run` of an LP within the time that is left.

        Raises
        ------
        OutOfTimeError
            Before or in the middle of the run.
        """
        self.check()
        if self.at < math.inf:
            # HiGHS counts all runs of an instance.
            h.setOptionValue("time_limit", h.getRunTime() + self.left())
        status = highs_run(h, linear=True)
        if status == "limit":
            raise OutOfTimeError
        return status


def import_solver(name: str) -> ModuleType:
    """The solver's Python package."""
    package = {"gurobi": "gurobipy", "highs": "highspy", "scip": "pyscipopt"}[name]
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise SolverUnavailableError(f"{package} is not installed ({error})") from error


def solver_version(name: str) -> str:
    """Version of the solver, or an empty string if it cannot be loaded."""
    try:
        module = import_solver(name)
    except SolverUnavailableError:
        return ""
    if name == "gurobi":
        return ".".join(str(part) for part in module.gurobi.version())
    if name == "highs":
        return module.Highs().version()
    return module.__version__


def solve(model: MatrixModel, name: str, limits: Limits) -> RawSolution:
    """Solve with one named solver."""
    return {"gurobi": _solve_gurobi, "highs": _solve_highs, "scip": _solve_scip}[name](
        model, limits
    )


@contextlib.contextmanager
def _stderr_to_log() -> Iterator[None]:
    """Send to the log what a C library writes to the process's standard error."""
    try:
        sys.stderr.flush()
        usual = os.dup(2)
    except (OSError, ValueError, AttributeError):  # there is none
        yield
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(usual, 2)
            os.close(usual)
            file.seek(0)
            for line in file.read().decode(errors="replace").splitlines():
                log.debug("solver: %s", line)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) and abs(value) < 1e20 else None


# ------------------------------------------------------------------------------------- Gurobi


def gurobi_environment():
    """A quiet Gurobi environment.

    Raises
    ------
    SolverUnavailableError
        No gurobipy, or no valid licence.
    """
    gp = import_solver("gurobi")
    try:
        env = gp.Env(empty=True)
        env.setParam("OutputFlag", 0)
        env.start()
    except gp.GurobiError as error:
        raise SolverUnavailableError(f"no valid Gurobi licence: {error}") from error
    return env


def gurobi_model(model: MatrixModel, env):
    """The arrays as a gurobipy model and its columns."""
    gp = import_solver("gurobi")
    grb = gp.GRB
    m = gp.Model(env=env)
    v = m.addMVar(
        model.n_variables,
        lb=model.lower,
        ub=model.upper,
        vtype=np.where(model.integer, grb.INTEGER, grb.CONTINUOUS),
    )
    for low, up, sense in ((True, False, ">"), (False, True, "<"), (True, True, "=")):
        equal = model.row_lower == model.row_upper
        if low and up:
            mask, rhs = equal, model.row_upper
        elif low:
            mask, rhs = ~equal & np.isfinite(model.row_lower), model.row_lower
        else:
            mask, rhs = ~equal & np.isfinite(model.row_upper), model.row_upper
        if mask.any():
            m.addMConstr(model.A[mask], v, sense, rhs[mask])
    columns = v.tolist()
    quad = gp.QuadExpr()
    for i, j, a in model.quadratic:
        quad.addTerms(a, columns[i], columns[j])
    m.setObjective(quad + gp.LinExpr(model.cost.tolist(), columns) + model.offset)
    for row in model.quadratic_rows:
        body = gp.QuadExpr(gp.LinExpr(row.coefficients.tolist(), [columns[k] for k in row.columns]))
        for i, j, a in row.terms:
            body.addTerms(a, columns[i], columns[j])
        if row.lower == row.upper:
            m.addQConstr(body, grb.EQUAL, row.upper)
            continue
        if np.isfinite(row.lower):
            m.addQConstr(body, grb.GREATER_EQUAL, row.lower)
        if np.isfinite(row.upper):
            m.addQConstr(body, grb.LESS_EQUAL, row.upper)
    for i, j in model.sos1:
        m.addSOS(grb.SOS_TYPE1, [columns[i], columns[j]])
    return m, v


def gurobi_optimize(m, *, limits: Limits | None = None, nonconvex: bool = False):
    """Run with fixed settings; resolve an INF_OR_UNBD verdict."""
    gp = import_solver("gurobi")
    limits = limits or Limits()
    settings = {
        "Threads": 1,
        "Seed": SEED,
        "MIPGap": limits.gap,
        "MIPGapAbs": 1e-10,
        "FeasibilityTol": FEASIBILITY_TOLERANCE,
        "OptimalityTol": FEASIBILITY_TOLERANCE,
        "IntFeasTol": FEASIBILITY_TOLERANCE,
        "NonConvex": 2 if nonconvex else 1,
    }
    if limits.time_s is not None:
        settings["TimeLimit"] = limits.time_s
    if limits.nodes is not None:
        settings["NodeLimit"] = limits.nodes
    for key, value in settings.items():
        m.setParam(key, value)
    try:
        m.optimize()
        if m.Status == gp.GRB.INF_OR_UNBD:
            m.setParam("DualReductions", 0)
            if limits.time_s is not None:
                m.setParam("TimeLimit", max(limits.time_s - m.Runtime, 0.0))
            m.optimize()
    except gp.GurobiError as error:
        if error.errno in (gp.GRB.Error.SIZE_LIMIT_EXCEEDED, gp.GRB.Error.NO_LICENSE):
            raise SolverUnavailableError(
                f"Gurobi's licence does not admit the model "
                f"({m.NumVars} variables, {m.NumConstrs} constraints): {error}"
            ) from error
        raise


def gurobi_status(m) -> str:
    """One of the words of :class:`RawSolution`."""
    grb = import_solver("gurobi").GRB
    return {
        grb.OPTIMAL: "optimal",
        grb.INFEASIBLE: "infeasible",
        grb.UNBOUNDED: "unbounded",
        grb.TIME_LIMIT: "limit",
        grb.NODE_LIMIT: "limit",
    }.get(m.Status, "open")


def _solve_gurobi(model: MatrixModel, limits: Limits) -> RawSolution:
    with gurobi_environment() as env:
        m, v = gurobi_model(model, env)
        with m:
            try:
                gurobi_optimize(m, limits=limits, nonconvex=model.nonconvex)
            except import_solver("gurobi").GurobiError as error:
                return RawSolution("error", message=f"Gurobi: {error}")
            status = gurobi_status(m)
            has_point = m.SolCount > 0
            bound = None
            if status in ("optimal", "limit"):
                bound = _finite(m.ObjBound if m.IsMIP else m.ObjVal)
            return RawSolution(
                status,
                np.asarray(v.X) if has_point else None,
                float(m.ObjVal) if has_point else None,
                bound,
                int(m.NodeCount) if m.IsMIP else 0,
                f"Gurobi status {m.Status}",
            )


# -------------------------------------------------------------------------------------- HiGHS


def highs_instance(
    model: MatrixModel, *, integers: bool = True, feasibility: float = FEASIBILITY_TOLERANCE
):
    """A quiet HiGHS object loaded with the model."""
    hp = import_solver("highs")
    if model.sos1 or model.quadratic_rows or model.nonconvex:
        raise MethodError("HiGHS takes neither SOS1 sets nor quadratic constraints.")
    if model.quadratic and integers and model.integer.any():
        raise MethodError("HiGHS takes no mixed-integer quadratic problem.")
    h = hp.Highs()
    h.silent()
    for option, value in (
        ("threads", 1),
        ("random_seed", SEED),
        ("primal_feasibility_tolerance", feasibility),
        ("dual_feasibility_tolerance", feasibility),
        ("mip_feasibility_tolerance", feasibility),
        ("qp_regularization_value", 0.0),
    ):
        h.setOptionValue(option, value)
    lp = hp.HighsLp()
    lp.num_col_, lp.num_row_ = model.n_variables, model.A.shape[0]
    lp.col_cost_, lp.offset_ = model.cost, model.offset
    lp.col_lower_, lp.col_upper_ = model.lower, model.upper
    lp.row_lower_, lp.row_upper_ = model.row_lower, model.row_upper
    A = model.A.tocsc()
    lp.a_matrix_.format_ = hp.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = A.indptr, A.indices, A.data
    if integers and model.integer.any():
        lp.integrality_ = [
            hp.HighsVarType.kInteger if k else hp.HighsVarType.kContinuous for k in model.integer
        ]
    h.passModel(lp)
    if model.quadratic:
        h.passHessian(_highs_hessian(model, hp))
    return h


def _highs_hessian(model: MatrixModel, hp):
    """Lower triangle, column-wise, of the Hessian (HiGHS minimises ``c'v + v'Hv/2``)."""
    i, j, a = (np.array(k) for k in zip(*model.quadratic, strict=True))
    n = model.n_variables
    lower = sparse.csc_matrix((np.where(i == j, 2.0 * a, a), (j, i)), shape=(n, n))
    lower.sort_indices()
    hessian = hp.HighsHessian()
    hessian.dim_ = n
    hessian.format_ = hp.HessianFormat.kTriangular
    hessian.start_, hessian.index_, hessian.value_ = lower.indptr, lower.indices, lower.data
    return hessian


def highs_status(h) -> str:
    """One of the words of :class:`RawSolution`, or ``unknown`` where presolve left it open."""
    hp = import_solver("highs")
    s = hp.HighsModelStatus
    return {
        s.kOptimal: "optimal",
        s.kInfeasible: "infeasible",
        s.kUnbounded: "unbounded",
        s.kUnboundedOrInfeasible: "unknown",
        s.kTimeLimit: "limit",
        s.kSolutionLimit: "limit",
        s.kIterationLimit: "limit",
        s.kModelEmpty: "optimal",
    }.get(h.getModelStatus(), "error")


def highs_run(h, *, linear: bool) -> str:
    """Run HiGHS, and run it again with other options if it leaves the status open."""
    h.run()
    status = highs_status(h)
    if status == "unknown" or (status == "error" and linear):
        status = _again(h, "presolve", "off")
    if status == "error":
        # The QP solver can stall on a semidefinite Hessian without regularisation, the dual
        # simplex method on an unbounded LP.
        other = (
            ("simplex_strategy", PRIMAL_SIMPLEX) if linear else ("qp_regularization_value", 1e-7)
        )
        status = _again(h, *other)
    return status


def _again(h, option: str, value) -> str:
    """Status of another run from scratch with one option changed."""
    _, usual = h.getOptionValue(option)
    h.clearSolver()
    h.setOptionValue(option, value)
    h.run()
    h.setOptionValue(option, usual)
    return highs_status(h)


def _solve_highs(model: MatrixModel, limits: Limits) -> RawSolution:
    if model.n_variables == 0:
        return _solve_empty(model)
    h = highs_instance(model)
    h.setOptionValue("mip_rel_gap", limits.gap)
    h.setOptionValue("mip_abs_gap", 1e-10)
    if limits.time_s is not None:
        h.setOptionValue("time_limit", float(limits.time_s))
    if limits.nodes is not None:
        h.setOptionValue("mip_max_nodes", int(limits.nodes))
    status = highs_run(h, linear=model.is_linear)
    info = h.getInfo()
    is_mip = bool(model.integer.any())
    # A MILP's 'infeasible or unbounded' without presolve: feasible without objective?
    if status == "unknown":
        status = _feasible_without_objective(model, limits)
    has_point = info.primal_solution_status == 2
    bound = None
    if status in ("optimal", "limit"):
        bound = _finite(info.mip_dual_bound if is_mip else info.objective_function_value)
    return RawSolution(
        status,
        np.array(h.getSolution().col_value)
        if has_point and status in ("optimal", "limit")
        else None,
        float(info.objective_function_value) if has_point else None,
        bound,
        int(info.mip_node_count) if is_mip else 0,
        f"HiGHS: {h.modelStatusToString(h.getModelStatus())}",
    )


def _feasible_without_objective(model: MatrixModel, limits: Limits) -> str:
    """Unbounded if a point exists (the verdict was 'infeasible or unbounded'), else infeasible."""
    h = highs_instance(model)
    n = model.n_variables
    h.changeColsCost(n, np.arange(n, dtype=np.int32), np.zeros(n))
    if limits.time_s is not None:
        h.setOptionValue("time_limit", float(limits.time_s))
    h.run()
    return {"optimal": "unbounded", "infeasible": "infeasible"}.get(highs_status(h), "error")


def _solve_empty(model: MatrixModel) -> RawSolution:
    feasible = bool(np.all(model.row_lower <= 0) and np.all(model.row_upper >= 0))
    if not feasible:
        return RawSolution("infeasible")
    return RawSolution("optimal", np.zeros(0), model.offset, model.offset, 0)


# --------------------------------------------------------------------------------------- SCIP


def _solve_scip(model: MatrixModel, limits: Limits) -> RawSolution:
    ps = import_solver("scip")
    try:
        with _stderr_to_log():
            return _run_scip(ps, model, limits)
    except Exception as error:  # PySCIPOpt raises nothing more special
        return RawSolution("error", message=f"SCIP: {str(error).removeprefix('SCIP: ')}")


def _run_scip(ps: ModuleType, model: MatrixModel, limits: Limits) -> RawSolution:
    m = ps.Model()
    m.hideOutput()
    for parameter, value in (
        ("numerics/feastol", FEASIBILITY_TOLERANCE),
        ("limits/gap", limits.gap),
        ("randomization/randomseedshift", SEED),
        ("parallel/maxnthreads", 1),
    ):
        m.setParam(parameter, value)
    if limits.time_s is not None:
        m.setParam("limits/time", float(limits.time_s))
    if limits.nodes is not None:
        m.setParam("limits/nodes", int(limits.nodes))
    v = [
        m.addVar(
            lb=None if np.isneginf(lo) else float(lo),
            ub=None if np.isposinf(up) else float(up),
            vtype="I" if integer else "C",
        )
        for lo, up, integer in zip(model.lower, model.upper, model.integer, strict=True)
    ]
    A = model.A
    for r in range(A.shape[0]):
        span = slice(A.indptr[r], A.indptr[r + 1])
        body = ps.quicksum(
            float(a) * v[k] for a, k in zip(A.data[span], A.indices[span], strict=True)
        )
        if span.start == span.stop:
            if not model.row_lower[r] <= 0.0 <= model.row_upper[r]:
                return RawSolution("infeasible", message="an empty row is violated")
            continue
        _scip_row(m, body, model.row_lower[r], model.row_upper[r])
    for row in model.quadratic_rows:
        body = ps.quicksum(
            float(a) * v[k] for a, k in zip(row.coefficients, row.columns, strict=True)
        ) + ps.quicksum(float(a) * v[i] * v[j] for i, j, a in row.terms)
        _scip_row(m, body, row.lower, row.upper)
    for i, j in model.sos1:
        m.addConsSOS1([v[i], v[j]], weights=[1, 2])
    objective = ps.quicksum(float(a) * v[k] for k, a in enumerate(model.cost) if a)
    if model.quadratic:
        # SCIP's objective is linear: an epigraph variable carries the quadratic part.
        epigraph = m.addVar(lb=None, ub=None)
        m.addCons(epigraph >= ps.quicksum(float(a) * v[i] * v[j] for i, j, a in model.quadratic))
        objective = objective + epigraph
    m.setObjective(objective + model.offset, "minimize")
    m.optimize()
    if m.getStatus() == "inforunbd":
        m.freeTransform()
        m.setParam("presolving/maxrounds", 0)
        m.setParam("misc/allowstrongdualreds", False)
        m.optimize()
    status = {
        "optimal": "optimal",
        "gaplimit": "optimal",
        "infeasible": "infeasible",
        "unbounded": "unbounded",
        "inforunbd": "unbounded",
        "timelimit": "limit",
        "nodelimit": "limit",
        "totalnodelimit": "limit",
    }.get(m.getStatus(), "error")
    has_point = m.getNSols() > 0 and status in ("optimal", "limit")
    x = None
    if has_point:
        best = m.getBestSol()
        x = np.array([m.getSolVal(best, var) for var in v])
    return RawSolution(
        status,
        x,
        None if x is None else model.evaluate(x),
        _finite(m.getDualbound()) if status in ("optimal", "limit") else None,
        int(m.getNTotalNodes()),
        f"SCIP: {m.getStatus()}",
    )


def _scip_row(m, body, lower: float, upper: float) -> None:
    if lower == upper:
        m.addCons(body == float(upper))
        return
    if np.isfinite(lower):
        m.addCons(body >= float(lower))
    if np.isfinite(upper):
        m.addCons(body <= float(upper))
