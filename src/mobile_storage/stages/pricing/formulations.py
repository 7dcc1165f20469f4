"""Stage ``pricing_formulations``: the same games by every formulation, method and solver."""

from __future__ import annotations

from typing import Any

from mobile_storage.bilevel.errors import BilevelModelError, SolverUnavailableError
from mobile_storage.core.io import write_json
from mobile_storage.core.log import progress, stage
from mobile_storage.pricing.analysis.cases import KKT_CUSTOMERS, solve
from mobile_storage.pricing.analysis.certificate import regret_yuan_per_year, without_noise
from mobile_storage.pricing.model.data import PricingData, build, read_raw
from mobile_storage.pricing.model.setting import Setting
from mobile_storage.stages.pricing.common import RAW, RESULTS, params

ROUTES = (
    ("kkt", "sos1", "gurobi"),
    ("kkt", "bigm", "gurobi"),
    ("kkt", "gdp.bigm", "gurobi"),
    ("kkt", "gdp.mbigm", "gurobi"),
    ("kkt", "gdp.hull", "gurobi"),
    ("kkt", "bigm", "highs"),
    ("kkt", "gdp.hull", "highs"),
    ("kkt", "bigm", "scip"),
    ("kkt_strengthened", "bigm", "gurobi"),
    ("kkt_strengthened", "bigm", "highs"),
    ("kkt_strengthened", "bigm", "scip"),
    ("value_function", "auto", "gurobi"),
    ("value_function", "auto", "highs"),
    ("value_function", "auto", "scip"),
)
"""Formulation, complementarity method, solver."""


def main() -> None:
    """Write ``formulations.json``: objective, bound, gap and regret of every route."""
    with stage("pricing_formulations") as log:
        data, values, rows = build(read_raw(RAW)), params(), []
        chosen = {n: Setting.of(values["cases"][n]) for n in values["formulations"]}
        small = len(data.customers) <= KKT_CUSTOMERS
        routes = [
            (name, game, route)
            for name, game in chosen.items()
            for route in ROUTES
            if small or route[0] == "value_function"
        ]
        for name, game, route in progress(routes, "formulations"):
            rows.append({"case": name} | _row(data, game, *route, **values["limits"]))
            log.info("%s, %s: %s", name, route[0], rows[-1]["status"])
        write_json(rows, RESULTS / "formulations.json")


def _row(
    data: PricingData, game: Setting, formulation: str, method: str, solver: str, **limits: Any
) -> dict[str, Any]:
    row = {"formulation": formulation, "method": method, "solver": solver}
    try:
        solution = solve(
            data, game, formulation=formulation, method=method, solver=solver, **limits
        )
    except (BilevelModelError, SolverUnavailableError) as error:
        # A solver without a licence, or a model too large for it, is a result and not a failure.
        return row | {"status": f"not run: {error}"}
    result, outcome = solution.result, solution.outcome
    row |= {"status": result.status, "solver_version": result.solver_version}
    if outcome is None:
        return row
    return row | {
        "objective_yuan_per_year": result.objective,
        "gap": without_noise(result.gap),
        "recomputed_yuan_per_year": outcome.account.net_income,
        "regret_yuan_per_year": regret_yuan_per_year(data, game, outcome),
        "variables": result.n_variables,
        "constraints": result.n_constraints,
    }


if __name__ == "__main__":
    main()
