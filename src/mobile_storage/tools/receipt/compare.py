"""Compare two versions of a file: byte-equal, equal within a declared tolerance, or different.

Files are taken apart (`receipt.parts`). Two parts that are not the same text are equal within the
tolerance if they differ in their numbers only, and in those by no more than it. The tolerance is
relative to the larger number. A quantity that is itself the small difference of large numbers has
no meaning at that scale near zero; where such a quantity is declared (`Noise`), its numbers may
also differ by an absolute amount.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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
    "deviation",
    "distance",
]

BYTE_EQUAL = "byte-equal"
WITHIN = "within tolerance"
DIFFERENT = "different"

#: Differences that a comparison keeps; all are counted.
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

    def covers(self, name: str, place: str) -> bool:
        """Whether the quantity stands at this place of this file."""
        return fnmatchcase(name, self.files) and fnmatchcase(place, self.places)


@dataclass(frozen=True)
class Tolerance:
    """What still counts as equal.

    Attributes
    ----------
    relative : float
        Largest difference of two numbers, relative to the larger one.
    pixel_level : int
        Largest difference of a pixel in any colour, of 255.
    noise : tuple of Noise
        Quantities that are also judged by an absolute difference.
    """

    relative: float = 0.0
    pixel_level: int = 0
    noise: tuple[Noise, ...] = ()

    def absolute(self, name: str, place: str) -> float:
        """Return the absolute difference that counts as none at a place of a file."""
        return max((n.within for n in self.noise if n.covers(name, place)), default=0.0)


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
    """How two versions of a file compare.

    Attributes
    ----------
    verdict : str
        `BYTE_EQUAL`, `WITHIN` or `DIFFERENT`.
    differences : tuple of Difference
        The first `MOST_KEPT` beyond the tolerance.
    count : int
        How many there are.
    largest : float or None
        Largest relative difference of numbers, within the tolerance or beyond, noise left out.
    noise : int
        How many places differ by more than the relative tolerance, but only within their noise.
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
        texts = (_text(one), _text(other)) if None not in (one, other) else None
        relative = deviation(*texts) if texts else math.inf
        if relative > tolerance.relative and texts:
            absolute = tolerance.absolute(name, place)
            if absolute and distance(*texts) <= absolute:
                noise += 1
                continue
        if math.isfinite(relative):
            largest = max(relative, largest or 0.0)
        if relative > tolerance.relative:
            count += 1
            if len(beyond) < MOST_KEPT:
                known = relative if math.isfinite(relative) else None
                beyond.append(Difference(place, *_shown(one, other), known))
    verdict = DIFFERENT if count else WITHIN
    return Comparison(verdict, tuple(beyond), count, largest, noise, images)


def deviation(one: str, other: str) -> float:
    """Return the largest relative difference of the numbers in two texts.

    Relative to the larger of the two, so between 0 and 2; infinity if anything but numbers differs.

    >>> deviation("0.5 kWh", "0.4 kWh")
    0.2
    """
    return _largest(one, other, lambda a, b: abs(a - b) / max(abs(a), abs(b)))


def distance(one: str, other: str) -> float:
    """Return the largest absolute difference of the numbers in two texts.

    Infinity if anything but numbers differs.

    >>> distance("0.5 kWh", "-0.25 kWh")
    0.75
    """
    return _largest(one, other, lambda a, b: abs(a - b))


def _largest(one: str, other: str, measure: Callable[[float, float], float]) -> float:
    if one == other:
        return 0.0
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return math.inf
    numbers = ([float(n.replace(",", "")) for n in NUMBER.findall(text)] for text in (one, other))
    return max(
        (0.0 if a == b else measure(a, b) for a, b in zip(*numbers, strict=True)),
        default=math.inf,
    )


def _text(part: Part) -> str:
    return "a picture" if isinstance(part, bytes) else without_licence(part)


def _shown(one: Part | None, other: Part | None) -> tuple[str | None, str | None]:
    """Return both texts; of long ones, what is around the first difference."""
    texts = [None if part is None else _text(part) for part in (one, other)]
    if None in texts:
        return tuple(text if text is None else _cut(text, 0) for text in texts)
    pairs = enumerate(zip(*texts, strict=False))
    same = next((at for at, (a, b) in pairs if a != b), 0)
    return tuple(_cut(text, same) for text in texts)


def _cut(text: str, at: int) -> str:
    if len(text) <= _LONGEST_SHOWN:
        return text
    start = max(0, at - _LONGEST_SHOWN // 4)
    end = start + _LONGEST_SHOWN
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")
