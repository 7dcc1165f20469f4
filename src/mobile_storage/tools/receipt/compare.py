"""Compare two versions of a file: byte-equal, equal within a declared tolerance, or different.

`receipt.parts` takes the files apart. Two parts with different texts are equal within the tolerance
if only their numbers differ, and these by no more than the tolerance. The tolerance is relative to
the larger number. A quantity that is a small difference of large numbers has no meaning at that
scale near zero; where such a quantity is declared (`Noise`), its numbers may also differ by an
absolute amount.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from mobile_storage.tools.receipt import pictures
from mobile_storage.tools.receipt.parts import NUMBER, Part, unequal, without_licence

__all__ = [
    "BYTE_EQUAL",
    "DIFFERENT",
    "WITHIN",
    "Comparison",
    "Difference",
    "Noise",
    "Tolerance",
    "compare",
    "deviations",
]

BYTE_EQUAL = "byte-equal"
WITHIN = "within tolerance"
DIFFERENT = "different"

#: A comparison keeps this number of differences; all are counted.
MOST_KEPT = 20
_LONGEST_SHOWN = 160


@dataclass(frozen=True)
class Noise:
    """A quantity whose numbers carry no meaning below an absolute amount.

    Attributes
    ----------
    files, places : str
        Shell patterns (`fnmatch`) of the file's path and of the place in it, such as
        ``*_searches.csv`` and ``*, column energy_off_kwh``.
    within : float
        Largest difference of two numbers that counts as none, in the unit of the quantity.
    """

    files: str
    places: str
    within: float


@dataclass(frozen=True)
class Tolerance:
    """Largest differences that count as equal.

    Attributes
    ----------
    relative : float
        Difference of two numbers, relative to the larger one.
    pixel_level : int
        Difference of a pixel in any colour, of 255.
    noise : tuple of Noise
        Quantities that are also judged by an absolute difference.
    """

    relative: float = 0.0
    pixel_level: int = 0
    noise: tuple[Noise, ...] = ()

    def absolute(self, name: str, place: str) -> float:
        """Return the absolute difference that counts as none at a place of a file."""
        amounts = (
            noise.within
            for noise in self.noise
            if fnmatchcase(name, noise.files) and fnmatchcase(place, noise.places)
        )
        return max(amounts, default=0.0)


@dataclass(frozen=True)
class Difference:
    """One place where two versions differ; None where a version has nothing there.

    `relative` is the largest relative difference of the numbers there, None if more than numbers
    differs.
    """

    where: str
    committed: str | None
    recomputed: str | None
    relative: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Result of the comparison of two versions of a file.

    Attributes
    ----------
    verdict : str
        `BYTE_EQUAL`, `WITHIN` or `DIFFERENT`.
    differences : tuple of Difference
        The first `MOST_KEPT` beyond the tolerance.
    count : int
        Number of all differences beyond the tolerance.
    largest : float or None
        Largest relative difference of numbers, within the tolerance or beyond, noise left out.
    noise : int
        Number of places that differ by more than the relative tolerance, but only within their
        noise.
    images : mapping
        PNG of each picture that differs, by its place: committed, recomputed, difference.
    """

    verdict: str
    differences: tuple[Difference, ...] = ()
    count: int = 0
    largest: float | None = None
    noise: int = 0
    images: Mapping[str, bytes] = field(default_factory=dict)


def compare(name: str, committed: bytes, recomputed: bytes, tolerance: Tolerance) -> Comparison:
    """Compare two versions of the file `name`, whose suffix says how to read them.

    A file that cannot be read as what its suffix says is compared as text, or as bytes.
    """
    if committed == recomputed:
        return Comparison(BYTE_EQUAL)
    beyond: list[Difference] = []
    count = noise = 0
    images: dict[str, bytes] = {}
    largest = None
    for place, one, other in unequal(name, committed, recomputed):
        if isinstance(one, bytes) and isinstance(other, bytes):
            picture = pictures.compare(one, other)
            if not picture.same_size or picture.largest > tolerance.pixel_level:
                count += 1
                beyond.append(Difference(place, *picture.describe()))
                images[place] = picture.side_by_side
            continue
        relative = absolute = math.inf
        if one is not None and other is not None:
            relative, absolute = deviations(_text(one), _text(other))
        if relative > tolerance.relative and 0 < absolute <= tolerance.absolute(name, place):
            noise += 1
            continue
        known = relative if math.isfinite(relative) else None
        if known is not None:
            largest = max(known, largest or 0.0)
        if relative > tolerance.relative:
            count += 1
            if len(beyond) < MOST_KEPT:
                beyond.append(Difference(place, *_shown(one, other), known))
    verdict = DIFFERENT if count else WITHIN
    return Comparison(verdict, tuple(beyond), count, largest, noise, images)


def deviations(one: str, other: str) -> tuple[float, float]:
    """Return the largest relative and the largest absolute difference of the numbers in two texts.

    The first is relative to the larger of two numbers, so it is between 0 and 2. Both are infinite
    if anything but numbers differs.

    >>> deviations("0.5 kWh", "0.25 kWh")
    (0.5, 0.25)
    """
    if one == other:
        return 0.0, 0.0
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return math.inf, math.inf
    numbers = ([float(n.replace(",", "")) for n in NUMBER.findall(text)] for text in (one, other))
    pairs = [pair for pair in zip(*numbers, strict=True) if pair[0] != pair[1]]
    relative = (abs(a - b) / max(abs(a), abs(b)) for a, b in pairs)
    return max(relative, default=0.0), max((abs(a - b) for a, b in pairs), default=0.0)


def _text(part: Part) -> str:
    return "a picture" if isinstance(part, bytes) else without_licence(part)


def _shown(one: Part | None, other: Part | None) -> tuple[str | None, str | None]:
    """Return both texts; of long ones, the part around the first difference."""
    texts = [None if part is None else _text(part) for part in (one, other)]
    pairs = enumerate(zip(*texts, strict=False)) if None not in texts else ()
    same = next((at for at, (a, b) in pairs if a != b), 0)
    return tuple(text if text is None else _cut(text, same) for text in texts)


def _cut(text: str, at: int) -> str:
    if len(text) <= _LONGEST_SHOWN:
        return text
    start = max(0, at - _LONGEST_SHOWN // 4)
    end = start + _LONGEST_SHOWN
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")
