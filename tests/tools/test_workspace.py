"""A small pipeline is run for real, here and in copies."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import yaml

from mobile_storage.core import log
from mobile_storage.core.errors import InputError
from mobile_storage.tools import workspace
from mobile_storage.tools.workspace import create, merged_params

STAGE = """\
import json, pathlib, sys, yaml
from mobile_storage.core import log
from mobile_storage.core.errors import InputError
with log.stage("sum"):
    path = pathlib.Path("data/raw/bao2024/loads.csv")
    loads = path.read_text().split()
    if "x" in loads:
        raise InputError(file=path, where="line 1", value="x", expected="a number")
    scale = yaml.safe_load(open("params.yaml"))["model"]["scale"]
    total = scale * sum(map(float, loads))
    results = pathlib.Path("data/results/bao2024")
    results.mkdir(parents=True, exist_ok=True)
    (results / "sum.txt").write_text(str(total))
    (results / "claims.csv").write_text(
        "id,statement,published,unit,computed,rule,plausible_worlds,verdict,cause,notebook\\n"
        f"P1-01,The sum,60,,{total},holds,,reproduced,Sum.,\\n"
    )
"""
DVC_YAML = """\
stages:
  pricing_sum:
    cmd: python src/stage.py
    deps: [src/stage.py, data/raw/bao2024/loads.csv]
    params: [model.scale]
    outs:
      - data/results/bao2024/sum.txt: {cache: false}
      - data/results/bao2024/claims.csv: {cache: false}

"""
FILES = {
    "dvc.yaml": DVC_YAML,
    "params.yaml": "model:\n  scale: 10.0\n  cases: [1, 2]\n  solver: auto\n",
    "params.quick.yaml": "model:\n  scale: 0.5\n",
    "src/stage.py": STAGE,
    "data/raw/bao2024/loads.csv": "1 2 3",
    "data/raw/bao2024/tariff.csv": "1",
    "data/flip/bao2024/run.json": "{}",
    "notebooks/a.ipynb": "{}",
    "notebooks/executed/a.ipynb": "{}",
    "README.md": "# Title\n\n<!-- begin:claims-bao2024 -->\n<!-- end:claims-bao2024 -->\n",
    ".dvc/config": "[core]\n    no_scm = true\n    analytics = false\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = tmp_path / "project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def case(tmp_path):
    def write(**files: str):
        folder = tmp_path / "my case"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)
        return folder

    return write


@pytest.fixture
def run(project, capfd):
    """The command in this process, which has loaded DVC; `faults/test_kill` starts a new one."""

    def run(*arguments: object) -> SimpleNamespace:
        with patch.dict(os.environ, {"DVC_SITE_CACHE_DIR": str(project / ".dvc/site")}):
            try:
                workspace.main(list(map(str, arguments)))
                code = 0
            except SystemExit as stop:
                code = stop.code
        return SimpleNamespace(returncode=code, **capfd.readouterr()._asdict())

    yield run
    logger = logging.getLogger(log.ROOT)
    logger.handlers.clear()
    logger.propagate = True


def digests(root) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".cache", ".dvc", ".quick"} & set(path.relative_to(root).parts)
    }


# ---- real runs -------------------------------------------------------------------------------


@pytest.mark.slow
def test_copies_get_their_own_results_and_leave_the_project_as_it_was(project, case, run):
    assert run().returncode == 0
    assert (project / "data/results/bao2024/sum.txt").read_text() == "60.0"
    assert "| 60 | 60.0 |" in (project / "README.md").read_text()
    before = digests(project)

    folder = case(loads__csv="100", params__yaml="model: {scale: 2.0}", README__md="My notes")
    done = run("--case", folder)
    assert done.returncode == 0, done.err
    assert "pricing_sum starts: it has not run yet" in done.err
    assert "reproduction: README.md" in done.out
    assert (folder / "reproduction/data/results/bao2024/sum.txt").read_text() == "200.0"
    assert "| 60 | 200.0 |" in (folder / "reproduction/README.md").read_text()

    assert "starts" not in run("--case", folder).err  # nothing has changed
    case(loads__csv="7")
    assert run("--case", folder).returncode == 0
    assert (folder / "reproduction/data/results/bao2024/sum.txt").read_text() == "14.0"

    assert run("--quick").returncode == 0
    assert (project / ".quick/data/results/bao2024/sum.txt").read_text() == "3.0"
    assert digests(project) == before


@pytest.mark.slow
def test_a_case_runs_only_the_paper_whose_files_it_replaces(project, case, run):
    """And with the values that hold for every case, unless the reader says otherwise."""
    for name in ("data/raw/fu2024/grid.csv", "data/results/fu2024/claims.csv"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("1")
    stages = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(
        stages + "  mmbes_grid:\n    cmd: cp data/raw/fu2024/grid.csv grid.txt\n"
        "    deps: [data/raw/fu2024/grid.csv]\n    outs: [grid.txt: {cache: false}]\n"
    )
    (project / "params.case.yaml").write_text("model: {scale: 3.0, solver: mine}")
    folder = case(loads__csv="100", params__yaml="model: {scale: 2.0}")
    assert run("--case", folder).returncode == 0
    copy = folder / "reproduction"
    assert (copy / "data/results/bao2024/sum.txt").read_text() == "200.0"
    assert yaml.safe_load((copy / "params.yaml").read_text())["model"]["solver"] == "mine"
    assert not (copy / "grid.txt").exists()
    assert "claims-fu2024" not in (copy / "README.md").read_text()


@pytest.mark.slow
def test_the_sentence_of_a_failing_stage_comes_last(project, case, run):
    """It names the reader's file, not the copy of it in which the stage found the error."""
    folder = case(loads__csv="1 x")
    done = run("--case", folder)
    assert done.returncode != 0
    assert done.err.strip().splitlines()[-1] == (
        f"ERROR: {folder}/loads.csv, line 1: found 'x', expected a number."
    )


@pytest.mark.slow
def test_a_stage_that_breaks_otherwise_is_said_to_have_failed(project, run):
    (project / "src/stage.py").write_text("1 / 0")
    done = run()
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.err
    assert "the stage pricing_sum failed: ZeroDivisionError" in done.err.splitlines()[-1]


@pytest.mark.slow
def test_a_full_disk_is_named_where_a_stage_does_not_name_it(project, monkeypatch, capsys):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", os.path.abspath(".dvc/site"))
    (project / "src/stage.py").write_text("1 / 0")
    usage = shutil.disk_usage(project)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert workspace.reproduce() != 0
    assert f"ERROR: the disk that holds {project} is full; make room" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_sentence(project, monkeypatch, capsys):
    monkeypatch.setattr(workspace, "QUICK_TARGET", project / "params.yaml" / "below")
    with pytest.raises(SystemExit) as stop:
        workspace.main(["--quick"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_a_bad_folder_is_one_sentence_and_no_traceback(project):
    words = ["-m", "mobile_storage.tools.workspace", "--case", "absent"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        "ERROR: absent, the folder of the case: found nothing, "
        "expected a folder with any of loads.csv, tariff.csv."
    ]


# ---- the copy --------------------------------------------------------------------------------


def test_a_copy_has_inputs_and_code_but_no_results(project, tmp_path):
    target = create(tmp_path / "copy")
    names = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    left_out = {"notebooks/executed/a.ipynb", "params.quick.yaml"}
    assert names == set(FILES) - left_out | {".made-here"}


def test_a_copy_follows_the_project_and_keeps_its_results(project, tmp_path):
    target = create(tmp_path / "copy")
    result = target / "notebooks/executed/a.ipynb"
    result.parent.mkdir()
    result.write_text("result")
    time = (target / "src/stage.py").stat().st_mtime_ns
    (project / "data/raw/bao2024/tariff.csv").unlink()
    (project / "dvc.yaml").write_text("stages: {}")
    create(target)
    assert not (target / "data/raw/bao2024/tariff.csv").exists()
    assert (target / "dvc.yaml").read_text() == "stages: {}"
    assert (target / "src/stage.py").stat().st_mtime_ns == time
    assert result.read_text() == "result"


def test_a_file_taken_out_of_the_case_falls_back_to_the_projects(project, case, tmp_path):
    folder = case(loads__csv="100", tariff__csv="9")
    target = create(tmp_path / "copy", folder)
    assert (target / "data/raw/bao2024/tariff.csv").read_text() == "9"
    (folder / "tariff.csv").unlink()
    create(target, folder)
    assert (target / "data/raw/bao2024/tariff.csv").read_text() == "1"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "found nothing, expected at least one of loads.csv, tariff.csv"),
        ({"README__md": "x"}, "found nothing, expected at least one of"),
        ({"load__csv": "1"}, "found 'load.csv', expected only .* (did you mean loads.csv?)"),
        ({"loads__csv": "1", "loads__xlsx": "1"}, "found 'loads.xlsx'"),
        ({"loads__csv": "1", "param__yaml": "{}"}, "(did you mean params.yaml?)"),
    ],
)
def test_a_folder_that_the_pipeline_does_not_know_is_refused(
    project, case, tmp_path, files, message
):
    with pytest.raises(InputError) as error:
        create(tmp_path / "copy", case(**files))
    for part in message.split(" .* "):
        assert part in str(error.value)
    assert not (tmp_path / "copy").exists()


def test_a_file_in_place_of_a_folder_is_refused(project, tmp_path):
    with pytest.raises(InputError, match="found 'a file', expected a folder"):
        create(tmp_path / "copy", project / "README.md")


def test_outside_a_project_it_says_where_to_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="at the top of the repository"):
        create(tmp_path / "copy")


# ---- parameters ------------------------------------------------------------------------------


@pytest.fixture
def merge(project):
    def merge(text: str | bytes) -> dict:
        path = project / "mine.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return yaml.safe_load(merged_params(project / "params.yaml", [path]))

    return merge


def test_values_are_replaced_one_by_one_and_lists_as_a_whole(merge):
    assert merge("model: {cases: [3]}") == {
        "model": {"scale": 10.0, "cases": [3], "solver": "auto"}
    }


def test_the_readers_values_win_over_the_quick_ones(project, case, tmp_path):
    folder = case(loads__csv="1", params__yaml="model: {scale: 7}")
    target = create(tmp_path / "copy", folder, [project / "params.quick.yaml"])
    assert yaml.safe_load((target / "params.yaml").read_text())["model"]["scale"] == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {scal: 1}", "mine.yaml, model.scal: found 'scal', expected one of scale, cases"),
        ("modell: {}", "(did you mean model?)"),
        ("model: {scale: much}", "model.scale: found 'much', expected a number, such as 10.0"),
        ("model: {scale: 1e-3}", "model.scale: found '1e-3', expected a number"),
        ("model: {scale: true}", "expected a number"),
        ("model: {cases: 3}", "expected a list, such as [1, 2]"),
        ("model: 3", "expected names and values"),
        ("model: [", "line 1"),
        ("- 1", "expected names and values as in YAML"),
        (b"a: \xff", "expected UTF-8 text"),
    ],
)
def test_a_params_file_that_does_not_fit_is_refused(merge, text, message):
    with pytest.raises(InputError) as error:
        merge(text)
    assert message in str(error.value)
