"""Every way in which a ledger can be wrong ends in one sentence that says where and what."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_storage.core.errors import InputError
from mobile_storage.core.ledger import (
    UNITS,
    ParameterSet,
    keyed_rows,
    read_csv,
    read_keyed,
    read_parameters,
    unit_factor,
)

HEAD = "symbol,name,value,unit,low,high,status,source,note"
POWER = "P,Rated power,250,kW,,,stated,The paper,"
EFFICIENCY = "eta,Efficiency,0.95,dimensionless,0.9,0.99,literature,Someone (2020),"
EXPECTED = {"P": "kW", "eta": "dimensionless"}


@pytest.fixture
def ledger(tmp_path):
    def write(*lines: str, encoding: str = "utf-8"):
        path = tmp_path / "ledger.csv"
        path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
        return path

    return write


def refused(path, expected=EXPECTED, **options) -> str:
    with pytest.raises(InputError) as error:
        read_parameters(path, expected, **options)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


# ---- what is right ---------------------------------------------------------------------------


def test_values_and_provenance_are_read(ledger):
    parameters = read_parameters(ledger(HEAD, POWER, EFFICIENCY), EXPECTED)
    assert dict(parameters) == {"P": 250.0, "eta": 0.95}
    row = parameters.parameter("eta")
    assert (row.low, row.high, row.status, row.source) == (
        0.9,
        0.99,
        "literature",
        "Someone (2020)",
    )
    assert parameters.parameter("P").low is None


def test_value_and_range_are_converted_to_the_wanted_unit(ledger):
    path = ledger(HEAD, "P,Power,0.25,MW,0.1,0.3,stated,x,", "eta,Eff.,95,%,90,99,assumed,x,")
    parameters = read_parameters(path, EXPECTED)
    assert dict(parameters) == {"P": 250.0, "eta": 0.95}
    assert (parameters.parameter("P").low, parameters.parameter("P").unit) == (100.0, "kW")


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_value_in_the_wanted_unit_stays_what_it_is_to_the_last_bit(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("bits") / "ledger.csv"
    path.write_text(f"{HEAD}\nP,Power,{value!r},kW,,,stated,x,\n")
    assert read_parameters(path, {"P": "kW"})["P"] == value


def test_a_spreadsheet_may_leave_a_mark_blanks_and_empty_lines(ledger):
    path = ledger(
        HEAD, "", " P , Power , 250 , kW ,,, stated , x ,", ",,,,,,,,", encoding="utf-8-sig"
    )
    assert dict(read_parameters(path, {"P": "kW"})) == {"P": 250.0}


def test_columns_may_come_in_any_order_and_texts_may_hold_commas_and_lines(ledger):
    path = ledger(
        "value,symbol,name,unit,low,high,status,source,note", '1,P,"a, b",kW,,,stated,"x\ny",'
    )
    assert read_parameters(path, {"P": "kW"}).parameter("P").source == "x\ny"


def test_bounds_hold_in_the_wanted_unit(ledger):
    path = ledger(HEAD, "P,Power,0.25,MW,0,0.3,assumed,x,")
    assert read_parameters(path, {"P": "kW"}, bounds={"P": (0, 300)})["P"] == 250.0


# ---- what is wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("P,Power,much,kW,,,stated,x,", "line 2, column value: found 'much', expected a number"),
        ('P,Power,"1,5",kW,,,stated,x,', "column value: found '1,5', expected a number"),
        ("P,Power,250 kW,kW,,,stated,x,", "column value: found '250 kW', expected a number"),
        ("P,Power,1_000,kW,,,stated,x,", "column value: found '1_000', expected a number"),
        ("P,Power,２５０,kW,,,stated,x,", "column value: found '２５０', expected a number"),
        ("P,Power,,kW,,,stated,x,", "column value: found nothing, expected a number"),
        ("P,Power,NaN,kW,,,stated,x,", "column value: found 'NaN', expected a number"),
        ("P,Power,inf,kW,,,stated,x,", "column value: found 'inf', expected a number"),
        ("P,Power,1e999,kW,,,stated,x,", "column value: found '1e999', expected a number"),
        ("P,Power,1e-99999999,kW,,,stated,x,", "found '1e-99999999', expected a number"),
        ("P,Power,250,kW,a,300,assumed,x,", "column low: found 'a', expected a number"),
        ("P,Power,250,kW,,300,assumed,x,", "column low: found nothing, expected a number, as stat"),
        ("P,Power,250,kW,200,,literature,x,", "column high: found nothing, expected a number"),
        ("P,Power,250,kW,200,,stated,x,", "column high: found nothing, expected a number, as low"),
        ("P,Power,250,kW,300,400,assumed,x,", "column value: found '250', expected something from"),
        ("P,Power,250,kW,100,200,stated,x,", "to high, 100 to 200"),
        ("P,Power,250,kW,300,200,assumed,x,", "column low: found '300', expected at most the 200"),
        ("P,Power,250,kW,,,guessed,x,", "column status: found 'guessed', expected one of stated,"),
        ("P,Power,250,kW,1,999,litrature,x,", "(did you mean literature?)"),
        ("P,Power,250,kW,,,stated,,", "column source: found nothing, expected something written"),
        ("P,,250,kW,,,stated,x,", "column name: found nothing"),
        (",Power,250,kW,,,stated,x,", "column symbol: found nothing, expected one of P"),
        ("Pw,Power,250,kW,,,stated,x,", "column symbol: found 'Pw', expected one of P (did you"),
        ("P,Power,250,,,,stated,x,", "column unit: found nothing"),
        ("P,Power,250,kw,,,stated,x,", "found 'kw', expected a unit that converts to kW, made of "),
        ("P,Power,250,mW,,,stated,x,", "(did you mean"),
        ("P,Power,250,horse,,,stated,x,", "column unit: found 'horse', expected a unit that conv"),
        ("P,Power,250,kWh,,,stated,x,", "column unit: found 'kWh', expected a unit that converts"),
        ("P,Power,250,kVA,,,stated,x,", "column unit: found 'kVA', expected a unit that converts"),
        ("P,Power,250,2*kW,,,stated,x,", "column unit: found '2*kW', expected a unit that conver"),
        ("P,Power,250,kW(,,,stated,x,", "column unit: found 'kW(', expected a unit that converts"),
        ("P,Power,250,kW,,,stated,x,a,b", "line 2: found '10 cells', expected 9, as in the head"),
        ("P,Power,250", "line 2: found '3 cells', expected 9"),
        ('P,"Power,250,kW,,,stated,x,', "line 2: found 'unexpected end of data', expected CSV"),
    ],
)
def test_a_bad_row_is_refused(ledger, line, message):
    assert message in refused(ledger(HEAD, line), {"P": "kW"})


@pytest.mark.parametrize("column", HEAD.split(","))
def test_a_missing_column_is_named(ledger, column):
    position = HEAD.split(",").index(column)
    lines = [
        ",".join(c for i, c in enumerate(t.split(",")) if i != position) for t in (HEAD, POWER)
    ]
    assert f"expected a column '{column}' in the heading" in refused(ledger(*lines), {"P": "kW"})


def test_a_column_too_many_is_named_with_the_one_it_may_be(ledger):
    message = refused(ledger(HEAD + ",nots", POWER + ","), {"P": "kW"})
    assert "line 1: found 'nots', expected no column but" in message
    assert "(did you mean note?)" in message


def test_a_column_twice_is_refused(ledger):
    assert "each column only once" in refused(ledger(HEAD + ",note", POWER + ","), {"P": "kW"})


def test_semicolons_are_refused_as_separators(ledger):
    lines = (HEAD.replace(",", ";"), POWER.replace(",", ";"))
    assert "columns are separated by commas" in refused(ledger(*lines), {"P": "kW"})


def test_line_numbers_count_as_an_editor_does(ledger):
    path = ledger(HEAD, "", 'P,Power,250,kW,,,stated,"two\nlines",', "eta,Eff.,x,%,,,stated,y,")
    assert ", line 5, column value: found 'x'" in refused(path)


def test_the_first_error_by_line_is_the_one_reported(ledger):
    path = ledger(HEAD, EFFICIENCY.replace("0.95", "bad"), POWER.replace("kW", ""))
    assert ", line 2, column value: found 'bad'" in refused(path)


def test_a_symbol_twice_is_refused_with_the_other_line(ledger):
    message = refused(ledger(HEAD, POWER, EFFICIENCY, POWER))
    assert "line 4, column symbol: found 'P', expected something that line 2 does not" in message


def test_a_symbol_missing_is_named(ledger):
    assert "expected a row for 'eta' as well" in refused(ledger(HEAD, POWER))


def test_no_rows_and_no_content_are_refused(ledger):
    assert "line 2: found nothing, expected at least one row" in refused(ledger(HEAD))
    assert "line 1: found nothing, expected a heading" in refused(ledger(""))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "found nothing, expected a CSV file" in refused(tmp_path / "absent.csv")
    assert "found 'a folder', expected a CSV file" in refused(tmp_path)


def test_another_encoding_is_refused_with_the_line(ledger):
    path = ledger(HEAD, POWER, "eta,效率,0.95,%,,,stated,x,", encoding="gbk")
    message = refused(path)
    assert "line 3" in message
    assert "CSV UTF-8" in message


@pytest.mark.parametrize(("cell", "column"), [("-5,kW,-9,9", "value"), ("5,kW,-1,9", "low")])
def test_a_value_or_range_below_what_makes_sense_is_refused(ledger, cell, column):
    message = refused(
        ledger(HEAD, f"P,Load,{cell},assumed,x,"), {"P": "W"}, bounds={"P": (0, None)}
    )
    assert f"column {column}: found '-" in message
    assert "expected at least 0 W for P" in message


def test_a_value_above_what_makes_sense_is_refused(ledger):
    path = ledger(HEAD, "eta,Efficiency,95,dimensionless,,,stated,x,")
    message = refused(path, {"eta": "dimensionless"}, bounds={"eta": (0, 1)})
    assert "found '95', expected at most 1 dimensionless for eta" in message


def test_bounds_for_a_symbol_that_is_not_read_are_a_slip_of_ours(ledger):
    with pytest.raises(ValueError, match="not read"):
        read_parameters(ledger(HEAD, POWER), {"P": "kW"}, bounds={"Q": (0, 1)})


# ---- ledgers with keys -----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1e-400", "1e-309", "-2e-310", "5e-324", "0.0e-400", "1e-307"])
def test_a_number_that_floats_would_lose_is_refused(ledger, text):
    """Not read as zero, which is right only for zero."""
    path = ledger(HEAD, f"P,Power,{text},kW,,,stated,x,")
    if float(text) == 0.0 and text.startswith("0"):
        assert read_parameters(path, {"P": "kW"})["P"] == 0.0
    elif text == "1e-307":
        assert read_parameters(path, {"P": "kW"})["P"] == 1e-307
        with pytest.raises(InputError, match=r"0, or a number of at least 2.3e-308 in MW"):
            read_parameters(path, {"P": "MW"})
    else:
        with pytest.raises(InputError, match=r"unless it is 0, at least 2.3e-308 in size"):
            read_parameters(path, {"P": "kW"})


KEYED = "customer,sector," + HEAD


def customers(number: int, load: str = "100") -> list[str]:
    return [
        line
        for u in range(1, number + 1)
        for line in (
            f"{u},shops,load,Load,{load},kW,0,500,assumed,x,",
            f"{u},shops,calls,Calls,2,1/yr,1,5,assumed,x,",
        )
    ]


WANTED = {"load": "kW", "calls": "1/yr"}


def read_customers(path):
    return read_keyed(
        path,
        ["customer"],
        WANTED,
        {"loss": "yuan/kWh"},
        constant=["sector"],
        bounds={"load": (0, None)},
    )


def refused_customers(path) -> str:
    with pytest.raises(InputError) as error:
        read_customers(path)
    return str(error.value)


@pytest.mark.parametrize("number", [1, 20, 200])
def test_any_number_of_customers_is_read(ledger, number):
    rows = keyed_rows(
        read_customers(ledger(KEYED, *customers(number))), "customer", constant=["sector"]
    )
    expected = {"sector": "shops", "load": 100.0, "calls": 2.0}
    assert rows == dict.fromkeys(range(1, number + 1), expected)


def test_no_customers_are_refused(ledger):
    assert "expected at least one row" in refused_customers(ledger(KEYED))


def test_a_negative_load_is_refused(ledger):
    lines = [line.replace(",0,500,", ",-500,500,") for line in customers(2, load="-100")]
    assert "line 2, column value: found '-100', expected at least 0 kW" in refused_customers(
        ledger(KEYED, *lines)
    )


def test_a_duplicate_customer_is_refused(ledger):
    message = refused_customers(ledger(KEYED, *customers(2), customers(1)[0]))
    assert "line 6, column customer and symbol: found '1, load'" in message
    assert "line 2 does not have" in message


def test_a_duplicate_customer_under_another_spelling_is_refused(ledger):
    line = customers(1)[0].replace("1,shops", "01,shops", 1)
    assert "found '1, load'" in refused_customers(ledger(KEYED, *customers(1), line))


def test_a_customer_in_two_sectors_is_refused(ledger):
    lines = customers(1)
    lines[1] = lines[1].replace("shops", "farms")
    message = refused_customers(ledger(KEYED, *lines))
    assert "line 3, column sector: found 'farms', expected 'shops' as in line 2" in message


def test_a_customer_without_a_value_is_named(ledger):
    message = refused_customers(ledger(KEYED, *customers(3)[:-1]))
    assert "customer 3: found 'load', expected a row for 'calls' as well" in message


def test_a_blank_key_is_refused(ledger):
    lines = [line.replace("1,", ",", 1) for line in customers(1)]
    assert "line 2, column customer: found nothing" in refused_customers(ledger(KEYED, *lines))


def test_an_optional_symbol_may_be_there_for_some(ledger):
    lines = [*customers(2), "2,shops,loss,Loss,0.9,wan_yuan/MWh,0,9,assumed,x,"]
    rows = keyed_rows(read_customers(ledger(KEYED, *lines)), "customer")
    assert "loss" not in rows[1]
    assert rows[2]["loss"] == 9.0


def test_keys_of_text_stay_text(ledger):
    lines = [line.replace("1,", "C01,", 1) for line in customers(1)]
    assert set(read_customers(ledger(KEYED, *lines))["customer"]) == {"C01"}


def test_plain_columns_can_be_read_too(ledger):
    frame = read_csv(ledger("a,b", "", "1,x"), ["a", "b"])
    assert frame.to_dict("records") == [{"a": "1", "b": "x", "line": 3}]


# ---- units -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "wanted", "factor"),
    [
        ("MW", "kW", 1000),
        ("1/day", "1/yr", 365),
        ("wan_yuan", "yuan", 10_000),
        ("%", "1", 0.01),
        ("percent", "dimensionless", 0.01),
        ("kWh/kWp/d", "MWh/kWp/yr", 0.365),
        ("yuan/(kW*yr)", "yuan/kW/yr", 1),
        ("min", "h", 1 / 60),
    ],
)
def test_units_convert(unit, wanted, factor):
    assert float(unit_factor(unit, wanted)) == factor


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("USD", "yuan"),
        ("kVA", "kW"),
        ("call", "outage"),
        ("kWp", "kW"),
        ("vehicle", "dimensionless"),
    ],
)
def test_what_takes_another_number_does_not_convert(unit, wanted):
    with pytest.raises(ValueError, match="a unit that converts to"):
        unit_factor(unit, wanted)


@pytest.mark.parametrize("definition", UNITS[1:])
def test_every_unit_on_the_list_can_be_used(definition):
    assert unit_factor(definition.split(" = ")[0], definition.split(" = ")[0]) == 1


def test_a_model_that_wants_an_unknown_unit_is_told_so():
    with pytest.raises(ValueError, match="the model wants 'furlong'"):
        unit_factor("m", "furlong")


# ---- the set ---------------------------------------------------------------------------------


@pytest.fixture
def parameters(ledger) -> ParameterSet:
    return read_parameters(ledger(HEAD, POWER, EFFICIENCY), EXPECTED)


def test_a_set_cannot_be_changed(parameters):
    with pytest.raises(TypeError):
        parameters["P"] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        parameters.parameter("P").value = 1.0


def test_replace_gives_a_copy(parameters):
    other = parameters.replace({"P": 100})
    assert (other["P"], parameters["P"]) == (100.0, 250.0)
    assert other.parameter("P").source == "The paper"


@pytest.mark.parametrize("value", [math.nan, math.inf, "100", True])
def test_replace_refuses_what_is_no_number(parameters, value):
    with pytest.raises(InputError, match="a finite number"):
        parameters.replace({"P": value})


def test_replace_refuses_an_unknown_symbol(parameters):
    with pytest.raises(InputError, match=r"'etta'.*did you mean eta"):
        parameters.replace({"etta": 1.0})


def test_merge_joins_and_refuses_what_both_have(parameters, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text(f"{HEAD}\nQ,Other,1,kW,,,stated,x,\n")
    other = read_parameters(path, {"Q": "kW"})
    assert list(parameters.merge(other)) == ["P", "eta", "Q"]
    with pytest.raises(InputError, match="'P'"):
        parameters.merge(parameters)


def test_the_frame_shows_range_and_source(parameters):
    frame = parameters.to_frame()
    assert list(frame.columns) == ["symbol", "name", "value", "unit", "range", "status", "source"]
    assert frame["range"].tolist() == ["", "0.9 to 0.99"]


@pytest.mark.parametrize("unit", ["kW#", "kW \\", 'kW"', "kW\u0301", "+kW", "kW;", "kW\n"])
def test_a_unit_with_something_that_does_not_belong_there_is_none(unit):
    """Pint would leave it out in silence."""
    with pytest.raises(ValueError, match="made of known units"):
        unit_factor(unit, "kW")


@pytest.mark.parametrize("unit", ["%%", "% %"])
def test_a_percent_sign_doubled_is_no_unit(unit):
    with pytest.raises(ValueError, match="made of known units"):
        unit_factor(unit, "dimensionless")
