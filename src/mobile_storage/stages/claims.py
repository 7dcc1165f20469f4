"""Stage ``claims``: every claim of the ledger computed and judged."""

from __future__ import annotations

import pandas as pd

from mobile_storage.compendium.claims import read_claims, write_verdicts
from mobile_storage.compendium.io import read_json
from mobile_storage.compendium.log import stage
from mobile_storage.pricing.claims import Comparison, comparison
from mobile_storage.pricing.findings import (
    flipping_parameters,
    iteration_finding,
    milp_finding,
    ordering_finding,
    structure_finding,
    table_finding,
)
from mobile_storage.stages.common import RESULTS, case_results, params

LEDGER = "data/raw/claims.csv"
VERDICTS = "data/results/claims.csv"


def comparisons() -> dict[str, Comparison]:
    """Comparison of the three cases for every variant of case 1 in which all have a solution."""
    cases, trading = case_results(), read_json(RESULTS / "no_emergency.json")
    by_setting = {
        (v["tariff"], v["follower"], v["participation"], v["investment"]): name
        for name, v in params()["cases"].items()
    }
    found = {}
    for (tariff, _, participation, investment), name in by_setting.items():
        if tariff != "multi_grade":
            continue
        other = by_setting["single_price", "fixed_grade", participation, investment]
        if cases[name]["status"] == cases[other]["status"] == "optimal":
            account = trading[name]["account"]
            found[name] = comparison(cases[name], cases[other], account)
    return found


def main() -> None:
    """Write ``data/results/claims.csv``."""
    with stage("claims") as log:
        variants = comparisons()
        multi = [v for v in params()["cases"].values() if v["tariff"] == "multi_grade"]
        default = default_case()
        flips = flipping_parameters(pd.read_csv(RESULTS / "sensitivity.csv"))
        findings = [
            structure_finding(case_results()[default]),
            *(
                ordering_finding(claim, default, variants, len(multi), flips[claim])
                for claim in ("P1-02", "P1-03", "P1-04", "P1-05", "P1-06")
            ),
            iteration_finding(read_json(RESULTS / "iteration.json"), default),
            milp_finding(read_json(RESULTS / "formulations.json"), case_results()),
            table_finding(),
        ]
        frame = write_verdicts(read_claims(LEDGER, "bao2024"), findings, VERDICTS)
        for row in frame.itertuples():
            log.info("%s %s", row.id, row.verdict)


def default_case() -> str:
    """Name of the default variant of case 1 in ``params.yaml``."""
    wanted = {**params()["default"], "tariff": "multi_grade"}
    return next(
        name
        for name, values in params()["cases"].items()
        if all(values[k] == v for k, v in wanted.items())
    )


if __name__ == "__main__":
    main()
