"""Compare two pictures pixel by pixel, and show where they differ."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, UnidentifiedImageError

__all__ = ["PictureComparison", "compare"]

_GAP = 12
_HEADINGS = ("committed", "recomputed", "difference, amplified")
_HEADING = 24
#: Width in pixels of a single differing pixel in the picture of the differences.
_SPREAD = 5


@dataclass(frozen=True)
class PictureComparison:
    """Result of the comparison of two pictures.

    Attributes
    ----------
    sizes : tuple of str
        Width by height of each, in pixels; what is wrong with one that is no picture.
    largest : int
        Largest difference in any colour of any pixel, of 255.
    share : float
        Share of the pixels that differ at all.
    rms : float
        Root of the mean square of all differences, of 255.
    side_by_side : bytes
        PNG: committed, recomputed, difference (the darker the larger, the largest black).
    """

    sizes: tuple[str, str]
    largest: int
    share: float
    rms: float
    side_by_side: bytes

    @property
    def same_size(self) -> bool:
        """Whether both are pictures of one size."""
        return self.sizes[0] == self.sizes[1]

    def describe(self) -> tuple[str, str]:
        """Return a description of the committed and of the recomputed picture."""
        differing = (
            f"{self.share:.4%} of the pixels differ, by up to {self.largest} of 255, "
            f"root mean square {self.rms:.3g}"
        )
        return self.sizes[0], f"{self.sizes[1]}: {differing}" if self.same_size else self.sizes[1]


def compare(committed: bytes, recomputed: bytes) -> PictureComparison:
    """Compare two PNG files; where one of them is smaller or broken, it counts as blank."""
    images, sizes = zip(*(_read(content) for content in (committed, recomputed)), strict=True)
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    panels = [_on_canvas(image, width, height) for image in images]
    levels = np.asarray(ImageChops.difference(*panels))
    strongest = levels.max(axis=2)
    return PictureComparison(
        sizes=sizes,
        largest=int(strongest.max()),
        share=float((strongest > 0).mean()),
        rms=float(np.sqrt((levels.astype(float) ** 2).mean())),
        side_by_side=_side_by_side(panels, strongest),
    )


def _read(content: bytes) -> tuple[Image.Image, str]:
    try:
        image = Image.open(io.BytesIO(content)).convert("RGBA")
    except (UnidentifiedImageError, OSError):
        return Image.new("RGBA", (1, 1), "white"), "not a picture"
    return image, f"{image.width} x {image.height} pixels"


def _on_canvas(image: Image.Image, width: int, height: int) -> Image.Image:
    canvas = Image.new("RGBA", (width, height), "white")
    canvas.alpha_composite(image)
    return canvas.convert("RGB")


def _side_by_side(panels: list[Image.Image], strongest: np.ndarray) -> bytes:
    amplified = 255.0 * (1.0 - strongest / max(1, strongest.max()))
    difference = Image.fromarray(amplified.astype(np.uint8)).filter(ImageFilter.MinFilter(_SPREAD))
    width, height = panels[0].size
    # A large picture is shown reduced, so its headings are large.
    band = max(_HEADING, height // 16)
    sheet = Image.new("RGB", (3 * width + 2 * _GAP, height + band), "white")
    draw = ImageDraw.Draw(sheet)
    for at, (panel, heading) in enumerate(zip([*panels, difference], _HEADINGS, strict=True)):
        left = at * (width + _GAP)
        draw.text((left + 4, 4), heading, fill="black", font_size=band * 3 // 5)
        sheet.paste(panel, (left, band))
        if at:
            middle = left - _GAP // 2
            draw.line([(middle, 0), (middle, height + band)], fill="black")
    target = io.BytesIO()
    sheet.save(target, format="PNG")
    return target.getvalue()
