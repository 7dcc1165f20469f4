"""`islands` for many sizes of storage at once, compiled; and the load that each lets be added.

Same numbers as the plain functions of `islands`, to rounding. What makes it fast: with h(x) the
energy that a storage without limit of energy would be expected to serve from the moment x of the
day on, one that is empty at the moment y serves ``h(x) - S(y - x) h(y)`` under the exponential law,
whatever lies in between; h repeats itself daily. Under the fixed law storage serves the smaller of
its energy and the need of the whole outage. So no fault is walked through step by step.

Over the moment at which a fault starts, `_served` sums up the nodes of `islands.Starts`.
`_served_exactly` splits each step where the energy served has a kink instead. Between kinks all is
linear in the moment but for exponentials of it. So is the moment itself at which storage is empty:
if it falls into the same stage of the fault and the same step of the load at both ends of a piece,
it does so in between.

The functions that call each other compiled are all in this file, because Numba's cache of compiled
code does not see changes in other files.
"""

from __future__ import annotations

import numba
import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.elcc import NO_EFFECT, NO_RISK, OUT_OF_REACH, SOLVED
from mobile_storage.adequacy.analytic.islands import Starts, gauss_nodes, starts
from mobile_storage.adequacy.analytic.packed import Outages
from mobile_storage.adequacy.checks import require_number, require_numbers, require_probabilities

__all__ = ["population", "start_error"]

#: Halvings of a step after which a change of the stage in which storage is emptied is left alone.
DEEPEST = 10

#: Gauss-Legendre nodes and weights for a piece of a step without a kink.
PIECE_NODE, PIECE_WEIGHT = gauss_nodes(3)

#: Relative accuracy of a credible capacity.
ELCC_TOLERANCE = 1e-11

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@compiled
def _without(o, load, share):
    """EENS without storage, the intact system's deficit included."""
    days, steps = load.shape
    total = 0.0
    for d in range(days):
        for t in range(steps):
            for k in range(o.cut_knee.size):
                total += share[d] / steps * o.cut_weight[k] * max(0.0, load[d, t] - o.cut_knee[k])
    return total


@compiled
def _relief(capacity, load, share, discharge):
    """What the schedule takes off the intact system's deficit in a year."""
    days, steps = load.shape
    total = 0.0
    for d in range(days):
        for t in range(steps):
            above = max(0.0, load[d, t] - capacity)
            total += share[d] / steps * min(above, discharge[d, t])
    return HOURS_PER_YEAR * total


@compiled
def _tabulate(o, c, load, power, tables):
    """Fill the tables of a contingency for a day with this load, and say if there is any need.

    For each stage, as if it had no end:
    need: power that storage serves in each step, (rows, steps);
    used: energy that it has served since midnight at the ends of the steps, (rows, steps + 1);
    ahead: energy that it is expected to serve from there to the repair if it never gets empty,
    (rows, steps + 1), exponential law only.
    """
    need, used, ahead = tables
    steps = load.size
    step_h = 24.0 / steps
    any_need = False
    for r in range(o.row[c + 1] - o.row[c]):
        row = o.row[c] + r
        used[r, 0] = 0.0
        for t in range(steps):
            deficit = 0.0
            for h in range(o.hinge[row], o.hinge[row + 1]):
                deficit += o.slope[h] * max(0.0, load[t] - o.knee[h])
            need[r, t] = max(0.0, min(power, deficit))
            used[r, t + 1] = used[r, t] + step_h * need[r, t]
        any_need = any_need or used[r, steps] > 0.0
        if o.exponential[c]:
            stays = np.exp(-step_h / o.repair[c])
            within_h = -o.repair[c] * np.expm1(-step_h / o.repair[c])
            # Once around gives what one day is worth, once more what all days to come are.
            ahead[r, steps] = 0.0
            for again in range(2):
                for t in range(steps - 1, -1, -1):
                    ahead[r, t] = need[r, t] * within_h + stays * ahead[r, t + 1]
                if again == 0:
                    ahead[r, steps] = ahead[r, 0] / -np.expm1(-24.0 / o.repair[c])
    return any_need


@compiled
def _place(o, c, node, steps, when, place):
    """Tell where in the day a contingency's stages begin and end, from the start of a fault.

    For each stage, its begin and its end: `when`, (rows, 2, 2), whole days and steps since the step
    of the start; `place`, (rows, 2, 4), part of that step, survival over the rest of the step and
    its integral in h, and survival since the start.
    """
    step_h = 24.0 / steps
    for r in range(o.row[c + 1] - o.row[c]):
        for side, hours in enumerate((o.begin[o.row[c] + r], o.end[o.row[c] + r])):
            if hours == np.inf:
                continue
            x = hours / step_h + node
            whole = int(x)
            when[r, side] = whole // steps, whole % steps
            rest = -np.expm1(-(whole + 1.0 - x) * step_h / o.repair[c])
            place[r, side, 0] = x - whole
            place[r, side, 1] = 1.0 - rest
            place[r, side, 2] = o.repair[c] * rest
            place[r, side, 3] = np.exp(-hours / o.repair[c])


@compiled
def _last_before(target, used):
    """Step in which `target`, above zero, is reached by nondecreasing energies."""
    low, high = 0, used.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if used[middle] < target:
            low = middle
        else:
            high = middle
    return low


@compiled
def _serve(o, c, energy, chance, tables, when, place, survival):
    """Energy expected to be served in a fault, the mean over its step.

    Energy at the start, (steps, levels), with the chance of each level. A loop in one function:
    handing the arrays on for each start would take longer than the sums.
    """
    need, used, ahead = tables
    steps, levels = energy.shape
    step_h = 24.0 / steps
    first, rows = o.row[c], o.row[c + 1] - o.row[c]
    repair, exponential = o.repair[c], o.exponential[c]
    mean = 0.0
    for start in range(steps):
        for m in range(levels):
            left, total = energy[start, m], 0.0
            for r in range(rows):
                a_day = used[r, steps]
                if a_day == 0.0:
                    continue
                t, part, days = start + when[r, 0, 1], place[r, 0, 0], when[r, 0, 0]
                if t >= steps:
                    t, days = t - steps, days + 1
                before = used[r, t] + part * step_h * need[r, t]
                if before + left <= before:
                    break
                t_end, wanted = 0, np.inf
                if o.end[first + r] < np.inf:
                    t_end, days_on = start + when[r, 1, 1], when[r, 1, 0] - days
                    if t_end >= steps:
                        t_end, days_on = t_end - steps, days_on + 1
                    wanted = used[r, t_end] + place[r, 1, 0] * step_h * need[r, t_end]
                    wanted += days_on * a_day - before
                if not exponential:
                    total += min(left, wanted)
                else:
                    # As if neither the stage nor the energy came to an end, ...
                    since = place[r, 0, 3]
                    total += since * need[r, t] * place[r, 0, 2]
                    total += since * place[r, 0, 1] * ahead[r, t + 1]
                    if wanted >= left:
                        # ... less what follows the moment in step k when storage is empty ...
                        rest, whole_days = before + left, 0.0
                        if rest > a_day:
                            whole_days = np.floor(rest / a_day)
                            rest -= whole_days * a_day
                        k = _last_before(rest, used[r])
                        p = need[r, k]
                        empty = min(1.0, (rest - used[r, k]) / (p * step_h)) if p > 0.0 else 0.0
                        on = whole_days * steps + (k - t)
                        at_empty = since * np.exp(-(on + empty - part) * step_h / repair)
                        at_end = since * place[r, 0, 1]
                        at_end *= (
                            survival[int(on)] if on <= steps else np.exp(-on * step_h / repair)
                        )
                        total -= p * repair * (at_empty - at_end) + at_end * ahead[r, k + 1]
                    elif wanted < np.inf:
                        # ... or the end of the stage.
                        since = place[r, 1, 3]
                        total -= since * need[r, t_end] * place[r, 1, 2]
                        total -= since * place[r, 1, 1] * ahead[r, t_end + 1]
                if wanted >= left:
                    break
                left -= wanted
            mean += chance[m] / steps * total
    return mean


@compiled
def _served(o, load, share, start, power):
    """Energy that storage in working order serves in all faults of a year."""
    node, weight, energy, levels, chance = start
    days, steps = load.shape
    rows = 0
    for c in range(o.rate.size):
        rows = max(rows, o.row[c + 1] - o.row[c])
    tables = (np.empty((rows, steps)), np.empty((rows, steps + 1)), np.empty((rows, steps + 1)))
    when = np.empty((node.size, rows, 2, 2), np.int64)
    place = np.empty((node.size, rows, 2, 4))
    # The joint law has one level at each start.
    sure = np.ones(1)
    total = 0.0
    for c in range(o.rate.size):
        survival = np.exp(-np.arange(steps + 1) * (24.0 / steps / o.repair[c]))
        for k in range(node.size):
            _place(o, c, node[k], steps, when[k], place[k])
        for d in range(days):
            if not _tabulate(o, c, load[d], power, tables):
                continue
            a_day = 0.0
            for k in range(node.size):
                if levels.size:
                    own, p = np.broadcast_to(levels, (steps, levels.size)), chance
                else:
                    own, p = energy[d, :, k : k + 1], sure
                a_day += weight[k] * _serve(o, c, own, p, tables, when[k], place[k], survival)
            total += o.rate[c] * share[d] * a_day
    return total


@compiled
def _from(o, c, left, start, moment, tables, steps):
    """Energy expected to be served in a fault that starts at a moment of a step.

    And where storage is emptied: the stage (that of no row if it is not), the step, counted from
    the day in which the stage begins, and the energy served since that day's midnight.
    """
    need, used, ahead = tables
    step_h = 24.0 / steps
    repair, exponential, first = o.repair[c], o.exponential[c], o.row[c]
    rows, total = o.row[c + 1] - o.row[c], 0.0
    for r in range(rows):
        a_day = used[r, steps]
        begin, end = o.begin[first + r], o.end[first + r]
        if a_day == 0.0 or begin >= end:
            continue
        x = begin / step_h + moment
        t = start + int(x)
        part = x - int(x)
        days, t = t // steps, t % steps
        before = used[r, t] + part * step_h * need[r, t]
        if before + left <= before:
            return total, r, t, before
        wanted = np.inf
        if end < np.inf:
            y = end / step_h + moment
            t_end = start + int(y)
            part_end = y - int(y)
            days_on, t_end = t_end // steps - days, t_end % steps
            wanted = used[r, t_end] + part_end * step_h * need[r, t_end] + days_on * a_day - before
        rest, whole_days = before + min(left, wanted), 0
        if rest > a_day:
            whole_days = int(rest / a_day)
            rest -= whole_days * a_day
        k = _last_before(rest, used[r])
        if exponential:
            total += np.exp(-begin / repair) * _ahead(need, ahead, r, t, part, step_h, repair)
            if wanted >= left:
                p = need[r, k]
                empty = min(1.0, (rest - used[r, k]) / (p * step_h)) if p > 0.0 else 0.0
                on = whole_days * steps + (k - t)
                hours = begin + (on + empty - part) * step_h
                total -= np.exp(-hours / repair) * _ahead(need, ahead, r, k, empty, step_h, repair)
            elif wanted < np.inf:
                total -= np.exp(-end / repair) * _ahead(
                    need, ahead, r, t_end, part_end, step_h, repair
                )
        else:
            total += min(left, wanted)
        if wanted >= left:
            return total, r, whole_days * steps + k, before + left
        left -= wanted
    return total, rows, 0, 0.0


@compiled
def _ahead(need, ahead, r, t, part, step_h, repair):
    """Energy expected to be served from a part of a step on, as if storage never got empty."""
    rest_h = -repair * np.expm1(-(1.0 - part) * step_h / repair)
    return need[r, t] * rest_h + (1.0 - rest_h / repair) * ahead[r, t + 1]


@compiled
def _piece(o, c, energy, slope, start, low, high, tables, steps, nodes, weights):
    """Integral over a piece of a step without a kink."""
    total = 0.0
    # Against an exponential that falls within the piece, in parts.
    parts = max(1, min(64, int(np.ceil((high - low) * 24.0 / steps / o.repair[c]))))
    width = (high - low) / parts if o.exponential[c] else high - low
    for k in range(parts if o.exponential[c] else 1):
        for m in range(nodes.size):
            moment = low + (k + nodes[m]) * width
            left = max(0.0, energy + moment * slope)
            served = _from(o, c, left, start, moment, tables, steps)[0]
            total += weights[m] * width * served
    return total


@compiled
def _serve_exactly(o, c, energy, levels, chance, tables, marks, nodes, weights):
    """As `_serve`, split at the kinks; energy at the ends of the steps, and levels if any."""
    used = tables[1]
    steps = energy.size - 1
    low, high = np.empty(DEEPEST + 2), np.empty(DEEPEST + 2)
    mean = 0.0
    for start in range(steps):
        for m in range(max(1, levels.size)):
            e, slope, p = energy[start], energy[start + 1] - energy[start], 1.0
            if levels.size:
                e, slope, p = levels[m], 0.0, chance[m]
            total = 0.0
            for k in range(marks.size - 1):
                count, low[0], high[0] = 1, marks[k], marks[k + 1]
                while count:
                    count -= 1
                    a, b = low[count], high[count]
                    inside = 1e-9 * (b - a)
                    a_in, b_in = a + inside, b - inside
                    _, r, j, at = _from(
                        o, c, max(0.0, e + a_in * slope), start, a_in, tables, steps
                    )
                    _, r_b, j_b, at_b = _from(
                        o, c, max(0.0, e + b_in * slope), start, b_in, tables, steps
                    )
                    if r != r_b and b - a > 0.5**DEEPEST:
                        low[count], high[count] = a, (a + b) / 2.0
                        low[count + 1], high[count + 1] = (a + b) / 2.0, b
                        count += 2
                        continue
                    if r == r_b and j != j_b:
                        # The energy is linear: cut where it passes the end of a step.
                        sign = 1 if j_b > j else -1
                        begin = a
                        for jj in range(j, j_b, sign):
                            edge = jj + 1 if sign > 0 else jj
                            energy_there = (edge // steps) * used[r, steps] + used[r, edge % steps]
                            if at_b == at:
                                break
                            cut = a + (energy_there - at) / (at_b - at) * (b - a)
                            cut = min(max(cut, begin), b)
                            total += _piece(
                                o, c, e, slope, start, begin, cut, tables, steps, nodes, weights
                            )
                            begin = cut
                        a = begin
                    total += _piece(o, c, e, slope, start, a, b, tables, steps, nodes, weights)
            mean += p / steps * total
    return mean


@compiled
def _served_exactly(o, load, share, start, ends, power):
    """As `_served`, without an error: energies at the ends of the steps are `ends`."""
    levels, chance = start[3], start[4]
    days, steps = load.shape
    rows = 0
    for c in range(o.rate.size):
        rows = max(rows, o.row[c + 1] - o.row[c])
    tables = (np.empty((rows, steps)), np.empty((rows, steps + 1)), np.empty((rows, steps + 1)))
    total = 0.0
    for c in range(o.rate.size):
        # Moments at which the end of a stage passes the end of a step.
        marks = np.zeros(o.row[c + 1] - o.row[c] + 2)
        for r in range(o.row[c], o.row[c + 1]):
            if o.end[r] < np.inf:
                x = o.end[r] * steps / 24.0
                marks[r - o.row[c] + 1] = np.ceil(x) - x
        marks[-1] = 1.0
        marks = np.unique(marks)
        for d in range(days):
            if _tabulate(o, c, load[d], power, tables):
                total += (
                    o.rate[c]
                    * share[d]
                    * _serve_exactly(
                        o, c, ends[d], levels, chance, tables, marks, PIECE_NODE, PIECE_WEIGHT
                    )
                )
    return total


@compiled
def _added(load, extra, peak, scaled):
    """Load with an addition at the peak: the same all year, or in proportion."""
    return load * (1.0 + extra / peak) if scaled else load + extra


@compiled
def _storage(start, ends, discharge, power, availability, i):
    """One of many sizes: all that `_after` has to know of it."""
    node, weight, energy, levels, chance = start
    own = (node, weight, energy[i], levels[i], chance)
    return own, ends[i], discharge[i], power[i], availability


@compiled
def _after(o, load, share, storage):
    """EENS with a storage; steps are split at the kinks if energies at their ends are given."""
    start, ends, discharge, power, availability = storage
    if ends.size:
        relief = _served_exactly(o, load, share, start, ends, power)
    else:
        relief = _served(o, load, share, start, power)
    relief += _relief(o.normal_capacity, load, share, discharge)
    return _without(o, load, share) - availability * relief


@compiled
def _credible(o, load, share, storage, peak, scaled, before, after):
    """Added load that takes EENS with storage back to `before`, and the status of the answer.

    The function is nondecreasing and nearly convex. Secants from below find a bracket, then
    Chandrupatla's method (1997), inverse quadratic or bisection, narrows it down.
    """
    if before <= 0.0:
        return 0.0, NO_RISK
    if after >= before:
        return 0.0, NO_EFFECT
    low, at_low = 0.0, after - before
    # First step: as if the storage served no less and no more with the load added.
    nudge = 1e-6 * peak
    slope = (_without(o, _added(load, nudge, peak, scaled), share) - before) / nudge
    high = min(peak, -at_low / slope) if slope > 0.0 else peak
    older, at_older = low, at_low
    while True:
        at_high = _after(o, _added(load, high, peak, scaled), share, storage) - before
        if at_high >= 0.0:
            break
        if high > 1e9 * peak:
            return np.inf, OUT_OF_REACH
        rise = at_high - at_low
        step = -at_high * (high - low) / rise if rise > 0.0 else np.inf
        older, at_older, low, at_low = low, at_low, high, at_high
        high += min(1.001 * step, 3.0 * high)
    # a: the latest point; b: the other end of the bracket; c: the one before, on the side of a.
    a, fa, b, fb, c, fc = low, at_low, high, at_high, older, at_older
    part = fa / (fa - fb)
    for _ in range(200):
        if c != a:
            xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
            part = 0.5
            if phi * phi < xi and (1.0 - phi) * (1.0 - phi) < 1.0 - xi:
                part = fa / (fb - fa) * fc / (fb - fc)
                part += (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        best, at_best = (a, fa) if abs(fa) < abs(fb) else (b, fb)
        least = ELCC_TOLERANCE * best / abs(b - a)
        # As the slope does not fall, what is left of the first gap bounds what is left of the way.
        if abs(at_best) <= ELCC_TOLERANCE * (before - after) or least > 0.5:
            break
        x = a + min(max(part, least), 1.0 - least) * (b - a)
        fx = _after(o, _added(load, x, peak, scaled), share, storage) - before
        if (fx > 0.0) == (fa > 0.0):
            c, fc = a, fa
        else:
            c, fc, b, fb = b, fb, a, fa
        a, fa = x, fx
    return best, SOLVED


def population(
    o: Outages,
    load: np.ndarray,
    share: np.ndarray,
    start: Starts,
    discharge: np.ndarray,
    power: np.ndarray,
    availability: float,
    peak: float,
    scaled: bool,
    ends: np.ndarray | None = None,
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """EENS without and with storage, and credible capacity, of a population of sizes.

    Parameters
    ----------
    o : Outages
    load : ndarray, shape (days, steps)
    share : ndarray, shape (days,)
        Share of the year that each day type takes.
    start : Starts
        With an axis for the sizes.
    discharge : ndarray, shape (sizes, days, steps)
        Of the schedule, for the intact system.
    power : ndarray, shape (sizes,)
    availability : float
        Share of the time in which the storage is in order.
    peak : float
        Load at the annual peak.
    scaled : bool
        Added load in proportion to the load (then the answer is the addition at the peak) or the
        same at all times.
    ends : ndarray, shape (sizes, days, steps + 1), optional
        Deliverable energy at the ends of the steps. If given, each step is split at the kinks of
        what storage serves, which has no error but takes ten times as long; else the sum is over
        the moments of `start`.

    Returns
    -------
    before : float
        EENS without storage, energy per year.
    after, credible : ndarray, shape (sizes,)
        EENS with it; ELCC, the added load with which EENS is again as without storage. The
        storage's schedule stays that of the base load.
    status : ndarray of int, shape (sizes,)
        Position in `elcc.STATUSES`. Where nothing is unserved, or storage does not help, ELCC is 0.

    Raises
    ------
    ValueError
        If a number is negative or not finite, shapes do not fit, or shares do not add up to 1.
    """
    load = require_numbers("load", load, least=0.0, shape=("days", "steps"))
    share = require_probabilities("share", share, shape=(len(load),))
    power = require_numbers("power", power, least=0.0, shape=("sizes",))
    shape = (power.size, *load.shape)
    discharge = require_numbers("discharge", discharge, least=0.0, shape=shape)
    require_numbers("energy at the start", start.energy, shape=(*shape, start.node.size))
    require_number("availability", availability, least=0.0, most=1.0)
    require_number("peak", peak, above=0.0)
    if ends is None:
        ends = np.empty((power.size, 0, 0))
    else:
        shape = (*shape[:-1], load.shape[1] + 1)
        ends = np.maximum(0.0, require_numbers("ends", ends, shape=shape))
    constants = float(availability), float(peak), bool(scaled)
    return _population(o, load, share, start, ends, discharge, power, *constants)


def start_error(
    o: Outages,
    load: np.ndarray,
    share: np.ndarray,
    deliverable: np.ndarray,
    law: str,
    discharge: np.ndarray,
    power: np.ndarray,
    availability: float,
    peak: float,
    scaled: bool,
) -> np.ndarray:
    """Error that few moments in a step leave in the EENS of each size, shape (sizes,).

    The larger one of those at the load and with the credible capacity added, as a part of the EENS
    without storage. Known exactly, but for the marginal and constant laws of the state of charge,
    whose levels are those of the few moments.

    Parameters
    ----------
    o, load, share, discharge, power, availability, peak, scaled
        As for `population`.
    deliverable, law
        As for `islands.starts`; with an axis for the sizes.
    """
    begins = starts(deliverable, share, law)
    before, after, credible, status = population(
        o, load, share, begins, discharge, power, availability, peak, scaled
    )
    if before <= 0.0:
        return np.zeros(power.size)
    solved = status == SOLVED
    off = np.zeros(power.size)
    for added, known in ((np.zeros(power.size), after), (np.where(solved, credible, 0.0), before)):
        exact = _exact(
            o,
            np.ascontiguousarray(load, dtype=float),
            np.ascontiguousarray(share, dtype=float),
            begins,
            np.maximum(0.0, deliverable),
            discharge,
            power,
            float(availability),
            float(peak),
            bool(scaled),
            added,
        )
        off = np.maximum(off, np.where(solved | (known is after), np.abs(exact - known), 0.0))
    return off / before


@compiled
def _exact(o, load, share, start, ends, discharge, power, availability, peak, scaled, added):
    """EENS of a population of sizes with storage, each with a load of its own added, exactly."""
    after = np.empty(power.size)
    for i in range(power.size):
        storage = _storage(start, ends, discharge, power, availability, i)
        after[i] = _after(o, _added(load, added[i], peak, scaled), share, storage)
    return after


@compiled
def _population(o, load, share, start, ends, discharge, power, availability, peak, scaled):
    """`population`, compiled."""
    sizes = power.size
    before = _without(o, load, share)
    after, credible = np.empty(sizes), np.empty(sizes)
    status = np.empty(sizes, dtype=np.int64)
    for i in range(sizes):
        storage = _storage(start, ends, discharge, power, availability, i)
        after[i] = _after(o, load, share, storage)
        credible[i], status[i] = _credible(o, load, share, storage, peak, scaled, before, after[i])
    return before, after, credible, status
