"""Which faults leave load without supply, and how much of it storage covers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mobile_storage.core.style import PAGE_MM, bars, label_panels, new_figure, say
from mobile_storage.mmbes.show.figures.parts import set_label

MOST_SHOWN = 14
SMALL = 0.001
"""Contingencies beyond the worst so many, or below this share of all, are drawn as one bar."""


def adequacy(records: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Expected energy not supplied by contingency, without and with storage.

    Parameters
    ----------
    records : mapping
        ``adequacy/<set>.json`` by parameter set: the ``size`` of the storage, and for each of the
        ``contingencies`` name, eens_before_kwh and eens_after_kwh.
    """
    tables = {name: _worst(pd.DataFrame(r["contingencies"])) for name, r in records.items()}
    rows = max((len(t) for t in tables.values()), default=1)
    fig, axes = new_figure(
        1, len(tables), width_mm=PAGE_MM, height_mm=34 + 6.0 * max(rows, 4), squeeze=False
    )
    for ax, (name, table) in zip(axes[0], tables.items(), strict=True):
        _bars(ax, table)
        energy, power = (records[name]["size"][k] for k in ("energy_kwh", "power_kw"))
        ax.set_title(f"{set_label(name)}, {energy:,.0f} kWh, {power:,.0f} kW", fontsize=8)
        ax.set_xlabel("Energy not supplied (kWh/yr)")
    label_panels(axes)
    fig.legend(
        handles=[
            Patch(label="without storage", **bars(0)),
            Patch(label="with storage", **bars(1)),
        ],
        loc="outside lower center",
        ncols=2,
    )
    return fig


def _worst(table: pd.DataFrame) -> pd.DataFrame:
    """The contingencies that leave most unserved, the rest of them as one."""
    columns = ["name", "eens_before_kwh", "eens_after_kwh"]
    table = table.reindex(columns=columns)
    table = table[table["eens_before_kwh"] > 0]
    table = table.sort_values("eens_before_kwh", ascending=False, kind="stable")
    before = table["eens_before_kwh"]
    shown = min(MOST_SHOWN, int((before >= SMALL * before.sum()).sum()))
    rest = table.iloc[shown:]
    if rest.empty:
        return table
    last = pd.DataFrame([{"name": f"{len(rest)} others", **rest[columns[1:]].sum()}])
    return pd.concat([table.iloc[:shown], last], ignore_index=True)


def _bars(ax: Axes, table: pd.DataFrame) -> None:
    if table.empty:
        say(ax, "nothing is left unserved")
        return
    y = np.arange(len(table))
    for position, column in enumerate(("eens_before_kwh", "eens_after_kwh")):
        ax.barh(y + 0.2 * (2 * position - 1), table[column], height=0.4, **bars(position))
    ax.set_yticks(y, table["name"], fontsize=6.5)
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    before, after = (table[c].sum() for c in ("eens_before_kwh", "eens_after_kwh"))
    ax.text(
        0.98,
        0.03,
        f"all: {before:,.0f} kWh/yr,\nwith storage {after:,.0f}",
        ha="right",
        transform=ax.transAxes,
        fontsize=7,
    )
