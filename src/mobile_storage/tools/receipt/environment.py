"""What the results were recomputed with: Python, machine, packages, solvers, fonts.

Nothing here names the machine or its user, and no licence is shown, only its kind.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

from packaging.requirements import Requirement

from mobile_storage.core.process_environment import fixed_settings
from mobile_storage.tools.environment import locked_requirements

__all__ = [
    "Environment",
    "PackageDifference",
    "Solver",
    "SolverDifference",
    "describe",
    "gurobi",
    "highs",
    "package_differences",
    "scip",
    "solver_differences",
    "solvers_in",
]

#: Gurobi's error codes of a missing or invalid licence, and of a model too large for it.
_NO_LICENSE, _SIZE_LIMIT = 10009, 10010
#: The licence that comes with gurobipy on PyPI holds so many variables.
_SMALL_LICENSE = 2000


@dataclass(frozen=True)
class Solver:
    """One solver: `version` is empty if it is not there; `usable` says whether it solves."""

    name: str
    version: str
    usable: bool
    note: str


@dataclass(frozen=True)
class PackageDifference:
    """A package whose version is not the locked one; `installed` is None if it is not there."""

    name: str
    locked: str
    installed: str | None


@dataclass(frozen=True)
class SolverDifference:
    """A solver that committed results name, in a version that is not here (None: not at all)."""

    name: str
    in_results: str
    here: str | None


@dataclass(frozen=True)
class Environment:
    """All of it; see the fields' types.

    `arithmetic` is what the module of that name finds out, `settings` what each stage got as its
    environment.
    """

    python: str
    system: str
    processor: str
    processors: int
    arithmetic: Mapping[str, str]
    font: str
    settings: Mapping[str, str]
    locked: int
    packages: tuple[PackageDifference, ...]
    solvers: tuple[Solver, ...]
    solvers_differ: tuple[SolverDifference, ...]


def describe(lock: str, named: Mapping[str, set[str]]) -> Environment:
    """Describe this environment.

    Parameters
    ----------
    lock : str
        Text of ``requirements.lock``.
    named : mapping
        Versions of each solver that the committed results name, from `solvers_in`.
    """
    solvers = tuple(probe() for probe in (gurobi, highs, scip))
    system = filter(None, [platform.system(), platform.machine(), *platform.libc_ver()])
    return Environment(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=" ".join(system),
        processor=_processor(),
        processors=_processors(),
        arithmetic=_arithmetic(),
        font=_font(),
        settings=fixed_settings(),
        locked=len(list(_requirements(lock))),
        packages=tuple(package_differences(lock, _installed)),
        solvers=solvers,
        solvers_differ=tuple(solver_differences(named, solvers)),
    )


# ---- packages --------------------------------------------------------------------------------


def package_differences(
    lock: str, installed: Callable[[str], str | None]
) -> Iterator[PackageDifference]:
    """Yield the packages of a lock, for this system and Python, that have another version.

    Parameters
    ----------
    lock : str
        Text of ``requirements.lock``.
    installed : callable
        Version of a package by name, None if it is not there.
    """
    for requirement in _requirements(lock):
        locked = next(iter(requirement.specifier)).version
        if (version := installed(requirement.name)) != locked:
            yield PackageDifference(requirement.name, locked, version)


def _requirements(lock: str) -> Iterator[Requirement]:
    """Yield the requirements of a lock that count on this system and Python."""
    for requirement in locked_requirements(lock):
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# ---- solvers ---------------------------------------------------------------------------------


def gurobi() -> Solver:
    """Solve a problem of one variable with Gurobi, and find out which kind of licence it has."""
    try:
        gp = import_module("gurobipy")
    except ImportError:
        return Solver("gurobi", "", False, "gurobipy is not installed")
    version = ".".join(map(str, gp.gurobi.version()))
    try:
        with gp.Env(params={"OutputFlag": 0}) as env, gp.Model(env=env) as model:
            model.addVar(lb=1.0, obj=1.0)
            model.optimize()
            usable = model.Status == gp.GRB.OPTIMAL
            until = str(int(model.LicenseExpiration))
            model.addVars(_SMALL_LICENSE, obj=1.0)
            limited = _too_large(gp, model)
    except gp.GurobiError as error:
        # Its text may name the machine, its user or the licence: the number does not.
        why = "no valid licence" if error.errno == _NO_LICENSE else "does not start"
        return Solver("gurobi", version, False, f"{why} (error {error.errno})")
    kind = (
        "size-limited licence of the pip package (2,000 variables)" if limited else "full licence"
    )
    ends = "" if until.startswith("9999") else f", until {until[:4]}-{until[4:6]}-{until[6:]}"
    return Solver("gurobi", version, usable, kind + ends)


def _too_large(gp, model) -> bool:
    try:
        model.optimize()
    except gp.GurobiError as error:
        if error.errno == _SIZE_LIMIT:
            return True
        raise
    return False


def highs() -> Solver:
    """Solve a problem of one variable with HiGHS."""
    try:
        highspy = import_module("highspy")
    except ImportError:
        return Solver("highs", "", False, "highspy is not installed")
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.addVar(1.0, 2.0)
    model.run()
    usable = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return Solver("highs", model.version(), usable, "open source")


def scip() -> Solver:
    """Solve a problem of one variable with SCIP; the version is PySCIPOpt's, as in the results."""
    try:
        pyscipopt = import_module("pyscipopt")
    except ImportError:
        return Solver("scip", "", False, "pyscipopt is not installed")
    model = pyscipopt.Model()
    model.hideOutput()
    model.setObjective(model.addVar(lb=1.0))
    model.optimize()
    parts = (model.getMajorVersion(), model.getMinorVersion(), model.getTechVersion())
    note = f"open source; PySCIPOpt's version, SCIP itself {'.'.join(map(str, parts))}"
    return Solver("scip", pyscipopt.__version__, model.getStatus() == "optimal", note)


def solvers_in(content: object) -> Iterator[tuple[str, str]]:
    """Yield solver and version wherever a result, read from JSON, names both."""
    if isinstance(content, Mapping):
        if isinstance(content.get("solver"), str) and isinstance(
            content.get("solver_version"), str
        ):
            yield content["solver"], content["solver_version"]
        content = list(content.values())
    if isinstance(content, list):
        for item in content:
            yield from solvers_in(item)


def solver_differences(
    named: Mapping[str, set[str]], solvers: tuple[Solver, ...]
) -> Iterator[SolverDifference]:
    """Yield each version of a solver that results name and that cannot be used here."""
    here = {solver.name: solver.version for solver in solvers if solver.usable}
    for name, versions in sorted(named.items()):
        for version in sorted(versions - {here.get(name)}):
            yield SolverDifference(name, version, here.get(name))


# ---- arithmetic ------------------------------------------------------------------------------


def _arithmetic() -> dict[str, str]:
    """Return what `arithmetic.machine_code` finds out in a process started like a stage."""
    words = [sys.executable, "-m", "mobile_storage.tools.receipt.arithmetic"]
    done = subprocess.run(
        words, env={**os.environ, **fixed_settings()}, check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


# ---- machine ---------------------------------------------------------------------------------


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)[1].strip()
    except (OSError, TypeError):  # not on Linux, or no such line on other processors
        return platform.processor() or "unknown"


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _font() -> str:
    """Return which font the figures are drawn with, and whether it is matplotlib's own."""
    import matplotlib as mpl
    from matplotlib import font_manager

    from mobile_storage.core import style

    with mpl.rc_context():
        style.apply()
        found = Path(font_manager.findfont(font_manager.FontProperties()))
    own = found.is_relative_to(mpl.get_data_path())
    source = f"of matplotlib {mpl.__version__}" if own else "of the system"
    return f"{found.stem}, {source}"
