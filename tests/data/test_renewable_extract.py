"""The PV extract is the daily sum of SimBench's quarter-hours, and the committed file is it."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest

FOLDER = Path("data/raw/bao2024")


@pytest.fixture(scope="module")
def extract():
    spec = importlib.util.spec_from_file_location("make_renewable", FOLDER / "make_renewable.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def committed():
    with (FOLDER / "renewable.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def quarter_hours(date: str, powers: list[float]) -> list[dict[str, str]]:
    return [{"time": f"{date} 12:00", "PV1": str(p), "PV2": "1"} for p in powers]


def test_a_day_is_the_sum_of_its_quarter_hours_of_the_named_profile(extract):
    rows = quarter_hours("01.01.2016", [0.0, 0.4, 0.8, 0.4]) + quarter_hours("02.01.2016", [0.2])
    # 1.6 p.u. x 0.25 h and 0.2 p.u. x 0.25 h
    assert extract.daily_yield_kwh_per_kwp(rows, "PV1") == pytest.approx(
        {"01.01.2016": 0.4, "02.01.2016": 0.05}
    )


@pytest.mark.parametrize("power", [-0.1, 1.1, float("nan")])
def test_a_power_outside_0_to_1_is_refused(extract, power):
    with pytest.raises(ValueError, match=r"PV1 at 01\.01\.2016 12:00"):
        extract.daily_yield_kwh_per_kwp(quarter_hours("01.01.2016", [power]), "PV1")


def test_an_unknown_profile_is_refused(extract):
    with pytest.raises(KeyError, match="PV9"):
        extract.daily_yield_kwh_per_kwp(quarter_hours("01.01.2016", [0.5]), "PV9")


def test_the_committed_extract_is_the_whole_leap_year_with_simbenchs_annual_yield(
    extract, committed
):
    assert [int(row["day"]) for row in committed] == list(range(1, 367))
    assert (committed[0]["note"], committed[-1]["note"]) == ("01.01.2016", "31.12.2016")
    assert all(extract.PROFILE in row["source"] for row in committed)
    # Sum of the 35,136 quarter-hours of PV1 over 4, computed apart from the script; a daily value
    # has four decimals, so the sum is off by 366 x 0.00005 at most.
    assert sum(float(row["value"]) for row in committed) == pytest.approx(651.102183, abs=0.0183)


@pytest.mark.skipif(
    importlib.util.find_spec("simbench") is None, reason="simbench is needed only for the extract"
)
def test_the_script_writes_the_committed_extract(extract, tmp_path):
    extract.main([str(tmp_path / "renewable.csv")])
    assert (tmp_path / "renewable.csv").read_bytes() == (FOLDER / "renewable.csv").read_bytes()
