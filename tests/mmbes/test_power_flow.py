"""The AC power flow against closed forms, a published result, and the formula as its limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

from mobile_storage.core.errors import InputError
from mobile_storage.mmbes.analysis.power_flow import (
    ARRANGEMENTS,
    build_grid,
    hourly,
    read_electrical,
    solve,
)
from mobile_storage.mmbes.analysis.power_flow_losses import causes, yearly
from mobile_storage.mmbes.model.data import build, read_raw
from mobile_storage.mmbes.model.losses import losses_kw

TRANSFORMERS = ("T1", "T2")


@pytest.fixture(scope="module")
def raw(repository):
    return read_raw(repository / "data/raw/fu2024")


@pytest.fixture(scope="module")
def electrical(repository):
    return read_electrical(repository / "data/raw/fu2024")


def without_cores(raw, **moves):
    """No losses and no current without load."""
    cores = {f"network.{t}.no_load_loss": 0.0 for t in TRANSFORMERS}
    return raw.replace(cores | moves)


def two_bus_loss(p, q, r, x, volt):
    """Losses of one impedance that feeds p + jq, by the quadratic in the far voltage squared."""
    b = volt**2 - 2.0 * (r * p + x * q)
    far2 = (b + np.sqrt(b**2 - 4.0 * (r**2 + x**2) * (p**2 + q**2))) / 2.0
    return r * (p**2 + q**2) / far2, np.sqrt(far2)


@pytest.mark.parametrize("source_voltage", [0.98, 1.0, 1.05])
def test_two_equal_paths_by_the_closed_form(raw, electrical, source_voltage):
    """Lines that serve nobody else, with the section closed: half of one path's impedance."""
    alone = without_cores(raw, **{"substation.distribution_ratio": 1.0})
    values = electrical.replace({"no_load_current": 0.0, "source_voltage": source_voltage})
    x = build(alone)[0]
    load = np.array([4000.0, 12000.0, 20000.0])
    found = solve(build_grid(alone, values, "closed"), load)
    rating, kv = x.losses.transformer_rating_kva[0] / 1000.0, x.losses.voltage_kv
    base, copper = kv**2 / rating, x.losses.load_loss_kw[0] / 1000.0 / rating
    leakage = np.sqrt(values["short_circuit_voltage"] ** 2 - copper**2)
    line = x.losses.line_resistance_ohm[0]
    r, reactance = (line + copper * base) / 2.0, (line + leakage * base) / 2.0
    p = load / 1000.0
    q = p * np.tan(np.arccos(x.power_factor))
    loss, far = two_bus_loss(p, q, r, reactance, kv * source_voltage)
    assert found.total_kw == pytest.approx(1000.0 * loss, rel=1e-7)
    assert found.lowest_voltage == pytest.approx(far / kv, rel=1e-8)
    # Nothing is left unexplained where there are no cores and both paths are the same.
    parts = found.lines_by_flow_kw + found.lines_by_voltage_kw + found.transformers_by_voltage_kw
    assert found.total_kw - parts == pytest.approx(sum(losses_kw(x, load)), rel=1e-7)
    assert found.no_load_by_voltage_kw == pytest.approx(0.0)


def test_pandapower_gives_the_result_of_its_documentation():
    """The minimal example: 20 kV source at 1.02, a transformer, 100 m of cable, 100 kW, 50 kvar."""
    net = pp.create_empty_network()
    source, middle, end = (pp.create_bus(net, kv) for kv in (20.0, 0.4, 0.4))
    pp.create_ext_grid(net, source, vm_pu=1.02)
    pp.create_load(net, end, p_mw=0.1, q_mvar=0.05)
    pp.create_transformer(net, source, middle, std_type="0.4 MVA 20/0.4 kV")
    pp.create_line(net, middle, end, length_km=0.1, std_type="NAYY 4x50 SE")
    pp.runpp(net, numba=False)
    assert net.res_bus["vm_pu"].tolist() == pytest.approx([1.02, 1.008843, 0.964431], abs=1e-6)
    assert net.res_line["pl_mw"].iloc[0] == pytest.approx(0.005392, abs=1e-6)


def test_the_formula_is_the_limit_of_a_stiff_network_without_reactive_power(raw, electrical):
    """With all impedances a hundredth, the voltage's fall and the lines' extra flow vanish."""
    off = []
    for share in (1.0, 0.1, 0.01):
        stiff = without_cores(
            raw,
            **{"substation.line_resistance": 0.17 * share, "substation.power_factor": 1.0},
            **{f"network.{t}.load_loss": 90.0 * share for t in TRANSFORMERS},
        )
        resistive = electrical.replace(
            {
                "reactance_over_resistance": 0.0,
                "no_load_current": 0.0,
                "short_circuit_voltage": 90.0 * share / 20000.0 * (1.0 + 1e-9),
            }
        )
        load = np.array([8000.0, 20000.0])
        storage = np.array([-1500.0, 3000.0])
        found = solve(build_grid(stiff, resistive, "closed"), load, storage)
        off.append(found.total_kw / sum(losses_kw(build(stiff)[0], load, storage)) - 1.0)
    assert np.all(np.array(off[0]) > 1e-3)
    assert off[1] == pytest.approx(off[0] / 10.0, rel=0.1)
    assert off[2] == pytest.approx(off[0] / 100.0, rel=0.1)


def test_with_the_section_open_storage_relieves_one_side_only(raw, electrical):
    load, storage = np.array([15000.0]), np.array([3000.0])
    shut, apart = (solve(build_grid(raw, electrical, a), load, storage) for a in ARRANGEMENTS)
    bare_shut, bare_apart = (solve(build_grid(raw, electrical, a), load) for a in ARRANGEMENTS)
    assert bare_apart.total_kw == pytest.approx(bare_shut.total_kw, rel=1e-8)
    assert bare_apart.total_kw > apart.total_kw > shut.total_kw


def test_no_load_losses_follow_the_square_of_the_voltage(raw, electrical):
    """At next to no load all that is left is the cores, at the source's voltage."""
    for volt in (0.95, 1.0, 1.05):
        grid = build_grid(raw, electrical.replace({"source_voltage": volt}), "open")
        found = solve(grid, np.array([1e-3]))
        assert found.total_kw == pytest.approx(44.0 * volt**2, rel=2e-3)
        assert found.no_load_by_voltage_kw == pytest.approx(44.0 * (volt**2 - 1.0), abs=0.02)


def test_one_line_carries_all_if_the_other_is_open(raw, electrical):
    """With the section open there is no way to half of the load, and the network says so. With it
    closed, the other line carries all but what substation 2 no longer gets from the tee of L1."""
    opened = raw.network["component"] == "L1"
    cut = raw.network.assign(state=raw.network["state"].mask(opened, "open"))
    with pytest.raises(InputError, match="no source feeds the load at bus_I"):
        build_grid(replace(raw, network=cut), electrical, "closed")
    section = cut["component"] == "QF5"
    shut = replace(raw, network=cut.assign(state=cut["state"].mask(section, "closed")))
    one, both = (solve(build_grid(r, electrical, "closed"), np.array([1e4])) for r in (shut, raw))
    assert one.lines_kw > 1.5 * both.lines_kw


def test_other_arrangements_and_values_out_of_bounds_are_refused(raw, electrical, edited_copy):
    with pytest.raises(ValueError, match="'meshed' is none of closed, open"):
        build_grid(raw, electrical, "meshed")
    folder = edited_copy(
        raw.folder,
        "power_flow.csv",
        lambda rows: [*rows[:-1], rows[-1] | {"value": "9"}],
    )
    with pytest.raises(InputError, match="line 5, column value: found '9'"):
        read_electrical(folder)


def test_years_by_hand(substation):
    """1 and 2 kW all year without storage, 0.75 and 1 kW with it."""
    names = substation.curves.names
    rows = [
        {"arrangement": "open", "size": size, "day_type": day, "hour": float(hour)}
        | {"formula_kw": formula, "power_flow_kw": flow, "lowest_voltage": 1.0 - hour / 100.0}
        | dict.fromkeys(("lines_by_flow_kw", "lines_by_voltage_kw"), 0.25)
        | dict.fromkeys(("transformers_by_voltage_kw", "no_load_by_voltage_kw"), 0.0)
        for size, formula, flow in (("none", 1.0, 2.0), ("some", 0.75, 1.0))
        for day in names
        for hour in range(24)
    ]
    none, some = yearly(substation, pd.DataFrame(rows)).to_dict("records")
    assert (none["formula_kwh"], none["power_flow_kwh"]) == pytest.approx((8760.0, 17520.0))
    assert none["off"] == pytest.approx(1.0)
    assert np.isnan(none["reduction_off"])
    assert some["formula_reduction_kwh"] == pytest.approx(2190.0)
    assert some["power_flow_reduction_kwh"] == pytest.approx(8760.0)
    assert some["reduction_off"] == pytest.approx(3.0)
    assert some["lowest_voltage"] == pytest.approx(0.77)
    first = causes(substation, pd.DataFrame(rows)).iloc[0]
    assert first["flow_kwh"] == pytest.approx(2190.0)
    assert first["rest_kwh"] == pytest.approx(8760.0 - 2 * 2190.0)


@pytest.mark.slow
def test_hours_hold_the_model_s_own_loads_and_storage(raw, electrical):
    hours = hourly(raw, electrical, {"published": (4986.83, 3330.0)})
    x = build(raw)[0]
    assert len(hours) == 2 * 2 * x.curves.shape.size
    bare = hours[(hours["arrangement"] == "open") & (hours["size"] == "none")]
    assert bare["load_kw"].max() == pytest.approx(x.peak_kw)
    assert not bare["storage_kw"].any()
    stored = hours[hours["size"] == "published"].groupby("arrangement")["storage_kw"].sum()
    assert (stored < 0).all()  # losses of the cycle
    year = causes(x, hours)
    parts = year.drop(columns=["arrangement", "size", "power_flow_kwh"]).sum(axis=1)
    assert parts.to_numpy() == pytest.approx(year["power_flow_kwh"].to_numpy())
    # The power flow loses a few per cent more, and not much of it for reasons that have no name.
    assert yearly(x, hours)["off"].between(0.01, 0.06).all()
    assert (year["rest_kwh"].abs() < 0.1 * (year["power_flow_kwh"] - year["formula_kwh"])).all()
