"""Stage ``mmbes_power_flow@set``: losses of every hour by formula and by AC power flow."""

from __future__ import annotations

import argparse

from mobile_storage.core.io import read_json, write_csv
from mobile_storage.core.log import stage
from mobile_storage.core.params import SETS
from mobile_storage.mmbes.analysis.power_flow import hourly, read_electrical
from mobile_storage.mmbes.analysis.power_flow_losses import yearly
from mobile_storage.mmbes.model.data import build
from mobile_storage.stages.mmbes.common import RAW, RESULTS, parameter_set, params


def main() -> None:
    """Write ``power_flow/<set>.csv``: without storage, with the published size, with the best."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--set", choices=SETS, required=True)
    name = parser.parse_args().set
    with stage("mmbes_power_flow", name) as log:
        raw, published = parameter_set(name), params()["published_size"]
        best = read_json(RESULTS / "optimum" / f"{name}_prospect.json")["optimum"]
        sizes = {
            "published size": (published["energy_kwh"], published["power_kw"]),
            "best prospect": (best["energy_kwh"], best["power_kw"]),
        }
        hours = hourly(raw, read_electrical(RAW), sizes)
        write_csv(hours, RESULTS / "power_flow" / f"{name}.csv")
        for row in yearly(build(raw)[0], hours).itertuples():
            log.info("%s, %s: %+.2f %% off", row.arrangement, row.size, 100.0 * row.off)


if __name__ == "__main__":
    main()
