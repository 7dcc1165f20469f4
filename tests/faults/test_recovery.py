"""What a kill leaves of DVC's files, put right."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import subprocess
from contextlib import closing

import pytest
import yaml

from mobile_storage.core.errors import PlainError
from mobile_storage.tools.recovery import alone

NAMES = [f"stage_{k}@case" for k in range(5)]


def record(digest: str, names=NAMES) -> str:
    """A ``dvc.lock`` as DVC writes it, every stage with one dependency of this digest."""
    return "schema: '2.0'\nstages:\n" + "".join(
        f"  {name}:\n    cmd: python {name}.py\n    deps:\n    - path: {name}.py\n"
        f"      hash: md5\n      md5: {digest}{name}\n      size: 12\n"
        for name in names
    )


def stages(text: str) -> dict:
    return yaml.safe_load(text)["stages"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    return tmp_path


def test_a_record_that_is_sound_stays_as_it_is(folder):
    """Also one from which somebody took a stage."""
    for text in (record("old"), record("old", NAMES[:2])):
        (folder / "dvc.lock").write_text(text)
        with alone(folder):
            assert (folder / "dvc.lock").read_text() == text


@pytest.mark.parametrize("left", [b"", b"\xff\x00", b"schema: '2.0'\nsta", b"[]", b"stages: 1"])
def test_a_record_that_is_none_is_removed_and_it_is_said(folder, capsys, left):
    (folder / "dvc.lock").write_bytes(left)
    with alone(folder):
        assert not (folder / "dvc.lock").exists()
    assert "dvc.lock was cut off" in capsys.readouterr().err


def test_a_damaged_memory_of_hashes_is_forgotten_and_a_sound_one_kept(folder, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(folder / "site"))
    sound, damaged = folder / "site/a/cache.db", folder / "site/b/cache.db"
    for path in (sound, damaged):
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as base:
            base.execute("CREATE TABLE hashes (file TEXT)")
            base.commit()
    damaged.write_bytes(b"noise" * 1000)
    with alone(folder):
        assert sound.exists()
        assert not damaged.exists()


@pytest.mark.parametrize("left", [b"", b"\0noise" * 50, pickle.dumps("1") + pickle.dumps([1])[:-3]])
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_damaged_code_is_forgotten_and_the_rest_kept(folder, monkeypatch, left, kind):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder / "numba"))
    sound, damaged = (folder / f"numba/a/{name}.{kind}" for name in ("sound", "damaged"))
    sound.parent.mkdir(parents=True)
    sound.write_bytes(pickle.dumps("0.61") + pickle.dumps(({"stamp": 1.0}, [b"code"] * 3)))
    damaged.write_bytes(left)
    with alone(folder):
        assert sound.exists()
        assert not damaged.exists()


def test_a_folder_without_a_record_has_none_before_its_first_run(folder):
    with alone(folder):
        assert not (folder / "dvc.lock").exists()


DAMAGED_LISTS = {
    "empty": b"",
    "cut off": b'{"write": {"a',
    "a list": b"[]",
    "a number as text": b'{"write": {"a": {"pid": "12", "cmd": "x"}}}',
    "other bytes": b"\xff\xfe\x00{",
    "a deep nest": b"[" * 100_000,
}


@pytest.mark.parametrize("left", DAMAGED_LISTS.values(), ids=DAMAGED_LISTS)
def test_a_damaged_list_of_who_works_where_is_no_obstacle(folder, left):
    """The list is DVC's; only its own runs write it, and what they cannot read they report."""
    (folder / ".dvc/tmp/rwlock").write_bytes(left)
    with alone(folder):
        pass


def listed(busy, *numbers: int) -> None:
    infos = [{"pid": number, "cmd": "dvc repro"} for number in numbers]
    busy.write_text(json.dumps({"write": {"a": infos[0]}, "read": {"b": infos}}))


@pytest.mark.parametrize("number", [2**22 + 1, 2**70, -1, 0, None])
def test_a_number_that_no_process_has_or_another_program_is_no_obstacle(folder, number):
    """None stands for this process, which works in another folder."""
    listed(folder / ".dvc/tmp/rwlock", os.getpid() if number is None else number)
    with alone(folder):
        pass


def test_processes_that_still_work_there_are_waited_for(folder, monkeypatch):
    monkeypatch.chdir(folder)
    listed(folder / ".dvc/tmp/rwlock", os.getpid())
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            (folder / ".dvc/tmp/rwlock").write_text("{}")

    monkeypatch.setattr("mobile_storage.tools.recovery.time.sleep", sleep)
    with alone(folder):
        assert len(waits) == 3


def test_a_run_that_goes_on_there_is_named(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("mobile_storage.tools.recovery._LONGEST_WAIT_S", 0.0)
    busy = folder / ".dvc/tmp/rwlock"
    listed(busy, os.getpid())
    with pytest.raises(PlainError) as error, alone(folder):
        pass
    assert f"process {os.getpid()} (dvc repro) works in this folder already" in str(error.value)
    assert busy.exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("where", ["in a line", "at a line's end"])
def test_a_record_cut_off_in_a_clone_is_the_committed_one_again(
    folder, repository, capsys, share, where
):
    """Nothing is left changed in git, and nothing runs again."""
    whole = (repository / "dvc.lock").read_bytes()
    record_file = folder / "dvc.lock"
    record_file.write_bytes(whole)
    for words in (["init", "-q"], ["add", "dvc.lock"], ["commit", "-qm", "Results"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    length = int(share * len(whole))
    if where == "at a line's end":
        length = whole.rfind(b"\n", 0, length) + 1
    record_file.write_bytes(whole[:length])
    with alone(folder):
        assert record_file.read_bytes() == whole
    assert capsys.readouterr().err == (
        f"{record_file} was cut off or damaged: it is taken from git.\n"
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("    deps:\n", "    depts:\n", 1),
        lambda text: text.replace("schema: '2.0'", "schema: '9.0'"),
        lambda text: text + text.partition("stages:\n")[2],
        lambda text: text.replace("  stage_2", "<<<<<<< HEAD\n  stage_2", 1),
        lambda text: text.replace("    cmd: python stage_1", "    cmd: {a: 1} #", 1),
    ],
    ids=["an unknown key", "another version", "all twice", "a conflict", "another command"],
)
def test_a_record_that_dvc_would_refuse_is_removed_and_it_is_said(folder, capsys, damage):
    (folder / "dvc.lock").write_text(damage(record("new")))
    with alone(folder):
        assert not (folder / "dvc.lock").exists()
    assert capsys.readouterr().err.endswith("was cut off or damaged: every stage runs again.\n")


def test_a_run_of_ours_that_goes_on_there_is_said(folder, monkeypatch):
    monkeypatch.setattr("mobile_storage.tools.recovery._LONGEST_WAIT_S", 0.0)
    refused = pytest.raises(PlainError, match="another run works in this folder already")
    with alone(folder), refused, alone(folder):
        pass
