"""Whatever is put into the compendium is refused in one sentence, or keeps what is promised."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import nbformat
import numpy as np
import papermill
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mobile_storage.core.claims import KINDS, Rule, read_claims
from mobile_storage.core.errors import InputError, kind_of
from mobile_storage.core.io import read_json
from mobile_storage.core.ledger import read_csv, read_parameters, unit_factor
from mobile_storage.mmbes.model.data import read_raw
from mobile_storage.stages import notebook as notebook_stage
from mobile_storage.tools import workspace
from mobile_storage.tools.notebooks import lint_notebook, run_notebook, strip_notebook
from mobile_storage.tools.readme import claims_block, fill

ROOT = Path(__file__).parents[2]
CLAIMS = (ROOT / "data/raw/claims.csv").read_bytes()
KEEPS_FIXTURES = settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
TEXTS = st.text(max_size=200).map(str.encode) | st.binary(max_size=200)


def refused(call, *arguments, file: Path | None = None):
    """The result of the call, or None if it refused with one sentence that names the file."""
    try:
        return call(*arguments)
    except InputError as error:
        said = str(error)
        assert "\n" not in said
        assert said.endswith(".")
        assert ": found " in said
        assert ", expected " in said
        if file is not None:
            assert said.startswith(f"{file}, ")
        return None


# ---- files of any content --------------------------------------------------------------------


@KEEPS_FIXTURES
@given(TEXTS)
@example(b"[" * 100_000)
@example(b"1" * 10_000)
@example(b'{"a": NaN}')
@example(b"\xef\xbb\xbf[1e999]")
def test_json_of_any_content(tmp_path, data):
    path = tmp_path / "a.json"
    path.write_bytes(data)
    found = refused(read_json, path, file=path)
    if found is not None:
        assert found == json.loads(data.decode("utf-8-sig"))


@KEEPS_FIXTURES
@given(TEXTS)
@example(b"a,b\n1,2\x00\n")
@example(b'a,b\n"1,2\n')
@example(b"a,b\r1,2\r")
def test_csv_of_any_content(tmp_path, data):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    found = refused(lambda: read_csv(path, ("a", "b")), file=path)
    if found is not None:
        assert list(found.columns) == ["a", "b", "line"]
        assert len(found) >= 1
        assert found[["a", "b"]].map(lambda cell: cell == cell.strip()).to_numpy().all()


@KEEPS_FIXTURES
@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
@example("1e308", "MW", "")
@example("0x1", "kW", "")
def test_a_row_of_any_cells(tmp_path, value, unit, high):
    """What is read is finite, in the model's unit and within its range."""
    path = tmp_path / "a.csv"
    cells = ["P", "Power", value, unit, value if high else "", high, "stated", "The paper", ""]
    quoted = ",".join('"{}"'.format(cell.replace('"', '""')) for cell in cells)
    head = "symbol,name,value,unit,low,high,status,source,note"
    path.write_text(f"{head}\n{quoted}\n", encoding="utf-8")
    found = refused(lambda: read_parameters(path, {"P": "kW"}), file=path)
    if found is not None:
        row = found.parameter("P")
        assert row.unit == "kW"
        assert math.isfinite(row.value)
        assert float(value) * float(unit_factor(unit.strip(), "kW")) == pytest.approx(row.value)
        assert row.low is None or row.low <= row.value <= row.high


@KEEPS_FIXTURES
@given(st.integers(0, len(CLAIMS) - 1), st.binary(min_size=1, max_size=4))
def test_a_ledger_of_claims_with_bytes_overwritten(tmp_path, at, put):
    path = tmp_path / "claims.csv"
    path.write_bytes(CLAIMS[:at] + put + CLAIMS[at + len(put) :])
    claims = refused(read_claims, path, file=path) or []
    assert len({claim.id for claim in claims}) == len(claims)
    for claim in claims:
        assert claim.kind in KINDS
        assert claim.statement
        assert (claim.tolerance is not None) == (claim.rule is Rule.RELATIVE)
        assert claim.tolerance is None or 0 < claim.tolerance < 1


@KEEPS_FIXTURES
@given(TEXTS)
@example(b"{}")
@example(b"[1]")
@example(b'{"cells": 1, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
def test_a_notebook_of_any_content(tmp_path, data):
    path = tmp_path / "a.ipynb"
    path.write_bytes(data)
    for call in (lint_notebook, strip_notebook):
        refused(call, path, file=path)


@KEEPS_FIXTURES
@given(
    TEXTS
    | st.sampled_from(["<!-- begin:claims-bao2024 -->", "<!-- begin:x --><!-- end:x -->"]).map(
        str.encode
    )
)
def test_a_readme_of_any_content(tmp_path, data):
    path = tmp_path / "README.md"
    path.write_bytes(data)
    refused(fill, path, file=path)


@KEEPS_FIXTURES
@given(TEXTS)
@example(b"")
@example(b"id\n\n")
@example(b"id,verdict\n1,2,3\n1\n")
def test_verdicts_of_any_content(tmp_path, data):
    path = tmp_path / "data/results/bao2024/claims.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    refused(lambda: claims_block(tmp_path, paper="bao2024"), file=path)


@pytest.mark.parametrize("place", ["folder", "file/below", "x" * 300])
def test_a_path_that_is_no_file(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a file")
    path = tmp_path / place
    for call in (read_json, read_claims, lint_notebook, fill):
        assert refused(call, path, file=path) is None


# ---- values ----------------------------------------------------------------------------------

PARAMS = {"model": {"scale": 10.0, "cases": [1, 2], "solver": "auto", "on": True}}


def same_kinds(one: dict, two: dict) -> bool:
    return one.keys() == two.keys() and all(
        same_kinds(one[k], two[k])
        if isinstance(one[k], dict)
        else kind_of(one[k]) == kind_of(two[k])
        for k in one
    )


@KEEPS_FIXTURES
@given(TEXTS | ANYTHING.map(lambda value: yaml.safe_dump({"model": {"scale": value}}).encode()))
@example(b"model: {scale: .nan}")
@example(b"model: {scale: .inf}")
@example(b"model: {scale: 1, scale: 2}")
@example(b"model: {scale: 1}\nmodel: {scale: 2}")
@example(b"model: {solver: }")
@example(b"model: {solver: 2024-13-45}")
@example(b"model: {solver: 2024-12-05}")
@example(b"model: {[1]: 2}")
@example(b"? {a: b}\n: 1")
@example(b"[" * 5000)
@example(b"model: !!python/object:os.system {}")
def test_parameters_of_any_content(tmp_path, data):
    """What is taken has the names and kinds of the pipeline's own values."""
    base, mine = tmp_path / "params.yaml", tmp_path / "mine.yaml"
    base.write_text(yaml.safe_dump(PARAMS))
    mine.write_bytes(data)
    merged = refused(workspace.merged_params, base, [mine], file=mine)
    if merged is not None:
        found = yaml.safe_load(merged)
        assert same_kinds(found, PARAMS)
        assert math.isfinite(found["model"]["scale"])


@pytest.mark.parametrize("text", ["scale: 1\n  scale: 2", "solver: a\n  scale: 1\n  solver: a"])
def test_a_name_that_stands_twice_is_named_with_its_line(tmp_path, text):
    """YAML itself would take the last one in silence."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"model:\n  {text}")
    with pytest.raises(InputError, match=r"mine\.yaml, line [34]: found '(scale|solver) twice'"):
        workspace.merged_params(tmp_path / "params.yaml", [mine])


@KEEPS_FIXTURES
@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), ANYTHING, max_size=3))
@example({"a": math.nan})
@example({"a": math.inf})
def test_parameters_of_a_notebook(tmp_path, monkeypatch, values):
    """What reaches the notebook has a name and a kind that it knows."""
    source = tmp_path / "a.ipynb"
    cell = nbformat.v4.new_code_cell("a = 1\nb = 'x'\nc = [1]", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), source)
    passed = []

    def execute(source, output, parameters, **_):
        passed.append(parameters)
        shutil.copy(source, output)

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    if refused(run_notebook, source, tmp_path / "b.ipynb", values, file=source) is None:
        assert not passed
        return
    kinds = {"a": kind_of(1), "b": kind_of("x"), "c": kind_of([1])}
    assert all(value is None or kind_of(value) == kinds[name] for name, value in passed[0].items())
    assert all(math.isfinite(value) for value in passed[0].values() if isinstance(value, float))


@given(st.text(max_size=20))
@example("2024-13-45")
@example("[" * 5000)
@example("\0")
def test_a_value_on_the_command_line(text):
    found = refused(notebook_stage._value, "k_exp", text)
    assert found is None or found == yaml.safe_load(text) or math.isnan(found)


@given(st.text(max_size=15), st.sampled_from(["kW", "1/yr", "dimensionless", "yuan/kWh"]))
@example("kW" * 500, "kW")
@example("h^-1", "1/yr")
@example("kW^99999999", "kW")
def test_a_unit_of_any_text(unit, wanted):
    try:
        factor = unit_factor(unit, wanted)
    except ValueError:
        return
    assert factor > 0
    assert unit.strip()


@pytest.fixture(scope="module")
def raw():
    return read_raw(ROOT / "data/raw/fu2024")


PLACES = st.sampled_from(["substation.load_rate", "network.T1.rating", "load_curves.winter.0.load"])


@settings(max_examples=200)
@given(PLACES | st.text(max_size=20), ANYTHING | st.sampled_from([10**400, 1j, np.True_]))
@example("network.T1.rating", math.nan)
@example("folder", 1.0)
@example("replace", 1.0)
def test_a_value_moved_in_the_ledgers(raw, name, value):
    moved = refused(raw.replace, {name: value})
    if moved is not None:
        assert not name.startswith(("substation", "network", "load_curves")) or math.isfinite(value)


@KEEPS_FIXTURES
@given(st.dictionaries(st.text("ab.csvyml -é", min_size=1, max_size=12), TEXTS, max_size=3))
def test_a_case_folder_of_any_files(tmp_path_factory, monkeypatch, files):
    """Nothing is written if it is refused."""
    root = tmp_path_factory.mktemp("project")
    (root / "data/raw/bao2024").mkdir(parents=True)
    (root / "data/raw/bao2024/a.csv").write_text("1")
    (root / "dvc.yaml").write_text("stages: {}")
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    case = root / "case"
    case.mkdir()
    for name, data in files.items():
        if name.strip(". ") and not (case / name).exists():
            (case / name).write_bytes(data)
    monkeypatch.chdir(root)
    if refused(workspace.create, "copy", "case") is None:
        assert not (root / "copy").exists()
    else:
        assert (root / "copy/data/raw/bao2024/a.csv").exists()
