"""Stage ``mmbes_independence@set``: scenarios by another search and seed, EENS by simulation."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from mobile_storage.adequacy.estimate import Sampling
from mobile_storage.core.io import read_json, write_csv
from mobile_storage.core.log import end_with_parent, progress, stage
from mobile_storage.core.params import SETS
from mobile_storage.mmbes.analysis.independence import compared, simulated
from mobile_storage.mmbes.model.data import RawMmbes
from mobile_storage.mmbes.search.scenarios import FAMILIES, scenarios
from mobile_storage.mmbes.search.solve import Size
from mobile_storage.stages.mmbes.common import RESULTS, bounds, parameter_set, params

SERIES = {"load_rate": "load_rate", "weights": "loss", "reference": "cost", "extreme": None}
"""Families and series of scenarios (None: all) that a claim needs; they get further seeds."""


def searched(name: str) -> Iterator[dict[str, Any]]:
    """Yield every scenario of every family with the result of differential evolution."""
    values = params()
    for family in FAMILIES:
        stored = pd.read_csv(RESULTS / "scenarios" / f"{name}_{family}.csv")
        todo = scenarios(parameter_set(name), family, values["scenarios"])
        for scenario, row in zip(todo, stored.itertuples(), strict=True):
            claimed = family in SERIES and SERIES[family] in (None, scenario.name)
            yield {
                "family": family,
                "series": scenario.name,
                "value": scenario.value,
                "moves": scenario.moves,
                "evolved": Size(row.energy_kwh, row.power_kw, row.prospect),
                "seeds": values["independence"]["seeds"] if claimed else [],
            }


def search_row(raw: RawMmbes, task: dict[str, Any]) -> dict[str, Any]:
    """Search one scenario by the other methods."""
    values = params()
    comparison = compared(
        raw.replace(task["moves"]),
        task["evolved"],
        bounds(),
        values["independence"]["refinement"],
        task["seeds"],
        {**values["evolution"], "tolerance": values["tolerance"]},
    )
    return {key: task[key] for key in ("family", "series", "value")} | comparison


def storages(name: str) -> Iterator[tuple[str, RawMmbes, float, float]]:
    """Yield published, best and swept sizes: name, ledgers, energy, kWh, and power, kW."""
    raw, published = parameter_set(name), params()["published_size"]
    yield "published size", raw, published["energy_kwh"], published["power_kw"]
    for kind in params()["objectives"]:
        best = read_json(RESULTS / "optimum" / f"{name}_{kind}.json")["optimum"]
        yield f"best {kind}", raw, best["energy_kwh"], best["power_kw"]
    sweep = pd.read_csv(RESULTS / "scenarios" / f"{name}_load_rate.csv")
    for row in sweep.itertuples():
        moved = raw.replace({"substation.load_rate": row.value})
        yield f"best at load rate {row.value:g}", moved, row.energy_kwh, row.power_kw


def main() -> None:
    """Write ``independence/<set>_searches.csv`` and ``independence/<set>_eens.csv``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--set", choices=SETS, required=True)
    name = parser.parse_args().set
    with stage("mmbes_independence", name) as log:
        values = params()
        tasks = list(searched(name))
        one = partial(search_row, parameter_set(name))
        with ProcessPoolExecutor(values["processes"], initializer=end_with_parent) as pool:
            rows = pd.DataFrame(progress(pool.map(one, tasks), "searches", len(tasks)))
        write_csv(rows, RESULTS / "independence" / f"{name}_searches.csv")
        short = rows[["evolved_shortfall", "seeds_shortfall"]].to_numpy().max()
        log.info("%d scenarios, evolution at most %.0e short", len(rows), short)
        sampling = Sampling(**values["monte_carlo"])
        seed = values["independence"]["first_seed"] + 1000 * values["sets"].index(name)
        checked = []
        for k, (storage, raw, energy_kwh, power_kw) in enumerate(storages(name)):
            # Every simulation has its own seed, so that no two have the same faults.
            seeds = tuple(replace(sampling, seed=seed + 2 * k + j) for j in (0, 1))
            size = {"storage": storage, "energy_kwh": energy_kwh, "power_kw": power_kw}
            checked += [size | row for row in simulated(raw, energy_kwh, power_kw, seeds)]
        write_csv(pd.DataFrame(checked), RESULTS / "independence" / f"{name}_eens.csv")
        far = max(abs(row["z"]) for row in checked)
        log.info("%d simulated values, at most %.1f standard errors off", len(checked), far)


if __name__ == "__main__":
    main()
