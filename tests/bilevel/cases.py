"""Turns a reference case (tests/known_answers/bilevel_cases.json) into a Pyomo model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyomo.environ as pyo

PATH = Path(__file__).parents[1] / "known_answers" / "bilevel_cases.json"
CASES: dict[str, dict[str, Any]] = {
    case["name"]: case for case in json.loads(PATH.read_text(encoding="utf-8"))["cases"]
}
SENSE = {"min": pyo.minimize, "max": pyo.maximize}


def _objective(data, v):
    return (
        data["constant"]
        + sum(a * v[name] for name, a in data["linear"].items())
        + sum(a * v[p] * v[q] for p, q, a in data["quadratic"])
    )


def _row(data, v):
    body = sum(a * v[name] for name, a in data["linear"].items())
    if data["sense"] == "<=":
        return body <= data["rhs"]
    return body >= data["rhs"] if data["sense"] == ">=" else body == data["rhs"]


def _variable(data):
    domain = {"continuous": pyo.Reals, "integer": pyo.Integers, "binary": pyo.Binary}[data["type"]]
    return pyo.Var(domain=domain, bounds=(data["lb"], data["ub"]))


def build(case):
    """(model, followers, leader variables, case name -> variable)."""
    model = pyo.ConcreteModel(case["name"])
    v: dict[str, Any] = {}
    for name, data in case["variables"].items():
        if data["level"] == "upper":
            model.add_component(name, _variable(data))
            v[name] = model.component(name)
    leader = list(v.values())
    model.lower = pyo.Block(range(len(case["lowers"])))
    for block, data in zip(model.lower.values(), case["lowers"], strict=True):
        for name in data["variables"]:
            block.add_component(name, _variable(case["variables"][name]))
            v[name] = block.component(name)
    model.objective = pyo.Objective(
        expr=_objective(case["upper"]["objective"], v), sense=SENSE[case["upper"]["sense"]]
    )
    for row in case["upper"]["constraints"]:
        model.add_component(f"upper_{row['name']}", pyo.Constraint(expr=_row(row, v)))
    for block, data in zip(model.lower.values(), case["lowers"], strict=True):
        block.cost = pyo.Objective(
            expr=_objective(data["objective"], v), sense=SENSE[data["sense"]]
        )
        for row in data["constraints"]:
            block.add_component(row["name"], pyo.Constraint(expr=_row(row, v)))
    return model, model.lower, leader, v
