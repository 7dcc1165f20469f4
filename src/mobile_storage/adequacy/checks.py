"""Checks of arguments: each returns the value, or refuses it with a ValueError of one sentence.

The sentence names the argument, the value and what was expected. The readers of files refuse bad
input in the same way; these checks serve whoever calls a function or makes a dataclass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "require_arcs",
    "require_choice",
    "require_number",
    "require_numbers",
    "require_probabilities",
]

#: Largest difference of a sum of probabilities, or shares, from 1 that counts as rounding.
SUM_TOLERANCE = 1e-9

_LONGEST_SHOWN = 80

Shape = tuple[int | str, ...]


def require_numbers(
    name: str,
    value: Any,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
    shape: Shape | None = None,
    infinite: bool = False,
    whole: bool = False,
) -> np.ndarray:
    """Return numbers of any shape as an array of floats: `value` itself where it is one already.

    Parameters
    ----------
    name : str
        Name of the argument in the sentence.
    value : array_like
        The argument.
    least, above, most, below : float
        Ends of the range; `least` and `most` belong to it, `above` and `below` do not.
    shape : tuple of int and str, optional
        Expected shape; a text such as ``"steps"`` stands for any length. By default any shape.
    infinite : bool
        Whether infinity is allowed.
    whole : bool
        Whether only whole numbers are allowed.

    Raises
    ------
    ValueError
        If a value is not allowed. Truth values, texts and NaN are never allowed.
    """
    limits = least, above, most, below, infinite
    plain = _is_plain(value)
    given = value if plain else _as_numbers(value)
    if given is None:
        raise ValueError(f"{name} is {_shown(value)}, expected {_expected(*limits, whole)}")
    numbers = given if plain else given.astype(float)
    if shape is not None and not _fits(numbers.shape, shape):
        raise ValueError(f"{name} has the shape {numbers.shape}, expected {_written(shape)}")
    # Most calls pass the check of the smallest and largest number; both are NaN if a number is NaN.
    inside = True
    if numbers.size:
        low, high = np.minimum.reduce(numbers, axis=None), np.maximum.reduce(numbers, axis=None)
        inside = _inside(low, high, *limits)
    if not inside or (whole and not _is_whole(numbers).all()):
        good = _good(numbers, *limits)
        place = tuple(np.argwhere(~(good & (_is_whole(numbers) | (not whole))))[0].tolist())
        at = f"[{', '.join(map(str, place))}]" if place else ""
        expected = _expected(*limits, whole)
        raise ValueError(f"{name}{at} is {given[place].item()!r}, expected {expected}")
    return numbers


def _is_plain(value: Any) -> bool:
    """Whether compiled code takes the value as it is; most calls in a search pass such values."""
    return (
        type(value) is np.ndarray
        and value.dtype == float
        and value.flags.c_contiguous
        and value.flags.writeable
    )


def _as_numbers(value: Any) -> np.ndarray | None:
    """The value as an array of real numbers of any kind, or None."""
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        return None
    if given.dtype.kind == "O" and not any(isinstance(x, bool | str) for x in given.flat):
        try:
            given = given.astype(float)
        except (TypeError, ValueError, OverflowError):
            return None
    return given if given.dtype.kind in "iuf" else None


def require_number(
    name: str,
    value: Any,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
    infinite: bool = False,
    whole: bool = False,
) -> float:
    """Return one number as a float; parameters and errors as for `require_numbers`."""
    limits = least, above, most, below, infinite
    # A search calls this thousands of times with such a value.
    if type(value) is float and not whole and _inside(value, value, *limits):
        return value
    numbers = require_numbers(
        name,
        value,
        least=least,
        above=above,
        most=most,
        below=below,
        shape=(),
        infinite=infinite,
        whole=whole,
    )
    return float(numbers)


def require_probabilities(
    name: str, value: Any, *, shape: Shape = ("outcomes",), at_most: bool = False
) -> np.ndarray:
    """Return probabilities, or shares of a whole, that add up to 1 in the last axis.

    Parameters
    ----------
    name, value, shape
        As for `require_numbers`.
    at_most : bool
        Whether the sum may be less than 1.

    Raises
    ------
    ValueError
        If one is outside 0 to 1, or the sum is not 1.
    """
    numbers = require_numbers(name, value, least=0.0, most=1.0 + SUM_TOLERANCE, shape=shape)
    total = np.atleast_1d(numbers.sum(axis=-1))
    off = total - 1.0 if at_most else np.abs(total - 1.0)
    if (off > SUM_TOLERANCE).any():
        raise ValueError(
            f"{name} adds up to {float(total[np.argmax(off)])!r}, expected "
            f"{'at most 1' if at_most else 'a sum of 1'}"
        )
    return numbers


def require_arcs(
    arcs: Sequence[tuple[int, int, float]], nodes: int, *, infinite: bool = True
) -> list[tuple[int, int, float]]:
    """Return connections of numbered nodes, (node, node, capacity) each, with nodes as integers.

    Raises
    ------
    ValueError
        If one ends at no node, or its capacity is negative or not a number.
    """
    if isinstance(arcs, list | tuple) and not arcs:
        return []
    rows = require_numbers("arcs", arcs, least=0.0, infinite=True, shape=("arcs", 3))
    require_numbers("nodes of the arcs", rows[:, :2], most=nodes - 1, whole=True)
    require_numbers("capacities of the arcs", rows[:, 2], infinite=infinite)
    return [(int(start), int(end), float(capacity)) for start, end, capacity in rows]


def require_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return the value if it is one of a few words.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} {_shown(value)} is none of {', '.join(map(repr, choices))}")
    return value


def _inside(
    low: float, high: float, least: float, above: float, most: float, below: float, infinite: bool
) -> bool:
    """Whether all between two ends is in the range; not if one of them is NaN."""
    return (
        least <= low
        and high <= most
        and (above == -math.inf or above < low)
        and (below == math.inf or high < below)
        and (infinite or (-math.inf < low and high < math.inf))
    )


def _is_whole(numbers: np.ndarray) -> np.ndarray:
    return np.floor(numbers) == numbers


def _good(
    numbers: np.ndarray, least: float, above: float, most: float, below: float, infinite: bool
) -> np.ndarray:
    """Which of the numbers are in the range."""
    good = (numbers >= least) & (numbers <= most)
    if above > -math.inf:
        good &= numbers > above
    if below < math.inf:
        good &= numbers < below
    return good if infinite else good & np.isfinite(numbers)


def _expected(
    least: float, above: float, most: float, below: float, infinite: bool, whole: bool
) -> str:
    """The range in words, to be read after "expected"."""
    kind = "a whole number" if whole else "a number" if infinite else "a finite number"
    if least > -math.inf and most < math.inf:
        return f"{kind} from {least:g} to {most:g}"
    ends = (
        (above > -math.inf, f"above {above:g}"),
        (least > -math.inf, f"of at least {least:g}"),
        (most < math.inf, f"of at most {most:g}"),
        (below < math.inf, f"below {below:g}"),
    )
    return " ".join([kind, " and ".join(words for given, words in ends if given)]).strip()


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    if len(shape) != len(wanted):
        return False
    for size, want in zip(shape, wanted, strict=True):
        if size != want and not isinstance(want, str):
            return False
    return True


def _written(shape: Shape) -> str:
    if not shape:
        return "one number"
    sizes = ", ".join(map(str, shape))
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
