"""All cases of tests/known_answers/bilevel_cases.json, by every method and solver that applies."""

from __future__ import annotations

import json
from pathlib import Path

import pyomo.environ as pyo
import pytest

from mobile_storage.bilevel import (
    IntegerFollowerError,
    MissingBoundError,
    Status,
    StrongDualityError,
    solve_bilevel,
)

PATH = Path(__file__).parents[1] / "known_answers" / "bilevel_cases.json"
CASES = {c["name"]: c for c in json.loads(PATH.read_text(encoding="utf-8"))["cases"]}
SENSE = {"min": pyo.minimize, "max": pyo.maximize}
DOMAIN = {"continuous": pyo.Reals, "integer": pyo.Integers, "binary": pyo.Binary}

REFUSED = {"moore_bard_1990_integer"}
#: The constraints of both levels leave a slack unbounded: no big-M exists from the data.
NO_BIG_M = {
    "mersha_dempe_2006_ex2_lower",
    "tuy_2007_ex3_bolib_as_stored",
    "wang_jiao_li_2005",
    "pineda_morales_2018_bigM",
    "handbook_9_3_5",
    "toll_setting_p1",
    "toll_setting_p3",
}
#: The leader's optimal decision is not unique, so nothing but F can be compared.
SEVERAL_DECISIONS = {"toll_setting_p1", "toll_setting_p3", "tier_2x2x1"}
TAGS_F_ONLY = {"non-unique-follower", "optimistic", "multiple-optima"}


def objective(data, v):
    return (
        data["constant"]
        + sum(a * v[name] for name, a in data["linear"].items())
        + sum(a * v[p] * v[q] for p, q, a in data["quadratic"])
    )


def row(data, v):
    body = sum(a * v[name] for name, a in data["linear"].items())
    if data["sense"] == "<=":
        return body <= data["rhs"]
    return body >= data["rhs"] if data["sense"] == ">=" else body == data["rhs"]


def build(case):
    """(model, followers, leader variables, name -> variable) of a case."""
    m = pyo.ConcreteModel(case["name"])
    m.lower = pyo.Block(range(len(case["lowers"])))
    owner = {n: m.lower[k] for k, low in enumerate(case["lowers"]) for n in low["variables"]}
    v = {}
    for name, data in case["variables"].items():
        var = pyo.Var(domain=DOMAIN[data["type"]], bounds=(data["lb"], data["ub"]))
        owner.get(name, m).add_component(name, var)
        v[name] = var
    leader = [v[n] for n, data in case["variables"].items() if data["level"] == "upper"]
    levels = [(m, case["upper"]), *zip(m.lower.values(), case["lowers"], strict=True)]
    for block, level in levels:
        block.objective = pyo.Objective(
            expr=objective(level["objective"], v), sense=SENSE[level["sense"]]
        )
        for data in level["constraints"]:
            block.add_component(f"row_{data['name']}", pyo.Constraint(expr=row(data, v)))
    return m, m.lower, leader, v


def is_quadratic(case):
    """Whether the single-level problem has a convex quadratic objective."""
    return (
        bool(case["upper"]["objective"]["quadratic"]) and "bilinear-bilinear" not in case["class"]
    )


def combinations():
    for name, case in CASES.items():
        if name in REFUSED:
            continue
        pairs = [
            ("auto", "auto"), ("sos1", "gurobi"), ("sos1", "scip"),
            ("branch", "highs"), ("branch", "gurobi"),
        ]  # fmt: skip
        if name not in NO_BIG_M:
            solvers = ("gurobi",) if is_quadratic(case) else ("gurobi", "highs")
            pairs += [("bigm", s) for s in solvers]
            pairs += [(g, solvers[-1]) for g in ("gdp.bigm", "gdp.mbigm", "gdp.hull")]
        if not is_quadratic(case):
            pairs.append(("auto", "highs"))
        yield from (pytest.param(name, *p, id=f"{name}-{p[0]}-{p[1]}") for p in pairs)


def test_every_case_of_the_file_is_used():
    used = {p.values[0] for p in combinations()}
    assert used | REFUSED == set(CASES)
    assert len(CASES) == 40


@pytest.mark.parametrize(("name", "method", "solver"), list(combinations()))
def test_reference_value(name, method, solver):
    case = CASES[name]
    reference = case["reference"]
    model, followers, leader, v = build(case)
    result = solve_bilevel(model, followers, leader, method=method, solver=solver)

    assert result.status == reference["status"], result.message
    if reference["status"] != "optimal":
        assert result.objective is None
        return
    F = reference["F"]
    assert abs(result.objective - F) <= 1e-6 * max(1.0, abs(F))
    assert abs(result.bound - F) <= 1e-6 * max(1.0, abs(F))
    assert all(
        g <= 1e-6 * max(1.0, abs(f))
        for g, f in zip(
            result.follower_gaps.values(), result.follower_objectives.values(), strict=True
        )
    )
    assert result.certificate.largest_residual <= 1e-6
    assert not result.certificate.any_at_bound
    if TAGS_F_ONLY & set(case["tags"]) or name in SEVERAL_DECISIONS:
        return
    for f, expected in zip(result.follower_objectives.values(), reference["f"], strict=True):
        assert f == pytest.approx(expected, abs=1e-5, rel=1e-5)
    for variable, expected in reference["solution"].items():
        assert pyo.value(v[variable]) == pytest.approx(expected, abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("name", sorted(REFUSED))
@pytest.mark.parametrize(("method", "solver"), [("auto", "auto"), ("bigm", "highs")])
def test_integer_follower_is_refused(name, method, solver):
    model, followers, leader, _ = build(CASES[name])
    with pytest.raises(IntegerFollowerError, match="not even a bound"):
        solve_bilevel(model, followers, leader, method=method, solver=solver)


def determined():
    """Cases whose leader decision is unique and whose reference says what ties there do."""
    for name, case in CASES.items():
        unique = not {"multiple-optima"} & set(case["tags"]) and name not in SEVERAL_DECISIONS
        if unique and "follower_response_tied" in case["reference"] and name not in REFUSED:
            yield name


@pytest.mark.parametrize("solver", ["gurobi", "highs"])
@pytest.mark.parametrize("name", list(determined()))
def test_ties_and_worst_case(name, solver):
    reference = CASES[name]["reference"]
    model, followers, leader, _ = build(CASES[name])
    result = solve_bilevel(model, followers, leader, solver=solver)
    assert any(result.tied.values()) == reference["follower_response_tied"]
    assert result.optimistic == pytest.approx(reference["F"], abs=1e-5, rel=1e-6)
    if "worst_case_F_at_same_leader_decision" not in reference:
        return
    worst = reference["worst_case_F_at_same_leader_decision"]
    if worst is None:
        assert result.worst_case is None
        assert "unbounded" in result.worst_case_reason
    else:
        assert result.worst_case == pytest.approx(worst, abs=1e-5, rel=1e-6)


@pytest.mark.parametrize("name", sorted(NO_BIG_M))
@pytest.mark.parametrize("method", ["bigm", "gdp.hull"])
def test_no_big_m_where_none_follows(name, method):
    model, followers, leader, _ = build(CASES[name])
    with pytest.raises(MissingBoundError, match="bound"):
        solve_bilevel(model, followers, leader, method=method, solver="gurobi")


def test_strong_duality_where_it_is_linear():
    case = CASES["mitsos_barton_2007_3_2_infeasible"]
    for solver in ("gurobi", "highs", "scip"):
        model, followers, leader, _ = build(case)
        result = solve_bilevel(model, followers, leader, method="strong_duality", solver=solver)
        assert result.status is Status.INFEASIBLE
    model, followers, leader, _ = build(CASES["bard_1984_ex1"])
    with pytest.raises(StrongDualityError, match="product of 'x' and the multiplier"):
        solve_bilevel(model, followers, leader, method="strong_duality", solver="highs")
