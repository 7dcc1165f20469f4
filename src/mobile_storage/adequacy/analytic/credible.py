"""Credible capacity: how much load a resource carries, how much firm capacity it stands for.

With R a risk index (EENS, LOLE, ...) of a load, before and after the resource joins a system:

    ELCC: the added load x with  R_with(load + x) = R_without(load)
    EFC: the firm capacity x with  R_without(load - x) = R_with(load)

R must not fall where the load rises. EENS then gives one solution, found by root finding. An index
like LOLE goes in steps: where it has no solution, or a range of them, the result says so, with the
most load that keeps the risk from rising as ELCC, and the least firm capacity that does so as EFC.

    index = lambda load: risk(table, load).eens
    found = elcc(with_resource, index, load)
    found.value, found.status
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from mobile_storage.adequacy.checks import require_choice, require_number, require_numbers

__all__ = ["FORMS", "Credible", "efc", "elcc", "level_crossing"]

FORMS = ("constant", "scaled")

#: Relative difference of two indices that are the same but for rounding errors.
SAME = 1e-12
#: Relative difference from the target beyond which an index jumps past it.
JUMP = 1e-6
#: Part of the scale over which an index that solves the equation must change.
FLAT = 1e-7
#: Parts of the scale that are tried first and last.
FIRST, FARTHEST = 1e-3, 1e3
#: Part of the scale to which the solution is found.
PRECISION = 1e-14

Index = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Credible:
    """Credible capacity, and in which sense.

    Attributes
    ----------
    value : float
        In units of power; not a number where the question has no answer.
    status : str
        ``solved``: the one solution; of an index in steps, to within a 1e-6th of the target.
        ``no effect``: the resource leaves the index of the load as it is; the value is zero.
        ``step``: the index jumps past the target; the value is the end of the interval at which
        the risk is not above the target.
        ``plateau``: the index has the target value on the whole interval; the value is its end
        with most load, or with least firm capacity.
        ``no risk``: the target is zero, which everything in the interval reaches; no value.
        ``out of reach``: no capacity up to the bound reaches the target; it can only lie in the
        interval; no value.
    interval : tuple of float
        See the status; both ends are the value if solved.
    """

    value: float
    status: str
    interval: tuple[float, float]


def elcc(
    with_resource: Index,
    without_resource: Index,
    load: np.ndarray,
    *,
    form: str = "constant",
    upper: float | None = None,
) -> Credible:
    """Effective load carrying capability.

    Parameters
    ----------
    with_resource, without_resource : callable
        Risk index of a load, shape (steps,), of the system with and without the resource.
    load : array_like, shape (steps,)
    form : {"constant", "scaled"}
        Load is added as ``load + x`` or as ``load (1 + x / peak)``; x is the added peak load.
    upper : float, optional
        Most added load that is tried; a thousand times the peak load by default.

    Returns
    -------
    Credible
        Negative if the resource does harm.

    Raises
    ------
    ValueError
        On another form, a load without a positive peak, or an index that is not a number.
    """
    load, peak = _load_and_peak(load)
    require_choice("the form of the added load", form, FORMS)
    shape = 1.0 if form == "constant" else load / peak
    return level_crossing(
        lambda x: with_resource(load + x * shape), without_resource(load), peak, upper
    )


def efc(
    with_resource: Index,
    without_resource: Index,
    load: np.ndarray,
    *,
    upper: float | None = None,
) -> Credible:
    """Equivalent firm capacity: capacity that never fails, in place of the resource.

    Parameters and errors as for `elcc`. Firm capacity is taken off the load.
    """
    load, peak = _load_and_peak(load)
    # In terms of added load -x the index rises as it does for the ELCC.
    found = level_crossing(lambda x: without_resource(load + x), with_resource(load), peak, upper)
    low, high = found.interval
    return Credible(0.0 - found.value, found.status, (0.0 - high, 0.0 - low))


def level_crossing(
    index: Callable[[float], float], target: float, scale: float, upper: float | None = None
) -> Credible:
    """Most added load at which a risk index does not exceed a target.

    Parameters
    ----------
    index : callable
        Risk index by added load; it never falls.
    target : float
        Its value to reach, zero or more.
    scale : float
        Size of the load, which sets what counts as a change of load.
    upper : float, optional
        Bound of the search on both sides of zero; a thousand times the scale by default.

    Returns
    -------
    Credible
        In terms of the added load, which may be negative.

    Raises
    ------
    ValueError
        If scale or bound are not above zero, or the index is not a number.
    """
    require_number("target", target)
    require_number("scale", scale, above=0.0)
    upper = FARTHEST * scale if upper is None else require_number("upper", upper, above=0.0)

    def gap(x: float) -> float:
        difference = float(index(x)) - target
        if math.isnan(difference):
            raise ValueError(f"the index or its target is not a number at the added load {x}")
        return 0.0 if abs(difference) <= SAME * abs(target) else difference

    at_zero = gap(0.0)
    if at_zero == 0.0 and target > 0.0:
        return Credible(0.0, "no effect", (0.0, 0.0))
    low, high = _bracket(gap, at_zero <= 0.0, scale, upper)
    if target <= 0.0:
        return Credible(math.nan, "no risk", (-math.inf, _last(lambda x: gap(x) <= 0.0, low, high)))
    if gap(low) > 0.0:
        return Credible(math.nan, "out of reach", (-math.inf, low))
    if gap(high) < 0.0:
        return Credible(math.nan, "out of reach", (high, math.inf))
    x = brentq(gap, low, high, xtol=PRECISION * scale, rtol=4.0 * np.finfo(float).eps)
    width, close = FLAT * scale, 4.0 * PRECISION * scale
    if gap(x - width) == 0.0 or gap(x + width) == 0.0:
        last = _last(lambda x: gap(x) <= 0.0, low, high)
        return Credible(last, "plateau", (_last(lambda x: gap(x) < 0.0, low, high), last))
    if min(abs(gap(x - close)), abs(gap(x)), abs(gap(x + close))) > JUMP * target:
        return Credible(x - close, "step", (x - close, x + close))
    return Credible(x, "solved", (x, x))


def _bracket(
    gap: Callable[[float], float], upwards: bool, scale: float, upper: float
) -> tuple[float, float]:
    """Two loads, ascending, between which the gap changes its sign, if it does up to the bound."""
    sign = 1.0 if upwards else -1.0
    near, far = 0.0, min(upper, FIRST * scale)
    while gap(sign * far) * sign <= 0.0 and far < upper:
        # What is only zero is not yet beyond a plateau.
        near, far = (far if gap(sign * far) != 0.0 else near), min(upper, 2.0 * far)
    return (near, far) if upwards else (-far, -near)


def _last(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Last place at which a statement holds that holds up to there, by bisection."""
    if holds(high):
        return high
    while True:
        middle = low + (high - low) / 2.0
        if not low < middle < high:
            return low
        low, high = (middle, high) if holds(middle) else (low, middle)


def _load_and_peak(load: np.ndarray) -> tuple[np.ndarray, float]:
    load = require_numbers("load", load)
    peak = float(load.max(initial=0.0))
    if not peak > 0.0:
        raise ValueError(f"the peak load is {peak}, expected more than zero")
    return load, peak
