"""What several figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from mobile_storage.core.style import series

Case = Mapping[str, Any]

CASES = ("Case 1: multi-grade", "Case 2: one price", "Case 3: no emergency supply")
MOST_NAMED = 60
"""Customers beyond this number are drawn without their names: there is no room for them."""


def points(position: int) -> dict[str, Any]:
    """Colour and marker of a series that is not a line."""
    return series(position) | {"linestyle": ""}


def customers_height_mm(count: int) -> float:
    """Height of a figure with a row for each customer."""
    return min(240.0, max(60.0, 32.0 + 4.2 * count))


def customer_axis(ax: Axes, names: Sequence[str], label: str) -> None:
    """Rows from top to bottom, with names as long as there is room for them."""
    if len(names) <= MOST_NAMED:
        ax.set_yticks(range(len(names)), names, fontsize=6.5)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_ylabel(label)
