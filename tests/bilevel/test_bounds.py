"""Bounds on multipliers and slacks, and what the certificate says about big-Ms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyomo.environ as pyo
import pytest
from scipy.optimize import linprog

from mobile_storage.bilevel import MissingBoundError, Status, solve_bilevel
from mobile_storage.bilevel import bounds as bounds_module
from mobile_storage.bilevel import solve as solve_module
from mobile_storage.bilevel.bounds import HighPoint, multiplier_bounds, slack_bounds
from mobile_storage.bilevel.model import read_problem
from mobile_storage.bilevel.solvers import Deadline, OutOfTimeError


def test_bounds_of_a_toy_by_hand():
    """max (7 - p) q, 0 <= q <= 8, 0 <= p <= 10: multipliers up to 7 above and 3 below."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 10))
    m.f = pyo.Block()
    m.f.q = pyo.Var(bounds=(0, 8))
    m.f.o = pyo.Objective(expr=(7 - m.p) * m.f.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p)
    r = solve_bilevel(m, m.f, m.p, method="bigm", solver="highs")
    table = {(b.row, b.kind): b for b in r.certificate.big_m}
    assert {k: v.bound for k, v in table.items()} == {
        ("f.q (lower bound)", "multiplier"): 3,
        ("f.q (upper bound)", "multiplier"): 7,
        ("f.q (lower bound)", "slack"): 8,
        ("f.q (upper bound)", "slack"): 8,
    }
    assert all(v.big_m > 2 * v.bound and v.origin for v in table.values())
    assert table["f.q (upper bound)", "multiplier"].value == pytest.approx(7)


def random_follower(seed):
    rng = np.random.default_rng(seed)
    n, rows = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(-2, 3))
    m.f = pyo.Block()
    m.f.y = pyo.Var(range(n), bounds=(0, 5))
    m.f.rows = pyo.ConstraintList()
    for _ in range(rows):
        a, b = rng.integers(-3, 4, n), int(rng.integers(-2, 3))
        if a.any():
            body = sum(int(v) * m.f.y[k] for k, v in enumerate(a)) + b * m.x
            m.f.rows.add(body <= int(rng.integers(0, 9)))
    cost = rng.integers(-5, 6, (2, n))
    m.f.o = pyo.Objective(
        expr=sum((int(c) + int(d) * m.x) * m.f.y[k] for k, (c, d) in enumerate(cost.T))
    )
    m.o = pyo.Objective(expr=m.x)
    return m


@pytest.mark.parametrize("seed", range(30))
def test_some_multiplier_within_the_bounds_at_every_decision(seed):
    """Oracle: at a grid of decisions SciPy finds dual-optimal multipliers inside the bounds."""
    m = random_follower(seed)
    problem = read_problem(m, m.f, m.x)
    (follower,) = problem.followers
    high_point = HighPoint(problem)
    bounds = multiplier_bounds(problem, high_point, 0)
    slacks = slack_bounds(problem, high_point, len(follower.rows))[0]
    assert all(math.isfinite(b.value) for b in bounds)
    for x in np.linspace(-2, 3, 11):
        cost = follower.c + (follower.cross[:, 0] * x if len(follower.x) else 0.0)
        rhs = follower.rhs - (follower.B[:, 0] * x if len(follower.x) else 0.0)
        primal = linprog(cost, follower.A, rhs, bounds=(None, None))
        if primal.status != 0:
            continue
        # min t: dual feasible, dual optimal, mu_j <= bound_j + t
        rows = len(rhs)
        dual = linprog(
            np.r_[np.zeros(rows), 1.0],
            A_ub=np.hstack([np.eye(rows), -np.ones((rows, 1))]),
            b_ub=[b.value for b in bounds],
            A_eq=np.vstack([np.c_[follower.A.T, np.zeros(len(cost))], np.r_[-rhs, 0.0]]),
            b_eq=np.r_[-cost, primal.fun],
            bounds=[(0, None)] * (rows + 1),
        )
        assert dual.status == 0
        assert dual.fun <= 1e-7
        worst = rhs - follower.A @ primal.x
        assert all(s <= b.value + 1e-7 for s, b in zip(worst, slacks, strict=True))


def chain(n):
    """n followers of 15 variables: the derivation works follower by follower."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(range(15), bounds=(0, 10))
    m.f = pyo.Block(range(n))
    for u, b in m.f.items():
        b.q = pyo.Var(range(15), bounds=(0, 3))
        b.budget = pyo.Constraint(expr=sum((1 + 0.1 * k) * b.q[k] for k in b.q) <= 10 + u % 7)
        b.total = pyo.Constraint(expr=sum(b.q.values()) <= 8)
        b.o = pyo.Objective(
            expr=sum((5 + (u + k) % 4 - m.p[k]) * b.q[k] for k in b.q), sense=pyo.maximize
        )
    m.o = pyo.Objective(expr=sum(m.p.values()))
    return m


@pytest.mark.slow
def test_two_hundred_followers_are_bounded_without_a_program_for_each_row(counted):
    m = chain(200)
    problem = read_problem(m, m.f, m.p)
    high_point = HighPoint(problem)
    found = [multiplier_bounds(problem, high_point, f) for f in range(200)]
    slack_bounds(problem, high_point, 200 * 32)
    assert all(math.isfinite(b.value) for follower in found for b in follower)
    assert counted["runs"] == 0


def gap_model(upper=None):
    """min y over y >= x - 1: fine without big-M, but y, hence a slack, has no upper bound."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y = pyo.Var(bounds=(0, upper))
    m.f.above = pyo.Constraint(expr=m.f.y >= m.x - 1)
    m.f.o = pyo.Objective(expr=m.f.y)
    m.o = pyo.Objective(expr=m.x - 2 * m.f.y)
    return m


def test_the_error_names_the_bound_to_give_for_a_slack():
    m = gap_model()
    with pytest.raises(MissingBoundError, match=r"'f\.y' has no upper bound"):
        solve_bilevel(m, m.f, m.x, method="bigm", solver="highs")
    m = gap_model(upper=10)
    r = solve_bilevel(m, m.f, m.x, method="bigm", solver="highs")
    assert r.objective == pytest.approx(-2)


def test_auto_takes_another_way_and_says_why():
    m = gap_model()
    r = solve_bilevel(m, m.f, m.x, solver="highs")
    assert (r.status, r.method) == (Status.OPTIMAL, "branch")
    assert r.objective == pytest.approx(-2)
    assert any("'f.y' has no upper bound" in a for a in r.announcements)


def free_price():
    """The toy with a price that has no upper bound: multipliers of q >= 2 cannot be bounded."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, None))
    m.f = pyo.Block()
    m.f.q = pyo.Var(bounds=(0, 8))
    m.f.o = pyo.Objective(expr=(7 - m.p) * m.f.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * m.f.q, sense=pyo.maximize)
    return m


def test_the_error_names_the_bound_to_give_for_a_multiplier():
    m = free_price()
    with pytest.raises(MissingBoundError, match=r"'p' has no upper bound.*multiplier_bounds"):
        solve_bilevel(m, m.f, m.p, method="bigm", solver="highs")


@pytest.mark.parametrize("key", ["variable", "name", "number"])
def test_given_multiplier_bounds_are_used_and_checked(key):
    m = free_price()
    given = {"variable": pyo.ComponentMap([(m.f.q, 20.0)]), "name": {"f.q": 20.0}, "number": 20.0}[
        key
    ]
    r = solve_bilevel(m, m.f, m.p, method="bigm", solver="highs", multiplier_bounds=given)
    assert r.status is Status.OPTIMAL
    assert r.objective == pytest.approx(56)
    assert any(b.origin == "given by the caller" for b in r.certificate.big_m)
    assert any("cut nothing off" in a for a in r.announcements)


WAYS = list(itertools.product(["gurobi", "highs"], ["bigm", "gdp.hull"]))


@pytest.mark.parametrize(("solver", "method"), WAYS)
@pytest.mark.parametrize("small", [1e-6, 0.5, 2.0])
def test_a_given_bound_that_is_too_small_is_seen(solver, method, small):
    """The multiplier of q <= 8 is 7 - p: a bound below 7 forbids the lowest prices."""
    m = pyo.ConcreteModel()
    m.p, m.w = pyo.Var(bounds=(0, None)), pyo.Var(bounds=(0, 8))
    m.f = pyo.Block()
    m.f.q = pyo.Var(bounds=(0, 8))
    m.f.o = pyo.Objective(expr=(7 - m.p) * m.f.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p - 3 * m.f.q)
    r = solve_bilevel(m, m.f, m.p, method=method, solver=solver, multiplier_bounds=small)
    # True optimum: p = 0 sells 8 with multiplier 7; objective -24.
    assert r.objective == pytest.approx(-24)
    assert r.status is not Status.OPTIMAL or "corrected" in r.method
    assert any("too small" in a for a in r.announcements)


def test_a_given_bound_below_a_derived_one_is_not_used():
    m = free_price()
    m.p.setub(10)
    r = solve_bilevel(m, m.f, m.p, method="bigm", solver="highs", multiplier_bounds=0.01)
    assert r.objective == pytest.approx(56)
    assert any("the derived one is used" in a for a in r.announcements)


@pytest.mark.parametrize("bad", [-1.0, math.inf, math.nan])
def test_given_bounds_must_be_numbers(bad):
    m = free_price()
    with pytest.raises(ValueError, match="multiplier_bounds must be finite"):
        solve_bilevel(m, m.f, m.p, method="bigm", multiplier_bounds=bad)


def covering(n):
    """A follower that covers needs at least cost: no box above, so every multiplier is bounded."""
    rng = np.random.default_rng(n)
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y = pyo.Var(range(n), bounds=(0, None))
    m.f.rows = pyo.ConstraintList()
    for _ in range(n // 2):
        a = rng.integers(0, 6, n)
        a[0] = 1
        m.f.rows.add(sum(int(k) * m.f.y[i] for i, k in enumerate(a)) + m.x >= int(3 * n))
    m.f.o = pyo.Objective(
        expr=sum(int(k) * v for k, v in zip(rng.integers(1, 9, n), m.f.y.values(), strict=True))
    )
    m.o = pyo.Objective(expr=m.x + sum(m.f.y.values()))
    return m


@pytest.fixture
def counted(monkeypatch):
    """How many HiGHS models are set up for bounds, and how many LPs are run."""
    counts = {"models": 0, "runs": 0}
    make, run = bounds_module.highs_instance, Deadline.run

    def counting_make(*args, **kwargs):
        counts["models"] += 1
        return make(*args, **kwargs)

    def counting_run(self, h):
        counts["runs"] += 1
        return run(self, h)

    monkeypatch.setattr(bounds_module, "highs_instance", counting_make)
    monkeypatch.setattr(Deadline, "run", counting_run)
    return counts


def test_one_model_serves_all_multipliers_of_a_follower(counted, monkeypatch):
    monkeypatch.setattr(bounds_module, "BASIS_CAP", 0)
    m = covering(12)
    problem = read_problem(m, m.f, m.x)
    found = multiplier_bounds(problem, HighPoint(problem), 0)
    assert all(math.isfinite(b.value) for b in found)
    # Rows with a ray are found by one LP; the rest has one LP each on one model.
    assert counted == {"models": 2, "runs": 1 + len(found)}


def test_multipliers_without_a_bound_are_found_by_one_program(counted, monkeypatch):
    """Every variable has two bounds, so every multiplier can grow together with others."""
    monkeypatch.setattr(bounds_module, "BASIS_CAP", 0)
    m = covering(12)
    for v in m.f.y.values():
        v.setub(50)
    problem = read_problem(m, m.f, m.x)
    found = multiplier_bounds(problem, HighPoint(problem), 0)
    assert not any(math.isfinite(b.value) for b in found)
    assert counted == {"models": 1, "runs": 1}
    assert "more than 0 constraint bases" in found[0].missing


@pytest.mark.parametrize("seed", range(30))
def test_the_shared_programs_give_what_separate_ones_give(seed, monkeypatch):
    """Oracle: SciPy maximises every multiplier alone, over the same set."""
    monkeypatch.setattr(bounds_module, "BASIS_CAP", 0)
    m = random_follower(seed)
    rng = np.random.default_rng(seed)
    for v in m.f.y.values():
        v.setub(None if rng.random() < 0.7 else 5)
    if rng.random() < 0.5:
        m.f.tie = pyo.Constraint(expr=sum(m.f.y.values()) == 2 + m.x)
    if rng.random() < 0.5:
        m.f.o.expr = sum((k + 1) * v for k, v in m.f.y.items())  # no gradient that moves
    problem = read_problem(m, m.f, m.x)
    (follower,) = problem.followers
    high_point = HighPoint(problem)
    found = multiplier_bounds(problem, high_point, 0)
    n, k, rows = len(follower.y), len(follower.x), len(follower.rows)
    box = [(high_point.lower[i], high_point.upper[i]) for i in [*follower.y, *follower.x]]
    eq, free = follower.equality, ~follower.equality
    own = np.hstack([follower.A, follower.B, np.zeros((rows, rows))])
    equalities = np.vstack([np.hstack([follower.hessian, follower.cross, follower.A.T]), own[eq]])
    for j, row in enumerate(follower.rows):
        values = []
        for sign in (1.0, -1.0) if row.equality else (1.0,):
            cost = np.zeros(n + k + rows)
            cost[n + k + j] = -sign
            best = linprog(
                cost,
                own[free],
                follower.rhs[free],
                equalities,
                np.concatenate([-follower.c, follower.rhs[eq]]),
                [*box, *((None if e else 0, None) for e in eq)],
            )
            values.append(-best.fun if best.status == 0 else math.inf)
        bound = high_point.equality_multiplier(0, j) if row.equality else found[j]
        assert bound.value == pytest.approx(max(values), abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("seed", range(30))
def test_equality_multipliers_lie_within_their_bounds(seed):
    """Some KKT multipliers meet all bounds together, equalities and inequalities."""
    m = random_follower(seed)
    y = list(m.f.y.values())
    m.f.tie = pyo.Constraint(expr=sum(y) + y[0] == 3 + 0.5 * m.x)
    m.f.twin = pyo.Constraint(expr=-2 * (sum(y) + y[0]) == -6 - m.x)
    problem = read_problem(m, m.f, m.x)
    (follower,) = problem.followers
    limits = np.array([b.value for b in multiplier_bounds(problem, HighPoint(problem), 0)])
    assert np.isfinite(limits).all()
    eq = follower.equality
    for x in np.linspace(-2, 3, 6):
        cost = follower.c + follower.cross @ np.full(len(follower.x), x)
        rhs = follower.rhs - follower.B @ np.full(len(follower.x), x)
        primal = linprog(cost, follower.A[~eq], rhs[~eq], follower.A[eq], rhs[eq], (None, None))
        if primal.status != 0:
            continue
        low = np.where(eq, -limits, 0.0) - 1e-7
        dual = linprog(
            np.zeros(len(rhs)),
            A_eq=np.vstack([follower.A.T, -rhs]),
            b_eq=np.r_[-cost, primal.fun],
            bounds=np.c_[low, limits + 1e-7],
        )
        assert dual.status == 0


def ticking(seconds_per_look=1.0):
    """A clock that every look at it moves on."""
    ticks = itertools.count()
    return lambda: seconds_per_look * next(ticks)


def test_bounds_stop_at_the_deadline(counted, monkeypatch):
    monkeypatch.setattr(bounds_module, "BASIS_CAP", 0)
    m = covering(12)
    problem = read_problem(m, m.f, m.x)
    high_point = HighPoint(problem, Deadline(8.0, ticking()))
    with pytest.raises(OutOfTimeError):
        multiplier_bounds(problem, high_point, 0)
    # Two looks at the clock a program: it stops long before the last of the 18 rows.
    assert counted["runs"] <= 5


def test_bases_stop_at_the_deadline():
    m = random_follower(3)
    problem = read_problem(m, m.f, m.x)
    with pytest.raises(OutOfTimeError):
        multiplier_bounds(problem, HighPoint(problem, Deadline(0.0, ticking())), 0)


def test_a_deadline_can_be_shared():
    now = 10.0
    whole = Deadline(30.0, lambda: now)
    part = whole.share(0.25)
    assert (whole.left(), part.left(), Deadline().left()) == (20.0, 5.0, math.inf)
    now = 31.0
    assert (whole.left(), part.left()) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("method", "solver"),
    [("bigm", "highs"), ("gdp.hull", "highs"), ("bigm", "gurobi"), ("bigm", "scip")],
)
def test_no_time_for_the_bounds_that_a_method_needs_is_a_limit(method, solver):
    m = covering(12)
    r = solve_bilevel(m, m.f, m.x, method=method, solver=solver, time_limit_s=0.0)
    assert (r.status, r.objective, r.bound) == (Status.LIMIT, None, None)
    assert "the time limit passed while bounds were derived" in r.message


@pytest.mark.parametrize(
    ("solver", "method"), [("gurobi", "sos1"), ("scip", "sos1"), ("highs", "branch")]
)
def test_without_time_for_bounds_a_method_that_needs_none_still_gives_the_optimum(
    solver, method, monkeypatch
):
    """The share of bounds is used up at once; what is left of the time is the solver's."""
    monkeypatch.setattr(solve_module, "BOUNDS_SHARE", 0.0)
    m = covering(6)
    reference = solve_bilevel(m, m.f, m.x, solver=solver)
    r = solve_bilevel(m, m.f, m.x, solver=solver, time_limit_s=600.0)
    assert (r.status, r.method) == (Status.OPTIMAL, method)
    assert r.objective == pytest.approx(reference.objective)
    assert any("time limit left no time" in a for a in r.announcements)
