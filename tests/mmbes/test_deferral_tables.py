"""Tables of section 3.3: the equations at their solutions, and limits that need no arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mobile_storage.mmbes.model.data import build, read_raw
from mobile_storage.mmbes.model.evaluate import attributes, prepare
from mobile_storage.mmbes.model.reliability import base_load
from mobile_storage.mmbes.model.schedule import schedule
from mobile_storage.mmbes.show import deferral

SIZE = (5000.0, 3000.0)


@pytest.fixture(scope="module")
def raw():
    return read_raw("data/raw/fu2024")


def test_at_the_credible_capacity_storage_makes_good_the_added_load(substation):
    energy, power = SIZE
    station = replace(substation, added_load="constant")
    elcc = float(attributes(prepare(station), energy, power).elcc_kw[0])
    cycle = schedule(base_load(station), np.float64(energy), np.float64(power), station.battery)
    table = deferral.added_load_table(station, cycle, power, elcc)
    off = table["EENS with, less that without at the base load"]
    assert off[0] < 0 < off[3]
    assert off[2] == pytest.approx(0.0, abs=1e-3)
    assert set(deferral.ADDED_LOAD_UNITS) <= set(table.columns)


def test_every_law_is_shown_with_both_forms_of_the_added_load(raw):
    table = deferral.law_table(raw, *SIZE)
    assert len(table) == 2 * 3 * 2
    share = 100.0 * table["Credible capacity"] / SIZE[1]
    assert table["of the rated power"].to_numpy() == pytest.approx(share.to_numpy())
    assert set(deferral.LAW_UNITS) <= set(table.columns)


def test_a_capacity_of_three_per_cent_of_the_peak_carries_the_growth_of_two_years(substation):
    # 1.015 ** 2 = 1.030225
    table = deferral.carried_table(substation, {"a": 0.030225 * substation.peak_kw, "none": 0.0})
    assert table["Deferral (yr)"].tolist() == pytest.approx([2.0, 0.0])


def test_the_upgrade_is_due_later_by_the_years_that_the_storage_carries(substation):
    table = deferral.year_table(substation, 0.030225 * substation.peak_kw)
    assert table["Year"].tolist() == list(range(21))
    # Due at 0.65 from 0.590: after 6.5 years, with storage two years later.
    first = [int(table[c].idxmax()) for c in ("Upgrade due", "Due with storage")]
    assert first[1] - first[0] == 2


def test_the_worth_of_a_deferral_is_proportional_to_the_price_of_the_upgrade(raw):
    station, _ = build(raw)
    table = deferral.price_table(station, raw, 2.0).set_index(["Moved", "End"])
    cost = table.loc["upgrade_cost"]
    per_yuan = (cost["Worth (yuan)"] / cost["To"]).tolist()
    assert per_yuan[0] == pytest.approx(per_yuan[1])
    off = 100.0 * (cost.loc["low", "To"] / station.economics.upgrade_cost - 1.0)
    assert cost.loc["low", "Against the set (%)"] == pytest.approx(off)


def test_limit_cases_have_the_answers_that_follow_from_their_names(substation):
    table = deferral.limit_table(substation, *SIZE).set_index("Case")
    assert table.loc["storage of zero size", "Credible capacity"] == 0.0
    assert table.loc["nothing ever unserved", "Deferral"] >= 0.0
    assert np.isinf(table.loc["no growth, upgrade due already", "Deferral"])
    assert table.loc["no growth, upgrade not due yet", "Worth"] == 0.0
    assert table.loc["due already", "Due"] == 0.0
    assert table.loc["due after the horizon", "Worth"] == 0.0
    assert set(deferral.LIMIT_UNITS) <= set(table.columns)
