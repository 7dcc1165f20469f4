"""Folders that somebody sends: nothing in them is executed, and each is refused in one sentence."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from mobile_storage.core import params
from mobile_storage.core.errors import InputError
from mobile_storage.core.papers import PAPERS
from mobile_storage.tools import guard, workspace

ROOT = Path(__file__).parents[2]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
CUSTOMERS = (ROOT / "data/case_template/customers.csv").read_text(encoding="utf-8")
#: Each would make the file `canary` if a shell, Python or YAML took it for its own.
PAYLOADS = [
    "x; touch canary",
    "$(touch canary)",
    "`touch canary`",
    "x\ntouch canary",
    "x' ; touch canary #",
    'x" ; touch canary #',
    "x && touch canary",
    "x | touch canary",
    "> canary",
    "../../canary",
    "/tmp/canary",
    "-c open('canary','w')",
    "${pricing.solver}",
    "{{ open('canary', 'w') }}",
    "__import__('os').system('touch canary')",
    "canary\x00",
    "~/canary",
    "",
]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """What the pipeline reads, without its code; below a folder that is watched as a whole."""
    root = tmp_path / "project"
    for name in ("data/raw", "data/flip", "notebooks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("executed"))
    for name in (*workspace.INPUTS, "params.quick.yaml", "params.case.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PYTHONSAFEPATH", "")  # restored afterwards
    return root


@pytest.fixture
def case(project) -> Path:
    folder = project.parent / "case"
    folder.mkdir()
    (folder / "customers.csv").write_text(CUSTOMERS, encoding="utf-8")
    return folder


def tree(folder: Path) -> dict[str, object]:
    """Everything below a folder: what it is, and what it holds."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        content: object = path.read_bytes() if stat.S_ISREG(mode) else None
        found[os.fspath(path)] = os.readlink(path) if stat.S_ISLNK(mode) else (mode, content)
    return found


def refusal(folder: Path, capsys, monkeypatch) -> str:
    """The sentence with which a run on the folder is refused, before DVC or anything starts."""
    top = folder.parent
    before = tree(top)

    def started(*_arguments, **_more):
        raise AssertionError("something was started")

    monkeypatch.setattr(workspace, "reproduce", started)
    monkeypatch.setattr(subprocess, "Popen", started)
    with pytest.raises(SystemExit) as stop:
        workspace.main(["--case", os.fspath(folder), "--quick"])
    said = capsys.readouterr()
    assert stop.value.code == 2
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("ERROR: ")
    assert line.endswith(".")
    assert tree(top) == before
    return line


# ---- every text of params.yaml ---------------------------------------------------------------


def places(node: object, above: tuple = ()):
    """Every text and every name of the sections that a reader may change."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield (*above, name), True
            yield from places(value, (*above, name))
    elif isinstance(node, list):
        for k, value in enumerate(node):
            yield from places(value, (*above, k))
    elif isinstance(node, str):
        yield above, False


def saying(place: tuple, value: object, *, is_name: bool) -> dict:
    """A params file that says one thing: another text at a place, or another name for it."""
    node, parents = PARAMS, []
    for part in place:
        parents.append(node)
        node = node[part]
    said: object = value
    for part, parent in zip(reversed(place), reversed(parents), strict=True):
        if isinstance(parent, list):
            said = [*parent[:part], said, *parent[part + 1 :]]
        elif is_name:
            said, is_name = {value: node}, False
        else:
            said = {part: said}
    return said


#: Those of the repository's own ledgers that its own choices name.
SYMBOLS = {
    "bao2024": ["coincidence"],
    "fu2024": [*PARAMS["mmbes"]["calibration"]["values"], "network.T1.rating", "network.T2.rating"],
}
EVERY = [
    (place, is_name) for name in params.SECTIONS for place, is_name in places(PARAMS[name], (name,))
]


def test_the_sections_are_those_that_a_reader_may_change_and_two_of_the_repository():
    assert set(PARAMS) == {*params.SECTIONS, *params.REPOSITORY_SECTIONS}
    assert sum(is_name for _, is_name in EVERY) > 100
    assert sum(not is_name for _, is_name in EVERY) > 100


@pytest.mark.parametrize("section", params.SECTIONS)
def test_no_text_and_no_name_of_params_may_be_anything_but_one_that_there_is(
    project, monkeypatch, section
):
    """Payloads in turn, and all of them where a text becomes a part of a command or a path."""
    base, mine = project / "params.yaml", project / "mine.yaml"
    known = {base: PARAMS}  # read once
    monkeypatch.setattr(
        workspace, "load_yaml", lambda path: known.get(path) or params.load_yaml(path)
    )
    for k, (place, is_name) in enumerate(EVERY):
        if place[0] != section:
            continue
        in_command = place[1:2] in (("families",), ("sets",), ("objectives",), ("formulations",))
        all_of_them = place[-1] == 0 and (in_command or section == "notebooks")
        for payload in PAYLOADS if all_of_them else [PAYLOADS[k % len(PAYLOADS)]]:
            mine.write_text(yaml.safe_dump(saying(place, payload, is_name=is_name)))
            with pytest.raises(InputError) as error:
                workspace.merged_params(base, [mine], SYMBOLS)
            said = str(error.value)
            assert said.startswith(f"{mine}, "), (place, payload)
            assert ": found " in said
            assert ", expected " in said
            assert "\n" not in said
    assert not list(project.rglob("canary"))


def test_names_of_ledger_values_are_held_against_the_readers_ledgers(project, case):
    (case / "params.yaml").write_text("pricing: {sensitivity: {only: [coincidense]}}")
    with pytest.raises(InputError, match=r"found 'coincidense', .* \(did you mean coincidence"):
        workspace.create(case / "reproduction", case)
    (case / "params.yaml").write_text(
        "mmbes: {calibration: {starts: 1, values: [substation.load_rat]}}"
    )
    with pytest.raises(InputError, match=r"values, item 1: found 'substation.load_rat'"):
        workspace.create(case / "reproduction", case)
    (case / "params.yaml").write_text(
        "mmbes: {calibration: {starts: 1, values: [network.T1.rating, substation.load_rate]}}"
    )
    workspace.create(case / "reproduction", case)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            'mmbes: {families: ["load_rate; touch canary"]}',
            "mmbes.families: found ['load_rate; touch canary'], expected [load_rate, weights, "
            "cognition, reference, extreme], all of which the tables and claims of a paper read.",
        ),
        (
            'notebooks: {bao2024: ["x; touch canary; #/../01_introduction"]}',
            "notebooks.bao2024, item 1: found 'x; touch canary; #/../01_introduction', expected "
            "one of 01_introduction, ",
        ),
        (
            "notebooks: {bao2024: [05_discusion]}",
            "independence (did you mean 05_discussion?).",
        ),
        (
            'verify: {checks: {"flip test": {call: "os:system"}}}',
            "verify: found 'verify', expected one of pricing, mmbes, notebooks: verify is for runs "
            "of the repository itself.",
        ),
        ("flip: {bao2024: {kkt_every: 1}}", "flip: found 'flip', expected one of pricing, mmbes"),
        ("pricing: {solver: cplex}", "found 'cplex', expected one of auto, gurobi, highs, scip."),
        (
            "mmbes: {model: {repair_law: fix}}",
            "found 'fix', expected one of exponential, fixed (did you mean fixed?).",
        ),
        ("mmbes: {processes: 0}", "mmbes.processes: found 0, expected at least 1."),
        ("mmbes: {processes: 2.5}", "mmbes.processes: found 2.5, expected a whole number."),
        ("mmbes: {evolution: {population: 1}}", "found 1, expected at least 6."),
        ("mmbes: {tolerance: -1.0}", "mmbes.tolerance: found -1.0, expected at least 0."),
        (
            "mmbes: {scenarios: {load_rate: {lowest: 0.9}}}",
            "mmbes.scenarios.load_rate.lowest: found 0.9, expected less than highest, 0.65.",
        ),
        (
            "pricing: {cases: {case2_all_with_trading: {tariff: multi_grade}}}",
            "tariff: found 'multi_grade', expected single_price, as the case's name says.",
        ),
        ("pricing: {search: {seeds: [1, 1]}}", "seeds: found 1, expected each only once."),
        ("pricing: {formulations: []}", "formulations: found [], expected at least 1 of them."),
        (
            "pricing: !!python/object/apply:os.system ['touch canary']",
            "line 1: found \"could not determine a constructor for the tag 'tag:yaml.org",
        ),
        (
            "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\npricing: *c",
            "line 2: found '*a, which repeats values', expected valid YAML with plain values.",
        ),
        ("pricing: {<<: {solver: scip}}", "expected valid YAML with plain values."),
        ("? [1, 2]\n: 3", "expected valid YAML with plain values."),
        ("[" * 50_000, "expected valid YAML"),
        ("#" * 100_001, "the file: found '100001 characters', expected at most 100000."),
    ],
)
def test_a_params_file_is_refused_in_these_words(case, capsys, monkeypatch, said, sentence):
    (case / "params.yaml").write_text(said)
    line = refusal(case, capsys, monkeypatch)
    assert line.startswith(f"ERROR: {case}/params.yaml, ")
    assert sentence in line


def test_the_names_of_the_declaration_are_those_of_the_code():
    from mobile_storage.adequacy.analytic.islands import SOC_LAWS
    from mobile_storage.adequacy.analytic.repair import LAWS
    from mobile_storage.bilevel.solvers import SOLVERS
    from mobile_storage.mmbes.claims import NUMBERS
    from mobile_storage.mmbes.model.raw import Readings
    from mobile_storage.mmbes.model.substation import FLATTEST, STORAGE_FAILURES
    from mobile_storage.mmbes.search.scenarios import FAMILIES
    from mobile_storage.mmbes.search.solve import OBJECTIVES

    assert tuple(FAMILIES) == params.FAMILIES
    assert set(OBJECTIVES) == set(params.OBJECTIVES)
    assert set(PARAMS["pricing"]["cases"]) == set(params.CASES)
    readings = params._Readings.model_fields
    assert set(readings) == set(Readings.__dataclass_fields__)
    assert set(readings["soc_law"].annotation.__args__) == set(SOC_LAWS)
    assert set(readings["storage_failures"].annotation.__args__) == set(STORAGE_FAILURES)
    assert set(readings["repair_law"].annotation.__args__) == set(LAWS)
    assert params._Pricing.model_fields["solver"].annotation.__args__ == ("auto", *SOLVERS)
    assert params.Bend.__metadata__[0].metadata[0].ge == FLATTEST
    targets = params._Calibration.model_fields["targets"].annotation.__args__[0].__args__
    assert set(targets) == {*NUMBERS, "P2-06", "P2-08"}


@pytest.mark.skipif(os.name == "nt", reason="DVC quotes for another shell there")
def test_even_a_text_that_no_one_has_checked_is_one_word_of_its_command(project):
    """The pipeline's commands as DVC runs them, with values that `choices` would refuse."""
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    stages = {k: {n: v[n] for n in ("matrix", "cmd")} for k, v in stages.items() if "matrix" in v}
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    hostile = [text for text in PAYLOADS if text and "\x00" not in text]
    names = {"sets": hostile, "objectives": ["o"], "families": ["f"]}
    lists = {"mmbes": names, "notebooks": dict.fromkeys(PAPERS, hostile)}
    (project / "params.yaml").write_text(yaml.safe_dump(lists))
    program = project / "programs/python"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\" >> words\n")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    with Repo(str(project)) as repo:
        lines = [line for stage in repo.index.stages for line in stage.cmd]
    for line in lines:  # a list is run line by line, `dvc.stage.run.cmd_run`
        subprocess.run(
            ["/bin/sh", "-c", line], cwd=project, env={**os.environ, "PATH": path}, check=True
        )
    words = (project / "words").read_text().split("\0")
    for payload in hostile:
        assert words.count(payload) == len(stages)
    assert not list(project.rglob("canary"))


# ---- what lies in the folder -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        b"$(touch canary).csv",
        b"`touch canary`.csv",
        b"; touch canary;.csv",
        b"-rf",
        b"--help",
        b"a\ntouch canary",
        b"customers.csv\n",
        b"customers.csv ",
        b"\xff\xfe.csv",
        b"CUSTOMERS.CSV",
        b"customers.parquet",
        b"customers.pkl",
        b"dvc.yaml",
        b"dvc.lock",
        b"conftest.py",
        b"sitecustomize.py",
        b"numpy.py",
        b"__pycache__",
        b"src",
    ],
)
def test_a_file_of_another_name_is_refused(case, capsys, monkeypatch, name):
    Path(os.fsdecode(os.path.join(os.fsencode(case), name))).write_text("touch canary")
    line = refusal(case, capsys, monkeypatch)
    assert line.startswith(f"ERROR: {case}, the folder of the case: found ")
    assert ", expected only battery.csv, " in line


@pytest.mark.parametrize("name", [".env", ".dvc", ".ipython", ".git", "notes.md", "notes.txt"])
def test_hidden_files_and_notes_are_never_opened(case, name):
    outside = case.parent / "outside"
    outside.mkdir()
    (case / name).symlink_to(outside)
    workspace.create(case / "reproduction", case)
    assert not list(outside.iterdir())
    assert not (case / "reproduction" / name).is_symlink()


def make_link_outside(path: Path) -> None:
    outside = path.parent.parent / "outside.csv"
    outside.write_text(CUSTOMERS, encoding="utf-8")
    path.symlink_to(outside)


KINDS = {
    "a link": [
        make_link_outside,
        lambda path: path.symlink_to(path.name),  # to itself
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to("/dev/zero"),
    ],
    "a folder": [Path.mkdir],
    "a device, pipe or socket": [os.mkfifo] if hasattr(os, "mkfifo") else [],
    "20000001 bytes": [lambda path: (path.touch(), os.truncate(path, 20_000_001))],
}


@pytest.mark.parametrize("name", ["tariff.csv", "params.yaml"])
@pytest.mark.parametrize(
    ("kind", "make"), [(k, make) for k, each in KINDS.items() for make in each]
)
def test_what_is_no_plain_file_is_refused_unread(case, capsys, monkeypatch, name, kind, make):
    make(case / name)
    line = refusal(case, capsys, monkeypatch)
    assert line == (
        f"ERROR: {case / name}, the file: found {kind!r}, expected a plain file of at most 20 MB."
    )


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("customer", "=cmd|' /C calc'!A0", "a name that begins with a letter"),
        ("customer", "<script>alert(1)</script>", "a name that begins with a letter"),
        ("customer", "[x](javascript:alert(1))", "a name that begins with a letter"),
        ("customer", "$x^{$", "a name that begins with a letter"),
        ("customer", "a|b", "a name that begins with a letter"),
        ("customer", "a\nb", "a name that begins with a letter"),
        ("sector", "-2+3", "a name that begins with a letter"),
        ("sector", "`touch canary`", "a name that begins with a letter"),
        ("name", "@SUM(1)", "a text that does not begin as a formula"),
        ("note", "+1-1", "a text that does not begin as a formula"),
        ("note", "-x", "a text that does not begin as a formula"),
        ("source", "\t=1+1", "a text that does not begin as a formula"),
        ("source", "see <img src=x onerror=alert(1)>", "a plain text, without HTML"),
        ("source", "see [here](javascript:alert(1))", "a plain text, without HTML"),
        ("name", "$\\frac{1}{$", "a text without $"),
    ],
)
def test_a_cell_that_would_be_more_than_a_text_is_refused(
    case, capsys, monkeypatch, column, cell, expected
):
    lines = CUSTOMERS.splitlines()
    row = lines[1].split(",")
    row[lines[0].split(",").index(column)] = f'"{cell}"'
    (case / "customers.csv").write_text("\n".join([lines[0], ",".join(row), *lines[2:]]) + "\n")
    line = refusal(case, capsys, monkeypatch)
    assert line.startswith(f"ERROR: {case}/customers.csv, line ")
    assert f", column {column}: found " in line
    assert f", expected {expected}" in line


def test_the_ledgers_of_the_repository_and_names_in_other_scripts_pass():
    for path in sorted(ROOT.glob("data/raw/*/*.csv")) + sorted(ROOT.glob("data/case_*/*.csv")):
        guard.check_texts(path)
    for name in ("Zürich (Nord)", "变电站 2", "O'Brien & Sons", "T1/T2", "Müller-Werk #3", "-4.5"):
        assert guard._fault(name, "customer", is_name=True) is None
    assert guard._fault("<https://doi.org/10.1>", "source", is_name=False) is None


# ---- a copy that came along, and one that was changed ----------------------------------------


@pytest.mark.parametrize("target", ["outside", "reproduction", "nowhere", "customers.csv"])
def test_results_are_not_written_through_a_link(case, capsys, monkeypatch, target):
    outside = case.parent / "outside"
    outside.mkdir()
    (outside / "src").mkdir()
    (outside / "src/mine.txt").write_text("mine")
    (case / "reproduction").symlink_to(outside if target == "outside" else case / target)
    line = refusal(case, capsys, monkeypatch)
    assert line == (
        f"ERROR: {case}/reproduction, the folder of the results: found 'a link', expected a folder "
        "that was made here, or none: move it elsewhere or delete it."
    )


def test_a_copy_that_came_along_is_refused(project, case, capsys, monkeypatch):
    """A copy of one that was made here is none that was made here."""
    made = workspace.create(case / "reproduction", case)
    sent = case.parent / "sent"
    shutil.copytree(case, sent)
    line = refusal(sent, capsys, monkeypatch)
    assert line.startswith(
        f"ERROR: {sent}/reproduction, the folder of the results: found 'one that was not made by "
        "this installation', expected one that was, or none: "
    )
    shutil.rmtree(made)
    shutil.copytree(sent / "reproduction", made)
    (made / ".made-here").write_text("guessed")
    assert "not made by this installation" in refusal(case, capsys, monkeypatch)
    shutil.rmtree(made)
    workspace.create(made, case)
    workspace.create(made, case)
    (project / guard.COPIES).write_text("[")
    assert "not made by this installation" in refusal(case, capsys, monkeypatch)


@pytest.mark.parametrize(
    "name",
    [
        "numpy.py",
        "sitecustomize.py",
        "yaml/__init__.py",
        "conftest.py",
        "matplotlibrc",
        "gurobi.env",
        ".env",
        ".numba_config.yaml",
        ".git/config",
        ".dvc/config.local",
        ".dvc/plugins/x",
        "data/results/dvc.yaml",
        "data/results/bao2024/x.dvc",
        "tables/.dvcignore",
        "figures/.dvc/config",
    ],
)
def test_what_was_put_into_a_copy_beside_results_is_named(case, capsys, monkeypatch, name):
    path = workspace.create(case / "reproduction", case) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("open('canary', 'w')")
    line = refusal(case, capsys, monkeypatch)
    assert line.startswith(f"ERROR: {case}/reproduction, the folder of the results: found '")
    assert line.endswith("expected only what a run puts there: move it elsewhere or delete it.")


@pytest.mark.parametrize("name", ["src", "data", "dvc.lock", "data/results/bao2024/inputs.json"])
def test_links_within_a_copy_are_refused(case, capsys, monkeypatch, name):
    copy, outside = workspace.create(case / "reproduction", case), case.parent / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    path = copy / name
    if path.is_dir():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(outside)
    line = refusal(case, capsys, monkeypatch)
    assert line == (
        f"ERROR: {path}, the folder of the results: found 'a link', expected plain files only: "
        "delete it."
    )


def test_changed_inputs_and_settings_of_a_copy_are_written_anew(project, case):
    copy = workspace.create(case / "reproduction", case)
    for name in ("dvc.yaml", ".dvc/config", "notebooks/bao2024/01_introduction.ipynb"):
        (copy / name).write_text("stages: {x: {cmd: touch canary}}")
    (copy / "notebooks/bao2024/x.py").write_text("open('canary', 'w')")
    workspace.create(copy, case)
    for name in ("dvc.yaml", ".dvc/config", "notebooks/bao2024/01_introduction.ipynb"):
        assert (copy / name).read_bytes() == (project / name).read_bytes()
    assert not (copy / "notebooks/bao2024/x.py").exists()


def test_no_process_of_a_run_looks_for_modules_in_a_copy(project, case, monkeypatch):
    def reproduce(folder, **_more):
        found = subprocess.run(
            [sys.executable, "-c", "import sys; print(sys.path)"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "''" not in found.stdout
        assert str(folder) not in found.stdout
        return 0

    monkeypatch.setattr(workspace, "reproduce", reproduce)
    workspace.main(["--case", str(case)])
