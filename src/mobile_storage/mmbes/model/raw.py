"""The ledgers in ``data/raw/fu2024`` as read: every number of paper 2 with its symbol."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mobile_storage.adequacy.analytic.islands import SOC_LAWS
from mobile_storage.adequacy.analytic.repair import LAWS
from mobile_storage.adequacy.checks import require_choice
from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.core.ledger import (
    ParameterSet,
    keyed_rows,
    read_keyed,
    read_parameters,
    replacement,
)
from mobile_storage.mmbes.model.substation import (
    ADDED_LOADS,
    ATTRIBUTES,
    FLATTEST,
    STORAGE_FAILURES,
)

__all__ = ["SCALARS", "RawMmbes", "ledger", "read_raw"]

SHARE = (0.0, 1.0)
POSITIVE = (1e-9, None)
NOT_NEGATIVE = (0.0, None)

#: Ledgers of single numbers: unit and bounds by symbol.
SCALARS: Mapping[str, Mapping[str, tuple[str, tuple[float | None, float | None]]]] = {
    "substation": {
        "load_rate": ("dimensionless", POSITIVE),
        "power_factor": ("dimensionless", (1e-9, 1.0)),
        "load_growth": ("1/yr", NOT_NEGATIVE),
        "overload_factor": ("dimensionless", POSITIVE),
        "distribution_ratio": ("dimensionless", (1e-9, 1.0)),
        "voltage": ("kV", POSITIVE),
        "line_resistance": ("ohm/km", NOT_NEGATIVE),
    },
    "battery": {
        "soc_min": ("dimensionless", SHARE),
        "soc_max": ("dimensionless", SHARE),
        "charge_efficiency": ("dimensionless", (1e-9, 1.0)),
        "discharge_efficiency": ("dimensionless", (1e-9, 1.0)),
        "availability": ("dimensionless", SHARE),
        "cycle_life": ("cycle", POSITIVE),
        "calendar_life": ("yr", POSITIVE),
    },
    "economics": {
        "horizon": ("yr", POSITIVE),
        "discount_rate": ("1/yr", NOT_NEGATIVE),
        "inflation_rate": ("1/yr", NOT_NEGATIVE),
        "loss_price": ("yuan/kWh", NOT_NEGATIVE),
        "valley_price": ("yuan/kWh", NOT_NEGATIVE),
        "interruption_cost": ("yuan/kWh", NOT_NEGATIVE),
        "upgrade_cost": ("yuan", NOT_NEGATIVE),
        "due_load_rate": ("dimensionless", POSITIVE),
        "energy_cost": ("yuan/kWh", NOT_NEGATIVE),
        "power_cost": ("yuan/kW", NOT_NEGATIVE),
        "replacement_cost": ("yuan/kWh", NOT_NEGATIVE),
        "fixed_om": ("yuan/kW/yr", NOT_NEGATIVE),
        "treatment_cost": ("yuan/kWh", NOT_NEGATIVE),
        "recovered_value": ("yuan/kWh", NOT_NEGATIVE),
    },
    "preferences": {
        "alpha": ("dimensionless", (1e-9, 1.0)),
        "beta": ("dimensionless", (1e-9, 1.0)),
        "loss_aversion": ("dimensionless", POSITIVE),
        "gamma": ("dimensionless", (FLATTEST, 1.0)),
        "delta": ("dimensionless", (FLATTEST, 1.0)),
        **{f"weight_{k}": ("dimensionless", SHARE) for k in ATTRIBUTES},
        **{f"reference_{k}": ("yuan", NOT_NEGATIVE) for k in ATTRIBUTES},
    },
}
#: Ledgers with key columns: keys, required symbols, optional symbols, further text columns.
KEYED: Mapping[str, tuple[list[str], Mapping[str, str], Mapping[str, str], list[str]]] = {
    "network": (
        ["component"],
        {},
        {
            "length": "km",
            "rating": "kVA",
            "load_loss": "kW",
            "no_load_loss": "kW",
            "capacity": "kW",
            "failure_rate": "1/yr",
            "repair_time": "h",
            "switching_time": "h",
        },
        ["kind", "start", "end", "start_device", "end_device", "state"],
    ),
    "components": (
        ["kind"],
        {"repair_time": "h", "switching_time": "h"},
        {"failure_rate": "1/yr", "failure_rate_per_km": "1/km/yr"},
        [],
    ),
    "day_types": (["day_type"], {"days": "d/yr"}, {}, []),
    "load_curves": (["day_type", "hour"], {"load": "dimensionless"}, {}, []),
    "load_points": (
        ["load_point"],
        {"share": "dimensionless"},
        {"backup": "h", "outage_loss": "yuan/kWh"},
        ["node", "priority"],
    ),
    "extreme_events": (
        ["scenario"],
        {"probability": "1/yr", "duration": "h"},
        {},
        [],
    ),
}
KEYED_BOUNDS = {
    "load": SHARE,
    "share": SHARE,
    "probability": SHARE,
    "rating": POSITIVE,
    "length": POSITIVE,
    "repair_time": POSITIVE,
}


@dataclass(frozen=True)
class Readings:
    """Choices where the paper's text is open and the choice is not a number.

    Attributes
    ----------
    repair_law : str
        Law of every repair time, ``exponential`` or ``fixed``.
    soc_law, added_load : str
        As in `model.Substation`.
    rank_dependent : bool
        As in `model.Preferences`.
    storage_failures : str
        As in `model.Substation`.
    """

    repair_law: str = "exponential"
    soc_law: str = "joint"
    added_load: str = "constant"
    rank_dependent: bool = True
    storage_failures: str = "faults"

    def __post_init__(self) -> None:
        require_choice("repair_law", self.repair_law, LAWS)
        require_choice("soc_law", self.soc_law, SOC_LAWS)
        require_choice("added_load", self.added_load, ADDED_LOADS)
        require_choice("storage_failures", self.storage_failures, STORAGE_FAILURES)
        if not isinstance(self.rank_dependent, bool):
            raise ValueError(f"rank_dependent is {self.rank_dependent!r}, expected true or false")


@dataclass(frozen=True)
class RawMmbes:
    """The ledgers as read: sets of single numbers, keyed tables in long form, and the readings."""

    folder: Path
    substation: ParameterSet
    battery: ParameterSet
    economics: ParameterSet
    preferences: ParameterSet
    network: pd.DataFrame
    components: pd.DataFrame
    day_types: pd.DataFrame
    load_curves: pd.DataFrame
    load_points: pd.DataFrame
    extreme_events: pd.DataFrame
    readings: Readings = Readings()

    def replace(self, moves: Mapping[str, float | str | bool]) -> RawMmbes:
        """Return the same ledgers with other values or other readings.

        Parameters
        ----------
        moves : mapping
            Value by ``table.symbol`` or, in a keyed table, ``table.key.symbol`` (with several key
            columns all keys): the column ``symbol`` of `ledger`. A reading is
            ``readings.repair_law`` and the like.

        Raises
        ------
        InputError
            If the ledgers lack a name, or a value is not a finite number.
        """
        by_table: dict[str, dict[str, Any]] = {}
        for name, value in moves.items():
            by_table.setdefault(name.partition(".")[0], {})[name] = value
        return replace(self, **{t: self._moved(t, values) for t, values in by_table.items()})

    def _moved(
        self, table: str, moves: Mapping[str, Any]
    ) -> ParameterSet | pd.DataFrame | Readings:
        """Return a table, or the readings, with the moves of `replace` that concern it."""
        rows = {name.removeprefix(f"{table}."): name for name in moves}

        def check(known: Container[str]) -> None:
            for row, name in rows.items():
                if row not in known:
                    raise self._unknown(name)

        match getattr(self, table, None):
            case ParameterSet() as old:
                check(old)
                return old.replace({row: moves[name] for row, name in rows.items()})
            case pd.DataFrame() as old:
                places = _places(table, old).to_numpy()
                check(places)
                column = old["value"].to_numpy(copy=True)
                for row, name in rows.items():
                    column[places == row] = replacement(moves[name], file=self.folder, name=name)
                return old.assign(value=column)
            case Readings() as readings:
                check(vars(readings))
                for row, name in rows.items():
                    readings = self._read_otherwise(readings, row, moves[name])
                return readings
        raise self._unknown(next(iter(moves)))

    def _read_otherwise(self, readings: Readings, name: str, value: object) -> Readings:
        try:
            return replace(readings, **{name: value})
        except ValueError as error:
            raise InputError(
                file=self.folder,
                where=f"replacement of readings.{name}",
                value=value,
                expected=f"another value: {error}",
            ) from None

    def _unknown(self, name: str) -> InputError:
        known = ledger(self)["symbol"]
        return InputError(
            file=self.folder,
            where="replacement",
            value=name,
            expected=f"table.symbol or table.key.symbol of a ledger{did_you_mean(name, known)}",
        )

    @cached_property
    def parts(self) -> dict[str, dict[str, Any]]:
        """Rows of ``network.csv`` by component: its texts, and its values by symbol."""
        return keyed_rows(self.network, "component", KEYED["network"][3])

    @cached_property
    def points(self) -> dict[str, dict[str, Any]]:
        """Rows of ``load_points.csv`` by load point: its texts, and its values by symbol."""
        return keyed_rows(self.load_points, "load_point", KEYED["load_points"][3])

    @cached_property
    def scenarios(self) -> dict[str, dict[str, float]]:
        """Values by symbol of each extreme scenario of ``extreme_events.csv``."""
        return keyed_rows(self.extreme_events, "scenario")


def read_raw(folder: str | Path) -> RawMmbes:
    """Read and validate every ledger of paper 2.

    Raises
    ------
    InputError
        With one sentence that names the file, the row, the value and what was expected.
    """
    folder = Path(folder)
    scalars = {
        name: read_parameters(
            folder / f"{name}.csv",
            {symbol: unit for symbol, (unit, _) in expected.items()},
            bounds={symbol: limits for symbol, (_, limits) in expected.items()},
        )
        for name, expected in SCALARS.items()
    }
    keyed = {
        name: read_keyed(
            folder / f"{name}.csv",
            keys,
            expected,
            optional,
            constant=constant,
            bounds={s: KEYED_BOUNDS.get(s, NOT_NEGATIVE) for s in (*expected, *optional)},
        )
        for name, (keys, expected, optional, constant) in KEYED.items()
    }
    return RawMmbes(folder=folder, **scalars, **keyed)


def _places(table: str, frame: pd.DataFrame) -> pd.Series:
    """Keys and symbol of each row of a keyed table, joined by dots."""
    place = frame["symbol"]
    for key in reversed(KEYED[table][0]):
        place = frame[key].astype(str) + "." + place
    return place


def ledger(raw: RawMmbes) -> pd.DataFrame:
    """Tabulate every number of the ledgers; ``symbol`` is its key in `RawMmbes.replace`.

    Returns
    -------
    DataFrame
        ``symbol``, ``name``, ``value``, ``unit``, ``low``, ``high``, ``status``, ``source``.
    """
    columns = ["symbol", "name", "value", "unit", "low", "high", "status", "source"]
    parts = []
    for field in fields(raw):
        table = getattr(raw, field.name)
        if isinstance(table, ParameterSet):
            rows = pd.DataFrame(vars(table.parameter(s)) for s in table)
            rows["symbol"] = f"{field.name}." + rows["symbol"]
        elif isinstance(table, pd.DataFrame):
            rows = table.assign(symbol=f"{field.name}." + _places(field.name, table))
        else:
            continue
        parts.append(rows[columns].astype({"low": float, "high": float}))
    return pd.concat(parts, ignore_index=True)
