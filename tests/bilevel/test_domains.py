"""Every domain that Pyomo offers: read as it is, written out, or refused in one sentence."""

from __future__ import annotations

import pyomo.environ as pyo
import pytest
from pyomo.core.base import set_types

from mobile_storage.bilevel import (
    BilevelModelError,
    IntegerFollowerError,
    NonconvexFollowerError,
    solve_bilevel,
)

WAYS = [
    ("auto", "gurobi"),
    ("auto", "highs"),
    ("auto", "scip"),
    ("branch", "highs"),
    ("gdp.hull", "highs"),
]


def gap_to_eight(domain, bounds=(None, None)):
    """max 2 x + y for x <= 8, y = max(8 - x, 0): worth 8 + x, so the greatest x is best."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=domain, bounds=bounds)
    m.cap = pyo.Constraint(expr=m.x <= 8)
    m.f = pyo.Block()
    m.f.y = pyo.Var(bounds=(0, 20))
    m.f.row = pyo.Constraint(expr=m.f.y >= 8 - m.x)
    m.f.o = pyo.Objective(expr=m.f.y)
    m.o = pyo.Objective(expr=2 * m.x + m.f.y, sense=pyo.maximize)
    return m


def pieces(*ends, step=0):
    """A union of intervals (or of steps), which Pyomo builds from ranges."""
    from pyomo.core.base.range import NumericRange

    return pyo.RangeSet(ranges=[NumericRange(low, high, step) for low, high in ends])


@pytest.mark.parametrize(("method", "solver"), WAYS)
@pytest.mark.parametrize(
    ("domain", "greatest"),
    [
        pytest.param(lambda: pyo.RangeSet(0, 10, 5), 5, id="step of 5"),
        pytest.param(lambda: pyo.RangeSet(10, -5, -5), 5, id="downwards"),
        pytest.param(lambda: pyo.RangeSet(0, None, 5), 5, id="steps without end"),
        pytest.param(lambda: pyo.RangeSet(0.5, 9.5, 1), 7.5, id="halves"),
        pytest.param(lambda: pyo.RangeSet(0, 9, 0.7), 7.7, id="step of 0.7"),
        pytest.param(lambda: pyo.Set(initialize=[0, 5, 10]), 5, id="set with a step"),
        pytest.param(lambda: pyo.Set(initialize=[0, 1, 3, 7.25, 9]), 7.25, id="set with gaps"),
        pytest.param(lambda: pyo.Set(initialize=[3]), 3, id="one value"),
        pytest.param(lambda: pyo.RangeSet(0, 3) | pyo.RangeSet(20, 22), 3, id="union of integers"),
        pytest.param(lambda: pieces((0, 2.5), (8.5, 9)), 2.5, id="two intervals"),
        pytest.param(lambda: pieces((0, 1), (4, 9)), 8, id="cut by a row"),
        pytest.param(lambda: pieces((0, 4), (1, 13), step=4), 5, id="steps of two origins"),
        pytest.param(
            lambda: pyo.Set(initialize=[0, 5, 10]) & pyo.Set(initialize=[0, 6, 10]), 0, id="both"
        ),
        pytest.param(
            lambda: pyo.Set(initialize=[0, 5, 10]) - pyo.Set(initialize=[5]), 0, id="less"
        ),
    ],
)
def test_the_leader_may_take_the_members_and_no_other_value(domain, greatest, method, solver):
    m = gap_to_eight(domain(), bounds=(-100, 100))
    r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
    assert (r.status, r.objective) == ("optimal", pytest.approx(8 + greatest))
    assert m.x.value == pytest.approx(greatest, abs=1e-12)
    assert set(r.solution) == {"x", "f.y"}


@pytest.mark.parametrize(
    ("bounds", "best"), [((1, 9), 13.0), ((6, 9), None), ((None, 4), 8.0), ((-7, 9), 13.0)]
)
def test_bounds_hold_beside_a_domain(bounds, best):
    m = gap_to_eight(pyo.RangeSet(-10, 10, 5), bounds=bounds)
    r = solve_bilevel(m, m.f, m.x, solver="highs")
    assert r.objective == (best if best is None else pytest.approx(best))
    assert r.status == ("infeasible" if best is None else "optimal")


def test_a_price_list_makes_the_products_linear():
    """(7 - p) q with p of {3, 8}: at 3 the buyer takes 8, at 8 it takes the 2 it must."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(domain=pyo.Set(initialize=[3, 8]))
    m.b = pyo.Block()
    m.b.q = pyo.Var(bounds=(2, 8))
    m.b.o = pyo.Objective(expr=(7 - m.p) * m.b.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * m.b.q, sense=pyo.maximize)
    for method in ("auto", "strong_duality"):
        assert solve_bilevel(m, m.b, m.p, method=method).objective == pytest.approx(24)


#: Makers of deprecated sets, no sets themselves.
MAKERS = {"IntegerInterval", "RealInterval"}
#: What x may be at most 8 and at least -100 in each of Pyomo's own domains; None: refused.
GREATEST = {
    "Any": None,
    "AnyWithNone": None,
    "EmptySet": None,
    "Binary": 1,
    "Boolean": 1,
    "Integers": 8,
    "NegativeIntegers": -1,
    "NegativeReals": 0,
    "NonNegativeIntegers": 8,
    "NonNegativeReals": 8,
    "NonPositiveIntegers": 0,
    "NonPositiveReals": 0,
    "PercentFraction": 1,
    "PositiveIntegers": 8,
    "PositiveReals": 8,
    "Reals": 8,
    "UnitInterval": 1,
}
WHOLE = {n for n in GREATEST if "Integers" in n} | {"Binary", "Boolean"}


def test_every_predefined_domain_is_in_the_list():
    sets = {n for n, s in vars(set_types).items() if hasattr(s, "ranges")}
    assert sets - MAKERS == set(GREATEST)


@pytest.mark.parametrize("name", GREATEST)
def test_a_predefined_domain_of_the_leader(name):
    m = gap_to_eight(getattr(pyo, name), bounds=(-100, 100))
    if GREATEST[name] is None:
        with pytest.raises(
            BilevelModelError, match=rf"the domain {name} of 'x' is (empty|not a s)"
        ):
            solve_bilevel(m, m.f, m.x)
        return
    m.f.y.setub(None)
    m.x.setlb(max(m.x.lb, -9))
    r = solve_bilevel(m, m.f, m.x)
    assert r.objective == pytest.approx(8 + GREATEST[name])
    assert any("leaves out its end" in a for a in r.announcements) == (
        name in ("NegativeReals", "PositiveReals")
    )


@pytest.mark.parametrize("name", GREATEST)
def test_a_predefined_domain_of_a_follower(name):
    """max y under y <= 8 - x answers 8 at x = 0, or the greatest member of its domain."""
    m = pyo.ConcreteModel()
    m.x = pyo.Var(bounds=(0, 4))
    m.f = pyo.Block()
    m.f.y = pyo.Var(domain=getattr(pyo, name), bounds=(-9, 9))
    m.f.row = pyo.Constraint(expr=m.f.y <= 8 - m.x)
    m.f.o = pyo.Objective(expr=m.f.y, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.f.y - m.x, sense=pyo.maximize)
    if GREATEST[name] is None:
        with pytest.raises(BilevelModelError, match=rf"the domain {name} of 'f.y' is"):
            solve_bilevel(m, m.f, m.x)
    elif name in WHOLE:
        with pytest.raises(IntegerFollowerError, match=r"integer variable 'f\.y'"):
            solve_bilevel(m, m.f, m.x)
    else:
        assert solve_bilevel(m, m.f, m.x).objective == pytest.approx(GREATEST[name])


@pytest.mark.parametrize(
    ("domain", "error", "words"),
    [
        (lambda: pyo.RangeSet(0, 10, 5), IntegerFollowerError, r"discrete domain \[0:10:5\]"),
        (lambda: pyo.Set(initialize=[0, 5, 10]), IntegerFollowerError, r"domain \{0, 5, 10\}"),
        (lambda: pyo.RangeSet(0, 1, 0.5), IntegerFollowerError, "discrete domain"),
        (lambda: pieces((0, 1), (4, 9)), NonconvexFollowerError, "is not one interval"),
        (lambda: pyo.Set(initialize=["a", "b"]), BilevelModelError, "is not a set of numbers"),
        (lambda: pyo.Set(initialize=[]), BilevelModelError, "is empty"),
    ],
)
def test_a_follower_with_another_domain_is_refused(domain, error, words):
    m = gap_to_eight(pyo.Reals, bounds=(0, 9))
    m.f.k = pyo.Var(domain=domain())
    m.f.more = pyo.Constraint(expr=m.f.k <= 9)
    with pytest.raises(error, match=words) as caught:
        solve_bilevel(m, m.f, m.x)
    assert "'f.k'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        (lambda: pyo.Set(initialize=["a", "b"]), "is not a set of numbers"),
        (lambda: pyo.Set(initialize=[(1, 2)]), "is not a set of numbers"),
        (lambda: pyo.Integers * pyo.Integers, "is not a set of numbers"),
        (lambda: pieces((0, 1), (4, None)), "one of them is unbounded"),
    ],
)
def test_a_leader_domain_that_cannot_be_written_out_is_refused(domain, words):
    m = gap_to_eight(domain())
    with pytest.raises(BilevelModelError, match=words) as caught:
        solve_bilevel(m, m.f, m.x)
    assert "'x'" in str(caught.value)


def test_crossed_bounds_are_infeasible():
    for solver in ("gurobi", "highs", "scip"):
        m = gap_to_eight(pyo.Integers, bounds=(3, 1))
        assert solve_bilevel(m, m.f, m.x, solver=solver).status == "infeasible"
