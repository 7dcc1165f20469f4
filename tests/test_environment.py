"""Package, lock and conda environment name the same things at the same versions."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import mobile_storage
from mobile_storage.tools import environment
from mobile_storage.tools.environment import (
    conda_environment,
    direct_dependencies,
    locked_versions,
    main,
)

CONDA_NAMES = {"gurobi": "gurobipy"}


@pytest.fixture(scope="module")
def requirements(repository) -> dict[str, Requirement]:
    content = tomllib.loads((repository / "pyproject.toml").read_text())
    groups = content["dependency-groups"].values()
    texts = [*content["project"]["dependencies"], *(text for group in groups for text in group)]
    return {requirement.name: requirement for requirement in map(Requirement, texts)}


@pytest.fixture(scope="module")
def locked(repository) -> dict[str, str]:
    text = (repository / "requirements.lock").read_text()
    return dict(re.findall(r"^([\w.-]+)==([\w.+!]+)", text, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def conda(repository) -> dict[str, str]:
    content = yaml.safe_load((repository / "environment.yml").read_text())
    by_conda = [item for item in content["dependencies"] if isinstance(item, str)]
    (by_pip,) = (item["pip"] for item in content["dependencies"] if isinstance(item, dict))
    pinned = [item.split("=", 1) for item in by_conda]
    pinned += [item.split("==", 1) for item in by_pip]
    return {CONDA_NAMES.get(name, name): version for name, *rest in pinned for version in rest}


def test_every_direct_dependency_is_locked_at_a_version_it_admits(requirements, locked):
    missing = sorted(set(requirements) - set(locked))
    assert not missing, f"in pyproject.toml but not in requirements.lock: {missing}"
    outside = {
        name: locked[name]
        for name, requirement in requirements.items()
        if not requirement.specifier.contains(Version(locked[name]))
    }
    assert not outside, f"locked outside the range of pyproject.toml: {outside}"


def test_conda_has_the_direct_dependencies_and_no_others(requirements, conda):
    names = set(conda) - {"python"}
    assert names == set(requirements), (
        f"only in environment.yml: {sorted(names - set(requirements))}; "
        f"missing there: {sorted(set(requirements) - names)}"
    )


def test_conda_has_the_locked_versions(conda, locked):
    differing = {
        name: (version, locked.get(name))
        for name, version in conda.items()
        if name != "python" and version != locked.get(name)
    }
    assert not differing, f"environment.yml against requirements.lock: {differing}"


def test_conda_uses_a_python_that_the_package_admits(repository, conda):
    content = tomllib.loads((repository / "pyproject.toml").read_text())
    wanted = Requirement(f"python{content['project']['requires-python']}").specifier
    assert wanted.contains(Version(conda["python"]))


def test_the_lock_names_no_index_and_no_address(repository):
    text = (repository / "requirements.lock").read_text()
    strange = [
        line
        for line in text.splitlines()
        if not re.fullmatch(
            r"[a-z0-9._-]+==[\w.+!]+( ; [^\\]+?)? \\"  # a package, its version, a marker
            r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
            r"|    # via( [\w.()\[\]:-]+)?|    #   [\w.()\[\]:-]+( \([\w.:-]+\))?"
            r"|    # via mobile-storage \([\w.:-]+\)",
            line,
        )
    ]
    assert not strange, f"neither package nor hash nor reason: {strange[:5]}"


def test_the_lock_has_one_version_and_a_hash_for_each_package(repository):
    text = (repository / "requirements.lock").read_text()
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    names = [block.split("==")[0] for block in blocks]
    assert len(names) == len(set(names))
    assert [name for name, block in zip(names, blocks, strict=True) if "sha256:" not in block] == []


def test_the_committed_conda_file_is_the_generated_one(repository, tmp_path, monkeypatch):
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((repository / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    main([])
    committed = (repository / "environment.yml").read_text()
    assert (tmp_path / "environment.yml").read_text() == committed


def test_two_versions_of_a_package_in_a_lock_are_refused(tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        'numpy==2.3.0 ; python_version < "3.12" \\\n    --hash=sha256:00\n'
        'numpy==2.4.0 ; python_version >= "3.12" \\\n    --hash=sha256:01\n'
    )
    with pytest.raises(ValueError, match=r"numpy twice: 2\.3\.0 and 2\.4\.0"):
        locked_versions(lock)


def test_direct_dependencies_and_conda_file_of_a_small_project(tmp_path):
    pyproject, lock = tmp_path / "pyproject.toml", tmp_path / "requirements.lock"
    pyproject.write_text(
        '[project]\ndependencies = ["gurobipy>=12", "numpy"]\n'
        "[dependency-groups]\ndev = [\"pytest[x] ; python_version > '3'\"]\n"
    )
    lock.write_text("gurobipy==13.0.1 \\\nnumpy==2.4.0 \\\npytest==9.0 \\\npluggy==1.0 \\\n")
    assert list(direct_dependencies(pyproject)) == ["gurobipy", "numpy", "pytest"]
    pinned = yaml.safe_load(conda_environment(pyproject, lock))["dependencies"]
    assert pinned[2:5] == ["gurobi=13.0.1", "numpy=2.4.0", "pytest=9.0"]


def test_each_system_and_python_without_a_wheel_is_named(monkeypatch, capsys):
    asked = []

    def answer(command, **_):
        asked.append(command)
        missing = "x86_64-pc-windows-msvc" in command and "3.14" in command
        said = "numpy has no wheels with a matching platform" if missing else ""
        return subprocess.CompletedProcess(command, int(missing), "", said)

    monkeypatch.setattr(environment.subprocess, "run", answer)
    with pytest.raises(SystemExit) as end:
        main(["--check-wheels"])
    assert end.value.code == 1
    assert capsys.readouterr().err == (
        "x86_64-pc-windows-msvc, Python 3.14: numpy has no wheels with a matching platform\n"
    )
    assert len(asked) == len(environment.SYSTEMS) * len(environment.PYTHONS)
    assert all({"--dry-run", "--require-hashes", "--only-binary"} <= set(words) for words in asked)
    monkeypatch.setattr(environment, "PYTHONS", ("3.11",))
    main(["--check-wheels"])
    assert "antlr4-python3-runtime from plain Python sources." in capsys.readouterr().out


def test_pythons_and_packages_of_the_check_are_those_of_the_lock(repository, locked):
    assert set(environment.NO_WHEEL) <= set(locked)
    text = (repository / "run.py").read_text(encoding="utf-8")
    versions = re.search(r"^VERSIONS = \((.*)\)$", text, re.MULTILINE)[1]
    assert tuple(re.findall(r"[\d.]+", versions)) == environment.PYTHONS


def test_package_citation_and_code_name_the_same_version(repository):
    content = tomllib.loads((repository / "pyproject.toml").read_text())
    citation = yaml.safe_load((repository / "CITATION.cff").read_text())
    assert content["project"]["version"] == mobile_storage.__version__ == citation["version"]


def test_the_citation_names_both_articles(repository):
    references = yaml.safe_load((repository / "CITATION.cff").read_text())["references"]
    found = {(item["doi"], item["authors"][0]["family-names"]) for item in references}
    assert found == {("10.3389/fenrg.2024.1414068", "Bao"), ("10.3389/fenrg.2024.1388681", "Fu")}
