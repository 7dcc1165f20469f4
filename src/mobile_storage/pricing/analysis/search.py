"""Search over prices without any duality: SciPy's differential evolution on `outcome`."""

from __future__ import annotations

import numpy as np
from scipy.optimize import OptimizeResult, differential_evolution

from mobile_storage.pricing.model.data import PricingData
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.outcome import Outcome, outcome
from mobile_storage.pricing.model.setting import Setting, highest_useful_prices


def prices_from_steps(x: np.ndarray, step_min: float) -> Prices:
    """Turn seven non-negative numbers into prices that satisfy Eq. (13).

    The first number is the lowest base price. Each of the others is what a step adds to its
    minimum.
    """
    b1, b2, b3, t2, t3, r2, r3 = x
    rises = np.cumsum([b1, b2 + step_min, b3 + step_min])
    duration = np.cumsum([t2 + step_min, t3 + step_min])
    response = np.cumsum([r2 + step_min, r3 + step_min])
    return Prices.from_vector([*rises, *duration, *response])


def blind_search(
    data: PricingData, setting: Setting, seed: int, *, population: int, generations: int
) -> tuple[Outcome, OptimizeResult]:
    """Find the best feasible outcome by differential evolution over the seven prices.

    Parameters
    ----------
    population : int
        Members per generation, as SciPy counts them: `population` times the seven dimensions.
    """
    step = data.scalars["price_step_min"]
    ceiling = max(highest_useful_prices(data))
    # Large enough that an infeasible price list is worse than selling nothing.
    penalty = 1e3

    def loss(x: np.ndarray) -> float:
        priced = outcome(data, setting, prices_from_steps(x, step))
        return penalty * priced.violation_yuan_per_year - priced.account.net_income

    best = differential_evolution(
        loss,
        bounds=[(0.0, ceiling)] * 7,
        popsize=population,
        maxiter=generations,
        seed=seed,
        updating="deferred",
        tol=0.0,
        polish=False,
        init="sobol",
    )
    return outcome(data, setting, prices_from_steps(best.x, step)), best
