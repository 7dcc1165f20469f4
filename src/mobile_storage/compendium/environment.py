"""The conda environment, made from the direct dependencies and the lock.

``make lock-requirements`` runs this after the lock is made, so that the two agree.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mobile_storage.compendium.io import write_text

__all__ = ["conda_environment", "direct_dependencies", "locked_versions", "main"]

#: Where conda's name differs from PyPI's; gurobi is on the vendor's own channel.
_CONDA_NAMES = {"gurobipy": "gurobi"}
#: On PyPI only, or under a name of another package there.
_PIP_ONLY = {"playwright", "sphinx-mathjax-offline"}
_HEADING = """\
# The environment of requirements.lock for conda and mamba: the direct dependencies at the same
# versions. Made by `make lock-requirements`; a test holds it against the lock and pyproject.toml.
#   conda env create --file environment.yml && conda activate mobile-storage
#   python -m mobile_storage.compendium.workspace     (what `make reproduce` runs)
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
    return {re.split(r"[<>=!~\[; ]", text, maxsplit=1)[0]: text for text in requirements}


def locked_versions(lock: str | Path) -> dict[str, str]:
    """Return the version of each package in the lock.

    Raises
    ------
    ValueError
        If the lock has two versions of a package (for different Pythons or systems): which of them
        made the results would depend on the machine.
    """
    versions: dict[str, str] = {}
    for line in Path(lock).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==([^\s;\\]+)", line):
            name, version = match.groups()
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


def main() -> None:
    """Write ``environment.yml`` in the current folder."""
    write_text(conda_environment("pyproject.toml", "requirements.lock"), "environment.yml")


if __name__ == "__main__":
    main()
