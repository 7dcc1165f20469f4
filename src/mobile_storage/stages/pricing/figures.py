"""Stage ``pricing_figures``: every figure of paper 1 as PNG and SVG."""

from __future__ import annotations

import pandas as pd

from mobile_storage.core.io import read_json
from mobile_storage.core.log import stage
from mobile_storage.core.papers import PRICING
from mobile_storage.core.style import save_figure
from mobile_storage.flip.figures import figures as flip_figures
from mobile_storage.flip.worlds import read_flip
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.pricing.show import figures
from mobile_storage.stages.pricing.common import FIGURES, RAW, RESULTS, case_results, default_cases


def main() -> None:
    """Write ``figures/bao2024``."""
    with stage("pricing_figures") as log:
        raw, cases = read_raw(RAW), case_results()
        names = default_cases()
        one, two = (cases[name] for name in names)
        trading = read_json(RESULTS / "no_emergency.json")
        claims = pd.read_csv(RESULTS / "claims.csv", dtype=str, keep_default_na=False)
        drawn = {
            "grades": figures.grades(raw),
            "game": figures.game(),
            "prices": figures.prices(one, two),
            "choices": figures.choices(build(raw), one, two),
            "revenue_cost": figures.revenue_cost(cases, trading, names),
            "iteration": figures.iteration(read_json(RESULTS / "iteration.json"), cases),
            "customers": figures.customers(one, two),
            "agreement": figures.agreement(read_json(RESULTS / "formulations.json"), cases),
            "ties": figures.ties(read_json(RESULTS / "ties.json"), cases),
            "sensitivity": figures.sensitivity(pd.read_csv(RESULTS / "sensitivity.csv")),
            **flip_figures(read_flip(PRICING.flip, RAW), claims),
        }
        for name, figure in drawn.items():
            save_figure(figure, FIGURES / name)
        log.info("%d figures", len(drawn))


if __name__ == "__main__":
    main()
