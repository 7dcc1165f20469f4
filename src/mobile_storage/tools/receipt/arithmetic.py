"""Whose machine code computes here; as a program, it prints that as JSON.

NumPy, OpenBLAS, numba and the C library each choose their code by the processor, and two of their
choices may differ in the last digit of a result. `process_environment.ARITHMETIC` takes the choice
from the first three; the C library's is by AVX2 and FMA, which every processor since 2015 has.
"""

from __future__ import annotations

import json
import os
import platform

import numba
import numpy as np
import scipy.linalg  # loads SciPy's own OpenBLAS
from llvmlite import binding
from numpy._core import _multiarray_umath as umath
from threadpoolctl import threadpool_info

__all__ = ["machine_code"]


def machine_code() -> dict[str, str]:
    """Return the kernels of NumPy, the core of BLAS, the target of numba, and the C library.

    `GLIBC_TUNABLES`, which can simulate an older processor, stands beside the latter.
    """
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


if __name__ == "__main__":
    print(json.dumps(machine_code()))
