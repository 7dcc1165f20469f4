"""What the checks after a solve say, and that they can fail."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest

from mobile_storage.bilevel import Status, solve_bilevel
from mobile_storage.bilevel import solve as module
from mobile_storage.bilevel.certificate import leader_residuals, position, respond
from mobile_storage.bilevel.model import read_problem


def two_buyers():
    """Two buyers of up to 1 unit worth 5 and 3 at one price: 2 sold at 3 or 1 at 5."""
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 9))
    m.b = pyo.Block(["rich", "poor"])
    for name, worth in (("rich", 5.0), ("poor", 3.0)):
        m.b[name].q = pyo.Var(bounds=(0, 1))
        m.b[name].o = pyo.Objective(expr=(worth - m.p) * m.b[name].q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * (m.b["rich"].q + m.b["poor"].q), sense=pyo.maximize)
    return m


def at(m, p, rich, poor):
    problem = read_problem(m, m.b, m.p)
    values = {"p": p, "b[rich].q": rich, "b[poor].q": poor}
    return problem, np.array([values[n] for n in problem.names])


@pytest.mark.parametrize("solver", ["gurobi", "highs", "scip"])
def test_ties_are_per_follower(solver):
    m = two_buyers()
    r = solve_bilevel(m, m.b, m.p, solver=solver)
    assert r.objective == pytest.approx(6)
    assert r.tied == {"b[rich]": False, "b[poor]": True}
    assert (r.optimistic, r.worst_case) == pytest.approx((6, 3))
    assert r.follower_objectives == pytest.approx({"b[rich]": 2, "b[poor]": 0})
    assert set(r.follower_gaps.values()) == {0.0}


def test_not_asked_for():
    m = two_buyers()
    r = solve_bilevel(m, m.b, m.p, check_pessimistic=False)
    assert (r.tied, r.worst_case, r.worst_case_reason) == (None, None, "not asked for")


def test_a_response_that_is_not_optimal_has_a_gap():
    """At p = 2 the rich buyer that takes 0.25 gives up 0.75 * 3."""
    problem, point = at(two_buyers(), 2.0, 0.25, 1.0)
    rich, poor = (respond(f, point) for f in problem.followers)
    assert (rich.objective, rich.optimal_value, rich.gap) == pytest.approx((0.75, 3, 2.25))
    assert poor.gap == 0.0
    # Inside its bounds no multiplier can be positive: the gradient 3 stays unbalanced.
    assert rich.stationarity == pytest.approx(3)
    assert poor.stationarity <= 1e-9


def test_infeasible_points_have_residuals():
    problem, point = at(two_buyers(), 9.5, 1.5, 0.0)
    rich = respond(problem.followers[0], point)
    assert rich.primal == pytest.approx(0.5)
    assert leader_residuals(problem, point)[0] == pytest.approx(0.5)


def test_worst_case_of_several_tied_followers_is_joint():
    problem, point = at(two_buyers(), 3.0, 1.0, 1.0)
    responses = [respond(f, point) for f in problem.followers]
    assert position(problem, point, responses, 1e-6).worst_case == pytest.approx(3)
    problem, point = at(two_buyers(), 5.0, 0.0, 0.0)
    responses = [respond(f, point) for f in problem.followers]
    p = position(problem, point, responses, 1e-6)
    assert (p.tied, p.optimistic, p.worst_case) == ((True, False), pytest.approx(5), 0.0)


def test_quantities_the_leader_derives_leave_no_worst_case():
    """``income`` is computed from the responses: its worst value is not known at this decision."""
    m = two_buyers()
    m.sold = pyo.Var()
    m.count = pyo.Constraint(expr=m.sold == m.b["rich"].q + m.b["poor"].q)
    m.o.expr = m.p * (m.b["rich"].q + m.b["poor"].q) - 0.5 * m.sold
    r = solve_bilevel(m, m.b, m.p)
    assert r.objective == pytest.approx(5)
    assert r.worst_case is None
    assert "'sold'" in r.worst_case_reason
    # At p = 3 the poor one is tied (5 = 6 - 1); the other optimum p = 5 - would give 4.5.
    assert r.tied == {"b[rich]": False, "b[poor]": True}


def test_a_wrong_answer_of_a_solver_is_not_called_optimal(monkeypatch):
    """A back-end that reports another point as optimal: the followers' gaps give it away."""
    honest = module.solve

    def lying(model, name, limits):
        raw = honest(model, name, limits)
        x = raw.x.copy()
        x[: len(read_problem(m, m.b, m.p).names)] *= 0.5
        return module.RawSolution(raw.status, x, raw.objective, raw.bound, raw.nodes)

    m = two_buyers()
    monkeypatch.setattr(module, "solve", lying)
    monkeypatch.setattr(module._Run, "_sharpen", lambda *_: None)
    r = solve_bilevel(m, m.b, m.p, method="bigm", solver="highs")
    assert r.status is Status.UNCERTAIN
    assert "misses its optimum" in r.message
    assert max(r.follower_gaps.values()) > 0.1


def test_residuals_and_size_are_reported():
    m = two_buyers()
    r = solve_bilevel(m, m.b, m.p, method="bigm", solver="highs")
    assert r.certificate.largest_residual <= 1e-9
    assert r.n_complementarities == 4
    assert len(r.certificate.big_m) == 8
    assert not r.certificate.any_at_bound
    assert r.n_variables >= 3 + 4
    assert r.solver_version.count(".") == 2
    assert 0 < r.seconds < 10
