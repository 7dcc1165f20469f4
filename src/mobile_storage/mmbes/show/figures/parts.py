"""What several figures share."""

from __future__ import annotations

from typing import Any

import numpy as np

MILLION = 1e6


def set_label(name: str) -> str:
    """A parameter set in words: ``literature`` is the literature set."""
    return f"{name.replace('_', ' ').capitalize()} set"


def scale_of(values: Any) -> tuple[float, str]:
    """Power of 1000 that makes values readable, and how an axis names it.

    Prospect values are in yuan to the power of alpha: no unit, and large.
    """
    largest = np.nanmax(np.abs(np.asarray(values, dtype=float)), initial=0.0)
    if largest >= 1e7:
        return 1e6, " (millions)"
    return (1e3, " (thousands)") if largest >= 1e4 else (1.0, "")
