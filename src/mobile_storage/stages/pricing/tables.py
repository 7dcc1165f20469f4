"""Stage ``tables``: every table of paper 1, as CSV and as Markdown."""

from __future__ import annotations

import pandas as pd

from mobile_storage.core.io import read_json, write_table
from mobile_storage.core.log import stage
from mobile_storage.core.papers import PRICING
from mobile_storage.flip.tables import tables as flip_tables
from mobile_storage.flip.worlds import read_flip
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.pricing.show import agreement, tables
from mobile_storage.stages.pricing.common import RAW, RESULTS, TABLES, case_results, default_cases

YUAN = "yuan/yr"


def main() -> None:
    """Write ``tables/bao2024/*``."""
    with stage("tables") as log:
        cases, trading = case_results(), read_json(RESULTS / "no_emergency.json")
        one, two = default_cases()
        moves = pd.read_csv(RESULTS / "sensitivity.csv")
        search = read_json(RESULTS / "search.json")
        optimum = cases[one].get("account", {}).get("net_income", float("nan"))
        money = dict.fromkeys(
            ("Emergency revenue", "Total revenue", "Total cost", "Net income"), YUAN
        )
        written = [
            write_table(
                tables.table1(cases, trading, (one, two)),
                TABLES / "table1",
                "Table 1: economic benefits of the three cases in the default variant, yuan/yr.",
            ),
            write_table(
                tables.variants(cases, trading),
                TABLES / "variants",
                "Every variant of cases 1 and 2.",
                money,
            ),
            write_table(
                tables.customer_table(build(read_raw(RAW))),
                TABLES / "customers",
                "The customers and what is derived for them.",
            ),
            write_table(
                tables.formulation_table(read_json(RESULTS / "formulations.json")),
                TABLES / "formulations",
                "The same games by every formulation, method and solver.",
                {"Objective": YUAN, "Largest regret": YUAN},
            ),
            *(
                write_table(frame, TABLES / name, caption, units)
                for name, frame, caption, units in agreement.every_table(
                    read_json(RESULTS / "formulations.json"),
                    read_json(RESULTS / "ties.json"),
                    cases,
                )
            ),
            write_table(
                tables.iteration_table(read_json(RESULTS / "iteration.json")),
                TABLES / "iteration",
                "Where the leader-follower iteration ends.",
                {"Net income at the end": YUAN, "Equilibrium": YUAN, "Missing at the end": YUAN},
            ),
            write_table(
                tables.search_table(search, optimum),
                TABLES / "search",
                "Blind search over the seven prices against the MILP, default variant.",
                {"Best net income": YUAN, "Short of the optimum": YUAN},
            ),
            write_table(
                tables.flip_table(moves),
                TABLES / "flips",
                "Values that turn a claim over at an end of their range, one at a time.",
            ),
        ]
        if "account" in cases[one]:
            written += [
                write_table(
                    tables.price_table(cases[one]),
                    TABLES / "prices",
                    "The prices of the default variant, yuan/kWh. Where nothing is sold at a "
                    "level, its range ends at the model's own bound.",
                ),
                write_table(
                    tables.purchase_table(cases[one]),
                    TABLES / "purchases",
                    "Who buys which grade in the default variant, yuan/yr.",
                ),
            ]
        claims = pd.read_csv(RESULTS / "claims.csv", dtype=str, keep_default_na=False)
        for name, frame, caption, units in flip_tables(read_flip(PRICING.flip, RAW), claims):
            written.append(write_table(frame, TABLES / name, caption, units))
        log.info("%d tables", len(written))


if __name__ == "__main__":
    main()
