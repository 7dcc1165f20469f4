"""Losses by an AC power flow of the same network in pandapower, hour by hour.

The formula of `losses` assumes the nominal voltage everywhere, an even flow over L1 and L2, loads
divided in proportion to the transformers' ratings, and lines that carry nothing but the loads. The
power flow solves Kirchhoff's laws instead. Voltages fall along lines and transformers, so the same
power takes more current. The lines also carry the transformers' losses and the reactive power of
their leakage. No-load losses follow the square of the voltage. `Solved` separates these effects.

The loads are those of the formula, each a constant power: the load points at their nodes, and the
other substation's load at the ends of the lines. Both methods leave out the spurs to the other
substation, its transformers, and the lines' capacitance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandapower as pp
import pandas as pd

from mobile_storage.core.ledger import ParameterSet, read_parameters
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.losses import losses_kw
from mobile_storage.mmbes.model.network import case_network
from mobile_storage.mmbes.model.reliability import base_load
from mobile_storage.mmbes.model.schedule import schedule

__all__ = [
    "ARRANGEMENTS",
    "Grid",
    "Solved",
    "build_grid",
    "hourly",
    "read_electrical",
    "solve",
]

SYMBOLS = {
    "reactance_over_resistance": (0.0, None),
    "short_circuit_voltage": (1e-6, 1.0),
    "no_load_current": (0.0, 1.0),
    "source_voltage": (0.5, 1.5),
}
"""Numbers of the ledger ``power_flow.csv``, all dimensionless, and their bounds."""

ARRANGEMENTS = ("closed", "open")
"""Section of the busbars ``closed``, as the formula has it, or ``open``, as in the case network."""

LOW_KV = 10.0
"""Voltage below the transformers, kV; it does not influence losses, as loads are powers."""

KW = 1000.0
"""kW per MW; pandapower uses MW."""

KW_DECIMALS = 8
"""Decimals of losses in kW. Their parts are differences of hundreds of kW with ten valid digits."""


@dataclass(frozen=True)
class Grid:
    """The network in pandapower, and how loads are distributed in it.

    Attributes
    ----------
    net : pandapowerNet
        Lines in the order of the formula's, transformers too; loads: own ones, the other
        substation's at the end of each line, the storage as the last (its load is negative).
    own_share : ndarray, shape (load points,)
        Share of each load point in the own load.
    other : float
        Load of the other substation over the own, for each line.
    reactive : float
        Reactive over active power of every load.
    """

    net: pp.pandapowerNet
    own_share: np.ndarray
    other: float
    reactive: float


@dataclass(frozen=True)
class Solved:
    """Result of the power flow for each hour, shape (hours,) each, in kW and shares.

    Attributes
    ----------
    lines_kw, transformers_kw : ndarray
        Losses of the lines whose losses count and of the transformers, no-load losses included.
    lines_by_flow_kw, lines_by_voltage_kw : ndarray
        Part by which ``lines_kw`` exceeds the formula because of more power at the end of the
        lines, and because of the voltage there.
    transformers_by_voltage_kw, no_load_by_voltage_kw : ndarray
        The same for the transformers' load losses and no-load losses, because of the voltage.
    lowest_voltage : ndarray
        Lowest voltage of all buses, over the nominal one.
    """

    lines_kw: np.ndarray
    transformers_kw: np.ndarray
    lines_by_flow_kw: np.ndarray
    lines_by_voltage_kw: np.ndarray
    transformers_by_voltage_kw: np.ndarray
    no_load_by_voltage_kw: np.ndarray
    lowest_voltage: np.ndarray

    @property
    def total_kw(self) -> np.ndarray:
        """All losses."""
        return self.lines_kw + self.transformers_kw


def read_electrical(folder) -> ParameterSet:
    """Read the ledger ``power_flow.csv``, with values that only the power flow needs.

    Raises
    ------
    InputError
        On a missing row or a value out of bounds.
    """
    return read_parameters(
        folder / "power_flow.csv", dict.fromkeys(SYMBOLS, "dimensionless"), bounds=SYMBOLS
    )


def build_grid(raw: RawMmbes, electrical: ParameterSet, arrangement: str) -> Grid:
    """Build the network of the ledgers in pandapower.

    Lines that start at a source and transformers have impedances, all other closed branches none;
    those are the elements whose losses the formula counts. Open branches stay open, but for the
    section between the transformers' lower sides in the arrangement ``closed``.

    Raises
    ------
    ValueError
        On another arrangement.
    """
    if arrangement not in ARRANGEMENTS:
        raise ValueError(f"the arrangement {arrangement!r} is none of {', '.join(ARRANGEMENTS)}")
    substation, network = build(raw)[0], case_network(raw)
    kinds = {name: row["kind"] for name, row in raw.parts.items()}
    sources = {name for name, kind in kinds.items() if kind == "source"}
    counted = [b for b in network.branches if kinds[b.name] == "line" and b.start in sources]
    every = [b for b in network.branches if kinds[b.name] == "transformer"]
    shut = [b for b in network.branches if not b.normally_open]
    lines, transformers = ([b for b in part if b in shut] for part in (counted, every))
    plain = [b for b in shut if b not in lines and b not in transformers]
    low = _fed_by(plain, {b.end for b in transformers} | {p.node for p in network.load_points})
    x = substation.losses
    net = pp.create_empty_network()
    bus = {
        node.name: pp.create_bus(net, LOW_KV if node.name in low else x.voltage_kv)
        for node in network.nodes
    }
    for name in sorted(sources & {b.start for b in shut}):
        pp.create_ext_grid(net, bus[name], vm_pu=electrical["source_voltage"])
    resistances = {b.name: r for b, r in zip(counted, x.line_resistance_ohm, strict=True)}
    for b in lines:
        pp.create_line_from_parameters(
            net,
            bus[b.start],
            bus[b.end],
            length_km=1.0,
            r_ohm_per_km=resistances[b.name],
            x_ohm_per_km=resistances[b.name] * electrical["reactance_over_resistance"],
            c_nf_per_km=0.0,
            max_i_ka=1.0,
        )
    for b in transformers:
        k = every.index(b)
        rating = x.transformer_rating_kva[k]
        pp.create_transformer_from_parameters(
            net,
            bus[b.start],
            bus[b.end],
            sn_mva=rating / KW,
            vn_hv_kv=x.voltage_kv,
            vn_lv_kv=LOW_KV,
            vk_percent=100.0 * electrical["short_circuit_voltage"],
            vkr_percent=100.0 * x.load_loss_kw[k] / rating,
            pfe_kw=x.no_load_loss_kw[k],
            # The current without load carries the no-load loss, too.
            i0_percent=100.0 * max(electrical["no_load_current"], x.no_load_loss_kw[k] / rating),
        )
    pairs = [(b.start, b.end) for b in plain]
    if arrangement == "closed":
        ends = [b.end for b in transformers]
        pairs += [(ends[0], end) for end in ends[1:] if end != ends[0]]
    for start, end in pairs:
        pp.create_switch(net, bus[start], bus[end], et="b")
    for point in network.load_points:
        pp.create_load(net, bus[point.node], p_mw=0.0)
    for b in lines:
        pp.create_load(net, bus[b.end], p_mw=0.0)
    pp.create_load(net, bus[network.storage_node], p_mw=0.0)
    return Grid(
        net,
        np.array([p.load for p in network.load_points]),
        (1.0 / x.own_share - 1.0) / len(lines),
        float(np.tan(np.arccos(substation.power_factor))),
    )


def _fed_by(branches, nodes: set[str]) -> set[str]:
    """Return the nodes and all nodes joined to them by closed branches without impedance."""
    joined = set(nodes)
    while more := {n for b in branches for n in (b.start, b.end) if {b.start, b.end} & joined}:
        if more <= joined:
            break
        joined |= more
    return joined


def solve(grid: Grid, load_kw: np.ndarray, storage_kw: np.ndarray | float = 0.0) -> Solved:
    """Solve the AC power flow of each hour by Newton's method, starting from the hour before.

    Parameters
    ----------
    load_kw : ndarray, shape (hours,)
        Active load of the substation.
    storage_kw : ndarray, shape (hours,)
        Discharging less charging, without reactive power, as in `losses.losses_kw`.

    Raises
    ------
    pandapower.LoadflowNotConverged
        If the network cannot carry the load.
    """
    net, rows = grid.net, []
    power = np.append(np.append(grid.own_share, np.full(len(net.line), grid.other)), 0.0)
    for own, given in np.broadcast(load_kw, storage_kw):
        net.load["p_mw"] = power * own / KW
        net.load["q_mvar"] = power * own * grid.reactive / KW
        net.load.loc[net.load.index[-1], "p_mw"] = -given / KW
        pp.runpp(net, init="results" if rows else "flat", numba=False, tolerance_mva=1e-9)
        rows.append(_read(grid, float(own), float(given)))
    return Solved(*(np.array(column) for column in zip(*rows, strict=True)))


def _read(grid: Grid, own: float, given: float) -> tuple[float, ...]:
    """The fields of `Solved` for the hour just solved."""
    net = grid.net
    line, high, low = net.line, net.res_trafo["vm_hv_pu"], net.res_trafo["vm_lv_pu"]
    kv2 = net.bus["vn_kv"].loc[line["to_bus"]].to_numpy() ** 2
    per_mva2 = KW * line["r_ohm_per_km"].to_numpy() / kv2
    mva2 = (net.res_line["p_to_mw"] ** 2 + net.res_line["q_to_mvar"] ** 2).to_numpy()
    volt2 = net.res_line["vm_to_pu"].to_numpy() ** 2
    # Total power that the formula assigns to all lines.
    total = own + grid.other * len(line) * own
    reactive = grid.reactive * total
    even = ((total - given) ** 2 + reactive**2) / (KW * len(line)) ** 2
    rated = (net.trafo["vkr_percent"] / 100.0 / net.trafo["sn_mva"]).to_numpy() * KW
    through = (net.res_trafo["p_lv_mw"] ** 2 + net.res_trafo["q_lv_mvar"] ** 2).to_numpy()
    return (
        KW * net.res_line["pl_mw"].sum(),
        KW * net.res_trafo["pl_mw"].sum(),
        float(per_mva2 @ (mva2 - even)),
        float(per_mva2 @ (mva2 * (1.0 / volt2 - 1.0))),
        float(rated @ (through * (1.0 / low.to_numpy() ** 2 - 1.0))),
        # The branch of the no-load losses sits in the middle of the equivalent circuit.
        float(net.trafo["pfe_kw"] @ (((high + low) / 2.0) ** 2 - 1.0)),
        net.res_bus["vm_pu"].min(),
    )


def hourly(
    raw: RawMmbes, electrical: ParameterSet, sizes: Mapping[str, tuple[float, float]]
) -> pd.DataFrame:
    """Compute the losses of every step of the typical days by formula and by power flow.

    Parameters
    ----------
    sizes : mapping
        Energy, kWh, and power, kW, by name. The case ``none``, without storage, is added first.

    Returns
    -------
    DataFrame
        ``arrangement``, ``size``, ``day_type``, ``hour``, ``load_kw``, ``storage_kw`` (discharging
        less charging), ``formula_kw``, ``power_flow_kw`` and the fields of `Solved`;
        kW to `KW_DECIMALS`.
    """
    substation, _ = build(raw)
    load = base_load(substation)
    curves = substation.curves
    days, steps = load.shape
    cycles = {"none": np.zeros_like(load)}
    for name, (energy_kwh, power_kw) in sizes.items():
        cycle = schedule(load, energy_kwh, power_kw, substation.battery)
        cycles[name] = cycle.discharge_kw - cycle.charge_kw
    parts = []
    for arrangement in ARRANGEMENTS:
        grid = build_grid(raw, electrical, arrangement)
        for name, storage in cycles.items():
            solved = solve(grid, load.ravel(), storage.ravel())
            parts.append(
                pd.DataFrame(
                    {
                        "arrangement": arrangement,
                        "size": name,
                        "day_type": np.repeat(curves.names, steps),
                        "hour": np.tile(np.arange(steps) * curves.step_h, days),
                        "load_kw": load.ravel(),
                        "storage_kw": storage.ravel(),
                        "formula_kw": sum(losses_kw(substation, load, storage)).ravel(),
                        "power_flow_kw": solved.total_kw,
                        **vars(solved),
                    }
                )
            )
    hours = pd.concat(parts, ignore_index=True)
    return hours.round({name: KW_DECIMALS for name in hours if name.endswith("_kw")})
