"""A small pipeline of both papers, verified from end to end after all kinds of changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from mobile_storage.core.errors import InputError
from mobile_storage.core.io import write_json
from mobile_storage.tools.receipt import environment, report
from mobile_storage.tools.receipt.__main__ import main
from mobile_storage.tools.receipt.verify import verify

SUMS = """\
import json, pathlib, yaml
from mobile_storage.core.errors import InputError
values = yaml.safe_load(open("params.yaml"))["pricing"]
rows = [line.split(",") for line in open("data/raw/bao2024/loads.csv").read().splitlines()[1:]]
folder = pathlib.Path("data/results/bao2024")
folder.mkdir(parents=True, exist_ok=True)
lines = [f"{name},{float(load) * values['scale'] + values['seed']}" for name, load in rows]
(folder / "sums.csv").write_text("\\n".join(["name,sum", *lines]) + "\\n")
(folder / "solve.json").write_text(json.dumps({"solver": "highs", "solver_version": "0.0.1"}))
"""
TABLE = """\
import pathlib
folder = pathlib.Path("tables/bao2024")
folder.mkdir(parents=True, exist_ok=True)
rows = open("data/results/bao2024/sums.csv").read().replace(",", " | ")
(folder / "sums.md").write_text(rows)
"""
FIGURE = """\
import pathlib
from PIL import Image
folder = pathlib.Path("figures/fu2024")
folder.mkdir(parents=True, exist_ok=True)
image = Image.new("L", (30, 20), 255)
for x in range(int(open("data/raw/fu2024/grid.csv").read())):
    image.putpixel((x, 5), 0)
image.save(folder / "grid.png")
"""
DVC_YAML = """\
stages:
  pricing_sums:
    cmd: python src/sums.py
    deps: [src/sums.py, data/raw/bao2024, requirements.lock]
    params: [pricing.scale, pricing.seed, pricing.gap]
    outs:
      - data/results/bao2024/sums.csv: {cache: false, persist: true}
      - data/results/bao2024/solve.json: {cache: false, persist: true}
  pricing_table:
    cmd: python src/table.py
    deps: [src/table.py, data/results/bao2024/sums.csv]
    outs: [tables/bao2024: {cache: false}]
  mmbes_figure:
    foreach: [grid]
    do:
      cmd: python src/figure.py
      deps: [src/figure.py, "data/raw/fu2024/${item}.csv"]
      outs: ["figures/fu2024/${item}.png": {cache: false}]
"""
PARAMS = """\
pricing: {scale: 2.0, seed: 1, gap: 1.0e-12}
verify:
  relative: 1.0e-9
  pixel_level: 2
  noise: [{files: "data/*/sums.csv", places: "*, column sum", within: 1.0e-6}]
  quick: [pricing_table]
  checks: {}
"""
FILES = {
    "dvc.yaml": DVC_YAML,
    "params.yaml": PARAMS,
    "requirements.lock": "",
    "src/sums.py": SUMS,
    "src/table.py": TABLE,
    "src/figure.py": FIGURE,
    "data/raw/bao2024/loads.csv": "name,load\nhospital,10.5\nshop,3.25\n",
    "data/raw/fu2024/grid.csv": "7",
    ".dvc/config": "[core]\n    no_scm = true\n    analytics = false\n",
    ".gitignore": "/.dvc/tmp/\n/build/\n/.cache/\n",
    "README.md": "# Title\n",
}
LOADS, SUMS_CSV = "data/raw/bao2024/loads.csv", "data/results/bao2024/sums.csv"


def git(folder, *arguments: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "state")


@pytest.fixture(scope="module", autouse=True)
def _machine_code_found_once():
    """It is the same in every receipt and takes two seconds; `test_environment` tests it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(environment, "_arithmetic", cache(environment._arithmetic))
        yield


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory) -> Path:
    """The project with its results, as a repository with one commit."""
    root = tmp_path_factory.mktemp("receipt") / "project"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = {**os.environ, "PATH": path, "DVC_SITE_CACHE_DIR": str(root.parent / "site")}
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=root,
        env=variables,
        check=True,
        capture_output=True,
    )
    shutil.rmtree(root / ".dvc/tmp")
    git(root, "init", "--quiet")
    commit(root)
    return root


@pytest.fixture
def project(reproduced, tmp_path, monkeypatch):
    root = tmp_path / "project"
    shutil.copytree(reproduced, root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return root


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new, 1))


@pytest.fixture
def verified(project, tmp_path):
    """Verifies the project; returns receipt and page, and writes both."""

    def run(*, quick: bool = False):
        scratch = tmp_path / "copy"
        scratch.mkdir()
        receipt = verify(Path(), scratch, tmp_path / "receipt", quick=quick)
        page = report.as_markdown(receipt)
        write_json(report.as_json(receipt), tmp_path / "receipt.json")
        assert page.splitlines()[0].startswith("**") == page.splitlines()[0].endswith("**")
        return receipt, page

    return run


def verdicts(receipt) -> dict[str, str]:
    return {output.path: output.verdict for output in receipt.outputs}


def said(receipt) -> dict[str, list[tuple]]:
    """Every finding: places and versions by file."""
    places: dict[str, list[tuple]] = {}
    for finding in receipt.findings:
        named = [(d.where, d.committed, d.recomputed) for d in finding.differences]
        places.setdefault(finding.what, []).extend(named)
    return places


EQUAL = dict.fromkeys(
    [
        SUMS_CSV,
        "data/results/bao2024/solve.json",
        "tables/bao2024/sums.md",
        "figures/fu2024/grid.png",
    ],
    "byte-equal",
)


# ---- nothing is wrong ------------------------------------------------------------------------


def test_an_untouched_repository_is_byte_equal_and_stays_as_it_was(project, verified, tmp_path):
    receipt, page = verified()
    assert verdicts(receipt) == EQUAL
    assert receipt.agrees
    assert not receipt.findings
    assert page.startswith("**Reproduced: of 4 outputs compared: 4 byte-equal, 0 within")
    assert {name: run.status for name, run in receipt.runs.items()} == dict.fromkeys(
        ["pricing_sums", "pricing_table", "mmbes_figure@grid"], "done"
    )
    assert all(run.seconds > 0 for run in receipt.runs.values())
    content = json.loads((tmp_path / "receipt.json").read_text())
    assert content["schema"] == report.SCHEMA
    assert content["agrees"] is True
    assert content["counts"]["byte-equal"] == 4
    assert str(tmp_path) not in page + json.dumps(content)
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True)
    assert status.stdout == b""


def test_solvers_that_the_results_name_in_another_version_are_said(verified):
    receipt, page = verified()
    (difference,) = receipt.environment.solvers_differ
    assert (difference.name, difference.in_results) == ("highs", "0.0.1")
    assert f"The results name highs 0.0.1; **here it is {difference.here}**." in page


# ---- a changed number anywhere ---------------------------------------------------------------


def test_a_digit_in_a_result_that_is_not_committed(project, verified):
    edit(SUMS_CSV, "7.5", "7.6")
    receipt, page = verified()
    assert not receipt.agrees
    assert said(receipt) == {SUMS_CSV: [("line 3 (shop), column sum", "7.5", "7.6")]}
    assert verdicts(receipt) == EQUAL  # what was computed is still what was committed
    assert "| line 3 (shop), column sum | 7.5 | 7.6 | 0.0132 |" in page


def test_a_digit_in_a_result_that_was_committed_without_a_run(project, verified):
    edit(SUMS_CSV, "7.5", "7.6")
    commit(project)
    receipt, page = verified()
    assert verdicts(receipt) == {**EQUAL, SUMS_CSV: "different"}
    (difference,) = receipt.with_verdict("different")[0].differences
    assert (difference.where, difference.committed, difference.recomputed) == (
        "line 3 (shop), column sum",
        "7.6",
        "7.5",
    )
    assert said(receipt) == {SUMS_CSV: [("line 3 (shop), column sum", "7.5", "7.6")]}
    assert "1 different" in page.splitlines()[0]


@pytest.mark.parametrize("committed", [False, True])
def test_a_digit_in_the_raw_data(project, verified, committed):
    edit(LOADS, "3.25", "3.35")
    if committed:
        commit(project)
    receipt, page = verified()
    assert said(receipt) == {LOADS: [("line 3 (shop), column load", "3.25", "3.35")]}
    assert [finding.stages for finding in receipt.findings] == [("pricing_sums",)]
    assert verdicts(receipt) == {
        **EQUAL,
        SUMS_CSV: "different",
        "tables/bao2024/sums.md": "different",
    }
    assert f"`{LOADS}` is not the input that dvc.lock recorded" in page


def test_another_seed(project, verified):
    edit("params.yaml", "seed: 1", "seed: 2")
    receipt, page = verified()
    assert said(receipt) == {"params.yaml": [("pricing.seed", "1", "2")]}
    assert verdicts(receipt)[SUMS_CSV] == "different"
    assert "| pricing.seed | 1 | 2 |" in page


def test_a_tolerance_that_was_changed_is_said(project, verified):
    """It changes no result, but the verdict on all of them."""
    edit("params.yaml", "relative: 1.0e-9", "relative: 0.5")
    receipt, _ = verified()
    assert not receipt.agrees
    assert said(receipt) == {"params.yaml": [("verify.relative", "1e-09", "0.5")]}


@pytest.mark.parametrize(
    ("added", "verdict"), [("1e-7", "within tolerance"), ("2e-6", "different")]
)
def test_a_difference_within_declared_noise_is_said_and_counts_as_none(
    project, verified, added, verdict
):
    edit("src/sums.py", "values['seed']}", f"values['seed'] + {added}}}")
    receipt, page = verified()
    assert verdicts(receipt)[SUMS_CSV] == verdict
    assert ("At 2 places a number that is a small difference" in page) == (added == "1e-7")


def test_changed_code_and_commands(project, verified):
    edit("src/sums.py", "+ values['seed']", "+ 1")
    edit("dvc.yaml", "cmd: python src/table.py", "cmd: python -B src/table.py")
    receipt, _ = verified()
    assert verdicts(receipt) == EQUAL
    assert not receipt.agrees
    changes = said(receipt)
    assert changes["pricing_table"] == [
        ("command", "python src/table.py", "python -B src/table.py")
    ]
    assert changes["src/sums.py"][0][0] == "line 7"


def test_a_figure_comes_with_a_picture_of_the_difference(project, verified, tmp_path):
    edit("data/raw/fu2024/grid.csv", "7", "8")
    receipt, page = verified()
    (output,) = receipt.with_verdict("different")
    assert output.path == "figures/fu2024/grid.png"
    (image,) = output.images
    assert Image.open(tmp_path / "receipt" / image).size == (3 * 30 + 2 * 12, 20 + 24)
    assert f"({image})" in page


def test_without_git_the_hashes_in_the_lock_file_count(project, verified):
    shutil.rmtree(".git")
    edit(SUMS_CSV, "7.5", "7.6")
    receipt, page = verified()
    assert receipt.commit is None
    assert "no git repository" in page
    assert verdicts(receipt) == {**EQUAL, SUMS_CSV: "different"}
    assert set(said(receipt)) == {SUMS_CSV}


# ---- outputs that are not there --------------------------------------------------------------


def test_a_stage_that_raises_stops_only_what_needs_it(project, verified):
    edit("src/sums.py", "rows =", "raise InputError(file='x.csv', where='line 2', value='?', "
         "expected='a number')\nrows =")  # fmt: skip
    receipt, page = verified()
    assert verdicts(receipt) == {
        **dict.fromkeys(EQUAL, "not recomputed"),
        "figures/fu2024/grid.png": "byte-equal",
    }
    assert receipt.runs["pricing_sums"].status == "failed"
    assert "x.csv, line 2: found '?', expected a number." in receipt.runs["pricing_sums"].message
    assert receipt.runs["pricing_table"].status == "not run"
    assert "needs pricing_sums, which did not end well" in page


def test_missing_additional_and_unclaimed_outputs(project, verified):
    edit("src/table.py", '"sums.md"', '"totals.md"')
    Path("data/results/bao2024/old.csv").write_text("a\n1\n")
    commit(project)
    receipt, _ = verified()
    assert verdicts(receipt) == {
        **EQUAL,
        "tables/bao2024/sums.md": "missing",
        "tables/bao2024/totals.md": "additional",
    }
    assert set(said(receipt)) == {"src/table.py", "data/results/bao2024/old.csv"}


# ---- the smaller verification ----------------------------------------------------------------


def test_quick_runs_some_stages_and_holds_all_files_against_their_record(project, verified):
    receipt, page = verified(quick=True)
    assert set(receipt.runs) == {"pricing_table"}
    assert receipt.agrees
    assert verdicts(receipt) == {
        **dict.fromkeys(EQUAL, "not covered"),
        "tables/bao2024/sums.md": "byte-equal",
    }
    assert page.startswith("**Reproduced in part: of 1 outputs compared")
    assert "pricing_sums, mmbes_figure" in page


def test_quick_sees_a_digit_in_a_result_that_it_does_not_compute(project, verified):
    edit(SUMS_CSV, "7.5", "7.6")
    commit(project)
    receipt, _ = verified(quick=True)
    assert not receipt.agrees
    assert said(receipt) == {SUMS_CSV: [("line 3 (shop), column sum", "7.5", "7.6")]}
    assert verdicts(receipt)["tables/bao2024/sums.md"] == "different"


# ---- further checks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "agrees"),
    [
        ("frame = pd.DataFrame({'world': []})", "agrees", True),
        ("frame = pd.DataFrame({'world': [count], 'was': [0.5]})", "different", False),
        ("raise RuntimeError('no worlds')", "failed", False),
        (None, "failed", False),
    ],
)
def test_further_checks(project, verified, code, status, agrees):
    edit(
        "params.yaml",
        "checks: {}",
        "checks: {worlds: {call: 'extra:check', arguments: {count: 3}}}",
    )
    if code:
        body = f"import pandas as pd\ndef check(count):\n    {code}\n    return frame\n"
        Path("src/extra.py").write_text(body)
    commit(project)
    receipt, page = verified(quick=True)
    (check,) = receipt.checks
    assert check.status == status
    assert receipt.agrees is agrees
    if status == "different":
        assert "world 3, was 0.5" in page
    if status == "failed":
        missing = "ModuleNotFoundError: No module named 'extra'"
        assert check.message == ("RuntimeError: no worlds" if code else missing)


# ---- the command line ------------------------------------------------------------------------


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code


def test_the_command_writes_the_receipt_and_cleans_up(project, capsys):
    assert exit_code("--quick") == 0
    assert "The receipt is build/receipt/receipt.md." in capsys.readouterr().out
    assert json.loads(Path("build/receipt/receipt.json").read_text())["quick"] is True
    assert not list(Path(".cache/verify").iterdir())
    edit(LOADS, "3.25", "3.35")
    Path("build/receipt/mine.txt").write_text("a reader's own file")
    assert exit_code("--quick", "--keep") == 1
    assert Path("build/receipt/mine.txt").exists()
    (copy,) = Path(".cache/verify").iterdir()
    assert "3.35" in (copy / LOADS).read_text()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("params.yaml", "[pricing_table]", "[pricing_tabel]", "did you mean pricing_table "),
        ("params.yaml", "relative: 1.0e-9", "relative: 1e-9", "expected a number"),
        ("params.yaml", "pixel_level", "pixels", "expected a section with relative, pixel_level"),
        ("params.yaml", "within: 1.0e-6", "within: -1.0", "verify.noise, entry 1: found"),
        ("params.yaml", "within: 1.0e-6", "within: few", "within (a positive number)"),
        ("params.yaml", "checks: {}", "checks: {a: b}", "verify.checks.a"),
        ("dvc.yaml", "stages:", "stage:", "dvc.yaml, the pipeline"),
        ("dvc.lock", "schema:", "- schema:", "dvc.lock, the file"),
    ],
)
def test_bad_input_is_one_sentence(project, capsys, file, old, new, message):
    edit(file, old, new)
    commit(project)
    assert exit_code("--quick") == 2
    assert message in capsys.readouterr().err.strip().splitlines()[-1]


def test_outside_a_repository_it_says_where_to_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="at the top of the repository"):
        verify(Path(), tmp_path / "copy", tmp_path / "receipt", quick=True)
