"""Published distribution systems: every load point as others have it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from mobile_storage.adequacy.analytic.indices import Indices, indices
from mobile_storage.adequacy.analytic.network import Branch, LoadPoint, Network, Node

KNOWN = json.loads(
    (Path(__file__).parents[2] / "known_answers" / "distribution_reliability.json").read_text()
)


def build(system: dict, transformer_h: float | None = None, fuses: bool = True) -> Network:
    """A network from the tables; what has a length is a line, a transformer is a branch more.

    Parameters
    ----------
    system : dict
        Tables as in the file.
    transformer_h : float, optional
        Repair time of the transformers, if another.
    fuses : bool
        Whether the laterals, the lines that end at a load point, have theirs.
    """
    sources = set(system["sources"])
    points = {name for name, _, _ in system["load_points"]}
    lines, ties, data = system["lines"], system["ties"], system["components"]
    ends = [n for row in lines for n in row[2:4]] + [n for tie in ties for n in tie[1:3]]
    names = dict.fromkeys([*system["sources"], *ends])
    nodes = [Node(name, source_capacity=math.inf if name in sources else 0.0) for name in names]
    branches = []
    for name, km, up, down, protective, disconnector, kind, transformer in lines:
        if not fuses and down in points:
            protective = "N"
        devices = [
            "breaker"
            if protective in (side, "B")
            else "disconnector"
            if disconnector in (side, "B")
            else ""
            for side in "UD"
        ]
        end = down
        if transformer:
            end = f"high side of {down}"
            nodes.append(Node(end))
            rate, repair, switching = data[transformer]
            repair = transformer_h or repair
            branches.append(Branch(f"T of {down}", end, down, rate, repair, switching, law="fixed"))
        rate, repair, switching = data[kind]
        branches.append(Branch(name, up, end, km * rate, repair, switching, *devices, law="fixed"))
    branches += [Branch(n, a, b, switching=s, normally_open=True) for n, a, b, s in ties]
    loads = tuple(LoadPoint(name, name, load, n) for name, load, n in system["load_points"])
    return Network(tuple(nodes), tuple(branches), loads)


def result(case: str) -> Indices:
    system = KNOWN["systems"][case[:-2]]
    if case == "rbts_bus2_E":
        return indices(build(system, transformer_h=10.0))
    return indices(build(system, fuses=case != "rbts_bus2_D"))


@pytest.mark.parametrize("case", KNOWN["answers"])
def test_every_load_point_is_as_in_the_other_program(case):
    found, known = result(case), KNOWN["answers"][case]
    for name, (frequency, hours) in known["load_points"].items():
        row = found.load_points.loc[name]
        assert row["frequency_per_yr"] == pytest.approx(frequency, rel=1e-10), name
        assert row["outage_h_per_yr"] == pytest.approx(hours, rel=1e-10), name
    for index in ("saifi", "saidi", "caidi", "eens"):
        if index in known:
            assert getattr(found, index) == pytest.approx(known[index], rel=1e-10)


@pytest.mark.parametrize("case", [case for case in KNOWN["published"] if case != "source"])
def test_system_indices_round_to_the_published_ones(case):
    found = result(case)
    for index, printed in KNOWN["published"][case].items():
        digits = len(str(printed).partition(".")[2])
        # Half a unit of the last digit, and some room for rounding on the way there.
        assert getattr(found, index) == pytest.approx(printed, abs=0.52 * 10**-digits), index


def test_rbts_bus_2_case_a():
    found = result("rbts_bus2_A")
    assert found.saifi == pytest.approx(0.248211, abs=5e-7)
    assert found.saidi == pytest.approx(3.612587, abs=5e-7)
    assert found.caidi == pytest.approx(14.554504, abs=5e-7)
    assert found.eens == pytest.approx(37.745679, abs=5e-7)
    assert found.asai == pytest.approx(0.999588, abs=5e-7)
    assert found.aens == pytest.approx(0.01978, abs=5e-6)


def test_second_order_changes_little_where_outages_are_rare():
    network = build(KNOWN["systems"]["rbts_bus4"])
    first, second = indices(network), indices(network, order=2)
    assert first.eens < second.eens < 1.001 * first.eens
    assert second.saifi == pytest.approx(first.saifi, rel=1e-3)


# The feeder of chapter 7 of Billinton and Allan, Reliability Evaluation of Power Systems (2nd
# edition, 1996): main sections of 2, 1, 3, 2 km with 0.1 failures a year and km and 4 h of repair,
# laterals of 1, 3, 2, 1 km with 0.2 and 2 h, half an hour of switching. Powers in kW.
FEEDER = {
    "nothing": ({}, (2.20, 6.00, 2.73, 0.999315, 84.0, 28.0)),
    "fuses": ({"fuse": "fuse"}, (1.15, 3.91, 3.39, 0.999554, 54.8, 18.3)),
    "disconnectors": (
        {"fuse": "fuse", "device": "disconnector"},
        (1.15, 2.58, 2.23, 0.999706, 35.2, 11.7),
    ),
    "fuses work nine times in ten": (
        {"fuse": "fuse", "device": "disconnector", "fuse_success": 0.9},
        (1.26, 2.63, 2.09, 0.999700, 35.9, 12.0),
    ),
    "load can be transferred": (
        {"fuse": "fuse", "device": "disconnector", "transfer": 1.0},
        (1.15, 1.80, 1.56, 0.999795, 25.1, 8.4),
    ),
    "load can be transferred six times in ten": (
        {"fuse": "fuse", "device": "disconnector", "transfer": 0.6},
        (1.15, 2.11, 1.83, 0.999759, 29.1, 9.7),
    ),
}


def feeder(fuse="", device="", fuse_success=1.0, transfer=0.0) -> Network:
    branches = []
    for i, (main, lateral) in enumerate(zip((2, 1, 3, 2), (1, 3, 2, 1), strict=True)):
        start = f"M{i - 1}" if i else "source"
        at_start = device if i else "breaker"
        branches += [
            Branch(f"main {i}", start, f"M{i}", 0.1 * main, 4.0, 0.5, at_start, law="fixed"),
            Branch(f"lateral {i}", f"M{i}", f"P{i}", 0.2 * lateral, 2.0, 0.5, fuse, law="fixed"),
        ]
    branches.append(Branch("tie", "M3", "other", normally_open=True, success=transfer))
    return Network(
        (
            *(Node(name, source_capacity=math.inf) for name in ("source", "other")),
            *(Node(f"{kind}{i}") for kind in "MP" for i in range(4)),
        ),
        tuple(branches),
        tuple(
            LoadPoint(name, f"P{i}", load, customers)
            for i, (name, load, customers) in enumerate(
                (("A", 5000, 1000), ("B", 4000, 800), ("C", 3000, 700), ("D", 2000, 500))
            )
        ),
        fuse_success=fuse_success,
    )


@pytest.mark.parametrize(("options", "printed"), FEEDER.values(), ids=FEEDER)
def test_textbook_feeder(options, printed):
    found = indices(feeder(**options))
    ours = (found.saifi, found.saidi, found.caidi, found.asai, found.eens / 1000.0, found.aens)
    for value, known, tolerance in zip(
        ours, printed, (0.0051, 0.0051, 0.0051, 5.1e-7, 0.051, 0.051), strict=True
    ):
        assert value == pytest.approx(known, abs=tolerance)
