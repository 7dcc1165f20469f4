"""Random problems of mixed kinds whose leader takes whole numbers, and an oracle for them.

The oracle fixes the leader's decision, solves the follower by SciPy, and takes the response that
suits the leader from the follower's optimal face. Nothing of `mobile_storage.bilevel` is used.
"""

from __future__ import annotations

import itertools

import numpy as np
import pyomo.environ as pyo
from scipy.optimize import linprog


def draw(seed: int) -> dict:
    """Integer data: two leader variables (the first binary), one to three of a follower.

    By the seed's turn there are equality rows, a quadratic follower (definite, semidefinite or
    none), price terms, products in the leader's objective, rows that couple, and steps of 1 or 2.
    """
    rng = np.random.default_rng(seed)
    nx, ny = 2, int(rng.integers(1, 4))
    upper = np.concatenate([[1, rng.integers(2, 5)], rng.integers(1, 6, ny)])
    rows = int(rng.integers(1, 4))
    A = rng.integers(-3, 4, (rows, nx + ny))
    inside = upper * rng.random(nx + ny)
    equality = (np.arange(rows) == 0) & (rng.random() < 0.4)
    point = np.round(inside)
    b = np.where(equality, A @ point, np.floor(A @ inside) + rng.integers(0, 3, rows))
    root = rng.integers(-2, 3, (ny, ny)) if rng.random() < 0.4 else np.zeros((ny, ny), dtype=int)
    if rng.random() < 0.5:
        root[0] = 0  # semidefinite at most
    price = rng.random() < 0.5
    return {
        "nx": nx,
        "ny": ny,
        "step": int(rng.integers(1, 3)),
        "upper": upper,
        "A": A,
        "b": b,
        "equality": equality,
        "H": 2 * root.T @ root,
        "c": rng.integers(-5, 6, ny),
        "D": rng.integers(-2, 3, (ny, nx)) * price,
        "F": rng.integers(-5, 6, nx + ny),
        # The leader's share of the price terms, or products of its own.
        "P": rng.integers(-1, 2) * rng.integers(-2, 3, (ny, nx)) * (rng.random() < 0.3),
        "share": int(rng.integers(-1, 2)),
        "G": rng.integers(-3, 4, (int(rng.random() < 0.4), nx + ny)),
        "g": int(rng.integers(0, 8)),
    }


def model(d: dict, *, cost_factor: float = 1.0, row_factors=None) -> pyo.ConcreteModel:
    """The Pyomo model; the factors multiply the follower's objective and each of its rows."""
    m = pyo.ConcreteModel()
    nx = d["nx"]
    steps = pyo.RangeSet(0, int(d["upper"][1]), d["step"])
    m.x = pyo.Var(range(nx), domain=lambda _, i: pyo.Binary if i == 0 else steps)
    m.f = pyo.Block()
    m.f.y = pyo.Var(range(d["ny"]), bounds=lambda _, i: (0, int(d["upper"][nx + i])))
    x, y = list(m.x.values()), list(m.f.y.values())
    m.f.rows, m.rows = pyo.ConstraintList(), pyo.ConstraintList()
    factors = np.ones(len(d["A"])) if row_factors is None else row_factors
    for a, rhs, equal, k in zip(d["A"], d["b"], d["equality"], factors, strict=True):
        if a[nx:].any():
            body = sum(float(k * c) * v for c, v in zip(a, [*x, *y], strict=True) if c)
            m.f.rows.add(body == float(k * rhs) if equal else body <= float(k * rhs))
    for a in d["G"]:
        if a.any():
            m.rows.add(sum(int(c) * v for c, v in zip(a, [*x, *y], strict=True)) <= d["g"])
    own = sum(int(c) * v for c, v in zip(d["c"], y, strict=True))
    own += sum(int(h) * y[i] * y[k] for (i, k), h in np.ndenumerate(d["H"])) / 2
    price = sum(int(a) * y[i] * x[k] for (i, k), a in np.ndenumerate(d["D"]))
    m.f.o = pyo.Objective(expr=cost_factor * (own + price))
    products = sum(int(a) * y[i] * x[k] for (i, k), a in np.ndenumerate(d["P"]))
    linear = sum(int(c) * v for c, v in zip(d["F"], [*x, *y], strict=True))
    m.o = pyo.Objective(expr=linear + products + d["share"] * price)
    return m


def oracle(d: dict) -> float | None:
    """The leader's least value; None where no decision has an admissible response."""
    nx = d["nx"]
    best = None
    own = d["A"][:, nx:].any(axis=1)
    A, b, equality = d["A"][own], d["b"][own], d["equality"][own]
    for x in itertools.product((0, 1), range(0, int(d["upper"][1]) + 1, d["step"])):
        x = np.array(x)
        rhs = b - A[:, :nx] @ x
        cost = d["c"] + d["D"] @ x
        box = [(0, int(u)) for u in d["upper"][nx:]]
        own_rows = (A[~equality][:, nx:], rhs[~equality], A[equality][:, nx:], rhs[equality])
        y = _convex(d["H"], cost, *own_rows, box)
        if y is None:
            continue
        face = np.vstack([d["H"], cost]).astype(float)
        tolerance = 1e-7
        G = d["G"][d["G"].any(axis=1)]
        found = linprog(
            d["F"][nx:] + (d["P"] + d["share"] * d["D"]) @ x,
            np.vstack([own_rows[0], G[:, nx:], face, -face]),
            np.concatenate(
                [own_rows[1], d["g"] - G[:, :nx] @ x, face @ y + tolerance, tolerance - face @ y]
            ),
            own_rows[2] if equality.any() else None,
            own_rows[3] if equality.any() else None,
            box,
        )
        if found.status == 0:
            value = float(d["F"][:nx] @ x + found.fun)
            best = value if best is None else min(best, value)
    return best


def _convex(H, cost, A, b, E, e, box) -> np.ndarray | None:
    """A minimiser of ``y'Hy/2 + cost'y``: an LP, or the KKT point of some set of active rows."""
    n = len(cost)
    start = linprog(cost * (not H.any()), A, b, E if len(E) else None, e if len(E) else None, box)
    if start.status != 0:
        return None
    if not H.any():
        return start.x
    A = np.vstack([A, np.eye(n), -np.eye(n)])
    b = np.concatenate([b, [u for _, u in box], [-low for low, _ in box]])
    for size in range(n + 1):
        for active in itertools.combinations(range(len(A)), size):
            rows = np.vstack([A[list(active)], E])
            k = len(rows)
            kkt = np.block([[H, rows.T], [rows, np.zeros((k, k))]])
            right = np.concatenate([-cost, b[list(active)], e])
            z = np.linalg.lstsq(kkt, right)[0]
            y, mu = z[:n], z[n : n + size]
            if (
                np.abs(kkt @ z - right).max() < 1e-8
                and (A @ y <= b + 1e-8).all()
                and (mu >= -1e-8).all()
            ):
                return y
    # Least squares may pick a point outside: any KKT point of a set of active rows, by LP.
    for size in range(n + 1):
        for active in itertools.combinations(range(len(A)), size):
            point = _kkt_point(H, cost, A, b, E, e, list(active))
            if point is not None:
                return point
    raise AssertionError("the oracle found no KKT point")


def _kkt_point(H, cost, A, b, E, e, active) -> np.ndarray | None:
    n, k, q = len(cost), len(active), len(E)
    equal = np.block(
        [
            [H, A[active].T, E.T],
            [np.vstack([A[active], E]), np.zeros((k + q, k + q))],
        ]
    )
    found = linprog(
        np.zeros(n + k + q),
        np.hstack([A, np.zeros((len(A), k + q))]),
        b,
        equal,
        np.concatenate([-cost, b[active], e]),
        [(None, None)] * n + [(0, None)] * k + [(None, None)] * q,
    )
    return found.x[:n] if found.status == 0 else None
