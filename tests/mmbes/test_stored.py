"""Results as the notebooks read them: the committed ones, and a storage of one's own."""

from __future__ import annotations

import pandas as pd

from mobile_storage.core.io import read_json
from mobile_storage.mmbes.show import stored

RESULTS = "data/results/fu2024"


def test_parameter_sets_are_the_ledgers_with_the_moves_of_each():
    sets = stored.parameter_sets("data/raw/fu2024", RESULTS)
    moves = read_json(f"{RESULTS}/sets/calibrated.json")["moves"]
    assert list(sets) == ["literature", "calibrated"]
    assert sets["calibrated"].battery["soc_min"] == moves["battery.soc_min"]


def test_a_size_is_the_stored_one_unless_one_is_given():
    own = read_json(f"{RESULTS}/adequacy/calibrated.json")["size"]
    assert stored.storage_size(RESULTS, "calibrated") == own
    asked = stored.storage_size(RESULTS, "calibrated", power_kw=100)
    assert asked == own | {"power_kw": 100.0}


def test_optima_and_their_parts_have_the_same_problems():
    problems = list(stored.optima(RESULTS))
    assert problems[0] == "literature_prospect"
    assert list(stored.by_problem(RESULTS, "seeds")) == problems


def test_members_follow_the_sets_with_rows_by_rising_value():
    rows = [{"series": s, "value": v} for s, v in (("loss", 0.4), ("loss", 0.1), ("cost", 0.2))]
    found = stored.with_ensemble({"literature": pd.DataFrame(rows)}, [{"w": rows}], "w", "loss")
    assert list(found) == ["literature", "member 1"]
    assert all(frame["value"].tolist() == [0.1, 0.4] for frame in found.values())
    assert list(stored.families(RESULTS, "weights")) == ["literature", "calibrated"]
