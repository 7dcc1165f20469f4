"""The notebooks: thin and stripped as stored; executed without errors, from what is stored."""

from __future__ import annotations

import ast
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

#: Papers whose notebooks have short cells, how many lines a cell has at most, and the exceptions.
THIN = ("fu2024",)
MOST_LINES = 12
LONG = ("flip_test",)

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
def test_a_code_cell_is_short_unless_it_holds_the_imports_or_the_parameters(path):
    if path.parent.name not in THIN or path.stem in LONG:
        pytest.skip("its cells are not short yet")
    tables = [c for c in cells(path) if c.cell_type == "code" and not imports_or_parameters(c)]
    assert [c.id for c in tables if len(c.source.splitlines()) > MOST_LINES] == []


def imports_or_parameters(cell) -> bool:
    only_imports = all(
        isinstance(statement, ast.Import | ast.ImportFrom)
        for statement in ast.parse(cell.source).body
    )
    return only_imports or "parameters" in cell.metadata.get("tags", [])


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
