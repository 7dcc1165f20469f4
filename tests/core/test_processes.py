"""Processes end with all that they started, on every system, and quietly."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from mobile_storage.core import log
from mobile_storage.core.processes import end_all, own_group, quiet_interrupt

SLEEP = "import time; time.sleep(600)"
#: Starts another process, says its number, and waits.
TWO = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
print(child.pid, flush=True)
child.wait()
"""
#: As a stage does: ends when one above it has ended.
STAGE = f"""
from mobile_storage.core.log import end_with_parent
end_with_parent()
print(1, flush=True)
{SLEEP}
"""
#: Between a stage and the pipeline stands whatever runs its command.
BETWEEN = f"""
import subprocess, sys
sys.exit(subprocess.call([sys.executable, "-c", {STAGE!r}]))
"""


def start(code: str, **variables: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=os.environ | variables,
        **own_group(),
    )


def gone(number: int) -> bool:
    try:
        psutil.Process(number).wait(timeout=600)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        return False
    return True


def test_a_process_ends_with_what_it_has_started():
    process = start(TWO)
    child = int(process.stdout.readline())
    end_all(process.pid)
    assert process.wait() != 0
    assert gone(child)
    end_all(process.pid)  # once more does no harm


def test_an_interrupt_becomes_an_exit_code():
    with pytest.raises(SystemExit) as end, quiet_interrupt():
        raise KeyboardInterrupt
    assert end.value.code == 130


@pytest.mark.parametrize("named", [True, False])
def test_a_stage_ends_when_one_above_it_is_killed(named):
    """By number: the runner and all between them; without, only who started it."""
    between = start(BETWEEN, **({log.RUNNER: str(os.getpid())} if named else {log.RUNNER: "0"}))
    assert between.stdout.readline() == "1\n"
    (stage, *_) = psutil.Process(between.pid).children()
    between.kill()
    between.wait()
    assert gone(stage.pid)


def test_a_stage_whose_runner_is_gone_before_it_looks_ends_at_once():
    ended = start("pass")
    ended.wait()
    stage = start(STAGE, **{log.RUNNER: str(ended.pid)})
    assert stage.wait(timeout=600) == 1
    assert stage.stdout.read() == ""


def test_a_zombie_does_not_work():
    process = start("pass")
    number = psutil.Process(process.pid)
    end = time.monotonic() + 600
    while log._works(number) and time.monotonic() < end:
        time.sleep(0.02)
    assert not log._works(number)
    process.wait()
    assert psutil.pid_exists(os.getpid())
    assert not psutil.pid_exists(process.pid)
