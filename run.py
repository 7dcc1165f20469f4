"""Set up the compendium and run it: ``python run.py help`` lists what there is.

Nothing has to be installed but Python. All that is installed, cached or configured stays below this
folder (.venv, .cache, .dvc/tmp). The Makefile calls this file.

Python 3.6 can read this file, so that an old Python finds a newer one or says what is missing.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HELP = """\
python run.py ...           or make ...              what it does
  reproduce                   reproduce                every table, figure, notebook and verdict;
                                                       reruns only what changed
  reproduce --force           reproduce FORCE=1        the same, running every stage again
  reproduce --quick           reproduce QUICK=1        a smaller run in a copy (.quick); the results
                                                       here stay as they are
  reproduce --case FOLDER     reproduce CASE=FOLDER    the pipeline on the data in FOLDER; results
                                                       in FOLDER/reproduction
  test                        test                     all tests; "test -k name" or PYTEST="-k name"
                                                       some of them
  fuzz [NUMBER]               fuzz FUZZ=NUMBER         12,000 bad ledgers, each refused or read as
                                                       written
  verify                      verify                   every stage again, in a copy, compared with
                                                       what is committed: the receipt; more options
                                                       follow, or stand in VERIFY="..."
  verify --quick              verify QUICK=1           the same for some stages, in under 3 minutes
  flip                        flip                     the flip test anew: which verdicts hang on
                                                       values that are not given; FLIP="..."
  lab                         lab                      JupyterLab on the explorer: sliders, answers
                                                       within a second or so; LAB="--no-browser"
  notebook PAPER SECTION                               one notebook with other values of its
                                                       parameters: -o FILE -p NAME VALUE
  site                        site                     the site to read: build/site/index.html
  report                      report                   the claims with their figures for print:
                                                       build/report.pdf
  lint                        lint                     style of the code
  clean                       clean                    remove the environment, caches and the quick
                                                       copy, nothing else
  lock-requirements           lock-requirements        after a change of pyproject.toml: new
                                                       requirements.lock and environment.yml;
                                                       --upgrade or UPGRADE=1: the newest versions
  check-lock                  check-lock               whether each system and Python has a wheel of
                                                       each package in the lock (asks the index)
On Windows: py run.py ...; another Python: PYTHON=/path/to/python in the environment or after make.
"""

TOP = Path(__file__).resolve().parent
VENV = TOP / ".venv"
CACHE = TOP / ".cache"
STAMP = VENV / ".installed"
LOCK = TOP / "requirements.lock"
WINDOWS = os.name == "nt"
PROGRAMS = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = PROGRAMS / ("python.exe" if WINDOWS else "python")
OLDEST = (3, 11)
#: The lock has wheels for these.
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
INTERRUPTED = 130
FIT = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
#: Whatever else is installed for this user or set for another project stays out.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
LEFT_BY_TOOLS = (".pytest_cache", ".ruff_cache", ".hypothesis", "build", "dist")
ENVIRONMENT = "mobile_storage.tools.environment"
# One module of the package is read before anything is installed: the settings of every run.
sys.path.insert(0, str(TOP / "src"))


# ---- which Python ----------------------------------------------------------------------------


def fit_python():
    """Return the command of a Python that can make the environment, or None."""
    # The environment's own Python cannot be the one that replaces it.
    own = getattr(sys, "_base_executable", None) or sys.executable
    search = os.pathsep.join(
        folder
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if os.path.realpath(folder) != os.path.realpath(str(PROGRAMS))
    )
    asked = os.environ.get("PYTHON")
    commands = [[asked]] if asked else []
    commands += [["python" + version] for version in VERSIONS]
    if WINDOWS:
        commands += [["py", "-" + version] for version in VERSIONS]
    commands += [[own], ["python3"], ["python"]]
    for first, *options in commands:
        program = shutil.which(first, path=search)
        if program and is_fit([program, *options]):
            return [program, *options]
        if first == asked:
            print(f"PYTHON={asked} is no Python >= 3.11 with its venv module.")
    return None


def is_fit(command):
    """Whether a command is a Python that is new enough and whole."""
    try:
        done = subprocess.run(
            [*command, "-c", FIT], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    return done.returncode == 0


def needed_python():
    """Return what `fit_python` does, or end with a sentence."""
    found = fit_python()
    if found is None:
        sys.exit(
            "No Python >= 3.11 with its venv module was found. Install it (on Debian and Ubuntu: "
            "apt install python3 python3-venv) or say where it is: set the environment variable "
            "PYTHON to its path."
        )
    return found


# ---- the environment -------------------------------------------------------------------------


def environment():
    """Return the environment variables of all that is run here."""
    from mobile_storage.core.process_environment import process_environment

    variables = {name: text for name, text in os.environ.items() if name not in FOREIGN}
    variables.update(process_environment(TOP))
    variables["PYTHONNOUSERSITE"] = "1"
    variables["PATH"] = os.pathsep.join([str(PROGRAMS), os.environ.get("PATH", "")])
    return variables


def run(command, without=(), **variables):
    """Run a command at the top of the repository, with or without variables; return its code."""
    own = {name: text for name, text in environment().items() if name not in without}
    command = [str(word) for word in command]
    return wait_for(subprocess.Popen(command, cwd=str(TOP), env={**own, **variables}))


def wait_for(process):
    """Return the exit code of a process.

    Ctrl-C reaches it as well, and it ends as it sees fit; a request to end is passed on to it.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    interrupted = False
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            interrupted = True
        else:
            signal.signal(signal.SIGTERM, before)
            # A process that a signal has ended: the code of a shell.
            return INTERRUPTED if interrupted else 128 - code if code < 0 else code


def state():
    """Return what the environment hangs on: this folder, since it holds paths, and the lock."""
    digest = hashlib.sha256()
    for path in (LOCK, TOP / "pyproject.toml"):
        digest.update(path.read_bytes())
    return f"{TOP}\n{digest.hexdigest()}\n"


def is_installed():
    """Whether the environment was made whole, here and from this lock, and still runs."""
    try:
        made_of = STAMP.read_text(encoding="utf-8")
    except OSError:
        return False
    return made_of == state() and is_fit([str(PYTHON)])


def install():
    """Make the environment anew if need be; end with a sentence if that fails."""
    if is_installed():
        return
    python = needed_python()
    version = subprocess.run([*python, "--version"], stdout=subprocess.PIPE).stdout.decode()
    print("Setting up .venv with " + version.strip(), flush=True)
    need([*python, "-m", "venv", "--clear", VENV])
    CACHE.mkdir(exist_ok=True)
    # uv installs the lock several times faster than pip. It comes from the lock itself, at the hash
    # written there; should it fail, for instance behind a proxy or index that only pip is set up
    # for, pip does the same work.
    own_lock, own_cache = CACHE / "uv.lock", CACHE / "uv"
    own_lock.write_bytes(locked("uv"))
    uv = [PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", PYTHON]
    code = pip("--no-deps", "--require-hashes", "-r", own_lock) or run(
        [*uv, "--require-hashes", "-r", LOCK], UV_CACHE_DIR=str(own_cache), **index_for_uv()
    )
    if code and code != INTERRUPTED:
        print("Installing with pip instead; this takes a minute or two longer.", flush=True)
        code = pip("--require-hashes", "-r", LOCK)
    own_lock.unlink()
    shutil.rmtree(str(own_cache), ignore_errors=True)
    end_on(code or pip("--no-deps", "--no-build-isolation", "--editable", TOP))
    STAMP.write_text(state(), encoding="utf-8")


def locked(name):
    """Return the lines of one package in the lock."""
    lines = re.search(
        rb"^" + name.encode() + rb"==(.*\\\r?\n)*.*\r?\n", LOCK.read_bytes(), re.MULTILINE
    )
    return lines.group()


def pip(*words):
    """Install with the environment's pip; return the exit code."""
    options = ["--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    return run([PYTHON, "-m", "pip", "install", *options, *words])


def index_for_uv():
    """Return the variable that makes the index that pip is set up for the one of uv."""
    done = subprocess.run(
        [str(PYTHON), "-m", "pip", "config", "list"], stdout=subprocess.PIPE, env=environment()
    )
    lines = done.stdout.decode("utf-8", errors="replace").splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line)
    for level in (":env:", "install", "global"):
        if level + ".index-url" in settings:
            return {"UV_DEFAULT_INDEX": ast.literal_eval(settings[level + ".index-url"])}
    return {}


# ---- what there is to do ---------------------------------------------------------------------


def need(command, **variables):
    """Run a command, and end as it ends if it fails."""
    end_on(run(command, **variables))


def end_on(code):
    """End the program if the exit code is one of a failure."""
    if code:
        sys.exit(code)


def module(name, *words, without=(), **variables):
    """Run a module of the environment, and end as it ends."""
    install()
    sys.exit(run([PYTHON, "-m", name, *words], without, **variables))


def pytest(*words, **variables):
    """Run tests, and end as they end."""
    module("pytest", "-o", "cache_dir={}".format(CACHE / "pytest"), *words, **variables)


def reproduce(words):
    """Run the pipeline here or in a copy."""
    parser = argparse.ArgumentParser(prog="run.py reproduce", description=reproduce.__doc__)
    parser.add_argument("--case", metavar="FOLDER", help="run on the data in FOLDER")
    parser.add_argument("--quick", action="store_true", help="the smaller run, in .quick")
    parser.add_argument("--force", action="store_true", help="run every stage, changed or not")
    asked = parser.parse_args(words)
    options = ["--quick"] * asked.quick + ["--force"] * asked.force
    if asked.case is not None:
        # Seen from where the command was given; the pipeline runs at the top.
        here = Path.cwd().resolve() == TOP
        options += ["--case", asked.case if here else os.path.abspath(asked.case)]
    module("mobile_storage.tools.workspace", *options)


def test(words):
    """Run all tests, on two cores."""
    pytest("-n", "2", "--dist", "worksteal", *words)


def fuzz(words):
    """Run many bad ledgers."""
    number = words[0] if words else "12000"
    if len(words) > 1 or not number.isdigit():
        sys.exit("run.py fuzz takes one whole number, not {}.".format(" ".join(words)))
    pytest("-q", "tests/faults/test_fuzz.py", FUZZ=number)


def lab(words):
    """Start JupyterLab on the explorer.

    The notebooks read paths from the top of the repository, in the pipeline and in Lab alike. Lab
    asks nothing of the internet, and stores a notebook when its reader says so, not by itself.
    """
    start = f"import os; os.chdir({str(TOP)!r}); del os"
    profile, settings = CACHE / "ipython/profile_default", CACHE / "jupyter/settings/@jupyterlab"
    files = {
        profile / "ipython_kernel_config.py": f"c.InteractiveShellApp.exec_lines = [{start!r}]",
        settings / "apputils-extension/notification.jupyterlab-settings": json.dumps(
            {"fetchNews": "false", "checkForUpdates": False}
        ),
        settings / "docmanager-extension/plugin.jupyterlab-settings": json.dumps(
            {"autosave": False}
        ),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    options = ["--notebook-dir", "notebooks", *words, "notebooks/explore.ipynb"]
    # Where no backend is set, a kernel shows figures in its notebook.
    module("jupyterlab", *options, without=["MPLBACKEND"])


def lint(words):
    """Check the style of the code, and the types of the general packages."""
    nothing_more("lint", words)
    install()
    need([PYTHON, "-m", "ruff", "check", "."])
    need([PYTHON, "-m", "ruff", "format", "--check", "."])
    need([PYTHON, "-m", "mypy"])


def clean(words):
    """Remove the environment, caches and the quick copy."""
    nothing_more("clean", words)
    folders = [VENV, CACHE, TOP / ".quick", TOP / ".dvc/tmp", TOP / ".dvc/cache"]
    folders += [TOP / name for name in LEFT_BY_TOOLS]
    folders += [path for place in ("src", "tests") for path in (TOP / place).rglob("__pycache__")]
    for folder in folders:
        if folder.is_symlink():  # to another disk, for instance: what it points to stays
            folder.unlink()
        elif folder.is_dir():
            shutil.rmtree(str(folder))


def lock_requirements(words):
    """Make the lock anew from pyproject.toml, and the conda environment from the lock."""
    install()
    options = ["--group", "dev", "--group", "docs", "--group", "build", "--universal"]
    options += ["--fork-strategy", "fewest", "--generate-hashes", "--no-header", "--quiet"]
    options += ["--no-emit-index-url", "--no-emit-find-links", "--output-file", LOCK.name]
    compiled = [PYTHON, "-m", "uv", "pip", "compile", "pyproject.toml", *options, *words]
    need(compiled, **index_for_uv())
    need([PYTHON, "-m", ENVIRONMENT])


def check_lock(words):
    """Ask the index whether each system and Python has a wheel of each package in the lock."""
    install()
    sys.exit(run([PYTHON, "-m", ENVIRONMENT, "--check-wheels", *words], **index_for_uv()))


def nothing_more(command, words):
    """End with a sentence if there are words after a command that takes none."""
    if words:
        sys.exit("run.py {} takes no further words, but got {}.".format(command, " ".join(words)))


COMMANDS = {
    "reproduce": reproduce,
    "test": test,
    "fuzz": fuzz,
    "verify": lambda words: module("mobile_storage.tools.receipt", *words),
    "flip": lambda words: module("mobile_storage.flip", *words),
    "lab": lab,
    "notebook": lambda words: module("mobile_storage.stages.notebook", *words),
    "site": lambda words: module("mobile_storage.tools.site", "site", *words),
    "report": lambda words: module("mobile_storage.tools.site", "report", *words),
    "lint": lint,
    "clean": clean,
    "lock-requirements": lock_requirements,
    "check-lock": check_lock,
}


def main(words):
    """Do what the words of the command line say."""
    if not words or words[0] in ("help", "-h", "--help"):
        print(HELP, end="")
        return
    command, *others = words
    if command not in COMMANDS:
        known = ", ".join([*COMMANDS, "help"])
        sys.exit(f"run.py does not know {command}; it knows {known}.")
    if sys.version_info < OLDEST:
        # This one only looks for another, which does the work.
        sys.exit(wait_for(subprocess.Popen([*needed_python(), str(TOP / "run.py"), *words])))
    if others and others[0] == "--":
        others = others[1:]
    COMMANDS[command](others)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
