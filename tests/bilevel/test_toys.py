"""Problems small enough to solve on paper."""

from __future__ import annotations

import pyomo.environ as pyo
import pytest

from mobile_storage.bilevel import Status, solve_bilevel

WAYS = [
    ("sos1", "gurobi"),
    ("sos1", "scip"),
    ("bigm", "gurobi"),
    ("bigm", "highs"),
    ("bigm", "scip"),
    ("gdp.hull", "highs"),
    ("branch", "highs"),
    ("branch", "gurobi"),
]
ways = pytest.mark.parametrize(("method", "solver"), WAYS)


def shop(value=7.0, cost=0.0, follower_sense=pyo.maximize):
    """A seller sets p in [0, 10]; a buyer takes q in [2, 8] worth ``value`` each.

    Up to p = value the buyer takes 8 (at p = value by the seller's luck), above it 2.
    """
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 10))
    m.buyer = pyo.Block()
    m.buyer.q = pyo.Var(bounds=(2, 8))
    sign = 1 if follower_sense == pyo.maximize else -1
    m.buyer.utility = pyo.Objective(expr=sign * (value - m.p) * m.buyer.q, sense=follower_sense)
    m.profit = pyo.Objective(expr=(m.p - cost) * m.buyer.q, sense=pyo.maximize)
    return m


@ways
@pytest.mark.parametrize("sense", [pyo.maximize, pyo.minimize])
def test_price_and_quantity(method, solver, sense):
    m = shop(follower_sense=sense)
    r = solve_bilevel(m, m.buyer, [m.p], method=method, solver=solver)
    assert r.status is Status.OPTIMAL
    assert r.objective == pytest.approx(56)
    assert (m.p.value, m.buyer.q.value) == pytest.approx((7, 8))
    # At p = 7 the buyer is indifferent: the worst answer is q = 2.
    assert r.tied == {"buyer": True}
    assert r.worst_case == pytest.approx(14)
    assert r.optimistic == pytest.approx(56)


@ways
def test_small_margin_prefers_the_captive_minimum(method, solver):
    """With value 2, p = 2 earns 16 and p = 10 earns 20 from the two units that must be bought."""
    m = shop(value=2.0)
    r = solve_bilevel(m, m.buyer, [m.p], method=method, solver=solver)
    assert r.objective == pytest.approx(20)
    assert r.tied == {"buyer": False}
    assert r.worst_case == pytest.approx(20)


@ways
def test_followers_maximise_and_minimise_side_by_side(method, solver):
    """y1 = 5 - x (maximises under a cap), y2 = x (minimises above a floor); max y1 + 3 y2 + z."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 5))
    m.z = pyo.Var(domain=pyo.Integers, bounds=(0, 9))
    m.f = pyo.Block([1, 2])
    m.f[1].y, m.f[2].y = pyo.Var(bounds=(0, 9)), pyo.Var(bounds=(0, 9))
    m.f[1].cap = pyo.Constraint(expr=m.f[1].y <= 5 - m.x)
    m.f[2].floor = pyo.Constraint(expr=m.f[2].y >= m.x)
    m.f[1].o = pyo.Objective(expr=m.f[1].y, sense=pyo.maximize)
    m.f[2].o = pyo.Objective(expr=m.f[2].y)
    # Coupling: z may not exceed y1 + 1/2, so that integers and responses meet.
    m.couple = pyo.Constraint(expr=m.z <= m.f[1].y + 0.5)
    m.o = pyo.Objective(expr=m.f[1].y + 3 * m.f[2].y + 4 * m.z, sense=pyo.maximize)
    r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
    # y1 = 5 - x, y2 = x, z = floor(5.5 - x): 5 + 2 x + 4 floor(5.5 - x), best at x = 0.5, z = 5.
    assert r.objective == pytest.approx(26)
    assert m.z.value == 5
    assert m.x.value == pytest.approx(0.5)
    assert r.follower_optimal_values == pytest.approx({"f[1]": 4.5, "f[2]": 0.5})


@ways
def test_quantity_tied_to_a_leader_binary(method, solver):
    """Selling needs a licence z that costs 30: at value 7 the 8 units at price 7 pay it."""
    for licence, expected in ((30.0, 26.0), (60.0, 0.0)):
        m = pyo.ConcreteModel()
        m.p, m.z = pyo.Var(bounds=(0, 10)), pyo.Var(domain=pyo.Binary)
        m.b = pyo.Block()
        m.b.y = pyo.Var(bounds=(0, 1))
        m.b.o = pyo.Objective(expr=8 * (7 - m.p) * m.b.y, sense=pyo.maximize)
        m.tie = pyo.Constraint(expr=m.b.y == m.z)
        m.o = pyo.Objective(expr=8 * m.p * m.b.y - licence * m.z, sense=pyo.maximize)
        r = solve_bilevel(m, [m.b], [m.p, m.z], method=method, solver=solver)
        assert r.objective == pytest.approx(expected)
        assert r.follower_gaps["b"] == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize(
    ("method", "solver"), [("sos1", "gurobi"), ("bigm", "gurobi"), ("branch", "highs")]
)
def test_quadratic_follower(method, solver):
    """y = clip((8 - p) / 2, 0, 3): revenue p y is largest at p = 4, y = 2."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 10))
    m.b = pyo.Block()
    m.b.y = pyo.Var(bounds=(0, 3))
    m.b.o = pyo.Objective(expr=8 * m.b.y - m.b.y**2 - m.p * m.b.y, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * m.b.y, sense=pyo.maximize)
    r = solve_bilevel(m, m.b, m.p, method=method, solver=solver)
    assert r.status is Status.OPTIMAL, r.message
    assert r.objective == pytest.approx(8, rel=1e-6)
    assert (m.p.value, m.b.y.value) == pytest.approx((4, 2), abs=1e-3)
    assert r.tied == {"b": False}
    assert r.worst_case == pytest.approx(8, rel=1e-6)


def test_quadratic_bottleneck_on_two_solvers_agrees_with_the_formula():
    """A quadratic leader cost on top: min (p - 6)^2 - p y, y = (8 - p) / 2, has p = 16 / 3."""
    for solver in ("gurobi", "highs"):
        m = pyo.ConcreteModel()
        m.p = pyo.Var(bounds=(3, 8))
        m.b = pyo.Block()
        m.b.y = pyo.Var(bounds=(0, 3))
        m.b.o = pyo.Objective(expr=m.b.y**2 + (m.p - 8) * m.b.y)
        m.o = pyo.Objective(expr=(m.p - 6) ** 2 - m.p * m.b.y)
        r = solve_bilevel(m, m.b, m.p, solver=solver)
        p = 16 / 3
        assert r.objective == pytest.approx((p - 6) ** 2 - p * (8 - p) / 2, abs=1e-6)


def test_fixed_variables_are_data():
    m = shop()
    m.p.fix(6.0)
    r = solve_bilevel(m, m.buyer, [m.p])
    assert r.objective == pytest.approx(48)
    assert m.p.fixed
    m = shop()
    m.buyer.q.fix(3.0)
    r = solve_bilevel(m, m.buyer, [m.p])
    assert r.objective == pytest.approx(30)


def test_strong_duality_with_discrete_prices():
    """Prices 3, 7 or 9 by binaries: products have a binary factor, so the equation is linear."""
    for method, solver in (
        ("strong_duality", "highs"),
        ("strong_duality", "gurobi"),
        ("bigm", "highs"),
        ("branch", "highs"),
    ):
        m = pyo.ConcreteModel()
        prices = [3.0, 7.0, 9.0]
        m.z = pyo.Var(range(3), domain=pyo.Binary)
        m.one = pyo.Constraint(expr=sum(m.z.values()) == 1)
        m.b = pyo.Block()
        m.b.q = pyo.Var(bounds=(2, 8))
        price = sum(a * m.z[k] for k, a in enumerate(prices))
        m.b.o = pyo.Objective(expr=(7 - price) * m.b.q, sense=pyo.maximize)
        m.o = pyo.Objective(expr=price * m.b.q, sense=pyo.maximize)
        r = solve_bilevel(m, m.b, m.z, method=method, solver=solver)
        assert r.status is Status.OPTIMAL
        assert r.objective == pytest.approx(56)
        assert m.z[1].value == 1


def test_no_follower_is_a_plain_problem():
    for solver in ("gurobi", "highs", "scip"):
        m = pyo.ConcreteModel()
        m.x = pyo.Var(domain=pyo.Integers, bounds=(0, 10))
        m.c = pyo.Constraint(expr=3 * m.x <= 10)
        m.o = pyo.Objective(expr=2 * m.x + 1, sense=pyo.maximize)
        r = solve_bilevel(m, [], [], solver=solver)
        assert (r.objective, r.method, r.status) == (pytest.approx(7), "none", "optimal")


def test_leader_row_with_price_times_quantity():
    """Revenue p q must reach 30 and the seller wants the lowest price: p = 3.75 sells 8."""
    for method, solver in WAYS:
        m = shop()
        m.enough = pyo.Constraint(expr=m.p * m.buyer.q >= 30)
        m.profit.deactivate()
        m.low = pyo.Objective(expr=m.p)
        r = solve_bilevel(m, m.buyer, m.p, method=method, solver=solver)
        assert r.objective == pytest.approx(3.75)


def test_nonconvex_but_bounded_products_go_to_a_nonconvex_solver():
    """q <= 12 - p by the follower's row, so p q has no exact linear form: best at p = q = 6."""
    for solver in ("auto", "gurobi", "scip"):
        m = pyo.ConcreteModel()
        m.p = pyo.Var(bounds=(0, 10))
        m.b = pyo.Block()
        m.b.q = pyo.Var(bounds=(0, 20))
        m.b.cap = pyo.Constraint(expr=m.b.q <= 12 - m.p)
        m.b.o = pyo.Objective(expr=m.b.q, sense=pyo.maximize)
        m.o = pyo.Objective(expr=m.p * m.b.q, sense=pyo.maximize)
        r = solve_bilevel(m, m.b, m.p, solver=solver)
        assert r.objective == pytest.approx(36, rel=1e-6)
        assert any("nonconvex" in a for a in r.announcements)


def test_the_model_comes_back_as_it_was():
    m = shop()
    before = [(c.name, c.ctype, c.active) for c in m.component_objects()]
    text = {c.name: str(c.expr) for c in m.component_data_objects(pyo.Objective)}
    r = solve_bilevel(m, m.buyer, [m.p])
    assert [(c.name, c.ctype, c.active) for c in m.component_objects()] == before
    assert {c.name: str(c.expr) for c in m.component_data_objects(pyo.Objective)} == text
    assert (m.buyer.q.lb, m.buyer.q.ub, m.buyer.q.domain) == (2, 8, pyo.Reals)
    assert r.solution == {"p": pytest.approx(7), "buyer.q": pytest.approx(8)}


def lone(cost, bounds=(None, None), leader=lambda m: m.x):
    """A follower variable in no constraint; x of [0, 4]."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y, m.f.z = pyo.Var(bounds=bounds), pyo.Var(bounds=(0, 1))
    m.f.o = pyo.Objective(expr=cost(m))
    m.o = pyo.Objective(expr=leader(m))
    return m


@pytest.mark.parametrize(("method", "solver"), [*WAYS, ("strong_duality", "highs")])
@pytest.mark.parametrize(
    ("cost", "maximise"),
    [
        (lambda m: m.f.y, False),
        (lambda m: m.f.y, True),
        (lambda m: m.f.y + m.f.z, False),
        (lambda m: m.f.z**2 - 1e-8 * m.f.y, False),
        (lambda m: m.f.y + m.x, False),
    ],
)
def test_a_follower_without_an_optimum_makes_the_problem_infeasible(method, solver, cost, maximise):
    """A cost that falls without end has no optimal response at any decision of the leader."""
    m = lone(cost)
    m.f.o.sense = pyo.maximize if maximise and m.f.o.expr is m.f.y else pyo.minimize
    r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
    assert r.status is Status.INFEASIBLE
    assert "improves without end in its variable 'f.y'" in r.message


@pytest.mark.parametrize("solver", ["gurobi", "highs", "scip"])
@pytest.mark.parametrize(
    ("cost", "bounds", "leader", "expected"),
    [
        pytest.param(lambda m: 0 * m.f.y, (None, None), lambda m: m.x, 0, id="no cost"),
        pytest.param(lambda m: m.f.y - m.f.y, (None, None), lambda m: m.x, 0, id="cancelled"),
        pytest.param(
            lambda m: m.f.y**2 - 2 * m.f.y, (None, None), lambda m: m.x + m.f.y, 1, id="quadratic"
        ),
        # y = x: (x - 3)^2 + x is least at 5/2.
        pytest.param(
            lambda m: m.f.y**2 - 2 * m.x * m.f.y,
            (None, None),
            lambda m: (m.x - 3) ** 2 + m.f.y,
            2.75,
            id="quadratic that follows x",
        ),
        # An optimum exists only where the cost x - 2 vanishes, or is not negative.
        pytest.param(lambda m: (m.x - 2) * m.f.y, (None, None), lambda m: m.x, 2, id="sign"),
        pytest.param(lambda m: (m.x - 2) * m.f.y, (0, None), lambda m: m.x, 2, id="one side"),
        pytest.param(lambda m: (m.x + 2) * m.f.y, (None, None), lambda m: m.x, None, id="never"),
        pytest.param(lambda m: -m.f.y, (0, None), lambda m: m.x, None, id="open side"),
        pytest.param(
            lambda m: (m.f.y - m.f.z) ** 2 + m.f.z,
            (None, None),
            lambda m: m.x + m.f.y,
            0,
            id="both",
        ),
    ],
)
def test_a_follower_variable_in_no_constraint(solver, cost, bounds, leader, expected):
    m = lone(cost, bounds, leader)
    r = solve_bilevel(m, m.f, m.x, solver=solver)
    assert r.status == ("infeasible" if expected is None else "optimal")
    assert r.objective == (expected and pytest.approx(expected, abs=1e-6))


def test_a_free_variable_without_cost_suits_the_leader():
    for solver in ("gurobi", "highs", "scip"):
        m = lone(lambda m: m.f.z, leader=lambda m: m.x + m.f.y)
        assert solve_bilevel(m, m.f, m.x, solver=solver).status is Status.UNBOUNDED


def test_a_fixed_leader_variable_decides_the_sign():
    for value, status in ((2.0, "optimal"), (3.0, "infeasible")):
        m = lone(lambda m: (m.x - 2) * m.f.y)
        m.x.fix(value)
        assert solve_bilevel(m, m.f, m.x).status == status


def shifted(sign=1, quadratic=False, leader=lambda m, q: q - m.b):
    """min x y + 2 z over y + z == 2 + b, y <= 2, z <= 3; x of [0, 4], binary b.

    Below x = 2 the follower takes y = 2, from there on z; at x = 2 it is indifferent: 4 for b = 0.
    """
    m = pyo.ConcreteModel()
    m.b, m.x = pyo.Var(domain=pyo.Binary), pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y, m.f.z = pyo.Var(bounds=(0, 2)), pyo.Var(bounds=(0, 3))
    m.f.row = pyo.Constraint(expr=sign * (m.f.y + m.f.z) == sign * (2 + m.b))
    m.f.o = pyo.Objective(expr=m.x * m.f.y + 2 * m.f.z + (m.f.z**2 if quadratic else 0) - m.b * m.x)
    m.o = pyo.Objective(expr=leader(m, m.x * m.f.y), sense=pyo.maximize)
    return m


@ways
@pytest.mark.parametrize("sign", [1, -1])
def test_a_binary_shifts_an_equality_of_a_follower_with_a_price(method, solver, sign):
    m = shifted(sign)
    r = solve_bilevel(m, m.f, [m.x, m.b], method=method, solver=solver)
    assert (r.status, r.objective) == ("optimal", pytest.approx(4))
    # b = 1 earns 4 as well where it costs nothing, and more where it is rewarded.
    m = shifted(sign, leader=lambda m, q: q + m.b)
    r = solve_bilevel(m, m.f, [m.x, m.b], method=method, solver=solver)
    assert (r.status, r.objective) == ("optimal", pytest.approx(5))


def test_a_binary_shifts_an_equality_of_a_quadratic_follower():
    """With z^2 added z = clip(x / 2 - 1, b, 2 + b), y = 2 + b - z: x = 4, b = 1 earns 8 - 1."""
    for method, solver in (("auto", "gurobi"), ("auto", "scip"), ("bigm", "gurobi")):
        m = shifted(quadratic=True)
        r = solve_bilevel(m, m.f, [m.x, m.b], method=method, solver=solver)
        assert (r.status, r.objective) == ("optimal", pytest.approx(7, rel=1e-6))


def test_two_binaries_shift_two_equalities():
    """Enumeration over b1, b2: y1 + z1 == 2 + b1, y2 + z2 == 1 + b2 with one price x."""
    for method, solver in (("auto", "gurobi"), ("auto", "highs"), ("bigm", "scip")):
        m = pyo.ConcreteModel()
        m.b, m.x = pyo.Var([1, 2], domain=pyo.Binary), pyo.Var(bounds=(0, 4))
        m.f = pyo.Block()
        m.f.y, m.f.z = pyo.Var([1, 2], bounds=(0, 2)), pyo.Var([1, 2], bounds=(0, 3))
        m.f.row = pyo.Constraint(
            [1, 2], rule=lambda f, k: f.y[k] + f.z[k] == 3 - k + f.model().b[k]
        )
        m.f.o = pyo.Objective(expr=sum(m.x * m.f.y[k] + (1 + k) * m.f.z[k] for k in (1, 2)))
        m.o = pyo.Objective(
            expr=sum(m.x * m.f.y[k] - 0.5 * m.b[k] for k in (1, 2)), sense=pyo.maximize
        )
        # x = 2: y1 = 2 and y2 = 1 + b2 earn 2 * 4 - 1/2; x = 3: only y2 = 1 + b2, 6 - 1/2.
        r = solve_bilevel(m, m.f, [m.x, m.b], method=method, solver=solver)
        assert (r.status, r.objective) == ("optimal", pytest.approx(7.5))
