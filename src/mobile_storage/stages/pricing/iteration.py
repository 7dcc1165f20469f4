"""Stage ``iteration``: the leader-follower iteration of section 3 from several starts."""

from __future__ import annotations

from mobile_storage.core.io import read_json, write_json
from mobile_storage.core.log import stage
from mobile_storage.pricing.analysis.iteration import iterate
from mobile_storage.pricing.model.data import PricingData, load
from mobile_storage.pricing.model.game import highest_useful_prices
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.stages.pricing.common import RAW, RESULTS, params, setting


def main() -> None:
    """Write ``iteration.json``: for every variant of case 1 and every start the path's incomes."""
    with stage("iteration") as log:
        data, content = load(RAW), {}
        for name, values in params()["cases"].items():
            solved = read_json(RESULTS / "cases" / f"{name}.json")
            if values["tariff"] != "multi_grade" or solved["status"] != "optimal":
                continue
            runs = {}
            for start, prices in starts(data, solved).items():
                run = iterate(data, setting(values), prices, rounds=params()["iteration"]["rounds"])
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


def starts(data: PricingData, solved: dict) -> dict[str, Prices]:
    """Price lists to start from: the lowest, a middling one, the highest, the equilibrium."""
    step = data.scalars["price_step_min"]
    low = [0.0, step, 2 * step, step, 2 * step, step, 2 * step]
    high = highest_useful_prices(data)
    top = [*high, *high[:2], *high[:2]]
    middle = [(a + b) / 2 for a, b in zip(low, top, strict=True)]
    return {
        "lowest": Prices.from_vector(low),
        "middle": Prices.from_vector(middle),
        "highest": Prices.from_vector(top),
        "equilibrium": Prices.from_record(solved["prices"]),
    }


if __name__ == "__main__":
    main()
