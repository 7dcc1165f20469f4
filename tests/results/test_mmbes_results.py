"""The committed results of paper 2 against each other and against the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mobile_storage.mmbes.model.data import build, ledger, read_raw
from mobile_storage.mmbes.model.evaluate import prepare
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import ATTRIBUTES

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "data/results/fu2024"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["mmbes"]
SETS, OBJECTIVES = PARAMS["sets"], PARAMS["objectives"]
PROBLEMS = [(s, o) for s in SETS for o in OBJECTIVES]


def read(name: str):
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SETS)
def test_simulations_agree_with_every_analytic_number(name):
    rows = read(f"adequacy/{name}.json")["monte_carlo"]
    # Two laws, two kinds of simulation, without and with storage, for each size.
    assert len(rows) % 8 == 0
    for row in rows:
        assert row["standard_error_kwh"] <= 0.0101 * row["mean_kwh"], row
        assert abs(row["standard_errors_off"]) <= 3.0, row


@pytest.mark.parametrize(("name", "kind"), PROBLEMS)
def test_no_method_finds_better_than_differential_evolution(name, kind):
    found = read(f"optimum/{name}_{kind}.json")
    grid = pd.read_csv(RESULTS / f"optimum/{name}_{kind}_grid.csv")
    span = grid["value"].max() - grid["value"].min()
    assert found["grid"]["value"] == pytest.approx(grid["value"].max())
    assert found["value"] >= max(found["grid"]["value"], found["direct"]["value"]) - 1e-6 * span
    assert found["direct"]["value"] >= found["value"] - 1e-3 * span
    seeds = pd.read_csv(RESULTS / f"optimum/{name}_{kind}_seeds.csv")
    assert len(seeds) >= 20
    np.testing.assert_allclose(seeds["value"], found["value"], atol=1e-6 * span)


@pytest.mark.parametrize(("name", "kind"), PROBLEMS)
def test_the_optimum_s_numbers_are_the_model_s(name, kind):
    stored = read(f"optimum/{name}_{kind}.json")["optimum"]
    raw = read_raw(ROOT / "data/raw/fu2024").replace(read(f"sets/{name}.json")["moves"])
    substation, planner = build(raw)
    size = stored["energy_kwh"], stored["power_kw"]
    again = describe(prepare(substation), planner, *size)
    for key, value in stored.items():
        assert again[key] == pytest.approx(value, rel=1e-6, abs=1e-6), key
    weighted = sum(stored[f"prospect_{k}"] for k in ATTRIBUTES) / len(ATTRIBUTES)
    assert stored["prospect"] == pytest.approx(weighted)
    worth = sum(stored[f"worth_{k}_yuan"] for k in ATTRIBUTES)
    assert stored["net_profit_yuan"] == pytest.approx(worth, abs=0.1)


@pytest.mark.parametrize("name", SETS)
def test_each_objective_is_best_at_its_own_optimum(name):
    prospect, profit = (read(f"optimum/{name}_{kind}.json")["optimum"] for kind in OBJECTIVES)
    assert prospect["prospect"] >= profit["prospect"] - 1e-6 * abs(profit["prospect"])
    assert profit["net_profit_yuan"] >= prospect["net_profit_yuan"] - 1e-3


def test_the_literature_set_is_the_ledgers_and_the_calibrated_one_stays_in_their_ranges():
    usual = {f"readings.{name}": value for name, value in PARAMS["model"].items()}
    other = {f"readings.{name}": v for name, v in PARAMS["calibration"]["readings"].items()}
    assert read("sets/literature.json") == {"moves": usual}
    rows = ledger(read_raw(ROOT / "data/raw/fu2024")).set_index("symbol")
    for moves in (read("sets/calibrated.json"), *read("members.json")):
        assert moves["moves"].items() >= {**usual, **other}.items()
        for symbol, value in moves["moves"].items() - {**usual, **other}.items():
            low, high = rows.loc[symbol, ["low", "high"]]
            assert low - 1e-9 * abs(low) <= value <= high * (1 + 1e-9), symbol


def test_the_members_fit_as_well_as_the_calibrated_set():
    calibration, limit = read("calibration.json"), PARAMS["calibration"]["as_good"]
    best = sum(target["residual"] ** 2 for target in calibration["targets"])
    members = read("members.json")
    assert len(members) == calibration["members_found"] >= 2
    assert all(m["sum_of_squares"] <= limit * best * (1 + 1e-6) for m in members)
