"""Stage ``mmbes_figures``: every figure of paper 2 as PNG and SVG."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from mobile_storage.core.io import read_json
from mobile_storage.core.log import stage
from mobile_storage.core.papers import MMBES
from mobile_storage.core.style import save_figure
from mobile_storage.flip.figures import figures as flip_figures
from mobile_storage.flip.worlds import read_flip
from mobile_storage.mmbes.claims import SetResults
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.network import case_network
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.show import figures
from mobile_storage.stages.mmbes.common import FIGURES, RAW, RESULTS, parameter_set, params
from mobile_storage.stages.mmbes.published import implied_options, load_rates, published

PUBLISHED = {"prospect": "P2-01", "net_profit": "P2-06"}
"""Claim with the best energy by objective."""
COGNITION = {
    "alpha_beta": ("alpha", "beta"),
    "loss_aversion": ("loss_aversion",),
    "gamma_delta": ("gamma", "delta"),
}
"""Symbols that a series of the cognition scenarios moves together."""


def frames(family: str) -> dict[str, pd.DataFrame]:
    """Read the scenarios of a family by parameter set."""
    return {
        name: pd.read_csv(RESULTS / "scenarios" / f"{name}_{family}.csv")
        for name in params()["sets"]
    }


def own_cognition(raw: RawMmbes) -> dict[str, float]:
    """Return the planner's value of each series whose symbols all have the same value."""
    values = {k: {raw.preferences[s] for s in symbols} for k, symbols in COGNITION.items()}
    return {k: found.pop() for k, found in values.items() if len(found) == 1}


def expected(raw: RawMmbes) -> dict[str, float]:
    """Return what the planner expects of each attribute, yuan."""
    return {k: raw.preferences[f"reference_{k}"] for k in ATTRIBUTES}


def theory_and_case(raws: dict[str, RawMmbes], outages: dict[str, Any]) -> dict[str, Figure]:
    """Draw the figures of sections 2 to 5.1, and of the outages at the best size."""
    sizes = {name: record["size"] for name, record in outages.items()}
    models = {name: build(raw) for name, raw in raws.items()}
    stations = {name: model[0] for name, model in models.items()}
    planners = {name: model[1] for name, model in models.items()}
    shown = params()["sets"][-1]
    raw = raws[shown]
    kinds = raw.network.set_index("component")["kind"]
    priority = raw.load_points.set_index("load_point")["priority"]
    return {
        "value_function": figures.value_function(planners),
        "weighting": figures.weighting(
            planners, {name: x.extreme.probability for name, x in stations.items()}
        ),
        "schedule": figures.schedule(stations[shown], sizes[shown]),
        "soc": figures.soc(stations, sizes),
        "flowchart": figures.flowchart(),
        "network": figures.network(
            case_network(raw),
            set(kinds.index[kinds == "transformer"]),
            set(priority.index[priority == "critical"]),
        ),
        "adequacy": figures.adequacy(outages),
        "implied": figures.implied(implied_options(raw), load_rates()),
    }


def results(raws: dict[str, RawMmbes], sizes: dict[str, Any]) -> dict[str, Figure]:
    """Draw the figures of sections 5.2 to 5.4."""
    sets, numbers = params()["sets"], published()
    keys = [f"{name}_{kind}" for kind in params()["objectives"] for name in sets]
    folder = RESULTS / "optimum"
    own = {name: own_cognition(raw) for name, raw in raws.items()}
    return {
        "optimum_map": figures.optimum_map(
            {key: pd.read_csv(folder / f"{key}_grid.csv") for key in keys},
            {key: read_json(folder / f"{key}.json") for key in keys},
            sets,
            {kind: numbers[claim] for kind, claim in PUBLISHED.items()},
        ),
        "attributes": figures.attributes(sizes),
        "convergence": figures.convergence(
            {key: pd.read_csv(folder / f"{key}_curves.csv") for key in keys},
            int(numbers["P2-17"]),
            params()["evolution"]["iterations"],
        ),
        "load_rate": figures.load_rate(frames("load_rate")),
        "importance": figures.importance(frames("weights"), sizes),
        "cognition": figures.cognition(frames("cognition"), sizes, own),
        "reference": figures.reference(
            frames("reference"), sizes, {name: expected(raw) for name, raw in raws.items()}
        ),
        "extreme": figures.extreme(frames("extreme")),
    }


def calibrated() -> dict[str, Figure]:
    """Draw the figures of the calibration and its ensemble."""
    record = read_json(RESULTS / "calibration.json")
    return {
        "calibration": figures.calibration(record),
        "ensemble": figures.ensemble(
            [SetResults.of(record) for record in read_json(RESULTS / "ensemble.json")],
            SetResults.read(RESULTS, "literature"),
            SetResults.read(RESULTS, "calibrated"),
            [target["claim"] for target in record["targets"]],
        ),
    }


def checks() -> dict[str, Figure]:
    """Draw the figures of other searches, simulations and the power flow."""
    sets, folder = params()["sets"], RESULTS / "independence"
    searches, eens = (
        {name: pd.read_csv(folder / f"{name}_{part}.csv") for name in sets}
        for part in ("searches", "eens")
    )
    hours = pd.read_csv(RESULTS / "power_flow" / f"{sets[-1]}.csv")
    return {
        "independence": figures.independence(searches, eens),
        "power_flow": figures.power_flow(hours, "best prospect"),
    }


def main() -> None:
    """Write ``figures/fu2024``."""
    with stage("mmbes_figures") as log:
        raws = {name: parameter_set(name) for name in params()["sets"]}
        sizes = {
            name: read_json(RESULTS / "optimum" / f"{name}_prospect.json")["optimum"]
            for name in raws
        }
        outages = {name: read_json(RESULTS / "adequacy" / f"{name}.json") for name in raws}
        claims = pd.read_csv(RESULTS / "claims.csv", dtype=str, keep_default_na=False)
        drawn = {
            **theory_and_case(raws, outages),
            **results(raws, sizes),
            **calibrated(),
            **checks(),
            **flip_figures(read_flip(MMBES.flip, RAW), claims),
        }
        for name, figure in drawn.items():
            save_figure(figure, FIGURES / name)
        log.info("%d figures", len(drawn))


if __name__ == "__main__":
    main()
