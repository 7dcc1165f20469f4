"""Simulated outages of a whole network, with all that can overlap.

Components fail and are repaired as `outages` draws it; `supply` says what is
fed meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.analytic.network import Network
from mobile_storage.adequacy.checks import require_number
from mobile_storage.adequacy.simulation.episodes import DailyOperation, walk
from mobile_storage.adequacy.simulation.estimate import Estimate, Moments, Sampling, estimate
from mobile_storage.adequacy.simulation.outages import (
    Process,
    draw_overlapping,
    draw_single,
    single_paths,
)
from mobile_storage.adequacy.simulation.supply import Supply

__all__ = ["NetworkResult", "simulate_network"]


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """What a year is expected to bring.

    Energy is in units of power times hours. A load point is interrupted while it is not fed in
    full; loads that share a capacity are cut by the same part. All but the energy with storage is
    without storage. What the intact network cannot feed counts, but an interruption counts only if
    it begins during an outage.

    Attributes
    ----------
    eens_without, eens_with, eens_saved : Estimate
        Energy not supplied without and with storage, and the difference (from the same faults).
    saifi, saidi : Estimate
        Interruptions of a customer, 1/yr, and time of interruption, h/yr; ``nan`` without any.
    frequency, outage_h, eens : Estimate, shape (load points,)
        Interruptions of each load point, 1/yr, their time, h/yr, and energy not supplied.
    """

    eens_without: Estimate
    eens_with: Estimate
    eens_saved: Estimate
    saifi: Estimate
    saidi: Estimate
    frequency: Estimate
    outage_h: Estimate
    eens: Estimate


def simulate_network(
    network: Network,
    operation: DailyOperation | None = None,
    sampling: Sampling | None = None,
    batch_size: int = 500,
    overlaps: int = 16,
) -> NetworkResult:
    """Simulate the outages of a network.

    Parameters
    ----------
    network : Network
        The network; at least one element can fail.
    operation : DailyOperation, optional
        Total load and storage; if not given, the loads of the load points, and no storage.
    sampling : Sampling, optional
        When to stop; the energy not supplied must be precise, without and with storage.
    batch_size : int
        Samples in a batch: episodes without overlap of each component.
    overlaps : int
        Episodes with overlapping outages in each sample.

    Raises
    ------
    ValueError
        If nothing can fail, or a number of samples is no whole number of at least 1.
    """
    batch_size = int(require_number("batch_size", batch_size, least=1, whole=True))
    overlaps = int(require_number("overlaps", overlaps, least=1, whole=True))
    if operation is None:
        total = sum(point.load for point in network.load_points)
        operation = DailyOperation(np.array([[total]]), np.ones(1))
    levels, level = np.unique(operation.load, return_inverse=True)
    level = level.reshape(operation.load.shape)
    supply = Supply(network, levels)
    if not supply.components:
        raise ValueError("nothing in the network can fail: at least one rate must be above 0")
    process = Process.of(supply)
    single = single_paths(supply)
    customers = np.array([point.customers for point in network.load_points], dtype=float)
    with np.errstate(invalid="ignore"):
        customers /= customers.sum()
    often = np.bincount(
        level.ravel(),
        np.repeat(operation.day_probability / level.shape[1], level.shape[1]),
        len(levels),
    )
    _, _, unfed_at = supply.tables()
    normal_hours = process.normal_h * often
    always = np.stack((0.0 * unfed_at[0], unfed_at[0] > 0.0, unfed_at[0]), axis=2)
    always = np.tensordot(normal_hours, always, axes=1)

    def batch(rng: np.random.Generator) -> dict[str, Moments]:
        alone = draw_single(rng, process, batch_size)
        joint = draw_overlapping(rng, process, supply, batch_size, overlaps)
        unfed, reachable, unfed_at = supply.tables()
        ens = np.zeros((batch_size, 2))
        at = np.zeros((batch_size, len(customers), 3))
        for (row, weight, duration, path), paths in ((alone, single), joint):
            found = walk(
                row,
                weight,
                *operation.draw(rng, len(row)),
                duration,
                path,
                *paths,
                level,
                unfed,
                reachable,
                unfed_at,
                operation.energy,
                operation.power,
                batch_size,
            )
            ens += found[0]
            at += found[1]
        ens += always[:, 2].sum()
        at += always
        return {
            "eens_without": Moments.of(ens[:, 0]),
            "eens_with": Moments.of(ens[:, 1]),
            "eens_saved": Moments.of(ens[:, 0] - ens[:, 1]),
            "saifi": Moments.of(at[:, :, 0] @ customers),
            "saidi": Moments.of(at[:, :, 1] @ customers),
            "frequency": Moments.of(at[:, :, 0]),
            "outage_h": Moments.of(at[:, :, 1]),
            "eens": Moments.of(at[:, :, 2]),
        }

    return NetworkResult(**estimate(batch, ("eens_without", "eens_with"), sampling or Sampling()))
