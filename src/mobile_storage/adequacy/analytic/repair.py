"""Duration of an outage: survival, restricted mean, and the energy that storage leaves unserved.

The duration T has one of two laws: ``exponential`` with the mean r, or ``fixed`` at D. Let

    S(t) = P(T > t),   G(t) = int_0^t S(u) du,   H(t) = int_0^t G(u) du.

A constant power q that flows from the start of the outage until t hours later, or until the end of
the outage if that is earlier, carries the expected energy ``q G(t)``.
"""

from __future__ import annotations

import numpy as np

from mobile_storage.adequacy.checks import require_choice, require_numbers

__all__ = ["LAWS", "STATES_OF_CHARGE", "restricted_mean", "survival", "unserved_at_constant_load"]

LAWS = ("exponential", "fixed")

#: State of charge at the start of an outage: full, or uniformly distributed from empty to full.
STATES_OF_CHARGE = ("full", "uniform")


def survival(t: np.ndarray | float, mean: np.ndarray | float, law: str) -> np.ndarray:
    """Chance that an outage lasts longer than `t`: S(t).

    Parameters
    ----------
    t : array_like
        Hours since the start; ``inf`` is allowed. S is 1 before the start.
    mean : array_like
        Mean duration, h; not negative. Broadcasts with `t`.
    law : {"exponential", "fixed"}
        ``exp(-t / mean)``, or 1 until `mean` and 0 from there on.

    Returns
    -------
    ndarray
        Dimensionless, shape of `t` and `mean` broadcast.

    Raises
    ------
    ValueError
        If the law is not one of `LAWS`, or the mean is negative or not finite.
    """
    t, mean = _checked(t, mean, law)
    if law == "fixed":
        return np.where(t < mean, 1.0, 0.0)
    return np.exp(-_in_means(t, mean))


def restricted_mean(t: np.ndarray | float, mean: np.ndarray | float, law: str) -> np.ndarray:
    """Expected part of an outage that falls into its first `t` hours: G(t) = E[min(T, t)], h.

    ``r (1 - exp(-t / r))`` for the exponential law, ``min(t, D)`` for the fixed one; 0 before the
    start, the mean at infinity. Parameters and errors as in `survival`.
    """
    t, mean = _checked(t, mean, law)
    if law == "fixed":
        return np.minimum(t, mean)
    return -mean * np.expm1(-_in_means(t, mean))


def unserved_at_constant_load(
    load: np.ndarray | float,
    energy: np.ndarray | float,
    mean: np.ndarray | float,
    law: str,
    *,
    power: np.ndarray | float = np.inf,
    charge: str = "full",
) -> np.ndarray:
    """Expected energy that storage leaves unserved when the only supply of a constant load is lost.

    Storage serves q = min(load, power) until it is empty after tau = energy / q hours. It leaves

        full:     load G(inf) - q G(tau)
        uniform:  load G(inf) - q H(tau) / tau

    If the power does not bind, this is for the exponential law ``load r exp(-tau / r)`` (full) and
    ``load r (r / tau) (1 - exp(-tau / r))`` (uniform). For an outage of fixed duration D it is
    ``load max(0, D - tau)`` (full) and ``load (D - tau / 2)`` if tau <= D, else
    ``load D^2 / (2 tau)`` (uniform).

    Parameters
    ----------
    load : array_like
        Constant load, in units of power.
    energy : array_like
        Energy that full storage can deliver, power times hours.
    mean, law
        Duration of the outage, see `survival`.
    power : array_like
        Rated power of the storage; by default it does not bind.
    charge : {"full", "uniform"}
        State of charge when the outage starts: full, or uniform between empty and full.

    Returns
    -------
    ndarray
        Per outage, power times hours; shape of all arguments broadcast.

    Raises
    ------
    ValueError
        If the law or the state of charge is unknown, or a load, energy or power is below zero or
        not a number.
    """
    require_choice("the state of charge", charge, STATES_OF_CHARGE)
    load, energy, power, mean = np.broadcast_arrays(
        require_numbers("load", load, least=0.0),
        require_numbers("energy", energy, least=0.0, infinite=True),
        require_numbers("power", power, least=0.0, infinite=True),
        require_numbers("mean", mean, least=0.0),
    )
    served_at = np.minimum(load, power)
    with np.errstate(over="ignore"):
        lasts = np.divide(energy, served_at, out=np.full_like(energy, np.inf), where=served_at > 0)
    hours = restricted_mean(lasts, mean, law)
    if charge == "uniform":
        hours = _mean_restricted_mean(lasts, mean, law, hours)
    return load * mean - served_at * hours


def _mean_restricted_mean(
    t: np.ndarray, mean: np.ndarray, law: str, at_end: np.ndarray
) -> np.ndarray:
    """Mean of G between 0 and t, H(t) / t; `at_end` is G(t)."""
    if law == "fixed":
        # G is its argument up to `mean` and constant after it.
        return np.where(t <= mean, t / 2.0, mean - mean**2 / (2.0 * np.maximum(t, mean) + (t == 0)))
    # H(t) = r (t - G(t)); 1 - G(t)/t loses its digits where t is small against r: a series there.
    x = _in_means(t, mean)
    small = np.minimum(x, 1e-4)
    share = np.divide(at_end, t, out=np.ones_like(t), where=t > 0.0)
    return mean * np.where(x < 1e-4, small / 2.0 - small**2 / 6.0, 1.0 - share)


def _in_means(t: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Time as a multiple of the mean; it is infinite for an outage of mean zero."""
    t, mean = np.broadcast_arrays(t, mean)
    return np.divide(t, mean, out=np.full(t.shape, np.inf), where=mean > 0.0)


def _checked(
    t: np.ndarray | float, mean: np.ndarray | float, law: str
) -> tuple[np.ndarray, np.ndarray]:
    require_choice("the law of the outage duration", law, LAWS)
    t = require_numbers("t", t, infinite=True)
    return np.maximum(t, 0.0), require_numbers("mean", mean, least=0.0)
