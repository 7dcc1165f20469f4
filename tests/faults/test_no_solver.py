"""A stage without the solver that it needs ends in one sentence; what was there stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASE = "case2_opt_out_with_trading"
STAGE = """
import importlib.abc, runpy, sys


class Gone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {gone!r}.split():
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Gone())
sys.argv = ["case", {case!r}]
runpy.run_module("mobile_storage.stages.pricing.case", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gone", "solver", "sentence"),
    [
        ("highspy gurobipy pyscipopt", "auto", "highspy is not installed"),
        ("gurobipy", "gurobi", "gurobipy is not installed"),
    ],
)
def test_a_stage_without_its_solver(tmp_path, gone, solver, sentence):
    result = tmp_path / f"data/results/bao2024/cases/{CASE}.json"
    result.parent.mkdir(parents=True)
    result.write_text("finished")
    shutil.copytree(ROOT / "data/raw", tmp_path / "data/raw")
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("solver: auto", f"solver: {solver}", 1))
    done = subprocess.run(
        [sys.executable, "-c", STAGE.format(gone=gone, case=CASE)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"pricing_case | {CASE} | ERROR: ")
    assert sentence in last
    assert "Traceback" not in done.stderr
    assert result.read_text() == "finished"
