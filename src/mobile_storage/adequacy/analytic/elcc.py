"""Capacity credit: the load that a resource lets the system carry at an unchanged risk.

*Capacity credit* is the field's name for what the paper on mobile battery storage calls *credible
capacity*. With R a risk index of the load (EENS, LOLE, ...), without and with the resource:

    ELCC, effective load carrying capability: the added load x with
        R_with(load + x) = R_without(load)
    EFC, equivalent firm capacity: the capacity x without failures with
        R_without(load - x) = R_with(load)

R must not fall where the load rises. EENS then gives one solution, found by root finding. An index
like LOLE changes in steps, so there may be no solution or a range of solutions. The ELCC is then
the most load that does not raise the risk, the EFC the least firm capacity that does not.

    index = lambda load: risk(table, load).eens
    credit = elcc(index_with_resource, index, load)
    credit.value, credit.status

These functions take any index. `kernel.population` is the fast, compiled twin for one case: the
ELCC in terms of EENS of storage that follows a daily schedule, for thousands of sizes at once. It
returns the same values, and statuses as positions in `STATUSES`. The tests of
`mmbes.model.evaluate` compare the two on random substations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.checks import require_choice, require_number, require_numbers

__all__ = ["FORMS", "STATUSES", "CapacityCredit", "efc", "elcc", "level_crossing"]

#: Forms of the added load: the same at all times, or in proportion to the load.
FORMS = ("constant", "scaled")

#: What the value of a capacity credit means; `CapacityCredit` explains each word.
STATUSES = ("solved", "no risk", "no effect", "out of reach", "step", "plateau")
#: Positions in `STATUSES` of those that the compiled twin can return.
SOLVED, NO_RISK, NO_EFFECT, OUT_OF_REACH = range(4)

#: Two indices are equal if their relative difference is at most this.
ROUNDING = 1e-12
#: An index jumps past the target if it stays away from it by more than this relative difference.
JUMP = 1e-6
#: An index is flat at the target if it does not change within this part of the scale.
FLAT = 1e-7
#: The search begins with this part of the scale, and ends at this multiple of it by default.
FIRST, FARTHEST = 1e-3, 1e3
#: The solution is accurate to this part of the scale.
PRECISION = 1e-14

Index = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class CapacityCredit:
    """A capacity credit and what its value means.

    Attributes
    ----------
    value : float
        In units of power. Always a number that can be used, infinity included.
    status : str
        One of `STATUSES`:

        ``solved``: the value is the one solution (for an index in steps, within a relative 1e-6 of
        the target).
        ``no effect``: the resource does not change the index at the given load. The value is 0.
        ``no risk``: the target is zero, which every value in the interval reaches. No credit is
        due, so the value is 0.
        ``out of reach``: no value within the bound of the search reaches the target. The value is
        infinite: positive if the resource helps more than any load tried, negative if it harms
        more. A solution, if any, lies in the interval.
        ``step``: the index jumps past the target. The value is the end of the interval where the
        risk is at most the target.
        ``plateau``: the index has the target value on the whole interval. The value is the end
        with the most load (ELCC), or with the least firm capacity (EFC).
    interval : tuple of float
        Explained with each status; both ends equal the value where there is one solution.
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
) -> CapacityCredit:
    """Effective load carrying capability.

    Parameters
    ----------
    with_resource, without_resource : callable
        Risk index of a load, shape (steps,), of the system with and without the resource.
    load : array_like, shape (steps,)
    form : {"constant", "scaled"}
        The load with x added at the peak: ``load + x`` or ``load (1 + x / peak)``.
    upper : float, optional
        Largest added load that is tried; a thousand times the peak load by default.

    Returns
    -------
    CapacityCredit
        The value is negative if the resource raises the risk.

    Raises
    ------
    ValueError
        If the form is not one of `FORMS`, no load is above zero, or the index is not a number.
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
) -> CapacityCredit:
    """Equivalent firm capacity: capacity that never fails, in place of the resource.

    Parameters and errors are those of `elcc`; the firm capacity is subtracted from the load.
    """
    load, peak = _load_and_peak(load)
    # The index rises with the added load -x, as for the ELCC.
    crossing = level_crossing(
        lambda x: without_resource(load + x), with_resource(load), peak, upper
    )
    low, high = crossing.interval
    return CapacityCredit(0.0 - crossing.value, crossing.status, (0.0 - high, 0.0 - low))


def level_crossing(
    index: Callable[[float], float], target: float, scale: float, upper: float | None = None
) -> CapacityCredit:
    """Most added load at which a risk index does not exceed a target.

    Parameters
    ----------
    index : callable
        Risk index by added load; it never falls.
    target : float
        Value of the index that the solution must have; zero or more.
    scale : float
        Typical load, in units of power; tolerances are parts of it.
    upper : float, optional
        The search covers the added loads from ``-upper`` to ``upper``; a thousand times the scale
        by default.

    Returns
    -------
    CapacityCredit
        The value is the added load, which may be negative.

    Raises
    ------
    ValueError
        If the scale or the bound is not above zero, or the index is not a number.
    """
    # SciPy is needed only here: the compiled twin and its callers start faster without it.
    from scipy.optimize import brentq

    require_number("target", target)
    require_number("scale", scale, above=0.0)
    upper = FARTHEST * scale if upper is None else require_number("upper", upper, above=0.0)

    def gap(x: float) -> float:
        difference = float(index(x)) - target
        if math.isnan(difference):
            raise ValueError(f"the index or its target is not a number at the added load {x}")
        return 0.0 if abs(difference) <= ROUNDING * abs(target) else difference

    at_zero = gap(0.0)
    if at_zero == 0.0 and target > 0.0:
        return CapacityCredit(0.0, "no effect", (0.0, 0.0))
    low, high = _bracket(gap, at_zero <= 0.0, scale, upper)
    if target <= 0.0:
        last = _last(lambda x: gap(x) <= 0.0, low, high)
        return CapacityCredit(0.0, "no risk", (-math.inf, last))
    if gap(low) > 0.0:
        return CapacityCredit(-math.inf, "out of reach", (-math.inf, low))
    if gap(high) < 0.0:
        return CapacityCredit(math.inf, "out of reach", (high, math.inf))
    x = brentq(gap, low, high, xtol=PRECISION * scale, rtol=4.0 * np.finfo(float).eps)
    width, close = FLAT * scale, 4.0 * PRECISION * scale
    if gap(x - width) == 0.0 or gap(x + width) == 0.0:
        last = _last(lambda x: gap(x) <= 0.0, low, high)
        return CapacityCredit(last, "plateau", (_last(lambda x: gap(x) < 0.0, low, high), last))
    if min(abs(gap(x - close)), abs(gap(x)), abs(gap(x + close))) > JUMP * target:
        return CapacityCredit(x - close, "step", (x - close, x + close))
    return CapacityCredit(x, "solved", (x, x))


def _bracket(
    gap: Callable[[float], float], upwards: bool, scale: float, upper: float
) -> tuple[float, float]:
    """Return two ascending loads between which the gap changes its sign.

    If it does not change its sign up to the bound, the bound is one of the two.
    """
    sign = 1.0 if upwards else -1.0
    near, far = 0.0, min(upper, FIRST * scale)
    while gap(sign * far) * sign <= 0.0 and far < upper:
        # A gap of zero may lie on a plateau, so the near end stays in front of it.
        near, far = (far if gap(sign * far) != 0.0 else near), min(upper, 2.0 * far)
    return (near, far) if upwards else (-far, -near)


def _last(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Find the last point where a condition holds that holds up to that point, by bisection."""
    if holds(high):
        return high
    while True:
        middle = low + (high - low) / 2.0
        if not low < middle < high:
            return low
        low, high = (middle, high) if holds(middle) else (low, middle)


def _load_and_peak(load: np.ndarray) -> tuple[np.ndarray, float]:
    """Check the load and return it with its peak, which must be above zero."""
    load = require_numbers("load", load)
    peak = float(load.max(initial=0.0))
    if not peak > 0.0:
        raise ValueError(f"the peak load is {peak}, expected more than zero")
    return load, peak
