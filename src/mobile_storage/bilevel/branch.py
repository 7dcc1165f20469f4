"""Branch and bound on the complementarity pairs (Bard and Moore 1990); it needs no big-M.

Bard, J. F. and Moore, J. T. (1990): A branch and bound algorithm for the bilevel programming
problem. SIAM Journal on Scientific and Statistical Computing 11(2), 281-292.

A node fixes some multipliers or slacks to zero (and bounds integers) and solves a linear or
convex quadratic relaxation. A relaxation can be unbounded although the problem is not. Such a node
is split, and only an unbounded node with every pair decided proves unboundedness.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mobile_storage.bilevel.errors import MethodError
from mobile_storage.bilevel.matrix import MatrixModel
from mobile_storage.bilevel.solvers import (
    Limits,
    RawSolution,
    gurobi_environment,
    gurobi_model,
    gurobi_optimize,
    gurobi_status,
    highs_instance,
    highs_run,
    solve,
)

COMPLEMENTARITY_TOLERANCE = 1e-8
INTEGRALITY_TOLERANCE = 1e-7
#: Nodes cheaper than the incumbent by less than this share are not worth exploring.
PRUNE_MARGIN = 1e-10
DEFAULT_NODES = 500_000


def branch_and_bound(
    model: MatrixModel,
    pairs: Sequence[tuple[int, int]],
    solver: str,
    limits: Limits,
    cutoff: float = math.inf,
) -> RawSolution:
    """Minimise with ``v[i] * v[j] = 0`` for every pair of nonnegative columns.

    Parameters
    ----------
    model
        Without SOS1 sets; linear or convex quadratic.
    pairs
        Columns of multiplier and slack.
    solver
        ``highs`` or ``gurobi`` for the relaxations.
    cutoff
        Only solutions below this value are searched for.
    """
    if solver not in ("highs", "gurobi"):
        raise MethodError("method='branch' solves its relaxations with 'highs' or 'gurobi'.")
    if model.nonconvex:
        raise MethodError("method='branch' needs a convex leader problem.")
    relax = _HighsRelaxation(model) if solver == "highs" else _GurobiRelaxation(model)
    try:
        return _Search(model, pairs, solver, limits, cutoff, relax).run()
    finally:
        relax.close()


class _Search:
    def __init__(self, model, pairs, solver, limits, cutoff, relax) -> None:
        self.model, self.solver, self.limits, self.relax = model, solver, limits, relax
        self.left = np.array([p[0] for p in pairs], dtype=int)
        self.right = np.array([p[1] for p in pairs], dtype=int)
        self.integers = np.flatnonzero(model.integer)
        self.best, self.point = cutoff, None
        self.nodes = 0
        self.deadline = math.inf
        if limits.time_s is not None:
            self.deadline = time.monotonic() + limits.time_s
        self.max_nodes = DEFAULT_NODES if limits.nodes is None else limits.nodes

    def run(self) -> RawSolution:
        # A node: (bound, -depth, tie-break, fixings); fixings are (column, lower, upper).
        # Depth first until there is an incumbent, best bound first from then on.
        nodes: list = [(-math.inf, 0, 0, ())]
        count, sorted_by_bound = 0, False
        while nodes:
            if self.point is not None and not sorted_by_bound:
                heapq.heapify(nodes)
                sorted_by_bound = True
            if self.nodes >= self.max_nodes or time.monotonic() > self.deadline:
                return self._finish("limit", min(n[0] for n in nodes))
            bound, depth, _, fixings = heapq.heappop(nodes) if sorted_by_bound else nodes.pop()
            if bound >= self.best - self._slack():
                if sorted_by_bound:
                    return self._finish("optimal", min(bound, self.best))
                continue
            lower, upper = self.model.lower.copy(), self.model.upper.copy()
            for column, lo, up in fixings:
                lower[column], upper[column] = max(lower[column], lo), min(upper[column], up)
            if (lower > upper).any():
                continue
            self.nodes += 1
            raw = self.relax.solve(lower, upper)
            if raw.status == "infeasible":
                continue
            if raw.status == "unbounded":
                children = self._split_undecided(lower, upper)
                if not children:
                    if self._has_point(lower, upper):
                        return RawSolution("unbounded", nodes=self.nodes, message="a ray remains")
                    continue
                value = -math.inf
            elif raw.status == "optimal":
                # A child cannot be better than its parent; only rounding says otherwise.
                value = max(bound, raw.objective)
                if value >= self.best - self._slack():
                    continue
                children = self._split(raw.x, lower, upper)
                if not children:
                    self.best, self.point = raw.objective, raw.x
                    continue
            else:
                return RawSolution("error", nodes=self.nodes, message=raw.message)
            for child in children:
                count += 1
                node = (value, depth - 1, -count, (*fixings, child))
                if sorted_by_bound:
                    heapq.heappush(nodes, node)
                else:
                    nodes.append(node)
        return self._finish("optimal" if self.point is not None else "infeasible", self.best)

    def _slack(self) -> float:
        if not math.isfinite(self.best):
            return 0.0
        return max(self.limits.gap, PRUNE_MARGIN) * max(1.0, abs(self.best))

    def _finish(self, status: str, bound: float) -> RawSolution:
        has_point = self.point is not None
        return RawSolution(
            status,
            self.point,
            self.best if has_point else None,
            bound if math.isfinite(bound) else None,
            self.nodes,
            f"branch and bound with {self.solver}, {self.nodes} nodes",
        )

    def _split(self, x, lower, upper) -> list[tuple[int, float, float]]:
        """Two children at a fractional integer or the most violated pair; none if feasible."""
        if len(self.integers):
            fraction = np.abs(x[self.integers] - np.round(x[self.integers]))
            k = int(np.argmax(fraction))
            if fraction[k] > INTEGRALITY_TOLERANCE:
                column, down = int(self.integers[k]), math.floor(x[self.integers[k]])
                children = [(column, -math.inf, down), (column, down + 1, math.inf)]
                return children if x[column] - down > 0.5 else children[::-1]
        if not len(self.left):
            return []
        undecided = (upper[self.left] > 0) & (upper[self.right] > 0)
        a, b = x[self.left], x[self.right]
        both = np.where(undecided, np.minimum(a, b), 0.0)
        if both.max() <= COMPLEMENTARITY_TOLERANCE:
            return []
        k = int(np.argmax(np.where(undecided, a * b, 0.0)))
        return self._fix(k, last=self.left if a[k] < b[k] else self.right)

    def _fix(self, k: int, last: np.ndarray) -> list[tuple[int, float, float]]:
        """One child per side of a pair; the one to explore first comes last."""
        first = self.right if last is self.left else self.left
        return [(int(first[k]), -math.inf, 0.0), (int(last[k]), -math.inf, 0.0)]

    def _split_undecided(self, lower, upper) -> list[tuple[int, float, float]]:
        """Children of an unbounded node: the first pair not decided yet."""
        open_pairs = np.flatnonzero((upper[self.left] > 0) & (upper[self.right] > 0))
        return self._fix(int(open_pairs[0]), last=self.left) if len(open_pairs) else []

    def _has_point(self, lower, upper) -> bool:
        """Whether an unbounded, fully decided node holds a point: a ray alone proves nothing."""
        m = self.model
        feasibility = replace(
            m, cost=np.zeros(m.n_variables), quadratic=(), lower=lower, upper=upper
        )
        return solve(feasibility, self.solver, Limits()).status == "optimal"


class _HighsRelaxation:
    def __init__(self, model: MatrixModel) -> None:
        self.model = model
        self.h = highs_instance(model, integers=False)
        self.columns = np.arange(model.n_variables, dtype=np.int32)

    def solve(self, lower, upper) -> RawSolution:
        h = self.h
        h.changeColsBounds(len(self.columns), self.columns, lower, upper)
        if self.model.quadratic:
            h.clearSolver()
        status = highs_run(h, linear=self.model.is_linear)
        if status != "optimal":
            return RawSolution(status, message=f"HiGHS: {h.getModelStatus()}")
        x = np.array(h.getSolution().col_value)
        return RawSolution("optimal", x, self.model.evaluate(x))

    def close(self) -> None:
        self.h.clear()


class _GurobiRelaxation:
    def __init__(self, model: MatrixModel) -> None:
        self.model = replace(model, integer=np.zeros(model.n_variables, dtype=bool))
        self.env = gurobi_environment()
        self.m, self.v = gurobi_model(self.model, self.env)

    def solve(self, lower, upper) -> RawSolution:
        self.v.LB, self.v.UB = lower, upper
        gurobi_optimize(self.m)
        status = gurobi_status(self.m)
        if status != "optimal":
            return RawSolution(status, message=f"Gurobi status {self.m.Status}")
        x = np.asarray(self.v.X)
        return RawSolution("optimal", x, self.model.evaluate(x))

    def close(self) -> None:
        self.m.dispose()
        self.env.dispose()
