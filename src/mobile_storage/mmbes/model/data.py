"""From the ledgers in ``data/raw/fu2024`` to a substation and its planner.

`RawMmbes` holds what the CSV files say. `build` checks that the ledgers fit together and derives
the model's dataclasses from them. The two are kept apart so that a calibration or a scenario can
change one number and derive everything again. Faults of the network are analysed in `network`.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from mobile_storage.adequacy.analytic.network import Network
from mobile_storage.core.errors import DoubtWarning, InputError, did_you_mean
from mobile_storage.core.ledger import keyed_rows
from mobile_storage.mmbes.model.network import case_network, loads_behind, reliability_of
from mobile_storage.mmbes.model.raw import SCALARS, RawMmbes, ledger, read_raw
from mobile_storage.mmbes.model.substation import (
    ATTRIBUTES,
    SOME_AVAILABILITY,
    Battery,
    Economics,
    ExtremeEvents,
    LoadCurves,
    Losses,
    Preferences,
    Substation,
)

__all__ = ["RawMmbes", "build", "ledger", "read_raw"]

PRIORITIES = ("critical", "important", "ordinary")
DAYS_PER_YEAR = 365.0
#: A branch that carries less than this share of the load behind it gets a warning, and so does a
#: transformer that loses more than this share of its rating.
DOUBTFUL_SHARE = 0.1
#: Largest distance of the highest load from 1, in shares of the peak, that counts as rounding.
PEAK_TOLERANCE = 0.001


def build(raw: RawMmbes, **readings: str | bool) -> tuple[Substation, Preferences]:
    """Derive the substation and the planner from the ledgers.

    Parameters
    ----------
    raw : RawMmbes
        The ledgers as read.
    **readings
        Fields of `raw.Readings` that replace those of `raw`.

    Raises
    ------
    InputError
        If the ledgers do not fit together; the sentence names file, row, value and expectation.
    """
    station, battery = raw.substation, raw.battery
    if not battery["soc_min"] < battery["soc_max"]:
        raise InputError(
            file=raw.folder / "battery.csv",
            where="soc_min",
            value=battery["soc_min"],
            expected=f"less than soc_max, {battery['soc_max']:g}",
        )
    read = replace(raw.readings, **readings)
    if read.storage_failures == "faults" and battery["availability"] == 0.0:
        raise InputError(
            file=raw.folder / "battery.csv",
            where="availability",
            value=0.0,
            expected=SOME_AVAILABILITY,
        )
    network = case_network(raw, read.repair_law)
    ratings = _transformers(raw, "rating")
    peak_kw = station["load_rate"] * float(ratings.sum()) * station["power_factor"]
    _warn_of_doubtful(raw, network, peak_kw)
    curves = _curves(raw)
    lengths_km = _counted_lengths(raw)
    if not lengths_km.size:
        raise InputError(
            file=raw.folder / "network.csv",
            where="column kind",
            value=None,
            expected="at least one line that starts at a source: its losses count",
        )
    substation = Substation(
        load_rate=station["load_rate"],
        peak_kw=peak_kw,
        power_factor=station["power_factor"],
        growth=station["load_growth"],
        curves=curves,
        battery=Battery(
            **{s: battery[s] for s in SCALARS["battery"] if s != "calendar_life"},
            calendar_life_yr=battery["calendar_life"],
        ),
        losses=Losses(
            line_resistance_ohm=station["line_resistance"] * lengths_km,
            voltage_kv=station["voltage"],
            own_share=station["distribution_ratio"],
            transformer_rating_kva=ratings,
            load_loss_kw=_transformers(raw, "load_loss"),
            no_load_loss_kw=_transformers(raw, "no_load_loss"),
        ),
        reliability=reliability_of(network),
        extreme=_extreme(raw, curves, peak_kw),
        economics=Economics(
            **{s: raw.economics[s] for s in SCALARS["economics"] if s != "horizon"},
            horizon_yr=raw.economics["horizon"],
        ),
        soc_law=read.soc_law,
        added_load=read.added_load,
        storage_failures=read.storage_failures,
    )
    return substation, _preferences(raw, read.rank_dependent)


def _warn_of_doubtful(raw: RawMmbes, network: Network, peak_kw: float) -> None:
    """Warn of values that are possible but unlikely, as after a mistake in a unit or separator."""
    file = raw.folder / "network.csv"
    kinds = {name: row["kind"] for name, row in raw.parts.items()}
    fed = loads_behind(network)
    for branch in network.branches:
        carries = branch.capacity if branch.normal_capacity is None else branch.normal_capacity
        load = peak_kw * fed.get(branch.name, 0.0)
        if carries < DOUBTFUL_SHARE * load:
            _doubt(
                file,
                f"{kinds[branch.name]} {branch.name}",
                f"carries {carries:g} kW, less than a tenth of the {load:g} kW behind it at the "
                "annual peak",
            )
    for node in network.nodes:
        if 0.0 < node.source_capacity < DOUBTFUL_SHARE**3 * peak_kw:
            _doubt(
                file,
                f"source {node.name}",
                f"feeds {node.source_capacity:g} kW, less than a thousandth of the annual peak of "
                f"{peak_kw:g} kW",
            )
    ratings, losses = _transformers(raw, "rating"), _transformers(raw, "load_loss")
    losses = losses + _transformers(raw, "no_load_loss")
    transformers = [name for name, kind in kinds.items() if kind == "transformer"]
    for k in np.flatnonzero(losses > DOUBTFUL_SHARE * ratings):
        _doubt(
            file,
            f"transformer {transformers[k]}",
            f"loses {losses[k]:g} kW at its rating of {ratings[k]:g} kVA, more than a tenth of it",
        )


def _doubt(file: Path, what: str, why: str) -> None:
    warnings.warn(
        f"{file}, {what} {why}. Look at its numbers, their units and their decimal points.",
        DoubtWarning,
        stacklevel=4,
    )


def _counted_lengths(raw: RawMmbes) -> np.ndarray:
    """Lengths, km, of the lines that start at a source (L1 and L2): their losses count [stated]."""
    lengths = [
        row["length"]
        for row in raw.parts.values()
        if row["kind"] == "line" and raw.parts.get(row["start"], {}).get("kind") == "source"
        if "length" in row
    ]
    return np.array(lengths, dtype=float)


def _transformers(raw: RawMmbes, symbol: str) -> np.ndarray:
    rows = {name: row for name, row in raw.parts.items() if row["kind"] == "transformer"}
    missing = [name for name, row in rows.items() if symbol not in row]
    if missing or not rows:
        raise InputError(
            file=raw.folder / "network.csv",
            where=f"transformer {missing[0]}" if missing else "column kind",
            value=None,
            expected=f"a row {symbol}" if missing else "at least one transformer",
        )
    return np.array([row[symbol] for row in rows.values()], dtype=float)


def _curves(raw: RawMmbes) -> LoadCurves:
    file = raw.folder / "load_curves.csv"
    days = {name: row["days"] for name, row in keyed_rows(raw.day_types, "day_type").items()}
    by_day: dict[str, list[tuple[float, float]]] = {name: [] for name in days}
    columns = (raw.load_curves[column].tolist() for column in ("day_type", "hour", "value"))
    for name, hour, share in zip(*columns, strict=True):
        if name not in days:
            raise InputError(
                file=file,
                where="column day_type",
                value=name,
                expected=f"a day type of day_types.csv{did_you_mean(name, days)}",
            )
        try:
            by_day[name].append((float(hour), share))
        except ValueError:
            raise InputError(
                file=file,
                where="column hour",
                value=hour,
                expected="an hour of the day as a number, such as 0, 7 or 7.5, not 07:00",
            ) from None
    if abs(sum(days.values()) - DAYS_PER_YEAR) > 1e-6:
        raise InputError(
            file=raw.folder / "day_types.csv",
            where="days of all day types together",
            value=round(sum(days.values()), 9),
            expected=f"{DAYS_PER_YEAR:g}",
        )
    shapes = []
    for name, loads in by_day.items():
        hours, shape = np.array(sorted(loads)).T if loads else np.empty((2, 0))
        steps = 24 if hours.size <= 25 else 96 if hours.size > 49 else 48
        expected = np.arange(steps) * 24.0 / steps
        if hours.size != steps or not np.allclose(hours, expected):
            missing = [h for h in expected if not np.isclose(hours, h).any()]
            extra = [h for h in hours if not np.isclose(expected, h).any()]
            what = f"hour {missing[0]:g}" if missing else f"no hour {(extra or [hours.max()])[0]:g}"
            raise InputError(
                file=file,
                where=f"day type {name}",
                value=f"{hours.size} steps",
                expected=f"{what} (every hour, half-hour or quarter of the day once)",
            )
        shapes.append(shape)
    if len({shape.size for shape in shapes}) > 1:
        raise InputError(
            file=file,
            where="the day types",
            value=", ".join(str(shape.size) for shape in shapes) + " steps",
            expected="the same number of steps in each",
        )
    highest = max(shape.max() for shape in shapes)
    if abs(highest - 1.0) > PEAK_TOLERANCE:
        raise InputError(
            file=file,
            where="highest load of all day types",
            value=float(highest),
            expected="1: loads are shares of the annual peak, and one of them is the peak",
        )
    return LoadCurves(tuple(days), np.array(shapes), np.array(list(days.values()), dtype=float))


def _extreme(raw: RawMmbes, curves: LoadCurves, peak_kw: float) -> ExtremeEvents:
    events = raw.scenarios.values()
    chance = np.array([row["probability"] for row in events], dtype=float)
    if chance.sum() > 1.0 + 1e-12:
        raise InputError(
            file=raw.folder / "extreme_events.csv",
            where="probability of all scenarios together",
            value=round(float(chance.sum()), 9),
            expected="at most 1: no more than one of them happens in a year",
        )
    file = raw.folder / "load_points.csv"
    # The order does not count: loads are supplied by priority and by what their outage costs.
    points = dict(sorted(raw.points.items()))
    for name, row in points.items():
        if row["priority"] not in PRIORITIES:
            raise InputError(
                file=file,
                where=f"load point {name}, column priority",
                value=row["priority"],
                expected=f"one of {', '.join(PRIORITIES)}"
                f"{did_you_mean(row['priority'], PRIORITIES)}",
            )
    served = {name: row for name, row in points.items() if row["priority"] != "ordinary"}
    for name, row in served.items():
        if "outage_loss" not in row:
            raise InputError(
                file=file,
                where=f"load point {name}",
                value=None,
                expected="a row outage_loss: the point is not ordinary",
            )
    # The average over the year, because an event can come at any time.
    mean = float(curves.days_per_year @ curves.shape.mean(axis=1)) / DAYS_PER_YEAR
    return ExtremeEvents(
        probability=chance,
        duration_h=np.array([row["duration"] for row in events], dtype=float),
        load_kw=np.array([row["share"] for row in served.values()], dtype=float) * peak_kw * mean,
        backup_h=np.array([row.get("backup", 0.0) for row in served.values()], dtype=float),
        loss_per_kwh=np.array([row["outage_loss"] for row in served.values()], dtype=float),
        priority=np.array(
            [PRIORITIES.index(row["priority"]) for row in served.values()], dtype=int
        ),
    )


def _preferences(raw: RawMmbes, rank_dependent: bool) -> Preferences:
    p = raw.preferences
    weights = np.array([p[f"weight_{k}"] for k in ATTRIBUTES])
    if abs(weights.sum() - 1.0) > 1e-9:
        raise InputError(
            file=raw.folder / "preferences.csv",
            where="weights of all attributes together",
            value=round(float(weights.sum()), 9),
            expected="1",
        )
    reference = np.array([p[f"reference_{k}"] for k in ATTRIBUTES])
    # A cost counts as a negative outcome, so the expected cost is negative too.
    reference[ATTRIBUTES.index("cost")] *= -1.0
    return Preferences(
        alpha=p["alpha"],
        beta=p["beta"],
        loss_aversion=p["loss_aversion"],
        gamma=p["gamma"],
        delta=p["delta"],
        weights=weights,
        reference=reference,
        rank_dependent=rank_dependent,
    )
