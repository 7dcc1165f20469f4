"""Division of scarce power among the loads of a network with capacities, by linear programming.

The rule is max-min fairness: raise the served part of all loads together as far as possible, fix
the loads that cannot rise any more, and go on with the others. For power that may take any way (a
flow) the total that is served is then the largest possible.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_diag, csr_array, eye_array, hstack, kron

from mobile_storage.adequacy.checks import require_arcs, require_numbers

__all__ = ["fed_part"]

#: Served parts closer than this to 0 or 1 count as 0 or 1; HiGHS is accurate to 1e-7.
ROUNDING = 1e-6


def fed_part(
    demand: np.ndarray, source: np.ndarray, arcs: list[tuple[int, int, float]]
) -> np.ndarray:
    """Part of the demand that is served at each node of a connected part of a network.

    Parameters
    ----------
    demand : ndarray, shape (nodes, levels)
        Load at each node.
    source : ndarray, shape (nodes,)
        Power that can be fed in.
    arcs : list of (node, node, capacity)
        Connections that carry power in either direction.

    Returns
    -------
    ndarray, shape (nodes, levels)

    Raises
    ------
    ValueError
        If a demand, source or capacity is negative or not a number, or an arc ends at no node.
    """
    demand = require_numbers("demand", demand, least=0.0, shape=("nodes", "levels"))
    source = require_numbers("source", source, least=0.0, infinite=True, shape=demand.shape[:1])
    arcs = require_arcs(arcs, len(demand))
    total = demand.sum(axis=0)
    if source.sum() == 0.0:
        return np.zeros_like(demand)
    if all(math.isinf(limit) for _, _, limit in arcs):
        part = np.minimum(1.0, np.divide(source.sum(), total, where=total > 0, out=total + 1.0))
        return np.broadcast_to(part, demand.shape)
    if total.max() == 0.0:
        return np.ones_like(demand)
    return _max_min_fair(demand / total.max(), source / total.max(), arcs, total.max())


def _max_min_fair(
    demand: np.ndarray, source: np.ndarray, arcs: list[tuple[int, int, float]], unit: float
) -> np.ndarray:
    """`fed_part` where capacities may bind. They are divided by `unit`; the rest is scaled already.

    One linear program covers all levels: maximise the sum of their served parts theta, at most 1
    each, subject to the balance of each node, ``inflow + injection - theta * open demand = fixed
    demand``. A node that cannot be served more has a positive shadow price.
    """
    nodes, flows = len(demand), len(arcs)
    feeding = np.flatnonzero(source > 0.0)
    tails, heads, limits = zip(*arcs, strict=True)
    columns = np.arange(flows)
    balance = csr_array(
        (
            np.concatenate((-np.ones(flows), np.ones(flows), np.ones(len(feeding)))),
            (
                np.concatenate((tails, heads, feeding)).astype(int),
                np.concatenate((columns, columns, flows + np.arange(len(feeding)))),
            ),
        ),
        shape=(nodes, flows + len(feeding)),
    )
    limit = np.array(limits) / unit
    low = np.concatenate((-limit, np.zeros(len(feeding))))
    high = np.concatenate((limit, source[feeding]))
    fed = np.ones_like(demand)
    rising = demand > 0.0
    while rising.any():
        levels = np.flatnonzero(rising.any(axis=0))
        count = len(levels)
        open_demand = np.where(rising, demand, 0.0)[:, levels]
        fixed = np.where(rising, 0.0, fed * demand)[:, levels]
        solution = linprog(
            np.concatenate((np.zeros(count * balance.shape[1]), -np.ones(count))),
            A_eq=hstack(
                (
                    kron(eye_array(count), balance),
                    block_diag([-column[:, None] for column in open_demand.T]),
                )
            ).tocsr(),
            b_eq=fixed.T.ravel(),
            bounds=np.column_stack(
                (
                    np.concatenate((np.tile(low, count), np.zeros(count))),
                    np.concatenate((np.tile(high, count), np.ones(count))),
                )
            ),
            method="highs",
        )
        if solution.status != 0:
            raise RuntimeError(
                f"the program for the load served has no solution: {solution.message}"
            )
        theta = np.clip(solution.x[-count:], 0.0, 1.0)
        theta = np.where(theta > 1.0 - ROUNDING, 1.0, np.where(theta < ROUNDING, 0.0, theta))
        price = solution.eqlin.marginals.reshape(count, nodes).T * open_demand
        stays = rising[:, levels] & ((price > ROUNDING) | (theta == 1.0))
        if not stays.any(axis=0).all():
            raise RuntimeError("no capacity limits a load, although not all load can be served")
        fed[:, levels] = np.where(stays, theta, fed[:, levels])
        rising[:, levels] &= ~stays
    return fed
