"""Small games in memory, with round numbers, and the paper's own data solved once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml

from mobile_storage.core.ledger import Parameter, ParameterSet
from mobile_storage.pricing.analysis.cases import Solution, solve
from mobile_storage.pricing.model.customers import Customer
from mobile_storage.pricing.model.data import PricingData, build, read_raw
from mobile_storage.pricing.model.grades import Band, GradeTable
from mobile_storage.pricing.model.income import ResponseCost, UnitRates
from mobile_storage.pricing.model.setting import Setting

SCALARS = {
    "vehicle_power_kw": 100.0,
    "rated_duration_h": 2.0,
    "eta_cha": 0.8,
    "eta_dis": 0.9,
    "max_depth_of_discharge": 0.5,
    "battery_cost": 100.0,
    "inverter_cost": 50.0,
    "battery_life_yr": 10.0,
    "vehicle_body_cost": 1000.0,
    "vehicle_life_yr": 10.0,
    "labour_cost": 500.0,
    "om_share": 0.1,
    "discount_rate": 0.0,
    "operating_days": 100.0,
    "lambda_F": 1.0,
    "lambda_G": 0.4,
    "lambda_S": 0.5,
    "k_able": 0.5,
    "k_exp": 0.5,
    "coincidence": 0.5,
    "price_step_min": 0.1,
    "own_battery_cost": 200.0,
    "own_inverter_cost": 100.0,
    "own_life_yr": 20.0,
    "own_om_share": 0.01,
    "own_autonomy_margin": 1.5,
    "pv_kwp_per_kwh": 0.25,
}

#: Storage and vehicles for nothing: what is left of the game is its prices.
FREE = UnitRates(
    arbitrage=0.0,
    renewable=0.0,
    investment=0.0,
    operation=0.0,
    battery_yuan_per_kwh=0.0,
    inverter_yuan_per_kw=0.0,
    charging=0.0,
    vehicle=0.0,
    labour=0.0,
)
NO_RESPONSE_COST = {level: ResponseCost(0.0, 0.0) for level in (1, 2, 3)}
#: 1 kW to 100 kW, to 200 kW, to 300 kW; 2, 4 and 8 h; within 120, 90 and 45 min.
GRADES = GradeTable(
    {1: 100.0, 2: 200.0, 3: 300.0}, {1: 2.0, 2: 4.0, 3: 8.0}, {1: 120.0, 2: 90.0, 3: 45.0}
)


def _customer(
    name: str = "A",
    *,
    n: float = 1.0,
    t: float = 1.0,
    band: tuple[float, float] = (50.0, 100.0),
    loss: float = 10.0,
    own: float = 1e9,
    duration: int = 1,
    response: int = 1,
) -> Customer:
    return Customer(
        name=name,
        sector="any",
        outages_per_year=n,
        outage_duration_h=t,
        capacity_kw=Band(*band),
        outage_loss_yuan_per_kwh=loss,
        own_storage_yuan_per_year=own,
        duration_level=duration,
        response_level=response,
    )


def _scalars(**changed: float) -> ParameterSet:
    values = SCALARS | changed
    return ParameterSet(
        {
            symbol: Parameter(symbol, symbol, value, "any", None, None, "stated", "toy", "")
            for symbol, value in values.items()
        }
    )


def _data(
    *customers: Customer,
    rates: UnitRates = FREE,
    response_costs: dict[int, ResponseCost] | None = None,
    grades: GradeTable = GRADES,
    **scalars: float,
) -> PricingData:
    return PricingData(
        scalars=_scalars(**scalars),
        customers=customers,
        grades=grades,
        response_costs=response_costs or NO_RESPONSE_COST,
        rates=rates,
    )


@pytest.fixture(scope="session")
def scalars() -> Callable[..., ParameterSet]:
    """Round scalars, some of them changed."""
    return _scalars


@pytest.fixture(scope="session")
def customer() -> Callable[..., Customer]:
    """A customer of 50 to 100 kW, one hour a year, 10 yuan/kWh of loss, unless told otherwise."""
    return _customer


@pytest.fixture(scope="session")
def game() -> Callable[..., PricingData]:
    """Data of a game with the given customers; storage costs nothing unless told otherwise."""
    return _data


@pytest.fixture(scope="session")
def free_rates() -> UnitRates:
    """Unit rates that are all zero, to be replaced one by one."""
    return FREE


@pytest.fixture(scope="session")
def raw_folder(repository: Path) -> Path:
    """The committed ledgers of paper 1."""
    return repository / "data/raw/bao2024"


@pytest.fixture(scope="session")
def paper(raw_folder: Path) -> PricingData:
    """The paper's data."""
    return build(read_raw(raw_folder))


@pytest.fixture(scope="session")
def solved(paper: PricingData, repository: Path) -> Callable[[str], Solution]:
    """Solution of a case by its name in ``params.yaml``, solved once."""
    text = (repository / "params.yaml").read_text(encoding="utf-8")
    cases = yaml.safe_load(text)["pricing"]["cases"]

    @cache
    def by_name(name: str) -> Solution:
        return solve(paper, Setting.of(cases[name]))

    return by_name
