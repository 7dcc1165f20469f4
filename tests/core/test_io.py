from __future__ import annotations

import errno
import json
import os
import pickle
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mobile_storage.core.errors import InputError, OutputError
from mobile_storage.core.io import (
    markdown_table,
    read_json,
    replacing,
    round_significant,
    write_json,
    write_table,
    write_text,
)


class Status(Enum):
    OPTIMAL = "optimal"


@dataclass(frozen=True)
class Result:
    status: Status
    prices: tuple[float, ...]
    bound: float | None


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(1 / 3, 0.3333333333), (123456789012345.0, 123456789000000.0), (1e-300 / 3, 3.333333333e-301)],
)
def test_ten_significant_digits_are_kept(value, rounded):
    assert round_significant(value) == rounded


def test_minus_zero_is_zero():
    assert str(round_significant(-0.0)) == "0.0"


def test_json_of_dataclasses_and_arrays_is_sorted_rounded_and_ends_with_a_newline(tmp_path):
    result = Result(Status.OPTIMAL, (0.1 + 0.2, -0.0), None)
    path = write_json(
        {"z": result, "a": np.array([1, 2]), 3: {np.float64(2.5)}, "f": Path("a") / "b"},
        tmp_path / "deep" / "x.json",
    )
    text = path.read_text()
    assert text.endswith("}\n")
    assert list(json.loads(text)) == ["3", "a", "f", "z"]
    assert read_json(path) == {
        "3": [2.5],
        "a": [1, 2],
        "f": "a/b",
        "z": {"bound": None, "prices": [0.3, 0.0], "status": "optimal"},
    }


def test_noise_in_the_last_bits_does_not_change_the_file(tmp_path):
    one = write_json({"x": 0.1 + 0.2}, tmp_path / "1.json").read_bytes()
    assert one == write_json({"x": 0.3}, tmp_path / "2.json").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan")])
def test_what_json_cannot_hold_is_refused_with_its_place(tmp_path, value):
    with pytest.raises(ValueError, match=r"\$\.a\[1\] is (nan|inf)"):
        write_json({"a": [1.0, value]}, tmp_path / "x.json")


def test_what_has_no_form_in_json_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"\$\.a is a object"):
        write_json({"a": object()}, tmp_path / "x.json")


def test_broken_json_is_refused_with_the_line(tmp_path):
    path = write_text('{\n "a": ,\n}', tmp_path / "x.json")
    with pytest.raises(InputError, match="line 2, character 7"):
        read_json(path)
    with pytest.raises(InputError, match="expected a JSON file"):
        read_json(tmp_path / "absent.json")


# ---- writing that fails ----------------------------------------------------------------------


def test_a_file_is_whole_or_as_it_was(tmp_path):
    """Whatever ends the writing, nothing is left beside the file."""
    path = write_text("before", tmp_path / "x.txt")

    def interrupted():
        with replacing(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_overwritten(tmp_path):
    (tmp_path / ".x.txt.part").write_text("left behind, and longer than the new content")
    assert write_text("new", tmp_path / "x.txt").read_text() == "new\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_what_the_system_says_is_one_sentence_with_the_file(tmp_path, monkeypatch, number):
    path = write_text("before", tmp_path / "x.json")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OutputError) as error:
        write_json({"a": 1}, path)
    assert str(error.value).startswith(f"{path} cannot be written: {os.strerror(number)}. ")
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)
    assert path.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_outgrows_what_is_allowed_leaves_the_old_one(tmp_path):
    """The real thing: the system stops the writing in the middle, as on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    path = write_text("before", tmp_path / "x.txt")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OutputError, match="File too large"):
            write_text("x" * 100_000, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["folder", "file/x.txt"])
def test_something_in_the_place_of_a_file_or_folder_is_one_sentence(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OutputError, match=f"{place} cannot be written: "):
        write_text("new", tmp_path / place)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file"}


FRAME = pd.DataFrame(
    {
        "case": ["1", "a|b"],
        "price": [1 / 3, -0.0],
        "n": [3, 20],
        "net": [1234567.891, float("nan")],
        "ok": [True, False],
    }
)


def test_a_table_comes_as_csv_and_as_markdown(tmp_path):
    csv, md = write_table(FRAME, tmp_path / "t.v1", "What it shows.", {"price": "yuan/kWh"})
    assert csv.name == "t.v1.csv"
    assert csv.read_text() == (
        "case,price,n,net,ok\n1,0.3333333333,3,1234567.891,True\na|b,0,20,,False\n"
    )
    assert md.read_text().splitlines() == [
        "What it shows.",
        "",
        "| case | price (yuan/kWh) | n | net | ok |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| 1 | 0.333333 | 3 | 1234568 | yes |",
        "| a\\|b | 0 | 20 |  | no |",
    ]


def test_a_table_does_not_lose_its_index_in_silence(tmp_path):
    with pytest.raises(ValueError, match="reset_index"):
        write_table(FRAME.set_index("case"), tmp_path / "t", "x")


def test_a_unit_for_no_column_is_refused(tmp_path):
    with pytest.raises(ValueError, match="pice"):
        write_table(FRAME, tmp_path / "t", "x", {"pice": "yuan"})


def test_an_empty_table_keeps_its_heading():
    assert markdown_table(FRAME.head(0)).count("\n") == 1


def test_a_table_keeps_a_text_in_its_cell_and_html_a_text():
    cells = ["a|b", "a\r\nb\u2028c", "<script>x</script>", "3 < 4", "<!-- x", "a <b"]
    rows = markdown_table(pd.DataFrame({"x": cells})).splitlines()[2:]
    assert rows == [
        "| a\\|b |",
        "| a b c |",
        "| &lt;script>x&lt;/script> |",
        "| 3 < 4 |",
        "| &lt;!-- x |",
        "| a &lt;b |",
    ]
