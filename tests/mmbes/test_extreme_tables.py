"""Tables on extreme events: chances at zero, shares that are blank, supply and lottery by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from mobile_storage.mmbes.model.data import build, read_raw
from mobile_storage.mmbes.model.evaluate import prepare
from mobile_storage.mmbes.search.surfaces import surface
from mobile_storage.mmbes.show import extreme


@pytest.fixture(scope="module")
def raw():
    return read_raw("data/raw/fu2024")


def test_the_benefit_of_counting_events_is_that_of_the_size_with_them(raw):
    station, planner = build(raw)
    grid = surface(prepare(station), (8000.0, 4000.0), (4, 4))
    sizes = {"without": (1000.0, 500.0), "with": (4000.0, 2000.0)}
    frame = pd.DataFrame(
        {"series": s, "energy_kwh": e, "power_kw": p} for s, (e, p) in sizes.items()
    )
    table = extreme.counted_table({"a": raw}, {"a": grid}, {"a": planner}, {"a": frame})
    prospect = table.set_index("Objective").loc["prospect"]
    assert (prospect["Energy, without"], prospect["Energy, with"]) == (1000.0, 4000.0)
    assert 0 < prospect["of it by the size"] < prospect["Benefit"]
    # Cost is nearly proportional to the size: four times as much, three times more.
    assert prospect["of the cost"] == pytest.approx(3.0, rel=0.1)
    assert set(extreme.COUNTED_UNITS) <= set(table.columns)


def test_rises_in_a_member_are_blank_where_it_builds_a_trace_without_events():
    def member(energy: float, cost: float) -> dict[str, object]:
        row = {"prospect_extreme": 1.0, "net_profit_yuan": energy}
        without = row | {"series": "without", "energy_kwh": energy, "worth_cost_yuan": -cost}
        more = row | {"series": "with", "energy_kwh": 2 * energy, "worth_cost_yuan": -3 * cost}
        return {"extreme": [without, more]}

    table = extreme.member_counted_table([member(100.0, 2e4), member(0.5, 100.0)])
    assert table["Set"].tolist() == ["member 1", "member 2"]
    assert table["Energy rises by (%)"].tolist() == pytest.approx(
        [100.0, float("nan")], nan_ok=True
    )
    assert table["Cost rises by (%)"].tolist() == pytest.approx([200.0, float("nan")], nan_ok=True)
    assert extreme.member_counted_table([]).empty
