"""The follower's linear programme is the convex hull of "one grade or none"."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo
import pytest

from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.model.customers import best_responses
from mobile_storage.pricing.model.game import build_game
from mobile_storage.pricing.model.grades import Prices
from mobile_storage.pricing.model.setting import Setting

BANDS = [(20, 300), (60, 160), (100, 300), (100, 200), (150, 150), (30, 90), (200, 260)]
LOSSES = [10.0, 8.0, 12.0, 10.0, 6.0, 20.0, 9.0]


@pytest.fixture
def crowd(customer, game):
    return game(
        *(
            customer(f"C{k}", band=band, loss=loss, n=1 + k / 2, duration=1 + k % 3)
            for k, (band, loss) in enumerate(zip(BANDS, LOSSES, strict=True))
        )
    )


def random_prices(rng) -> Prices:
    """Non-decreasing prices on a grid of a quarter, so that ties occur."""
    base = np.sort(rng.integers(4, 36, 3)) / 4
    duration, response = (np.sort(rng.integers(0, 8, 2)) / 4 for _ in (0, 1))
    return Prices.from_vector([*base, *duration, *response])


def response_by_lp(block) -> tuple[float, list[float], list[float]]:
    """Optimum of a follower block of the model itself, its choices and its capacities."""
    solver = pyo.SolverFactory("appsi_highs")
    assert pyo.check_optimal_termination(solver.solve(block))
    chooses = [pyo.value(v) for v in block.chooses.values()]
    return pyo.value(block.objective), chooses, [pyo.value(v) for v in block.capacity_kw.values()]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("follower", ["self_select", "fixed_grade"])
def test_the_model_s_followers_do_what_enumeration_says(crowd, seed, follower):
    prices, setting = random_prices(np.random.default_rng(seed)), Setting(follower=follower)
    m = build_game(crowd, setting, "kkt")
    for k in m.base:
        m.base[k].fix(prices.base[k - 1])
    for k in m.duration_premium:
        m.duration_premium[k].fix(prices.duration[k - 1])
        m.response_premium[k].fix(prices.response[k - 1])
    menus = setting.menus(crowd)
    for (u, k), accepts in m.accepts.items():
        price, limit = prices.of(menus[u][k].grade), crowd.acceptable_prices[u]
        accepts.fix(int(price <= limit + 1e-9))
    for u, block in m.customer.items():
        who, limit = crowd.customers[u], crowd.acceptable_prices[u]
        tied = best_responses(who, menus[u], prices, limit)
        worth, chooses, kilowatts = response_by_lp(block)
        assert worth == pytest.approx(tied[0].utility_yuan_per_year, rel=1e-9, abs=1e-6)
        # At a vertex the choice is whole, and it is one that enumeration finds.
        assert all(min(abs(y), abs(y - 1)) <= 1e-7 for y in chooses)
        assert any(sum(kilowatts) == pytest.approx(c.capacity_kw, abs=1e-6) for c in tied)


@pytest.mark.parametrize("seed", range(6))
def test_every_vertex_is_whole_for_any_objective(crowd, seed):
    """Not only for utilities: whatever is maximised over the polytope, y comes out 0 or 1."""
    rng = np.random.default_rng(seed)
    m = build_game(crowd, Setting(), "kkt")
    for accepts in m.accepts.values():
        accepts.fix(int(rng.integers(0, 2)))
    for u, block in m.customer.items():
        block.objective.deactivate()
        ks = list(block.chooses)
        per_kw, flat = rng.normal(size=len(ks)), 100 * rng.normal(size=len(ks))
        block.any = pyo.Objective(
            expr=sum(
                a * block.capacity_kw[k] + b * block.chooses[k]
                for k, a, b in zip(ks, per_kw, flat, strict=True)
            ),
            sense=pyo.maximize,
        )
        solved = pyo.SolverFactory("appsi_highs").solve(block)
        assert pyo.check_optimal_termination(solved)
        chooses = [pyo.value(v) for v in block.chooses.values()]
        assert all(min(abs(y), abs(y - 1)) <= 1e-7 for y in chooses)
        whole = [0.0]
        for k, a, b in zip(ks, per_kw, flat, strict=True):
            band = m.option[u, k].capacity_kw
            if pyo.value(m.accepts[u, k]):
                whole += [a * band.lower + b, a * band.upper + b]
        assert pyo.value(block.any) == pytest.approx(max(whole), rel=1e-9, abs=1e-7)


def test_at_an_optimum_each_follower_block_reports_no_gap(crowd):
    solution = solve(crowd, Setting(), formulation="kkt")
    gaps = solution.result.follower_gaps
    assert len(gaps) == len(BANDS)
    assert max(map(abs, gaps.values())) <= 1e-6
    # The reported optimum is that of enumeration, customer by customer.
    found = solution.outcome
    for u, optimum in enumerate(solution.result.follower_optimal_values.values()):
        who, menu = crowd.customers[u], solution.setting.menus(crowd)[u]
        best = best_responses(who, menu, found.prices, crowd.acceptable_prices[u], tolerance=1e-6)
        worth = max(c.utility_yuan_per_year for c in best)
        assert optimum == pytest.approx(worth, rel=1e-9, abs=1e-6)
