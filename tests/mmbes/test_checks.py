"""What the file readers refuse, the model's dataclasses and functions refuse as well."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from mobile_storage.mmbes.analysis import implied
from mobile_storage.mmbes.model import cost, deferral, extreme, losses, prospect
from mobile_storage.mmbes.model.data import build, read_raw
from mobile_storage.mmbes.model.evaluate import attributes, prepare
from mobile_storage.mmbes.model.kernel import schedules
from mobile_storage.mmbes.model.reliability import base_load, eens_after, eens_before
from mobile_storage.mmbes.model.schedule import schedule
from mobile_storage.mmbes.search import solve
from mobile_storage.mmbes.search.forward import at_load_rate
from mobile_storage.mmbes.search.surfaces import surface

WRONG = (
    math.nan,
    math.inf,
    -math.inf,
    -1.0,
    "a",
    "1",
    None,
    True,
    np.ones((2, 3, 4)),
    [[1], [1, 2]],
)


def refused(call, name: str) -> None:
    with pytest.raises(ValueError, match=r"expected|adds up|is none of") as caught:
        call()
    said = str(caught.value)
    assert name in said
    assert "\n" not in said
    assert len(said) < 250


#: Fields that are no number, or may be infinite or negative.
SKIPPED = {
    "names": (),
    "contingencies": (),
    "curves": (),
    "battery": (),
    "losses": (),
    "reliability": (),
    "extreme": (),
    "economics": (),
    "rank_dependent": (),
    "soc_law": (),
    "added_load": (),
    "storage_failures": (),
}
PARTS = ("curves", "battery", "losses", "reliability", "extreme", "economics", None)


@pytest.mark.parametrize("part", PARTS)
def test_every_field_of_a_substation(substation, part):
    whole = substation if part is None else getattr(substation, part)
    for field in fields(whole):
        if field.name in SKIPPED:
            continue
        for value in WRONG:
            if field.name == "normal_capacity_kw" and value is math.inf:
                continue
            refused(lambda f=field.name, v=value: replace(whole, **{f: v}), field.name)
        known = getattr(whole, field.name)
        if isinstance(known, np.ndarray):
            for value in (math.nan, math.inf, -1.0):
                one = known.astype(float)
                one.flat[-1] = value
                refused(lambda f=field.name, v=one: replace(whole, **{f: v}), field.name)
            refused(lambda f=field.name, v=known[:0]: replace(whole, **{f: v}), "")


def test_every_field_of_the_preferences(preferences):
    for field in fields(preferences):
        if field.name == "rank_dependent":
            continue
        for value in WRONG:
            refused(lambda f=field.name, v=value: replace(preferences, **{f: v}), field.name)
    refused(lambda: replace(preferences, weights=np.full(5, 0.3)), "weights adds up to 1.5")
    refused(lambda: replace(preferences, gamma=0.2), "gamma is 0.2")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"availability": 1.5}, "availability is 1.5, expected a finite number from 0 to 1"),
        ({"charge_efficiency": 0.0}, "charge_efficiency is 0.0, expected a finite number above 0"),
        ({"soc_min": 0.9, "soc_max": 0.1}, "soc_min is 0.9, expected less than soc_max, 0.1"),
        ({"soc_min": 0.5, "soc_max": 0.5}, "soc_min is 0.5, expected less than soc_max, 0.5"),
    ],
)
def test_a_battery_that_is_none(substation, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(substation.battery, **change)


@pytest.mark.parametrize(
    ("chances", "sentence"),
    [
        ([0.5, 0.4], "probability adds up to 0.9, expected a sum of 1"),
        ([0.5, 0.6], "probability adds up to 1.1, expected a sum of 1"),
        ([-0.1, 1.1], r"probability\[0\] is -0.1, expected"),
        ([math.nan, 1.0], r"probability\[0\] is nan, expected"),
        ([1.0], r"probability has the shape \(1,\), expected \(2,\)"),
    ],
)
def test_chances_that_are_none(preferences, chances, sentence):
    for call in (
        lambda: prospect.lottery_value(np.array([100.0, 0.0]), chances, 0.0, preferences),
        lambda: prospect.decision_weights(np.array([100.0, 0.0]), chances, preferences),
    ):
        with pytest.raises(ValueError, match=sentence):
            call()


def test_every_number_that_a_function_takes(substation, preferences):
    load, size = base_load(substation), {"energy_kwh": np.ones(1), "power_kw": np.ones(1)}
    prepared, plan = prepare(substation), extreme.islands(substation.extreme)
    day = schedule(load, 3000.0, 1000.0, substation.battery)
    money, free = substation.economics, "nothing"
    worth = solve.objective(prepared, preferences)
    cases: list[tuple[Any, dict[str, Any], dict[str, tuple]]] = [
        (lambda **k: attributes(prepared, **k), size, {}),
        (lambda **k: schedule(battery=substation.battery, **k), {"load_kw": load, **size}, {}),
        (lambda **k: schedules(battery=substation.battery, **k), {"load_kw": load, **size}, {}),
        (lambda **k: extreme.avoided_loss(plan, **k), size, {}),
        (lambda **k: losses.losses_kw(substation, **k), {"load_kw": 1.0, "storage_kw": 0.0}, {}),
        (
            lambda **k: losses.loss_reduction(substation, schedule=day, **k),
            {"load_kw": load},
            {},
        ),
        (lambda **k: cost.annuity(**k), {"rate": 0.1, "years": 9.0}, {}),
        (
            lambda **k: cost.full_cycles(battery=substation.battery, **k),
            {"energy_kwh": 1.0, "cycled_kwh_per_year": 9.0},
            {},
        ),
        (lambda **k: cost.cell_life(substation.battery, **k), {"cycles": 9.0}, {}),
        (
            lambda **k: cost.life_cycle_cost(economics=money, **k),
            {"energy_kwh": 1.0, "power_kw": 1.0, "lost_kwh_per_year": 1.0, "life_yr": 9.0},
            {"life_yr": (math.inf,), "lost_kwh_per_year": (-1.0,)},
        ),
        (
            deferral.deferral_years,
            {"elcc_kw": 1.0, "peak_kw": 9.0, "growth": 0.1},
            {"elcc_kw": (math.inf,)},
        ),
        (deferral.due_year, {"load_rate": 0.5, "due_load_rate": 0.6, "growth": 0.1}, {}),
        (
            lambda **k: deferral.deferral_value(economics=money, **k),
            {"years": 1.0, "due_yr": 2.0},
            {"years": (math.inf,), "due_yr": (math.inf,)},
        ),
        (
            lambda **k: eens_before(substation, **k),
            {"added_kw": 1.0},
            {"added_kw": (-1.0,)},
        ),
        (
            lambda **k: eens_after(substation, day, **k),
            {"power_kw": 1000.0, "added_kw": 1.0},
            {"power_kw": (math.inf,), "added_kw": (-1.0,)},
        ),
        (lambda **k: at_load_rate(substation, **k), {"rate": 0.5}, {}),
        (
            lambda **k: surface(prepared, **k),
            {"bounds": (1e4, 1e4), "shape": (4, 4)},
            {},
        ),
        (
            lambda **k: solve.evolve(worth, **k),
            {"bounds": (1e4, 1e4), "population": 4, "iterations": 1, "seed": 0, "tolerance": 0.1},
            {},
        ),
        (
            lambda **k: solve.map_grid(worth, **k),
            {"bounds": (1e4, 1e4), "shape": (2, 2)},
            {},
        ),
        (
            lambda **k: solve.search_direct(worth, **k),
            {"bounds": (1e4, 1e4), "evaluations": 9},
            {},
        ),
        (
            lambda **k: prospect.value(preferences=preferences, **k),
            {"difference": 1.0},
            {"difference": (-1.0,)},
        ),
        (
            lambda **k: prospect.certainty_equivalent(preferences=preferences, **k),
            {"worth": 1.0},
            {"worth": (-1.0,)},
        ),
        (prospect.weight, {"probability": 0.5, "curvature": 0.6}, {}),
        (
            lambda **k: prospect.lottery_value(
                probability=[0.5, 0.5], preferences=preferences, **k
            ),
            {"outcome": [1.0, 2.0], "reference": 1.0},
            {"reference": (-1.0,), "outcome": (-1.0,)},
        ),
        (implied.peak_load, {"elcc_kw": 1.0, "deferral_yr": 12.0, "growth": 0.015}, {}),
        (
            implied.initial_interruption,
            {"eens_cut_kwh": 1.0, "elcc_kw": 1.0, "peak_kw": 1.0, "load_factor": 0.5},
            {},
        ),
    ]
    arrays = {"load_kw", "storage_kw", "energy_kwh", "power_kw", "difference", "worth", "years"}
    arrays |= {"probability", "cycles", "elcc_kw", "life_yr", "lost_kwh_per_year", free}
    arrays |= {"cycled_kwh_per_year"}
    for call, good, allowed in cases:
        call(**good)
        for name in good:
            for value in WRONG:
                if isinstance(value, np.ndarray):
                    if name in arrays or name == "outcome":
                        continue
                elif value in allowed.get(name, ()) or (name, value) == ("storage_kw", -1.0):
                    continue
                refused(lambda c=call, g=good, n=name, v=value: c(**g | {n: v}), name)


def test_a_reading_that_is_none_is_named(tmp_path):
    raw = read_raw("data/raw/fu2024")
    for name, value in (
        ("repair_law", "weibull"),
        ("soc_law", 1),
        ("added_load", None),
        ("storage_failures", "never"),
        ("rank_dependent", "yes"),
    ):
        refused(lambda n=name, v=value: raw.replace({f"readings.{n}": v}), f"readings.{name}")


def test_an_availability_of_zero_is_a_matter_of_the_reading():
    raw = read_raw("data/raw/fu2024").replace({"battery.availability": 0.0})
    refused(lambda: build(raw), "battery.csv, availability: found 0.0, expected more than 0 where")
    never, _ = build(raw, storage_failures="everywhere")
    found = attributes(prepare(never), 4986.83, 3330.0)
    np.testing.assert_array_equal(found.worth[0, :4], 0.0)
