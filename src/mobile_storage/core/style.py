"""One style for every figure, legible in print, in grey and for colour-blind readers.

Colour never carries a meaning alone: use `series` (colour, line style and marker together) for
lines and `bars` (colour and hatch) for areas.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.lines import Line2D

from mobile_storage.core.io import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLUMN_MM",
    "GREY",
    "HATCHES",
    "LINESTYLES",
    "MARKERS",
    "PAGE_MM",
    "PALETTE",
    "SEQUENTIAL",
    "apply",
    "bars",
    "label_panels",
    "mark",
    "new_figure",
    "nothing",
    "save_figure",
    "say",
    "series",
]

#: Width of one column and of the whole page in a journal, in millimetres.
COLUMN_MM = 85.0
PAGE_MM = 174.0
_MM_PER_INCH = 25.4
_DPI = 200

#: Dark, light and middle colours, then three more. The first three differ in grey (lightness L* of
#: about 29, 72 and 48). Paul Tol, "Colour Schemes", technical note SRON/EPS/TN/09-002 (2021): the
#: high-contrast scheme, then colours of the medium-contrast and light ones.
PALETTE = ("#004488", "#DDAA33", "#BB5566", "#6699CC", "#997700", "#44BB99")
GREY = "#777777"
#: Colour map of heat maps: even in lightness and safe for colour-blind readers.
SEQUENTIAL = "cividis"
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++")
MARKERS = ("o", "s", "^", "D", "v", "P")
LINESTYLES = ("-", (0, (5, 2)), (0, (1, 1.5)), "-.", (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)))

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "0.2",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.linewidth": 0.4,
    "grid.color": "0.85",
    "lines.linewidth": 1.3,
    "lines.markersize": 4.0,
    "patch.linewidth": 0.5,
    "hatch.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.bottom": True,
    "ytick.left": True,
    "figure.dpi": 100.0,
    "figure.constrained_layout.use": True,
    "savefig.dpi": _DPI,
    # Element ids and glyph outlines that do not depend on the run or on installed fonts.
    "svg.hashsalt": "mobile-storage",
    "svg.fonttype": "path",
}


def apply() -> None:
    """Set the style for every figure that is made from now on."""
    sns.set_theme(context="paper", style="whitegrid", palette=PALETTE, rc=_RC)
    mpl.rcParams["image.cmap"] = SEQUENTIAL


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width_mm: float = COLUMN_MM,
    height_mm: float | None = None,
    **subplots: Any,
) -> tuple[Figure, Any]:
    """Return ``plt.subplots`` in the compendium's style, sized in millimetres.

    Parameters
    ----------
    rows, columns : int
        Panels.
    width_mm, height_mm : float, optional
        Size on paper, in mm; the default height gives each panel the proportions 3:2.
    **subplots
        Passed on to ``plt.subplots``.

    Returns
    -------
    Figure
    Axes or ndarray of Axes
        As ``plt.subplots`` returns them.
    """
    apply()
    if height_mm is None:
        height_mm = width_mm / columns * rows / 1.5
    size = (width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH)
    return plt.subplots(rows, columns, figsize=size, **subplots)


def series(position: int) -> dict[str, object]:
    """Return colour, line style and marker of a line, which differ without colour too."""
    return {
        "color": PALETTE[position % len(PALETTE)],
        "linestyle": LINESTYLES[position % len(LINESTYLES)],
        "marker": MARKERS[position % len(MARKERS)],
    }


def bars(position: int) -> dict[str, object]:
    """Return face colour, hatch and edge colour of a bar, which differ without colour too."""
    return {
        "facecolor": PALETTE[position % len(PALETTE)],
        "hatch": HATCHES[position % len(HATCHES)],
        "edgecolor": "white" if position % len(HATCHES) else "0.2",
    }


def mark(label: str, **style: Any) -> Line2D:
    """Return a legend entry; a black marker without line unless `style` says otherwise."""
    return Line2D([], [], label=label, **{"color": "black", "linestyle": "", "marker": "", **style})


def say(ax: Axes, text: str) -> None:
    """Write into the middle of a panel why it shows nothing."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, fontsize=7.5)


def nothing(text: str) -> Figure:
    """Return a low figure with a text that says why there is nothing to draw."""
    fig, ax = new_figure(width_mm=PAGE_MM, height_mm=20)
    ax.set_axis_off()
    say(ax, text)
    return fig


def label_panels(axes: Axes | np.ndarray) -> None:
    """Write (a), (b), ... above the left corner of each panel."""
    panels = list(axes.flat) if isinstance(axes, np.ndarray) else [axes]
    for letter, panel in zip("abcdefghijklmnop", panels, strict=False):
        panel.set_title(f"({letter})", loc="left", fontweight="bold")


def save_figure(fig: Figure, stem: str | Path) -> tuple[Path, Path]:
    """Write ``stem.png`` (200 dpi) and ``stem.svg``, the same bytes on every run.

    Neither file has a date or the name of a program. The figure is closed.

    Returns
    -------
    tuple of Path
        The PNG and the SVG file.
    """
    stem = Path(stem)
    png = stem.with_name(stem.name + ".png")
    svg = stem.with_name(stem.name + ".svg")
    with mpl.rc_context({"svg.hashsalt": _RC["svg.hashsalt"], "svg.fonttype": "path"}):
        with replacing(png) as part:
            fig.savefig(part, format="png", dpi=_DPI, metadata={"Software": None})
        # As bytes: text would get the line ends of the system.
        with replacing(svg) as part, part.open("wb") as file:
            fig.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(fig)
    return png, svg
