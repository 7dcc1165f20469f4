"""The answer does not depend on the units of a follower's objective or of any row."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest

from mobile_storage.bilevel import NonconvexFollowerError, Status, solve_bilevel
from mobile_storage.bilevel.certificate import respond
from mobile_storage.bilevel.model import read_problem
from mobile_storage.bilevel.scaling import FOLLOWER, LEADER, own_row_factor, power_of_two

from .grid import draw, model, oracle
from .test_random_oracle import draw as draw_continuous
from .test_random_oracle import model as continuous
from .test_random_oracle import oracle as enumerate_active_sets

WAYS = [("auto", "gurobi"), ("bigm", "highs"), ("branch", "highs"), ("auto", "scip")]
FACTORS = [10.0**k for k in range(-8, 9, 2)]


def cap(factor=1.0, row_factor=1.0, leader_factor=1.0):
    """y = min(5, 6 - x) against min x + y: 5 at x = 0 or 1."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y = pyo.Var(bounds=(0, 5))
    m.f.row = pyo.Constraint(expr=row_factor * m.f.y <= row_factor * (6 - m.x))
    m.f.o = pyo.Objective(expr=-factor * m.f.y)
    m.o = pyo.Objective(expr=leader_factor * (m.x + m.f.y))
    return m


@pytest.mark.parametrize(("method", "solver"), [*WAYS, ("branch", "gurobi"), ("gdp.hull", "highs")])
@pytest.mark.parametrize("factor", FACTORS)
def test_a_followers_objective_in_any_unit(method, solver, factor):
    m = cap(factor)
    r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
    assert (r.status, r.objective) == ("optimal", pytest.approx(5))
    assert r.follower_objectives["f"] == pytest.approx(-factor * m.f.y.value)
    assert m.f.y.value == pytest.approx(5)


@pytest.mark.parametrize(("method", "solver"), WAYS)
@pytest.mark.parametrize("factor", FACTORS)
def test_rows_and_the_leaders_objective_in_any_unit(method, solver, factor):
    m = cap(row_factor=factor, leader_factor=1 / factor)
    r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
    assert (r.status, r.objective) == ("optimal", pytest.approx(5 / factor))
    assert r.bound == pytest.approx(5 / factor)
    assert r.gap <= 1e-6


def test_two_independent_parts_each_have_their_unit():
    """min -1e-8 y - 1e6 z with a box each: both are at their upper ends."""
    for method, solver in WAYS:
        m = cap(1e-8)
        m.f.z = pyo.Var(bounds=(0, 2))
        m.f.o.expr = -1e-8 * m.f.y - 1e6 * m.f.z
        m.o.expr = m.x + m.f.y + m.f.z
        r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
        assert r.objective == pytest.approx(7)
        assert not any("badly scaled" in a for a in r.announcements)


def random_units(seed, rows):
    rng = np.random.default_rng(1000 + seed)
    return 10.0 ** rng.integers(-8, 9), 10.0 ** rng.uniform(-8, 8, rows)


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(s, marks=pytest.mark.slow) for s in range(6, 40))]
)
def test_random_units_do_not_change_the_enumerated_optimum(seed):
    d = draw(seed)
    cost_factor, row_factors = random_units(seed, len(d["A"]))
    expected = oracle(d)
    for method, solver in (("auto", "gurobi"), ("bigm", "scip"), ("branch", "gurobi")):
        m = model(d, cost_factor=cost_factor, row_factors=row_factors)
        if method == "branch" and (d["P"].any() or d["D"].any()):
            continue  # products may stay nonconvex, which branch refuses
        r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
        assert r.status == ("infeasible" if expected is None else "optimal"), r.message
        assert r.objective == (expected and pytest.approx(expected, abs=1e-5, rel=1e-5))


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(s, marks=pytest.mark.slow) for s in range(3, 40))]
)
def test_random_units_with_a_continuous_leader(seed):
    d = draw_continuous(seed)
    expected = enumerate_active_sets(d)
    rng = np.random.default_rng(seed)
    for method, solver in WAYS:
        m = continuous(d)
        m.f.o.expr = 10.0 ** rng.integers(-8, 9) * m.f.o.expr
        m.o.expr = (leader := 10.0 ** rng.integers(-8, 9)) * m.o.expr
        for row in (*m.f.rows.values(), *m.rows.values()):
            k = 10.0 ** rng.uniform(-8, 8)
            row.set_value((None, k * row.body, k * pyo.value(row.upper)))
        r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
        assert r.status == ("infeasible" if expected is None else "optimal"), r.message
        if expected is not None:
            assert r.objective / leader == pytest.approx(expected, abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("factor", [1e-12, 1e-6, 1.0, 1e6, 1e12])
def test_a_bent_objective_is_refused_in_any_unit(factor):
    m = cap()
    m.f.o.expr = -factor * m.f.y**2
    with pytest.raises(NonconvexFollowerError):
        solve_bilevel(m, m.f, m.x)


def test_a_slightly_bent_part_beside_a_large_one_is_refused():
    m = cap()
    m.f.z = pyo.Var(bounds=(0, 2))
    m.f.o.expr = 1e8 * m.f.z**2 - 0.01 * m.f.y**2
    with pytest.raises(NonconvexFollowerError):
        solve_bilevel(m, m.f, m.x)


@pytest.mark.parametrize("factor", [1e-8, 1.0, 1e8])
def test_a_missed_optimum_is_seen_in_any_unit(factor):
    """At x = 0 the response y = 4 instead of 5 gives up a fifth of the follower's objective."""
    m = cap(factor)
    problem = read_problem(m, m.f, m.x)
    values = {"x": 0.0, "f.y": 4.0}
    found = respond(problem.followers[0], np.array([values[n] for n in problem.names]))
    assert found.gap == pytest.approx(factor)
    assert found.relative_gap > 0.1


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_bounds_are_given_and_shown_in_the_callers_units(factor):
    """max (7 - p) q times a factor: the multiplier of q <= 8 is up to 7 times the factor."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, None))
    m.f = pyo.Block()
    m.f.q = pyo.Var(bounds=(0, 8))
    m.f.o = pyo.Objective(expr=factor * (7 - m.p) * m.f.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p - 3 * m.f.q)
    # At p = 0 the multiplier is 7 times the factor, and the objective -24.
    for given, enough in ((8 * factor, True), (2 * factor, False)):
        r = solve_bilevel(
            m, m.f, m.p, method="bigm", solver="highs", multiplier_bounds={"f.q": given}
        )
        assert r.objective == pytest.approx(-24)
        assert any("too small" in a for a in r.announcements) != enough
        if enough:
            table = {(b.row, b.kind): b for b in r.certificate.big_m}
            entry = table["f.q (upper bound)", "multiplier"]
            assert (entry.bound, entry.value) == pytest.approx((given, 7 * factor))
    m.p.setub(10)
    r = solve_bilevel(m, m.f, m.p, method="bigm", solver="highs")
    table = {(b.row, b.kind): b for b in r.certificate.big_m}
    assert table["f.q (upper bound)", "multiplier"].bound == pytest.approx(7 * factor)
    assert table["f.q (upper bound)", "slack"].bound == pytest.approx(8)


@pytest.mark.parametrize("where", ["objective", "row", "leader row", "leader objective"])
def test_coefficients_that_differ_too_much_are_announced(where):
    m = cap()
    m.f.z = pyo.Var(bounds=(0, 2))
    m.f.link = pyo.Constraint(expr=m.f.y + m.f.z <= 9)
    m.f.o.expr = -m.f.y - (1e-8 if where == "objective" else 1) * m.f.z
    if where == "row":
        m.f.bad = pyo.Constraint(expr=m.f.y + 1e-8 * m.f.z <= 9)
    if where == "leader row":
        m.bad = pyo.Constraint(expr=m.x + 1e-8 * m.f.z <= 9)
    if where == "leader objective":
        m.o.expr = m.x + 1e-9 * m.f.y
    r = solve_bilevel(m, m.f, m.x)
    (text,) = (a for a in r.announcements if "badly scaled" in a)
    name = {
        "objective": "the objective of follower 'f'",
        "row": "constraint 'f.bad'",
        "leader row": "constraint 'bad'",
        "leader objective": "the leader's objective",
    }[where]
    assert text.startswith(f"{name} is badly scaled: its coefficients lie between 1e-0")
    assert r.status is Status.OPTIMAL


def test_coefficients_that_solvers_read_as_infinite_are_refused():
    for solver in ("gurobi", "highs", "scip"):
        m = cap()
        m.o.expr = m.x + 1e25 * m.f.y
        with pytest.raises(ValueError, match=r"coefficient 1e\+25.*as infinite"):
            solve_bilevel(m, m.f, m.x, solver=solver)


def test_ordinary_coefficients_stay_and_others_get_a_power_of_two():
    assert [power_of_two(v, FOLLOWER) for v in (0.0, 1 / 64, 1.0, 1024.0)] == [1.0] * 4
    assert power_of_two(1e5, LEADER) == 1.0
    for v in (1e-300, 1e-8, 1e4, 1e18, 1e300):
        k = power_of_two(v, FOLLOWER)
        assert 0.5 < k * v <= 2.0
        assert np.frexp(k)[0] == 0.5
    # A row is judged by the follower's own coefficients, without blowing up the leader's.
    assert own_row_factor(np.array([1.0]), np.array([1e8])) == 1.0
    k = own_row_factor(np.array([1e-8]), np.array([1.0]))
    assert 1.0 < k <= LEADER[1]
