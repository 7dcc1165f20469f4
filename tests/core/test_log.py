from __future__ import annotations

import errno
import logging

import pytest

from mobile_storage.core import log
from mobile_storage.core.errors import InputError, OutputError


@pytest.fixture(autouse=True)
def clean_logger():
    yield
    logger = logging.getLogger(log.ROOT)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def test_lines_name_stage_and_case_once(capsys):
    log.configure("solve", "case1")
    logger = log.configure("solve", "100 %")
    logger.info("gap %.1f", 0.0)
    assert capsys.readouterr().err == "solve | 100 % | gap 0.0\n"


def test_without_a_case_there_is_no_empty_field(capsys):
    log.configure("claims").info("written")
    assert capsys.readouterr().err == "claims | written\n"


def test_library_modules_share_the_prefix(capsys):
    log.configure("solve", "case1")
    logging.getLogger("mobile_storage.bilevel.solve").warning("falling back")
    assert capsys.readouterr().err == "solve | case1 | falling back\n"


def test_bad_input_ends_a_stage_with_one_sentence(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(log.ERROR_FILE, str(tmp_path / "error.txt"))
    error = InputError(file="a.csv", where="line 2", value="x", expected="a number")
    with pytest.raises(SystemExit) as stop, log.stage("inputs", "mine"):
        raise error
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"inputs | mine | ERROR: {error}\n"
    assert (tmp_path / "error.txt").read_text() == str(error)


def test_a_result_that_cannot_be_written_ends_a_stage_with_one_sentence(
    capsys, monkeypatch, tmp_path
):
    """Even where the sentence cannot be written either, as on a full disk."""
    monkeypatch.setenv(log.ERROR_FILE, str(tmp_path / "absent" / "error.txt"))
    error = OutputError("a.csv", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(SystemExit) as stop, log.stage("inputs"):
        raise error
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "inputs | ERROR: a.csv cannot be written: No space left on device. "
        "Its earlier content is kept; correct the cause and start again.\n"
    )


def test_a_full_disk_elsewhere_is_one_sentence_too(capsys):
    """As when numba or a notebook's kernel finds it full."""
    with pytest.raises(SystemExit), log.stage("inputs"):
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/kernel.json")
    assert "ERROR: /tmp/kernel.json cannot be written: No space" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError), log.stage("inputs"):
        raise FileNotFoundError(errno.ENOENT, "No such file", "a")


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError), log.stage("inputs"):
        _ = 1 / 0


def test_progress_passes_items_on_and_is_quiet_when_nobody_watches(capsys):
    log.configure("solve")
    assert list(log.progress(range(3), "points")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_progress_of_long_work_writes_a_line_now_and_then(capsys, monkeypatch):
    log.configure("solve")
    clock = iter([0.0, 1.0, 20.0, 21.0])
    monkeypatch.setattr(log.time, "monotonic", lambda: next(clock))
    list(log.progress((item for item in "abc"), "points", total=3))
    assert capsys.readouterr().err == "solve | points: 2 of 3 after 20 s\n"


def test_progress_draws_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert list(log.progress([1, 2], "points")) == [1, 2]
    assert "points" in capsys.readouterr().err
