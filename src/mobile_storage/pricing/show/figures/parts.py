"""What several figures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes

from mobile_storage.core.style import bars, series

Case = Mapping[str, Any]

MOST_NAMED = 60
"""Customers beyond this number are drawn without their names: there is no room for them."""


class CaseStyle(NamedTuple):
    """How a case is named and drawn in every figure."""

    label: str
    points: dict[str, Any]
    bars: dict[str, Any]


_LABELS = {
    "multi_grade": "Case 1: multi-grade",
    "single_price": "Case 2: one price",
    "no_emergency": "Case 3: no emergency supply",
}
CASES = tuple(_LABELS)
"""The tariffs of cases 1, 2 and 3."""


def case_style(tariff: str) -> CaseStyle:
    """Return the label, the points and the bars of a case: ``case_style("single_price")``.

    Parameters
    ----------
    tariff : {"multi_grade", "single_price", "no_emergency"}
    """
    position = CASES.index(tariff)
    points = series(position) | {"linestyle": ""}
    return CaseStyle(_LABELS[tariff], points, bars(position))


def customers_height_mm(count: int) -> float:
    """Height of a figure with a row for each customer."""
    return min(240.0, max(60.0, 32.0 + 4.2 * count))


def customer_axis(ax: Axes, names: Sequence[str], label: str) -> None:
    """Rows from top to bottom, with names as long as there is room for them."""
    if len(names) <= MOST_NAMED:
        ax.set_yticks(range(len(names)), names, fontsize=6.5)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_ylabel(label)
