"""Formulations of ``multiplier * slack = 0`` for solvers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
import pyomo.gdp  # noqa: F401  (registers the transformations)
from pyomo.mpec import ComplementarityList, complements
from scipy import sparse

from mobile_storage.bilevel.bounds import Bound, HighPoint, slack_bounds
from mobile_storage.bilevel.errors import BilevelModelError, MissingBoundError, StrongDualityError
from mobile_storage.bilevel.kkt import Pair, SingleLevel, tighten
from mobile_storage.bilevel.matrix import MatrixModel
from mobile_storage.bilevel.model import Problem
from mobile_storage.bilevel.products import Products

GDP_METHODS = ("gdp.bigm", "gdp.mbigm", "gdp.hull")
BIG_M_METHODS = ("bigm", *GDP_METHODS)
METHODS = ("sos1", *BIG_M_METHODS, "strong_duality", "branch")


@dataclass(frozen=True)
class PairBounds:
    """Bounds of one complementarity pair."""

    multiplier: Bound
    slack: Bound
    #: The caller's word, not a proof.
    stated: bool = False


def pair_bounds(
    problem: Problem,
    high_point: HighPoint,
    pairs: Sequence[Pair],
    multiplier_bounds_given: Any = None,
) -> tuple[list[PairBounds], list[str]]:
    """Bounds of every pair, infinite where none follows, and notes on unneeded given values."""
    given = _Given(multiplier_bounds_given)
    slacks = slack_bounds(problem, high_point, len(pairs))
    derived = [high_point.multipliers(f) for f in range(len(problem.followers))]
    result, notes = [], []
    for pair in pairs:
        row = problem.followers[pair.follower].rows[pair.row]
        slack, multiplier = slacks[pair.follower][pair.row], derived[pair.follower][pair.row]
        stated, unit = given.find(row), problem.followers[pair.follower].multiplier_unit[pair.row]
        if stated is None or math.isfinite(multiplier.value):
            result.append(PairBounds(multiplier, slack))
            if stated is not None and stated < multiplier.value * unit * (1 - 1e-9):
                notes.append(
                    f"the given multiplier bound {stated:g} of '{pair.name}' is smaller than the "
                    f"derived {multiplier.value * unit:g}; the derived one is used"
                )
        else:
            value = Bound(stated / unit, "given by the caller")
            result.append(PairBounds(value, slack, stated=True))
    return result, notes


def no_bounds(pairs: Sequence[Pair], reason: str) -> list[PairBounds]:
    """Return unknown bounds for every pair."""
    unknown = Bound(math.inf, "", reason)
    return [PairBounds(unknown, unknown)] * len(pairs)


def require_finite(problem: Problem, pairs: Sequence[Pair], bounds: Sequence[PairBounds]) -> None:
    """Check that every pair has its two bounds.

    Raises
    ------
    MissingBoundError
        Naming the constraint, and the variable whose bound is missing.
    """
    for pair, bound in zip(pairs, bounds, strict=True):
        follower = problem.followers[pair.follower]
        row = follower.rows[pair.row]
        where = f"of '{row.name}' in follower '{follower.name}'"
        if not math.isfinite(bound.slack.value):
            raise MissingBoundError(
                f"no big-M can be derived for the slack {where}: {bound.slack.missing}",
                "give that bound, or use method='branch' or 'sos1'",
            )
        if not math.isfinite(bound.multiplier.value):
            raise MissingBoundError(
                f"no big-M can be derived for the multiplier {where}: {bound.multiplier.missing}",
                f"give that bound, or multiplier_bounds={{'{row.source.name}': ...}}, or use "
                "method='branch' or 'sos1'",
            )


class _Given:
    """The caller's multiplier bounds: a number for all, or by component or name."""

    def __init__(self, given: Any) -> None:
        self.default: float | None = None
        self.by_id: dict[int, float] = {}
        self.by_name: dict[str, float] = {}
        if given is None:
            return
        if not isinstance(given, Mapping):
            self.default = self._number(given)
            return
        for key, value in given.items():
            if isinstance(key, str):
                self.by_name[key] = self._number(value)
            elif hasattr(key, "is_indexed") and key.is_indexed():
                self.by_id.update((id(data), self._number(value)) for data in key.values())
            else:
                self.by_id[id(key)] = self._number(value)

    @staticmethod
    def _number(value: Any) -> float:
        number = float(value)
        if not (math.isfinite(number) and number >= 0):
            raise BilevelModelError(
                f"multiplier_bounds must be finite and not negative, found {value!r}."
            )
        return number

    def find(self, row) -> float | None:
        """The bound that applies to a row, if any."""
        if id(row.source) in self.by_id:
            return self.by_id[id(row.source)]
        for name in (row.name, row.source.name, row.source.local_name):
            if name in self.by_name:
                return self.by_name[name]
        return self.default


def slack_variables(single: SingleLevel) -> list[Any]:
    """A variable equal to every pair's slack; a variable with lower bound 0 is its own slack."""
    m = single.model
    m.slack = pyo.VarList(domain=pyo.NonNegativeReals)
    m.slack_rows = pyo.ConstraintList()
    result = []
    for pair in single.pairs:
        e = pair.slack
        if e.constant == 0 and list(e.linear_coefs) == [1.0]:
            result.append(e.linear_vars[0])
            continue
        s = m.slack.add()
        m.slack_rows.add(s == e)
        # The row ``slack >= 0`` is now the variable's own bound.
        m.follower[pair.follower].rows[pair.row + 1].deactivate()
        result.append(s)
    return result


def with_sos1(
    model: MatrixModel, columns: Sequence[tuple[int, int]], bounds: Sequence[PairBounds]
) -> MatrixModel:
    """Special ordered sets of type 1 on the columns of multiplier and slack.

    They need no bound. A bound that follows from the data is passed on, because solvers are much
    faster with it. The caller's unproven bounds are not used.
    """
    upper = model.upper.copy()
    for (multiplier, slack), bound in zip(columns, bounds, strict=True):
        if not bound.stated and math.isfinite(bound.multiplier.value):
            upper[multiplier] = min(upper[multiplier], bound.multiplier.big_m)
        if math.isfinite(bound.slack.value):
            upper[slack] = min(upper[slack], bound.slack.big_m)
    return replace(model, upper=upper, sos1=tuple(columns))


def with_bigm(
    model: MatrixModel, columns: Sequence[tuple[int, int]], bounds: Sequence[PairBounds]
) -> MatrixModel:
    """One binary ``z`` per pair: ``multiplier <= M1 z`` and ``slack <= M2 (1 - z)``."""
    n, k = model.n_variables, len(columns)
    multiplier, slack = (np.array([c[side] for c in columns], dtype=int) for side in (0, 1))
    m1 = np.array([b.multiplier.big_m for b in bounds])
    m2 = np.array([b.slack.big_m for b in bounds])
    pair, z, one = np.arange(k), n + np.arange(k), np.ones(k)
    switches = sparse.csr_matrix(
        (
            np.concatenate([one, -m1, one, m2]),
            (
                np.concatenate([pair, pair, k + pair, k + pair]),
                np.concatenate([multiplier, z, slack, z]),
            ),
        ),
        shape=(2 * k, n + k),
    )
    return replace(
        model,
        cost=np.concatenate([model.cost, np.zeros(k)]),
        A=sparse.vstack(
            [sparse.hstack([model.A, sparse.csr_matrix((len(model.row_lower), k))]), switches]
        ).tocsr(),
        row_lower=np.concatenate([model.row_lower, np.full(2 * k, -np.inf)]),
        row_upper=np.concatenate([model.row_upper, np.zeros(k), m2]),
        lower=np.concatenate([model.lower, np.zeros(k)]),
        upper=np.concatenate([model.upper, one]),
        integer=np.concatenate([model.integer, np.ones(k, dtype=bool)]),
    )


def add_gdp(single: SingleLevel, bounds: Sequence[PairBounds], method: str) -> None:
    """Pyomo's complementarity -> disjunction -> ``gdp.bigm``, ``gdp.mbigm`` or ``gdp.hull``."""
    m = single.model
    slacks = slack_variables(single)
    m.complementarity = ComplementarityList()
    for pair, slack, bound in zip(single.pairs, slacks, bounds, strict=True):
        pair.multiplier.setub(bound.multiplier.big_m)
        tighten(slack, high=bound.slack.big_m)
        m.complementarity.add(complements(pair.multiplier >= 0, slack >= 0))
    if not single.pairs:
        return
    pyo.TransformationFactory("mpec.simple_disjunction").apply_to(m)
    options: dict[str, Any] = {}
    if method == "gdp.mbigm":
        options = {"solver": pyo.SolverFactory("appsi_highs"), "threads": 1}
    pyo.TransformationFactory(method).apply_to(m, **options)


def add_strong_duality(single: SingleLevel, problem: Problem, products: Products) -> None:
    """Primal objective = dual objective, one equation per follower, where it is linear.

    ``(c + D x)'y + mu'(rhs - B x) = 0`` for a linear follower; products need a binary factor.

    Raises
    ------
    StrongDualityError
        Naming the product that is not linear.
    """
    m = single.model
    m.strong_duality = pyo.ConstraintList()
    for f, follower in enumerate(problem.followers):
        if not single.multipliers[f]:
            continue
        if follower.quadratic:
            raise StrongDualityError(
                f"follower '{follower.name}' is quadratic: its dual objective has the product "
                "of its own variables; use another method."
            )
        expr = products.strong_duality(f)
        m.strong_duality.add(expr == 0.0)
