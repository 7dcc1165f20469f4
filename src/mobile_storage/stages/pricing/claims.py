"""Stage ``pricing_claims``: every claim of the ledger computed and judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mobile_storage.core.claims import read_claims, write_verdicts
from mobile_storage.core.io import read_json
from mobile_storage.core.log import stage
from mobile_storage.core.papers import CLAIMS, PRICING
from mobile_storage.core.params import case_pair
from mobile_storage.flip.worlds import plausible_worlds
from mobile_storage.pricing.analysis.findings import (
    flipping_parameters,
    iteration_finding,
    milp_finding,
    ordering_finding,
    structure_finding,
    table_finding,
)
from mobile_storage.pricing.claims import Comparison, comparison
from mobile_storage.stages.pricing.common import (
    RAW,
    RESULTS,
    case_results,
    default_cases,
    params,
)

VERDICTS = RESULTS / "claims.csv"


def comparisons(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, Comparison]:
    """Compare the three cases for every variant of case 1 that sells anything.

    A variant is left out if it has no feasible prices, sells nothing, or has no proven optimum.
    """
    trading, compared = read_json(RESULTS / "no_emergency.json"), {}
    for name, values in params()["cases"].items():
        if values["tariff"] != "multi_grade":
            continue
        _, other = case_pair(values["follower"], values["participation"], values["investment"])
        both = cases[name], cases[other]
        if all(c["status"] == "optimal" and c["account"]["emergency_revenue"] for c in both):
            account = trading[name]["account"]
            compared[name] = comparison(cases[name], cases[other], account)
    return compared


def main() -> None:
    """Write ``data/results/bao2024/claims.csv``."""
    with stage("pricing_claims") as log:
        cases = case_results()
        variants = comparisons(cases)
        multi = [v for v in params()["cases"].values() if v["tariff"] == "multi_grade"]
        default, _ = default_cases()
        flips = flipping_parameters(pd.read_csv(RESULTS / "sensitivity.csv"))
        findings = [
            structure_finding(cases[default]),
            *(
                ordering_finding(claim, default, variants, len(multi), flips.get(claim, ()))
                for claim in ("P1-02", "P1-03", "P1-04", "P1-05", "P1-06")
            ),
            iteration_finding(read_json(RESULTS / "iteration.json"), default),
            milp_finding(read_json(RESULTS / "formulations.json"), cases),
            table_finding(),
        ]
        worlds = plausible_worlds(PRICING.flip, RAW)
        frame = write_verdicts(read_claims(CLAIMS, PRICING.key), findings, VERDICTS, worlds)
        for row in frame.itertuples():
            log.info("%s %s", row.id, row.verdict)


if __name__ == "__main__":
    main()
