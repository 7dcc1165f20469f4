"""Whatever is no number, or out of its range, is refused by every function in one sentence."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mobile_storage import adequacy
from mobile_storage.adequacy import estimate
from mobile_storage.adequacy.analytic import (
    consequences,
    contingency,
    elcc,
    islands,
    kernel,
    network,
    packed,
    repair,
    supply,
)
from mobile_storage.adequacy.checks import (
    require_arcs,
    require_number,
    require_numbers,
    require_probabilities,
)
from mobile_storage.adequacy.simulation import contingencies, episodes, fairness
from mobile_storage.adequacy.simulation import network as simulated_network
from mobile_storage.adequacy.simulation import supply as simulated_supply
from mobile_storage.adequacy.units import chain, load_shape, outage_table, risk
from mobile_storage.adequacy.units import simulation as simulated_units

ALL, NONE = contingency.Deficit((1.0,), (0.0,)), contingency.Deficit()
FAULT = contingency.Contingency(
    "f", 1.0, 2.0, "exponential", (contingency.Stage(math.inf, ALL, NONE),)
)
DAY, ONE = np.ones((1, 24)), np.ones(1)
BEGIN = islands.starts(np.ones((1, 25)), ONE)
MANY = islands.starts(np.ones((1, 1, 25)), ONE)
TABLE = outage_table.outage_table([outage_table.Unit.from_rates(5.0, 1.0, 9.0)])
SIZE = {
    "load": DAY,
    "share": ONE,
    "discharge": np.zeros((1, 1, 24)),
    "power": ONE,
    "availability": 0.9,
    "peak": 1.0,
    "ends": np.ones((1, 1, 25)),
}


def of_sizes(compiled, load, share, peak, **storage):
    """Result of a function of `kernel` for one fault."""
    return compiled(
        packed.pack([FAULT], 9.0),
        packed.Days(load, share),
        packed.Storage(start=MANY, **storage),
        packed.AddedLoad(peak, scaled=False),
    )


SMALL = network.Network(
    (network.Node("s", source_capacity=9.0), network.Node("b")),
    (network.Branch("l", "s", "b", rate=0.1, repair=5.0),),
    (network.LoadPoint("p", "b", 1.0),),
)
FEW = estimate.Sampling(least_batches=1, most_batches=1)
SOME = episodes.DailyOperation(DAY, ONE)
STORAGE_FIELDS = ("energy", "charge", "discharge", "retention")
STORAGE_FIELDS += ("charge_efficiency", "discharge_efficiency")
PERIOD_STORAGE = ("charge_power", "discharge_power", "energy", "initial_energy")
PERIOD_STORAGE += ("charge_efficiency", "discharge_efficiency", "failure", "repair")
WEEK = {"any": {"weekday": [1.0] * 24, "weekend": [1.0] * 24}}

#: What is wrong by nature; `ALLOWED` says what is right after all.
WRONG = {
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "negative": -1.0,
    "text": "a",
    "digits": "1",
    "nothing": None,
    "truth": True,
    "shape": np.ones((2, 3, 4)),
    "rows": [[1.0], [1.0, 2.0]],
}


def index(load: np.ndarray) -> float:
    return float(np.sum(load))


def element(of: str) -> Callable[..., network.Network]:
    """A network in which one element has been given something."""

    def make(**fields: Any) -> network.Network:
        first, *rest = getattr(SMALL, of)
        return replace(SMALL, **{of: (replace(first, **fields), *rest)})

    return make


def faulty_node(**fields: Any) -> network.Network:
    nodes = (SMALL.nodes[0], replace(SMALL.nodes[1], **{"rate": 0.1, "repair": 1.0} | fields))
    return replace(SMALL, nodes=nodes)


#: Each public function or class: how to call it, and its numeric arguments with what they may be
#: beside finite numbers of at least zero in the shape that the call gives.
CASES: list[tuple[Callable, dict[str, Any], dict[str, str]]] = [
    (
        chain.MarkovUnit,
        {"capacity": 1.0, "fail": 0.1, "repair": 0.4, "count": 1, "start": 0.5},
        {"capacity": "shape", "fail": "", "repair": "", "count": "", "start": "nothing"},
    ),
    (
        chain.Storage,
        dict.fromkeys(
            STORAGE_FIELDS,
            1.0,
        )
        | {"fail": 0.1, "repair": 0.5, "start": 0.5},
        dict.fromkeys(
            STORAGE_FIELDS,
            "",
        )
        | {"fail": "", "repair": "", "start": "nothing"},
    ),
    (
        lambda **k: chain.chronology([chain.MarkovUnit(1.0)], k.pop("load"), STORE, **k),
        {"load": [1.0, 2.0], "start_energy": 0.5, "step_h": 1.0, "resolution": 0.5},
        {"load": "negative", "start_energy": "", "step_h": "", "resolution": "nothing"},
    ),
    (
        lambda **k: chain.outage_survival(
            [chain.MarkovUnit(1.0)], k.pop("load"), k.pop("longest"), STORE, **k
        ),
        {"load": [1.0, 2.0], "longest": 2, "start_energy": 0.5, "step_h": 1.0, "resolution": 0.5},
        {
            "load": "negative",
            "longest": "",
            "start_energy": "",
            "step_h": "",
            "resolution": "nothing",
        },
    ),
    (contingency.Deficit, {"slopes": (1.0,), "knees": (0.0,)}, {"slopes": "-", "knees": "-"}),
    (ALL.__call__, {"load": 1.0}, {"load": "shape negative"}),
    (
        lambda until: contingency.Stage(until, ALL, NONE),
        {"until": 1.0},
        {"until": "inf"},
    ),
    (
        lambda **k: replace(FAULT, **k),
        {"rate": 1.0, "repair": 2.0},
        {"rate": "", "repair": ""},
    ),
    (
        lambda **k: elcc.elcc(index, index, **k),
        {"load": [1.0, 2.0], "upper": 5.0},
        {"load": "- shape", "upper": "nothing"},
    ),
    (
        lambda **k: elcc.efc(index, index, **k),
        {"load": [1.0, 2.0], "upper": 5.0},
        {"load": "- shape", "upper": "nothing"},
    ),
    (
        lambda **k: elcc.level_crossing(float, **k),
        {"target": 1.0, "scale": 1.0, "upper": 5.0},
        {"target": "negative", "scale": "", "upper": "nothing"},
    ),
    (islands.gauss_nodes, {"count": 2}, {"count": ""}),
    (
        islands.starts,
        {"deliverable": np.ones((1, 25)), "day_share": ONE, "nodes": 2},
        {"deliverable": "shape", "day_share": "", "nodes": ""},
    ),
    (lambda load: islands.unserved_energy(FAULT, load), {"load": DAY}, {"load": ""}),
    (
        lambda **k: islands.energy_served(FAULT, k["load"], BEGIN, k["power"]),
        {"load": DAY, "power": 1.0},
        {"load": "", "power": "inf"},
    ),
    (
        lambda **k: islands.expected_unserved([FAULT], **k),
        {"load": DAY, "day_share": ONE},
        {"load": "", "day_share": ""},
    ),
    (
        lambda **k: islands.expected_served([FAULT], start=BEGIN, **k),
        {"load": DAY, "day_share": ONE, "power": 1.0},
        {"day_share": "", "power": "inf"},
    ),
    (
        lambda **k: islands.bounded_starts([FAULT], law="joint", **k),
        {"load": DAY, "day_share": ONE, "deliverable": np.ones((1, 25)), "power": 1.0},
        {"day_share": "", "deliverable": "shape", "power": "inf"},
    ),
    (
        islands.normal_deficit,
        {"load": DAY, "day_share": ONE, "capacity": 1.0, "relief": 0.0},
        {"load": "", "day_share": "", "capacity": "inf", "relief": ""},
    ),
    (
        lambda **k: of_sizes(kernel.population, **k),
        SIZE,
        {**dict.fromkeys(SIZE, ""), "ends": "nothing negative"},
    ),
    (
        lambda **k: of_sizes(kernel.start_error, **k),
        SIZE,
        {"load": "", "power": "", "availability": "", "peak": ""},
    ),
    (
        lambda **k: load_shape.hourly_load(hourly_pct=WEEK, season_weeks={"any": [1]}, **k),
        {"weekly_pct": [100.0], "daily_pct": [100.0] * 7, "peak": 1.0},
        {"weekly_pct": "", "daily_pct": "", "peak": ""},
    ),
    (
        estimate.Sampling,
        {"seed": 0, "precision": 0.1, "least_batches": 1, "most_batches": 2, "workers": 1},
        dict.fromkeys(("seed", "precision", "least_batches", "most_batches", "workers"), ""),
    ),
    (
        lambda **k: contingencies.simulate_contingencies([FAULT], SOME, FEW, **k),
        {"batch_size": 10},
        {"batch_size": ""},
    ),
    (
        episodes.DailyOperation,
        {
            "load": DAY,
            "day_probability": ONE,
            "energy": np.ones((1, 25)),
            "power": 1.0,
            "availability": 0.9,
        },
        {
            "load": "",
            "day_probability": "",
            "energy": "nothing",
            "power": "inf",
            "availability": "",
        },
    ),
    (
        fairness.fed_part,
        {"demand": np.ones((2, 1)), "source": np.array([1.0, 0.0]), "arcs": [(0, 1, 2.0)]},
        {"demand": "", "source": "inf", "arcs": ""},
    ),
    (
        supply.supply_limits,
        {"shares": np.ones(2) / 2, "sources": np.array([1.0, 0.0]), "arcs": [(0, 1, 2.0)]},
        {"shares": "", "sources": "inf", "arcs": ""},
    ),
    (lambda levels: simulated_supply.Supply(SMALL, levels), {"levels": ONE}, {"levels": ""}),
    (
        lambda **k: simulated_network.simulate_network(SMALL, None, FEW, **k),
        {"batch_size": 10, "overlaps": 2},
        {"batch_size": "", "overlaps": ""},
    ),
    (
        simulated_units.Unit,
        {
            "capacity": np.array([1.0, 0.0]),
            "transition": np.array([[0.0, 0.1], [0.4, 0.0]]),
            "start": np.array([0.5, 0.5]),
            "count": 1,
        },
        {"capacity": "", "transition": "-", "start": "nothing", "count": ""},
    ),
    (
        simulated_units.two_state,
        {"capacity": 1.0, "failure": 0.1, "repair": 0.4, "start": np.array([0.5, 0.5]), "count": 1},
        {"capacity": "", "failure": "", "repair": "", "start": "nothing", "count": ""},
    ),
    (
        simulated_units.Storage,
        {
            **dict.fromkeys(("charge_power", "discharge_power", "energy"), 1.0),
            **dict.fromkeys(("charge_efficiency", "discharge_efficiency"), 0.9),
            **{"initial_energy": 0.5, "failure": 0.1, "repair": 0.5},
        },
        dict.fromkeys(
            PERIOD_STORAGE,
            "",
        ),
    ),
    (
        lambda **k: simulated_units.simulate_units(
            (simulated_units.two_state(5.0, 0.1, 0.4),), sampling=FEW, **k
        ),
        {"load": [1.0, 2.0], "batch_size": 10},
        {"load": "", "batch_size": ""},
    ),
    (
        faulty_node,
        {"rate": 0.1, "repair": 1.0, "switching": 0.5, "source_capacity": 0.0},
        {"rate": "", "repair": "", "switching": "", "source_capacity": "inf"},
    ),
    (
        element("branches"),
        {"rate": 0.1, "repair": 1.0, "switching": 0.5, "capacity": 9.0, "normal_capacity": 9.0},
        {
            "rate": "",
            "repair": "",
            "switching": "",
            "capacity": "inf",
            "normal_capacity": "inf nothing",
        },
    ),
    (element("load_points"), {"load": 1.0, "customers": 1.0}, {"load": "", "customers": ""}),
    (
        lambda **k: replace(SMALL, **k),
        {"fuse_success": 1.0, "breaker_success": 1.0},
        {"fuse_success": "", "breaker_success": ""},
    ),
    (
        outage_table.Unit,
        {
            "capacities": (5.0, 0.0),
            "probabilities": (0.9, 0.1),
            "count": 1,
            "upward_rates": (-1.0, 1.0),
        },
        {"count": "", "upward_rates": "nothing negative"},
    ),
    (
        outage_table.Unit.two_state,
        {"capacity": 1.0, "unavailability": 0.1, "count": 1},
        {"capacity": "", "unavailability": "", "count": ""},
    ),
    (
        outage_table.Unit.from_rates,
        {"capacity": 1.0, "failure_rate": 0.1, "repair_rate": 0.1, "count": 1},
        {"capacity": "", "failure_rate": "", "repair_rate": "", "count": ""},
    ),
    (
        outage_table.Unit.from_times,
        {"capacity": 1.0, "mttf_h": 0.1, "mttr_h": 0.1, "count": 1},
        {"capacity": "", "mttf_h": "", "mttr_h": "", "count": ""},
    ),
    (
        outage_table.OutageTable,
        {
            "capacity": np.array([0.0, 1.0]),
            "probability": np.array([0.1, 0.9]),
            "upward_rate": np.array([1.0, -1.0]),
        },
        {"capacity": "negative", "probability": "", "upward_rate": "nothing negative"},
    ),
    (
        lambda **k: outage_table.outage_table([outage_table.Unit.two_state(5.0, 0.1)], **k),
        {"step": 1.0},
        {"step": "nothing"},
    ),
    (
        lambda **k: packed.pack([FAULT], **k),
        {"normal_capacity": 1.0},
        {"normal_capacity": "inf"},
    ),
    (
        lambda **k: repair.survival(law="fixed", **k),
        {"t": 1.0, "mean": 1.0},
        {"t": "inf -inf negative shape", "mean": "shape"},
    ),
    (
        lambda **k: repair.restricted_mean(law="fixed", **k),
        {"t": 1.0, "mean": 1.0},
        {"t": "inf -inf negative shape", "mean": "shape"},
    ),
    (
        lambda **k: repair.unserved_at_constant_load(law="fixed", **k),
        {"load": 1.0, "energy": 1.0, "mean": 1.0, "power": 1.0},
        {"load": "shape", "energy": "inf shape", "mean": "shape", "power": "inf shape"},
    ),
    (
        lambda **k: risk.risk(TABLE, **k),
        {"load": [1.0, 2.0], "duration": 1.0},
        {"load": "negative", "duration": ""},
    ),
    (
        lambda **k: risk.risk_of_varying_units([outage_table.Unit.two_state(1.0, 0.1)], **k),
        {"capacity": [[1.0, 2.0]], "load": [1.0, 2.0], "duration": 1.0, "step": 1.0},
        {"capacity": "", "load": "negative", "duration": "", "step": "nothing"},
    ),
    (
        lambda **k: risk.loss_of_load_frequency(TABLE, **k),
        {"load": [1.0, 2.0], "duration_h": 1.0},
        {"load": "negative", "duration_h": ""},
    ),
    (
        risk.daily_peaks,
        {"load": np.ones(48), "steps_per_day": 24},
        {"load": "negative", "steps_per_day": ""},
    ),
]
STORE = chain.Storage(2.0, 1.0, 1.0)
#: Words of a sentence that names an argument otherwise.
NAMES = {"count": "count", "arcs": "arcs", "duration_h": "duration", "load": "load"}


def feeds():
    for case, (call, good, arguments) in enumerate(CASES):
        for name, allowed in arguments.items():
            for wrong, value in WRONG.items():
                loose = "negative" if "-" in allowed.split() else ""
                if wrong in f"{allowed} {loose}".split() or (wrong, name) == ("shape", "t"):
                    continue
                yield pytest.param(call, good, name, value, id=f"{case}-{name}-{wrong}")
                entries = np.shape(good[name])
                if entries and wrong in ("nan", "inf", "negative") and name != "arcs":
                    one = np.array(good[name], dtype=float)
                    one.flat[-1] = value
                    yield pytest.param(call, good, name, one, id=f"{case}-{name}-one {wrong}")


@pytest.mark.parametrize(("call", "good", "name", "value"), list(feeds()))
def test_what_is_no_number_is_named(call, good, name, value):
    with pytest.raises(ValueError, match=r"expected|adds up") as caught:
        call(**good | {name: value})
    said = str(caught.value)
    assert NAMES.get(name, name) in said
    assert "\n" not in said
    assert len(said) < 250


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_same_call_with_good_numbers_is_taken(case):
    call, good, _ = CASES[case]
    call(**good)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_no_function_changes_what_it_is_given(case):
    """Arrays of floats are not copied before they are used."""
    call, good, _ = CASES[case]
    given = {
        name: np.array(value, dtype=float) if np.ndim(value) else value
        for name, value in good.items()
    }
    before = {name: np.copy(value) for name, value in given.items() if np.ndim(value)}
    call(**given)
    for name, value in before.items():
        np.testing.assert_array_equal(given[name], value, err_msg=name)


#: Results, what is made of checked things only, and compiled loops, which their callers check for.
TAKES_NO_NUMBER = """
    Chronology Law Walk Outage contingencies normal_capacity normal_state outages CapacityCredit
    Indices indices Starts merge Estimate Moments estimate ContingenciesResult NetworkResult
    UnitsResult Tables walk simulate_periods Process draw_overlapping draw_single single_paths
    FaultOutcome StandingFault Branch CommonMode LoadPoint Network Node Outages Risk States
    require_choice AddedLoad Days PopulationResult Episodes Paths
"""


def test_every_public_function_is_in_the_table_or_takes_no_number():
    """A new one must be added here, or to those that take only what is checked already."""
    named = inspect.getsource(importlib.import_module(__name__))
    for module in pkgutil.walk_packages(adequacy.__path__, f"{adequacy.__name__}."):
        found = importlib.import_module(module.name)
        for name in getattr(found, "__all__", ()):
            if callable(getattr(found, name)) and name not in TAKES_NO_NUMBER.split():
                assert f"{name}(" in named or f".{name}," in named, name


def test_checks_by_hand():
    assert require_number("x", np.int64(3), least=0) == 3.0
    np.testing.assert_array_equal(require_numbers("x", [1, 2.5], shape=("n",)), [1.0, 2.5])
    for kind in (int, np.float32, ">f8", object):
        assert require_numbers("x", np.arange(3).astype(kind)).dtype == np.dtype(float), kind
    floats = np.arange(3.0)
    assert require_numbers("x", floats) is floats
    assert require_numbers("x", floats[::2]).flags.c_contiguous
    assert require_numbers("x", math.inf, infinite=True) == math.inf
    for call, message in (
        (lambda: require_number("x", 0.0, above=0.0), "x is 0.0, expected a finite number above 0"),
        (lambda: require_number("x", 2, most=1, least=0), "x is 2, expected a finite number from"),
        (lambda: require_number("x", 1.5, whole=True), "x is 1.5, expected a whole number"),
        (lambda: require_numbers("x", [[1, math.nan]]), r"x\[0, 1\] is nan, expected a finite"),
        (lambda: require_numbers("x", [1], shape=(2,)), r"x has the shape \(1,\), expected \(2,\)"),
        (lambda: require_number("x", [1]), r"x has the shape \(1,\), expected one number"),
        (lambda: require_probabilities("p", [0.5, 0.4]), "p adds up to 0.9, expected a sum of 1"),
        (
            lambda: require_probabilities("p", [0.7, 0.4], at_most=True),
            "p adds up to 1.1, expected at most 1",
        ),
        (lambda: require_arcs([(0, 2, 1.0)], 2), r"nodes of the arcs\[0, 1\] is 2.0, expected"),
        (lambda: require_arcs([(0, 1, math.inf)], 2, infinite=False), "capacities of the arcs"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_orders_of_outages_are_one_or_two():
    for order in (0, 3, math.nan, "1", None):
        with pytest.raises(ValueError, match="it must be 1 or 2"):
            consequences.outages(SMALL, order)
