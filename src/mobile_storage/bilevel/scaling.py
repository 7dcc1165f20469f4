"""Scaling of followers and rows to units that suit the absolute tolerances of solvers.

A follower's optimal responses do not change when its objective or one of its rows is multiplied by
a positive number, but a solver takes a reduced cost of 1e-9 for zero. Objectives and rows whose
largest coefficient is far from one are therefore multiplied by a power of two, which causes no
rounding. All others keep their units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

#: Largest coefficients between these limits are ordinary.
FOLLOWER = (2.0**-6, 2.0**10)
LEADER = (2.0**-6, 2.0**20)
#: Coefficients below this share of the largest beside them are within the tolerances.
WARNED_SPREAD = 1e-6


def power_of_two(largest: float, ordinary: tuple[float, float]) -> float:
    """Factor that brings a largest coefficient near one; 1 where it is zero or ordinary."""
    if largest == 0.0 or ordinary[0] <= largest <= ordinary[1]:
        return 1.0
    return 2.0 ** -min(max(round(math.log2(largest)), -1000), 1000)


def own_row_factor(own: np.ndarray, others: np.ndarray) -> float:
    """Factor of a follower's row, by the coefficients of the follower's own variables.

    The multipliers depend on these alone. The leader's coefficients must not become huge by it.
    """
    factor = power_of_two(float(np.abs(own).max()), FOLLOWER)
    largest = float(np.abs(others).max(initial=0.0))
    if factor > 1.0 and factor * largest > LEADER[1]:
        factor = max(1.0, power_of_two(largest / LEADER[1], (1.0, 1.0)))
    return factor


def bad_scaling(where: str, coefficients: Iterable[float]) -> str:
    """A warning where coefficients that belong together differ too much, else an empty string."""
    sizes = [abs(float(a)) for a in coefficients if a]
    if not sizes or min(sizes) >= WARNED_SPREAD * max(sizes):
        return ""
    return (
        f"{where} is badly scaled: its coefficients lie between {min(sizes):.3g} and "
        f"{max(sizes):.3g} in size, and what the small ones decide is within the solvers' "
        "tolerances; choose units that bring them closer together"
    )


def linked_parts(A: np.ndarray, hessian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find which variables and rows are linked through rows or the Hessian.

    Parameters
    ----------
    A : array (rows, n)
    hessian : array (n, n)

    Returns
    -------
    (array (n,), array (rows,))
        Number of the part of every variable and row.
    """
    rows, n = A.shape
    links = sparse.csr_matrix(A != 0)
    graph = sparse.bmat(
        [[sparse.csr_matrix(hessian != 0), links.T], [links, sparse.csr_matrix((rows, rows))]]
    )
    _, label = connected_components(graph, directed=False)
    return label[:n], label[n:]
