"""The 20 customers follow the rule that data/raw/README.md writes down."""

from __future__ import annotations

import csv
from math import exp
from pathlib import Path
from statistics import NormalDist, mean

import pytest

FOLDER = Path("data/raw/bao2024")
HOURS_PER_YEAR = 8760
SECTORS = ("residential", "commercial", "industrial", "government")
R10_KW = (50, 63, 80, 100, 125, 160, 200, 250)
# Position of the k-th customer of an area among its spread factors: (a k + b) mod n.
FREQUENCY_ORDER = {"urban": (7, 3), "rural": (5, 2)}
DURATION_ORDER = {"urban": (5, 0), "rural": (3, 0)}
# 120, 90 and 45 min are the response levels 1 to 3; the fourth customer of a sector is one level
# slower than its sector, the fifth one faster.
SECTOR_NEED_MIN = {"residential": 120, "commercial": 90, "industrial": 45, "government": 90}
NEEDS_MIN = (45, 90, 120)


def read(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def customers():
    table: dict[str, dict] = {}
    for row in read("customers.csv"):
        customer = table.setdefault(row["customer"], {"sector": row["sector"]})
        customer[row["symbol"]] = float(row["value"])
        if row["symbol"] == "outages_per_year":
            customer["area"] = row["note"].split(":")[0]
    return list(table.values())


@pytest.fixture(scope="module")
def areas():
    table: dict[str, dict[str, float]] = {}
    for row in read("reliability.csv"):
        table.setdefault(row["area"], {})[row["symbol"]] = float(row["value"])
    return table


def of_area(customers, area):
    return [c for c in customers if c["area"] == area]


def test_five_customers_a_sector_of_whom_three_are_urban(customers):
    assert [c["sector"] for c in customers] == [s for s in SECTORS for _ in range(5)]
    assert [c["area"] for c in customers] == ["urban", "rural", "urban", "rural", "urban"] * 4


def test_capacities_are_preferred_numbers_and_the_largest_is_the_papers_250_kw(customers):
    largest = [c["capacity_max_kw"] for c in customers]
    assert largest == [R10_KW[3 * k % 8] for k in range(20)]
    assert max(largest) == 250
    assert [c["capacity_min_kw"] for c in customers] == pytest.approx(
        [(0.3 + 0.1 * (k % 3)) * s for k, s in enumerate(largest)], abs=0.05
    )


@pytest.mark.parametrize("area", ["urban", "rural"])
def test_frequencies_spread_evenly_around_the_published_mean(customers, areas, area):
    saifi = (1 - areas[area]["availability"]) * HOURS_PER_YEAR / areas[area]["caidi"]
    group = of_area(customers, area)
    n, (a, b) = len(group), FREQUENCY_ORDER[area]
    factors = [0.5 + (i + 0.5) / n for i in range(n)]
    expected = [saifi * factors[(a * k + b) % n] for k in range(n)]
    assert [c["outages_per_year"] for c in group] == pytest.approx(expected, abs=0.005)
    assert mean(c["outages_per_year"] for c in group) == pytest.approx(saifi, abs=0.005)


@pytest.mark.parametrize("area", ["urban", "rural"])
def test_durations_are_lognormal_quantiles_around_the_published_mean(customers, areas, area):
    caidi = areas[area]["caidi"]
    group = of_area(customers, area)
    n, (a, b) = len(group), DURATION_ORDER[area]
    quantiles = [exp(0.5 * NormalDist().inv_cdf((i + 0.5) / n)) for i in range(n)]
    factors = [q / mean(quantiles) for q in quantiles]
    expected = [caidi * factors[(a * k + b) % n] for k in range(n)]
    assert [c["outage_duration_h"] for c in group] == pytest.approx(expected, abs=0.005)
    assert mean(c["outage_duration_h"] for c in group) == pytest.approx(caidi, abs=0.005)


def test_response_needs_follow_the_sector(customers):
    expected = []
    for sector in SECTORS:
        base = NEEDS_MIN.index(SECTOR_NEED_MIN[sector])
        slower, faster = min(base + 1, 2), max(base - 1, 0)
        expected += [NEEDS_MIN[i] for i in (base, base, base, slower, faster)]
    assert [c["response_need_min"] for c in customers] == expected
