"""Stage ``case@name``: solve case 1 or 2 in one variant and certify the solution."""

from __future__ import annotations

import argparse

from mobile_storage.compendium.io import write_json
from mobile_storage.compendium.log import stage
from mobile_storage.pricing.cases import solve
from mobile_storage.pricing.certificate import case_record
from mobile_storage.pricing.data import load
from mobile_storage.pricing.intervals import optimal_ranges
from mobile_storage.stages.common import RAW, RESULTS, params, setting


def main() -> None:
    """Write ``cases/<name>.json``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name")
    name = parser.parse_args().name
    with stage("case", name) as log:
        values, solver = params()["cases"][name], params()["solver"]
        data, game = load(RAW), setting(values)
        solution = solve(data, game, solver=solver, **params()["limits"])
        result = solution.result
        log.info(
            "%s with %s %s, %s, gap %s",
            result.status,
            result.solver,
            result.solver_version,
            result.method,
            "none" if result.gap is None else f"{result.gap:.1e}",
        )
        record = case_record(data, solution)
        if values["intervals"] and result.optimal:
            record["intervals"] = optimal_ranges(data, game, solution.outcome, solver=solver)
        write_json(record, RESULTS / "cases" / f"{name}.json")


if __name__ == "__main__":
    main()
