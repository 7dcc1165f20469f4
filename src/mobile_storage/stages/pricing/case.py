"""Stage ``pricing_case@name``: solve case 1 or 2 in one variant and certify the solution."""

from __future__ import annotations

import argparse

from mobile_storage.core.io import write_json
from mobile_storage.core.log import stage
from mobile_storage.core.params import CASES
from mobile_storage.pricing.analysis.certificate import certified_case
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.pricing.model.setting import Setting
from mobile_storage.stages.pricing.common import RAW, RESULTS, params


def main() -> None:
    """Write ``cases/<name>.json``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", choices=CASES)
    name = parser.parse_args().name
    with stage("pricing_case", name) as log:
        values, solver = params()["cases"][name], params()["solver"]
        record = certified_case(
            build(read_raw(RAW)),
            Setting.of(values),
            ranges=values["intervals"],
            solver=solver,
            **params()["limits"],
        )
        used = record["solver"]
        log.info(
            "%s by %s %s, %s, gap %s",
            record["status"],
            used["name"],
            used["version"],
            used["method"],
            used["gap"],
        )
        write_json(record, RESULTS / "cases" / f"{name}.json")


if __name__ == "__main__":
    main()
