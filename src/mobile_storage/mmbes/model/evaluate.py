"""All five attributes of any number of sizes at once, and what the planner makes of them.

`prepare` once for a substation, `attributes` for sizes, then `prospects`, `comprehensive` or
`net_profit`. `attributes` is `physics`, which takes the time, then `valued`, which knows prices:
where only those change, the physics stays. Same numbers as the plain functions of the attribute
modules; the schedule, unserved energy and credible capacity come from their compiled twins. Sizes
are independent of each other, so a population gives what its members give alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.analytic.islands import START_ERROR, starts
from mobile_storage.adequacy.analytic.kernel import population, start_error
from mobile_storage.adequacy.analytic.packed import AddedLoad, Days, Outages, Storage, pack
from mobile_storage.adequacy.checks import require_numbers
from mobile_storage.mmbes.model.cost import Cost, annuity, cell_life, full_cycles, life_cycle_cost
from mobile_storage.mmbes.model.deferral import deferral_value, deferral_years, due_year
from mobile_storage.mmbes.model.extreme import Islands, avoided_loss, islands
from mobile_storage.mmbes.model.kernel import schedules
from mobile_storage.mmbes.model.losses import loss_rate, loss_reduction
from mobile_storage.mmbes.model.prospect import lottery_value, value
from mobile_storage.mmbes.model.reliability import base_load, day_share
from mobile_storage.mmbes.model.schedule import Schedule
from mobile_storage.mmbes.model.substation import ATTRIBUTES, Preferences, Substation

__all__ = [
    "Attributes",
    "Physics",
    "Prepared",
    "attributes",
    "comprehensive",
    "net_profit",
    "physics",
    "prepare",
    "prospects",
    "valued",
]

#: Energies, in hours of the peak load, and powers, in parts of it, for which an error is looked at.
TRIALS = np.array([0.05, 0.3, 1.0])

LOSS, RELIABILITY, DEFERRAL, EXTREME, COST = range(len(ATTRIBUTES))


@dataclass(frozen=True)
class Prepared:
    """A substation with what is the same for every size of storage.

    Attributes
    ----------
    substation : Substation
    load_kw : ndarray, shape (days, steps)
    day_share : ndarray, shape (days,)
        Share of the year that each typical day takes.
    outages : Outages
        The contingencies as flat arrays.
    islands : Islands
        Loads of extreme events in the order of supply.
    probability : ndarray, shape (scenarios + 1,)
        Of the extreme scenarios in a year with a storage that works, and of all other years.
    annuity : float
        Present value of 1 a year over the horizon.
    due_year : float
        Years until the upgrade is due without storage; ``inf`` if it never is.
    loss_rate : float
        Losses of L1, L2, T1, T2 per energy taken, without storage.
    """

    substation: Substation
    load_kw: np.ndarray
    day_share: np.ndarray
    outages: Outages
    islands: Islands
    probability: np.ndarray
    annuity: float
    due_year: float
    loss_rate: float
    split_steps: bool
    """Whether steps are split where what storage serves has a kink, as a fault's moment in a step
    counts for more than `islands.START_ERROR`."""


@dataclass(frozen=True)
class Physics:
    """What storage of each size does, shape (n,) each.

    Attributes
    ----------
    energy_kwh, power_kw : ndarray
        The sizes.
    gross_loss_reduction_kwh, net_loss_reduction_kwh : ndarray
        Less network loss in a year; less the storage's own loss.
    eens_before_kwh, eens_after_kwh : ndarray
        Energy not supplied in a year, without and with storage.
    elcc_kw : ndarray
        Credible capacity, the ELCC of `adequacy.analytic.elcc`; ``inf`` where no added load takes
        EENS back up.
    elcc_status : ndarray of int
        Position in `adequacy.analytic.elcc.STATUSES`.
    residual_energy_kwh : ndarray
        Expected deliverable energy at a random moment, of a storage that works.
    full_cycles : ndarray
        A year; 365 where every day can carry one.
    """

    energy_kwh: np.ndarray
    power_kw: np.ndarray
    gross_loss_reduction_kwh: np.ndarray
    net_loss_reduction_kwh: np.ndarray
    eens_before_kwh: np.ndarray
    eens_after_kwh: np.ndarray
    elcc_kw: np.ndarray
    elcc_status: np.ndarray
    residual_energy_kwh: np.ndarray
    full_cycles: np.ndarray


@dataclass(frozen=True)
class Attributes(Physics):
    """What storage of each size does and is worth; shape (n,) where nothing else is said.

    Attributes
    ----------
    deferral_years : ndarray
        Growth that the credible capacity carries, in years; its worth ends with the horizon.
    cost : Cost
        Parts of the life-cycle cost, present values.
    worth : ndarray, shape (n, 5)
        Present value of each attribute in yuan, in the order of `model.ATTRIBUTES`; the extreme
        one at its expectation, the cost below zero.
    extreme_outcomes : ndarray, shape (n, scenarios + 1)
        Avoided outage loss in yuan, over the horizon, if each scenario comes in each year; the last
        column is the year without any: 0.
    extreme_probability : ndarray, shape (scenarios + 1,)
        Of each in a year; they add up to 1.
    """

    deferral_years: np.ndarray
    cost: Cost
    worth: np.ndarray
    extreme_outcomes: np.ndarray
    extreme_probability: np.ndarray


def prepare(substation: Substation) -> Prepared:
    """Compute everything that does not depend on the storage's size."""
    x = substation
    # A storage that is out of order is called in vain: a year as if nothing had happened to it.
    probability = x.working_share * x.extreme.probability
    outages = pack(x.reliability.contingencies, x.reliability.normal_capacity_kw)
    return Prepared(
        substation=x,
        load_kw=np.ascontiguousarray(base_load(x), dtype=float),
        day_share=day_share(x),
        outages=outages,
        islands=islands(x.extreme),
        probability=np.append(probability, max(0.0, 1.0 - probability.sum())),
        annuity=annuity(x.economics.discount_rate, x.economics.horizon_yr),
        due_year=due_year(x.load_rate, x.economics.due_load_rate, x.growth),
        loss_rate=loss_rate(x),
        split_steps=_few_moments_are_too_few(x, outages),
    )


def _few_moments_are_too_few(x: Substation, outages: Outages) -> bool:
    """Whether a few moments in a step leave too large an error in the EENS of a size.

    That of nine sizes is known exactly. Half of the bound is kept for the sizes between them. All
    sizes of a substation are treated alike, so that nothing jumps from one to the next.
    """
    load, share = base_load(x), day_share(x)
    sizes = np.meshgrid(TRIALS, TRIALS, indexing="ij")
    energy, power = (x.peak_kw * axis.ravel() for axis in sizes)
    cycle = schedules(load, energy, power, x.battery)
    days = Days(load, share)
    error = start_error(outages, days, _storage(x, days, cycle, power), _added_load(x))
    return bool(error.max() > START_ERROR / 2.0)


def _storage(x: Substation, days: Days, cycle: Schedule, power_kw: np.ndarray) -> Storage:
    """Storage of many sizes in faults."""
    return Storage(
        start=starts(cycle.deliverable_kwh, days.share, x.soc_law),
        discharge=cycle.discharge_kw,
        power=power_kw,
        availability=x.battery.availability,
        ends=cycle.deliverable_kwh,
    )


def _added_load(x: Substation) -> AddedLoad:
    return AddedLoad(peak=x.peak_kw, scaled=x.added_load == "scaled")


def physics(
    prepared: Prepared, energy_kwh: np.ndarray | float, power_kw: np.ndarray | float
) -> Physics:
    """What storage of given sizes does.

    Parameters
    ----------
    prepared : Prepared
        From `prepare`.
    energy_kwh, power_kw : array_like, shape (n,)
        Rated energy and power; a number stands for an array of one.

    Raises
    ------
    ValueError
        If a size is negative or not finite, or the two differ in shape.
    """
    x = prepared.substation
    energy = np.atleast_1d(require_numbers("energy_kwh", energy_kwh))
    power = np.atleast_1d(require_numbers("power_kw", power_kw))
    cycle = schedules(prepared.load_kw, energy, power, x.battery)
    loss, works = loss_reduction(x, prepared.load_kw, cycle), x.working_share
    days = Days(prepared.load_kw, prepared.day_share)
    storage = _storage(x, days, cycle, power)
    if not prepared.split_steps:
        storage = storage._replace(ends=None)
    before, after, elcc, status = population(prepared.outages, days, storage, _added_load(x))
    return Physics(
        energy_kwh=energy,
        power_kw=power,
        gross_loss_reduction_kwh=works * loss.gross_kwh,
        net_loss_reduction_kwh=works * loss.net_kwh,
        eens_before_kwh=np.full(energy.size, before),
        eens_after_kwh=after,
        elcc_kw=elcc,
        elcc_status=status,
        residual_energy_kwh=cycle.mean_deliverable_kwh @ prepared.day_share,
        full_cycles=full_cycles(
            energy, works * (cycle.cycled_kwh @ x.curves.days_per_year), x.battery
        ),
    )


def valued(prepared: Prepared, found: Physics) -> Attributes:
    """What the sizes are worth, in yuan.

    Parameters
    ----------
    prepared : Prepared
        The substation of `found`, or one that differs from it only in the economics, the extreme
        events or what the cells last.
    found : Physics
        From `physics`.
    """
    x, economics = prepared.substation, prepared.substation.economics
    size = found.energy_kwh.size
    years = deferral_years(found.elcc_kw, x.peak_kw, x.growth)
    cost = life_cycle_cost(
        found.energy_kwh,
        found.power_kw,
        found.gross_loss_reduction_kwh - found.net_loss_reduction_kwh,
        cell_life(x.battery, found.full_cycles),
        economics,
    )
    outcomes = np.zeros((size, prepared.probability.size))
    outcomes[:, :-1] = prepared.annuity * avoided_loss(
        prepared.islands, found.residual_energy_kwh, found.power_kw
    )
    avoided_kwh = found.eens_before_kwh - found.eens_after_kwh
    worth = np.empty((size, len(ATTRIBUTES)))
    worth[:, LOSS] = prepared.annuity * economics.loss_price * found.gross_loss_reduction_kwh
    worth[:, RELIABILITY] = prepared.annuity * economics.interruption_cost * avoided_kwh
    worth[:, DEFERRAL] = deferral_value(years, prepared.due_year, economics)
    worth[:, EXTREME] = outcomes @ prepared.probability
    worth[:, COST] = -cost.total
    return Attributes(
        **vars(found),
        deferral_years=years,
        cost=cost,
        worth=worth,
        extreme_outcomes=outcomes,
        extreme_probability=prepared.probability,
    )


def attributes(
    prepared: Prepared, energy_kwh: np.ndarray | float, power_kw: np.ndarray | float
) -> Attributes:
    """`physics` of the sizes, `valued`: parameters and errors as there."""
    return valued(prepared, physics(prepared, energy_kwh, power_kw))


def prospects(found: Attributes, preferences: Preferences) -> np.ndarray:
    """Prospect value of each attribute (Eq. 1), shape (n, 5), yuan to the power of alpha.

    The extreme attribute is a lottery over the scenarios; the others are certain.
    """
    values = value(found.worth - preferences.reference, preferences)
    values[:, EXTREME] = lottery_value(
        found.extreme_outcomes,
        found.extreme_probability,
        float(preferences.reference[EXTREME]),
        preferences,
    )
    return values


def comprehensive(found: Attributes, preferences: Preferences) -> np.ndarray:
    """Comprehensive prospect ``V = sum_k w_k V_k`` (Eq. 2), shape (n,)."""
    return prospects(found, preferences) @ preferences.weights


def net_profit(found: Attributes) -> np.ndarray:
    """Expected present value of all benefits less the cost, yuan, shape (n,)."""
    return found.worth.sum(axis=1)
