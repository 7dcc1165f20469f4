"""Environment of a verification: Python, machine, packages, solvers, fonts.

Nothing here names the machine or its user, and of a licence only the kind is shown.
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
from typing import Any

from packaging.requirements import Requirement

from mobile_storage.core.process_environment import fixed_settings
from mobile_storage.tools.environment import locked_requirements

__all__ = [
    "Environment",
    "PackageDifference",
    "Solver",
    "SolverDifference",
    "describe",
    "machine_code",
    "package_differences",
    "probe",
    "solver_differences",
    "solvers_in",
]

#: Gurobi's error codes of a missing or invalid licence, and of a model too large for it.
_NO_LICENSE, _SIZE_LIMIT = 10009, 10010
#: Largest number of variables for the licence that comes with gurobipy on PyPI.
_SMALL_LICENSE = 2000


@dataclass(frozen=True)
class Solver:
    """A solver; `version` is empty if it is not installed, `usable` says whether it solves."""

    name: str
    version: str
    usable: bool
    note: str


@dataclass(frozen=True)
class PackageDifference:
    """A package in another version than the locked one; None if it is not installed."""

    name: str
    locked: str
    installed: str | None


@dataclass(frozen=True)
class SolverDifference:
    """A solver that committed results name, and its version here; None if it cannot be used."""

    name: str
    in_results: str
    here: str | None


@dataclass(frozen=True)
class Environment:
    """The environment of a receipt.

    `arithmetic` is the `machine_code` of a stage, `settings` are the environment variables of each
    stage, `locked` is the number of packages in the lock.
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
    solvers = tuple(map(probe, _PROBES))
    system = filter(None, [platform.system(), platform.machine(), *platform.libc_ver()])
    return Environment(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        system=" ".join(system),
        processor=_processor(),
        processors=_processors(),
        arithmetic=_arithmetic(),
        font=_font(),
        settings=fixed_settings(),
        locked=len(_requirements(lock)),
        packages=tuple(package_differences(lock, _installed)),
        solvers=solvers,
        solvers_differ=tuple(solver_differences(named, solvers)),
    )


def package_differences(
    lock: str, installed: Callable[[str], str | None]
) -> Iterator[PackageDifference]:
    """Yield the packages of a lock, for this system and Python, that have another version.

    `installed` returns the version of a package by name, None if it is not there.
    """
    for requirement in _requirements(lock):
        locked = next(iter(requirement.specifier)).version
        if (version := installed(requirement.name)) != locked:
            yield PackageDifference(requirement.name, locked, version)


def _requirements(lock: str) -> list[Requirement]:
    """Return the requirements of a lock that count on this system and Python."""
    every = locked_requirements(lock)
    return [one for one in every if one.marker is None or one.marker.evaluate()]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def probe(name: str) -> Solver:
    """Solve a problem of one variable with ``gurobi``, ``highs`` or ``scip``."""
    package, solve = _PROBES[name]
    try:
        module = import_module(package)
    except ImportError:
        return Solver(name, "", False, f"{package} is not installed")
    return Solver(name, *solve(module))


def _gurobi(gp: Any) -> tuple[str, bool, str]:
    """Return the version, whether it solves, and the kind of licence."""
    version = ".".join(map(str, gp.gurobi.version()))
    limited = False
    try:
        with gp.Env(params={"OutputFlag": 0}) as env, gp.Model(env=env) as model:
            model.addVar(lb=1.0, obj=1.0)
            model.optimize()
            usable = model.Status == gp.GRB.OPTIMAL
            until = str(int(model.LicenseExpiration))
            model.addVars(_SMALL_LICENSE, obj=1.0)
            try:
                model.optimize()
            except gp.GurobiError as error:
                if error.errno != _SIZE_LIMIT:
                    raise
                limited = True
    except gp.GurobiError as error:
        # The text of an error may name the machine, its user or the licence; its number does not.
        why = "no valid licence" if error.errno == _NO_LICENSE else "does not start"
        return version, False, f"{why} (error {error.errno})"
    small = "size-limited licence of the pip package (2,000 variables)"
    ends = "" if until.startswith("9999") else f", until {until[:4]}-{until[4:6]}-{until[6:]}"
    return version, usable, (small if limited else "full licence") + ends


def _highs(highspy: Any) -> tuple[str, bool, str]:
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.addVar(1.0, 2.0)
    model.run()
    usable = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return model.version(), usable, "open source"


def _scip(pyscipopt: Any) -> tuple[str, bool, str]:
    """Return the version of PySCIPOpt, which the results name, and SCIP's own in the note."""
    model = pyscipopt.Model()
    model.hideOutput()
    model.setObjective(model.addVar(lb=1.0))
    model.optimize()
    parts = (model.getMajorVersion(), model.getMinorVersion(), model.getTechVersion())
    note = f"open source; PySCIPOpt's version, SCIP itself {'.'.join(map(str, parts))}"
    return pyscipopt.__version__, model.getStatus() == "optimal", note


_PROBES = {
    "gurobi": ("gurobipy", _gurobi),
    "highs": ("highspy", _highs),
    "scip": ("pyscipopt", _scip),
}


def solvers_in(content: object) -> Iterator[tuple[str, str]]:
    """Yield solver and version wherever a result, read from JSON, names both."""
    if isinstance(content, Mapping):
        named = content.get("solver"), content.get("solver_version")
        if all(isinstance(text, str) for text in named):
            yield named
        content = list(content.values())
    for item in content if isinstance(content, list) else ():
        yield from solvers_in(item)


def solver_differences(
    named: Mapping[str, set[str]], solvers: tuple[Solver, ...]
) -> Iterator[SolverDifference]:
    """Yield each version of a solver that results name and that cannot be used here."""
    here = {solver.name: solver.version for solver in solvers if solver.usable}
    for name, versions in sorted(named.items()):
        for version in sorted(versions - {here.get(name)}):
            yield SolverDifference(name, version, here.get(name))


def machine_code() -> dict[str, str]:
    """Return the kernels of NumPy, the core of BLAS, the target of numba, and the C library.

    Each chooses its code by the processor, and two choices may differ in the last digit of a
    result. `process_environment.ARITHMETIC` makes the choice for the first three. The C library
    chooses by AVX2 and FMA, which every processor since 2015 has; `GLIBC_TUNABLES`, which can
    simulate an older processor, stands beside it.
    """
    import numba
    import numpy as np
    import scipy.linalg  # loads SciPy's own OpenBLAS
    from llvmlite import binding
    from numpy._core import _multiarray_umath as umath
    from threadpoolctl import threadpool_info

    beyond = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]
    blas = {
        info.get("architecture", info["internal_api"])
        for info in threadpool_info()
        if info["user_api"] == "blas"
    }
    library = [*platform.libc_ver(), os.environ.get("GLIBC_TUNABLES", "")]
    return {
        f"NumPy {np.__version__}": " ".join([*umath.__cpu_baseline__, *beyond]),
        f"BLAS of NumPy and SciPy {scipy.__version__}": ", ".join(sorted(blas)),
        f"numba {numba.__version__}": numba.config.CPU_NAME or binding.get_host_cpu_name(),
        "C library": " ".join(filter(None, library)) or platform.system(),
    }


def _arithmetic() -> dict[str, str]:
    """Return `machine_code` of a process that is started like a stage: this module as a program."""
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        env={**os.environ, **fixed_settings()},
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)[1].strip()
    except (OSError, TypeError):  # not on Linux, or no such line on other processors
        return platform.processor() or "unknown"


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _font() -> str:
    """Return the font of the figures, and whether it is matplotlib's own."""
    import matplotlib as mpl
    from matplotlib import font_manager

    from mobile_storage.core import style

    with mpl.rc_context():
        style.apply()
        found = Path(font_manager.findfont(font_manager.FontProperties()))
    own = found.is_relative_to(mpl.get_data_path())
    return f"{found.stem}, of {f'matplotlib {mpl.__version__}' if own else 'the system'}"


if __name__ == "__main__":
    print(json.dumps(machine_code()))
