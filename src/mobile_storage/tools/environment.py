"""The lock of the packages: the conda environment made from it, and the systems it fits.

``make lock-requirements`` writes the conda environment after the lock, so that the two agree.
``make check-lock`` asks the package index whether every system has the packages of the lock.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement

from mobile_storage.core.io import write_text

__all__ = [
    "NO_WHEEL",
    "PYTHONS",
    "SYSTEMS",
    "conda_environment",
    "direct_dependencies",
    "locked_requirements",
    "locked_versions",
    "main",
    "without_wheel",
]

#: Systems and Pythons on which each package of the lock has a wheel, except those of `NO_WHEEL`.
SYSTEMS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Packages of plain Python that are published as source only. They need no compiler.
NO_WHEEL = ("antlr4-python3-runtime",)

#: Conda's name of a package where it differs from PyPI's. Gurobi is on the vendor's own channel.
_CONDA_NAMES = {"gurobipy": "gurobi"}
#: Packages that are on PyPI only, or whose name is that of another package on conda-forge.
_PIP_ONLY = {"playwright", "sphinx-mathjax-offline"}
_HEADING = """\
# The environment of requirements.lock for conda and mamba: the direct dependencies at the same
# versions. Made by `make lock-requirements`; a test holds it against the lock and pyproject.toml.
#   conda env create --file environment.yml && conda activate mobile-storage
#   python -m mobile_storage.tools.workspace     (what `make reproduce` runs)
name: mobile-storage
channels:
  - conda-forge
  - gurobi
  - nodefaults
dependencies:
  - python=3.11
  - pip
"""


def direct_dependencies(pyproject: str | Path) -> dict[str, str]:
    """Return the requirement of each direct dependency, of package and groups, by its name."""
    content = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))
    requirements = list(content["project"]["dependencies"])
    for group in content["dependency-groups"].values():
        requirements += group
    return {Requirement(text).name: text for text in requirements}


def locked_requirements(lock: str) -> Iterator[Requirement]:
    """Yield the requirements of a lock, given as text; their hashes are left out."""
    for line in lock.splitlines():
        if line[:1].isalnum():
            yield Requirement(line.rstrip("\\ "))


def locked_versions(lock: str | Path) -> dict[str, str]:
    """Return the version of each package in the lock.

    Raises
    ------
    ValueError
        If the lock has two versions of a package, for different Pythons or systems: the version
        that makes the results would depend on the machine.
    """
    versions: dict[str, str] = {}
    for requirement in locked_requirements(Path(lock).read_text(encoding="utf-8")):
        name, (version,) = requirement.name, (one.version for one in requirement.specifier)
        if name in versions:
            raise ValueError(f"{lock} has {name} twice: {versions[name]} and {version}")
        versions[name] = version
    return versions


def conda_environment(pyproject: str | Path, lock: str | Path) -> str:
    """Return ``environment.yml`` as text."""
    versions = locked_versions(lock)
    names = set(direct_dependencies(pyproject))
    lines = [
        f"  - {_CONDA_NAMES.get(name, name)}={versions[name]}" for name in sorted(names - _PIP_ONLY)
    ]
    by_pip = [f"      - {name}=={versions[name]}" for name in sorted(names & _PIP_ONLY)]
    return _HEADING + "\n".join([*lines, "  - pip:", *by_pip, "      - --editable ."]) + "\n"


def without_wheel(lock: str | Path) -> Iterator[tuple[str, str, str]]:
    """Yield each system and Python on which the lock cannot be installed, and the answer of uv.

    Nothing is installed or built; uv only asks the package index for files with the lock's hashes.
    """
    with tempfile.TemporaryDirectory(prefix="wheels-") as empty:
        command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--quiet"]
        # Packages that are installed in this environment must not count.
        command += ["--target", empty, "--require-hashes", "--requirement", str(lock)]
        command += ["--only-binary", ":all:"]
        command += [word for name in NO_WHEEL for word in ("--no-binary", name)]
        for system, python in product(SYSTEMS, PYTHONS):
            options = ["--python-platform", system, "--python-version", python]
            done = subprocess.run([*command, *options], capture_output=True, encoding="utf-8")
            if done.returncode:
                yield system, python, done.stderr.strip()


def main(argv: Sequence[str] | None = None) -> None:
    """Write ``environment.yml`` in the current folder, or check the lock's wheels."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check-wheels", action="store_true", help="ask the package index")
    if not parser.parse_args(argv).check_wheels:
        write_text(conda_environment("pyproject.toml", "requirements.lock"), "environment.yml")
        return
    missing = list(without_wheel("requirements.lock"))
    for system, python, said in missing:
        print(f"{system}, Python {python}: {said}", file=sys.stderr)
    if missing:
        raise SystemExit(1)
    print(
        f"requirements.lock can be installed from wheels on {', '.join(SYSTEMS)} with Python "
        f"{', '.join(PYTHONS)}; {', '.join(NO_WHEEL)} from plain Python sources."
    )


if __name__ == "__main__":
    main()
