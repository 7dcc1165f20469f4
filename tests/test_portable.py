"""Nothing on the way to the results that only some systems have."""

from __future__ import annotations

import ast
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
OWN = [
    ROOT / "run.py",
    *(p for f in ("src", "data", "docs") for p in sorted((ROOT / f).rglob("*.py"))),
]
#: What Windows lacks, of modules and of names in them.
MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
NAMES = {
    "os": {
        *("fork", "forkpty", "killpg", "getpgid", "setpgid", "setsid", "getppid", "getuid"),
        *("geteuid", "getpriority", "setpriority", "nice", "uname", "mkfifo", "execv", "execvp"),
    },
    "signal": {"SIGKILL", "SIGHUP", "SIGSTOP", "SIGCONT", "SIGALRM", "SIGUSR1", "SIGUSR2", "alarm"},
}
#: Calls with a text file in them, and where the mode stands among their arguments.
TEXT_CALLS = {"read_text": None, "write_text": None, "open": 0}
#: The server of stages forks where `server.AVAILABLE` says that the system can.
FORKS = {
    "src/mobile_storage/tools/kernel.py": ["os.setsid"],
    "src/mobile_storage/tools/pipeline/server.py": ["os.fork"],
}
#: These open no text: archives, pictures.
NOT_TEXT = {"Image", "tarfile", "zipfile"}


def faults(code: str) -> list[str]:
    """Line and reason of each call that would fail, or mean another thing, on another system."""
    found = []
    for node in ast.walk(ast.parse(code)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            lacking = NAMES.get(node.module or "", set())
            found += [f"{node.lineno}: {a.name}" for a in node.names if a.name in lacking]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in NAMES.get(node.value.id, ()):
                found.append(f"{node.lineno}: {node.value.id}.{node.attr}")
        elif isinstance(node, ast.Call):
            found += [f"{node.lineno}: {reason}" for reason in call_faults(node)]
        found += [f"{node.lineno}: {name}" for name in names if name.partition(".")[0] in MODULES]
    return found


def call_faults(call: ast.Call) -> list[str]:
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    found = []
    if isinstance(options.get("shell"), ast.Constant) and options["shell"].value:
        found.append("shell=True")
    text = isinstance(options.get("text"), ast.Constant) and options["text"].value
    if text and "encoding" not in options:
        found.append("text=True without an encoding")
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    if name not in TEXT_CALLS or "encoding" in options or None in options:
        return found
    if isinstance(function, ast.Attribute):
        if isinstance(function.value, ast.Name) and function.value.id in NOT_TEXT:
            return found
        mode_at = TEXT_CALLS[name]
    elif name == "open":
        mode_at = 1
    else:  # functions of ours, which say their encoding themselves
        return found
    mode = options.get("mode")
    if mode_at is not None and len(call.args) > mode_at:
        mode = call.args[mode_at]
    if not (isinstance(mode, ast.Constant) and "b" in str(mode.value)):
        found.append(f"{name} without an encoding")
    return found


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_code_calls_nothing_that_one_system_lacks_and_names_every_encoding(path):
    found = [fault.partition(" ")[2] for fault in faults(path.read_text(encoding="utf-8"))]
    assert found == FORKS.get(path.relative_to(ROOT).as_posix(), [])


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.killpg(1, 9)",
        "import fcntl",
        "from signal import SIGKILL",
        "import resource as r",
        "run('a; b', shell=True)",
        "Path('a').write_text('b')",
        "path.read_text()",
        "open('a')",
        "open('a', 'w')",
        "path.open('w')",
        "subprocess.run(words, text=True)",
    ],
)
def test_each_kind_of_fault_is_found(code):
    assert len(faults(code)) == 1


@pytest.mark.parametrize(
    "code",
    [
        "open('a', 'rb')",
        "path.open('wb')",
        "path.open(mode='ab')",
        "Image.open(content)",
        "write_text('text', path)",
        "path.read_text(encoding='utf-8')",
        "run(words, shell=False)",
    ],
)
def test_what_is_no_fault_is_left_alone(code):
    assert faults(code) == []


def test_the_commands_of_the_stages_are_words_that_every_shell_reads_alike():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, stage in stages.items():
        command = stage.get("do", stage)["cmd"]
        for line in [command] if isinstance(command, str) else command:
            words = line.replace("${", "").replace("}", "").split()
            assert words[:2] == ["python", "-m"], name
            assert shlex.split(line) == line.split(), name
            assert not set("".join(words)) & set("|&;<>()$`\\\"'*?#~%^!"), name


def test_run_py_is_read_by_old_pythons_and_needs_nothing_but_python():
    code = (ROOT / "run.py").read_text(encoding="utf-8")
    tree = ast.parse(code, feature_version=(3, 6))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - {"mobile_storage"} <= sys.stdlib_module_names - {"__future__", "tomllib"}


def test_the_environment_of_every_run_is_found_without_any_package():
    """`run.py` reads it before anything is installed."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from mobile_storage.core.process_environment import process_environment\n"
        "print(len(process_environment(Path())))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT / "src")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert int(done.stdout) > 20


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Paths of all files in git."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git repository")
    command = ["git", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.rstrip("\0").split("\0")


def test_text_in_the_repository_has_unix_line_ends_whatever_git_is_set_to(tracked):
    asked = subprocess.run(
        ["git", "check-attr", "--stdin", "-z", "text", "eol"],
        cwd=ROOT,
        input="\0".join(tracked),
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout.split("\0")
    said: dict[str, dict[str, str]] = {}
    for path, attribute, value in zip(asked[::3], asked[1::3], asked[2::3], strict=False):
        said.setdefault(path, {})[attribute] = value
    assert set(said) == set(tracked)
    for path in filter(lambda path: (ROOT / path).is_file(), tracked):
        content = (ROOT / path).read_bytes()
        if b"\0" in content:
            assert said[path]["text"] == "unset", path
        else:
            assert said[path] == {"text": "auto", "eol": "lf"}, path
            assert b"\r\n" not in content, path


def test_windows_can_hold_every_path(tracked):
    reserved = {"con", "prn", "aux", "nul", *(f"{n}{k}" for n in ("com", "lpt") for k in range(10))}
    for path in tracked:
        for part in path.split("/"):
            assert part.partition(".")[0].lower() not in reserved, path
            assert not set(part) & set('<>:"\\|?*'), path
            assert part == part.rstrip(" ."), path
        assert len(path) < 120, path
    assert len({path.lower() for path in tracked}) == len(tracked)
