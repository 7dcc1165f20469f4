"""Figure 1 of the paper: the grades (1A) and the game (1B)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from mobile_storage.core.style import PAGE_MM, PALETTE, bars, label_panels, mark, new_figure
from mobile_storage.pricing.model.data import RawPricing
from mobile_storage.pricing.model.grades import LEVELS

METRICS = {
    "capacity": ("capacity_upper", "capacity_max_kw", "Supply capacity (kW)"),
    "duration": ("duration_upper", "outage_duration_h", "Duration of supply (h)"),
    "response": ("response_upper", "response_need_min", "Response time (min)"),
}
"""By metric: symbol of the threshold, symbol of the customer's need, axis label."""


def grades(raw: RawPricing) -> Figure:
    """Figure 1A: the levels of the three metrics, where their thresholds come from, who needs what.

    The paper's thresholds are lost; a filled marker is a threshold that the text states, an open
    one an assumption, with its range.
    """
    fig, axes = new_figure(1, 3, width_mm=PAGE_MM, height_mm=62, sharey=True)
    for ax, (metric, (threshold, need, label)) in zip(axes, METRICS.items(), strict=True):
        rows = raw.grades[raw.grades["symbol"] == threshold].set_index("level")
        needs = raw.customers.loc[raw.customers["symbol"] == need, "value"].to_numpy()
        for level in LEVELS:
            # A level of capacity begins where the one below ends; the others begin at zero.
            start = rows.loc[level - 1, "value"] if metric == "capacity" and level > 1 else 0.0
            _threshold(ax, level, start, rows.loc[level])
            here = _needs_at(metric, rows["value"], level, needs)
            ax.plot(here, np.full(len(here), level + 0.33), "|", color="black", markersize=6)
            count = f"{len(here)} customer{'s' * (len(here) != 1)}"
            ax.annotate(
                count,
                (0.0, level - 0.24),
                (2, 0),
                textcoords="offset points",
                va="top",
                fontsize=6.5,
            )
        ax.set_xlim(0, 1.07 * rows[["value", "high"]].max(axis=None))
        ax.set_xlabel(label)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(LEVELS, [f"H{k}" for k in LEVELS])
    axes[0].set_ylim(0.45, 3.55)
    axes[0].set_ylabel("Level (H3: highest demand)")
    label_panels(axes)
    fig.legend(
        handles=[
            mark("threshold stated in the paper", marker="o"),
            mark(
                "assumed or from elsewhere, with its range",
                marker="o",
                markerfacecolor="white",
                linestyle="-",
            ),
            mark("a customer's need, at the level that it maps to", marker="|"),
        ],
        loc="outside lower center",
        ncols=3,
        columnspacing=1.2,
    )
    return fig


def _threshold(ax: Axes, level: int, start: float, row: pd.Series) -> None:
    ax.barh(level, row["value"] - start, left=start, height=0.42, **bars(level - 1))
    if pd.notna(row["low"]):
        ax.plot([row["low"], row["high"]], [level] * 2, color="black", linewidth=1.0)
    inside = "black" if row["status"] in ("stated", "derived") else "white"
    ax.plot(row["value"], level, "o", markersize=5, color="black", markerfacecolor=inside)


def _needs_at(metric: str, upper: pd.Series, level: int, needs: np.ndarray) -> np.ndarray:
    """Needs whose lowest sufficient level is `level`."""
    enough = np.array(
        [needs >= upper[k] if metric == "response" else needs <= upper[k] for k in LEVELS]
    )
    lowest = np.where(enough.any(axis=0), enough.argmax(axis=0), -1)
    return np.sort(needs[lowest == LEVELS.index(level)])


def game() -> Figure:
    """Figure 1B: the Stackelberg game, who decides what and who sees it."""
    fig, ax = new_figure(width_mm=PAGE_MM, height_mm=76)
    ax.set_axis_off()
    ax.set_xlim(0, 174)
    ax.set_ylim(0, 76)
    _box(
        ax,
        (2, 54, 170, 21),
        PALETTE[0],
        "Leader: owner of the mobile storage",
        r"decides  $\lambda^{base}_{h_p},\ \Delta\lambda_{h_t},\ \Delta\lambda_{h_r}$"
        "  (yuan/kWh)\n"
        r"max  $F^{sta} = F^{ems} + F^{pva} + F^{nec} - C^{sta}$  (yuan/yr), Eq. (5)-(10)"
        "\n"
        "every sold grade covers its investment (11), prices rise with the level (13)",
    )
    for left, name in ((2, "Customer 1"), (61, r"Customer $u$"), (120, r"Customer $U$")):
        _box(
            ax,
            (left, 1, 52, 26),
            PALETTE[1],
            f"Follower: {name}",
            r"decides  one grade or none, $S_u$ (kW)"
            "\n"
            r"max  $N_u S_u t_u (l_u - \lambda_u)$  (yuan/yr), (14)"
            "\n"
            r"$S_{min,u} \leq S_u \leq S_{max,u}$  (15)"
            "\n"
            "accepts only prices within (12)",
        )
        _arrow(ax, (left + 12, 54), (left + 12, 27), "-")
        _arrow(ax, (left + 40, 27), (left + 40, 54), (0, (4, 2)))
    for x in (57.5, 116.5):
        ax.text(x, 14, "...", ha="center", va="center", fontsize=12)
    for left in (2, 61, 120):
        ax.text(left + 14, 45.5, "1. unit prices\n    of all grades", fontsize=7, va="center")
        ax.text(left + 38, 35.5, "2. grade and\ncapacity", fontsize=7, va="center", ha="right")
    return fig


def _box(
    ax: Axes, frame: tuple[float, float, float, float], colour: str, title: str, text: str
) -> None:
    left, bottom, width, height = frame
    ax.add_patch(
        FancyBboxPatch(
            (left, bottom),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=2",
            facecolor="white",
            edgecolor=colour,
            linewidth=1.6,
        )
    )
    centre = {"x": left + width / 2, "ha": "center"}
    ax.text(y=bottom + height - 4.5, s=title, va="center", weight="bold", fontsize=8, **centre)
    ax.text(y=bottom + height - 8, s=text, va="top", fontsize=7, linespacing=1.5, **centre)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], linestyle: Any) -> None:
    ax.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "linestyle": linestyle, "color": "0.2", "linewidth": 1.1},
    )
