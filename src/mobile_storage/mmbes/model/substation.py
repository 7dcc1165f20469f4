"""Inputs of the five attributes as plain numbers: a substation, its storage and its planner.

`data.build` derives these classes from the ledgers. Power is in kW, energy in kWh, money in yuan,
time in h or yr, as the names say.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from mobile_storage.adequacy.analytic.contingency import Contingency
from mobile_storage.adequacy.analytic.islands import SOC_LAWS
from mobile_storage.adequacy.checks import (
    require_choice,
    require_number,
    require_numbers,
    require_probabilities,
)

__all__ = [
    "ADDED_LOADS",
    "ATTRIBUTES",
    "STORAGE_FAILURES",
    "Battery",
    "Economics",
    "ExtremeEvents",
    "LoadCurves",
    "Losses",
    "Preferences",
    "Reliability",
    "Substation",
]

#: Where failures of the storage count: in faults of the network only, or in everything it does.
STORAGE_FAILURES = ("faults", "everywhere")

#: Forms of the added load that defines the credible capacity.
ADDED_LOADS = ("constant", "scaled")

#: Below this gamma or delta the weights of Eq. (8, 9) no longer rise with the probability.
FLATTEST = 0.28

#: Expectation on the availability, for errors, if failures of the storage count in faults only.
SOME_AVAILABILITY = (
    "more than 0 where storage_failures is 'faults' (with 'everywhere' a storage that never works "
    "earns nothing from losses and extreme events either)"
)

#: Order of the attributes in every array with one column for each.
ATTRIBUTES = ("loss", "reliability", "deferral", "extreme", "cost")


@dataclass(frozen=True)
class LoadCurves:
    """Typical days.

    Attributes
    ----------
    names : tuple of str
        The day types.
    shape : ndarray, shape (days, steps)
        Load of each day type in shares of the annual peak; steps of equal length fill 24 h.
    days_per_year : ndarray, shape (days,)
        Number of days of each type in a year; they add up to 365.
    """

    names: tuple[str, ...]
    shape: np.ndarray
    days_per_year: np.ndarray

    def __post_init__(self) -> None:
        shape = require_numbers(
            "shape of the load curves", self.shape, least=0.0, shape=(len(self.names), "steps")
        )
        if not shape.size:
            raise ValueError("the load curves have no step, expected at least one day of one step")
        require_numbers("days_per_year", self.days_per_year, least=0.0, shape=(len(self.names),))
        require_number("sum of days_per_year", np.sum(self.days_per_year), above=0.0)

    @property
    def step_h(self) -> float:
        """Length of a step."""
        return 24.0 / self.shape.shape[1]


@dataclass(frozen=True)
class Battery:
    """The storage, per unit of its size (Table 1)."""

    soc_min: float
    soc_max: float
    charge_efficiency: float
    discharge_efficiency: float
    availability: float
    cycle_life: float
    """Full cycles until the cells are replaced."""
    calendar_life_yr: float

    def __post_init__(self) -> None:
        require_number("soc_min", self.soc_min, least=0.0, most=1.0)
        require_number("soc_max", self.soc_max, least=0.0, most=1.0)
        if not self.soc_min < self.soc_max:
            raise ValueError(
                f"soc_min is {self.soc_min!r}, expected less than soc_max, {self.soc_max!r}"
            )
        for name in ("charge_efficiency", "discharge_efficiency"):
            require_number(name, getattr(self, name), above=0.0, most=1.0)
        require_number("availability", self.availability, least=0.0, most=1.0)
        for name in ("cycle_life", "calendar_life_yr"):
            require_number(name, getattr(self, name), above=0.0)


@dataclass(frozen=True)
class Losses:
    """Upstream lines and transformers whose losses count (L1, L2, T1, T2).

    Attributes
    ----------
    line_resistance_ohm : ndarray, shape (lines,)
        Resistance of each line, end to end; each line carries an equal part of the flow.
    voltage_kv : float
        Line to line.
    own_share : float
        Share of the lines' load that is this substation's (the distribution ratio, 0.55).
    transformer_rating_kva, load_loss_kw, no_load_loss_kw : ndarray, shape (transformers,)
        Rating, losses at rating, losses without load. The load is shared in proportion to ratings.
    """

    line_resistance_ohm: np.ndarray
    voltage_kv: float
    own_share: float
    transformer_rating_kva: np.ndarray
    load_loss_kw: np.ndarray
    no_load_loss_kw: np.ndarray

    def __post_init__(self) -> None:
        require_numbers(
            "line_resistance_ohm", self.line_resistance_ohm, least=0.0, shape=("lines",)
        )
        require_number("voltage_kv", self.voltage_kv, above=0.0)
        require_number("own_share", self.own_share, above=0.0, most=1.0)
        ratings = require_numbers(
            "transformer_rating_kva",
            self.transformer_rating_kva,
            above=0.0,
            shape=("transformers",),
        )
        for name in ("line_resistance_ohm", "transformer_rating_kva"):
            if not np.size(getattr(self, name)):
                raise ValueError(f"{name} is empty, expected at least one number")
        for name in ("load_loss_kw", "no_load_loss_kw"):
            require_numbers(name, getattr(self, name), least=0.0, shape=ratings.shape)


@dataclass(frozen=True)
class Reliability:
    """Outages of the network.

    Attributes
    ----------
    contingencies : tuple of Contingency
        Deficits as functions of the substation's load in kW.
    normal_capacity_kw : float
        Largest load that the intact network can feed.
    """

    contingencies: tuple[Contingency, ...]
    normal_capacity_kw: float

    def __post_init__(self) -> None:
        require_number("normal_capacity_kw", self.normal_capacity_kw, least=0.0, infinite=True)


@dataclass(frozen=True)
class ExtremeEvents:
    """Rare long outages of the region (section 3.4).

    Attributes
    ----------
    probability : ndarray, shape (scenarios,)
        Chance in a year of each scenario; at most one happens, so they add up to at most 1.
    duration_h : ndarray, shape (scenarios,)
        Length of the outage.
    load_kw, backup_h : ndarray, shape (loads,)
        Average load of each point that may be supplied, and the hours that its own backup lasts.
    loss_per_kwh : ndarray, shape (loads,)
        Outage loss, yuan/kWh.
    priority : ndarray of int, shape (loads,)
        0 critical, 1 important: supplied in this order.
    """

    probability: np.ndarray
    duration_h: np.ndarray
    load_kw: np.ndarray
    backup_h: np.ndarray
    loss_per_kwh: np.ndarray
    priority: np.ndarray

    def __post_init__(self) -> None:
        chances = require_probabilities(
            "probability", self.probability, shape=("scenarios",), at_most=True
        )
        require_numbers("duration_h", self.duration_h, least=0.0, shape=chances.shape)
        load = require_numbers("load_kw", self.load_kw, least=0.0, shape=("loads",))
        for name in ("backup_h", "loss_per_kwh", "priority"):
            require_numbers(
                name, getattr(self, name), least=0.0, shape=load.shape, whole=name == "priority"
            )


@dataclass(frozen=True)
class Economics:
    """Prices and rates (Table 4)."""

    horizon_yr: float
    """Operating life over which benefits and costs count."""
    discount_rate: float
    """r, 1/yr, nominal."""
    inflation_rate: float
    """i of the upgrade's price, 1/yr, nominal."""
    loss_price: float
    """Worth of a kWh of network loss, yuan/kWh."""
    valley_price: float
    """Price of energy when storage charges, yuan/kWh; cycling losses are bought at it."""
    interruption_cost: float
    """Loss per kWh not supplied, yuan/kWh."""
    upgrade_cost: float
    """Investment that storage defers, yuan."""
    due_load_rate: float
    """Load rate at which the upgrade is due."""
    energy_cost: float
    """c_E, yuan/kWh."""
    power_cost: float
    """c_P, yuan/kW: conversion, monitoring, management."""
    replacement_cost: float
    """Cells at their replacement, yuan/kWh."""
    fixed_om: float
    """yuan/kW/yr."""
    treatment_cost: float
    """Dismantling and handling at the end of life, yuan/kWh."""
    recovered_value: float
    """Metals recovered at the end of life, yuan/kWh."""

    def __post_init__(self) -> None:
        for field in fields(self):
            strictly = field.name in ("horizon_yr", "due_load_rate")
            least = {"above": 0.0} if strictly else {"least": 0.0}
            require_number(field.name, getattr(self, field.name), **least)


@dataclass(frozen=True)
class Preferences:
    """The planner (section 3; lost symbols).

    Attributes
    ----------
    alpha, beta : float
        Exponents for gains and losses.
    loss_aversion : float
        lambda.
    gamma, delta : float
        Probability weighting for gains and for losses.
    weights : ndarray, shape (5,)
        Importance of each attribute, in the order of `ATTRIBUTES`; they add up to 1.
    reference : ndarray, shape (5,)
        Reference points, yuan. Cost counts as a negative outcome: an expected cost of c is -c here.
    rank_dependent : bool
        Decision weights of 1992 (cumulative) or the separable ones of 1979.
    """

    alpha: float
    beta: float
    loss_aversion: float
    gamma: float
    delta: float
    weights: np.ndarray
    reference: np.ndarray
    rank_dependent: bool = True

    def __post_init__(self) -> None:
        for name in ("alpha", "beta"):
            require_number(name, getattr(self, name), above=0.0, most=1.0)
        require_number("loss_aversion", self.loss_aversion, above=0.0)
        for name in ("gamma", "delta"):
            require_number(name, getattr(self, name), least=FLATTEST, most=1.0)
        require_probabilities("weights", self.weights, shape=(len(ATTRIBUTES),))
        require_numbers("reference", self.reference, shape=(len(ATTRIBUTES),))


@dataclass(frozen=True)
class Substation:
    """Everything that `evaluate.attributes` needs to value a storage of any size.

    Attributes
    ----------
    load_rate : float
        Peak apparent power over the transformers' total rating.
    peak_kw, power_factor : float
        Annual peak in the year of construction.
    growth : float
        Of the load, 1/yr.
    """

    load_rate: float
    peak_kw: float
    power_factor: float
    growth: float
    curves: LoadCurves
    battery: Battery
    losses: Losses
    reliability: Reliability
    extreme: ExtremeEvents
    economics: Economics
    soc_law: str = "joint"
    """``joint``, ``marginal`` or ``constant`` (see `analytic.islands`)."""
    added_load: str = "constant"
    """ELCC: added load ``constant`` over the year or ``scaled`` with the load."""
    storage_failures: str = "faults"
    """Where the storage's availability counts. With ``faults`` it counts in faults of the network,
    that is in unserved energy and credible capacity. The text names failures of the storage in
    section 3.3 only and assumes that the daily operation of section 3.1 goes as planned. With
    ``everywhere`` the storage also cycles only on that share of the days, and avoids nothing in the
    other extreme events."""

    @property
    def working_share(self) -> float:
        """Probability that the storage works apart from faults of the network."""
        return self.battery.availability if self.storage_failures == "everywhere" else 1.0

    def __post_init__(self) -> None:
        require_number("load_rate", self.load_rate, above=0.0)
        require_number("peak_kw", self.peak_kw, above=0.0)
        require_number("power_factor", self.power_factor, above=0.0, most=1.0)
        require_number("growth", self.growth, least=0.0)
        require_choice("soc_law", self.soc_law, SOC_LAWS)
        require_choice("added_load", self.added_load, ADDED_LOADS)
        require_choice("storage_failures", self.storage_failures, STORAGE_FAILURES)
        if self.storage_failures == "faults" and self.battery.availability == 0.0:
            raise ValueError(f"availability is 0, expected {SOME_AVAILABILITY}")
