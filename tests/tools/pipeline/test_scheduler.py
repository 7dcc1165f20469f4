"""Stages run in parallel, in an order that fits, by a process that is ready for them."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mobile_storage.core.process_environment import fixed_settings
from mobile_storage.tools.pipeline import scheduler
from mobile_storage.tools.pipeline.scheduler import (
    DONE,
    FAILED,
    SKIPPED,
    UP_TO_DATE,
    Run,
    Runner,
    run_all,
)
from mobile_storage.tools.pipeline.server import AVAILABLE
from mobile_storage.tools.pipeline.stages import Stage, read_stages

#: As with a server, and as where there is none, on macOS and Windows.
WAYS = [pytest.param(True, marks=pytest.mark.skipif(not AVAILABLE, reason="no fork")), False]


@pytest.fixture(params=WAYS, ids=["forked", "started"])
def runner(request, tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler, "AVAILABLE", request.param)
    with Runner(tmp_path, tmp_path / "logs") as found:
        yield found


def stage(name: str, *needs: str) -> Stage:
    return Stage(name, f"python {name}.py", (), {}, (), needs)


class Instant:
    """A runner that only writes down what it is asked for; some names fail."""

    def __init__(self, *bad: str) -> None:
        self.bad, self.started, self.folder = bad, [], Path()

    def run(self, name, commands):
        self.started.append(name)
        return Run(FAILED, message="bad") if name in self.bad else Run(DONE)

    def stop(self):
        raise AssertionError("nothing stops this one")


DIAMOND = [stage("p_a"), stage("p_b", "p_a"), stage("p_c", "p_a"), stage("p_d", "p_b", "p_c")]


def test_a_stage_runs_after_all_that_it_needs():
    instant = Instant()
    runs = run_all(DIAMOND, instant)
    assert instant.started[0] == "p_a"
    assert instant.started[3] == "p_d"
    assert list(runs) == ["p_a", "p_b", "p_c", "p_d"]
    assert {run.status for run in runs.values()} == {DONE}


def test_what_most_others_wait_for_goes_first():
    stages = [stage("q_last"), *(stage(f"q_{k}") for k in range(8)), *DIAMOND]
    instant = Instant()
    run_all(stages, instant)
    assert instant.started[0] == "p_a"


def test_what_needs_a_failed_stage_is_not_run_and_the_rest_is():
    instant = Instant("p_b")
    runs = run_all([*DIAMOND, stage("p_e")], instant)
    assert runs["p_d"] == Run(SKIPPED, message="needs p_b, which did not end well")
    assert runs["p_c"].status == runs["p_e"].status == DONE
    assert "p_d" not in instant.started


def test_after_a_failure_no_further_stage_of_the_paper_starts_where_that_is_wished(monkeypatch):
    """As many are on their way as there are processors."""
    monkeypatch.setattr(scheduler, "AVAILABLE", False)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    instant = Instant("p_a")
    stages = [stage("p_a"), *(stage(f"p_{k}") for k in range(9)), *(stage(f"q_{k}") for k in "xy")]
    runs = run_all(stages, instant, stop_at_failure=True)
    assert {runs["q_x"].status, runs["q_y"].status} == {DONE}
    assert Run(SKIPPED, message="another stage failed") in runs.values()


def test_what_is_up_to_date_is_not_run_and_others_go_on():
    instant = Instant()
    runs = run_all(DIAMOND, instant, reason=lambda s: None if s.name == "p_b" else "changed")
    assert runs["p_b"] == Run(UP_TO_DATE)
    assert sorted(instant.started) == ["p_a", "p_c", "p_d"]


def test_the_reason_is_asked_when_all_before_has_ended():
    ended, seen = [], {}
    run_all(
        DIAMOND,
        Instant(),
        reason=lambda s: (seen.setdefault(s.name, len(ended)) and "") or "changed",
        ended=lambda s: ended.append(s.name),
    )
    assert (seen["p_a"], seen["p_d"]) == (0, 3)


@pytest.mark.slow
def test_stages_run_at_the_same_time(runner):
    """Each waits for a file that the other one writes."""
    code = "import pathlib,time\npathlib.Path('{}').touch()\n"
    code += "while not pathlib.Path('{}').exists(): time.sleep(0.05)\n"
    (runner.folder / "p_a.py").write_text(code.format("one", "two"))
    (runner.folder / "p_b.py").write_text(code.format("two", "one"))
    runs = run_all([stage("p_a"), stage("p_b")], runner)
    assert {run.status for run in runs.values()} == {DONE}


@pytest.mark.slow
def test_a_whole_pipeline_runs_and_its_old_outputs_go(toy):
    (toy / "tables").mkdir()
    (toy / "tables/left.txt").write_text("of an older run")
    with Runner(toy, toy / "logs") as runner:
        run_all(read_stages(toy), runner)
        assert runner.log("toy_sum@a").read_text() == "a 6.0\n"
    assert {p.name for p in (toy / "tables").iterdir()} == {"sums.txt", "count.txt"}
    assert (toy / "tables/sums.txt").read_text() == "a 6.0\nb 6.0\nc 8.0"


PROGRAMS = {
    "its words": ("import sys; print(sys.argv[1:])", "['a b', '$x']\n", 0),
    "no input": ("print(repr(open(0).read()))", "''\n", 0),
    "an exit code": ("import sys; sys.exit(3)", "", 3),
    "a text for an exit": ("import sys; sys.exit('why')", "why\n", 1),
    "a module of the folder": (
        "import sys; sys.path[:0] = ['.']; import mine; print(mine.X)",
        "1\n",
        0,
    ),
    "what is done at the end": ("import atexit; atexit.register(print, 'over')", "over\n", 0),
    "own processes": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(2) as pool: print(sum(pool.map(abs, range(-3, 0))))",
        "6\n",
        0,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("code", "printed", "exit_code"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_runs_as_from_the_command_line(runner, code, printed, exit_code):
    (runner.folder / "mine.py").write_text("X = 1")
    (runner.folder / "own program.py").write_text(code)
    found = runner.run("try it", ["python 'own program.py' 'a b' '$x'"])
    assert runner.log("try it").read_text() == printed
    assert found.status == (FAILED if exit_code else DONE)
    if exit_code:
        words = printed.strip() or f"it ended with exit code {exit_code} and printed nothing."
        assert found.message == words


@pytest.mark.slow
def test_a_program_runs_with_the_fixed_settings_and_the_code_of_the_folder(runner, monkeypatch):
    (runner.folder / "src/mine").mkdir(parents=True)
    (runner.folder / "src/mine/__init__.py").write_text("")
    names = sorted(fixed_settings())
    (runner.folder / "src/mine/say.py").write_text(
        f"import os\nfor name in {names}: print(os.environ.get(name))\nprint(__name__)"
    )
    assert runner.run("say", ["python -m mine.say"]).status == DONE
    said = runner.log("say").read_text().splitlines()
    assert said == [*(fixed_settings()[name] for name in names), "__main__"]
    (runner.folder / "src/mine/say.py").write_text("print('changed')")
    runner.run("say", ["python -m mine.say"])
    assert runner.log("say").read_text() == "changed\n"


def test_a_command_that_is_not_there_is_said(runner):
    found = runner.run("x", ["no-such-program"])
    assert found.status == FAILED
    assert found.message.startswith("no-such-program cannot be started: ")


def test_the_second_command_does_not_follow_a_failed_one(runner):
    (runner.folder / "a.py").write_text("raise SystemExit(1)")
    (runner.folder / "b.py").write_text("print('too far')")
    assert runner.run("x", ["python a.py", "python b.py"]).status == FAILED
    assert runner.log("x").read_text() == ""


@pytest.mark.slow
@pytest.mark.skipif(not AVAILABLE, reason="no fork")
def test_processor_time_is_that_of_the_program_and_its_children(tmp_path):
    burn = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"
    (tmp_path / "a.py").write_text(
        "import subprocess, sys\n"
        + burn.format(0.3)
        + f"subprocess.run([sys.executable, '-c', {burn.format(0.3)!r}])"
    )
    with Runner(tmp_path, tmp_path / "logs") as runner:
        assert runner.run("a", ["python a.py"]).cpu_seconds >= 0.6


@pytest.mark.slow
@pytest.mark.skipif(not AVAILABLE, reason="no fork")
def test_a_server_that_is_killed_takes_its_programs_along_and_it_is_said(tmp_path):
    (tmp_path / "a.py").write_text("import time; open('on', 'w').close(); time.sleep(600)")
    with Runner(tmp_path, tmp_path / "logs") as runner:
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(runner.run, "a", ["python a.py"])
            while not (tmp_path / "on").exists():
                time.sleep(0.02)
            server = psutil.Process(runner._server._process.pid)
            (program,) = server.children()
            runner.stop()
            assert waiting.result().status == FAILED
        # A killed process ends a moment later; where nobody asks how it ended, it stays listed.
        with suppress(psutil.NoSuchProcess):
            while program.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
        assert "has ended" in runner.run("a", ["python a.py"]).message


def test_replaced_outputs_are_those_that_do_not_persist(toy):
    found = {one.name: one.replaced for one in read_stages(toy)}
    assert found["toy_sum@a"] == ()
    assert found["toy_table"] == ("tables",)


def test_a_stage_with_one_command_has_it_as_a_text():
    assert stage("p_a").commands == ("python p_a.py",)
    assert replace(stage("p_a"), command=["x", "y"]).commands == ("x", "y")
