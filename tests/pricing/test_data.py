"""Reading the ledgers: derived values by hand, and one broken thing at a time."""

from __future__ import annotations

import math
import shutil
from functools import partial

import pandas as pd
import pytest

from mobile_storage.core.errors import InputError
from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.analysis.certificate import regret_yuan_per_year
from mobile_storage.pricing.model.data import (
    build,
    outage_loss_yuan_per_kwh,
    own_storage_yuan_per_year,
    read_raw,
)
from mobile_storage.pricing.model.grades import Band, Prices
from mobile_storage.pricing.model.outcome import outcome
from mobile_storage.pricing.model.setting import Setting

# ----------------------------------------------------------------------------- derived values

DAMAGE = pd.DataFrame(
    {"sector": ["shop"] * 3 + ["mine"], "duration_min": [60, 240, 480, 60], "value": [1, 8, 20, 5]}
)
PLAIN = {
    "cpi_canada_1987": 1.0,
    "cpi_canada_2023": 1.0,
    "ppp_canada": 1.0,
    "ppp_china": 1.0,
    "gdp_per_capita_canada": 1.0,
    "gdp_per_capita_china": 1.0,
    "income_elasticity": 1.0,
    "outage_load_factor": 1.0,
}


@pytest.mark.parametrize(
    ("hours", "loss"),
    [
        (1, 1.0),  # 1 a kW, 1 h
        (4, 2.0),  # 8 a kW, 4 h
        # Half way in log t between 1 and 4 h is 2 h; half way in log C between 1 and 8: sqrt 8.
        (2, math.sqrt(8) / 2),
        (8, 2.5),
        (16, 2.5),  # beyond the last duration the loss of an hour stays
        (0.5, 1.0),  # and so below the first
    ],
)
def test_loss_per_kwh_from_a_damage_function(hours, loss):
    assert outage_loss_yuan_per_kwh(DAMAGE, PLAIN, "shop", hours) == pytest.approx(loss)


def test_the_rows_of_a_damage_function_may_stand_in_any_order():
    turned = DAMAGE.iloc[::-1]
    assert outage_loss_yuan_per_kwh(turned, PLAIN, "shop", 4) == pytest.approx(2.0)


def test_each_factor_of_the_conversion_enters_on_its_side():
    # 5 x 157/68.5 prices x 3.6/1.2 yuan a dollar x (1/4)^0.5 income / 0.5 of load factor
    money = PLAIN | {
        "cpi_canada_2023": 137.0,
        "cpi_canada_1987": 68.5,
        "ppp_china": 3.6,
        "ppp_canada": 1.2,
        "gdp_per_capita_china": 20_000.0,
        "gdp_per_capita_canada": 80_000.0,
        "income_elasticity": 0.5,
        "outage_load_factor": 0.5,
    }
    assert outage_loss_yuan_per_kwh(DAMAGE, money, "mine", 1) == pytest.approx(5 * 2 * 3 / 2 / 0.5)


def test_own_storage(scalars):
    # 100 kW for 3 h with half as much again: 450 kWh at 200 and 100 kW at 100 are 100,000;
    # a twentieth a year and 1 % maintenance: 6,000.
    assert own_storage_yuan_per_year(scalars(), 100, 3) == pytest.approx(6000)


def test_derived_values_of_the_paper_s_first_customer(paper):
    # C01, residential, 1.31 h: between 60 min (0.482) and 240 min (4.914). ln 1.31/ln 4 = 0.19479,
    # C = 0.482 x (4.914/0.482)^0.19479 = 0.75772 dollars a kW; x 2.29343 x 3.19707 x 0.39879 =
    # 2.9240 yuan a dollar; / (1.31 x 0.614): 2.754 yuan/kWh.
    first = paper.customers[0]
    assert first.name == "C01"
    assert first.outage_loss_yuan_per_kwh == pytest.approx(2.754, abs=0.001)
    assert (first.duration_level, first.response_level) == (1, 1)
    assert first.capacity_kw == Band(15.0, 50.0)
    # 50 kW x (1550 x 1.31 x 1.1 + 300) = 126,677; recovery over 15 years at 8 % is 0.116830, and
    # 0.025 maintenance.
    assert first.own_storage_yuan_per_year == pytest.approx(126_677.5 * 0.1418295, rel=1e-6)


# ------------------------------------------------------------------------------- broken folders


@pytest.fixture
def edited(edited_copy, raw_folder):
    """A copy of the ledgers in which `edit` has changed the rows of one file."""
    return partial(edited_copy, raw_folder)


def put(symbol, column, text, **where):
    """An edit that writes `text` into a column of one row, and gives it room in the range."""

    def edit(rows):
        found = [
            r for r in rows if r["symbol"] == symbol and all(r[k] == v for k, v in where.items())
        ]
        found[0][column] = text
        if column == "value":
            found[0] |= {"low": "", "high": "", "status": "stated"}

    return edit


C01 = {"customer": "C01"}


@pytest.mark.parametrize(
    ("name", "edit", "parts"),
    [
        pytest.param(
            "customers.csv",
            put("capacity_max_kw", "value", "-5", **C01),
            ["line 3, column value", "'-5'", "at least 0 kW"],
            id="negative capacity",
        ),
        pytest.param(
            "customers.csv",
            put("capacity_max_kw", "value", "fifty", **C01),
            ["line 3, column value", "'fifty'", "a number"],
            id="text in a number",
        ),
        pytest.param(
            "customers.csv",
            put("capacity_max_kw", "unit", "horses", **C01),
            ["line 3, column unit", "'horses'", "converts to kW"],
            id="unknown unit",
        ),
        pytest.param(
            "customers.csv",
            put("capacity_max_kw", "unit", "kVA", **C01),
            ["line 3, column unit", "'kVA'", "converts to kW"],
            id="apparent power",
        ),
        pytest.param(
            "customers.csv",
            lambda rows: [*rows, *(dict(r) for r in rows[:5])],
            ["line 102", "customer and symbol", "C01, capacity_min_kw", "line 2"],
            id="duplicate customer",
        ),
        pytest.param(
            "customers.csv",
            lambda rows: [r for r in rows if r["symbol"] != "outage_duration_h"],
            ["customer C01", "outage_duration_h"],
            id="missing symbol",
        ),
        pytest.param(
            "customers.csv",
            lambda rows: [{k: v for k, v in r.items() if k != "unit"} for r in rows],
            ["line 1", "'unit'"],
            id="missing column",
        ),
        pytest.param(
            "customers.csv",
            lambda rows: [r | {"sector": "mining"} if r["customer"] == "C01" else r for r in rows],
            ["customer C01", "'mining'", "commercial, government, industrial, residential"],
            id="unknown sector",
        ),
        pytest.param(
            "customers.csv",
            put("capacity_min_kw", "value", "51", **C01),
            ["customer C01, capacity_min_kw", "51", "at most capacity_max_kw, 50"],
            id="S_min above S_max",
        ),
        pytest.param(
            "customers.csv",
            put("capacity_min_kw", "value", "0", **C01),
            ["customer C01, capacity_min_kw", "more than 0"],
            id="S_min of zero",
        ),
        pytest.param(
            "customers.csv",
            put("capacity_max_kw", "value", "251", **C01),
            ["customer C01, capacity_max_kw", "251", "at most the largest capacity level, 250 kW"],
            id="capacity beyond the largest level",
        ),
        pytest.param(
            "customers.csv",
            put("outage_duration_h", "value", "8.5", **C01),
            ["customer C01, outage_duration_h", "8.5", "at most the longest level, 8 h"],
            id="no duration level is long enough",
        ),
        pytest.param(
            "customers.csv",
            put("response_need_min", "value", "44", **C01),
            ["customer C01, response_need_min", "44", "at least the fastest response level, 45"],
            id="no response level is fast enough",
        ),
        pytest.param(
            "customers.csv",
            put("outages_per_year", "value", "0", **C01),
            ["customer C01, outages_per_year", "more than 0"],
            id="no outages",
        ),
        pytest.param(
            "customers.csv",
            put("outage_duration_h", "value", "0", **C01),
            ["customer C01, outage_duration_h", "more than 0"],
            id="outages of no duration",
        ),
        pytest.param(
            "grades.csv",
            put("capacity_upper", "value", "220", level="1"),
            ["capacity_upper", "220, 200, 250", "rise from level to level"],
            id="capacity levels that fall",
        ),
        pytest.param(
            "grades.csv",
            put("duration_upper", "value", "4", level="1"),
            ["duration_upper", "4, 4, 8", "rise from level to level"],
            id="two equal duration levels",
        ),
        pytest.param(
            "grades.csv",
            put("response_upper", "value", "80", level="1"),
            ["response_upper", "80, 90, 45", "fall from level to level"],
            id="response levels that do not fall",
        ),
        pytest.param(
            "grades.csv",
            lambda rows: [r for r in rows if r["level"] != "3"],
            ["column level", "'1, 2'", "the levels 1, 2, 3"],
            id="a missing level",
        ),
        pytest.param(
            "tariff.csv",
            put("lambda_G", "value", "-0.1"),
            ["line 3, column value", "'-0.1'", "at least 0 yuan/kWh for lambda_G"],
            id="negative price",
        ),
        pytest.param(
            "tariff.csv",
            lambda rows: [r for r in rows if r["symbol"] != "lambda_S"],
            ["column symbol", "lambda_S"],
            id="a missing scalar",
        ),
        pytest.param(
            "tariff.csv",
            put("lambda_G", "symbol", "lambda_g"),
            ["line 3, column symbol", "'lambda_g'", "did you mean lambda_"],
            id="a misspelt scalar",
        ),
        pytest.param(
            "market.csv",
            put("k_exp", "value", "1.2"),
            ["column value", "'1.2'", "at most 1 dimensionless for k_exp"],
            id="a share above one",
        ),
        pytest.param(
            "storage.csv",
            put("eta_cha", "value", "0"),
            ["column value", "'0'", "for eta_cha"],
            id="no efficiency",
        ),
        pytest.param(
            "storage.csv",
            put("battery_cost", "value", "inf"),
            ["column value", "'inf'", "a number"],
            id="infinity",
        ),
        pytest.param(
            "damage_functions.csv",
            put("damage", "duration_min", "1 h", sector="commercial"),
            ["sector commercial, column duration_min", "'1 h'", "minutes above 0"],
            id="a duration of the damage function that is no number",
        ),
        pytest.param(
            "damage_functions.csv",
            put("damage", "duration_min", "-20", sector="commercial", duration_min="20"),
            ["sector commercial, column duration_min", "'-20'", "minutes above 0"],
            id="a negative duration of the damage function",
        ),
        pytest.param(
            "damage_functions.csv",
            put("damage", "value", "0", sector="commercial"),
            ["column value", "for damage"],
            id="no damage, which has no logarithm",
        ),
        pytest.param(
            "renewable.csv",
            put("pv_yield", "value", "-1"),
            ["line 2, column value", "'-1'", "at least 0"],
            id="negative sun",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(edited, name, edit, parts):
    folder = edited(name, edit)
    with pytest.raises(InputError) as caught:
        build(read_raw(folder))
    message = str(caught.value)
    assert message.startswith(str(folder / name))
    assert message.count("\n") == 0
    assert message.endswith(".")
    assert "expected" in message
    for part in parts:
        assert part in message


def test_no_customers(edited):
    folder = edited("customers.csv", lambda rows: None)
    text = (folder / "customers.csv").read_text(encoding="utf-8")
    (folder / "customers.csv").write_text(text.splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"customers\.csv, line 2: found nothing, .*one row"):
        build(read_raw(folder))


@pytest.mark.parametrize(
    "name",
    ["storage.csv", "tariff.csv", "market.csv", "money.csv", "customers.csv", "grades.csv",
     "damage_functions.csv", "renewable.csv"],
)  # fmt: skip
def test_a_missing_file_is_named(raw_folder, tmp_path, name):
    folder = shutil.copytree(raw_folder, tmp_path / "case")
    (folder / name).unlink()
    with pytest.raises(InputError, match="found nothing, expected a CSV file") as caught:
        build(read_raw(folder))
    assert str(folder / name) in str(caught.value)


def test_a_missing_folder(tmp_path):
    with pytest.raises(InputError, match="expected a CSV file"):
        build(read_raw(tmp_path / "nowhere"))


def test_megawatts_give_the_same_as_kilowatts(edited, paper):
    def to_megawatts(rows):
        for r in rows:
            if r["symbol"] in ("capacity_max_kw", "capacity_min_kw"):
                r["unit"] = "MW"
                for column in ("value", "low", "high"):
                    r[column] = f"{float(r[column]) / 1000:.6f}" if r[column] else ""
            if r["symbol"] == "outage_duration_h":
                r["unit"] = "min"
                for column in ("value", "low", "high"):
                    r[column] = f"{float(r[column]) * 60:.4f}" if r[column] else ""

    assert build(read_raw(edited("customers.csv", to_megawatts))).customers == paper.customers


def test_a_loss_of_the_customer_s_own_replaces_the_sector_s(edited, paper):
    def own_loss(rows):
        extra = dict(rows[0]) | {
            "symbol": "outage_loss_yuan_per_kwh",
            "value": "12.5",
            "unit": "yuan/kWh",
            "low": "10",
            "high": "15",
        }
        return [extra, *rows]

    data = build(read_raw(edited("customers.csv", own_loss)))
    assert data.customers[0].outage_loss_yuan_per_kwh == 12.5
    assert data.customers[1:] == paper.customers[1:]


def test_own_storage_of_no_cost_is_a_limit_that_is_answered(edited):
    """Who has storage for nothing pays nothing: price 0 is all that it accepts."""

    def free(rows):
        for symbol, unit in (("own_storage_cost_yuan_per_year", "yuan/yr"),):
            extra = dict(rows[0]) | {"symbol": symbol, "value": "0", "unit": unit}
            extra |= {"low": "", "high": "", "status": "stated"}
        return [extra, *rows]

    data = build(read_raw(edited("customers.csv", free)))
    assert data.acceptable_prices[0] == 0.0
    solution = solve(data, Setting())
    assert solution.result.status == "optimal"
    assert solution.outcome.choices[0].grade is None


def test_one_customer(edited, paper):
    data = build(
        read_raw(edited("customers.csv", lambda rows: [r for r in rows if r["customer"] == "C09"]))
    )
    assert data.customers == (paper.customers[8],)
    solution = solve(data, Setting(participation="all"))
    (choice,), (limit,) = solution.outcome.choices, data.acceptable_prices
    assert solution.outcome.prices.of(choice.grade) == pytest.approx(limit)


def numbered(rows, n):
    """`n` customers, each like one of the twenty."""
    by_name = {}
    for r in rows:
        by_name.setdefault(r["customer"], []).append(r)
    twenty = list(by_name.values())
    return [r | {"customer": f"K{k:03d}"} for k in range(n) for r in twenty[k % len(twenty)]]


def test_customers_may_have_numbers_for_names(edited, paper):
    data = build(
        read_raw(
            edited(
                "customers.csv", lambda rows: [r | {"customer": r["customer"][1:]} for r in rows]
            )
        )
    )
    assert [c.capacity_kw for c in data.customers] == [c.capacity_kw for c in paper.customers]


@pytest.mark.slow
def test_two_hundred_customers(edited):
    """Beyond Gurobi's free licence: HiGHS takes over and says so, and the answer is right."""
    data = build(read_raw(edited("customers.csv", lambda rows: numbered(rows, 200))))
    assert len(data.customers) == 200
    setting = Setting(tariff="single_price")
    solution = solve(data, setting)
    assert solution.result.status == "optimal"
    assert solution.outcome.violation_yuan_per_year <= 1e-6
    assert regret_yuan_per_year(data, setting, solution.outcome) <= 1e-6
    # One price: the best is one that some customer just accepts.
    candidates = [outcome(data, setting, Prices.single(p)) for p in set(data.acceptable_prices)]
    incomes = [o.account.net_income for o in candidates if o.violation_yuan_per_year == 0.0]
    assert solution.outcome.account.net_income == pytest.approx(max(incomes), rel=1e-9)
    if solution.result.solver != "gurobi":
        assert any("gurobi" in text for text in solution.result.announcements)


@pytest.mark.slow
def test_a_limit_gives_feasible_prices_and_an_honest_gap(edited):
    data = build(read_raw(edited("customers.csv", lambda rows: numbered(rows, 80))))
    solution = solve(data, Setting(), node_limit=1)
    result = solution.result
    assert result.status in ("limit", "optimal")
    assert result.bound >= result.objective - 1e-6
    spread = (result.bound - result.objective) / max(1.0, abs(result.objective))
    assert result.gap == pytest.approx(spread, abs=1e-9)
    assert solution.outcome.violation_yuan_per_year <= 1e-6
    assert regret_yuan_per_year(data, solution.setting, solution.outcome) <= 1e-6
