"""EENS and capacity credit of storage of many sizes at once, compiled.

The numbers are those of the plain functions of `islands` and `elcc`, to rounding. These functions
are faster because they do not walk through a fault step by step:

- Exponential repair time. Let h(x) be the energy that a storage is expected to serve from the
  moment x of the day until the repair, if it never becomes empty and the repair has not happened
  before x. The load repeats every day, so h has a period of one day. The exponential law has no
  memory: the outage lasts from x to y with the chance S(y - x), and from y on everything is as if
  the fault had started there. A storage that serves from x on and becomes empty at y is therefore
  expected to serve ``h(x) - S(y - x) h(y)``, whatever the load is in between.
- Fixed repair time. The storage serves the smaller of its energy and the energy that is needed in
  the whole outage.

A fault can start at any moment of a step. `_served_per_year` sums over the few moments of
`islands.Starts`. `_served_per_year_split` has no error of this kind: it splits each step where the
energy served has a kink as a function of the moment of the start, and integrates each piece. Within
a piece everything is linear in that moment, except for exponentials of it. The moment at which
storage becomes empty is linear in it too, so if that moment lies in the same stage of the fault and
the same step of the load for both ends of a piece, it does so for the whole piece.

In compiled functions `o` stands for the `Outages` and `c` for the number of a contingency. All of
them are in this file because Numba's cache of compiled code does not notice changes elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from mobile_storage.adequacy import HOURS_PER_YEAR
from mobile_storage.adequacy.analytic.elcc import NO_EFFECT, NO_RISK, OUT_OF_REACH, SOLVED
from mobile_storage.adequacy.analytic.islands import Starts, gauss_nodes
from mobile_storage.adequacy.analytic.packed import AddedLoad, Days, Outages, Storage
from mobile_storage.adequacy.checks import require_number, require_numbers, require_probabilities

__all__ = ["PopulationResult", "population", "start_error"]

#: A piece of a step is halved at most this often to find where the stage changes in which storage
#: becomes empty.
MOST_HALVINGS = 10

#: Gauss-Legendre nodes and weights for the integral over a piece of a step.
PIECE_NODE, PIECE_WEIGHT = gauss_nodes(3)

#: Relative accuracy of the ELCC.
ELCC_TOLERANCE = 1e-11

compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


class Tables(NamedTuple):
    """Power and energy that storage would serve in one contingency on one typical day.

    Each row is a stage of the contingency, computed as if the stage had no end.

    Attributes
    ----------
    need : ndarray, shape (rows, steps)
        Power that storage serves in each step.
    used : ndarray, shape (rows, steps + 1)
        Energy that it has served since midnight, at the ends of the steps.
    ahead : ndarray, shape (rows, steps + 1)
        h at the ends of the steps (see the top of this file); only for the exponential law.
    """

    need: np.ndarray
    used: np.ndarray
    ahead: np.ndarray


class Clock(NamedTuple):
    """What depends neither on the storage nor on the load: times, and chances that outages last.

    Rows are the stages of all contingencies, as in `Outages`. Of the axis of two, the first is the
    begin of a stage (`BEGIN`) and the second its end (`END`). What belongs to an end at the repair
    is not set.

    Attributes
    ----------
    when : ndarray of int, shape (nodes, rows, 2, 2)
        Full days (`DAY`) and full steps beyond them (`STEP`) from the begin of the step in which
        the fault starts, for faults that start at a node of the step.
    place : ndarray, shape (nodes, rows, 2, 4)
        Of the step in which the begin or end falls: the part that is over by then (`PART`), the
        chance that the outage lasts to the end of the step if it has lasted so far (`STAYS`), and
        the expected hours of outage until then (`REST_H`). Last, the chance that the outage lasts
        from its start to this begin or end (`SINCE`).
    survival : ndarray, shape (contingencies, steps + 1)
        Chance that the outage lasts for so many steps.
    within_h : ndarray, shape (contingencies,)
        Expected hours of an outage within the step in which it starts.
    within_day : ndarray, shape (contingencies,)
        Chance that the outage ends within a day.
    """

    when: np.ndarray
    place: np.ndarray
    survival: np.ndarray
    within_h: np.ndarray
    within_day: np.ndarray


class FaultStart(NamedTuple):
    """Faults that start in one step of the day.

    Attributes
    ----------
    step : int
        The step.
    energy, slope : float
        Energy in storage at the begin of the step, and its change until the end of the step.
    """

    step: int
    energy: float
    slope: float


#: Columns of `Clock`.
BEGIN, END = range(2)
DAY, STEP = range(2)
PART, STAYS, REST_H, SINCE = range(4)


@compiled
def _unserved_without(outages, days):
    """EENS without storage, which includes the deficit of the intact system."""
    load, share, knee = days.load, days.share, outages.cut_knee
    count, steps = load.shape
    total = 0.0
    for d in range(count):
        for t in range(steps):
            for k in range(knee.size):
                above = max(0.0, load[d, t] - knee[k])
                total += share[d] / steps * outages.cut_weight[k] * above
    return total


@compiled
def _normal_relief(outages, days, discharge):
    """Energy per year by which the daily schedule reduces the deficit of the intact system."""
    load, share = days.load, days.share
    count, steps = load.shape
    total = 0.0
    for d in range(count):
        for t in range(steps):
            above = max(0.0, load[d, t] - outages.normal_capacity)
            total += share[d] / steps * min(above, discharge[d, t])
    return HOURS_PER_YEAR * total


@compiled
def _clock(o, node, steps):
    """Return the `Clock` of outages, for the nodes of a step and so many steps a day."""
    step_h = 24.0 / steps
    when = np.empty((node.size, o.row[-1], 2, 2), np.int64)
    place = np.empty((node.size, o.row[-1], 2, 4))
    survival = np.empty((o.rate.size, steps + 1))
    for c in range(o.rate.size):
        survival[c] = np.exp(-np.arange(steps + 1) * (24.0 / steps / o.repair[c]))
        for k in range(node.size):
            for r in range(o.row[c], o.row[c + 1]):
                for side, hours in enumerate((o.begin[r], o.end[r])):
                    if hours == np.inf:
                        continue
                    x = hours / step_h + node[k]
                    whole = int(x)
                    when[k, r, side, DAY], when[k, r, side, STEP] = whole // steps, whole % steps
                    rest = -np.expm1(-(whole + 1.0 - x) * step_h / o.repair[c])
                    place[k, r, side, PART] = x - whole
                    place[k, r, side, STAYS] = 1.0 - rest
                    place[k, r, side, REST_H] = o.repair[c] * rest
                    place[k, r, side, SINCE] = np.exp(-hours / o.repair[c])
    within_h = -o.repair * np.expm1(-step_h / o.repair)
    return Clock(when, place, survival, within_h, -np.expm1(-24.0 / o.repair))


@compiled
def _tabulate(o, c, load, power, clock, tables):
    """Fill the tables of contingency `c` for one day; return whether storage is needed at all.

    Parameters
    ----------
    o : Outages
    c : int
    load : ndarray, shape (steps,)
    power : float
        Rated power of the storage.
    clock : Clock
    tables : Tables
        Written to.
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
            stays, within_h = clock.survival[c, 1], clock.within_h[c]
            # The first pass, from 0, gives the energy served within one day. Divided by the chance
            # that the outage ends within a day it is that of all days to come, from which the
            # second pass starts.
            ahead[r, steps] = 0.0
            for again in range(2):
                for t in range(steps - 1, -1, -1):
                    ahead[r, t] = need[r, t] * within_h + stays * ahead[r, t + 1]
                if again == 0:
                    ahead[r, steps] = ahead[r, 0] / clock.within_day[c]
    return any_need


@compiled
def _step_reaching(target, used):
    """Find the step in which nondecreasing energies `used` reach `target`, which is above zero."""
    low, high = 0, used.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if used[middle] < target:
            low = middle
        else:
            high = middle
    return low


@compiled
def _mean_served(o, c, energy, chance, tables, clock, node):
    """Energy that storage is expected to serve in a fault, averaged over the steps of its start.

    One long function, because handing the arrays on for each start takes longer than the sums.

    Parameters
    ----------
    o : Outages
    c : int
        Number of the contingency.
    energy : ndarray, shape (steps, levels)
        Energy in storage at the start of the fault.
    chance : ndarray, shape (levels,)
        Probability of each level of energy.
    tables : Tables
    clock : Clock
    node : int
        Number of the node in each step at which the fault starts.
    """
    need, used, ahead = tables
    survival = clock.survival[c]
    steps, levels = energy.shape
    step_h = 24.0 / steps
    first, rows = o.row[c], o.row[c + 1] - o.row[c]
    when, place = clock.when[node, first : first + rows], clock.place[node, first : first + rows]
    repair, exponential = o.repair[c], o.exponential[c]
    mean = 0.0
    for start in range(steps):
        for m in range(levels):
            left, total = energy[start, m], 0.0
            for r in range(rows):
                a_day = used[r, steps]
                if a_day == 0.0:
                    continue
                t, days = start + when[r, BEGIN, STEP], when[r, BEGIN, DAY]
                part = place[r, BEGIN, PART]
                if t >= steps:
                    t, days = t - steps, days + 1
                before = used[r, t] + part * step_h * need[r, t]
                if before + left <= before:
                    break
                t_end, wanted = 0, np.inf
                if o.end[first + r] < np.inf:
                    t_end, days_on = start + when[r, END, STEP], when[r, END, DAY] - days
                    if t_end >= steps:
                        t_end, days_on = t_end - steps, days_on + 1
                    wanted = used[r, t_end] + place[r, END, PART] * step_h * need[r, t_end]
                    wanted += days_on * a_day - before
                if not exponential:
                    total += min(left, wanted)
                else:
                    # First h, as if neither the stage nor the energy came to an end. Subtract what
                    # would be served after the end that comes first: ...
                    since = place[r, BEGIN, SINCE]
                    total += since * need[r, t] * place[r, BEGIN, REST_H]
                    total += since * place[r, BEGIN, STAYS] * ahead[r, t + 1]
                    if wanted >= left:
                        # ... after storage becomes empty, in step k, ...
                        rest, whole_days = before + left, 0.0
                        if rest > a_day:
                            whole_days = np.floor(rest / a_day)
                            rest -= whole_days * a_day
                        k = _step_reaching(rest, used[r])
                        p = need[r, k]
                        empty = min(1.0, (rest - used[r, k]) / (p * step_h)) if p > 0.0 else 0.0
                        on = whole_days * steps + (k - t)
                        at_empty = since * np.exp(-(on + empty - part) * step_h / repair)
                        at_end = since * place[r, BEGIN, STAYS]
                        at_end *= (
                            survival[int(on)] if on <= steps else np.exp(-on * step_h / repair)
                        )
                        total -= p * repair * (at_empty - at_end) + at_end * ahead[r, k + 1]
                    elif wanted < np.inf:
                        # ... or after the end of the stage.
                        since = place[r, END, SINCE]
                        total -= since * need[r, t_end] * place[r, END, REST_H]
                        total -= since * place[r, END, STAYS] * ahead[r, t_end + 1]
                if wanted >= left:
                    break
                left -= wanted
            mean += chance[m] / steps * total
    return mean


@compiled
def _most_rows(o):
    """Largest number of stages of a contingency."""
    rows = 0
    for c in range(o.rate.size):
        rows = max(rows, o.row[c + 1] - o.row[c])
    return rows


@compiled
def _empty_tables(rows, steps):
    """Make room for the tables of a contingency with so many stages."""
    return Tables(np.empty((rows, steps)), np.empty((rows, steps + 1)), np.empty((rows, steps + 1)))


@compiled
def _served_per_year(o, days, storage, clock):
    """Energy that working storage serves in all faults of a year, by the moments of `Starts`."""
    node, weight, energy, levels, chance = storage.start
    load, share = days.load, days.share
    count, steps = load.shape
    tables = _empty_tables(_most_rows(o), steps)
    # The joint law has one level at each start.
    sure = np.ones(1)
    total = 0.0
    for c in range(o.rate.size):
        for d in range(count):
            if not _tabulate(o, c, load[d], storage.power, clock, tables):
                continue
            a_day = 0.0
            for k in range(node.size):
                if levels.size:
                    own, p = np.broadcast_to(levels, (steps, levels.size)), chance
                else:
                    own, p = energy[d, :, k : k + 1], sure
                a_day += weight[k] * _mean_served(o, c, own, p, tables, clock, k)
            total += o.rate[c] * share[d] * a_day
    return total


@compiled
def _served_from(o, c, start, moment, tables):
    """Energy that storage is expected to serve in one fault, and where it becomes empty.

    Parameters
    ----------
    o : Outages
    c : int
        Number of the contingency.
    start : FaultStart
    moment : float
        Part of the step that is over when the fault starts.
    tables : Tables

    Returns
    -------
    served : float
    row : int
        Stage in which storage becomes empty; the number of stages if it does not.
    step : int
        Step of that moment, counted from midnight before the stage begins.
    used : float
        Energy served in that stage until then, plus that of the table from midnight to its begin.
    """
    need, used = tables.need, tables.used
    steps = need.shape[1]
    step_h = 24.0 / steps
    left = max(0.0, start.energy + moment * start.slope)
    repair, exponential, first = o.repair[c], o.exponential[c], o.row[c]
    rows, total = o.row[c + 1] - o.row[c], 0.0
    for r in range(rows):
        a_day = used[r, steps]
        begin, end = o.begin[first + r], o.end[first + r]
        if a_day == 0.0 or begin >= end:
            continue
        x = begin / step_h + moment
        t = start.step + int(x)
        part = x - int(x)
        days, t = t // steps, t % steps
        before = used[r, t] + part * step_h * need[r, t]
        if before + left <= before:
            return total, r, t, before
        wanted = np.inf
        if end < np.inf:
            y = end / step_h + moment
            t_end = start.step + int(y)
            part_end = y - int(y)
            days_on, t_end = t_end // steps - days, t_end % steps
            wanted = used[r, t_end] + part_end * step_h * need[r, t_end] + days_on * a_day - before
        rest, whole_days = before + min(left, wanted), 0
        if rest > a_day:
            whole_days = int(rest / a_day)
            rest -= whole_days * a_day
        k = _step_reaching(rest, used[r])
        if exponential:
            total += np.exp(-begin / repair) * _h_within(tables, r, t, part, repair)
            if wanted >= left:
                p = need[r, k]
                empty = min(1.0, (rest - used[r, k]) / (p * step_h)) if p > 0.0 else 0.0
                on = whole_days * steps + (k - t)
                hours = begin + (on + empty - part) * step_h
                total -= np.exp(-hours / repair) * _h_within(tables, r, k, empty, repair)
            elif wanted < np.inf:
                total -= np.exp(-end / repair) * _h_within(tables, r, t_end, part_end, repair)
        else:
            total += min(left, wanted)
        if wanted >= left:
            return total, r, whole_days * steps + k, before + left
        left -= wanted
    return total, rows, 0, 0.0


@compiled
def _h_within(tables, r, t, part, repair):
    """Energy served from a part of step `t` on if storage never becomes empty, that is h there."""
    step_h = 24.0 / tables.need.shape[1]
    rest_h = -repair * np.expm1(-(1.0 - part) * step_h / repair)
    return tables.need[r, t] * rest_h + (1.0 - rest_h / repair) * tables.ahead[r, t + 1]


@compiled
def _integral(o, c, start, low, high, tables):
    """Integral of the energy served over the moments of the start from `low` to `high`.

    The energy served must have no kink in between.
    """
    total = 0.0
    # A repair time that is short against the piece makes an exponential steep: integrate in parts.
    steps = tables.need.shape[1]
    parts = max(1, min(64, int(np.ceil((high - low) * 24.0 / steps / o.repair[c]))))
    width = (high - low) / parts if o.exponential[c] else high - low
    for k in range(parts if o.exponential[c] else 1):
        for m in range(PIECE_NODE.size):
            moment = low + (k + PIECE_NODE[m]) * width
            served = _served_from(o, c, start, moment, tables)[0]
            total += PIECE_WEIGHT[m] * width * served
    return total


@compiled
def _mean_served_split(o, c, ends, levels, chance, tables, marks):
    """As `_mean_served`, but integrated over the moment of the start, split at the kinks.

    Parameters
    ----------
    o, c, tables
        As in `_mean_served`.
    ends : ndarray, shape (steps + 1,)
        Energy in storage at the ends of the steps; it counts only if there are no levels.
    levels, chance : ndarray, shape (levels,)
        As in `Starts`.
    marks : ndarray
        Ascending parts of a step, from 0 to 1, between which no stage passes the end of a step.
    """
    used = tables.used
    steps = ends.size - 1
    low, high = np.empty(MOST_HALVINGS + 2), np.empty(MOST_HALVINGS + 2)
    mean = 0.0
    for step in range(steps):
        for m in range(max(1, levels.size)):
            start, p = FaultStart(step, ends[step], ends[step + 1] - ends[step]), 1.0
            if levels.size:
                start, p = FaultStart(step, levels[m], 0.0), chance[m]
            total = 0.0
            for k in range(marks.size - 1):
                count, low[0], high[0] = 1, marks[k], marks[k + 1]
                while count:
                    count -= 1
                    a, b = low[count], high[count]
                    inside = 1e-9 * (b - a)
                    _, r, j, at = _served_from(o, c, start, a + inside, tables)
                    _, r_b, j_b, at_b = _served_from(o, c, start, b - inside, tables)
                    if r != r_b and b - a > 0.5**MOST_HALVINGS:
                        low[count], high[count] = a, (a + b) / 2.0
                        low[count + 1], high[count + 1] = (a + b) / 2.0, b
                        count += 2
                        continue
                    if r == r_b and j != j_b:
                        # The energy is linear in the moment: cut where it passes the end of a step.
                        sign = 1 if j_b > j else -1
                        begin = a
                        for jj in range(j, j_b, sign):
                            edge = jj + 1 if sign > 0 else jj
                            energy_there = (edge // steps) * used[r, steps] + used[r, edge % steps]
                            if at_b == at:
                                break
                            cut = a + (energy_there - at) / (at_b - at) * (b - a)
                            cut = min(max(cut, begin), b)
                            total += _integral(o, c, start, begin, cut, tables)
                            begin = cut
                        a = begin
                    total += _integral(o, c, start, a, b, tables)
            mean += p / steps * total
    return mean


@compiled
def _served_per_year_split(o, days, storage, clock):
    """As `_served_per_year`, without an error: steps are split at the kinks."""
    load, share, start = days.load, days.share, storage.start
    count, steps = load.shape
    tables = _empty_tables(_most_rows(o), steps)
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
        for d in range(count):
            if _tabulate(o, c, load[d], storage.power, clock, tables):
                served = _mean_served_split(
                    o, c, storage.ends[d], start.levels, start.chance, tables, marks
                )
                total += o.rate[c] * share[d] * served
    return total


@compiled
def _with_added(days, extra, added):
    """Days with `extra` more load at the peak."""
    if added.scaled:
        return Days(days.load * (1.0 + extra / added.peak), days.share)
    return Days(days.load + extra, days.share)


@compiled
def _one(storage, i):
    """One of many sizes."""
    node, weight, energy, levels, chance = storage.start
    start = Starts(node, weight, energy[i], levels[i], chance)
    return Storage(
        start, storage.discharge[i], storage.power[i], storage.availability, storage.ends[i]
    )


@compiled
def _unserved_with(o, days, storage, clock):
    """EENS with storage of one size."""
    if storage.ends.size:
        relief = _served_per_year_split(o, days, storage, clock)
    else:
        relief = _served_per_year(o, days, storage, clock)
    relief += _normal_relief(o, days, storage.discharge)
    return _unserved_without(o, days) - storage.availability * relief


@compiled
def _elcc(o, days, storage, clock, added, before, after):
    """Find the added load with which EENS with storage is `before` again, and the status.

    Let f(x) be EENS with storage and the added load x, less `before`; f(0) = after - before < 0. It
    is nondecreasing and nearly convex. Secants from below find a bracket of the root. The method of
    Chandrupatla (1997), which chooses between inverse quadratic interpolation and bisection,
    narrows it down.

    Where f is convex with the root z, its graph lies below the chord from (0, f(0)) to (z, 0) in
    front of the root, and above the continued chord behind it. Hence |x - z| / z <= |f(x) / f(0)|:
    the search may stop as soon as the right side is within the tolerance.
    """
    if before <= 0.0:
        return 0.0, NO_RISK
    if after >= before:
        return 0.0, NO_EFFECT
    peak = added.peak
    low, at_low = 0.0, after - before
    # The first step assumes that storage serves the same energy with the load added.
    nudge = 1e-6 * peak
    slope = (_unserved_without(o, _with_added(days, nudge, added)) - before) / nudge
    high = min(peak, -at_low / slope) if slope > 0.0 else peak
    older, at_older = low, at_low
    while True:
        at_high = _unserved_with(o, _with_added(days, high, added), storage, clock) - before
        if at_high >= 0.0:
            break
        if high > 1e9 * peak:
            return np.inf, OUT_OF_REACH
        rise = at_high - at_low
        step = -at_high * (high - low) / rise if rise > 0.0 else np.inf
        older, at_older, low, at_low = low, at_low, high, at_high
        high += min(1.001 * step, 3.0 * high)
    # a is the latest point, b the other end of the bracket, c the point before, on the side of a.
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
        if abs(at_best) <= ELCC_TOLERANCE * (before - after) or least > 0.5:
            break
        x = a + min(max(part, least), 1.0 - least) * (b - a)
        fx = _unserved_with(o, _with_added(days, x, added), storage, clock) - before
        if (fx > 0.0) == (fa > 0.0):
            c, fc = a, fa
        else:
            c, fc, b, fb = b, fb, a, fa
        a, fa = x, fx
    return best, SOLVED


class PopulationResult(NamedTuple):
    """EENS and ELCC of storage of many sizes.

    Attributes
    ----------
    before : float
        EENS without storage, energy per year.
    after : ndarray, shape (sizes,)
        EENS with storage, energy per year.
    elcc : ndarray, shape (sizes,)
        Added load with which EENS with storage is `before` again. The storage keeps the schedule
        of the given load. Values without a solution are those of `elcc.CapacityCredit`.
    status : ndarray of int, shape (sizes,)
        Position in `elcc.STATUSES`.
    """

    before: float
    after: np.ndarray
    elcc: np.ndarray
    status: np.ndarray


def population(
    outages: Outages, days: Days, storage: Storage, added: AddedLoad
) -> PopulationResult:
    """EENS without and with storage, and capacity credit, of storage of many sizes.

    Parameters
    ----------
    outages : Outages
        From `packed.pack`.
    days : Days
    storage : Storage
        With an axis for the sizes. If it has `ends`, each step is split at the kinks of the energy
        served. That leaves no error, but takes ten times as long as the sum over the moments of
        `Storage.start`.
    added : AddedLoad
        Form of the load whose size is the ELCC.

    Raises
    ------
    ValueError
        If a number is negative or not finite, shapes do not fit, or shares do not add up to 1.
    """
    return PopulationResult(*_population(outages, *_checked(days, storage, added)))


def _checked(days: Days, storage: Storage, added: AddedLoad) -> tuple[Days, Storage, AddedLoad]:
    """Check the numbers and return them in the types that the compiled code takes."""
    load = require_numbers("load", days.load, least=0.0, shape=("days", "steps"))
    share = require_probabilities("share", days.share, shape=(len(load),))
    power = require_numbers("power", storage.power, least=0.0, shape=("sizes",))
    shape = (power.size, *load.shape)
    discharge = require_numbers("discharge", storage.discharge, least=0.0, shape=shape)
    start = storage.start
    require_numbers("energy at the start", start.energy, shape=(*shape, start.node.size))
    availability = require_number("availability", storage.availability, least=0.0, most=1.0)
    peak = require_number("peak", added.peak, above=0.0)
    if storage.ends is None:
        ends = np.empty((power.size, 0, 0))
    else:
        shape = (*shape[:-1], load.shape[1] + 1)
        ends = np.maximum(0.0, require_numbers("ends", storage.ends, shape=shape))
    return (
        Days(load, share),
        Storage(start, discharge, power, availability, ends),
        AddedLoad(peak, bool(added.scaled)),
    )


def start_error(outages: Outages, days: Days, storage: Storage, added: AddedLoad) -> np.ndarray:
    """Error in the EENS of each size that the few moments of `Storage.start` leave.

    The error is the larger one of those at the given load and with the ELCC added, as a part of the
    EENS without storage. It is exact for the joint law of the state of charge. For the marginal and
    the constant law the levels of energy stay those of the few moments.

    Parameters
    ----------
    outages, days, added
        As for `population`.
    storage : Storage
        As for `population`, with `ends`.

    Returns
    -------
    ndarray, shape (sizes,)

    Raises
    ------
    ValueError
        As for `population`.
    """
    before, after, elcc, status = population(outages, days, storage._replace(ends=None), added)
    if before <= 0.0:
        return np.zeros(after.size)
    checked = _checked(days, storage, added)
    solved = status == SOLVED
    error = np.abs(_unserved_with_added(outages, *checked, np.zeros(after.size)) - after)
    carried = _unserved_with_added(outages, *checked, np.where(solved, elcc, 0.0))
    error = np.maximum(error, np.where(solved, np.abs(carried - before), 0.0))
    return error / before


@compiled
def _unserved_with_added(outages, days, storage, added, extra):
    """EENS with storage of each size and `extra` load, shape (sizes,), one number for each size."""
    after = np.empty(extra.size)
    clock = _clock(outages, storage.start.node, days.load.shape[1])
    for i in range(extra.size):
        grown = _with_added(days, extra[i], added)
        after[i] = _unserved_with(outages, grown, _one(storage, i), clock)
    return after


@compiled
def _population(outages, days, storage, added):
    """Compute what `population` returns."""
    sizes = storage.power.size
    clock = _clock(outages, storage.start.node, days.load.shape[1])
    before = _unserved_without(outages, days)
    after, elcc = np.empty(sizes), np.empty(sizes)
    status = np.empty(sizes, dtype=np.int64)
    for i in range(sizes):
        one = _one(storage, i)
        after[i] = _unserved_with(outages, days, one, clock)
        elcc[i], status[i] = _elcc(outages, days, one, clock, added, before, after[i])
    return before, after, elcc, status
