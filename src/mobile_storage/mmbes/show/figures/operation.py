"""Figure 4, and the state of charge that a fault finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mobile_storage.adequacy.analytic.islands import starts
from mobile_storage.core.style import (
    PAGE_MM,
    PALETTE,
    SEQUENTIAL,
    bars,
    label_panels,
    mark,
    new_figure,
    say,
)
from mobile_storage.mmbes.model.reliability import base_load, day_share
from mobile_storage.mmbes.model.schedule import Schedule
from mobile_storage.mmbes.model.schedule import schedule as daily_cycle
from mobile_storage.mmbes.model.substation import Substation
from mobile_storage.mmbes.show.figures.parts import set_label

MOST_DAYS = 12
"""Day types beyond this number are left out: their panels would be too small to read."""
COLUMNS = 4
CLASSES = 16
"""Of the state of charge, between its limits."""
MOMENTS = 8
"""Starts of a fault looked at within a step."""

Size = Mapping[str, float]


def schedule(substation: Substation, size: Size) -> Figure:
    """Figure 4: load of every day type, what storage makes of it, and its state of charge.

    Parameters
    ----------
    size : mapping
        ``energy_kwh`` and ``power_kw``.
    """
    load = base_load(substation)[:MOST_DAYS] / 1e3
    cycle = _cycle(substation, size)
    charge = state_of_charge(substation, cycle, size)
    bands = -(-len(load) // COLUMNS)
    columns = -(-len(load) // bands)
    fig, axes = new_figure(
        2 * bands,
        columns,
        width_mm=PAGE_MM,
        height_mm=20 + 62 * bands,
        height_ratios=[1.7, 1.0] * bands,
        sharex=True,
        squeeze=False,
    )
    floor = 0.9 * min(load.min(), (load - cycle.discharge_kw[:MOST_DAYS] / 1e3).min())
    ceiling = 1.03 * max(load.max(), (load + cycle.charge_kw[:MOST_DAYS] / 1e3).max())
    for day in range(bands * columns):
        above, below = axes[2 * (day // columns), day % columns], axes[2 * (day // columns) + 1]
        below = below[day % columns]
        if day >= len(load):
            above.set_axis_off()
            below.set_axis_off()
            continue
        _day(above, load[day], cycle.charge_kw[day] / 1e3, cycle.discharge_kw[day] / 1e3)
        above.set_ylim(floor, ceiling)
        name = substation.curves.names[day].replace("_", " ")
        above.set_title(f"{name}, {substation.curves.days_per_year[day]:.3g} d", fontsize=7.5)
        _state(below, charge[day] if size["energy_kwh"] > 0 else None)
        if day % columns:
            for ax in (above, below):
                ax.tick_params(labelleft=False)
        else:
            above.set_ylabel("Load (MW)")
            below.set_ylabel("State of\ncharge (%)")
    for ax in axes[-1]:
        ax.set_xlabel("Hour of the day")
        ax.set_xticks(range(0, 25, 6))
    fig.suptitle(
        f"Storage of {size['energy_kwh']:,.0f} kWh and {size['power_kw']:,.0f} kW", fontsize=8
    )
    fig.legend(
        handles=[
            mark("load", linestyle="-"),
            mark("load with storage", linestyle="--", color=PALETTE[2]),
            Patch(label="charging", **bars(1)),
            Patch(label="discharging", **bars(0)),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return fig


def _cycle(substation: Substation, size: Size) -> Schedule:
    return daily_cycle(
        base_load(substation),
        np.float64(size["energy_kwh"]),
        np.float64(size["power_kw"]),
        substation.battery,
    )


def state_of_charge(substation: Substation, cycle: Schedule, size: Size) -> np.ndarray:
    """State of charge at the ends of the steps, shares of the rated energy, (days, steps + 1)."""
    battery = substation.battery
    if size["energy_kwh"] == 0:
        return np.full_like(cycle.deliverable_kwh, battery.soc_min)
    inside = cycle.deliverable_kwh / battery.discharge_efficiency
    return battery.soc_min + inside / size["energy_kwh"]


def _day(ax: Axes, load: np.ndarray, charge: np.ndarray, discharge: np.ndarray) -> None:
    hours = np.linspace(0.0, 24.0, load.size + 1)
    last = np.append(load, load[-1])
    for position, power in ((1, charge), (0, -discharge)):
        with_it = np.append(load + power, (load + power)[-1])
        ax.fill_between(hours, last, with_it, step="post", linewidth=0, **bars(position))
    net = load + charge - discharge
    ax.stairs(load, hours, color="black", linewidth=1.1, baseline=None)
    ax.stairs(net, hours, color=PALETTE[2], linewidth=1.1, linestyle="--", baseline=None)
    ax.set_xlim(0, 24)


def _state(ax: Axes, charge: np.ndarray | None) -> None:
    ax.set_ylim(0, 100)
    ax.set_yticks([0, 50, 100])
    if charge is None:
        say(ax, "no storage")
        return
    ax.plot(np.linspace(0.0, 24.0, charge.size), 100 * charge, color=PALETTE[0])


def soc(substations: Mapping[str, Substation], sizes: Mapping[str, Size]) -> Figure:
    """Law of the state of charge that a fault finds, by hour and over all hours.

    The joint law keeps the hour: left, the chance of each class within each step, and the mean
    energy. The marginal law forgets it: right. The constant law has the mean alone.
    """
    fig, axes = new_figure(
        len(sizes),
        2,
        width_mm=PAGE_MM,
        height_mm=12 + 56 * len(sizes),
        width_ratios=(2.6, 1.0),
        squeeze=False,
    )
    for (name, size), (left, right) in zip(sizes.items(), axes, strict=True):
        left.set_title(f"{set_label(name)}, {size['energy_kwh']:,.0f} kWh", fontsize=8)
        _law(left, right, substations[name], size)
        left.set_ylabel("State of charge (%)")
    axes[-1, 0].set_xlabel("Hour at which the fault starts")
    axes[-1, 1].set_xlabel("Chance over all hours (%)")
    label_panels(axes)
    fig.legend(
        handles=[
            mark("mean at the hour", linestyle="-", color=PALETTE[2]),
            mark("mean over all hours (constant law)", linestyle="--", color=PALETTE[2]),
        ],
        loc="outside lower center",
        ncols=2,
    )
    return fig


def _law(joint: Axes, marginal: Axes, substation: Substation, size: Size) -> None:
    if not size["energy_kwh"] > 0:
        for ax in (joint, marginal):
            ax.set_axis_off()
            say(ax, "nothing is built")
        return
    battery, share = substation.battery, day_share(substation)
    moments = starts(_cycle(substation, size).deliverable_kwh, share, "joint", nodes=MOMENTS)
    inside = moments.energy / battery.discharge_efficiency / size["energy_kwh"]
    state = 100.0 * (battery.soc_min + inside)
    chance = np.broadcast_to(share[:, None, None] * moments.weight, state.shape)
    steps = state.shape[1]
    step = np.broadcast_to(np.arange(steps)[:, None], state.shape)
    limits = 100.0 * battery.soc_min, 100.0 * battery.soc_max
    # Rounding may put a full storage a hair above its limit, and out of every class.
    law, _, edges = np.histogram2d(
        step.ravel(),
        np.clip(state, *limits).ravel(),
        bins=(np.arange(steps + 1) - 0.5, np.linspace(*limits, CLASSES + 1)),
        weights=chance.ravel(),
    )
    hours = np.linspace(0.0, 24.0, steps + 1)
    mesh = joint.pcolormesh(
        hours, edges, np.ma.masked_equal(100.0 * law.T, 0.0), cmap=SEQUENTIAL, vmin=0.0, vmax=100.0
    )
    bar = joint.figure.colorbar(mesh, ax=joint, pad=0.01)
    bar.set_label("Chance at the hour (%)", rotation=270, va="bottom")
    mean = (state * chance).sum(axis=(0, 2))
    joint.stairs(mean, hours, color=PALETTE[2], linewidth=1.5, baseline=None)
    joint.set_xticks(range(0, 25, 3))
    joint.grid(visible=False)
    marginal.barh(
        (edges[:-1] + edges[1:]) / 2,
        100.0 * law.mean(axis=0),
        height=np.diff(edges),
        **bars(0),
    )
    for ax in (joint, marginal):
        ax.axhline(mean.mean(), color=PALETTE[2], linestyle="--", linewidth=1.1)
        ax.set_ylim(limits)


def typical_days(curves: pd.DataFrame, days: Sequence[str]) -> Figure:
    """Load of each typical day, in shares of the annual peak, with its range in the ledger.

    Parameters
    ----------
    curves : DataFrame
        The ledger ``load_curves``: ``day_type``, ``hour``, ``value``, ``low`` and ``high``.
    days : sequence of str
        Types of day in their order.
    """
    curves = curves.assign(hour=pd.to_numeric(curves["hour"]))
    shared = {"sharex": True, "sharey": True, "squeeze": False}
    fig, axes = new_figure(1, len(days), width_mm=PAGE_MM, height_mm=62, **shared)
    for ax, day in zip(axes[0], days, strict=True):
        rows = curves[curves["day_type"] == day].sort_values("hour")
        hour = np.append(rows["hour"], 24.0)
        numbers = rows[["value", "low", "high"]].to_numpy(float).T
        value, low, high = (np.append(x, x[-1]) for x in numbers)
        ax.fill_between(hour, low, high, step="post", color=PALETTE[1], alpha=0.35, linewidth=0)
        ax.step(hour, value, where="post", color=PALETTE[0], linewidth=1.4)
        ax.set_title(day.replace("_", " "), fontsize=8)
        ax.set_xlabel("Hour")
        ax.set_xticks([0, 6, 12, 18, 24])
    axes[0, 0].set_ylabel("Load (share of the annual peak)")
    return fig
