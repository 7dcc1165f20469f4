"""Prospect theory: published gambles, invariants, and what the two forms of weights do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_storage.mmbes.model.prospect import (
    certainty_equivalent,
    decision_weights,
    lottery_value,
    value,
    weight,
)


@pytest.fixture(scope="module")
def known(repository):
    path = repository / "tests" / "known_answers" / "prospect.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_value_function(known, preferences):
    computed = known["computed"]
    assert value(100.0, preferences) == pytest.approx(computed["v(100)"], abs=1e-6)
    assert value(-100.0, preferences) == pytest.approx(computed["v(-100)"], abs=1e-6)
    assert value(0.0, preferences) == 0.0


@pytest.mark.parametrize(("side", "curvature"), [("w_plus", 0.61), ("w_minus", 0.69)])
def test_weights(known, side, curvature):
    for p, expected in known["computed"][side].items():
        assert weight(float(p), curvature) == pytest.approx(expected, abs=1e-6)
    assert weight([0.0, 1.0], curvature) == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("case", range(3))
def test_published_gambles(known, preferences, case):
    gamble = known["cases"][case]
    v = lottery_value(np.array(gamble["x"]), np.array(gamble["p"]), 0.0, preferences)
    assert v == pytest.approx(gamble["V"], abs=0.005)
    assert certainty_equivalent(v, preferences) == pytest.approx(gamble["CE"], abs=0.02)


def test_mixed_gamble_by_hand(preferences):
    # Lose 50 or win 100 at even odds.
    v = lottery_value(np.array([-50.0, 100.0]), np.array([0.5, 0.5]), 0.0, preferences)
    assert v == pytest.approx(0.420639 * 57.543994 - 0.453988 * 2.25 * 50**0.88, rel=1e-5)


def test_reference_point_moves_gains_to_losses(preferences):
    # 0 or 100 seen from 100: a loss of 100 at even odds.
    v = lottery_value(np.array([0.0, 100.0]), np.array([0.5, 0.5]), 100.0, preferences)
    assert v == pytest.approx(-0.453988 * 129.473986, rel=1e-5)


def test_rank_dependent_weights_by_hand(preferences):
    # From best to worst gain: w(.2), w(.5) - w(.2), 1 - w(.5).
    weights = decision_weights(np.array([1.0, 3.0, 2.0]), np.array([0.5, 0.2, 0.3]), preferences)
    w2, w5 = weight([0.2, 0.5], 0.61)
    assert weights == pytest.approx([1.0 - w5, w2, w5 - w2])


def test_separable_weights_by_hand(preferences):
    separable = replace(preferences, rank_dependent=False)
    weights = decision_weights(np.array([1.0, -3.0]), np.array([0.7, 0.3]), separable)
    assert weights == pytest.approx([float(weight(0.7, 0.61)), float(weight(0.3, 0.69))])


LOTTERIES = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0.01, 1.0)), min_size=1, max_size=8)


def as_arrays(lottery):
    outcome, p = np.array(lottery).T
    return outcome, p / p.sum()


@given(lottery=LOTTERIES)
def test_gains_alone_or_losses_alone_weigh_one(preferences, lottery):
    outcome, p = as_arrays(lottery)
    for only in (np.abs(outcome) + 1.0, -np.abs(outcome) - 1.0):
        assert decision_weights(only, p, preferences).sum() == pytest.approx(1.0)


@settings(max_examples=300)
@given(lottery=LOTTERIES, rises=st.lists(st.floats(0.0, 1e6), min_size=8, max_size=8))
def test_rank_dependent_form_never_prefers_less(preferences, lottery, rises):
    """First-order stochastic dominance: every outcome at least as good, the value no less."""
    outcome, p = as_arrays(lottery)
    better = outcome + np.array(rises[: outcome.size])
    low, high = (lottery_value(x, p, 0.0, preferences) for x in (outcome, better))
    assert high >= low - 1e-9 * (1.0 + abs(low))


def test_separable_form_can_prefer_less(preferences):
    # 100 for sure beats ten tickets of 99 or less, one of which wins. The separable form adds ten
    # weights of 0.186 and prefers the tickets.
    separable = replace(preferences, rank_dependent=False)
    tickets, tenth = np.linspace(90.0, 99.0, 10), np.full(10, 0.1)
    sure = value(100.0, preferences)
    assert lottery_value(tickets, tenth, 0.0, separable) > sure
    assert lottery_value(tickets, tenth, 0.0, preferences) < sure


@given(lottery=LOTTERIES)
def test_splitting_an_outcome_changes_nothing(preferences, lottery):
    outcome, p = as_arrays(lottery)
    whole = lottery_value(outcome, p, 10.0, preferences)
    split = lottery_value(np.repeat(outcome, 2), np.repeat(p / 2, 2), 10.0, preferences)
    assert split == pytest.approx(whole, rel=1e-9, abs=1e-6)


@given(lottery=LOTTERIES)
def test_certainty_equivalent_lies_among_the_outcomes_of_one_sign(preferences, lottery):
    outcome, p = as_arrays(lottery)
    gains = np.abs(outcome)
    sure = certainty_equivalent(lottery_value(gains, p, 0.0, preferences), preferences)
    assert gains.min() * (1 - 1e-9) <= sure <= gains.max() * (1 + 1e-9) + 1e-9


@given(difference=st.floats(-1e8, 1e8))
def test_certainty_equivalent_undoes_the_value(preferences, difference):
    back = certainty_equivalent(value(difference, preferences), preferences)
    assert back == pytest.approx(difference, rel=1e-9, abs=1e-9)


def test_many_lotteries_at_once(preferences):
    p = np.array([0.1, 0.2, 0.7])
    outcomes = np.random.default_rng(0).normal(0.0, 100.0, (4, 3))
    many = lottery_value(outcomes, p, 5.0, preferences)
    one = [lottery_value(x, p, 5.0, preferences) for x in outcomes]
    assert many == pytest.approx(one)
