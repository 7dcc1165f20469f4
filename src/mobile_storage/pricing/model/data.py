"""From the ledgers in ``data/raw/bao2024`` to the numbers that the model uses.

`RawPricing` holds what the CSV files say. `build` derives `PricingData` from it. The two are kept
apart so that a sensitivity can change one raw value and derive everything again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.core.errors import InputError
from mobile_storage.core.ledger import ParameterSet, keyed_rows, read_keyed, read_parameters
from mobile_storage.pricing.model.customers import Customer
from mobile_storage.pricing.model.grades import LEVELS, Band, GradeTable
from mobile_storage.pricing.model.income import (
    ResponseCost,
    UnitRates,
    capital_recovery_factor,
    unit_rates,
)

SCALARS: Mapping[str, Mapping[str, str]] = {
    "storage.csv": {
        "vehicle_power_kw": "kW",
        "rated_duration_h": "h",
        "eta_cha": "dimensionless",
        "eta_dis": "dimensionless",
        "max_depth_of_discharge": "dimensionless",
        "battery_cost": "yuan/kWh",
        "inverter_cost": "yuan/kW",
        "battery_life_yr": "yr",
        "vehicle_body_cost": "yuan/vehicle",
        "vehicle_life_yr": "yr",
        "labour_cost": "yuan/vehicle/yr",
        "om_share": "1/yr",
        "discount_rate": "1/yr",
        "operating_days": "d/yr",
    },
    "tariff.csv": {"lambda_F": "yuan/kWh", "lambda_G": "yuan/kWh", "lambda_S": "yuan/kWh"},
    "market.csv": {
        "k_able": "dimensionless",
        "k_exp": "dimensionless",
        "coincidence": "dimensionless",
        "price_step_min": "yuan/kWh",
        "own_battery_cost": "yuan/kWh",
        "own_inverter_cost": "yuan/kW",
        "own_life_yr": "yr",
        "own_om_share": "1/yr",
        "own_autonomy_margin": "dimensionless",
        "pv_kwp_per_kwh": "kWp/kWh",
    },
    "money.csv": {
        "cpi_canada_1987": "dimensionless",
        "cpi_canada_2023": "dimensionless",
        "ppp_canada": "CAD/international_dollar",
        "ppp_china": "yuan/international_dollar",
        "gdp_per_capita_canada": "international_dollar",
        "gdp_per_capita_china": "international_dollar",
        "income_elasticity": "dimensionless",
        "outage_load_factor": "dimensionless",
    },
}

CUSTOMER_SYMBOLS = {
    "capacity_min_kw": "kW",
    "capacity_max_kw": "kW",
    "outages_per_year": "1/yr",
    "outage_duration_h": "h",
    "response_need_min": "min",
}
CUSTOMER_OVERRIDES = {
    "outage_loss_yuan_per_kwh": "yuan/kWh",
    "own_storage_cost_yuan_per_year": "yuan/yr",
}
GRADE_SYMBOLS = {
    "capacity_upper": "kW",
    "duration_upper": "h",
    "response_upper": "min",
    "fuel_per_call": "yuan/call",
    "standby_labour": "yuan/customer/yr",
}
SHARES = (
    "eta_cha",
    "eta_dis",
    "max_depth_of_discharge",
    "k_able",
    "k_exp",
    "coincidence",
    "outage_load_factor",
)
DIVISORS = (
    "vehicle_power_kw",
    "rated_duration_h",
    "battery_life_yr",
    "vehicle_life_yr",
    "own_life_yr",
    "damage",
    *SCALARS["money.csv"],
)


def _bounds(symbols: Iterable[str]) -> dict[str, tuple[float | None, float | None]]:
    """Return the smallest and largest plausible value by symbol; divisors must not be zero."""
    least = {s: 1e-9 if s in (*SHARES, *DIVISORS) else 0.0 for s in symbols}
    return {s: (low, 1.0 if s in SHARES else None) for s, low in least.items()}


@dataclass(frozen=True)
class RawPricing:
    """The ledgers as read: one set of scalars and four keyed tables in long form."""

    folder: Path
    scalars: ParameterSet
    customers: pd.DataFrame
    grades: pd.DataFrame
    damage: pd.DataFrame
    renewable: pd.DataFrame

    def replace(self, moves: Mapping[str, float]) -> RawPricing:
        """Return the same ledgers with other scalars.

        Parameters
        ----------
        moves : mapping
            Value by symbol.

        Raises
        ------
        InputError
            If a symbol is not a scalar of the ledgers, or a value is not a finite number.
        """
        return replace(self, scalars=self.scalars.replace(moves))

    def at_range_end(self, table: str, symbol: str, end: str) -> RawPricing:
        """Return the same ledgers with one symbol of a keyed table at one end of its range.

        Rows without a range (stated and derived values) keep their value.

        Parameters
        ----------
        table : str
            Field of this class that holds the table.
        symbol : str
            Every row of this symbol moves.
        end : {"low", "high"}
        """
        frame = getattr(self, table).copy()
        rows = (frame["symbol"] == symbol) & frame[end].notna()
        frame.loc[rows, "value"] = frame.loc[rows, end]
        return replace(self, **{table: frame})


def read_raw(folder: str | Path) -> RawPricing:
    """Read and validate every ledger of paper 1.

    Raises
    ------
    InputError
        With one sentence that names the file, the row, the value and what was expected.
    """
    folder = Path(folder)
    scalars = ParameterSet({})
    for name, expected in SCALARS.items():
        scalars = scalars.merge(read_parameters(folder / name, expected, bounds=_bounds(expected)))
    keyed = partial(_read_keyed, folder)
    return RawPricing(
        folder=folder,
        scalars=scalars,
        customers=keyed(
            "customers.csv",
            ["customer"],
            CUSTOMER_SYMBOLS,
            optional=CUSTOMER_OVERRIDES,
            constant=["sector"],
        ),
        grades=keyed("grades.csv", ["level"], GRADE_SYMBOLS),
        damage=keyed("damage_functions.csv", ["sector", "duration_min"], {"damage": "CAD/kW"}),
        renewable=keyed("renewable.csv", ["day"], {"pv_yield": "kWh/kWp/d"}),
    )


def _read_keyed(folder, name, keys, expected, *, optional=None, constant=()) -> pd.DataFrame:
    symbols = {**expected, **(optional or {})}
    return read_keyed(
        folder / name, keys, expected, optional, constant=constant, bounds=_bounds(symbols)
    )


@dataclass(frozen=True)
class PricingData:
    """Every number that the game needs, derived from `RawPricing`."""

    scalars: ParameterSet
    customers: tuple[Customer, ...]
    grades: GradeTable
    response_costs: Mapping[int, ResponseCost]
    rates: UnitRates

    @cached_property
    def acceptable_prices(self) -> tuple[float, ...]:
        """`Customer.willingness_to_pay` of each customer, yuan/kWh: Eq. (12), and a cap."""
        k_able, k_exp = self.scalars["k_able"], self.scalars["k_exp"]
        return tuple(c.willingness_to_pay(k_able, k_exp) for c in self.customers)


def build(raw: RawPricing) -> PricingData:
    """Derive the model's numbers from the ledgers.

    Raises
    ------
    InputError
        If the ledgers do not fit together; the sentence names file, row, value and expectation.
    """
    grades, response_costs = _grade_table(raw)
    return PricingData(
        scalars=raw.scalars,
        customers=_customers(raw, grades),
        grades=grades,
        response_costs=response_costs,
        rates=unit_rates(raw.scalars, raw.renewable["value"].tolist()),
    )


def outage_loss_yuan_per_kwh(
    damage: pd.DataFrame, scalars: Mapping[str, float], sector: str, duration_h: float
) -> float:
    """l_u from a published customer damage function, in yuan of 2023 per kWh not supplied.

    The damage C(t) in Canadian dollars of 1987 per kW of annual peak is interpolated linearly in
    log C over log t, as is usual between surveyed durations. Beyond the last duration the loss per
    hour stays constant. Then

    l = C(t) / (t LF) x CPI_2023/CPI_1987 x PPP_China/PPP_Canada x (GDP_China/GDP_Canada)^e

    with LF the load served during an outage over the annual peak and e the income elasticity.
    """
    rows = damage[damage["sector"] == sector].sort_values("duration_min")
    hours, cost = rows["duration_min"].to_numpy(float) / 60.0, rows["value"].to_numpy(float)
    t = float(np.clip(duration_h, hours[0], hours[-1]))
    per_kw = float(np.exp(np.interp(np.log(t), np.log(hours), np.log(cost))))
    inflation = scalars["cpi_canada_2023"] / scalars["cpi_canada_1987"]
    exchange = scalars["ppp_china"] / scalars["ppp_canada"]
    income = scalars["gdp_per_capita_china"] / scalars["gdp_per_capita_canada"]
    transfer = inflation * exchange * income ** scalars["income_elasticity"]
    return per_kw / (t * scalars["outage_load_factor"]) * transfer


def own_storage_yuan_per_year(
    scalars: Mapping[str, float], capacity_kw: float, duration_h: float
) -> float:
    """C_buy,u: annual cost of storage that covers `capacity_kw` for `duration_h` [derived]."""
    battery = scalars["own_battery_cost"] * duration_h * scalars["own_autonomy_margin"]
    investment = capacity_kw * (battery + scalars["own_inverter_cost"])
    recovery = capital_recovery_factor(scalars["discount_rate"], scalars["own_life_yr"])
    return investment * (recovery + scalars["own_om_share"])


def _grade_table(raw: RawPricing) -> tuple[GradeTable, dict[int, ResponseCost]]:
    levels = keyed_rows(raw.grades, "level")
    file = raw.folder / "grades.csv"
    if sorted(levels) != list(LEVELS):
        found = ", ".join(map(str, sorted(levels)))
        raise InputError(
            file=file, where="column level", value=found, expected="the levels 1, 2, 3"
        )
    columns = {s: {k: levels[k][s] for k in LEVELS} for s in GRADE_SYMBOLS}
    for symbol, rising in (
        ("capacity_upper", True),
        ("duration_upper", True),
        ("response_upper", False),
    ):
        values = list(columns[symbol].values())
        upward = values if rising else values[::-1]
        if not (upward[0] > 0 and all(a < b for a, b in pairwise(upward))):
            raise InputError(
                file=file,
                where=symbol,
                value=", ".join(f"{v:g}" for v in values),
                expected=f"positive values that {'rise' if rising else 'fall'} from level to level",
            )
    grades = GradeTable(
        *(columns[f"{name}_upper"] for name in ("capacity", "duration", "response"))
    )
    costs = {
        k: ResponseCost(row["fuel_per_call"], row["standby_labour"]) for k, row in levels.items()
    }
    return grades, costs


def _check_durations(raw: RawPricing) -> None:
    """Check that durations of damage functions are positive and occur once in each sector."""
    rows = raw.damage[["sector", "duration_min"]]
    minutes = pd.to_numeric(rows["duration_min"], errors="coerce")
    strange = ~(minutes > 0) | np.isinf(minutes)
    strange |= rows.assign(duration_min=minutes).duplicated()
    if strange.any():
        sector, found = map(str, rows[strange].iloc[0])
        raise InputError(
            file=raw.folder / "damage_functions.csv",
            where=f"sector {sector}, column duration_min",
            value=found,
            expected="minutes above 0, each duration only once in a sector",
        )


def _customers(raw: RawPricing, grades: GradeTable) -> tuple[Customer, ...]:
    _check_durations(raw)
    if raw.customers.empty:
        raise InputError(
            file=raw.folder / "customers.csv",
            where="the whole file",
            value="no customer",
            expected="at least one",
        )
    rows = keyed_rows(raw.customers, "customer", ["sector"])
    return tuple(_customer(raw, grades, name, row) for name, row in sorted(rows.items()))


def _customer(raw: RawPricing, grades: GradeTable, name: str, row: Mapping[str, Any]) -> Customer:
    def bad(symbol: str, expected: str) -> InputError:
        return InputError(
            file=raw.folder / "customers.csv",
            where=f"customer {name}, {symbol}",
            value=row[symbol],
            expected=expected,
        )

    smallest, largest = row["capacity_min_kw"], row["capacity_max_kw"]
    limit = grades.capacity_kw[LEVELS[-1]]
    if not 0 < smallest <= largest:
        raise bad("capacity_min_kw", f"more than 0 and at most capacity_max_kw, {largest:g}")
    if largest > limit:
        raise bad("capacity_max_kw", f"at most the largest capacity level, {limit:g} kW")
    duration = row["outage_duration_h"]
    duration_level = grades.duration_level(duration)
    if duration <= 0 or duration_level is None:
        longest = grades.duration_h[LEVELS[-1]]
        raise bad("outage_duration_h", f"more than 0 and at most the longest level, {longest:g} h")
    response_level = grades.response_level(row["response_need_min"])
    if response_level is None:
        fastest = grades.response_min[LEVELS[-1]]
        raise bad("response_need_min", f"at least the fastest response level, {fastest:g} min")
    if row["outages_per_year"] <= 0:
        raise bad("outages_per_year", "more than 0")
    sector, loss = row["sector"], row.get("outage_loss_yuan_per_kwh")
    if loss is None:
        if sector not in set(raw.damage["sector"]):
            raise InputError(
                file=raw.folder / "customers.csv",
                where=f"customer {name}",
                value=sector,
                expected="a sector of damage_functions.csv: "
                + ", ".join(sorted(set(raw.damage["sector"])))
                + " (or a row outage_loss_yuan_per_kwh)",
            )
        loss = outage_loss_yuan_per_kwh(raw.damage, raw.scalars, sector, duration)
    own = row.get("own_storage_cost_yuan_per_year")
    if own is None:
        own = own_storage_yuan_per_year(raw.scalars, largest, duration)
    return Customer(
        name=name,
        sector=sector,
        outages_per_year=row["outages_per_year"],
        outage_duration_h=duration,
        capacity_kw=Band(smallest, largest),
        outage_loss_yuan_per_kwh=loss,
        own_storage_yuan_per_year=own,
        duration_level=duration_level,
        response_level=response_level,
    )
