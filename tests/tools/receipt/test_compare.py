"""Pairs of files made by hand, and random tables with one cell changed."""

from __future__ import annotations

import base64
import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mobile_storage.tools.receipt.compare import (
    BYTE_EQUAL,
    DIFFERENT,
    MOST_KEPT,
    WITHIN,
    Noise,
    Tolerance,
    compare,
    deviations,
)

TOLERANCE = Tolerance(relative=1e-9, pixel_level=2)


def compared(name: str, before: str | bytes, after: str | bytes, tolerance=TOLERANCE):
    one, other = (x.encode() if isinstance(x, str) else x for x in (before, after))
    return compare(name, one, other, tolerance)


def only(comparison):
    """The one difference of a comparison: place and both versions."""
    assert comparison.verdict == DIFFERENT
    assert comparison.count == 1
    (difference,) = comparison.differences
    return difference.where, difference.committed, difference.recomputed


# ---- numbers in texts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("0.5 kWh", "0.4 kWh", 0.2),
        ("1 of 4", "1 of 5", 0.2),
        ("1,000,000 yuan", "1,100,000 yuan", 1 / 11),
        ("-1", "1", 2.0),
        ("1e-3", "0.001", 0.0),
        ("0", "1e-300", 1.0),
        ("a", "b", math.inf),
        ("1 kW", "1 kWh", math.inf),
        ("1 2", "1", math.inf),
        ("", "1", math.inf),
        ("nan", "1", math.inf),
        ("1.15.1", "1.11.0", math.inf),
        ("It is 1.5.", "It is 1.2.", 0.2),
    ],
)
def test_the_deviation_of_texts_that_differ_in_numbers_only(one, other, expected):
    assert deviations(one, other)[0] == pytest.approx(expected)
    assert deviations(other, one)[0] == pytest.approx(expected)


# ---- CSV -------------------------------------------------------------------------------------

TABLE = "symbol,end,income\neta,low,266928.4776\neta,high,283857.3266\n"


def test_equal_bytes():
    assert compared("a.csv", TABLE, TABLE).verdict == BYTE_EQUAL


def test_a_changed_digit_is_named_by_line_and_column():
    result = compared("a.csv", TABLE, TABLE.replace("283857", "283957"))
    where, *values = only(result)
    assert where == "line 3 (eta, high), column income"
    assert values == ["283857.3266", "283957.3266"]
    assert result.differences[0].relative == pytest.approx(100 / 283957.3266)


def test_the_last_of_ten_digits_is_within_the_tolerance():
    result = compared("a.csv", TABLE, TABLE.replace("4776", "4777"))
    assert result.verdict == WITHIN
    assert not result.differences
    assert result.largest == pytest.approx(1e-4 / 266928.4777)


def test_the_tolerance_includes_its_end():
    assert compared("a.csv", "x\n10\n", "x\n8\n", Tolerance(relative=0.2)).verdict == WITHIN
    assert compared("a.csv", "x\n10\n", "x\n7.9\n", Tolerance(relative=0.2)).verdict == DIFFERENT


def test_a_new_column_is_named_and_the_others_stay_equal():
    result = compared("a.csv", "a,b\n1,2\n", "a,new,b\n1,9,2\n")
    assert [(d.where, d.committed, d.recomputed) for d in result.differences] == [
        ("line 1 (a), column new", None, "new"),
        ("line 2, column new", None, "9"),
    ]


@pytest.mark.parametrize(
    ("after", "where"),
    [
        ("a,b\nx,1\nnew,5\ny,2\n", "new line 3 (new)"),
        ("a,b\ny,2\n", "line 2 (x)"),
    ],
)
def test_a_line_more_or_less_is_one_difference(after, where):
    assert only(compared("a.csv", "a,b\nx,1\ny,2\n", after))[0] == where


def test_other_line_ends_are_different_bytes():
    assert only(compared("a.csv", "a\n1\n", "a\r\n1\r\n"))[0] == "bytes"


@given(
    st.lists(st.lists(st.floats(1, 1e6), min_size=3, max_size=3), min_size=1, max_size=6),
    st.data(),
)
def test_one_changed_cell_of_any_table_is_found(rows, data):
    row = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, 2))
    changed = [list(line) for line in rows]
    changed[row][column] *= 1 + data.draw(st.floats(1e-8, 1))

    def text(lines):
        return "a,b,c\n" + "".join(",".join(map(repr, line)) + "\n" for line in lines)

    where, before, after = only(compared("t.csv", text(rows), text(changed)))
    assert where == f"line {row + 2}, column {'abc'[column]}"
    assert (float(before), float(after)) == (rows[row][column], changed[row][column])


# ---- quantities near zero ----------------------------------------------------------------------

NOISE = Tolerance(1e-9, 2, (Noise("*_searches.csv", "*, column *_off_kwh", 0.02),))
SEARCHES = "family,energy_kwh,energy_off_kwh\nweights,1630.58,0.01\n"


def test_the_distance_of_two_texts():
    assert deviations("0.5 kWh", "-0.25 kWh")[1] == pytest.approx(0.75)
    assert deviations("1 of 4", "2 of 7")[1] == pytest.approx(3.0)
    assert deviations("1 kW", "1 kWh") == (math.inf, math.inf)


def test_a_difference_of_two_searches_is_judged_on_the_scale_of_their_sizes():
    after = SEARCHES.replace(",0.01", ",-0.01")
    result = compared("a/b_searches.csv", SEARCHES, after, NOISE)
    assert result.verdict == WITHIN
    assert (result.noise, result.largest) == (1, None)
    assert compared("a/b_searches.csv", SEARCHES, after).verdict == DIFFERENT


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("a/b_searches.csv", ",0.01", ",-0.0101"),  # by more than the amount
        ("a/b_searches.csv", "1630.58", "1630.59"),  # another column
        ("a/b_other.csv", ",0.01", ",-0.01"),  # another file
        ("a/b_searches.csv", ",0.01", ",none"),  # not a number
    ],
)
def test_only_what_is_declared_is_noise(name, old, new):
    assert compared(name, SEARCHES, SEARCHES.replace(old, new), NOISE).verdict == DIFFERENT


# ---- JSON and text ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": [{"b": 1.5}]}, {"a": [{"b": 2.5}]}, ("$.a[0].b", "1.5", "2.5")),
        ({"a": 1}, {"a": 1, "b": None}, ("$.b", None, "null")),
        ({"a": True}, {"a": 1}, ("$.a", "true", "1")),
        ({"v": "13.0.3"}, {"v": "12.0.3"}, ("$.v", '"13.0.3"', '"12.0.3"')),
        ({"a": "optimal"}, {"a": "limit"}, ("$.a", '"optimal"', '"limit"')),
    ],
)
def test_json_by_path(before, after, expected):
    assert only(compared("a.json", json.dumps(before), json.dumps(after))) == expected


def test_a_longer_list_says_so():
    result = compared("a.json", "[1]", "[1, 2]")
    assert [d.where for d in result.differences] == ["$, number of items", "$[1]"]


def test_json_that_is_broken_is_compared_as_text():
    assert only(compared("a.json", '{"a": 1}', '{"a": 1'))[0] == "line 1"


def test_markdown_by_line_with_lines_put_in():
    assert only(compared("a.md", "a\nb\nc\n", "a\nnew\nb\nc\n")) == ("new line 2", None, "new")
    assert only(compared("a.md", "| 0.25 |\n", "| 0.26 |\n")) == ("line 1", "| 0.25 |", "| 0.26 |")


def test_long_lines_are_cut_and_many_differences_counted():
    before = "".join(f"{'x' * 500}{i}\n" for i in range(50))
    result = compared("a.svg", before, before.replace("x", "y"))
    assert (result.count, len(result.differences)) == (50, MOST_KEPT)
    assert len(result.differences[0].committed) < 200


def test_of_a_long_line_the_place_of_the_difference_is_shown():
    _, before, after = only(compared("a.md", "x" * 500 + " 1.25 kW", "x" * 500 + " 1.35 kW"))
    assert before == "..." + "x" * 37 + " 1.25 kW"
    assert after == "..." + "x" * 37 + " 1.35 kW"


def test_what_gurobi_says_of_a_licence_is_not_shown():
    said = ["gurobi not used: no valid Gurobi licence: no file (user jane, host box)", "later"]
    result = compared("a.json", json.dumps(["fine", "later"]), json.dumps(said))
    assert only(result)[2] == '"gurobi not used: no valid Gurobi licence: ..."'


def test_bytes_that_are_no_text():
    assert only(compared("a.bin", b"\xff\x00", b"\xff\x01"))[0] == "bytes"


# ---- pictures --------------------------------------------------------------------------------


def png(size=(40, 20), *dots: tuple[int, int, int]) -> bytes:
    image = Image.new("L", size, 255)
    for x, y, level in dots:
        image.putpixel((x, y), level)
    target = io.BytesIO()
    image.save(target, format="PNG")
    return target.getvalue()


def test_one_pixel_is_found_and_shown():
    result = compared("a.png", png(), png((40, 20), (3, 4, 0)))
    assert result.verdict == DIFFERENT
    assert "0.1250% of the pixels differ, by up to 255" in result.differences[0].recomputed
    sheet = Image.open(io.BytesIO(result.images["picture"])).convert("L")
    # Three panels of 40 x 20 below a heading of 24, 12 apart; the pixel, widened, in the third.
    assert sheet.size == (3 * 40 + 2 * 12, 24 + 20)
    assert sheet.getpixel((104 + 3, 24 + 4)) == 0
    assert sheet.getpixel((104 + 20, 24 + 4)) == 255


def test_pictures_within_the_tolerance_are_equal():
    assert compared("a.png", png(), png((40, 20), (3, 4, 253))).verdict == WITHIN
    assert compared("a.png", png(), png((40, 20), (3, 4, 252))).verdict == DIFFERENT


def test_pictures_of_other_sizes_and_files_that_are_none():
    assert only(compared("a.png", png(), png((41, 20))))[1:] == (
        "40 x 20 pixels",
        "41 x 20 pixels",
    )
    assert only(compared("a.png", png(), b"text"))[2] == "not a picture"


# ---- notebooks -------------------------------------------------------------------------------


def notebook(text="0.5\n", image=None, source="1 + 1") -> str:
    output = {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}
    if image:
        output["data"]["image/png"] = base64.b64encode(image).decode()
    code = {"cell_type": "code", "source": source, "outputs": [output], "execution_count": 1}
    words = {"cell_type": "markdown", "source": ["# Title"], "metadata": {}}
    return json.dumps({"cells": [words, code], "metadata": {}, "nbformat": 4})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            notebook("a\n0.5"),
            notebook("a\n0.6"),
            ("cell 2, output 1, text/plain, line 2", "0.5", "0.6"),
        ),
        (notebook(), notebook(source="1 + 2"), ("cell 2, source, line 1", "1 + 1", "1 + 2")),
        (
            notebook(),
            notebook().replace('"execution_count": 1', '"execution_count": 2'),
            ("cell 2, $.execution_count", "1", "2"),
        ),
    ],
)
def test_notebooks_by_cell_output_and_line(before, after, expected):
    assert only(compared("a.ipynb", before, after)) == expected


def test_a_picture_in_a_notebook_is_compared_as_a_picture():
    result = compared("a.ipynb", notebook(image=png()), notebook(image=png((40, 20), (1, 1, 0))))
    assert only(result)[0] == "cell 2, output 1, picture"
    assert set(result.images) == {"cell 2, output 1, picture"}
    nearly = compared("a.ipynb", notebook(image=png()), notebook(image=png((40, 20), (1, 1, 254))))
    assert nearly.verdict == WITHIN
