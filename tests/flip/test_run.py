"""Worlds answered in pieces: by whoever, after whatever, the same."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from mobile_storage.flip.run import answer, connected, rows

#: A paper that thinks for a moment, notes which world it was asked about, and doubles its number.
TOY = """
import os, time
from pathlib import Path


class Toy:
    factors = ()

    def __init__(self, notes, moment=0.03, stops_at=None):
        self.notes, self.moment, self.stops_at = notes, moment, stops_at

    def answer(self, world, number):
        time.sleep(3600 if number == self.stops_at else self.moment)
        with open(self.notes, "a") as file:
            file.write(f"{number} {os.getpid()}\\n")
        if number % 7 == 3:
            return {"status": "invalid combination", "why": "seven"}
        return {
            "status": "answered",
            "why": "",
            "built": number % 2 == 0,
            "holds.P9-01": world["a"] > 0.5,
            "margin.P9-01": world["a"] - 0.5,
            "q.twice": 2.0 * number,
        }
"""
#: Seconds after which nothing more is expected of a process, however busy the machine is.
HANGS = 600
WORLDS = pd.DataFrame({"a": [(k * 0.37) % 1.0 for k in range(60)]})


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The toy's module, for this process and those that it starts, and a toy with its notes."""
    (tmp_path / "flip_toy.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.delitem(sys.modules, "flip_toy", raising=False)
    import flip_toy

    return flip_toy.Toy(str(tmp_path / "notes.txt"))


def asked(toy) -> list[int]:
    return [int(line.split()[0]) for line in Path(toy.notes).read_text().splitlines()]


def workers(toy) -> set[int]:
    return {int(line.split()[1]) for line in Path(toy.notes).read_text().splitlines()}


def expected() -> pd.DataFrame:
    """The answers, worked out here."""
    number = WORLDS.index.to_series()
    known = number % 7 != 3
    return pd.DataFrame(
        {
            "status": known.map({True: "answered", False: "invalid combination"}),
            "built": (number % 2 == 0).astype("boolean").where(known),
            "holds.P9-01": (WORLDS["a"] > 0.5).astype("boolean").where(known),
            "q.twice": (2.0 * number).where(known).astype("float32"),
        }
    )


def same(found: pd.DataFrame) -> None:
    wanted = expected()
    pd.testing.assert_frame_equal(found[list(wanted)], wanted, check_names=False)


def run(toy, folder, client=None) -> pd.DataFrame:
    return answer(toy, "answer", WORLDS, folder=folder, size=4, desc="toy", client=client)


def test_in_this_process(toy, tmp_path):
    same(run(toy, tmp_path / "pieces"))
    assert asked(toy) == list(WORLDS.index)


def test_what_is_done_is_not_asked_again(toy, tmp_path):
    run(toy, tmp_path / "pieces")
    for name in ("000008", "000040"):
        (tmp_path / "pieces" / f"{name}.parquet").unlink()
    (tmp_path / "pieces" / "000052.parquet").write_bytes(b"PAR1 half a file")
    Path(toy.notes).unlink()
    same(run(toy, tmp_path / "pieces"))
    assert asked(toy) == [8, 9, 10, 11, 40, 41, 42, 43, 52, 53, 54, 55]


def test_pieces_of_another_size_are_not_taken(toy, tmp_path):
    run(toy, tmp_path / "pieces")
    found = answer(toy, "answer", WORLDS, folder=tmp_path / "pieces", size=6, desc="toy")
    same(found)


def wait_for(condition) -> None:
    end = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_and_started_again(toy, tmp_path):
    """Killed in the middle: the pieces that were done stay, the others are asked, once."""
    pieces = tmp_path / "pieces"
    code = (
        "from pathlib import Path; import pandas as pd, flip_toy\n"
        "from mobile_storage.flip.run import answer\n"
        "worlds = pd.DataFrame({'a': [(k * 0.37) % 1.0 for k in range(60)]})\n"
        f"toy = flip_toy.Toy({toy.notes!r}, stops_at=17)\n"
        f"answer(toy, 'answer', worlds, folder=Path({str(pieces)!r}), size=4, desc='toy')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for(lambda: Path(toy.notes).exists() and 16 in asked(toy))
    finally:
        process.kill()
        process.wait()
    assert len(list(pieces.glob("[!.]*.parquet"))) == 4
    Path(toy.notes).unlink()
    same(run(toy, pieces))
    assert asked(toy) == list(range(16, 60))


@pytest.fixture
def cluster(tmp_path, toy):
    """A scheduler and two workers, each a process of its own, started apart on loopback."""
    contact = tmp_path / "scheduler.json"
    started = []

    def start(program: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options]
        log = (tmp_path / f"{program}-{len(started)}.log").open("w")
        started.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path))
        return started[-1]

    common = ("--scheduler-file", str(contact), "--no-dashboard")
    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", *common)
    wait_for(contact.exists)
    single = ("--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
    pair = [start("dask_worker", *single, *common) for _ in range(2)]
    yield contact, pair
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_worker_killed_in_mid_run_loses_nothing(toy, tmp_path, cluster):
    contact, pair = cluster
    address = pd.read_json(contact, typ="series")["address"]
    toy.moment = 0.1
    with connected(address, 0, tmp_path) as client:
        client.wait_for_workers(2, timeout=HANGS)
        Path(toy.notes).touch()
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(run, toy, tmp_path / "pieces", client)
            wait_for(lambda: len(workers(toy)) == 2 and len(asked(toy)) >= 8)
            pair[0].kill()
            same(found.result(timeout=HANGS))
    assert len(workers(toy)) == 2
    assert os.getpid() not in workers(toy)
    assert set(asked(toy)) == set(WORLDS.index)


@pytest.mark.slow
def test_workers_started_here(toy, tmp_path):
    with connected(None, 2, tmp_path / "scratch") as client:
        same(run(toy, tmp_path / "pieces", client))
    assert os.getpid() not in workers(toy)


def test_an_error_is_not_an_answer(toy, tmp_path):
    with pytest.raises(AttributeError, match="searched"):
        rows(toy, "searched", WORLDS)
