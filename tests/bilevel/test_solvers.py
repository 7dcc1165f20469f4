"""Fallbacks between solvers, limits, and verdicts on infeasible and unbounded problems."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyomo.environ as pyo
import pytest

import mobile_storage
from mobile_storage.bilevel import SolverUnavailableError, Status, solve_bilevel, solvers
from mobile_storage.bilevel import solve as module
from mobile_storage.bilevel.solvers import RawSolution

SOURCE = os.path.dirname(next(iter(mobile_storage.__path__)))


def many_buyers(n, prices=1, seed=1):
    """One seller, n buyers of up to 1 unit each; with one price the best is sorted out by hand."""
    worth = np.random.default_rng(seed).integers(1, 100, n) / 10
    m = pyo.ConcreteModel()
    m.p = pyo.Var(range(prices), bounds=(0, 10))
    m.buyer = pyo.Block(range(n))
    for k, b in m.buyer.items():
        b.q = pyo.Var(bounds=(0, 1))
        b.o = pyo.Objective(expr=(float(worth[k]) - m.p[k % prices]) * b.q, sense=pyo.maximize)
    m.o = pyo.Objective(
        expr=sum(m.p[k % prices] * b.q for k, b in m.buyer.items()), sense=pyo.maximize
    )
    best = sum(
        max(w * (part >= w).sum() for w in part)
        for part in (worth[k::prices] for k in range(prices))
    )
    return m, best


@pytest.mark.slow
def test_a_model_too_large_for_the_licence_goes_to_highs(caplog):
    m, _ = many_buyers(510)
    m.p[0].fix(5.05)  # no buyer's value: who buys is known, and the MILP is easy
    for b in m.buyer.values():
        b.q.set_value(1)
    buyers = sum(pyo.value(b.o) > 0 for b in m.buyer.values())
    with caplog.at_level(logging.WARNING, logger="mobile_storage.bilevel"):
        r = solve_bilevel(m, m.buyer, m.p)
    assert r.n_variables > 2000
    assert r.solver == "highs"
    assert r.status is Status.OPTIMAL, r.message
    assert r.objective == pytest.approx(5.05 * buyers)
    assert any("licence does not admit the model" in a for a in r.announcements)
    assert "licence does not admit" in caplog.text
    with pytest.raises(SolverUnavailableError, match="does not admit"):
        solve_bilevel(m, m.buyer, m.p, solver="gurobi")


SCRIPT = """
    import sys
    {before}
    import pyomo.environ as pyo
    from mobile_storage.bilevel import solve_bilevel
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 10))
    m.b = pyo.Block()
    m.b.q = pyo.Var(bounds=(2, 8))
    m.b.o = pyo.Objective(expr=(7 - m.p) * m.b.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * m.b.q, sense=pyo.maximize)
    r = solve_bilevel(m, m.b, m.p)
    print(r.solver, r.method, round(r.objective, 6), "|".join(r.announcements))
"""


BLOCK = """
    import importlib.abc
    class Missing(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in {names}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
    sys.meta_path.insert(0, Missing())
"""


def without(*names):
    """Code after which these packages cannot be imported."""
    return textwrap.dedent(BLOCK).format(names=set(names))


def run(before="", **environment):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT).format(before=before)],
        env=os.environ | {"PYTHONPATH": SOURCE} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"", id="empty"),
        pytest.param(b"EXPIRATION=2001-01-01\nKEY=00000000\n", id="expired, key wrong"),
        pytest.param(b"TYPE=TRIAL\nVERSION=9\nHOSTID=0\nEXPIRATION=2001-01-01\nKEY=A\n", id="old"),
        pytest.param(bytes(range(256)), id="noise"),
        pytest.param("folder", id="a folder"),
    ],
)
def test_a_licence_file_that_is_none(tmp_path, content):
    """HiGHS takes over, with the same answer, and it is said."""
    file = tmp_path / "gurobi.lic"
    if content == "folder":
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    out = run(GRB_LICENSE_FILE=str(file))
    assert out.startswith("highs bigm 56.0"), out
    assert "gurobi not used: no valid Gurobi licence" in out


@pytest.mark.parametrize(
    ("code", "said"),
    [(10009, "no valid Gurobi licence: License expired"), (10010, "Gurobi's licence does not adm")],
)
def test_a_licence_that_runs_out_at_start_or_in_the_middle(monkeypatch, code, said):
    """What Gurobi raises then, put in its place: an expired licence cannot be had for a test."""
    gp = pytest.importorskip("gurobipy")

    def refuse(*_):
        raise gp.GurobiError(code, "License expired")

    where = (gp.Env, "start") if code == 10009 else (gp.Model, "optimize")
    monkeypatch.setattr(*where, refuse)
    m, best = many_buyers(5)
    r = solve_bilevel(m, m.buyer, m.p)
    assert r.solver == "highs"
    assert r.objective == pytest.approx(best)
    assert any(said in a for a in r.announcements)
    with pytest.raises(SolverUnavailableError, match=said):
        solve_bilevel(m, m.buyer, m.p, solver="gurobi")


def test_no_gurobipy():
    out = run(before=without("gurobipy"))
    assert out.startswith("highs bigm 56.0"), out
    assert "gurobi not used: gurobipy is not installed" in out


def test_no_gurobipy_and_no_highspy():
    """SCIP is the third; without HiGHS the followers cannot be checked, so nothing is solved."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(before=without("gurobipy", "highspy"))
    assert "highspy is not installed" in caught.value.stderr


def test_the_named_solver_is_not_replaced(monkeypatch):
    monkeypatch.setitem(sys.modules, "gurobipy", None)
    m, _ = many_buyers(3)
    with pytest.raises(SolverUnavailableError, match="gurobipy is not installed"):
        solve_bilevel(m, m.buyer, m.p, solver="gurobi")


def test_one_price_against_sorting():
    for method, solver in (("sos1", "gurobi"), ("bigm", "highs"), ("sos1", "scip")):
        m, best = many_buyers(20)
        r = solve_bilevel(m, m.buyer, m.p, method=method, solver=solver)
        assert r.objective == pytest.approx(best)
        assert r.gap <= 1e-9


@pytest.mark.parametrize(
    ("method", "solver"),
    [("sos1", "gurobi"), ("bigm", "highs"), ("branch", "highs"), ("sos1", "scip")],
)
def test_node_limit_brings_what_is_known(method, solver):
    """The bound is valid and the incumbent, if any, is a true answer of the followers."""
    m, best = many_buyers(60, prices=3)
    r = solve_bilevel(m, m.buyer, m.p, method=method, solver=solver, node_limit=1)
    assert r.status in (Status.LIMIT, Status.OPTIMAL)
    assert r.status is Status.LIMIT or r.objective == pytest.approx(best)
    assert r.bound is None or r.bound >= best - 1e-6
    if r.objective is not None:
        assert r.objective <= best + 1e-6
        assert max(r.follower_gaps.values()) <= 1e-6


@pytest.mark.parametrize(
    ("method", "solver"),
    [("sos1", "gurobi"), ("bigm", "highs"), ("branch", "gurobi"), ("sos1", "scip")],
)
def test_time_limit_is_a_status(method, solver):
    m, _ = many_buyers(100, prices=4)
    r = solve_bilevel(m, m.buyer, m.p, method=method, solver=solver, time_limit_s=0.02)
    assert r.status is Status.LIMIT
    assert "limit" in r.message


@pytest.mark.parametrize(
    ("method", "solver"),
    [
        ("sos1", "gurobi"),
        ("bigm", "highs"),
        ("branch", "highs"),
        ("branch", "gurobi"),
        ("sos1", "scip"),
        ("gdp.bigm", "highs"),
    ],
)
class TestVerdicts:
    @staticmethod
    def model(row, unbounded=False):
        m = pyo.ConcreteModel()
        m.x = pyo.Var(bounds=(0, 1))
        m.w = pyo.Var(bounds=(0, None if unbounded else 1))
        m.f = pyo.Block()
        m.f.y = pyo.Var(bounds=(0, 1))
        m.f.o = pyo.Objective(expr=m.f.y * (1 + m.x))
        m.couple = pyo.Constraint(expr=m.f.y >= row)
        m.o = pyo.Objective(expr=m.x + m.f.y - m.w)
        return m

    def test_infeasible_because_of_the_follower(self, method, solver):
        """y = 0 always, so y >= 0.5 cannot be had, though some point satisfies all rows."""
        m = self.model(0.5)
        r = solve_bilevel(m, m.f, m.x, method=method, solver=solver)
        assert r.status is Status.INFEASIBLE
        assert (r.objective, r.solution, r.certificate) == (None, None, None)

    def test_infeasible_for_both(self, method, solver):
        m = self.model(1.5)
        assert solve_bilevel(m, m.f, m.x, method=method, solver=solver).status == "infeasible"

    def test_unbounded_in_the_leaders_own_variable(self, method, solver):
        m = self.model(0, unbounded=True)
        assert solve_bilevel(m, m.f, m.x, method=method, solver=solver).status == "unbounded"

    def test_infeasible_although_a_ray_exists(self, method, solver):
        m = self.model(0.5, unbounded=True)
        assert solve_bilevel(m, m.f, m.x, method=method, solver=solver).status == "infeasible"


def climbing(scale=1.0):
    """min -2 a - 2 y, y = max(a - 39, 0) with a whole and without end: unbounded."""
    m = pyo.ConcreteModel()
    m.a = pyo.Var(domain=pyo.NonNegativeIntegers)
    m.f = pyo.Block()
    m.f.y, m.f.z = pyo.Var(bounds=(0, None)), pyo.Var(bounds=(0, 9))
    m.f.row = pyo.Constraint(expr=m.a - m.f.y - 4 * m.f.z <= 3)
    m.f.o = pyo.Objective(expr=scale * (3 * m.f.y - 2 * m.f.z))
    m.o = pyo.Objective(expr=-2 * m.a - 2 * m.f.y + 8 * m.f.z)
    return m


def climbing_reals():
    """The same kind without integers, and with a leader's row."""
    m = climbing()
    m.a.domain = pyo.NonNegativeReals
    m.more = pyo.Constraint(expr=m.a >= 2 * m.f.z)
    return m


@pytest.mark.parametrize("make", [climbing, climbing_reals])
@pytest.mark.parametrize("solver", ["gurobi", "highs", "scip"])
def test_unbounded_is_said_by_every_solver(solver, make):
    """SCIP called the first one optimal at -6."""
    m = make()
    r = solve_bilevel(m, m.f, m.a, solver=solver)
    assert (r.status, r.objective) == (Status.UNBOUNDED, None)


@pytest.mark.parametrize("solver", ["gurobi", "highs", "scip"])
def test_infeasible_is_not_unbounded(solver):
    m = climbing()
    m.never = pyo.Constraint(expr=m.f.y >= m.a)
    m.start = pyo.Constraint(expr=m.a >= 40)
    assert solve_bilevel(m, m.f, m.a, solver=solver).status is Status.INFEASIBLE


@pytest.mark.parametrize("seed", range(12))
def test_solvers_agree_on_problems_without_ends(seed):
    """Random leaders and followers half of whose variables have no upper bound."""
    rng = np.random.default_rng(seed)
    words = set()
    whole, endless = rng.random(2) < 0.6, rng.random(4) < 0.5
    rows, costs = rng.integers(-4, 5, (3, 4)), rng.integers(-9, 10, (2, 4))
    for solver in ("gurobi", "highs", "scip"):
        m = pyo.ConcreteModel()
        m.x = pyo.Var(
            [0, 1],
            domain=lambda _, i: pyo.Integers if whole[i] else pyo.Reals,
            bounds=lambda _, i: (0, None if endless[i] else 9),
        )
        m.f = pyo.Block()
        m.f.y = pyo.Var([0, 1], bounds=lambda _, i: (0, None if endless[2 + i] else 9))
        v = [*m.x.values(), *m.f.y.values()]
        m.f.rows = pyo.ConstraintList()
        for a in rows:
            if a[2:].any():
                m.f.rows.add(sum(int(c) * w for c, w in zip(a, v, strict=True)) <= 11)
        m.f.o = pyo.Objective(
            expr=sum(int(c) * w for c, w in zip(costs[0][2:], v[2:], strict=True))
        )
        m.o = pyo.Objective(expr=sum(int(c) * w for c, w in zip(costs[1], v, strict=True)))
        r = solve_bilevel(m, m.f, m.x, solver=solver)
        value = None if r.objective is None else round(r.objective, 5) + 0.0
        words.add((r.status.value, value))
    assert len(words) == 1
    assert words.pop()[0] in ("optimal", "infeasible", "unbounded")


def test_only_limits_of_gurobi_are_limits():
    """Status 13 (suboptimal) came back as a limit though none was set."""
    grb = pytest.importorskip("gurobipy").GRB
    words = {n: solvers.gurobi_status(SimpleNamespace(Status=n)) for n in range(1, 18)}
    assert {n for n, w in words.items() if w == "limit"} == {grb.TIME_LIMIT, grb.NODE_LIMIT}
    assert words[grb.SUBOPTIMAL] == words[grb.NUMERIC] == words[grb.INF_OR_UNBD] == "open"


@pytest.mark.parametrize("unbounded", [True, False])
def test_a_solver_that_stops_without_a_proof_is_settled(monkeypatch, unbounded):
    """Gurobi's verdict with a point at hand, put in its place: such models are rare."""
    pytest.importorskip("gurobipy")
    honest = solvers.solve

    def gives_up(model, name, limits):
        raw = honest(model, name, limits)
        return RawSolution("open", raw.x, -66.0, None, 1, "Gurobi status 13")

    monkeypatch.setattr(module, "solve", gives_up)
    m = climbing()
    if not unbounded:
        m.a.setub(50)
    r = solve_bilevel(m, m.f, m.a, solver="gurobi")
    # With a <= 50: y = 11, z = 9.
    assert (r.status, r.objective) == (
        (Status.UNBOUNDED, None) if unbounded else (Status.OPTIMAL, pytest.approx(-50))
    )
    assert any("gurobi called the sos1 model open" in a for a in r.announcements)


def test_a_nonconvex_problem_that_a_solver_leaves_open_is_uncertain(monkeypatch):
    honest = solvers.solve
    monkeypatch.setattr(
        module, "solve", lambda *a: replace(honest(*a), status="open", message="Gurobi status 13")
    )
    m = pyo.ConcreteModel()
    m.p = pyo.Var(bounds=(0, 10))
    m.b = pyo.Block()
    m.b.q = pyo.Var(bounds=(0, 20))
    m.b.cap = pyo.Constraint(expr=m.b.q <= 12 - m.p)
    m.b.o = pyo.Objective(expr=m.b.q, sense=pyo.maximize)
    m.o = pyo.Objective(expr=m.p * m.b.q, sense=pyo.maximize)
    r = solve_bilevel(m, m.b, m.p, solver="gurobi")
    assert r.status is Status.UNCERTAIN
    assert "stopped without a proof (Gurobi status 13)" in r.message


def raising_scip(monkeypatch):
    """SCIP fails in its own way: a line on the process's standard error, and a bare exception."""
    pytest.importorskip("pyscipopt")

    def fail(*_):
        os.write(2, b"[lp.c:1234] ERROR: something in SCIP\n")
        raise Exception("SCIP: error in LP solver!")

    monkeypatch.setattr(solvers, "_run_scip", fail)


def test_scips_own_errors_are_a_status_and_its_noise_goes_to_the_log(monkeypatch, capfd, caplog):
    raising_scip(monkeypatch)
    m, _ = many_buyers(3)
    with caplog.at_level(logging.DEBUG, logger="mobile_storage.bilevel"):
        r = solve_bilevel(m, m.buyer, m.p, solver="scip")
    assert (r.status, r.message) == (Status.ERROR, "SCIP: error in LP solver!")
    assert capfd.readouterr().err == ""
    assert "something in SCIP" in caplog.text


def test_standard_error_works_again_after_scip(capfd):
    m, best = many_buyers(3)
    assert solve_bilevel(m, m.buyer, m.p, solver="scip").objective == pytest.approx(best)
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_an_error_of_scip_is_the_last_of_the_reasons(monkeypatch):
    raising_scip(monkeypatch)
    monkeypatch.setitem(sys.modules, "gurobipy", None)
    m, _ = many_buyers(3)
    with pytest.raises(SolverUnavailableError, match=r"scip: it gave up \(SCIP: error in LP"):
        solve_bilevel(m, m.buyer, m.p, method="sos1")


def test_an_error_of_gurobi_is_a_status(monkeypatch):
    gp = pytest.importorskip("gurobipy")

    def fail(_):
        raise gp.GurobiError(10001, "Out of memory")

    monkeypatch.setattr(gp.Model, "optimize", fail)
    m, best = many_buyers(3)
    r = solve_bilevel(m, m.buyer, m.p, solver="gurobi")
    assert (r.status, r.message) == (Status.ERROR, "Gurobi: Out of memory")
    assert solve_bilevel(m, m.buyer, m.p).objective == pytest.approx(best)
