"""Environment variables under which every process of the compendium runs.

This module imports only the standard library, because ``run.py`` reads it before anything is
installed.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "ARITHMETIC",
    "REPEATABLE",
    "fix_arithmetic",
    "fixed_settings",
    "process_environment",
    "with_settings",
]

#: Settings for the same bytes on every run: fixed hashing and dates, one thread for sums in a fixed
#: order, text in UTF-8 on every system, and no imports from the current folder.
REPEATABLE = {
    "PYTHONHASHSEED": "0",
    "SOURCE_DATE_EPOCH": "1704067200",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "LC_ALL": "C.UTF-8",
    "PYTHONUTF8": "1",
    "PYTHONSAFEPATH": "1",
}

#: The same arithmetic on every x86-64 processor with AVX2 and FMA. NumPy, OpenBLAS and numba choose
#: their machine code by the processor, and NumPy accepts differences of 4 units in the last place
#: between its choices (numpy/numpy#23523). Here each library takes the code that all of these
#: processors can run. This costs no measurable time, because the models spend theirs in solvers and
#: in compiled loops over small arrays. The C library still chooses by AVX2 and FMA; without them
#: `exp` and `pow` differ in the last digit.
ARITHMETIC = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Prescott",
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
}
_X86_64 = ("x86_64", "amd64")


def fixed_settings(machine: str | None = None) -> dict[str, str]:
    """Return the variables on which the bytes of results depend.

    Parameters
    ----------
    machine : str, optional
        Kind of processor as `platform.machine` names it; this computer's by default.
    """
    machine = platform.machine() if machine is None else machine
    return REPEATABLE | (ARITHMETIC if machine.lower() in _X86_64 else {})


def fix_arithmetic() -> None:
    """Set `ARITHMETIC` for this process and its children, if it applies to this processor.

    Each library reads the settings once when it is loaded, so call this before importing NumPy.
    """
    os.environ.update({k: v for k, v in fixed_settings().items() if k in ARITHMETIC})


def process_environment(top: Path) -> dict[str, str]:
    """Return the fixed settings, and the folders below `top` for settings and caches of each tool.

    Parameters
    ----------
    top : Path
        Top of the repository.
    """
    cache = Path(top).resolve() / ".cache"
    places = {
        "DVC_SITE_CACHE_DIR": "dvc",
        "DVC_GLOBAL_CONFIG_DIR": "dvc-config",
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "jupyter/config",
        "JUPYTER_DATA_DIR": "jupyter/data",
        "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
        "JUPYTERLAB_SETTINGS_DIR": "jupyter/settings",
        "JUPYTERLAB_WORKSPACES_DIR": "jupyter/workspaces",
        "MPLCONFIGDIR": "matplotlib",
        "NUMBA_CACHE_DIR": "numba",
        "RUFF_CACHE_DIR": "ruff",
    }
    return (
        fixed_settings()
        | {"DVC_NO_ANALYTICS": "1"}
        | {name: str(cache / place) for name, place in places.items()}
    )


def with_settings(top: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which results come out as recorded; its own folders stay.

    This is for runs that do not come from ``run.py``, such as in a conda environment.

    Parameters
    ----------
    top : Path
        Top of the repository.
    environ : mapping, optional
        The environment as it is; by default that of this process.
    """
    environ = os.environ if environ is None else environ
    return process_environment(top) | dict(environ) | fixed_settings()
