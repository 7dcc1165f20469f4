from __future__ import annotations

import subprocess
import sys

import pytest

from mobile_storage.core.claims import Claim, Evidence, Finding, Rule, write_verdicts
from mobile_storage.core.errors import InputError
from mobile_storage.tools import readme

TEXT = """# Title

<!-- begin:numbers -->
old
<!-- end:numbers -->

after
"""
BLOCKS = {"numbers": lambda folder: f"in {folder.name}\n"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(TEXT)
    return path


def test_a_block_is_filled_once_and_the_rest_stays(file):
    assert readme.fill(file, BLOCKS, check=True) == ["numbers"]
    assert file.read_text() == TEXT
    assert readme.fill(file, BLOCKS) == ["numbers"]
    expected = TEXT.replace("old\n", f"\nin {file.parent.name}\n\n")
    assert file.read_text() == expected
    assert readme.fill(file, BLOCKS, check=True) == []
    assert readme.fill(file, BLOCKS) == []


def test_only_the_blocks_asked_for_are_filled(file):
    assert readme.fill(file, BLOCKS, only=("others",)) == []
    assert file.read_text() == TEXT
    assert readme.fill(file, BLOCKS, only=("numbers",)) == ["numbers"]


def test_an_unknown_block_is_refused_with_its_line(file):
    with pytest.raises(InputError, match="line 3: found 'begin:numbers', expected one of claims"):
        readme.fill(file, {"claims": readme.claims_block})


@pytest.mark.parametrize("mark", ["<!-- end:numbers -->", "<!-- begin:numbers -->"])
def test_a_block_without_its_other_mark_is_refused(file, mark):
    file.write_text(TEXT.replace(mark, ""))
    with pytest.raises(InputError, match="a matching end:NAME"):
        readme.fill(file, BLOCKS)


def test_a_text_without_its_blocks_has_all_else(file):
    assert readme.without_blocks(TEXT) == "# Title\n\nafter\n"


def test_the_command_fills_and_checks(file, capsys, monkeypatch):
    monkeypatch.setattr(readme, "BLOCKS", BLOCKS)
    for arguments, code, said in (
        ([str(file), "--check"], 1, "numbers stale"),
        ([str(file)], 0, "numbers filled anew"),
        ([str(file), "--check"], 0, "nothing stale"),
    ):
        with pytest.raises(SystemExit) as stop:
            readme.main(arguments)
        assert stop.value.code == code
        assert said in capsys.readouterr().out


def test_the_table_of_claims_shows_value_verdict_cause_and_notebook(tmp_path):
    number = Claim("P2-01", "b", "5", "A | B", "number", "12", "yr", Rule.RELATIVE, 0.1, "")
    order = Claim("P1-02", "a", "4", "Highest", "ordering", "", "yuan/yr", Rule.HOLDS, None, "")
    evidence = Evidence(notebook="notebooks/executed/b/05_x.ipynb")
    findings = [
        Finding("P2-01", 12.0, "As stated.", evidence=evidence),
        Finding("P1-02", "1 > 2", "By much.", holds=True),
    ]
    path = tmp_path / "data/results/fu2024/claims.csv"
    write_verdicts([number, order], findings, path, {"P2-01": "5 % of 2,000"})
    rows = readme.claims_block(tmp_path, paper="fu2024").splitlines()
    assert rows[2] == (
        "| P2-01 | A \\| B | 12 yr | 12 yr | **reproduced** | 5 % of 2,000 | As stated. "
        "| [05_x](notebooks/executed/b/05_x.ipynb) |"
    )
    assert rows[3] == "| P1-02 | Highest |  | 1 > 2 | **reproduced** |  | By much. |  |"


def test_no_verdicts_yet_is_said(tmp_path):
    with pytest.raises(InputError, match="the verdicts of the stage claims"):
        readme.claims_block(tmp_path, paper="fu2024")


DVC_YAML = """\
stages:
  inputs:
    cmd: "true"
    outs: [a.json: {cache: false}]
  solve:
    foreach: ["1", "2"]
    do:
      cmd: "true"
      deps: [a.json]
      outs: ["b${item}.json": {cache: false}]
  claims:
    cmd: "true"
    deps: [b1.json, b2.json]
    outs: [c.json: {cache: false}]
"""


@pytest.mark.slow
def test_the_picture_of_the_pipeline_has_one_node_for_all_cases(tmp_path):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    assert readme.pipeline_block(tmp_path).splitlines() == [
        "```mermaid",
        "flowchart TD",
        '    claims["claims"]',
        '    inputs["inputs"]',
        '    solve["solve (× 2)"]',
        "    inputs --> solve",
        "    solve --> claims",
        "```",
    ]


def test_a_pipeline_that_cannot_be_drawn_is_said(tmp_path):
    with pytest.raises(InputError, match="stages that DVC can read"):
        readme.pipeline_block(tmp_path)


def test_the_module_runs_as_a_command(file):
    done = subprocess.run(
        [sys.executable, "-m", "mobile_storage.tools.readme", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"ERROR: {file}, line 3: found 'begin:numbers'")
