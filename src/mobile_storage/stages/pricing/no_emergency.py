"""Stage ``pricing_no_emergency``: case 3, storage that only trades, at two sizes."""

from __future__ import annotations

from mobile_storage.core.io import write_json
from mobile_storage.core.log import stage
from mobile_storage.pricing.analysis.benchmark import largest_demand_kw, no_emergency
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.stages.pricing.common import RAW, RESULTS, case_results


def main() -> None:
    """Write ``no_emergency.json``: one account for each solved case, and the freely sized one."""
    with stage("pricing_no_emergency") as log:
        data = build(read_raw(RAW))
        sizes = {n: c["storage_kw"] for n, c in case_results().items() if "storage_kw" in c}
        # Income is linear in the size, so profitable storage is as large as its limit.
        sizes["freely_sized"] = largest_demand_kw(data) if data.rates.standing > 0 else 0.0
        content = {
            name: {"storage_kw": kw, "account": no_emergency(data, kw).rows()}
            for name, kw in sizes.items()
        }
        write_json(content, RESULTS / "no_emergency.json")
        log.info("%.1f yuan/(kW yr) from trading, %d sizes", data.rates.standing, len(sizes))


if __name__ == "__main__":
    main()
