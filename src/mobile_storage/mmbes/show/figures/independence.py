"""Two searches and two simulations against each other, and losses by two methods."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from mobile_storage.core.style import GREY, PAGE_MM, label_panels, mark, new_figure, say, series
from mobile_storage.mmbes.show.figures.parts import set_label

NOTHING_KWH = 0.01
"""Where a size of nothing is drawn on a logarithmic axis."""


def independence(searches: Mapping[str, pd.DataFrame], eens: Mapping[str, pd.DataFrame]) -> Figure:
    """Best energies by two searches, and deviations of simulated EENS against a normal law.

    Parameters
    ----------
    searches : mapping
        `independence.compared` of every scenario, by parameter set.
    eens : mapping
        Rows of `independence.simulated` by parameter set.
    """
    fig, (left, right) = new_figure(1, 2, width_mm=PAGE_MM, height_mm=82)
    for k, frame in enumerate(searches.values()):
        sizes = [
            frame[column].clip(lower=NOTHING_KWH)
            for column in ("evolved_energy_kwh", "refined_energy_kwh")
        ]
        left.plot(*sizes, **(series(k) | {"linestyle": "", "alpha": 0.7}))
    ends = [NOTHING_KWH / 2.0, 3e4]
    left.plot(ends, ends, color=GREY, linewidth=0.8, zorder=0)
    left.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    left.set_xlabel("Best energy, differential evolution (kWh)")
    left.set_ylabel("Best energy, grid and simplex (kWh)")
    _quantiles(right, eens)
    label_panels(np.array([left, right]))
    fig.legend(
        handles=[
            mark(set_label(name), **(series(k) | {"linestyle": ""}))
            for k, name in enumerate(searches)
        ],
        loc="outside upper center",
        ncols=len(searches),
    )
    return fig


def _quantiles(ax: Axes, eens: Mapping[str, pd.DataFrame]) -> None:
    """Deviations in their order over what a normal law expects there."""
    for k, frame in enumerate(eens.values()):
        for quantity, filled in (("with", True), ("without", False)):
            z = np.sort(frame.loc[frame["quantity"] == quantity, "z"])
            places = norm.ppf((np.arange(z.size) + 0.5) / max(z.size, 1))
            face = {} if filled else {"markerfacecolor": "white"}
            ax.plot(places, z, **(series(k) | {"linestyle": ""} | face))
    ax.plot([-3, 3], [-3, 3], color=GREY, linewidth=0.8, zorder=0)
    ax.axhspan(-2.0, 2.0, color="0.93", zorder=-1)
    ax.set_xlabel("Expected of a normal law (standard errors)")
    ax.set_ylabel("EENS, simulation less analytic\n(standard errors)")
    ax.legend(
        handles=[
            mark("with storage", marker="o"),
            mark("without", marker="o", markerfacecolor="white"),
        ],
        loc="upper left",
    )


def power_flow(hours: pd.DataFrame, size: str) -> Figure:
    """Losses of the day with the highest load, and what storage takes off them, hour by hour.

    Parameters
    ----------
    hours : DataFrame
        `power_flow.hourly` of one parameter set.
    size : str
        The storage shown.
    """
    day = hours.loc[hours["load_kw"].idxmax(), "day_type"]
    shown = hours[hours["day_type"] == day]
    bare, stored, apart_bare, apart = (
        shown[(shown["arrangement"] == arrangement) & (shown["size"] == which)]
        for arrangement in ("closed", "open")
        for which in ("none", size)
    )
    fig, (left, right) = new_figure(1, 2, width_mm=PAGE_MM, height_mm=80)
    lines = {"Formula": "formula_kw", "Power flow": "power_flow_kw"}
    for k, (label, column) in enumerate(lines.items()):
        style = series(k) | {"markevery": 3}
        left.plot(bare["hour"], bare[column], label=f"{label}, without storage", **style)
        style |= {"markerfacecolor": "white", "linewidth": 0.8}
        left.plot(stored["hour"], stored[column], label=f"{label}, with storage", **style)
    left.set_ylabel("Losses (kW)")
    cuts = {
        "Formula": bare["formula_kw"].to_numpy() - stored["formula_kw"].to_numpy(),
        "Power flow, section closed": bare["power_flow_kw"].to_numpy()
        - stored["power_flow_kw"].to_numpy(),
        "Power flow, section open": apart_bare["power_flow_kw"].to_numpy()
        - apart["power_flow_kw"].to_numpy(),
    }
    for k, (label, cut) in enumerate(cuts.items()):
        right.plot(bare["hour"], cut, label=label, **(series(k) | {"markevery": 3}))
    if not np.any(np.abs(cuts["Formula"]) > 0):
        say(right, "Nothing is stored on this day.")
    right.set_ylabel("Losses without storage less with it (kW)")
    for ax in (left, right):
        ax.set_xlabel(f"Hour of the day ({day})")
        ax.set_xticks(range(0, 25, 4))
        ax.legend(loc="best", fontsize=6)
    label_panels(np.array([left, right]))
    return fig
