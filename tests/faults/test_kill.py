"""A pipeline of real stages with workers, killed in the middle and started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mobile_storage.core.processes import own_group
from mobile_storage.tools.pipeline.server import AVAILABLE

pytestmark = pytest.mark.slow

STAGE = """\
import sys, time
from pathlib import Path
from concurrent.futures import ProcessPoolExecutor
from mobile_storage.core.io import write_json
from mobile_storage.core.log import end_with_parent, stage


def work(number):
    while not Path("go").exists():
        time.sleep(0.05)
    return number**2


if __name__ == "__main__":
    with stage("pricing", sys.argv[1]):
        with ProcessPoolExecutor(2, initializer=end_with_parent) as pool:
            rows = list(pool.map(work, range(6)))
        write_json(rows, f"data/results/{sys.argv[1]}.json")
"""
RUN = """\
  pricing_{name}:
    cmd: python src/stage.py {name}
    deps: [{dep}]
    outs: [data/results/{name}.json: {{cache: false}}]
"""
#: Seconds after which nothing more is expected of a process, however busy the machine is.
HANGS = 600
RESULT = b"[\n 0,\n 1,\n 4,\n 9,\n 16,\n 25\n]\n"


@pytest.fixture
def root(tmp_path) -> Path:
    """A pipeline of two stages, one after the other, without results."""
    for folder in ("src", "notebooks", ".dvc", "data/raw/bao2024"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/raw/bao2024/a.csv").write_text("1")
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n"
        + RUN.format(name="one", dep="data/raw/bao2024/a.csv")
        + RUN.format(name="two", dep="data/results/one.json")
    )
    (tmp_path / "params.yaml").write_text("{}")
    (tmp_path / "src/stage.py").write_text(STAGE)
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    return tmp_path


def start(root: Path) -> subprocess.Popen:
    """The run, in a group of its own: a killed one must not take the tests with it."""
    return subprocess.Popen(
        [sys.executable, "-m", "mobile_storage.tools.workspace"],
        cwd=root,
        env={**os.environ, "DVC_SITE_CACHE_DIR": str(root / ".dvc/site")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **own_group(),
    )


def results(root: Path) -> dict[str, bytes]:
    files = [p for p in sorted((root / "data/results").rglob("*")) if p.is_file()]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in files}


def processes(root: Path) -> dict[int, str]:
    """Command by number of every process that works in the folder."""
    found = {}
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == root:
                found[process.pid] = " ".join(process.cmdline())
        except psutil.Error:  # it has just ended, or is another user's
            continue
    return found


def works(command: str) -> bool:
    """A stage, its workers, or the server that forks them; what is forked keeps its command."""
    return any(part in command for part in ("pipeline.server", "src/stage.py", "multiprocessing"))


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + HANGS
    while not holds():
        assert time.monotonic() < until, "it never holds"
        time.sleep(0.02)


@pytest.mark.parametrize("victim", ["workspace", "pipeline.server"])
def test_killed_and_started_again_it_ends_with_the_same_bytes(root, victim):
    """Whoever is killed, the others end too, and nothing is in the next run's way."""
    run = start(root)
    wait_until(lambda: sum(map(works, processes(root).values())) == 3 + AVAILABLE)
    (hit, *_) = sorted(n for n, command in processes(root).items() if victim in command)
    psutil.Process(hit).kill()
    run.wait(timeout=HANGS)
    assert results(root) == {}
    (root / "go").touch()
    again = start(root)
    said = again.communicate(timeout=HANGS)[0]
    assert again.returncode == 0, said
    assert results(root) == {f"data/results/{name}.json": RESULT for name in ("one", "two")}
    wait_until(lambda: processes(root) == {})  # what is told to end does so a moment later
