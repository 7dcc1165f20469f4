"""Stage ``pricing_ties``: customers that are indifferent, for and against the leader."""

from __future__ import annotations

from mobile_storage.core.io import write_json
from mobile_storage.core.log import progress, stage
from mobile_storage.pricing.analysis.ties import tie_record
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.setting import Setting
from mobile_storage.stages.pricing.common import RAW, RESULTS, case_results, params


def main() -> None:
    """Write ``ties.json``: for every case with an optimum the optimistic leader and others."""
    with stage("pricing_ties") as log:
        data, values = build(read_raw(RAW)), params()
        solved = {n: c for n, c in case_results().items() if c["status"] == "optimal"}
        content = {}
        for name, case in progress(solved.items(), "ties", len(solved)):
            content[name] = {
                "net_income_yuan_per_year": case["account"]["net_income"],
                "emergency_revenue_yuan_per_year": case["account"]["emergency_revenue"],
                "buyers": sum(row["grade"] != "none" for row in case["customers"]),
                **tie_record(
                    data,
                    Setting.of(values["cases"][name]),
                    Prices.from_record(case["prices"]),
                    values["ties"]["margins_yuan_per_year"],
                    solver=values["solver"],
                    **values["limits"],
                ),
            }
            log.info("%s: %d customers are tied", name, content[name]["tied"])
        write_json(content, RESULTS / "ties.json")


if __name__ == "__main__":
    main()
