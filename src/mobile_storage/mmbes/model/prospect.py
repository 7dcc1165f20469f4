"""Prospect value of the effects of storage (Eq. 1, 6-9; Tversky and Kahneman 1992).

``V = sum_i pi(p_i) v(x_i - x_ref)`` with ``v(d) = d^alpha`` for gains and ``-lambda (-d)^beta`` for
losses. (The paper calls the branch of gains convex and that of losses concave. With exponents below
1 the opposite is true.) If alpha = beta, the unit of money only scales V. Otherwise it changes the
optimum. Money is in yuan here, so V is in yuan^alpha.
"""

from __future__ import annotations

import numpy as np

from mobile_storage.adequacy.checks import require_number, require_numbers, require_probabilities
from mobile_storage.mmbes.model.substation import Preferences

__all__ = ["certainty_equivalent", "decision_weights", "lottery_value", "value", "weight"]


def value(difference: np.ndarray | float, preferences: Preferences) -> np.ndarray:
    """Return the value v of differences to the reference point (Eq. 6, 7), of any shape."""
    return _value(require_numbers("difference", difference), preferences)


def _value(d: np.ndarray, preferences: Preferences) -> np.ndarray:
    size = np.abs(d)
    loss = -preferences.loss_aversion * size**preferences.beta
    return np.where(d >= 0, size**preferences.alpha, loss)


def certainty_equivalent(worth: np.ndarray | float, preferences: Preferences) -> np.ndarray:
    """Return the certain difference to the reference point with a given value; inverts `value`."""
    v = require_numbers("worth", worth)
    size = np.abs(v)
    loss = -((size / preferences.loss_aversion) ** (1.0 / preferences.beta))
    return np.where(v >= 0, size ** (1.0 / preferences.alpha), loss)


def weight(probability: np.ndarray | float, curvature: float) -> np.ndarray:
    """Return the weight of a probability, ``p^g / (p^g + (1 - p)^g)^(1/g)`` (Eq. 8, 9)."""
    p = require_numbers("probability", probability, least=0.0, most=1.0)
    require_number("curvature", curvature, above=0.0, most=1.0)
    return _weight(p, curvature)


def _weight(p: np.ndarray, curvature: float) -> np.ndarray:
    own = p**curvature
    return own / (own + (1.0 - p) ** curvature) ** (1.0 / curvature)


def decision_weights(
    difference: np.ndarray, probability: np.ndarray, preferences: Preferences
) -> np.ndarray:
    """Compute the decision weight of each outcome.

    Rank-dependent (1992): a gain weighs w+(chance of at least as much) - w+(chance of more), a loss
    w-(chance of at most as much) - w-(chance of less). Separable (1979): w+(p), w-(p).

    Parameters
    ----------
    difference : ndarray, shape (..., outcomes)
        Outcomes less the reference point.
    probability : ndarray, shape (outcomes,)
        Their probabilities; they add up to 1.

    Returns
    -------
    ndarray, shape (..., outcomes)

    Raises
    ------
    ValueError
        If a difference is not finite, or the probabilities are none or do not add up to 1.
    """
    difference = require_numbers("difference", difference)
    probability = require_probabilities("probability", probability, shape=difference.shape[-1:])
    return _decision_weights(difference, probability, preferences)


def _decision_weights(
    difference: np.ndarray, probability: np.ndarray, preferences: Preferences
) -> np.ndarray:
    gain = difference >= 0
    if not preferences.rank_dependent:
        by_gain, by_loss = (_weight(probability, g) for g in (preferences.gamma, preferences.delta))
        return np.where(gain, by_gain, by_loss)
    order = np.argsort(difference, axis=-1, kind="stable")
    # Weights are infinitely steep at 0 and 1, so rounding in the sums is removed.
    up_to = np.clip(np.round(np.cumsum(probability[order], axis=-1), 14), 0.0, 1.0)
    below = np.concatenate([np.zeros_like(up_to[..., :1]), up_to[..., :-1]], axis=-1)
    by_gain = _weight(1.0 - below, preferences.gamma) - _weight(1.0 - up_to, preferences.gamma)
    by_loss = _weight(up_to, preferences.delta) - _weight(below, preferences.delta)
    ranked = np.where(np.take_along_axis(gain, order, axis=-1), by_gain, by_loss)
    weights = np.empty_like(ranked)
    np.put_along_axis(weights, order, ranked, axis=-1)
    return weights


def lottery_value(
    outcome: np.ndarray, probability: np.ndarray, reference: float, preferences: Preferences
) -> np.ndarray:
    """Compute the prospect value of a lottery (Eq. 1), shape (...).

    Parameters
    ----------
    outcome : ndarray, shape (..., outcomes)
        Possible outcomes, yuan.
    probability : ndarray, shape (outcomes,)
        Their probabilities; they add up to 1.
    reference : float
        Reference point, yuan.

    Raises
    ------
    ValueError
        As `decision_weights`.
    """
    outcome = np.atleast_1d(require_numbers("outcome", outcome))
    probability = require_probabilities("probability", probability, shape=outcome.shape[-1:])
    difference = outcome - require_number("reference", reference)
    weights = _decision_weights(difference, probability, preferences)
    return (weights * _value(difference, preferences)).sum(axis=-1)
