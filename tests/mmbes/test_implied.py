"""What the published numbers imply, against the arithmetic done by hand."""

from __future__ import annotations

import math

import pytest

from mobile_storage.mmbes.analysis.implied import (
    initial_interruption,
    peak_load,
    transformer_options,
)

PEAKS = peak_load(3330.0, 12.0, 0.015)


def test_peak_load_from_the_years_of_deferral():
    # 1.015^12 = 1.19562 (repeated multiplication)
    assert PEAKS["peak"] == pytest.approx(3330.0 / 0.195618, rel=1e-5)
    assert PEAKS["low"] < PEAKS["peak"] < PEAKS["high"]
    assert (PEAKS["low"], PEAKS["high"]) == pytest.approx((16_250, 17_850), rel=0.01)


def test_the_peak_grows_by_elcc_in_just_those_years():
    grown = PEAKS["peak"] * math.prod([1.015] * 12)
    assert grown - PEAKS["peak"] == pytest.approx(3330.0)


def test_only_16_mva_fits_among_standard_pairs():
    table = transformer_options(PEAKS, 0.9, (0.50, 0.65))
    assert table.loc[table["fits"], "rating_mva"].tolist() == [16.0]
    sixteen = table[table["rating_mva"] == 16.0].iloc[0]
    assert sixteen["peak"] == pytest.approx(17_023 / 0.9 / 32_000, rel=1e-3)


def test_interruption_before_storage_under_both_readings():
    implied = initial_interruption(2162.29, 3330.0, 17_023.0, 0.75)
    assert implied["hours_constant"] == pytest.approx(0.6493, rel=1e-3)
    assert implied["eens_scaled_kwh"] == pytest.approx(11_054, rel=1e-3)
    # interruption at the mean load: EENS over 12.767 MW
    assert implied["hours_scaled"] == pytest.approx(0.8658, rel=1e-3)
    assert implied["eens_constant_kwh"] == pytest.approx(0.6493 * 12_767, rel=1e-3)
