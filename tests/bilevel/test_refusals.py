"""Models whose KKT reformulation would be wrong are refused, in one plain sentence."""

from __future__ import annotations

import pyomo.environ as pyo
import pytest
from pyomo import gdp

from mobile_storage.bilevel import (
    BilevelModelError,
    IntegerFollowerError,
    LeaderVariableError,
    MethodError,
    NonconvexFollowerError,
    UnboundedProductError,
    bounds,
    solve_bilevel,
)


def base():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.w = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y = pyo.Var(bounds=(0, 5))
    m.f.row = pyo.Constraint(expr=m.f.y <= 6 - m.x)
    m.f.o = pyo.Objective(expr=-m.f.y)
    m.o = pyo.Objective(expr=m.x + m.f.y)
    return m


def refused(m, error, match, followers=None, leader=None):
    with pytest.raises(error, match=match) as caught:
        solve_bilevel(
            m, m.f if followers is None else followers, [m.x] if leader is None else leader
        )
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).count("\n") == 0


def test_the_base_model_is_accepted():
    m = base()
    assert solve_bilevel(m, m.f, [m.x]).optimal


@pytest.mark.parametrize("domain", [pyo.Integers, pyo.Binary, pyo.NonNegativeIntegers])
def test_integer_follower(domain):
    m = base()
    m.f.k = pyo.Var(domain=domain, bounds=(0, 1))
    refused(m, IntegerFollowerError, "'f.k'.*not even a bound")


def test_a_fixed_integer_in_a_follower_is_data():
    m = base()
    m.f.k = pyo.Var(domain=pyo.Integers)
    m.f.k.fix(2)
    m.f.more = pyo.Constraint(expr=m.f.y <= m.f.k)
    m.o.sense = pyo.maximize
    assert solve_bilevel(m, m.f, [m.x]).objective == pytest.approx(6)


@pytest.mark.parametrize(
    ("sense", "sign", "word"), [(pyo.minimize, -1, "convex"), (pyo.maximize, 1, "concave")]
)
def test_nonconvex_follower(sense, sign, word):
    m = base()
    m.f.o.deactivate()
    m.f.bent = pyo.Objective(expr=sign * m.f.y**2, sense=sense)
    refused(m, NonconvexFollowerError, f"'f' is not {word}")


def test_indefinite_follower_without_a_negative_diagonal():
    m = base()
    m.f.z = pyo.Var(bounds=(0, 1))
    m.f.o.deactivate()
    m.f.bent = pyo.Objective(expr=m.f.y**2 + m.f.z**2 + 3 * m.f.y * m.f.z)
    refused(m, NonconvexFollowerError, "not convex")


def test_leader_variable_left_out():
    m = base()
    m.f.more = pyo.Constraint(expr=m.f.y <= m.w)
    refused(m, LeaderVariableError, "'w'.*left out")
    m = base()
    m.f.o.expr = -m.f.y * (1 + m.w)
    refused(m, LeaderVariableError, "'w'.*left out")


def test_no_leader_variable_listed():
    refused(base(), LeaderVariableError, "'x'", leader=[])


def test_a_follower_that_sees_another_one():
    m = base()
    m.g = pyo.Block()
    m.g.z = pyo.Var(bounds=(0, 1))
    m.g.row = pyo.Constraint(expr=m.g.z <= m.f.y)
    m.g.o = pyo.Objective(expr=m.g.z)
    refused(m, LeaderVariableError, "'f.y', a variable of follower 'f'", followers=[m.f, m.g])


def test_a_block_inside_another_follower():
    m = base()
    m.f.sub = pyo.Block()
    m.f.sub.z = pyo.Var(bounds=(0, 1))
    m.f.sub.row = pyo.Constraint(expr=m.f.sub.z <= m.f.y)
    refused(m, BilevelModelError, "belongs to two followers", followers=[m.f, m.f.sub])


@pytest.mark.parametrize("bad", ["x*y", "y*y", "y**3", "exp"])
def test_nonlinear_follower_constraints(bad):
    m = base()
    body = {
        "x*y": m.x * m.f.y, "y*y": m.f.y**2, "y**3": m.f.y**3, "exp": pyo.exp(m.f.y),
    }[bad]  # fmt: skip
    m.f.more = pyo.Constraint(expr=body <= 3)
    refused(m, BilevelModelError, "'f.more'")


def test_nonlinear_follower_objective():
    m = base()
    m.f.o.expr = pyo.sqrt(m.f.y + 1)
    refused(m, BilevelModelError, "neither linear nor quadratic")


def test_objectives_missing_or_doubled():
    m = base()
    m.f.o.deactivate()
    refused(m, BilevelModelError, "follower 'f' needs exactly one active objective, found 0")
    m = base()
    m.f.o2 = pyo.Objective(expr=m.f.y)
    refused(m, BilevelModelError, "found 2")
    m = base()
    m.o.deactivate()
    refused(m, BilevelModelError, "the leader needs exactly one active objective, found 0")


def test_followers_that_are_none():
    m = base()
    other = base()
    refused(m, BilevelModelError, "not a block inside the model", followers=other.f)
    refused(m, BilevelModelError, "given twice", followers=[m.f, m.f])
    refused(m, BilevelModelError, "expected Pyomo Block", followers="f")
    refused(m, LeaderVariableError, "not in the model", leader=[m.x, other.x])
    m.f.deactivate()
    refused(m, BilevelModelError, "deactivated")


def test_unbounded_price_times_quantity():
    """The row depends on x and x has no upper bound: neither exact nor bounded."""
    m = base()
    m.x.setub(None)
    m.f.row.deactivate()
    m.f.other = pyo.Constraint(expr=m.f.y <= 3 + m.x)
    m.o.expr = -m.x * m.f.y
    refused(m, UnboundedProductError, "'x' has no upper bound")


def test_price_without_bound_is_fine_where_the_product_is_exact():
    m = base()
    m.x.setub(None)
    m.f.row.deactivate()
    m.f.o.expr = (m.x - 3) * m.f.y
    m.o.expr = -m.x * m.f.y
    for solver in ("gurobi", "highs", "scip"):
        assert solve_bilevel(m, m.f, [m.x], solver=solver).objective == pytest.approx(-15)


def test_leader_without_number():
    m = base()
    m.f.k = pyo.Var()
    m.f.k.fixed = True
    m.f.more = pyo.Constraint(expr=m.f.y <= m.f.k)
    refused(m, BilevelModelError, "no value")


def test_unknown_method_and_solver():
    m = base()
    with pytest.raises(MethodError, match="unknown method 'kkt'"):
        solve_bilevel(m, m.f, [m.x], method="kkt")
    with pytest.raises(MethodError, match="unknown solver 'cplex'"):
        solve_bilevel(m, m.f, [m.x], solver="cplex")


@pytest.mark.parametrize(
    ("method", "solver", "match"),
    [("sos1", "highs", "no SOS1"), ("branch", "scip", "'highs' or 'gurobi'")],
)
def test_methods_a_solver_does_not_have(method, solver, match):
    m = base()
    with pytest.raises(MethodError, match=match):
        solve_bilevel(m, m.f, [m.x], method=method, solver=solver)


def test_highs_has_no_mixed_integer_quadratic():
    m = base()
    m.o.expr = m.x**2 + m.f.y
    with pytest.raises(MethodError, match="method='branch'"):
        solve_bilevel(m, m.f, [m.x], method="bigm", solver="highs")


def test_components_that_would_be_left_out():
    m = base()
    m.z = pyo.Var([1, 2], bounds=(0, 1))
    m.pick = pyo.SOSConstraint(var=m.z, sos=1)
    refused(m, BilevelModelError, "'pick' is a SOSConstraint")
    m = base()
    m.f.either = gdp.Disjunction(expr=[[m.f.y <= 1], [m.f.y >= 4]])
    refused(m, BilevelModelError, r"'f\.either' is a Disjunction")


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda m: m.x, "the Var 'x'"),
        (lambda m: m.f.y, "the Var 'f.y'"),
        (lambda m: m.many, "the Var 'many'"),
        (lambda m: m.many[1], r"the Var 'many\[1\]'"),
        (lambda m: m.f.row, "the Constraint 'f.row'"),
        (lambda m: m.o, "the Objective 'o'"),
        (lambda m: m.f.y + 1, "LinearExpression|SumExpression"),
        (lambda m: None, "NoneType"),
        (lambda m: 3, "int"),
        (lambda m: m.never, "the Var 'never'"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda c: c, lambda c: [c], lambda c: {"f": c}, lambda c: (c,)])
def test_a_follower_that_is_no_block(make, found, wrap):
    m = base()
    m.many, m.never = pyo.Var([1, 2]), pyo.Var([])
    what = make(m)
    if what is None and wrap(what) is None:
        return  # no follower at all, which is allowed
    refused(m, BilevelModelError, f"expected Pyomo Block components, found ({found})", wrap(what))
    both = [m.f, what]
    refused(m, BilevelModelError, f"expected Pyomo Block components, found ({found})", both)


@pytest.mark.parametrize("pick", ["f", "row", "o"])
def test_a_leader_variable_that_is_no_variable(pick):
    m = base()
    what = {"f": m.f, "row": m.f.row, "o": m.o}[pick]
    for leader in (what, [m.x, what], {"x": what}):
        refused(m, BilevelModelError, "expected Pyomo Var components, found the", leader=leader)


def test_indexed_components_and_slices_are_taken():
    m = base()
    m.v = pyo.Var([1, 2], bounds=(0, 1))
    m.f.more = pyo.Constraint(expr=m.f.y <= 3 + m.v[1])
    for leader in ([m.x, m.v], [m.x, m.v[:]], {"x": m.x, "v": m.v}, (v for v in (m.x, m.v))):
        assert solve_bilevel(m, [m.f], leader).objective == pytest.approx(3)


@pytest.mark.parametrize("method", ["auto", "bigm"])
def test_highs_names_its_own_limits_and_no_method_that_was_not_asked_for(method):
    """q <= 12 - p by the follower's row: the leader's p q stays a nonconvex product."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 10))
    m.f = pyo.Block()
    m.f.q = pyo.Var(bounds=(0, 20))
    m.f.cap = pyo.Constraint(expr=m.f.q <= 12 - m.p)
    m.f.o = pyo.Objective(expr=m.f.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * m.f.q, sense=pyo.maximize)
    with pytest.raises(MethodError, match="HiGHS takes neither nonconvex products") as caught:
        solve_bilevel(m, m.f, m.p, method=method, solver="highs")
    assert "branch" not in str(caught.value)
    assert "solver='gurobi' or 'scip'" in str(caught.value)


def test_the_choice_of_branch_is_announced_without_advice():
    m = base()
    m.f.y.setub(None)
    m.f.row.deactivate()
    m.f.above = pyo.Constraint(expr=m.f.y >= m.x - 1)
    m.f.o.expr = m.f.y
    r = solve_bilevel(m, m.f, m.x, solver="highs")
    (text,) = (a for a in r.announcements if a.startswith("branch chosen"))
    assert text.endswith("variable 'f.y' has no upper bound")


def test_a_binary_times_a_multiplier_without_bound_says_why(monkeypatch):
    """Were there too many bases to enumerate, the true reason would be given."""
    monkeypatch.setattr(bounds, "BASIS_CAP", 0)
    m = pyo.ConcreteModel()
    m.b, m.x = pyo.Var(domain=pyo.Binary), pyo.Var(bounds=(0, None))
    m.f = pyo.Block()
    m.f.y, m.f.z = pyo.Var(bounds=(0, 2)), pyo.Var(bounds=(0, 3))
    m.f.row = pyo.Constraint(expr=m.f.y + m.f.z == 2 + m.b)
    m.f.o = pyo.Objective(expr=m.x * m.f.y + 2 * m.f.z)
    m.o = pyo.Objective(expr=m.x * m.f.y - m.b, sense=pyo.maximize)
    refused(m, UnboundedProductError, "'x' has no upper bound", leader=[m.x, m.b])
    # With both factors bounded the product may stay, and a nonconvex solver finds 4.
    m.x.setub(4)
    r = solve_bilevel(m, m.f, [m.x, m.b], solver="scip")
    assert (r.status, r.objective) == ("optimal", pytest.approx(4, rel=1e-6))
