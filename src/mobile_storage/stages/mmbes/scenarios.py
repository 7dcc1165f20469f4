"""Stage ``mmbes_scenarios@set-family``: the best size for every scenario of a family."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pandas as pd

from mobile_storage.core.io import write_csv
from mobile_storage.core.log import end_with_parent, progress, stage
from mobile_storage.core.params import SETS
from mobile_storage.mmbes.analysis.outcomes import scenario_row
from mobile_storage.mmbes.search.scenarios import FAMILIES, scenarios
from mobile_storage.stages.mmbes.common import RESULTS, bounds, parameter_set, params


def main() -> None:
    """Write ``scenarios/<set>_<family>.csv``: a row each, sizes, worths and prospects."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--set", choices=SETS, required=True)
    parser.add_argument("--family", choices=FAMILIES, required=True)
    asked = parser.parse_args()
    with stage("mmbes_scenarios", f"{asked.set}-{asked.family}") as log:
        values = params()
        raw = parameter_set(asked.set)
        todo = scenarios(raw, asked.family, values["scenarios"])
        search = {**values["evolution"], "tolerance": values["tolerance"]}
        one = partial(scenario_row, raw, bounds=bounds(), search=search)
        with ProcessPoolExecutor(values["processes"], initializer=end_with_parent) as pool:
            rows = pd.DataFrame(progress(pool.map(one, todo), asked.family, len(todo)))
        write_csv(rows, RESULTS / "scenarios" / f"{asked.set}_{asked.family}.csv")
        log.info("%d scenarios", len(rows))


if __name__ == "__main__":
    main()
