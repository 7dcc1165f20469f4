"""Stage ``mmbes_tables``: every table of paper 2, as CSV and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from mobile_storage.core.captions import write_tables
from mobile_storage.core.io import read_json
from mobile_storage.core.log import stage
from mobile_storage.core.papers import MMBES
from mobile_storage.core.params import FAMILIES
from mobile_storage.flip.tables import tables as flip_tables
from mobile_storage.flip.worlds import read_flip
from mobile_storage.mmbes.analysis.implied import initial_interruption
from mobile_storage.mmbes.model.data import RawMmbes, build, ledger
from mobile_storage.mmbes.show import agreement, tables
from mobile_storage.stages.mmbes.common import RAW, RESULTS, parameter_set, params
from mobile_storage.stages.mmbes.published import implied_options, implied_peaks, published

Table = tuple[str, pd.DataFrame, Mapping[str, str]]
"""Name, rows, units by column."""

LEDGERS = (
    "battery",
    "load_points",
    "components",
    "economics",
    "preferences",
    "substation",
    "network",
    "extreme_events",
)


def optimum_tables() -> Iterator[Table]:
    """Yield Table 6, the best sizes, and the searches for them."""
    problems = [f"{name}_{kind}" for kind in params()["objectives"] for name in params()["sets"]]
    found = {key: read_json(RESULTS / "optimum" / f"{key}.json") for key in problems}
    seeds = {key: pd.read_csv(RESULTS / "optimum" / f"{key}_seeds.csv") for key in problems}
    optima = {key: record["optimum"] for key, record in found.items()}
    best = {
        key: max(record["value"], record["grid"]["value"], record["direct"]["value"])
        for key, record in found.items()
    }
    by_prospect = {name: optima[f"{name}_prospect"] for name in params()["sets"]}
    yield "table6", tables.table6(by_prospect), {}
    yield "configuration", tables.configuration(optima), tables.CONFIGURATION_UNITS
    yield "convergence", tables.convergence(seeds, best), tables.CONVERGENCE_UNITS
    yield "agreement", tables.agreement(found), {"Energy": "kWh", "Power": "kW"}


def scenario_tables() -> Iterator[Table]:
    """Yield the tables of the scenarios of section 5."""
    for family in FAMILIES:
        frames = {
            which: pd.read_csv(RESULTS / "scenarios" / f"{which}_{family}.csv")
            for which in params()["sets"]
        }
        name = "importance" if family == "weights" else family
        yield name, tables.scenario_table(frames), tables.SCENARIO_UNITS


def adequacy_tables() -> Iterator[Table]:
    """Yield the tables of outages at the best size."""
    records = {name: read_json(RESULTS / "adequacy" / f"{name}.json") for name in params()["sets"]}

    def part(key: str) -> dict[str, list[dict[str, float]]]:
        return {name: record[key] for name, record in records.items()}

    yield "adequacy", tables.contingency_table(part("contingencies")), tables.CONTINGENCY_UNITS
    yield "variants", tables.variant_table(part("variants")), tables.VARIANT_UNITS
    yield "monte_carlo", tables.monte_carlo_table(part("monte_carlo")), tables.MONTE_CARLO_UNITS


def independence_tables(raws: Mapping[str, RawMmbes]) -> Iterator[Table]:
    """Yield the tables of checks by other searches, seeds, simulations and the power flow."""
    sets = params()["sets"]
    problems = [f"{name}_{kind}" for kind in params()["objectives"] for name in sets]

    def frames(folder: str, names: list[str], ending: str = "") -> dict[str, pd.DataFrame]:
        return {name: pd.read_csv(RESULTS / folder / f"{name}{ending}.csv") for name in names}

    yield (
        "searches",
        agreement.search_table(
            {key: read_json(RESULTS / "optimum" / f"{key}.json") for key in problems},
            frames("optimum", problems, "_seeds"),
            frames("independence", sets, "_searches"),
        ),
        agreement.SEARCH_UNITS,
    )
    eens = frames("independence", sets, "_eens")
    yield "eens", agreement.eens_table(eens), agreement.EENS_UNITS
    yield "deviations", agreement.deviation_table(eens), {}
    stations = {name: build(raw)[0] for name, raw in raws.items()}
    hours = frames("power_flow", sets)
    yield "losses", agreement.loss_table(stations, hours), agreement.LOSS_UNITS
    yield "loss_causes", agreement.cause_table(stations, hours), agreement.CAUSE_UNITS


def calibration_tables() -> Iterator[Table]:
    """Yield the tables of the calibration's targets and moved values."""
    record = read_json(RESULTS / "calibration.json")
    yield "targets", tables.target_table(record), {}
    yield "moved", tables.moved_values(record), {}


def implied_tables(raw: RawMmbes) -> Iterator[Table]:
    """Yield the tables of what the published numbers imply without any model."""
    numbers, peaks = published(), implied_peaks(raw)
    curves = build(raw)[0].curves
    mean = float(curves.days_per_year @ curves.shape.mean(axis=1)) / curves.days_per_year.sum()
    interruption = initial_interruption(numbers["P2-04"], numbers["P2-02"], peaks["peak"], mean)
    yield "implied_peak", tables.implied_peak(peaks, interruption), {}
    yield (
        "implied_transformers",
        tables.implied_transformers(implied_options(raw)),
        {"Rating of each": "MVA"},
    )


def ledger_tables(raws: Mapping[str, RawMmbes]) -> Iterator[Table]:
    """Yield the ledgers in the form of the paper's Tables 1 to 5."""
    ledgers = {name: ledger(raw) for name, raw in raws.items()}
    for table in LEDGERS:
        yield table, tables.ledger_table(ledgers, table), {}


def main() -> None:
    """Write ``tables/fu2024/*``."""
    with stage("mmbes_tables") as log:
        raws = {name: parameter_set(name) for name in params()["sets"]}
        claims = pd.read_csv(RESULTS / "claims.csv", dtype=str, keep_default_na=False)
        every = [
            *optimum_tables(),
            *scenario_tables(),
            *adequacy_tables(),
            *independence_tables(raws),
            *calibration_tables(),
            *implied_tables(next(iter(raws.values()))),
            *ledger_tables(raws),
            *flip_tables(read_flip(MMBES.flip, RAW), claims),
        ]
        log.info("%d tables", write_tables(MMBES, every))


if __name__ == "__main__":
    main()
