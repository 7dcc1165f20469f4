"""Figures of sweeps that the notebooks compute: expected cost, load rate, and energy."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd
from matplotlib.figure import Figure

from mobile_storage.core.style import PAGE_MM, PALETTE, label_panels, mark, new_figure, series
from mobile_storage.mmbes.model.evaluate import Attributes, net_profit, prospects
from mobile_storage.mmbes.model.substation import Preferences
from mobile_storage.mmbes.show.figures.parts import MILLION, set_label
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES

Frames = Mapping[str, pd.DataFrame]


def expected_cost(sweeps: Frames) -> Figure:
    """Best size, prospect of the cost and what a yuan counts for, against the expected cost.

    Parameters
    ----------
    sweeps : mapping
        `expected_cost.expected_cost_sweep` by parameter set.
    """
    fig, axes = new_figure(1, 4, width_mm=PAGE_MM, height_mm=70)
    panels = (
        ("Energy (MWh)", "energy_kwh", 1e3),
        ("Power (MW)", "power_kw", 1e3),
        ("Prospect of the cost\n(millions)", "prospect_cost", 1e6),
        ("A yuan of cost\ncounts for", "slope", 1.0),
    )
    for ax, (label, column, divisor) in zip(axes, panels, strict=True):
        for position, sweep in enumerate(sweeps.values()):
            style = series(position) | {"markevery": 6}
            ax.plot(sweep["expected"] / 1e6, sweep[column] / divisor, **style)
        ax.set_ylabel(label, fontsize=7.5)
        ax.set_xlabel("Expected cost\n(million yuan)")
    axes[2].axhline(0, color="0.2", linewidth=0.6)
    label_panels(axes)
    fig.legend(
        handles=[mark(set_label(name), **series(n)) for n, name in enumerate(sweeps)],
        loc="outside lower center",
        ncols=2,
    )
    return fig


def along_energy(
    along: Attributes,
    planner: Preferences,
    optima_kwh: Mapping[str, float],
    published_kwh: float,
) -> Figure:
    """Worths, prospects, net profit and V against the energy.

    Parameters
    ----------
    along : Attributes
        `optimum.ridge`: sizes by rising energy.
    planner : Preferences
    optima_kwh : mapping
        Best energy by line style.
    published_kwh : float
    """
    each = prospects(along, planner)
    panels = {
        "Worth (million yuan)": along.worth,
        "Prospect (millions)": each,
        "Net profit (million yuan)": net_profit(along),
        "V (millions)": each @ planner.weights,
    }
    fig, axes = new_figure(2, 2, width_mm=PAGE_MM, height_mm=130, sharex=True)
    energy_mwh = along.energy_kwh / 1e3
    every = max(1, len(energy_mwh) // 10)
    for ax, (label, values) in zip(axes.flat, panels.items(), strict=True):
        for k, line in enumerate(values.T if values.ndim == 2 else [values]):
            style = series(k) | {"markevery": every} if values.ndim == 2 else {"color": "black"}
            ax.plot(energy_mwh, line / MILLION, **style)
        ax.set_ylabel(label)
        ax.axhline(0, color="0.2", linewidth=0.6)
        for dash, best in optima_kwh.items():
            ax.axvline(best / 1e3, color="0.4", linestyle=dash, linewidth=0.9)
        ax.axvline(published_kwh / 1e3, color="black", linestyle=":", linewidth=1.1)
    for ax in axes[1]:
        ax.set_xlabel("Rated energy (MWh)")
    label_panels(axes)
    fig.legend(
        handles=[mark(name, **series(k)) for k, name in enumerate(ATTRIBUTE_NAMES.values())],
        loc="outside lower center",
        ncols=5,
        columnspacing=1.2,
    )
    return fig


def rate_trends(
    frames: Frames, sets: Collection[str], published_kwh: tuple[float, float]
) -> Figure:
    """Best size and V of every set and member against the load rate.

    Parameters
    ----------
    frames : mapping
        Scenarios of the load rate by set or member of the ensemble, by rising rate.
    sets : collection of str
        The parameter sets among them; all others are members.
    published_kwh : (float, float)
        Published energy at both ends.
    """
    fig, axes = new_figure(1, 3, width_mm=PAGE_MM, height_mm=72)
    panels = (
        ("Energy (MWh)", "energy_kwh", 1e3),
        ("Power (MW)", "power_kw", 1e3),
        ("V over its largest", "prospect", None),
    )
    styles = {name: series(k) | {"zorder": 3} for k, name in enumerate(sets)}
    member = {"color": "0.75", "linewidth": 0.8, "zorder": 1}
    for ax, (label, column, divisor) in zip(axes, panels, strict=True):
        for name, frame in frames.items():
            scale = divisor or max(frame["prospect"].abs().max(), 1e-300)
            ax.plot(frame["value"], frame[column] / scale, **styles.get(name, member))
        ax.set_xlabel("Load rate")
        ax.set_title(label, fontsize=8)
    rates = next(iter(frames.values()))["value"].iloc[[0, -1]]
    ends = {"linestyle": "", "marker": "x", "markersize": 8, "color": PALETTE[2]}
    axes[0].plot(rates, [end / 1e3 for end in published_kwh], zorder=4, **ends)
    label_panels(axes)
    fig.legend(
        handles=[
            *(mark(set_label(name), **series(k)) for k, name in enumerate(sets)),
            mark("member of the ensemble", linestyle="-", color="0.75"),
            mark("published ends", **ends),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return fig
