"""What the receipt says of packages and solvers, on machines that differ from this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest

from mobile_storage.core.process_environment import REPEATABLE, fixed_settings
from mobile_storage.tools.receipt import environment
from mobile_storage.tools.receipt.environment import (
    PackageDifference,
    Solver,
    SolverDifference,
    package_differences,
    solver_differences,
    solvers_in,
)

#: What GLIBC_TUNABLES takes away to make this processor one without AVX-512.
NO_AVX512 = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512CD,-AVX512DQ"
BITS = """
import hashlib
import numpy as np
x = np.random.default_rng(1).uniform(0.01, 50.0, 4096)
functions = (np.exp, np.log, np.log1p, np.expm1, np.sin, np.cos, np.tan, np.tanh, np.arctan)
results = [f(x) for f in functions] + [x**0.88, x[:64] @ x[:4096].reshape(64, 64), [x.sum(), x @ x]]
print(hashlib.sha256(b"".join(np.asarray(r).tobytes() for r in results)).hexdigest())
"""
LOCK = """\
highspy==1.15.1 \\
    --hash=sha256:00
numpy==2.2.0
appnope==1.0.0 ; sys_platform == 'no such system' \\
    --hash=sha256:00
    # via ipython
"""


X86_64_ONLY = pytest.mark.skipif(
    fixed_settings() == REPEATABLE, reason="the arithmetic is fixed on x86-64 only"
)


def printed(*words: str, **variables: str) -> str:
    """What Python prints in a process whose environment is that of a stage."""
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, **fixed_settings(), **variables},
        check=True,
        capture_output=True,
        text=True,
    )
    assert not done.stderr, "no library warns of a setting that it does not know"
    return done.stdout


@X86_64_ONLY
def test_the_receipt_names_code_that_every_such_processor_can_run():
    module = "mobile_storage.tools.receipt.environment"
    found = json.loads(printed("-W", "always", "-m", module))
    numpy, blas, numba, _ = found.values()
    assert (numpy, numba) == ("X86_V2", "generic")
    assert blas in ("Prescott", "Katmai")  # OpenBLAS has one code for both
    assert found == environment._arithmetic()


@X86_64_ONLY
def test_the_same_bits_without_avx_512():
    bits = printed("-c", BITS)
    assert printed("-c", BITS, GLIBC_TUNABLES=NO_AVX512) == bits


def test_packages_with_another_version_and_missing_ones_are_named():
    there = {"highspy": "1.11.0"}
    assert list(package_differences(LOCK, there.get)) == [
        PackageDifference("highspy", "1.15.1", "1.11.0"),
        PackageDifference("numpy", "2.2.0", None),
    ]


def test_the_locked_versions_are_no_difference():
    there = {"highspy": "1.15.1", "numpy": "2.2.0"}
    assert not list(package_differences(LOCK, there.get))


@pytest.mark.parametrize("name", ["gurobi", "highs", "scip"])
def test_every_solver_of_the_lock_is_here(name):
    solver = environment.probe(name)
    assert solver.version
    assert solver.usable, solver.note


@pytest.mark.parametrize(
    ("name", "package"),
    [("gurobi", "gurobipy"), ("highs", "highspy"), ("scip", "pyscipopt")],
)
def test_a_solver_that_is_not_installed(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    assert environment.probe(name) == Solver(name, "", False, f"{package} is not installed")


def test_a_licence_that_is_not_valid_is_said_without_naming_machine_or_user(monkeypatch):
    class GurobiError(Exception):
        errno = 10009

    def no_licence(**_):
        raise GurobiError("No Gurobi license found (user jane, host box, hostid 1a2b3c)")

    module = ModuleType("gurobipy")
    module.gurobi = SimpleNamespace(version=lambda: (13, 0, 3))
    module.GurobiError, module.Env = GurobiError, no_licence
    monkeypatch.setitem(sys.modules, "gurobipy", module)
    expected = Solver("gurobi", "13.0.3", False, "no valid licence (error 10009)")
    assert environment.probe("gurobi") == expected


def test_solvers_that_results_name():
    result = {"a": [{"solver": "highs", "solver_version": "1.15.1"}, {"solver": "scip"}], "b": 1}
    assert list(solvers_in(result)) == [("highs", "1.15.1")]


def test_other_versions_than_in_the_results_and_no_gurobi():
    named = {"gurobi": {"13.0.3"}, "highs": {"1.15.1"}, "scip": {"6.3.0"}}
    here = (
        Solver("gurobi", "13.0.3", False, "no valid licence"),
        Solver("highs", "1.11.0", True, ""),
        Solver("scip", "6.3.0", True, ""),
    )
    assert list(solver_differences(named, here)) == [
        SolverDifference("gurobi", "13.0.3", None),
        SolverDifference("highs", "1.15.1", "1.11.0"),
    ]


def test_nothing_names_machine_or_user(monkeypatch):
    import getpass
    import platform

    monkeypatch.setattr(platform, "node", lambda: pytest.fail("the machine's name was asked for"))
    monkeypatch.setattr(getpass, "getuser", lambda: pytest.fail("the user's name was asked for"))
    described = environment.describe(LOCK, {})
    assert described.locked == 2
    assert described.font.startswith("DejaVuSans, of matplotlib")
