from __future__ import annotations

import pickle

import pytest

from mobile_storage.compendium.errors import InputError, did_you_mean


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
