"""Stage ``pricing_search``: a blind search over the prices, to compare with the MILP."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial

from mobile_storage.core.io import write_json
from mobile_storage.core.log import end_with_parent, progress, stage
from mobile_storage.pricing.analysis.search import blind_search
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.stages.pricing.common import RAW, RESULTS, default_setting, params


def main() -> None:
    """Write ``search.json``: best income, prices and evaluations for every seed."""
    with stage("pricing_search") as log:
        values = params()["search"]
        task = partial(blind_search, build(read_raw(RAW)), default_setting(), **values["evolution"])
        with ProcessPoolExecutor(values["processes"], initializer=end_with_parent) as pool:
            runs = progress(pool.map(task, values["seeds"]), "blind search", len(values["seeds"]))
            rows = [
                {
                    "seed": seed,
                    "net_income_yuan_per_year": found.account.net_income,
                    "violation_yuan_per_year": found.violation_yuan_per_year,
                    "prices_yuan_per_kwh": found.prices.vector(),
                    "evaluations": run.nfev,
                }
                for seed, (found, run) in zip(values["seeds"], runs, strict=True)
            ]
        log.info("best %.2f yuan/yr", max(row["net_income_yuan_per_year"] for row in rows))
        write_json(rows, RESULTS / "search.json")


if __name__ == "__main__":
    main()
