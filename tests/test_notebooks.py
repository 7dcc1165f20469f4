"""The notebooks: thin and stripped as stored; executed without errors, from what is stored."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
import yaml

from mobile_storage.tools.notebooks import lint_notebook, run_notebook

ROOT = Path(__file__).parents[1]
STORED = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
STORED = [path for path in STORED if path.parent.name != "executed"]
LISTED = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["notebooks"]

#: A cell of code calls and shows: it has at most so many lines.
MOST_LINES = 12

each = pytest.mark.parametrize("path", STORED, ids=lambda p: p.stem)


def executed(path: Path) -> Path:
    return ROOT / "notebooks/executed" / path.parent.name / path.name


def cells(path: Path) -> list:
    return nbformat.read(path, as_version=4).cells


def test_every_stored_notebook_is_in_the_pipeline_and_the_other_way_round():
    assert {p: sorted(names) for p, names in LISTED.items()} == {
        p: sorted(s.stem for s in STORED if s.parent.name == p) for p in LISTED
    }
    assert {s.parent.name for s in STORED} == set(LISTED)


@each
def test_stored_notebook_is_thin_and_stripped(path):
    assert lint_notebook(path) == []


@each
def test_a_cell_of_code_calls_and_shows_in_a_few_lines(path):
    """All imports stand in one cell, which may be longer, as may the parameters."""
    code = [c for c in cells(path) if c.cell_type == "code"]
    importing = [c for c in code if re.search(r"^(from|import) ", c.source, flags=re.M)]
    assert len(importing) == 1
    lines = {
        c.id: len(c.source.splitlines())
        for c in code
        if c not in importing and "parameters" not in c.metadata.get("tags", [])
    }
    assert {cell: count for cell, count in lines.items() if count > MOST_LINES} == {}


@each
def test_executed_notebook_has_the_cells_of_the_stored_one(path):
    done = [
        (c.cell_type, c.source)
        for c in cells(executed(path))
        if "injected-parameters" not in c.metadata.get("tags", [])
    ]
    assert done == [(c.cell_type, c.source) for c in cells(path)]


@each
def test_executed_notebook_ran_to_its_end_without_error(path):
    code = [c for c in cells(executed(path)) if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
    outputs = [output for c in code for output in c.outputs]
    assert outputs
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


@each
def test_executed_notebook_shows_the_claims_of_its_section_as_the_ledger_has_them(path):
    ledger = (ROOT / f"data/results/{path.parent.name}/claims.csv").read_text(encoding="utf-8")
    last = cells(executed(path))[-1].outputs[-1]["data"]["text/markdown"]
    shown = dict(re.findall(r"^\| (P\d-\d\d) .*\| ([a-z ]+) \|[^|]*\|$", last, flags=re.M))
    assert shown
    for claim, verdict in shown.items():
        (row,) = re.findall(rf"^{claim},.*$", ledger, flags=re.M)
        assert f",{verdict}," in row


@pytest.mark.slow
def test_parameters_reach_the_solves(tmp_path, monkeypatch):
    """With a customer's price limit at half of its loss, nobody pays more than half."""
    monkeypatch.chdir(ROOT)
    source = ROOT / "notebooks/bao2024/04_bilevel_pricing.ipynb"
    out = run_notebook(source, tmp_path / "out.ipynb", {"k_exp": 0.5, "k_able": 0.5})
    purchases = next(
        o["data"]["text/markdown"]
        for c in cells(out)
        if "purchase_table" in c.source
        for o in c.outputs
    )
    rows = [line.strip("| ").split(" | ") for line in purchases.splitlines()[2:]]
    paid = [(float(row[5]), float(row[6])) for row in rows if row[2] != "none"]
    assert paid
    # Fee and utility add up to the avoided loss; the fee is at most half of it.
    assert all(fee <= 0.5 * (fee + utility) * (1 + 1e-4) for fee, utility in paid)
