"""The bootstrap and the Makefile that calls it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mobile_storage.core.processes import end_all, own_group

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())
needs_shell = pytest.mark.skipif(os.name == "nt", reason="its stand-ins are shell scripts")


def load(folder: Path) -> ModuleType:
    """``run.py`` of a folder as a module."""
    spec = importlib.util.spec_from_file_location("run_py", folder / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def here() -> ModuleType:
    """``run.py`` of the repository."""
    return load(ROOT)


@pytest.fixture
def elsewhere(tmp_path) -> ModuleType:
    """``run.py`` in a folder with a blank and other letters in its path, nothing installed."""
    top = tmp_path / "Größere Ablage" / "compendium"
    top.mkdir(parents=True)
    for name in ("run.py", "requirements.lock", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, top / name)
    inside = "src/mobile_storage/core"
    shutil.copytree(ROOT / inside, top / inside, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "src/mobile_storage/__init__.py", top / "src/mobile_storage/__init__.py")
    return load(top)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def call(top: Path, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(top / "run.py"), *words]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


# ---- words of the command line ---------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("help",), ("--help",)])
def test_help_prints_and_does_nothing_else(elsewhere, words):
    before = sorted(elsewhere.TOP.rglob("*"))
    done = call(elsewhere.TOP, *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, elsewhere.HELP, "")
    assert sorted(elsewhere.TOP.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("reproduse",), "run.py does not know reproduse; it knows reproduce, test, fuzz, "),
        (("lint", "src"), "run.py lint takes no further words, but got src.\n"),
        (("clean", "all", "of it"), "run.py clean takes no further words, but got all of it.\n"),
        (("fuzz", "many"), "run.py fuzz takes one whole number, not many.\n"),
        (("fuzz", "1", "2"), "run.py fuzz takes one whole number, not 1 2.\n"),
        (("reproduce", "--frce"), "unrecognized arguments: --frce\n"),
    ],
)
def test_words_that_mean_nothing_are_refused_before_anything_is_installed(
    elsewhere, words, sentence
):
    done = call(elsewhere.TOP, *words)
    assert done.returncode
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not elsewhere.VENV.exists()


def test_each_command_is_in_the_help_and_a_target_of_the_makefile(here):
    in_help = set(re.findall(r"^  ([a-z-]+)", here.HELP, re.MULTILINE))
    assert in_help == set(here.COMMANDS)
    assert set(here.COMMANDS) | {"help"} == TARGETS | {"notebook"}


@pytest.mark.parametrize("pattern", ["README.md", "data/*/README.md", "docs/**/*.md"])
def test_texts_name_only_commands_that_there_are(here, pattern):
    for path in ROOT.glob(pattern):
        text = path.read_text(encoding="utf-8")
        code = "\n".join(re.findall(r"`[^`\n]+`|^    \S.*$", text, re.MULTILINE))
        made = set(re.findall(r"\bmake ([a-z-]+)", code))
        assert made <= TARGETS, path
        assert set(re.findall(r"\brun\.py ([a-z-]+)", code)) <= {*here.COMMANDS, "help"}, path


def test_a_case_is_seen_from_where_the_command_was_given(here, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(here, "module", lambda *words: asked.append(words))
    monkeypatch.chdir(tmp_path)
    here.main(["reproduce", "--case", "my case", "--quick"])
    monkeypatch.chdir(ROOT)
    here.main(["reproduce", "--force", "--case", "my case"])
    workspace = "mobile_storage.tools.workspace"
    assert asked == [
        (workspace, "--quick", "--case", str(tmp_path / "my case")),
        (workspace, "--force", "--case", "my case"),
    ]


def test_further_words_are_passed_on(here, monkeypatch):
    asked = []
    monkeypatch.setattr(here, "module", lambda *words, **_: asked.append(words))
    here.main(["test", "--", "-k", "a name"])
    here.main(["test", "-k", "a name"])
    here.main(["verify", "--quick", "--keep"])
    assert asked[0] == asked[1]
    assert asked[0][-2:] == ("-k", "a name")
    assert asked[2] == ("mobile_storage.tools.receipt", "--quick", "--keep")


# ---- the environment -------------------------------------------------------------------------


@pytest.fixture
def installed(elsewhere, monkeypatch) -> ModuleType:
    """As after a whole installation; this Python stands for the environment's."""
    elsewhere.VENV.mkdir()
    elsewhere.STAMP.write_text(elsewhere.state(), encoding="utf-8")
    monkeypatch.setattr(elsewhere, "PYTHON", Path(sys.executable))
    assert elsewhere.is_installed()
    return elsewhere


def test_a_changed_lock_is_installed_anew(installed):
    with installed.LOCK.open("ab") as file:
        file.write(b"# changed\n")
    assert not installed.is_installed()


def test_a_moved_or_copied_folder_is_installed_anew(installed, monkeypatch):
    copy = shutil.copytree(installed.TOP, installed.TOP.parent / "copy")
    moved = load(copy)
    monkeypatch.setattr(moved, "PYTHON", Path(sys.executable))
    assert moved.STAMP.exists()
    assert not moved.is_installed()


def test_an_installation_that_was_cut_off_is_begun_anew(installed):
    installed.STAMP.unlink()
    assert not installed.is_installed()


def test_an_environment_whose_python_is_gone_is_installed_anew(installed, monkeypatch, tmp_path):
    monkeypatch.setattr(installed, "PYTHON", tmp_path / "gone")
    assert not installed.is_installed()


def test_uv_comes_from_the_lock_with_its_hashes(here):
    lines = here.locked("uv").decode().splitlines()
    assert re.fullmatch(r"uv==[\d.]+ \\", lines[0])
    assert len(lines) > 5
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])
    assert not lines[-1].endswith("\\")


@pytest.mark.parametrize(
    ("listed", "index"),
    [
        ("", None),
        ("global.timeout='60'\n", None),
        ("global.index-url='https://a.example/simple'\n", "https://a.example/simple"),
        ("global.index-url='https://a'\ninstall.index-url='https://b'\n", "https://b"),
        (":env:.index-url='https://c/x=y'\nglobal.index-url='https://a'\n", "https://c/x=y"),
    ],
)
def test_the_index_that_pip_is_set_up_for_is_the_one_of_uv(here, monkeypatch, listed, index):
    done = subprocess.CompletedProcess([], 0, listed.encode())
    monkeypatch.setattr(here.subprocess, "run", lambda *_, **__: done)
    assert here.index_for_uv() == ({"UV_DEFAULT_INDEX": index} if index else {})


def test_settings_of_other_projects_stay_out_and_ours_come_in(elsewhere, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/another/project")
    monkeypatch.setenv("VIRTUAL_ENV", "/another/environment")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    found = elsewhere.environment()
    assert not {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"} & set(found)
    assert found["OMP_NUM_THREADS"] == "1"
    assert found["PATH"].split(os.pathsep)[0] == str(elsewhere.PROGRAMS)
    caches = [text for name, text in found.items() if name.endswith(("_CACHE_DIR", "CONFIGDIR"))]
    assert len(caches) >= 3
    assert all(text.startswith(str(elsewhere.CACHE)) for text in caches)


def test_clean_removes_what_was_installed_and_cached_and_nothing_else(elsewhere, tmp_path):
    top = elsewhere.TOP
    kept = sorted(top.rglob("*"))
    mine = tmp_path / "another disk/mine.txt"
    made = [
        ".venv/bin/x",
        ".quick/a.csv",
        ".dvc/tmp/lock",
        "build/site/a.html",
        "src/__pycache__/a",
    ]
    for path in [mine, *(top / name for name in made)]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    if os.name != "nt":
        (top / ".cache").symlink_to(mine.parent)
    elsewhere.main(["clean"])
    assert sorted(path for path in top.rglob("*") if path != top / ".dvc") == kept
    assert mine.exists()


# ---- which Python ----------------------------------------------------------------------------


@needs_shell
def test_the_first_python_that_is_new_enough_and_whole_is_taken(here, tmp_path, monkeypatch):
    script(tmp_path / "python3.11", "exit 127")  # as pyenv's, where that version is not switched on
    good = script(tmp_path / "python3.12", f'exec "{sys.executable}" "$@"')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYTHON", raising=False)
    assert here.fit_python() == [str(good)]


@needs_shell
def test_the_python_that_was_asked_for_comes_first(here, tmp_path, monkeypatch, capsys):
    script(tmp_path / "python3.11", f'exec "{sys.executable}" "$@"')
    mine = script(tmp_path / "My Drive/python", f'exec "{sys.executable}" "$@"')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHON", str(mine))
    assert here.fit_python() == [str(mine)]
    monkeypatch.setenv("PYTHON", "/none")
    assert here.fit_python() == [str(tmp_path / "python3.11")]
    assert "PYTHON=/none is no Python >= 3.11 with its venv module" in capsys.readouterr().out


def test_the_environments_own_python_does_not_replace_it(here, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(here.PROGRAMS))
    monkeypatch.delenv("PYTHON", raising=False)
    found = here.fit_python()
    assert found is None or Path(found[0]).parent != here.PROGRAMS


def test_without_a_python_that_is_new_enough_a_sentence_says_what_to_install(here, monkeypatch):
    monkeypatch.setattr(here, "is_fit", lambda command: False)
    with pytest.raises(SystemExit, match=r"^No Python >= 3\.11 with its venv module was found\."):
        here.needed_python()


# ---- the end ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 7])
def test_the_exit_code_is_that_of_what_was_run(here, code):
    assert here.run([sys.executable, "-c", f"raise SystemExit({code})"]) == code


#: Where tests run in the background, Ctrl-C is switched off for all that they start.
LISTENS = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
CHILD = f"""
{LISTENS}
import time
try:
    print(1, flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    raise SystemExit(3) from None
"""


@pytest.fixture
def running():
    """``run.py`` at work, in a group of its own."""
    code = f"{LISTENS}sys.path.insert(0, {str(ROOT)!r}); import run\n"
    code += f"sys.exit(run.run([sys.executable, '-c', {CHILD!r}]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **own_group(),
    )
    assert process.stdout.readline() == "1\n"
    yield process
    end_all(process.pid)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_without_a_word(running):
    """A terminal sends it to all processes of a group."""
    os.killpg(running.pid, signal.SIGINT)
    assert running.communicate() == ("", "")
    assert running.returncode == 130


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_request_to_end_ends_what_was_run(running):
    """The pipe is at its end once nobody is left to write to it."""
    running.terminate()
    assert running.communicate() == ("", "")
    assert running.returncode == 128 + signal.SIGTERM


# ---- the Makefile ----------------------------------------------------------------------------


def test_the_makefile_has_nothing_that_make_3_81_does_not_know():
    later = (
        r"ONESHELL|SHELLFLAGS|undefine|!=|::=|\$\((file|guile|let|intcmp)\b|private|\.RECIPEPREFIX"
    )
    assert not re.search(later, MAKEFILE)
    recipes = [line for line in MAKEFILE.splitlines() if line.startswith("\t")]
    assert all(line.startswith("\t@$(RUN) ") for line in recipes)


@needs_shell
@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize(
    ("words", "passed"),
    [
        (["help"], ["help"]),
        ([], ["help"]),
        (["reproduce"], ["reproduce"]),
        (["reproduce", "QUICK=1", "FORCE=1"], ["reproduce", "--quick", "--force"]),
        (
            ["reproduce", "CASE=My Drive/d'Été (1)", "QUICK=1"],
            ["reproduce", "--case", "My Drive/d'Été (1)", "--quick"],
        ),
        (["test", "PYTEST=-k 'a name' -x"], ["test", "-k", "a name", "-x"]),
        (["fuzz"], ["fuzz"]),
        (["fuzz", "FUZZ=50"], ["fuzz", "50"]),
        (["verify", "QUICK=1", "VERIFY=--keep"], ["verify", "--quick", "--keep"]),
        (["flip", "FLIP=--paper fu2024"], ["flip", "--paper", "fu2024"]),
        (["lab", "LAB=--no-browser"], ["lab", "--no-browser"]),
        (["lock-requirements", "UPGRADE=1"], ["lock-requirements", "--upgrade"]),
        *([[name], [name]] for name in ("site", "report", "lint", "clean", "check-lock")),
    ],
)
def test_each_target_passes_its_variables_on(elsewhere, tmp_path, words, passed):
    python = script(tmp_path / "a folder/python", 'printf "%s\\n" "$@"')
    done = subprocess.run(
        ["make", *words, f"PYTHON={python}"],
        cwd=elsewhere.TOP,
        capture_output=True,
        encoding="utf-8",
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
        check=True,
    )
    assert done.stdout.splitlines() == ["run.py", *passed]
