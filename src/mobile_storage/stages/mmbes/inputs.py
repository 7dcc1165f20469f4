"""Stage ``mmbes_inputs@set``: the ledgers read and checked, and derived numbers."""

from __future__ import annotations

import argparse

from mobile_storage.core.io import write_json
from mobile_storage.core.log import stage
from mobile_storage.core.params import SETS
from mobile_storage.mmbes.model.data import build, ledger
from mobile_storage.mmbes.model.evaluate import prepare
from mobile_storage.stages.mmbes.common import RESULTS, parameter_set


def main() -> None:
    """Write ``inputs/<set>.json``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--set", choices=SETS, required=True)
    name = parser.parse_args().set
    with stage("mmbes_inputs", name) as log:
        raw = parameter_set(name)
        substation, _ = build(raw)
        prepared = prepare(substation)
        curves = substation.curves
        status = ledger(raw)["status"].value_counts().sort_index()
        write_json(
            {
                "numbers": {kind: int(count) for kind, count in status.items()},
                "peak_kw": substation.peak_kw,
                "mean_kw": float(prepared.day_share @ prepared.load_kw.mean(axis=1)),
                "normal_capacity_kw": substation.reliability.normal_capacity_kw,
                "due_year": prepared.due_year,
                "loss_rate": prepared.loss_rate,
                "day_types": dict(zip(curves.names, curves.days_per_year.tolist(), strict=True)),
                "contingencies": len(substation.reliability.contingencies),
            },
            RESULTS / "inputs" / f"{name}.json",
        )
        log.info(
            "peak %.0f kW, %d contingencies",
            substation.peak_kw,
            len(substation.reliability.contingencies),
        )


if __name__ == "__main__":
    main()
