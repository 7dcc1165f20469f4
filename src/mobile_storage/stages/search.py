"""Stage ``search``: a blind search over the prices, to be compared with the MILP's optimum."""

from __future__ import annotations

from mobile_storage.compendium.io import write_json
from mobile_storage.compendium.log import progress, stage
from mobile_storage.pricing.data import load
from mobile_storage.pricing.search import blind_search
from mobile_storage.stages.common import RAW, RESULTS, default_setting, params


def main() -> None:
    """Write ``search.json``: best income, prices and evaluations for every seed."""
    with stage("search") as log:
        data, game, values, rows = load(RAW), default_setting(), params()["search"], []
        for seed in progress(values["seeds"], "blind search", len(values["seeds"])):
            found, run = blind_search(
                data,
                game,
                seed=seed,
                population=values["population"],
                generations=values["generations"],
            )
            rows.append(
                {
                    "seed": seed,
                    "net_income_yuan_per_year": found.account.net_income,
                    "violation_yuan_per_year": found.violation_yuan_per_year,
                    "prices_yuan_per_kwh": found.prices.vector(),
                    "evaluations": run.nfev,
                }
            )
            log.info("seed %d: %.2f yuan/yr", seed, found.account.net_income)
        write_json(rows, RESULTS / "search.json")


if __name__ == "__main__":
    main()
