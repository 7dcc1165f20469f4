"""Laws of the outage duration, and storage behind one supply, by hand and by quadrature."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from mobile_storage.adequacy.analytic.repair import (
    LAWS,
    restricted_mean,
    survival,
    unserved_at_constant_load,
)


def test_survival_by_hand():
    hours = [-1.0, 0.0, 2.0, 4.0, 6.0, math.inf]
    assert survival(hours, 4.0, "fixed").tolist() == [1, 1, 1, 0, 0, 0]
    expected = [1.0, 1.0, math.exp(-0.5), math.exp(-1), math.exp(-1.5), 0.0]
    np.testing.assert_allclose(survival(hours, 4.0, "exponential"), expected, rtol=1e-15)


def test_restricted_mean_by_hand():
    assert restricted_mean([-1.0, 0.0, 3.0, 5.0, math.inf], 4.0, "fixed").tolist() == [
        0.0,
        0.0,
        3.0,
        4.0,
        4.0,
    ]
    expected = [0.0, 0.0, 4 - 4 * math.exp(-0.75), 4.0]
    np.testing.assert_allclose(
        restricted_mean([-1.0, 0.0, 3.0, math.inf], 4.0, "exponential"), expected, rtol=1e-15
    )


@pytest.mark.parametrize("law", LAWS)
def test_an_outage_of_no_duration_is_over_at_once(law):
    assert survival([0.5, math.inf], 0.0, law).tolist() == [0.0, 0.0]
    assert restricted_mean([0.5, math.inf], 0.0, law).tolist() == [0.0, 0.0]
    assert unserved_at_constant_load(5.0, 1.0, 0.0, law, charge="uniform") == 0.0


@pytest.mark.parametrize("law", LAWS)
def test_means_and_times_broadcast(law):
    means, times = np.array([1.0, 4.0]), np.array([[0.5], [2.0], [7.0]])
    together = restricted_mean(times, means, law)
    assert together.shape == survival(times, means, law).shape == (3, 2)
    for i, t in enumerate(times[:, 0]):
        for j, mean in enumerate(means):
            assert together[i, j] == restricted_mean(t, mean, law)


@given(t=st.floats(0.0, 50.0), mean=st.floats(0.01, 50.0), law=st.sampled_from(LAWS))
def test_the_restricted_mean_is_the_integral_of_the_survival(t, mean, law):
    area, _ = quad(lambda u: float(survival(u, mean, law)), 0, t, points=[min(mean, t)], limit=200)
    assert restricted_mean(t, mean, law) == pytest.approx(area, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    ("law", "charge", "expected"),
    [
        # 1 MW lost for 4 h, 2 MWh: two hours are left without supply.
        ("fixed", "full", 2.0),
        # Known answer: r exp(-tau / r) = 4 exp(-1/2).
        ("exponential", "full", 2.4261226388505337),
        # On average half of the 2 MWh is there, and all of it is used.
        ("fixed", "uniform", 3.0),
        ("exponential", "uniform", 4 * 2 * (1 - math.exp(-0.5))),
    ],
)
def test_two_hours_of_storage_for_a_four_hour_outage(law, charge, expected):
    assert unserved_at_constant_load(1.0, 2.0, 4.0, law, charge=charge) == pytest.approx(
        expected, rel=1e-15
    )


def test_storage_longer_than_a_fixed_outage():
    """8 h of storage, 4 h of outage: only a charge u below 4 h falls short, by 4 - u."""
    assert unserved_at_constant_load(1.0, 8.0, 4.0, "fixed") == 0.0
    assert unserved_at_constant_load(1.0, 8.0, 4.0, "fixed", charge="uniform") == 1.0


@given(
    load=st.floats(0.1, 10.0),
    energy=st.just(0.0) | st.floats(0.01, 50.0),
    power=st.just(0.0) | st.floats(0.01, 12.0),
    mean=st.floats(0.05, 20.0),
    law=st.sampled_from(LAWS),
    charge=st.sampled_from(["full", "uniform"]),
)
def test_closed_forms_against_quadrature(load, energy, power, mean, law, charge):
    """Integrate over the duration, and over the charge piece by piece.

    What is unserved falls with the charge on the scale of what the storage gives in a mean outage,
    which can be a ten thousandth of the range: the pieces grow from there.
    """

    def unserved(stored: float) -> float:
        q = min(load, power)
        tau = stored / q if q > 0 else math.inf

        def at(duration: float) -> float:
            return load * duration - q * min(duration, tau)

        if law == "fixed":
            return at(mean)
        # Density exp(-x) in multiples of the mean; the kink of `at` is a limit of the pieces.
        cut = min(tau / mean, 40.0)
        pieces = [
            quad(lambda x: at(mean * x) * math.exp(-x), *ends)[0]
            for ends in ((0.0, cut), (cut, max(cut, 40.0)))
        ]
        return sum(pieces)

    expected = unserved(energy)
    if charge == "uniform" and energy > 0.0:
        scale = mean * min(load, power)
        ends = [min(multiple * scale, energy) for multiple in (0, 1, 5, 40)] + [energy]
        expected = sum(quad(unserved, *piece)[0] for piece in pairwise(ends)) / energy
    found = unserved_at_constant_load(load, energy, mean, law, power=power, charge=charge)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_a_little_uniform_storage_serves_half_of_what_it_can_hold():
    """The series meets the closed form: tau / r runs through the place where they change over."""
    energy = np.array([1e-12, 1e-6, 0.9999e-4, 1.0001e-4, 1e-2])
    served = 1.0 - unserved_at_constant_load(1.0, energy, 1.0, "exponential", charge="uniform")
    np.testing.assert_allclose(served, energy / 2 - energy**2 / 6 + energy**3 / 24, rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 2.0, 4.0, "weibull"), "law of the outage duration 'weibull'"),
        ((1.0, 2.0, -4.0, "fixed"), "mean is -4.0"),
        ((1.0, 2.0, math.nan, "fixed"), "mean is nan"),
        ((-1.0, 2.0, 4.0, "fixed"), "load is -1.0"),
        ((1.0, -2.0, 4.0, "fixed"), "energy is -2.0"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        unserved_at_constant_load(*arguments)


def test_an_unknown_state_of_charge_is_named():
    with pytest.raises(ValueError, match="state of charge 'half'"):
        unserved_at_constant_load(1.0, 2.0, 4.0, "fixed", charge="half")
