from __future__ import annotations

import pickle

import pytest

from mobile_storage.core.errors import InputError, did_you_mean


def example(value: object = "abc") -> InputError:
    return InputError(file="a.csv", where="line 2, column value", value=value, expected="a number")


def test_the_message_is_one_sentence_with_file_place_value_and_what_was_expected():
    assert str(example()) == "a.csv, line 2, column value: found 'abc', expected a number."


def test_nothing_found_reads_as_nothing():
    assert "found nothing, expected" in str(example(None))


def test_long_values_are_cut():
    message = str(example("x" * 10_000))
    assert len(message) < 200
    assert "..." in message


def test_long_places_and_expectations_are_cut_in_their_middle():
    error = InputError(
        file="a.csv", where="component " + "x" * 9000, value=1, expected="y" * 9000 + ", the same"
    )
    assert len(str(error)) < 600
    assert "xx ... xx" in str(error)
    assert str(error).endswith("yy, the same.")
    assert len(error.where) == 9010


def test_a_line_break_does_not_part_the_sentence():
    error = InputError(file="a.csv", where="point a\nb", value="c\nd", expected="e\nf")
    assert str(error) == "a.csv, point a b: found 'c\\nd', expected e f."


def test_it_survives_being_sent_between_processes():
    copy = pickle.loads(pickle.dumps(example()))
    assert (str(copy), copy.value, copy.expected) == (str(example()), "abc", "a number")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("custmers.csv", " (did you mean customers.csv?)"),
        ("KWH", " (did you mean kWh?)"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_close_words_are_offered(word, hint):
    assert did_you_mean(word, ["customers.csv", "tariff.csv", "kWh"]) == hint
