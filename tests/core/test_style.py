from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mobile_storage.core import style


def lightness(colour: str) -> float:
    """Return CIE L* of a colour, 0 to 100: what is left of it in grey."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return 116 * np.cbrt(luminance) - 16 if luminance > 0.008856 else 903.3 * luminance


def example():
    fig, (left, right) = style.new_figure(1, 2, width_mm=style.PAGE_MM)
    for position in range(3):
        left.plot(
            [0, 1, 2], [position, 1, 3 - position], label=str(position), **style.series(position)
        )
        right.bar(position, position + 1, **style.bars(position))
    left.legend()
    style.label_panels(np.array([left, right]))
    return fig


def test_two_runs_give_the_same_bytes(tmp_path):
    one = [path.read_bytes() for path in style.save_figure(example(), tmp_path / "1" / "a.b")]
    two = [path.read_bytes() for path in style.save_figure(example(), tmp_path / "2" / "a.b")]
    assert one == two


def test_files_carry_no_date_and_no_program(tmp_path):
    png, svg = style.save_figure(example(), tmp_path / "a.b")
    assert (png.name, svg.name) == ("a.b.png", "a.b.svg")
    assert b"Software" not in png.read_bytes()
    assert "dc:date" not in svg.read_text()
    assert "Matplotlib" not in svg.read_text()


def test_figures_have_the_size_on_paper_and_are_closed(tmp_path):
    before = plt.get_fignums()
    fig, _ = style.new_figure(height_mm=50)
    png, _ = style.save_figure(fig, tmp_path / "a")
    height, width, _ = plt.imread(png).shape
    assert (width, height) == pytest.approx((85 / 25.4 * 200, 50 / 25.4 * 200), abs=1)
    assert plt.get_fignums() == before


def test_the_first_three_colours_keep_apart_in_grey():
    grey = sorted(lightness(colour) for colour in style.PALETTE[:3])
    assert min(np.diff(grey)) > 15
    # and none is so light that it vanishes on paper
    assert max(lightness(colour) for colour in style.PALETTE) < 80


def test_lines_and_bars_differ_in_more_than_colour():
    lines = [style.series(position) for position in range(6)]
    assert len({(str(line["linestyle"]), line["marker"]) for line in lines}) == 6
    assert len({style.bars(position)["hatch"] for position in range(6)}) == 6
