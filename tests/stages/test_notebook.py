"""The notebook stage by hand: other values go to another file, and only known ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mobile_storage.stages.notebook", "bao2024", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_an_unknown_parameter_is_an_error_that_names_the_known_ones(tmp_path):
    done = run("01_introduction", "-o", str(tmp_path / "mine.ipynb"), "-p", "data_dirr", "x")
    assert done.returncode == 2
    assert "'data_dirr'" in done.stderr
    assert "did you mean data_dir" in done.stderr
    assert not (tmp_path / "mine.ipynb").exists()


def test_other_values_never_replace_the_executed_notebook():
    executed = ROOT / "notebooks/executed/bao2024/01_introduction.ipynb"
    before = executed.read_bytes()
    done = run("01_introduction", "-p", "data_dir", "elsewhere")
    assert done.returncode == 2
    assert "--output" in done.stderr
    assert executed.read_bytes() == before


def test_a_section_that_is_none_of_the_papers_notebooks_is_refused(tmp_path):
    for words in (["../bao2024/01_introduction"], ["--section", "01_introductoin"]):
        done = run(*words, "-o", str(tmp_path / "mine.ipynb"))
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert f"notebooks/bao2024, the folder: found '{words[-1]}', expected one of 01_" in line
        assert not (tmp_path / "mine.ipynb").exists()
