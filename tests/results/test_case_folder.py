"""A reader's own data through the whole pipeline, and the paper's results untouched by it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

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
        [sys.executable, "-m", "mobile_storage.compendium.workspace", "--case", folder, "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def template(tmp_path) -> Path:
    return Path(shutil.copytree(ROOT / "data/case_template", tmp_path / "my case"))


@pytest.mark.slow
def test_the_template_runs_from_data_to_notebooks_and_leaves_our_results_alone(template):
    before = fingerprint()
    done = run_case(template)
    assert done.returncode == 0, done.stderr[-3000:]
    made = template / "reproduction"
    purchases = pd.read_csv(made / "tables/bao2024/purchases.csv")
    assert set(purchases["Customer"]) == {"clinic", "cold store", "workshop"}
    assert len(list((made / "notebooks/executed/bao2024").glob("*.ipynb"))) == 5
    assert (made / "figures/bao2024/prices.png").is_file()
    assert fingerprint() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",60,kW", ",sixty,kW", "line 2, column value: found 'sixty'"),
        (",60,kW", ",-60,kW", "line 2, column value"),
        (",60,kW", ",60,kWh", "line 2, column unit: found 'kWh'"),
        ("clinic,", "workshop,", "line 12"),
    ],
    ids=["text", "negative", "unit", "duplicate"],
)
def test_bad_input_ends_with_one_sentence_and_loses_nothing(template, old, new, said):
    customers = template / "customers.csv"
    customers.write_text(customers.read_text().replace(old, new))
    kept = template / "reproduction/data/results/bao2024/inputs.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("computed before")
    done = run_case(template)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ERROR: ")
    assert "customers.csv" in last
    assert said in last
    assert kept.read_text() == "computed before"
