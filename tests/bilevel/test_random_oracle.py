"""Random small problems against an oracle that enumerates the followers' active sets by SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pyomo.environ as pyo
import pytest
from scipy.optimize import linprog

from mobile_storage.bilevel import solve_bilevel

WAYS = [
    ("sos1", "gurobi"),
    ("bigm", "highs"),
    ("gdp.hull", "highs"),
    ("branch", "highs"),
    ("sos1", "scip"),
]


def draw(seed):
    """Integer data of a problem with a coupling row now and then, boxes, and price terms D."""
    rng = np.random.default_rng(seed)
    nx, ny = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    ml, mf = int(rng.integers(0, 2)), int(rng.integers(1, 4))
    return {
        "nx": nx,
        "ny": ny,
        "F": rng.integers(-5, 6, nx + ny),
        "c": rng.integers(-5, 6, ny),
        "D": rng.integers(-2, 3, (ny, nx)) * (rng.random() < 0.4),
        "G": rng.integers(-4, 5, (ml, nx + ny)),
        "g": rng.integers(-2, 12, ml),
        "A": rng.integers(-4, 5, (mf, nx + ny)),
        "b": rng.integers(-2, 12, mf),
        "upper": rng.integers(3, 10, nx + ny),
    }


def model(d):
    m = pyo.ConcreteModel()
    m.x = pyo.Var(range(d["nx"]), bounds=lambda _, i: (0, int(d["upper"][i])))
    m.f = pyo.Block()
    m.f.y = pyo.Var(range(d["ny"]), bounds=lambda _, i: (0, int(d["upper"][d["nx"] + i])))
    v = [*m.x.values(), *m.f.y.values()]
    m.o = pyo.Objective(expr=sum(int(a) * w for a, w in zip(d["F"], v, strict=True)))
    m.rows, m.f.rows = pyo.ConstraintList(), pyo.ConstraintList()
    for rows, A, b in ((m.rows, d["G"], d["g"]), (m.f.rows, d["A"], d["b"])):
        for a, rhs in zip(A, b, strict=True):
            if a.any():
                body = sum(int(k) * w for k, w in zip(a, v, strict=True))
                rows.add(body <= int(rhs))
    m.f.o = pyo.Objective(
        expr=sum(int(a) * m.f.y[i] for i, a in enumerate(d["c"]))
        + sum(int(a) * m.x[k] * m.f.y[i] for (i, k), a in np.ndenumerate(d["D"]))
    )
    return m


def oracle(d):
    """Least F over all choices of active follower rows; None if there is no bilevel point."""
    nx, ny = d["nx"], d["ny"]
    unit = np.hstack([np.zeros((ny, nx)), np.eye(ny)])
    A = np.vstack([d["A"], unit, -unit])
    b = np.concatenate([d["b"], d["upper"][nx:], np.zeros(ny)])
    rows = len(A)
    own = [j for j in range(rows) if A[j, nx:].any()]
    stationarity = np.hstack([d["D"], np.zeros((ny, ny)), A[:, nx:].T])
    A_ub = np.hstack([np.vstack([d["G"], A]), np.zeros((len(d["G"]) + rows, rows))])
    values = []
    for pattern in itertools.product((False, True), repeat=len(own)):
        bounds = [(0, u) for u in d["upper"]] + [(0, 0)] * rows
        equal, rhs = [*stationarity], [*-d["c"]]
        for j in itertools.compress(own, pattern):
            bounds[nx + ny + j] = (0, None)
            equal.append(np.concatenate([A[j], np.zeros(rows)]))
            rhs.append(b[j])
        cost = np.concatenate([d["F"], np.zeros(rows)])
        found = linprog(cost, A_ub, np.concatenate([d["g"], b]), np.array(equal), rhs, bounds)
        if found.status == 0:
            values.append(found.fun)
    return min(values, default=None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_every_method_finds_the_enumerated_optimum(seed):
    d = draw(seed)
    expected = oracle(d)
    for method, solver in WAYS:
        m = model(d)
        r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
        if expected is None:
            assert r.status == "infeasible", (method, solver)
            continue
        assert r.status == "optimal", (method, solver, r.message)
        assert r.objective == pytest.approx(expected, abs=1e-6, rel=1e-6), (method, solver)
        # The leader minimises: an adverse response cannot be better than the optimistic one.
        assert r.worst_case >= r.objective - 1e-6


def test_the_oracle_sees_both_kinds():
    """The seeds hold infeasible and feasible problems, so that neither branch is idle."""
    kinds = {oracle(draw(seed)) is None for seed in (9, 10)}
    assert kinds == {True, False}


def quadratic(seed):
    """Convex quadratic leader, convex quadratic follower with price terms, an integer at times."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 3))
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(-2, 5), domain=pyo.Integers if seed % 4 == 0 else pyo.Reals)
    m.f = pyo.Block()
    m.f.y = pyo.Var(range(n), bounds=(-1, 4))
    y = list(m.f.y.values())
    m.f.rows = pyo.ConstraintList()
    for _ in range(2):
        a = rng.integers(1, 4, n)
        m.f.rows.add(sum(int(k) * w for k, w in zip(a, y, strict=True)) - m.x <= 6)
    root = rng.integers(-2, 3, (n, n))
    H = root.T @ root
    c, d, e = rng.integers(-4, 5, (3, n))
    m.f.o = pyo.Objective(
        expr=sum(int(h) * y[i] * y[k] for (i, k), h in np.ndenumerate(H))
        + sum((int(c[k]) + int(d[k]) * m.x) * w for k, w in enumerate(y))
    )
    m.o = pyo.Objective(
        expr=(m.x - 2) ** 2 + sum((w - int(t)) ** 2 for w, t in zip(y, e, strict=True))
    )
    return m


@pytest.mark.parametrize("seed", range(12))
def test_quadratic_problems_agree_across_solvers(seed):
    """SOS1 and big-M with Gurobi, branch and bound with HiGHS: three roads, one value."""
    values = []
    for method, solver in (
        ("sos1", "gurobi"),
        ("bigm", "gurobi"),
        ("branch", "highs"),
        ("branch", "gurobi"),
    ):
        m = quadratic(seed)
        r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
        assert r.status == "optimal", (method, solver, r.message)
        assert max(r.follower_gaps.values()) <= 1e-6
        values.append(r.objective)
    assert values == pytest.approx([values[0]] * 4, abs=2e-6, rel=1e-6)
