"""The record of what is up to date, held against DVC's own."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import yaml

from mobile_storage.tools.pipeline.record import Record
from mobile_storage.tools.pipeline.scheduler import DONE, UP_TO_DATE, Runner, run_all
from mobile_storage.tools.pipeline.stages import read_stages

pytestmark = pytest.mark.slow


def dvc(folder, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def run(folder):
    stages = read_stages(folder)
    record = Record(folder, [stage.name for stage in stages])
    with Runner(folder, folder / "logs") as runner:
        runs = run_all(stages, runner, reason=record.reason, ended=record.update)
    return {name: done.status for name, done in runs.items()}


def reasons(folder) -> dict[str, str]:
    stages = read_stages(folder)
    record = Record(folder, [stage.name for stage in stages])
    return {stage.name: why for stage in stages if (why := record.reason(stage))}


@pytest.fixture(scope="module")
def done_once(toy_of_module):
    assert set(run(toy_of_module).values()) == {DONE}
    return toy_of_module


@pytest.fixture
def done(done_once, elsewhere):
    """A copy of the pipeline with its results."""
    return shutil.copytree(done_once, elsewhere / "My toy")


def test_dvc_takes_the_record_for_its_own(done):
    """It finds nothing to do, and writes the same entries when it is asked to."""
    ours = yaml.safe_load((done / "dvc.lock").read_text())
    assert dvc(done, "status").strip() == "Data and pipelines are up to date."
    dvc(done, "commit", "--force")
    theirs = yaml.safe_load((done / "dvc.lock").read_text().replace("1e-12", "1.0e-12"))
    assert theirs == ours


def test_what_dvc_has_recorded_is_up_to_date(toy):
    dvc(toy, "repro")
    assert reasons(toy) == {}


def test_nothing_runs_again_where_nothing_has_changed(done):
    (done / "src/__pycache__").mkdir()
    (done / "src/__pycache__/sum.pyc").write_text("left by Python")
    before = (done / "dvc.lock").read_bytes()
    assert set(run(done).values()) == {UP_TO_DATE}
    assert (done / "dvc.lock").read_bytes() == before


CHANGES = {
    "an input": ("raw/a.txt", "5", {"toy_sum@a": "raw/a.txt has changed"}),
    "a file of an input folder": (
        "src/new.py",
        "",
        {"toy_sum@a": "src has changed", "toy_sum@b": "src has changed"},
    ),
    "an output": (
        "results/b.json",
        "0",
        {"toy_sum@b": "results/b.json has changed", "toy_table": "results has changed"},
    ),
    "a value of the parameters": (
        "params.yaml",
        "toy: {scale: 2.0, tolerance: 1.0e-9}",
        {"other_sum": "toy.tolerance in params.yaml has changed"},
    ),
}


@pytest.mark.parametrize(("file", "text", "expected"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_named_and_makes_what_reads_it_due(done, file, text, expected):
    (done / file).write_text(text)
    assert reasons(done) == expected


def test_what_is_gone_is_named(done):
    (done / "raw/a.txt").unlink()
    (done / "results/c.json").unlink()
    assert reasons(done) == {
        "toy_sum@a": "raw/a.txt is not there",
        "other_sum": "results/c.json is not there",
        "toy_table": "results has changed",
    }


def test_another_command_and_another_list_of_inputs_are_named(done):
    file = done / "dvc.yaml"
    text = file.read_text().replace("src/table.py\n", "src/table.py now\n")
    file.write_text(text.replace("[raw/c.txt, src/sum.py]", "[raw/c.txt]"))
    assert reasons(done) == {
        "toy_table": "its command is another one",
        "other_sum": "the list of its inputs is another one",
    }


def test_stages_run_again_only_as_far_as_something_changes(done):
    """The sum of 2 and 1 is that of 1 and 2: the table stays."""
    (done / "raw/a.txt").write_text("2 1")
    found = run(done)
    assert found == {**dict.fromkeys(found, UP_TO_DATE), "toy_sum@a": DONE}
    (done / "raw/a.txt").write_text("2 2")
    found = run(done)
    assert found["toy_table"] == DONE
    assert (done / "tables/sums.txt").read_text() == "a 8.0\nb 6.0\nc 8.0"


def test_a_stage_that_is_gone_leaves_the_record(done):
    file = done / "dvc.yaml"
    file.write_text(file.read_text().replace("[a, b]", "[a]"))
    (done / "results/b.json").unlink()
    run(done)
    assert set(yaml.safe_load((done / "dvc.lock").read_text())["stages"]) == {
        "toy_sum@a",
        "other_sum",
        "toy_table",
    }
