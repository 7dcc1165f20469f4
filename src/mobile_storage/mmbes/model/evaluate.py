"""All five attributes of any number of sizes at once, and their value to the planner.

Call `prepare` once for a substation, then `attributes` for sizes, then `prospects`, `comprehensive`
or `net_profit`. `attributes` calls `physics`, which takes most of the time, and then `valued`,
which applies prices. If only prices change, `physics` need not run again. The numbers are those of
the plain functions in the attribute modules. The schedule, the unserved energy and the credible
capacity come from their compiled twins. Sizes do not influence each other: a population gives the
same numbers as its members alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    "revalue",
    "valued",
]

#: Sizes at which the error of few moments is computed: energies in hours of the peak load, powers
#: in parts of it.
TRIAL_SIZES = np.array([0.05, 0.3, 1.0])

LOSS, RELIABILITY, DEFERRAL, EXTREME, COST = range(len(ATTRIBUTES))


@dataclass(frozen=True)
class Prepared:
    """A substation, and everything that does not depend on the storage's size.

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
        Yearly probability of each extreme scenario with a storage that works; the last entry is
        that of a year without any.
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
    """Whether time steps are split where the served energy has a kink: done if the moment of
    a fault within its step changes the EENS by more than `islands.START_ERROR`."""


@dataclass(frozen=True)
class Physics:
    """Physical effects of storage of each size, shape (n,) each.

    Attributes
    ----------
    energy_kwh, power_kw : ndarray
        The sizes.
    gross_loss_reduction_kwh, net_loss_reduction_kwh : ndarray
        Reduction of network losses in a year; the same minus the storage's own loss.
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
        Full cycles per year; 365 if every day can carry one.
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
    """Physical effects and worth of storage of each size; shape (n,) unless stated otherwise.

    Attributes
    ----------
    deferral_years : ndarray
        Years of load growth that the credible capacity covers. Years beyond the horizon are worth
        nothing.
    cost : Cost
        Parts of the life-cycle cost, present values.
    worth : ndarray, shape (n, 5)
        Present value of each attribute in yuan, in the order of `model.ATTRIBUTES`; the extreme
        one at its expectation, the cost below zero.
    extreme_outcomes : ndarray, shape (n, scenarios + 1)
        Avoided outage loss over the horizon in yuan if the same scenario happens in each year. The
        last column, 0, is for years without a scenario.
    extreme_probability : ndarray, shape (scenarios + 1,)
        Probability of each outcome in a year; they add up to 1.
    """

    deferral_years: np.ndarray
    cost: Cost
    worth: np.ndarray
    extreme_outcomes: np.ndarray
    extreme_probability: np.ndarray


def prepare(substation: Substation) -> Prepared:
    """Compute everything that does not depend on the storage's size."""
    x = substation
    # A storage that is out of order avoids nothing: the year counts as one without a scenario.
    probability = x.working_share * x.extreme.probability
    outages = pack(x.reliability.contingencies, x.reliability.normal_capacity_kw)
    return Prepared(
        substation=x,
        load_kw=np.ascontiguousarray(base_load(x), dtype=float),
        day_share=day_share(x),
        outages=outages,
        islands=islands(x.extreme),
        probability=np.append(probability, max(0.0, 1.0 - probability.sum())),
        loss_rate=loss_rate(x),
        split_steps=_few_moments_are_too_few(x, outages),
        **_economic(x),
    )


def revalue(prepared: Prepared, substation: Substation) -> Prepared:
    """Return `prepared` for a substation that differs from it only in the economics."""
    return replace(prepared, substation=substation, **_economic(substation))


def _economic(x: Substation) -> dict[str, float]:
    """Fields of `Prepared` that depend on the economics."""
    return {
        "annuity": annuity(x.economics.discount_rate, x.economics.horizon_yr),
        "due_year": due_year(x.load_rate, x.economics.due_load_rate, x.growth),
    }


def _few_moments_are_too_few(x: Substation, outages: Outages) -> bool:
    """Decide whether a few moments in a step leave too large an error in the EENS of a size.

    The error is computed exactly for nine sizes. Half of the bound is reserved for the sizes
    between them. All sizes of a substation are treated alike, so that EENS is continuous in the
    size.
    """
    load, share = base_load(x), day_share(x)
    sizes = np.meshgrid(TRIAL_SIZES, TRIAL_SIZES, indexing="ij")
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
    """Compute the physical effects of storage of given sizes.

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


def valued(prepared: Prepared, effects: Physics) -> Attributes:
    """Value the physical effects of sizes, in yuan.

    Parameters
    ----------
    prepared : Prepared
        The substation of `effects`, or one that differs from it only in the economics, the extreme
        events or the life of the cells.
    effects : Physics
        From `physics`.
    """
    x, economics = prepared.substation, prepared.substation.economics
    size = effects.energy_kwh.size
    years = deferral_years(effects.elcc_kw, x.peak_kw, x.growth)
    cost = life_cycle_cost(
        effects.energy_kwh,
        effects.power_kw,
        effects.gross_loss_reduction_kwh - effects.net_loss_reduction_kwh,
        cell_life(x.battery, effects.full_cycles),
        economics,
    )
    outcomes = np.zeros((size, prepared.probability.size))
    outcomes[:, :-1] = prepared.annuity * avoided_loss(
        prepared.islands, effects.residual_energy_kwh, effects.power_kw
    )
    avoided_kwh = effects.eens_before_kwh - effects.eens_after_kwh
    worth = np.empty((size, len(ATTRIBUTES)))
    worth[:, LOSS] = prepared.annuity * economics.loss_price * effects.gross_loss_reduction_kwh
    worth[:, RELIABILITY] = prepared.annuity * economics.interruption_cost * avoided_kwh
    worth[:, DEFERRAL] = deferral_value(years, prepared.due_year, economics)
    worth[:, EXTREME] = outcomes @ prepared.probability
    worth[:, COST] = -cost.total
    return Attributes(
        **vars(effects),
        deferral_years=years,
        cost=cost,
        worth=worth,
        extreme_outcomes=outcomes,
        extreme_probability=prepared.probability,
    )


def attributes(
    prepared: Prepared, energy_kwh: np.ndarray | float, power_kw: np.ndarray | float
) -> Attributes:
    """Compute `physics` of the sizes and value it; parameters and errors are those of `physics`."""
    return valued(prepared, physics(prepared, energy_kwh, power_kw))


def prospects(effects: Attributes, preferences: Preferences) -> np.ndarray:
    """Return the prospect value of each attribute (Eq. 1), shape (n, 5), in yuan^alpha.

    The extreme attribute is a lottery over the scenarios; the others are certain.
    """
    values = value(effects.worth - preferences.reference, preferences)
    values[:, EXTREME] = lottery_value(
        effects.extreme_outcomes,
        effects.extreme_probability,
        float(preferences.reference[EXTREME]),
        preferences,
    )
    return values


def comprehensive(effects: Attributes, preferences: Preferences) -> np.ndarray:
    """Return the comprehensive prospect ``V = sum_k w_k V_k`` (Eq. 2), shape (n,)."""
    return prospects(effects, preferences) @ preferences.weights


def net_profit(effects: Attributes) -> np.ndarray:
    """Return the expected present value of all benefits less the cost, yuan, shape (n,)."""
    return effects.worth.sum(axis=1)
