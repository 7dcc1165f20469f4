"""What the published numbers say: of the lost tables, of the values, and how little they fix."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from mobile_storage.core.margins import holding
from mobile_storage.core.style import (
    GREY,
    PAGE_MM,
    PALETTE,
    label_panels,
    mark,
    new_figure,
    nothing,
    series,
)
from mobile_storage.mmbes.claims import NUMBERS, SetResults, margins
from mobile_storage.mmbes.model.substation import ATTRIBUTES
from mobile_storage.mmbes.search.calibration import Space
from mobile_storage.mmbes.show.figures.parts import MILLION
from mobile_storage.mmbes.show.tables import ATTRIBUTE_NAMES

OPEN = series(0) | {"linestyle": "", "markerfacecolor": "white", "markersize": 6.0}
FILLED = series(2) | {"linestyle": "", "markersize": 5.5}
"""Markers of the literature set and of the calibrated one."""


def calibration(record: Mapping[str, Any]) -> Figure:
    """Distance of each target from its published number, and how far each value had to move.

    Parameters
    ----------
    record : mapping
        ``calibration.json``: ``targets`` with their tolerance, and ``moved``.
    """
    targets, moved = pd.DataFrame(record["targets"]), pd.DataFrame(record["moved"])
    if targets.empty or moved.empty:
        return nothing("Nothing was calibrated.")
    rows = max(len(targets), 0.8 * len(moved))
    fig, (left, right) = new_figure(
        1, 2, width_mm=PAGE_MM, height_mm=34 + 6.0 * rows, width_ratios=(1.0, 1.25)
    )
    _residuals(left, targets)
    _positions(right, moved)
    label_panels(np.array([left, right]))
    fig.legend(
        handles=[
            mark("literature set", **OPEN),
            mark("calibrated set", **FILLED),
            mark("ensemble", linestyle="-", color=GREY, linewidth=3.0),
            mark("within a tolerance", linestyle="-", color="0.88", linewidth=6.0),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return fig


def _residuals(ax: Axes, targets: pd.DataFrame) -> None:
    y = np.arange(len(targets))
    ax.axvspan(-1.0, 1.0, color="0.88", zorder=0)
    ax.axvline(0, color="0.2", linewidth=0.6)
    for column, style in (("literature", OPEN), ("calibrated", FILLED)):
        ax.plot((targets[column] - targets["published"]) / targets["tolerance"], y, **style)
    ax.set_xscale("symlog", linthresh=1.0)
    ax.xaxis.set_major_locator(FixedLocator([-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100]))
    ax.xaxis.set_major_formatter("{x:g}")
    names = targets["claim"] + " " + targets["name"]
    ax.set_yticks(y, [textwrap.fill(name, 30) for name in names], fontsize=6)
    ax.set_ylim(len(targets) - 0.5, -0.5)
    ax.set_xlabel("Distance from the published number\n(tolerances)")
    ax.grid(axis="y", visible=False)


def _positions(ax: Axes, moved: pd.DataFrame) -> None:
    space = Space(
        tuple(moved["symbol"]),
        *(moved[c].to_numpy(dtype=float) for c in ("low", "high", "literature")),
    )
    y = np.arange(len(moved))
    share = {
        column: space.share(moved[column].to_numpy(dtype=float))
        for column in ("literature", "calibrated", "ensemble_low", "ensemble_high")
    }
    ax.hlines(y, share["ensemble_low"], share["ensemble_high"], color=GREY, linewidth=3.0)
    ax.plot(share["literature"], y, **OPEN)
    ax.plot(share["calibrated"], y, **FILLED)
    ax.set_yticks(y, moved["symbol"], fontsize=6)
    ax.set_ylim(len(moved) - 0.5, -0.5)
    ax.set_xlim(-0.03, 1.03)
    ax.set_xticks([0.0, 0.5, 1.0], ["low end", "middle", "high end"])
    ax.set_xlabel("Place in the plausible range\n(on its logarithm where it is wide)")
    ax.grid(axis="y", visible=False)


_QUANTITIES = {
    "energy_kwh": (1e3, "Energy (MWh)"),
    "power_kw": (1e3, "Power (MW)"),
    "elcc_kw": (1e3, "Credible capacity (MW)"),
    "deferral_yr": (1.0, "Deferral (yr)"),
    "eens_cut_kwh": (1e3, "EENS cut (MWh/yr)"),
    "eens_before_kwh": (1e3, "EENS without (MWh/yr)"),
    "loss_cut_kwh": (1e3, "Loss cut (MWh/yr)"),
    **{f"worth_{k}_yuan": (MILLION, f"{ATTRIBUTE_NAMES[k]} (million yuan)") for k in ATTRIBUTES},
    "net_profit_yuan": (MILLION, "Net profit (million yuan)"),
}
"""At the size of the best prospect: column, divisor, label."""


def ensemble(
    members: Sequence[SetResults],
    literature: SetResults,
    calibrated: SetResults,
    targets: Collection[str],
) -> Figure:
    """What sets about as close to the published numbers say of everything else.

    Parameters
    ----------
    members : sequence of SetResults
        May be empty.
    literature, calibrated : SetResults
        The two parameter sets.
    targets : collection of str
        Claims that the calibration aimed at: their quantities are left out.
    """
    aimed = {NUMBERS[claim] for claim in targets if claim in NUMBERS}
    shown = {k: v for k, v in _QUANTITIES.items() if k not in aimed}
    fig, spare = new_figure(width_mm=PAGE_MM, height_mm=16 + 11.0 * len(shown))
    spare.remove()
    left, right = fig.subfigures(1, 2, width_ratios=(1.35, 1.0))
    axes = left.subplots(len(shown), 1)
    for ax, (column, (divisor, label)) in zip(axes, shown.items(), strict=True):
        spread = [member.prospect[column] / divisor for member in members]
        ax.plot(spread, np.zeros(len(spread)), **_MEMBER)
        ax.plot(literature.prospect[column] / divisor, 0, **OPEN)
        ax.plot(calibrated.prospect[column] / divisor, 0, **FILLED)
        ax.set_yticks([0], [label])
        ax.set_ylim(-1, 1)
        ax.margins(x=0.06)
        ax.grid(axis="y", visible=False)
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
    grid = right.subplots()
    _truth(grid, [literature, calibrated, *members])
    label_panels(np.array([axes[0], grid]))
    fig.legend(
        handles=[
            mark("literature set", **OPEN),
            mark("calibrated set", **FILLED),
            mark("member of the ensemble", **_MEMBER),
            mark("holds", marker="s", color=PALETTE[0]),
            mark("does not", marker="x", color=PALETTE[2]),
        ],
        loc="outside lower center",
        ncols=5,
        columnspacing=1.2,
    )
    return fig


_MEMBER = {"marker": "|", "linestyle": "", "color": GREY, "markersize": 9.0}


def _truth(ax: Axes, sets: Sequence[SetResults]) -> None:
    """Every trend and ordering of the paper, in every set."""
    truth = pd.DataFrame([holding(margins(results)) for results in sets])
    for x, row in enumerate(truth.itertuples(index=False)):
        for y, holds in enumerate(row):
            style = {"marker": "s", "color": PALETTE[0]} if holds else {"marker": "x"}
            ax.plot(x, y, **{"color": PALETTE[2], "markersize": 4.5, **style})
    # The two sets stand apart from the ensemble.
    if len(sets) > 2:
        ax.axvline(1.5, color="0.2", linewidth=0.6)
    members = [str(k) for k in range(1, len(sets) - 1)]
    ax.set_xticks(range(len(sets)), ["lit.", "cal.", *members], fontsize=6)
    ax.set_yticks(range(truth.shape[1]), truth.columns)
    ax.set_ylim(truth.shape[1] - 0.5, -0.5)
    ax.set_xlim(-0.6, len(sets) - 0.4)
    ax.set_xlabel("Parameter set")
    ax.grid(visible=False)


def implied(options: pd.DataFrame, load_rates: tuple[float, float]) -> Figure:
    """Load rate that each standard pair of transformers has at the implied peak load.

    Parameters
    ----------
    options : DataFrame
        `implied.transformer_options`.
    load_rates : (float, float)
        Ends of the published sweep.
    """
    fig, ax = new_figure(width_mm=0.6 * PAGE_MM, height_mm=76)
    x = np.arange(len(options))
    ax.axhspan(*load_rates, color=PALETTE[1], alpha=0.35, linewidth=0)
    for fits, style in ((True, FILLED), (False, OPEN)):
        rows = (options["fits"] == fits).to_numpy()
        # Arrays: matplotlib takes a Series of one row for a number, and warns.
        peak, low, high = options.loc[rows, ["peak", "low", "high"]].to_numpy().T
        ax.errorbar(
            x[rows],
            peak,
            yerr=[peak - low, high - peak],
            **style | {"markersize": 3.5},
            elinewidth=1.0,
            capsize=4.0,
        )
    ax.set_xticks(x, [f"{r:g}" for r in options["rating_mva"]])
    ax.set_xlabel("Rating of each of two transformers (MVA)")
    ax.set_ylabel("Load rate at the implied peak")
    ax.set_yscale("log")
    ticks = [0.2, 0.3, *load_rates, 0.8, 1.0, 1.5]
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.grid(axis="x", visible=False)
    fig.legend(
        handles=[
            mark(
                f"published, {load_rates[0]:g} to {load_rates[1]:g}",
                linestyle="-",
                linewidth=6.0,
                color=PALETTE[1],
                alpha=0.35,
            ),
            mark("can be the paper's", **FILLED),
            mark("cannot", **OPEN),
        ],
        loc="outside lower center",
        ncols=3,
        columnspacing=1.0,
    )
    return fig
