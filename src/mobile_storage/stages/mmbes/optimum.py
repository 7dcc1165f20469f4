"""Stage ``mmbes_optimum@set-objective``: the best size by three methods and by several seeds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pandas as pd

from mobile_storage.core.io import SIGNIFICANT_DIGITS, write_csv, write_json
from mobile_storage.core.log import end_with_parent, progress, stage
from mobile_storage.core.params import SETS
from mobile_storage.mmbes.model.data import build
from mobile_storage.mmbes.model.evaluate import Prepared, prepare
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import Preferences
from mobile_storage.mmbes.search.solve import (
    OBJECTIVES,
    Evolution,
    Objective,
    evolve,
    map_grid,
    objective,
    search_direct,
)
from mobile_storage.stages.mmbes.common import RESULTS, bounds, parameter_set, params


def problem(name: str, kind: str) -> tuple[Prepared, Preferences, Objective]:
    """Return the substation and the planner of a parameter set, and the objective."""
    substation, preferences = build(parameter_set(name))
    prepared = prepare(substation)
    return prepared, preferences, objective(prepared, preferences, kind)


def run_seed(name: str, kind: str, seed: int) -> Evolution:
    """Run differential evolution from one seed until the population has converged."""
    values = params()
    settings = {
        **values["evolution"],
        "seed": seed,
        "tolerance": values["convergence"]["tolerance"],
    }
    return evolve(problem(name, kind)[2], bounds(), **settings)


def convergence(runs: Mapping[int, Evolution], settled: float) -> pd.DataFrame:
    """Return one row per seed: where its run ended, and after how many iterations it settled."""
    return pd.DataFrame(
        {
            "seed": seed,
            "energy_kwh": run.best.energy_kwh,
            "power_kw": run.best.power_kw,
            "value": run.best.value,
            "iterations": len(run.history) - 1,
            "settled_after": run.settled_after(settled),
        }
        for seed, run in runs.items()
    )


def curves(runs: Mapping[int, Evolution]) -> pd.DataFrame:
    """Return the best value by iteration (rows) and seed (columns).

    Values are rounded to the decimals that the largest one has. Where no size pays, a run
    approaches zero over a hundred iterations, and its last digits differ between processors.
    """
    values = {f"seed_{seed}": pd.Series(run.history[:, 2]) for seed, run in runs.items()}
    frame = pd.DataFrame(values).rename_axis("iteration")
    return frame.round(SIGNIFICANT_DIGITS - len(f"{frame.abs().max(axis=None):.0f}"))


def main() -> None:
    """Write ``optimum/<set>_<objective>.json`` and the tables of its seeds and its grid."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--set", choices=SETS, required=True)
    parser.add_argument("--objective", choices=OBJECTIVES, required=True)
    asked = parser.parse_args()
    with stage("mmbes_optimum", f"{asked.set}-{asked.objective}") as log:
        values = params()
        evolution = values["evolution"]
        prepared, preferences, worth = problem(asked.set, asked.objective)
        first = evolution["seed"]
        seeds = range(first, first + values["convergence"]["seeds"])
        task = partial(run_seed, asked.set, asked.objective)
        with ProcessPoolExecutor(values["processes"], initializer=end_with_parent) as pool:
            evolved = progress(pool.map(task, seeds), "differential evolution", len(seeds))
            runs = dict(zip(seeds, evolved, strict=True))
        grid = map_grid(worth, bounds(), (values["grid"]["energy"], values["grid"]["power"]))
        other = search_direct(worth, bounds(), **values["direct"])
        best = runs[first].best
        name = f"{asked.set}_{asked.objective}"
        write_json(
            {
                "optimum": describe(prepared, preferences, best.energy_kwh, best.power_kw),
                "value": best.value,
                "evaluations": runs[first].evaluations,
                "grid": vars(grid.best),
                "direct": vars(other),
            },
            RESULTS / "optimum" / f"{name}.json",
        )
        write_csv(
            convergence(runs, values["convergence"]["settled"]),
            RESULTS / "optimum" / f"{name}_seeds.csv",
        )
        write_csv(curves(runs).reset_index(), RESULTS / "optimum" / f"{name}_curves.csv")
        every = np.meshgrid(grid.energy_kwh, grid.power_kw, indexing="ij")
        write_csv(
            pd.DataFrame(
                dict(
                    zip(
                        ("energy_kwh", "power_kw", "value"),
                        (axis.ravel() for axis in (*every, grid.value)),
                        strict=True,
                    )
                )
            ),
            RESULTS / "optimum" / f"{name}_grid.csv",
        )
        log.info("%.1f kWh, %.1f kW", best.energy_kwh, best.power_kw)


if __name__ == "__main__":
    main()
