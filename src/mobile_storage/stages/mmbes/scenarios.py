"""Stage ``mmbes_scenarios@set-family``: the best size for every scenario of a family."""

from __future__ import annotations

import argparse

import pandas as pd

from mobile_storage.compendium.io import write_csv
from mobile_storage.compendium.log import progress, stage
from mobile_storage.mmbes.evaluate import prepare
from mobile_storage.mmbes.report import describe
from mobile_storage.mmbes.scenarios import FAMILIES, scenarios
from mobile_storage.mmbes.solve import evolve, objective
from mobile_storage.stages.mmbes.common import RESULTS, bounds, built, parameter_set, params


def main() -> None:
    """Write ``scenarios/<set>_<family>.csv``: a row each, sizes, worths and prospects."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("set")
    parser.add_argument("family", choices=FAMILIES)
    asked = parser.parse_args()
    with stage("mmbes_scenarios", f"{asked.set}-{asked.family}"):
        values = params()
        raw = parameter_set(asked.set)
        settings = dict(values["scenarios"])
        tolerance = settings.pop("tolerance")
        rows = []
        todo = scenarios(raw, asked.family, settings)
        for scenario in progress(todo, asked.family, len(todo)):
            substation, preferences = built(raw.replace(scenario.moves))
            prepared = prepare(substation)
            worth = objective(prepared, preferences)
            best = evolve(worth, bounds(), **values["evolution"], tolerance=tolerance).best
            row = describe(prepared, preferences, best.energy_kwh, best.power_kw)
            rows.append({"series": scenario.name, "value": scenario.value, **row})
        write_csv(pd.DataFrame(rows), RESULTS / "scenarios" / f"{asked.set}_{asked.family}.csv")


if __name__ == "__main__":
    main()
