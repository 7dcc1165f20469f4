"""What a network refuses, and in which words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mobile_storage.adequacy.analytic.network import Branch, CommonMode, LoadPoint, Network, Node

SOURCE = Node("source", source_capacity=math.inf)
BUS = Node("bus", rate=0.01, repair=2.0)
LINE = Branch("line", "source", "bus", rate=0.2, repair=5.0)
POINT = LoadPoint("town", "bus", 1.0)


def network(**changes) -> Network:
    parts = {"nodes": (SOURCE, BUS), "branches": (LINE,), "load_points": (POINT,)}
    return Network(**{**parts, **changes})


def test_a_network_without_faults_in_it_is_taken():
    assert network().storage_node is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": (SOURCE, BUS, BUS)}, "element 'bus' is there more than once"),
        ({"branches": (LINE, replace(LINE, name="bus"))}, "element 'bus' is there more than once"),
        ({"load_points": (POINT, POINT)}, "load point 'town' is there more than once"),
        ({"branches": (replace(LINE, end="b"),)}, "branch line names 'b'"),
        ({"branches": (LINE, Branch("x", "bus", "bus"))}, "x starts and ends at 'bus'"),
        ({"branches": (replace(LINE, from_device="switch"),)}, "device 'switch' of branch line"),
        ({"branches": (replace(LINE, law="weibull"),)}, "law of line is 'weibull'"),
        ({"branches": (replace(LINE, rate=-0.1),)}, "rate of line is -0.1"),
        ({"branches": (replace(LINE, rate=math.nan),)}, "rate of line is nan"),
        ({"branches": (replace(LINE, repair=math.inf),)}, "repair of line is inf"),
        ({"branches": (replace(LINE, repair=0.0),)}, "line fails but has no repair time"),
        ({"branches": (replace(LINE, rate=100.0, repair=100.0),)}, "line would be out all year"),
        ({"branches": (replace(LINE, switching=-1.0),)}, "switching of line is -1.0"),
        ({"branches": (replace(LINE, capacity=-1.0),)}, "capacity of line is -1.0"),
        ({"branches": (replace(LINE, normal_capacity=-2.0),)}, "normal_capacity of line is -2.0"),
        ({"branches": (replace(LINE, automatic=True),)}, "branch line is closed"),
        ({"branches": (replace(LINE, success=0.9),)}, "branch line is closed"),
        (
            {"branches": (replace(LINE, normally_open=True, success=1.2),)},
            "success of line is 1.2, expected a finite number from 0 to 1",
        ),
        ({"branches": (replace(LINE, normally_open=True),)}, "no source feeds the load at bus"),
        ({"nodes": (replace(SOURCE, source_capacity=-1.0), BUS)}, "source_capacity of source"),
        ({"nodes": (replace(SOURCE, source_capacity=0.0), BUS)}, "no source feeds the load at bus"),
        ({"nodes": (SOURCE, replace(BUS, source_capacity=1.0))}, "sources bus and source feed"),
        ({"branches": (LINE, replace(LINE, name="second"))}, "closed branches around bus form a"),
        ({"load_points": (replace(POINT, node="b"),)}, "load point town names 'b'"),
        ({"load_points": (replace(POINT, load=-1.0),)}, "load of town is -1.0"),
        ({"load_points": (replace(POINT, load=0.0),)}, "the load points have no load"),
        ({"load_points": ()}, "the load points have no load"),
        ({"load_points": (replace(POINT, customers=-1.0),)}, "customers of town is -1.0"),
        ({"storage_node": "b"}, "storage names 'b'"),
        ({"common_modes": (CommonMode("storm", ("l",), 0.1, 5.0),)}, "storm names 'l'"),
        ({"common_modes": (CommonMode("storm", (), 0.1, 5.0),)}, "storm takes out nothing"),
        ({"common_modes": (CommonMode("line", ("line",), 0.1, 5.0),)}, "element 'line' is there"),
        ({"fuse_success": 1.5}, "fuse_success is 1.5"),
        ({"breaker_success": -0.5}, "breaker_success is -0.5"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        network(**changes)


def test_loops_and_several_sources_are_taken_if_asked_for():
    second = replace(LINE, name="second")
    assert not network(branches=(LINE, second), radial=False).radial
    assert not network(nodes=(SOURCE, replace(BUS, source_capacity=1.0)), radial=False).radial


def test_parts_may_have_a_source_each():
    other = (Node("source 2", source_capacity=5.0), Node("bus 2"))
    two = network(
        nodes=(SOURCE, BUS, *other), branches=(LINE, Branch("line 2", "source 2", "bus 2"))
    )
    assert len(two.branches) == 2
