"""Figures of sweeps that the notebooks compute: expected cost, load rate, and energy."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from mobile_storage.core.style import PAGE_MM, label_panels, mark, new_figure, series
from mobile_storage.mmbes.show.figures.parts import set_label

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
