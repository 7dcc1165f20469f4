"""Prices, purchases and what emergency supply costs the customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from mobile_storage.core.style import (
    GREY,
    PAGE_MM,
    PALETTE,
    SEQUENTIAL,
    bars,
    label_panels,
    mark,
    new_figure,
    nothing,
)
from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import LEVELS, Grade, Prices
from mobile_storage.pricing.model.setting import Setting
from mobile_storage.pricing.show.figures.parts import (
    MOST_NAMED,
    Case,
    case_style,
    customer_axis,
    customers_height_mm,
)

VISIBLE = 0.05
"""Width below which a range of a price is not drawn, yuan/kWh: less than a line."""


def prices(case: Case, single: Case | None = None) -> Figure:
    """The seven decisions, and the unit prices of all 27 grades with who buys them.

    Parameters
    ----------
    case : mapping
        A solved case 1.
    single : mapping, optional
        The case 2 to compare with: its one price is a line.
    """
    if "prices" not in case:
        return nothing("No prices satisfy the constraints.")
    fig, (left, right) = new_figure(1, 2, width_mm=PAGE_MM, height_mm=68, width_ratios=(1.0, 1.9))
    handles = [Patch(**bars(k - 1), label=f"H{k}") for k in LEVELS]
    if _decisions(left, case):
        handles.append(mark("range over all optima", marker="|", markersize=7))
    if single is not None and "prices" in single:
        left.axhline(single["prices"]["base"][0], color="black", linestyle="--", linewidth=1.0)
        handles.append(mark("price of case 2", linestyle="--"))
    _price_map(right, case, Prices.from_record(case["prices"]))
    handles.append(Patch(fill=False, edgecolor="black", linewidth=1.3, label="bought (customers)"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=1.2)
    label_panels(np.array([left, right]))
    return fig


def _decisions(ax: Axes, case: Case) -> bool:
    """Bars of base prices and premiums; whether any has a range wide enough to see."""
    ranged = False
    for position, kind in enumerate(("base", "duration", "response")):
        for level, value in zip(LEVELS, case["prices"][kind], strict=True):
            x = position + 0.27 * (level - 2)
            ax.bar(x, value, width=0.24, **bars(level - 1))
            ends = case.get("intervals", {}).get(f"price.{kind}.{level}")
            if ends and ends["high"] - ends["low"] > VISIBLE:
                ax.plot([x, x], [ends["low"], ends["high"]], color="black", linewidth=1.0)
                ranged = True
    ax.set_xticks(range(3), ["base,\ncapacity", "premium,\nduration", "premium,\nresponse"])
    ax.set_ylabel("Price (yuan/kWh)")
    ax.grid(axis="x", visible=False)
    return ranged


def _price_map(ax: Axes, case: Case, prices: Prices) -> None:
    columns = [(t, r) for t in LEVELS for r in LEVELS]
    table = [[prices.of(Grade(p, t, r)) for t, r in columns] for p in LEVELS]
    sns.heatmap(
        pd.DataFrame(table),
        ax=ax,
        cmap=SEQUENTIAL,
        annot=True,
        fmt=".1f",
        annot_kws={"fontsize": 7, "va": "bottom"},
        linewidths=0.8,
        linecolor="white",
        cbar_kws={"label": "Unit price (yuan/kWh)", "pad": 0.02},
    )
    buyers = pd.Series([row["grade"] for row in case["customers"]]).value_counts()
    for p in LEVELS:
        for x, (t, r) in enumerate(columns):
            count = buyers.get(Grade(p, t, r).label, 0)
            if count:
                # White on dark and black on light, as the heat map writes its own numbers.
                colour = ax.texts[(p - 1) * len(columns) + x].get_color()
                _framed(ax, x, p - 1, count, colour)
    for t in LEVELS:
        ax.text(3 * t - 1.5, 3.08, f"duration H{t}", ha="center", va="bottom", fontsize=7.5)
    for x in (3, 6):
        ax.axvline(x, color="black", linewidth=1.5)
    ax.invert_yaxis()
    ax.set_xticks(np.arange(9) + 0.5, [f"H{r}" for _, r in columns])
    ax.set_yticks(np.arange(3) + 0.5, [f"H{p}" for p in LEVELS], rotation=0)
    ax.set_ylabel("Capacity level")
    ax.set_xlabel("Response level")


def _framed(ax: Axes, x: int, y: int, count: int, colour: str) -> None:
    ax.text(x + 0.5, y + 0.44, f"({count})", ha="center", va="top", fontsize=7, color=colour)
    ax.add_patch(
        Rectangle((x + 0.06, y + 0.06), 0.88, 0.88, fill=False, edgecolor=colour, linewidth=1.3)
    )


def choices(data: PricingData, *cases: Case) -> Figure:
    """Who buys which grade at what price, against the acceptable price and the outage loss.

    Parameters
    ----------
    *cases : mapping
        One or two solved cases of the same customers, a panel each.
    """
    if any("prices" not in case for case in cases):
        return nothing("No prices satisfy the constraints.")
    order = np.argsort([-p for p in data.acceptable_prices], kind="stable")
    fig, axes = new_figure(
        1,
        len(cases),
        width_mm=PAGE_MM,
        height_mm=customers_height_mm(len(order)),
        sharey=True,
        sharex=True,
        squeeze=False,
    )
    for ax, case in zip(axes[0], cases, strict=True):
        _purchases(ax, data, case, order)
    customer_axis(
        axes[0, 0],
        [f"{data.customers[u].name} {data.customers[u].sector}" for u in order],
        "Customer, by acceptable price",
    )
    label_panels(axes)
    fig.legend(
        handles=[
            mark("price paid", marker="o", color=PALETTE[0]),
            mark("lowest price on offer, refused", marker="X", color=PALETTE[2]),
            mark("highest acceptable price, Eq. (12)", marker="|", markersize=8),
            mark("outage loss", marker="D", markerfacecolor="white"),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return fig


def _purchases(ax: Axes, data: PricingData, case: Case, order: np.ndarray) -> None:
    prices = Prices.from_record(case["prices"])
    menus = Setting.from_record(case["setting"]).menus(data)
    rows = range(len(order))
    losses = [data.customers[u].outage_loss_yuan_per_kwh for u in order]
    ax.hlines(rows, 0, losses, color="0.8", linewidth=0.8, zorder=1)
    ax.plot([data.acceptable_prices[u] for u in order], rows, "|", color="black", markersize=8)
    ax.plot(losses, rows, "D", color="black", markerfacecolor="white", markersize=3.5)
    for y, u in enumerate(order):
        row = case["customers"][u]
        out = row["grade"] == "none"
        # Who stays out is shown at the cheapest price that it could have had.
        price = min(prices.of(o.grade) for o in menus[u]) if out else row["price_yuan_per_kwh"]
        colour = PALETTE[2] if out else PALETTE[0]
        ax.plot(price, y, "X" if out else "o", markersize=4.5, zorder=3, color=colour)
        if len(order) <= MOST_NAMED:
            ax.annotate(
                "stays out" if out else _sold(case, row),
                (1.0, y),
                (3, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=6,
                color="0.35" if out else "black",
            )
    ax.set_xlabel("Price or loss (yuan/kWh)")
    ax.set_title(case_style(case["setting"]["tariff"]).label)
    ax.grid(axis="y", visible=False)
    ax.set_xlim(left=0)


def _sold(case: Case, row: Mapping[str, Any]) -> str:
    capacity = f"{row['capacity_kw']:.0f} kW"
    if case["setting"]["tariff"] == "single_price":
        return capacity
    return f"{row['grade']}, {capacity}"


def customers(case: Case, single: Case) -> Figure:
    """What emergency supply costs each customer in cases 1 and 2, against being left to itself.

    The cost is the fee plus the loss of what is bought too little. Left to itself a customer takes
    the loss or pays for storage of its own, whichever is less.
    """
    if "customers" not in case or "customers" not in single:
        return nothing("No prices satisfy the constraints.")
    table, other = pd.DataFrame(case["customers"]), pd.DataFrame(single["customers"])
    alone = table["stand_alone_cost_yuan_per_year"]
    order = alone.sort_values(ascending=False, kind="stable").index
    table, other, alone = table.loc[order], other.loc[order], alone.loc[order]
    fig, (left, right) = new_figure(
        1,
        2,
        width_mm=PAGE_MM,
        height_mm=customers_height_mm(len(table)),
        sharey=True,
        width_ratios=(1.5, 1.0),
    )
    y = np.arange(len(table))
    left.plot(alone, y, "|", color="black", markersize=9)
    own = table["own_storage_yuan_per_year"]
    left.plot(own, y, "D", color=GREY, markerfacecolor="white", markersize=3.5)
    styles = case_style("multi_grade"), case_style("single_price")
    for frame, style, shift in zip((table, other), styles, (-0.19, 0.19), strict=True):
        cost = frame["supply_cost_yuan_per_year"]
        left.plot(cost, y + shift, **style.points)
        # Whoever loses nothing in an outage has nothing to save.
        saved = 100 * (1 - cost / alone.where(alone > 0))
        right.barh(y + shift, saved, height=0.36, **style.bars)
    left.set_xscale("log")
    left.set_xlabel("Cost of emergency supply (yuan/yr)")
    right.set_xlabel("Saved against being left to itself (%)")
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
    names = [f"{n} {s}" for n, s in zip(table["customer"], table["sector"], strict=True)]
    customer_axis(left, names, "Customer, by cost if left to itself")
    label_panels(np.array([left, right]))
    fig.legend(
        handles=[
            *(mark(style.label, **style.points) for style in styles),
            mark("left to itself", marker="|", markersize=9),
            mark("storage of its own", marker="D", color=GREY, markerfacecolor="white"),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return fig
