"""Reading the ledgers of paper 2: what is built of them, and one broken thing at a time."""

from __future__ import annotations

import shutil
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mobile_storage.core.errors import DoubtWarning, InputError
from mobile_storage.mmbes.model.data import build, ledger, read_raw
from mobile_storage.mmbes.model.substation import ATTRIBUTES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "data/raw/fu2024"
TEMPLATE = ROOT / "data/case_template_substation"


@pytest.fixture(scope="module")
def raw():
    return read_raw(FOLDER)


@pytest.fixture(scope="module")
def built(raw):
    return build(raw)


# ------------------------------------------------------------------------------ what is built


def test_what_the_paper_states(raw, built):
    substation, preferences = built
    assert substation.power_factor == 0.9
    assert substation.growth == 0.015
    assert substation.losses.own_share == 0.55
    assert substation.losses.voltage_kv == 66.0
    # 5 km of 0.17 ohm/km each; the spurs of 3.5 km are not among the four elements counted.
    assert substation.losses.line_resistance_ohm == pytest.approx([0.85, 0.85])
    assert preferences.weights == pytest.approx(np.full(5, 0.2))
    critical = raw.load_points.query("priority == 'critical'")["load_point"]
    assert set(critical) == {"S1", "S3"}


def test_peak_is_load_rate_times_rating_times_power_factor(raw):
    moved = raw.replace(
        {
            "substation.load_rate": 0.5,
            "network.T1.rating": 10_000.0,
            "network.T2.rating": 12_000.0,
        }
    )
    assert build(moved)[0].peak_kw == pytest.approx(0.5 * 22_000 * 0.9)


def test_one_transformer_carries_its_rating_times_the_overload_factor(raw):
    moved = raw.replace({"substation.overload_factor": 1.2, "network.T2.rating": 10_000.0})
    reliability = build(moved)[0].reliability
    fault = next(c for c in reliability.contingencies if c.name == "T1")
    # Everything on T2 at once, as QF5 closes by itself: 10 MVA x 0.9 x 1.2.
    assert fault.stages[0].reachable(10_801.0) == pytest.approx(1.0)
    assert fault.stages[0].reachable(10_800.0) == 0.0
    # After switching substation 2 takes over what it can.
    tie = raw.network.query("component == 'neighbour' and symbol == 'capacity'")["value"].item()
    assert fault.stages[-1].reachable(10_800.0 + tie) == pytest.approx(0.0, abs=1e-9)
    assert fault.stages[-1].reachable(10_900.0 + tie) == pytest.approx(100.0)


def test_loss_of_the_supply_takes_all_load_until_it_is_back(built):
    contingencies = {c.name: c for c in built[0].reliability.contingencies}
    supply = contingencies["supply"]
    assert [stage.until for stage in supply.stages] == [np.inf]
    assert supply.stages[0].reachable(1000.0) == pytest.approx(1000.0)
    both = contingencies["both_lines"]
    assert all(stage.reachable(1000.0) == pytest.approx(1000.0) for stage in both.stages)


def test_a_spur_s_fault_trips_its_line_until_it_is_isolated(raw, built):
    contingencies = {c.name: c for c in built[0].reliability.contingencies}
    line, spur = contingencies["L1"], contingencies["L3"]
    assert spur.rate / line.rate == pytest.approx(3.5 / 5.0, rel=1e-3)
    load = built[0].peak_kw * 2.0
    assert spur.stages[0].reachable(load) == pytest.approx(line.stages[0].reachable(load))
    assert spur.stages[-1].reachable(load) == 0.0 < line.stages[-1].reachable(load)


def test_days_fill_a_year_and_the_peak_is_reached(built):
    curves = built[0].curves
    assert curves.days_per_year.sum() == pytest.approx(365.0)
    assert curves.shape.max() == pytest.approx(1.0, abs=1e-3)
    assert curves.step_h == 1.0
    assert len(curves.names) >= 4


def test_extreme_events_serve_critical_loads_before_important_ones(raw, built):
    events = built[0].extreme
    mean = float(built[0].curves.days_per_year @ built[0].curves.shape.mean(axis=1)) / 365.0
    shares = raw.load_points.query("symbol == 'share' and priority != 'ordinary'")
    assert events.load_kw == pytest.approx(shares["value"].to_numpy() * mean * built[0].peak_kw)
    assert events.priority.tolist() == [int(p == "important") for p in shares["priority"]]
    assert events.probability.sum() <= 1.0
    chances = raw.extreme_events.query("symbol == 'probability'").set_index("scenario")["value"]
    assert events.probability.tolist() == [chances[name] for name in raw.scenarios]


def test_an_expected_cost_is_a_negative_outcome(raw):
    moved = raw.replace({"preferences.reference_cost": 5e6, "preferences.reference_loss": 1e5})
    reference = build(moved)[1].reference
    assert reference[ATTRIBUTES.index("cost")] == -5e6
    assert reference[ATTRIBUTES.index("loss")] == 1e5


def test_options_reach_the_model(raw):
    substation, preferences = build(
        raw, repair_law="fixed", soc_law="constant", added_load="scaled", rank_dependent=False
    )
    assert {c.law for c in substation.reliability.contingencies} == {"fixed"}
    assert (substation.soc_law, substation.added_load) == ("constant", "scaled")
    assert not preferences.rank_dependent


def test_readings_move_like_values_and_can_be_overruled(raw):
    moved = raw.replace({"readings.repair_law": "fixed", "substation.load_rate": 0.6})
    assert (moved.readings.repair_law, moved.readings.soc_law) == ("fixed", "joint")
    assert {c.law for c in build(moved)[0].reliability.contingencies} == {"fixed"}
    overruled = build(moved, repair_law="exponential")[0]
    assert {c.law for c in overruled.reliability.contingencies} == {"exponential"}
    with pytest.raises(InputError, match=r"readings\.repair"):
        raw.replace({"readings.repair": "fixed"})


# ------------------------------------------------------------------------- the ledger as a whole


def test_every_number_has_a_source_and_an_open_one_a_range(raw):
    table = ledger(raw)
    assert (table["source"] != "").all()
    open_ones = table[table["status"].isin(["literature", "assumed"])]
    assert open_ones["low"].notna().all()
    assert open_ones["high"].notna().all()


def test_every_number_can_be_moved_by_its_symbol(raw):
    table = ledger(raw)
    assert table["symbol"].is_unique
    moved = ledger(raw.replace(dict.fromkeys(table["symbol"], 0.123)))
    assert (moved["value"] == 0.123).all()
    assert (moved["low"].fillna(-1) == table["low"].fillna(-1)).all()


def test_a_move_leaves_the_other_numbers_and_the_original_alone(raw):
    before = ledger(raw)
    symbol = before.loc[before["symbol"].str.startswith("load_curves."), "symbol"].iloc[7]
    after = ledger(raw.replace({symbol: 0.5, "economics.horizon": 11.0}))
    changed = before.loc[before["value"] != after["value"], "symbol"]
    assert set(changed) == {symbol, "economics.horizon"}
    assert ledger(raw).equals(before)


@pytest.mark.parametrize(
    "name", ["economics.upgrade", "network.T9.rating", "folder.x", "T1", "load_curves.load"]
)
def test_a_move_of_something_unknown_is_refused(raw, name):
    with pytest.raises(InputError, match=r"table\.symbol or table\.key\.symbol"):
        raw.replace({name: 1.0})


# ------------------------------------------------------------------------------ broken folders


@pytest.fixture
def edited(edited_copy):
    """A copy of the ledgers in which `edit` has changed the rows of one file."""
    return partial(edited_copy, FOLDER)


def put(column, text, **where):
    """An edit that writes `text` into a column of the first row that fits, without a range."""

    def edit(rows):
        row = next(r for r in rows if all(r[k] == v for k, v in where.items()))
        row[column] = text
        if column == "value":
            row.update(status="stated", low="", high="")

    return edit


def put_all(column, text, **where):
    """An edit that writes `text` into a column of every row that fits."""

    def edit(rows):
        for row in rows:
            if all(row[k] == v for k, v in where.items()):
                row[column] = text

    return edit


def drop(**where):
    """An edit that leaves out the rows that fit."""
    return lambda rows: [r for r in rows if not all(r[k] == v for k, v in where.items())]


def twice(rows):
    """An edit that repeats the third row at the end."""
    return [*rows, rows[2]]


def first_day(rows):
    return rows[0]["day_type"]


def without_hours(*hours):
    """An edit that leaves hours out of the first day."""
    return lambda rows: [
        r for r in rows if r["day_type"] != first_day(rows) or r["hour"] not in hours
    ]


def with_hour(hour):
    """An edit that adds an hour to the first day."""
    return lambda rows: [*rows, {**rows[0], "hour": hour}]


def moved_hour(rows):
    """An edit that makes the steps of the first day unequal."""
    rows[5]["hour"] = "5.5"


def half_hours(rows):
    """An edit that cuts the steps of the first day in two."""
    day = [r for r in rows if r["day_type"] == first_day(rows)]
    return [*rows, *({**r, "hour": f"{r['hour']}.5"} for r in day)]


def scaled(rows):
    """An edit that takes every load to 0.9 of it."""
    for row in rows:
        row.update(value=str(0.9 * float(row["value"])), low="0", high="1")


BROKEN = {
    "an hour is missing": ("load_curves.csv", without_hours("7"), ["23 steps", "hour 7"]),
    "a gap of three hours": (
        "load_curves.csv",
        without_hours("3", "4", "5"),
        ["21 steps", "hour 3"],
    ),
    "25 hours": ("load_curves.csv", with_hour("24"), ["25 steps", "no hour 24"]),
    "an hour that is none": ("load_curves.csv", with_hour("noon"), ["noon", "hour of the day"]),
    "unequal steps": ("load_curves.csv", moved_hour, ["24 steps", "hour 5"]),
    "steps of two lengths": ("load_curves.csv", half_hours, ["48, 24", "same number of steps"]),
    "a load above the peak": ("load_curves.csv", put("value", "1.2"), ["'1.2'", "at most 1"]),
    "a negative load": ("load_curves.csv", put("value", "-0.1"), ["'-0.1'", "at least 0"]),
    "no step at the peak": ("load_curves.csv", scaled, ["0.9", "annual peak"]),
    "a day type without days": (
        "load_curves.csv",
        put("day_type", "holiday"),
        ["holiday", "day_types.csv"],
    ),
    "a day type without a curve": (
        "load_curves.csv",
        lambda rows: [r for r in rows if r["day_type"] != first_day(rows)],
        ["0 steps", "hour 0"],
    ),
    "a row twice": ("load_curves.csv", twice, ["line 4"]),
    "a year of 366 days": ("day_types.csv", put("value", "200"), ["day_types.csv", "365"]),
    "SOC limits crossed": (
        "battery.csv",
        put("value", "0.95", symbol="soc_min"),
        ["soc_min", "0.95", "less than soc_max"],
    ),
    "SOC above 1": ("battery.csv", put("value", "1.1", symbol="soc_max"), ["1.1", "at most 1"]),
    "efficiency above 1": (
        "battery.csv",
        put("value", "1.05", symbol="charge_efficiency"),
        ["1.05", "at most 1"],
    ),
    "no efficiency": (
        "battery.csv",
        put("value", "0", symbol="discharge_efficiency"),
        ["discharge_efficiency", "at least"],
    ),
    "probability 1.2": (
        "extreme_events.csv",
        put("value", "1.2", symbol="probability"),
        ["'1.2'", "at most 1"],
    ),
    "probabilities that add up to more than 1": (
        "extreme_events.csv",
        put("value", "0.999", symbol="probability"),
        ["probability of all scenarios", "at most 1"],
    ),
    "an outage of negative length": (
        "extreme_events.csv",
        put("value", "-3", symbol="duration"),
        ["'-3'", "at least 0"],
    ),
    "weights that do not add up": (
        "preferences.csv",
        put("value", "0.3", symbol="weight_loss"),
        ["1.1", "expected 1"],
    ),
    "a weight below zero": (
        "preferences.csv",
        put("value", "-0.2", symbol="weight_loss"),
        ["'-0.2'", "at least 0"],
    ),
    "an exponent above 1": ("preferences.csv", put("value", "1.2", symbol="alpha"), ["'1.2'"]),
    "a load that shrinks": (
        "substation.csv",
        put("value", "-0.01", symbol="load_growth"),
        ["load_growth", "at least 0"],
    ),
    "no load": ("substation.csv", put("value", "0", symbol="load_rate"), ["load_rate"]),
    "power factor above 1": (
        "substation.csv",
        put("value", "1.2", symbol="power_factor"),
        ["'1.2'", "at most 1"],
    ),
    "a unit that is none": (
        "substation.csv",
        put("unit", "kv", symbol="voltage"),
        ["'kv'", "did you mean kV"],
    ),
    "a number missing": ("economics.csv", drop(symbol="horizon"), ["horizon"]),
    "a number too many": (
        "economics.csv",
        put("symbol", "horizn", symbol="horizon"),
        ["did you mean horizon"],
    ),
    "a rating of zero": (
        "network.csv",
        put("value", "0", component="T1", symbol="rating"),
        ["'0'", "rating"],
    ),
    "a negative rating": (
        "network.csv",
        put("value", "-16000", component="T1", symbol="rating"),
        ["'-16000'", "rating"],
    ),
    "a transformer without a rating": (
        "network.csv",
        drop(component="T1", symbol="rating"),
        ["transformer T1", "rating"],
    ),
    "a transformer without losses": (
        "network.csv",
        drop(component="T2", symbol="load_loss"),
        ["transformer T2", "load_loss"],
    ),
    "no transformer": ("network.csv", drop(kind="transformer"), ["network"]),
    "a line without a length": (
        "network.csv",
        lambda rows: [
            {**r, "symbol": "capacity", "unit": "kW"} if r["component"] == "L1" else r for r in rows
        ],
        ["component L1", "length"],
    ),
    "a kind that is none": (
        "network.csv",
        put_all("kind", "transfomer", component="T1"),
        ["T1", "did you mean transformer"],
    ),
    "a device that is none": (
        "network.csv",
        put_all("start_device", "braker", component="T1"),
        ["braker", "breaker"],
    ),
    "a state that is none": (
        "network.csv",
        put_all("state", "opened", component="QF6"),
        ["QF6", "did you mean open"],
    ),
    "an end that nothing feeds": (
        "network.csv",
        put_all("start", "te_1", component="T1"),
        ["no source feeds the load at bus_I"],
    ),
    "a loop": (
        "network.csv",
        put_all("state", "closed", component="QF5"),
        ["loop"],
    ),
    "storage at a place that is none": (
        "network.csv",
        put_all("start", "bus_X", component="MMBES"),
        ["bus_X"],
    ),
    "a common mode of something unknown": (
        "network.csv",
        put_all("start", "L1 L9", component="both_lines"),
        ["both_lines", "L9"],
    ),
    "two texts for one component": (
        "network.csv",
        put("start", "tee_2", component="T1", symbol="load_loss"),
        ["tee_2", "same for all rows"],
    ),
    "a failing part that is never repaired": (
        "components.csv",
        put("value", "0", kind="line", symbol="repair_time"),
        ["repair_time", "at least"],
    ),
    "shares that do not add up": (
        "load_points.csv",
        put("value", "0.3", load_point="S1", symbol="share"),
        ["share of all load points", "expected 1"],
    ),
    "a load at a place that is none": (
        "load_points.csv",
        put_all("node", "bus_X", load_point="S1"),
        ["load_points.csv, load point S1, column node: found 'bus_X', expected a node of network"],
    ),
    "a load point that only an open switch feeds": (
        "network.csv",
        put_all("state", "open", component="T1"),
        ["network.csv, with components.csv and load_points.csv", "no source feeds the load at"],
    ),
    "a kind that is out all year": (
        "components.csv",
        put("value", "900000", kind="transformer", symbol="repair_time"),
        ["with components.csv", "T1 would be out all year: rate times repair time is 13500 h/yr"],
    ),
    "a kind that no component is of": (
        "components.csv",
        put_all("kind", "lines", kind="line"),
        ["components.csv, column kind: found 'lines'", "did you mean line"],
    ),
    "lines of which nothing says how often they fail": (
        "components.csv",
        drop(kind="line"),
        ["network.csv, component L1: found nothing, expected a row failure_rate", "components.csv"],
    ),
    "an hour as on a clock": (
        "load_curves.csv",
        put_all("hour", "00:00", hour="0"),
        ["found '00:00', expected an hour of the day as a number, such as 0, 7 or 7.5, not 07:00."],
    ),
    "a storage that never works": (
        "battery.csv",
        put("value", "0", symbol="availability"),
        ["availability: found 0.0, expected more than 0 where storage_failures is 'faults'"],
    ),
    "a priority that is none": (
        "load_points.csv",
        put_all("priority", "vital", load_point="S1"),
        ["S1", "critical, important, ordinary"],
    ),
    "a critical load without a loss": (
        "load_points.csv",
        drop(load_point="S1", symbol="outage_loss"),
        ["S1", "outage_loss"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_one_clear_sentence(case, edited):
    name, edit, fragments = BROKEN[case]
    folder = edited(name, edit)
    with pytest.raises(InputError) as caught:
        build(read_raw(folder))
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    for fragment in fragments:
        assert fragment in message, message


def together(*edits):
    """Several edits of one file."""

    def edit(rows):
        for one in edits:
            rows = one(rows) or rows
        return rows

    return edit


@pytest.mark.parametrize(
    ("name", "edit", "sentences"),
    [
        # Both ratings: the load shrinks with them, but their losses do not.
        (
            "network.csv",
            together(*(put("value", "31.500", component=t, symbol="rating") for t in ("T1", "T2"))),
            [
                "network.csv, line 13, column value: 31.500 is read as 31.5. If it is 31500, leave",
                "network.csv, transformer T1 loses 112 kW at its rating of 31.5 kVA, more than a",
            ],
        ),
        (
            "network.csv",
            put("value", "31.5", component="T2", symbol="rating"),
            ["network.csv, transformer T2 carries 28.35 kW, less than a tenth of the 5138.08 kW"],
        ),
        (
            "network.csv",
            put("value", "7.8", component="neighbour", symbol="capacity"),
            ["network.csv, source neighbour feeds 7.8 kW, less than a thousandth of the annual"],
        ),
        (
            "network.csv",
            put("value", "20", component="T1", symbol="rating"),
            ["transformer T1 carries 18 kW, less than a tenth of the"],
        ),
        (
            "network.csv",
            put("value", "90000", component="T1", symbol="load_loss"),
            ["transformer T1 loses 90022 kW at its rating of 20000 kVA"],
        ),
        (
            "economics.csv",
            put("value", "1.250", symbol="energy_cost"),
            ["1.250 is read as 1.25. If it is 1250, leave out the point; if not, leave out the 0"],
        ),
    ],
)
def test_what_is_hardly_meant_gets_a_warning(name, edit, sentences, edited):
    with pytest.warns(DoubtWarning) as said:
        build(read_raw(edited(name, edit)))
    every = [str(one.message) for one in said]
    for sentence in sentences:
        assert any(sentence in one for one in every), every


def test_a_line_that_carries_too_little_gets_a_warning(edited):
    line = {"symbol": "capacity", "value": "2.5", "unit": "kW", "low": "", "high": ""}
    extra = {"name": "What it carries", "status": "stated"}

    def edit(rows):
        known = next(r for r in rows if r["component"] == "L1")
        return [*rows, {**known, **line, **extra}]

    with pytest.warns(DoubtWarning, match="line L1 carries 2.5 kW, less than a tenth of the 10260"):
        build(read_raw(edited("network.csv", edit)))


def test_the_ledgers_themselves_give_no_warning(raw):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build(read_raw(FOLDER))
        # A capacity of nothing is meant.
        build(raw.replace({"network.neighbour.capacity": 0.0}))


@pytest.mark.parametrize(
    "text", ["31 500", "31,500", "31'500", "31.500,0", "31_500", "31,5", "31.5k"]
)
def test_other_separators_are_no_numbers(text, edited):
    folder = edited("network.csv", put("value", text, component="T1", symbol="rating"))
    with pytest.raises(InputError, match=r"expected a number such as 31500 or 0\.35, without"):
        read_raw(folder)


def test_quarters_and_half_hours_are_steps_as_well(edited):
    for steps, ends in ((48, (0, 0.5)), (96, (0, 0.25, 0.5, 0.75))):

        def refine(rows, ends=ends):
            return [{**r, "hour": f"{float(r['hour']) + e:g}"} for r in rows for e in ends]

        folder = edited("load_curves.csv", refine)
        curves = build(read_raw(folder))[0].curves
        assert curves.shape.shape[1] == steps
        assert curves.shape[:, :: steps // 24] == pytest.approx(
            build(read_raw(FOLDER))[0].curves.shape
        )
        shutil.rmtree(folder)


def test_zero_growth_and_no_events_are_the_limits_they_should_be(edited):
    folder = edited("substation.csv", put("value", "0", symbol="load_growth"))
    assert build(read_raw(folder))[0].growth == 0.0
    moves = {f"extreme_events.{n}.probability": 0.0 for n in read_raw(FOLDER).scenarios}
    assert build(read_raw(FOLDER).replace(moves))[0].extreme.probability.sum() == 0.0


def test_the_template_of_a_reader_s_substation_is_read(tmp_path):
    folder = Path(shutil.copytree(FOLDER, tmp_path / "case"))
    for file in TEMPLATE.glob("*.csv"):
        assert (folder / file.name).exists(), "a file that the pipeline would not know"
        shutil.copy(file, folder)
    substation, _ = build(read_raw(folder))
    # 62 % of 2 x 31.5 MVA at 0.95, and 2 % growth.
    assert substation.peak_kw == pytest.approx(0.62 * 63_000 * 0.95)
    assert substation.growth == pytest.approx(0.02)
    assert substation.extreme.backup_h.tolist() == [3.0, 0.0, 0.0]
    supply = next(c for c in substation.reliability.contingencies if c.name == "supply")
    assert supply.repair == pytest.approx(40 / 60)
