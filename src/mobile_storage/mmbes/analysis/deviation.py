"""How far the results of two methods lie apart: searches by their values, simulations in errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom, norm

__all__ = ["VALUE_TOLERANCE", "beyond", "shortfall"]

VALUE_TOLERANCE = 1e-6
"""A run that falls short of the best value by at most this share of it has found it."""


def shortfall(value: float, best: float) -> float:
    """Return how far a value is below the best one, as a share of the best one's size.

    A share up to `VALUE_TOLERANCE` is 0: it depends on where each search happened to stop, and so
    on the last digits of the processor's arithmetic.
    """
    short = (best - value) / max(abs(best), np.finfo(float).tiny)
    return 0.0 if short <= VALUE_TOLERANCE else short


def beyond(z: Sequence[float], limit: float = 2.0) -> dict[str, float]:
    """Count the independent deviations beyond a limit, and compare with the expected number.

    Of n standard normal deviations, 0.0455 n are expected beyond 2.

    Returns
    -------
    dict
        ``count`` of deviations, number ``beyond`` the limit, ``expected`` number, and ``chance`` of
        at least as many.
    """
    far = int(np.sum(np.abs(np.asarray(z, dtype=float)) > limit))
    p = 2.0 * norm.sf(limit)
    return {
        "count": len(z),
        "beyond": far,
        "expected": p * len(z),
        "chance": float(binom.sf(far - 1, len(z), p)),
    }
