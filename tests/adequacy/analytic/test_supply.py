"""Limits of what a network can feed, against all of its cuts."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mobile_storage.adequacy.analytic.supply import supply_limits


def smallest_cut(shares, sources, arcs, load: float) -> float:
    """Most that can be fed at a total load: the smallest of all cuts."""
    nodes = range(len(shares))
    best = math.inf
    for kept in itertools.product((False, True), repeat=len(shares)):
        limit = sum(sources[i] for i in nodes if not kept[i])
        limit += sum(c for a, b, c in arcs if kept[a] != kept[b])
        best = min(best, limit + load * sum(shares[i] for i in nodes if kept[i]))
    return best


def test_rounding_of_a_full_edge_hides_no_cut():
    """Nodes 2 and 3 hang on the edge between 1 and 2, node 1 on what that leaves of all sources.

    With exactly these numbers the full edge keeps a rest of 4e-16.
    """
    shares = np.array([0.0, 0.10887016511090492, 0.1361917218200427, 0.7549381130690523])
    sources = np.array([math.inf, 0.5316847999528376, 0.0, 0.0])
    arcs = [(0, 1, 7.62616032998869), (2, 3, 3.4099638919903743), (2, 1, 3.1332387589386266)]
    both = arcs[2][2] / (shares[2] + shares[3])
    first = (sources[1] + arcs[0][2] - arcs[2][2]) / shares[1]
    assert supply_limits(shares, sources, arcs)[1:] == pytest.approx([first, both, both])


@given(seed=st.integers(0, 2**32 - 1))
@example(seed=1692)
def test_what_is_fed_is_the_smallest_cut_at_every_load(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    shares = rng.random(n) * (rng.random(n) < 0.8)
    shares = shares / shares.sum() if shares.sum() > 0 else np.full(n, 1.0 / n)
    # Few different capacities make ties, which are where cuts are hard to tell apart.
    draw = rng.integers(0, 4, n) * 1.1 if rng.random() < 0.5 else rng.random(n) * 5
    sources = np.where(rng.random(n) < 0.4, draw, 0.0)
    sources[rng.integers(n)] = math.inf if rng.random() < 0.5 else 3.3
    arcs = [
        (a, b, float(rng.integers(0, 4) * 1.1 if rng.random() < 0.5 else rng.random() * 5))
        for a, b in itertools.combinations(range(n), 2)
        if rng.random() < 0.6
    ]
    limits = supply_limits(shares, sources, arcs)
    knees = limits[np.isfinite(limits)]
    for load in {*knees, *(knees / 2), *(knees * 1.5), 0.1, 1.0, 7.0, 100.0}:
        fed = float(shares @ np.minimum(load, limits))
        assert fed == pytest.approx(smallest_cut(shares, sources, arcs, load), rel=1e-9, abs=1e-9)
