"""Stage ``pricing_iteration``: the leader-follower iteration of section 3 from several starts."""

from __future__ import annotations

from mobile_storage.core.io import read_json, write_json
from mobile_storage.core.log import stage
from mobile_storage.pricing.analysis.iteration import iterate, starts
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.setting import Setting
from mobile_storage.stages.pricing.common import RAW, RESULTS, params


def main() -> None:
    """Write ``iteration.json``: for every variant of case 1 and every start the path's incomes."""
    with stage("pricing_iteration") as log:
        data, content = build(read_raw(RAW)), {}
        rounds = params()["iteration"]["rounds"]
        for name, values in params()["cases"].items():
            solved = read_json(RESULTS / "cases" / f"{name}.json")
            if values["tariff"] != "multi_grade" or solved["status"] != "optimal":
                continue
            runs = {}
            begins = starts(data, Prices.from_record(solved["prices"]))
            for start, prices in begins.items():
                run = iterate(data, Setting.of(values), prices, rounds=rounds)
                runs[start] = {
                    "ending": run.ending,
                    "period": run.period,
                    "net_income_yuan_per_year": [o.account.net_income for o in run.path],
                    "violation_yuan_per_year": [o.violation_yuan_per_year for o in run.path],
                    "prices_yuan_per_kwh": [o.prices.vector() for o in run.path],
                }
                log.info("%s from %s: %s, period %d", name, start, run.ending, run.period)
            content[name] = {
                "equilibrium_yuan_per_year": solved["account"]["net_income"],
                "starts": runs,
            }
        write_json(content, RESULTS / "iteration.json")


if __name__ == "__main__":
    main()
