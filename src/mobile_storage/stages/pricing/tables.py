"""Stage ``pricing_tables``: every table of paper 1, as CSV and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from mobile_storage.core.captions import write_tables
from mobile_storage.core.io import read_json
from mobile_storage.core.log import stage
from mobile_storage.core.papers import PRICING
from mobile_storage.flip.tables import tables as flip_tables
from mobile_storage.flip.worlds import read_flip
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.pricing.show import agreement, tables
from mobile_storage.stages.pricing.common import RAW, RESULTS, case_results, default_cases

YUAN = "yuan/yr"


def every_table() -> Iterator[tuple[str, pd.DataFrame, Mapping[str, str]]]:
    """Name, rows and units by column of each table; no prices where nothing can be sold."""
    cases, trading = case_results(), read_json(RESULTS / "no_emergency.json")
    one, two = default_cases()
    formulations = read_json(RESULTS / "formulations.json")
    money = ("Emergency revenue", "Total revenue", "Total cost", "Net income")
    yield "table1", tables.table1(cases, trading, (one, two)), {}
    yield "variants", tables.variants(cases, trading), dict.fromkeys(money, YUAN)
    yield "customers", tables.customer_table(build(read_raw(RAW))), {}
    yield (
        "formulations",
        tables.formulation_table(formulations),
        {"Objective": YUAN, "Largest regret": YUAN},
    )
    yield from agreement.every_table(formulations, read_json(RESULTS / "ties.json"), cases)
    yield (
        "iteration",
        tables.iteration_table(read_json(RESULTS / "iteration.json")),
        {"Net income at the end": YUAN, "Equilibrium": YUAN, "Missing at the end": YUAN},
    )
    optimum = cases[one].get("account", {}).get("net_income", float("nan"))
    yield (
        "search",
        tables.search_table(read_json(RESULTS / "search.json"), optimum),
        {"Best net income": YUAN, "Short of the optimum": YUAN},
    )
    yield "flips", tables.flip_table(pd.read_csv(RESULTS / "sensitivity.csv")), {}
    if "account" in cases[one]:
        yield "prices", tables.price_table(cases[one]), {}
        yield "purchases", tables.purchase_table(cases[one]), {}
    claims = pd.read_csv(RESULTS / "claims.csv", dtype=str, keep_default_na=False)
    yield from flip_tables(read_flip(PRICING.flip, RAW), claims)


def main() -> None:
    """Write ``tables/bao2024/*``."""
    with stage("pricing_tables") as log:
        log.info("%d tables", write_tables(PRICING, every_table()))


if __name__ == "__main__":
    main()
