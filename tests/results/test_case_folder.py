"""A reader's own data through the whole pipeline, and the paper's results untouched by it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mobile_storage.core.io import read_json
from mobile_storage.mmbes.model.data import build, read_raw
from mobile_storage.tools import workspace

ROOT = Path(__file__).parents[2]
OURS = ("data/results", "tables", "figures", "notebooks/executed", "dvc.lock", "README.md")


def fingerprint() -> dict[str, str]:
    """Hash of every file of the repository's results."""
    files = [
        p
        for name in OURS
        for p in ([ROOT / name], sorted((ROOT / name).rglob("*")))[(ROOT / name).is_dir()]
    ]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file()}


def run_case(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "mobile_storage.tools.workspace", "--case", folder, "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def template(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(ROOT)
    return Path(shutil.copytree(ROOT / "data/case_template", tmp_path / "my case"))


def test_a_case_is_solved_on_the_readers_data_and_our_results_stay(template):
    """Two stages of the copied pipeline; the continuous integration runs all of them."""
    before = fingerprint()
    made = workspace.create(template / workspace.CASE_FOLDER, template)
    name = "case1_self_select_opt_out_with_trading"
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "pricing_inputs", f"pricing_case@{name}"],
        cwd=made,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
    )
    case = read_json(made / f"data/results/bao2024/cases/{name}.json")
    assert case["status"] == "optimal"
    assert {c["customer"] for c in case["customers"]} == {"clinic", "cold store", "workshop"}
    # 0.2 MW and 90 min in the template are kW and h to the model.
    inputs = read_json(made / "data/results/bao2024/inputs.json")
    store, workshop = inputs["customers"][1:]
    assert store["capacity_kw"]["upper"] == 200
    assert workshop["outage_duration_h"] == 1.5
    # The flip test is of the paper's customers: nothing of it is shown beside a reader's.
    assert [path.name for path in (made / "data/flip/bao2024").iterdir()] == ["run.json"]
    assert fingerprint() == before


def test_bad_input_is_one_sentence_before_any_stage_starts_and_loses_nothing(template):
    """Other mistakes: tests/tools/test_inputs.py."""
    customers = template / "customers.csv"
    kept = workspace.create(template / workspace.CASE_FOLDER, template)
    kept /= "data/results/bao2024/inputs.json"
    customers.write_text(customers.read_text().replace(",60,kW", ",sixty,kW"))
    kept.parent.mkdir(parents=True)
    kept.write_text("computed before")
    done = run_case(template)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        f"ERROR: {customers}, line 2, column value: found 'sixty', expected a number such as "
    )
    assert kept.read_text() == "computed before"


def test_a_substation_of_ones_own_is_not_calibrated_to_the_paper(tmp_path, monkeypatch):
    """Three stages of the copied pipeline; the continuous integration runs all of them."""
    monkeypatch.chdir(ROOT)
    folder = Path(shutil.copytree(ROOT / "data/case_template_substation", tmp_path / "mine"))
    before = fingerprint()
    made = workspace.create(folder / workspace.CASE_FOLDER, folder)
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "mmbes_inputs@calibrated"],
        cwd=made,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
    )
    results = made / "data/results/fu2024"
    ours, blind = (
        read_json(results / f"sets/{name}.json") for name in ("calibrated", "literature")
    )
    assert ours == blind
    assert all(symbol.startswith("readings.") for symbol in ours["moves"])
    # The template: two transformers of 31.5 MVA.
    inputs = read_json(results / "inputs/calibrated.json")
    substation, _ = build(read_raw(made / "data/raw/fu2024"))
    assert inputs["peak_kw"] == pytest.approx(substation.peak_kw)
    assert substation.losses.transformer_rating_kva.tolist() == [31_500.0, 31_500.0]
    assert not (made / "data/results/bao2024").exists()
    assert fingerprint() == before
