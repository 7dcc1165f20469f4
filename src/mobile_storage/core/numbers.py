"""Numbers for text: rounded to a few significant digits and written in full."""

from __future__ import annotations

__all__ = ["short"]


def short(value: float, digits: int = 3) -> str:
    """Write a number to some significant digits: ``38,300,000``, ``1,160``, ``0.0312``."""
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10**digits else f"{rounded:,.{digits}g}"
