"""Bounds that follow from the data: boxes of variables, largest slacks, largest multipliers.

Boxes and slacks hold on the high-point relaxation, which has all constraints of both levels but
does not ask the followers to answer optimally. Multipliers are bounded over all bases of the
constraint gradients: at any follower optimum, some KKT multiplier vector is supported on linearly
independent gradients. The bound is exact even where the set of all multipliers is unbounded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from mobile_storage.bilevel.matrix import MatrixModel
from mobile_storage.bilevel.model import Follower, Problem
from mobile_storage.bilevel.scaling import linked_parts
from mobile_storage.bilevel.solvers import Deadline, highs_instance

#: The bases of one block of a follower are enumerated up to this number.
BASIS_CAP = 200_000
#: A slack bound from interval arithmetic that exceeds this is computed again by a linear program.
LOOSE_BOUND = 1e4
#: With at most this many pairs, every slack is bounded by a linear program.
FEW_PAIRS = 60
#: A big-M is this multiple of its bound, so that a value at its big-M shows that a bound is wrong.
BIG_M_FACTOR = 2.0
BIG_M_OFFSET = 0.1
POLYHEDRON = "LP over the dual polyhedron"


class HighPointInfeasibleError(Exception):
    """No point satisfies the constraints of both levels."""


class HighPoint:
    """The high-point relaxation: its rows, a tightened box, and LPs over it.

    Its LPs raise :class:`OutOfTimeError` once ``deadline`` has passed.
    """

    def __init__(self, problem: Problem, deadline: Deadline | None = None) -> None:
        self.problem = problem
        self.deadline = deadline or Deadline()
        self.A, self.row_lower, self.row_upper = _high_point_rows(problem)
        self.lower, self.upper = _propagate(
            self.A,
            self.row_lower,
            self.row_upper,
            problem.lower.copy(),
            problem.upper.copy(),
            problem.integer,
        )
        self._lp: Any = None
        self._asked: dict[tuple[int, bool], float] = {}
        self._multipliers: dict[int, list[Bound]] = {}
        self._polyhedra: dict[int, DualPolyhedron] = {}

    def box(self, i: int) -> tuple[float, float]:
        """Finite bounds of a variable where they exist, by LP where propagation found none."""
        if not math.isfinite(self.lower[i]):
            self.lower[i] = -self._extreme(i, upper=False)
        if not math.isfinite(self.upper[i]):
            self.upper[i] = self._extreme(i, upper=True)
        return self.lower[i], self.upper[i]

    def _extreme(self, i: int, *, upper: bool) -> float:
        if (i, upper) not in self._asked:
            self._asked[i, upper] = self.maximise([i], [1.0 if upper else -1.0])
        return self._asked[i, upper]

    def multipliers(self, f: int) -> list[Bound]:
        """`multiplier_bounds` of a follower, computed once."""
        if f not in self._multipliers:
            self._multipliers[f] = multiplier_bounds(self.problem, self, f)
        return self._multipliers[f]

    def polyhedron(self, f: int) -> DualPolyhedron:
        """The LPs over a follower's multipliers, set up once."""
        if f not in self._polyhedra:
            self._polyhedra[f] = DualPolyhedron(self, self.problem.followers[f])
        return self._polyhedra[f]

    def equality_multiplier(self, f: int, j: int) -> Bound:
        """Bound on the size of an equality's multiplier; `multipliers` has it from bases only."""
        bound = self.multipliers(f)[j]
        if math.isfinite(bound.value):
            return bound
        value = max(self.polyhedron(f).largest(j, sign) for sign in (1.0, -1.0))
        return replace(bound, value=value, origin=POLYHEDRON)

    def maximise(self, columns, coefficients) -> float:
        """Largest value of a linear expression over the relaxation; ``inf`` if there is none."""
        n = len(self.lower)
        if self._lp is None:
            self._lp = highs_instance(
                MatrixModel(
                    np.zeros(n),
                    0.0,
                    (),
                    self.A,
                    self.row_lower,
                    self.row_upper,
                    self.problem.lower,
                    self.problem.upper,
                    np.zeros(n, dtype=bool),
                )
            )
        cost = np.zeros(n)
        np.add.at(cost, np.asarray(columns, dtype=int), np.asarray(coefficients, dtype=float))
        self._lp.changeColsCost(n, np.arange(n, dtype=np.int32), -cost)
        status = self.deadline.run(self._lp)
        if status == "infeasible":
            raise HighPointInfeasibleError
        if status != "optimal":
            return math.inf
        return -float(self._lp.getInfo().objective_function_value)


def _high_point_rows(problem: Problem):
    data, cols, starts, lower, upper = [], [], [0], [], []

    def add(ids, coefs, lo, up):
        data.extend(coefs)
        cols.extend(ids)
        starts.append(len(cols))
        lower.append(lo)
        upper.append(up)

    for shared in problem.rows:
        if not shared.body.quadratic:
            add(
                shared.body.linear.keys(),
                shared.body.linear.values(),
                shared.lower - shared.body.constant,
                shared.upper - shared.body.constant,
            )
    for follower in problem.followers:
        for row in follower.rows:
            ids = [*follower.y[row.a != 0], *follower.x[row.b != 0]]
            coefs = [*row.a[row.a != 0], *row.b[row.b != 0]]
            if len(ids) > 1 or row.equality:
                add(ids, coefs, row.rhs if row.equality else -np.inf, row.rhs)
            else:  # one variable: still a row, propagation turns it into a bound
                add(ids, coefs, -np.inf, row.rhs)
    shape = (len(starts) - 1, len(problem.variables))
    A = sparse.csr_matrix((np.array(data, dtype=float), cols, starts), shape)
    return A, np.array(lower, dtype=float), np.array(upper, dtype=float)


def _propagate(A, row_lower, row_upper, lower, upper, integer, rounds: int = 6):
    """Feasibility-based bound tightening, all rows at once, a few rounds.

    Infinite contributions are counted, so that a row with one unbounded variable still bounds it.
    """
    coo = A.tocoo()
    r, k, a = coo.row, coo.col, coo.data
    keep = a != 0
    r, k, a = r[keep], k[keep], a[keep]
    rows = A.shape[0]
    for _ in range(rounds):
        low = np.where(a > 0, a * lower[k], a * upper[k])
        high = np.where(a > 0, a * upper[k], a * lower[k])
        new_lower, new_upper = lower.copy(), upper.copy()
        for side, contribution, target in ((1.0, low, row_upper), (-1.0, -high, -row_lower)):
            # side * a v <= target - (smallest rest)
            infinite = ~np.isfinite(contribution)
            count = np.bincount(r, infinite, rows)
            total = np.bincount(r, np.where(infinite, 0.0, contribution), rows)
            others_infinite = count[r] - infinite
            rest = total[r] - np.where(infinite, 0.0, contribution)
            usable = (others_infinite == 0) & np.isfinite(target[r])
            with np.errstate(invalid="ignore"):
                limit = (target[r] - rest) / (side * a)
            up = usable & (side * a > 0)
            np.minimum.at(new_upper, k[up], limit[up])
            down = usable & (side * a < 0)
            np.maximum.at(new_lower, k[down], limit[down])
        new_upper[integer] = np.floor(new_upper[integer] + 1e-6)
        new_lower[integer] = np.ceil(new_lower[integer] - 1e-6)
        # Tiny violations are rounding; a real one is left for the solver to prove.
        crossed = new_lower > new_upper
        new_lower[crossed], new_upper[crossed] = lower[crossed], upper[crossed]
        if np.array_equal(new_lower, lower) and np.array_equal(new_upper, upper):
            break
        lower, upper = new_lower, new_upper
    return lower, upper


@dataclass(frozen=True)
class Bound:
    """A number, where it comes from, and what is missing when it is infinite."""

    value: float
    origin: str
    missing: str = ""

    @property
    def big_m(self) -> float:
        """The constant for a model."""
        return BIG_M_FACTOR * self.value + BIG_M_OFFSET


def slack_bounds(problem: Problem, high_point: HighPoint, n_pairs: int) -> list[list[Bound]]:
    """Largest slack of every inequality row, per follower."""
    result = []
    for follower in problem.followers:
        bounds = []
        for row in follower.rows:
            if row.equality:
                bounds.append(Bound(math.inf, "equality"))
                continue
            ids = np.concatenate([follower.y[row.a != 0], follower.x[row.b != 0]])
            coefs = -np.concatenate([row.a[row.a != 0], row.b[row.b != 0]])
            low, high = high_point.lower[ids], high_point.upper[ids]
            value = row.rhs + float(np.where(coefs > 0, coefs * high, coefs * low).sum())
            origin = "interval"
            if n_pairs <= FEW_PAIRS or not value <= LOOSE_BOUND:
                by_lp = row.rhs + high_point.maximise(ids, coefs)
                if not value <= by_lp:
                    value, origin = by_lp, "LP over the high-point relaxation"
            missing = ""
            if not math.isfinite(value):
                missing = _unbounded_variable(problem, high_point, ids, coefs)
            bounds.append(Bound(max(value, 0.0), origin, missing))
        result.append(bounds)
    return result


def _unbounded_variable(problem: Problem, high_point: HighPoint, ids, coefs) -> str:
    for i, a in zip(ids, coefs, strict=True):
        low, high = high_point.box(int(i))
        if not math.isfinite(high if a > 0 else low):
            return f"variable '{problem.names[i]}' has no {'upper' if a > 0 else 'lower'} bound"
    return "the constraints leave it unbounded"


def multiplier_bounds(problem: Problem, high_point: HighPoint, f: int) -> list[Bound]:
    """Largest size of the multiplier of every row of follower ``f``.

    The bounds hold together for some KKT multiplier vector at every follower optimum. Equalities
    are bounded by bases only.
    """
    follower = problem.followers[f]
    low, high, missing = _gradient_interval(problem, high_point, follower)
    values = np.full(len(follower.rows), np.inf)
    for variables, rows in _blocks(follower):
        if np.isfinite(low[variables]).all() and np.isfinite(high[variables]).all():
            values[rows] = _basis_bounds(
                follower.A[np.ix_(rows, variables)],
                follower.equality[rows],
                low[variables],
                high[variables],
                high_point.deadline,
            )
    origins = ["bases of the gradients"] * len(values)
    for j in np.flatnonzero(~np.isfinite(values) & ~follower.equality).tolist():
        values[j] = high_point.polyhedron(f).largest(j)
        origins[j] = POLYHEDRON
    result = []
    for j, row in enumerate(follower.rows):
        reason = ""
        if not math.isfinite(values[j]):
            reason = (
                next((missing[k] for k in np.flatnonzero(row.a) if missing[k]), "")
                or next((m for m in missing if m), "")
                or f"the follower has more than {BASIS_CAP} constraint bases, which are not "
                "enumerated, and its multipliers alone have no bound"
            )
        result.append(Bound(float(values[j]), origins[j], reason))
    return result


def _gradient_interval(problem: Problem, high_point: HighPoint, follower: Follower):
    """Interval of ``r = -(H y + c + cross x)`` over the box, and why it is infinite."""
    ids = np.concatenate([follower.y, follower.x])
    G = np.hstack([follower.hessian, follower.cross])
    low, high = -follower.c.copy(), -follower.c.copy()
    missing = [""] * len(follower.c)
    for k in range(len(follower.c)):
        for col in np.flatnonzero(G[k]):
            lo, up = high_point.box(int(ids[col]))
            a = -G[k, col]
            low[k] += a * lo if a > 0 else a * up
            high[k] += a * up if a > 0 else a * lo
            if not (math.isfinite(lo) and math.isfinite(up)):
                side = "lower" if math.isfinite(up) else "upper"
                missing[k] = f"variable '{problem.names[ids[col]]}' has no {side} bound"
    return low, high, missing


def _blocks(follower: Follower) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Independent parts of a follower's constraints: (variables, rows)."""
    of_variable, of_row = linked_parts(follower.A, np.zeros_like(follower.hessian))
    for part in np.unique(of_row):
        yield np.flatnonzero(of_variable == part), np.flatnonzero(of_row == part)


def _directions(A: np.ndarray):
    """Unique gradient directions, and each row's direction and factor (row = factor * dir)."""
    scale = np.abs(A).max(axis=1)
    first = np.array([row[np.flatnonzero(row)[0]] for row in A])
    factor = scale * np.sign(first)
    unit = np.round(A / factor[:, None], 12)
    directions, of_row = np.unique(unit, axis=0, return_inverse=True)
    return directions, of_row.ravel(), factor


def _independent(rows: np.ndarray) -> list[int]:
    """Greedy choice of linearly independent rows."""
    chosen: list[int] = []
    basis = np.zeros((0, rows.shape[1]))
    for k, row in enumerate(rows):
        rest = row - basis.T @ (basis @ row)
        rest -= basis.T @ (basis @ rest)
        norm = float(np.linalg.norm(rest))
        if norm > 1e-9 * max(1.0, float(np.linalg.norm(row))):
            chosen.append(k)
            basis = np.vstack([basis, rest / norm])
    return chosen


def _basis_bounds(A, equality, low, high, deadline: Deadline) -> np.ndarray:
    """Largest size of the multiplier of each row over all bases of the gradients.

    Parameters
    ----------
    A : array (rows, n)
        Gradients; no zero rows.
    equality : array (rows,) of bool
    low, high : arrays (n,)
        Interval of ``r`` in the stationarity condition ``A' mu = r``.

    Returns
    -------
    array (rows,)
        ``inf`` where there are more than ``BASIS_CAP`` bases.

    Notes
    -----
    Parallel rows share a direction: of two opposite bounds only one multiplier is needed. An
    equality's multiplier is free, so independent equalities belong to every basis.
    """
    directions, of_row, factor = _directions(A)
    fixed_all = np.unique(of_row[equality])
    fixed = fixed_all[_independent(directions[fixed_all])] if len(fixed_all) else fixed_all
    free = np.setdiff1d(np.arange(len(directions)), fixed_all)
    _, singular_values, Vt = np.linalg.svd(directions)
    rank = int((singular_values > 1e-9 * singular_values[0]).sum())
    V = Vt[:rank].T
    choose = rank - len(fixed)
    bounds = np.full(len(A), np.inf)
    if math.comb(len(free), choose) > BASIS_CAP:
        return bounds

    one_signed = np.zeros(len(directions))
    for d in free:
        signs = np.sign(factor[of_row == d])
        one_signed[d] = signs[0] if (signs == signs[0]).all() else 0.0
    largest, smallest = np.zeros(len(directions)), np.zeros(len(directions))
    projected = directions @ V
    combos = itertools.combinations(free, choose)
    while chunk := list(itertools.islice(combos, 20_000)):
        deadline.check()
        members = np.array(chunk, dtype=int).reshape(len(chunk), choose)
        members = np.hstack([np.tile(fixed, (len(members), 1)), members]).astype(int)
        matrices = projected[members].transpose(0, 2, 1)
        regular = np.abs(np.linalg.det(matrices)) > 1e-6
        doubtful = np.flatnonzero(~regular)
        if len(doubtful):
            s = np.linalg.svd(matrices[doubtful], compute_uv=False)
            regular[doubtful] = s[:, -1] > 1e-10 * s[:, 0]
        members = members[regular]
        G = np.linalg.inv(matrices[regular]) @ V.T
        positive, negative = np.maximum(G, 0.0), np.minimum(G, 0.0)
        up, down = positive @ high + negative @ low, positive @ low + negative @ high
        sign = one_signed[members]
        tolerance = 1e-9 * (1.0 + np.abs(up) + np.abs(down))
        possible = ~(((sign > 0) & (up < -tolerance)) | ((sign < 0) & (down > tolerance)))
        usable = possible.all(axis=1)
        np.maximum.at(largest, members[usable], up[usable])
        np.minimum.at(smallest, members[usable], down[usable])
    for j in range(len(A)):
        d = of_row[j]
        reach = (largest[d], -smallest[d])
        reach = max(reach) if equality[j] else reach[0 if factor[j] > 0 else 1]
        bounds[j] = max(reach, 0.0) / abs(factor[j])
    return bounds


class DualPolyhedron:
    """Extreme multipliers over stationarity, ``mu >= 0`` and the follower's own rows, by LP.

    One HiGHS model serves all rows of a follower: only the cost changes, and each LP starts from
    the last one's basis. A first LP finds every multiplier that has no bound, so that none of them
    is asked for one by one.
    """

    def __init__(self, high_point: HighPoint, follower: Follower) -> None:
        self.high_point, self.follower = high_point, follower
        self._lp: Any = None
        self._endless: np.ndarray | None = None

    def largest(self, j: int, sign: float = 1.0) -> float:
        """Largest value of ``sign * mu_j``; ``inf`` where there is none."""
        if not self.follower.equality[j] and self._on_rays()[j]:
            return math.inf
        if self._lp is None:
            self._lp = self._model()
        columns = self._lp.getNumCol()
        cost = np.zeros(columns)
        cost[columns - len(self.follower.rows) + j] = -sign
        self._lp.changeColsCost(columns, np.arange(columns, dtype=np.int32), cost)
        if self.high_point.deadline.run(self._lp) != "optimal":
            return math.inf
        return -float(self._lp.getInfo().objective_function_value)

    def _model(self):
        """The LP without cost; its last columns are the multipliers."""
        follower, high_point = self.follower, self.high_point
        A = sparse.csr_matrix(follower.A)
        G = np.hstack([follower.hessian, follower.cross])
        matrix, row_lower, row_upper = A.T, -follower.c, -follower.c
        ids = np.zeros(0, dtype=int)
        if G.any():
            # The gradient moves with the decisions, which meet the follower's rows.
            ids = np.concatenate([follower.y, follower.x])
            matrix = sparse.bmat([[G, A.T], [np.hstack([follower.A, follower.B]), None]])
            row_lower = np.concatenate(
                [row_lower, np.where(follower.equality, follower.rhs, -np.inf)]
            )
            row_upper = np.concatenate([row_upper, follower.rhs])
        free = np.where(follower.equality, -np.inf, 0.0)
        n = len(ids) + len(free)
        return highs_instance(
            MatrixModel(
                np.zeros(n),
                0.0,
                (),
                sparse.csr_matrix(matrix),
                row_lower,
                row_upper,
                np.concatenate([high_point.lower[ids], free]),
                np.concatenate([high_point.upper[ids], np.full(len(free), np.inf)]),
                np.zeros(n, dtype=bool),
            )
        )

    def _on_rays(self) -> np.ndarray:
        """Rows (bool) whose multiplier grows without end along ``A' d = 0``, ``d >= 0``.

        The LP ``max sum_j t_j`` with ``d = t + e``, ``0 <= t <= 1``, ``0 <= e`` puts ``t_j = 1`` at
        every row that some ray contains, because rays add up and may be stretched.
        """
        if self._endless is None:
            equality = self.follower.equality
            k, n = int((~equality).sum()), len(self.follower.y)
            A = sparse.csr_matrix(self.follower.A)
            inequalities = A[~equality].T
            columns = 2 * k + int(equality.sum())
            lp = highs_instance(
                MatrixModel(
                    np.concatenate([-np.ones(k), np.zeros(columns - k)]),
                    0.0,
                    (),
                    sparse.hstack([inequalities, inequalities, A[equality].T]).tocsr(),
                    np.zeros(n),
                    np.zeros(n),
                    np.concatenate([np.zeros(2 * k), np.full(columns - 2 * k, -np.inf)]),
                    np.concatenate([np.ones(k), np.full(columns - k, np.inf)]),
                    np.zeros(columns, dtype=bool),
                )
            )
            self._endless = np.zeros(len(equality), dtype=bool)
            if self.high_point.deadline.run(lp) == "optimal":
                self._endless[~equality] = np.array(lp.getSolution().col_value)[:k] > 0.5
        return self._endless
