"""Stage ``mmbes_claims``: every claim of paper 2 computed and judged."""

from __future__ import annotations

import pandas as pd

from mobile_storage.core.claims import read_claims, write_verdicts
from mobile_storage.core.io import read_json
from mobile_storage.core.log import stage
from mobile_storage.core.papers import CLAIMS, MMBES
from mobile_storage.flip.worlds import plausible_worlds
from mobile_storage.mmbes.analysis.findings import convergence_finding, findings, loss_rate_finding
from mobile_storage.mmbes.claims import SetResults
from mobile_storage.stages.mmbes.common import RAW, RESULTS, params


def main() -> None:
    """Write ``data/results/fu2024/claims.csv``."""
    with stage("mmbes_claims") as log:
        claims = {claim.id: claim for claim in read_claims(CLAIMS, MMBES.key)}
        sets = params()["sets"]
        seeds = {
            f"{name}_{kind}": pd.read_csv(RESULTS / "optimum" / f"{name}_{kind}_seeds.csv")
            for name in sets
            for kind in params()["objectives"]
        }
        rates = {name: read_json(RESULTS / "inputs" / f"{name}.json")["loss_rate"] for name in sets}
        computed = [
            loss_rate_finding(claims["P2-13"], rates),
            convergence_finding(
                claims["P2-17"], seeds, int(float(claims["P2-17"].published_value))
            ),
            *findings(
                [c for name, c in claims.items() if name not in ("P2-13", "P2-17")],
                SetResults.read(RESULTS, "literature"),
                SetResults.read(RESULTS, "calibrated"),
                [SetResults.of(record) for record in read_json(RESULTS / "ensemble.json")],
                [t["claim"] for t in read_json(RESULTS / "calibration.json")["targets"]],
            ),
        ]
        worlds = plausible_worlds(MMBES.flip, RAW)
        frame = write_verdicts(claims.values(), computed, RESULTS / "claims.csv", worlds)
        for row in frame.itertuples():
            log.info("%s %s", row.id, row.verdict)


if __name__ == "__main__":
    main()
