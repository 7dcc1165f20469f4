"""What an argument must be, said once: each check returns the value or refuses it in one sentence.

The file readers refuse what makes no sense in a ledger; these checks do the same for whoever calls
a function or makes a dataclass. The sentence names the argument, the value and what was expected.
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

#: How far rounding may leave probabilities, or shares, from their sum.
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
    """Return numbers of any shape as an array of floats.

    Parameters
    ----------
    name : str
        The argument, as the sentence names it.
    value : array_like
        What was given.
    least, above, most, below : float
        Ends of the range: `least` and `most` are part of it, `above` and `below` are not.
    shape : tuple of int and str, optional
        Wanted shape; a text such as ``"steps"`` stands for any length. By default any shape.
    infinite : bool
        Whether infinity is a number here.
    whole : bool
        Whether only whole numbers are.

    Raises
    ------
    ValueError
        On anything else. Truth values, texts and NaN are no numbers.
    """
    try:
        given = np.asarray(value)
    except ValueError:  # rows of different lengths
        given = np.array(None)
    if given.dtype.kind == "O" and not any(isinstance(x, bool | str) for x in given.flat):
        try:
            given = given.astype(float)
        except (TypeError, ValueError, OverflowError):
            given = np.array(None)
    if given.dtype.kind not in "iuf":
        expected = _expected(least, above, most, below, infinite, whole)
        raise ValueError(f"{name} is {_shown(value)}, expected {expected}")
    numbers = given.astype(float)
    if shape is not None and not _fits(numbers.shape, shape):
        raise ValueError(f"{name} has the shape {numbers.shape}, expected {_written(shape)}")
    # Ends first, which most calls pass; they are NaN if one of the numbers is.
    ends = np.array([numbers.min(), numbers.max()]) if numbers.size else numbers
    if not _good(ends, least, above, most, below, infinite).all() or (
        whole and not (np.floor(numbers) == numbers).all()
    ):
        good = _good(numbers, least, above, most, below, infinite)
        place = tuple(
            np.argwhere(~(good & ((np.floor(numbers) == numbers) | (not whole))))[0].tolist()
        )
        at = f"[{', '.join(map(str, place))}]" if place else ""
        expected = _expected(least, above, most, below, infinite, whole)
        raise ValueError(f"{name}{at} is {given[place].item()!r}, expected {expected}")
    return numbers


def require_number(name: str, value: Any, **limits: Any) -> float:
    """Return one number as a float; parameters and errors as for `require_numbers`."""
    return float(require_numbers(name, value, shape=(), **limits))


def require_probabilities(
    name: str, value: Any, *, shape: Shape = ("outcomes",), at_most: bool = False
) -> np.ndarray:
    """Return probabilities, or shares of a whole, that add up to 1 in the last axis.

    Parameters
    ----------
    name, value, shape
        As for `require_numbers`.
    at_most : bool
        Whether they may add up to less.

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
) -> None:
    """Check connections of numbered nodes, (node, node, capacity) each.

    Raises
    ------
    ValueError
        If one ends at no node, or its capacity is negative or not a number.
    """
    if isinstance(arcs, list | tuple) and not arcs:
        return
    rows = require_numbers("arcs", arcs, least=0.0, infinite=True, shape=("arcs", 3))
    require_numbers("nodes of the arcs", rows[:, :2], most=nodes - 1, whole=True)
    require_numbers("capacities of the arcs", rows[:, 2], infinite=infinite)


def require_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return one of a few words.

    Raises
    ------
    ValueError
        On any other.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} {_shown(value)} is none of {', '.join(map(repr, choices))}")
    return value


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
    return len(shape) == len(wanted) and all(
        isinstance(want, str) or size == want for size, want in zip(shape, wanted, strict=True)
    )


def _written(shape: Shape) -> str:
    if not shape:
        return "one number"
    sizes = ", ".join(map(str, shape))
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
