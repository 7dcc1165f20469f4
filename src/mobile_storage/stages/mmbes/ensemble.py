"""Stage ``mmbes_ensemble``: what the claims ask, for every other set that fits the targets."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from typing import Any

from mobile_storage.core.io import read_json, write_json
from mobile_storage.core.log import end_with_parent, progress, stage
from mobile_storage.mmbes.analysis.outcomes import outcome_record
from mobile_storage.mmbes.model.data import read_raw
from mobile_storage.stages.mmbes.common import RAW, RESULTS, bounds, params


def record(moves: dict[str, float]) -> dict[str, Any]:
    """Compute the outcome of one member."""
    values = params()
    search = {**values["evolution"], "tolerance": values["tolerance"]}
    raw = read_raw(RAW).replace(moves)
    record = outcome_record(raw, values["scenarios"], bounds(), search)
    return {"moves": moves, **record}


def main() -> None:
    """Write ``ensemble.json``."""
    with stage("mmbes_ensemble") as log:
        members = [member["moves"] for member in read_json(RESULTS / "members.json")]
        with ProcessPoolExecutor(params()["processes"], initializer=end_with_parent) as pool:
            records = list(progress(pool.map(record, members), "ensemble", len(members)))
        write_json(records, RESULTS / "ensemble.json")
        log.info("%d members", len(records))


if __name__ == "__main__":
    main()
