"""Monte Carlo simulation of all outages of a network, including those that overlap.

`outages` draws failures and repairs of the components; `supply` computes the load served meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobile_storage.adequacy.analytic.network import Network
from mobile_storage.adequacy.checks import require_number
from mobile_storage.adequacy.estimate import Estimate, Moments, Sampling, estimate
from mobile_storage.adequacy.simulation.episodes import DailyOperation, Tables, walk
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
    """Expected values for a year.

    Energy is in units of power times hours. Everything but the energy with storage is without
    storage. A load point is interrupted while it is not served in full; loads that share a capacity
    are curtailed by the same part. Load that the intact network cannot serve counts, but an
    interruption counts only if it begins during an outage.

    Attributes
    ----------
    eens_without, eens_with, eens_saved : Estimate
        Energy not supplied without and with storage, and the difference, from the same faults.
    saifi, saidi : Estimate
        Interruptions of the average customer, 1/yr, and their time, h/yr; ``nan`` if there is no
        customer.
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
        At least one element must be able to fail.
    operation : DailyOperation, optional
        Total load and storage; by default the loads of the load points and no storage.
    sampling : Sampling, optional
        When to stop: the energy not supplied must be precise, without and with storage.
    batch_size : int
        Samples in a batch. Each sample has one episode without overlap of each component.
    overlaps : int
        Episodes with overlapping outages in each sample.

    Raises
    ------
    ValueError
        If nothing can fail, or a number of samples is not a whole number of at least 1.
    """
    batch_size = int(require_number("batch_size", batch_size, least=1, whole=True))
    overlaps = int(require_number("overlaps", overlaps, least=1, whole=True))
    if operation is None:
        total = sum(point.load for point in network.load_points)
        operation = DailyOperation(np.array([[total]]), np.ones(1))
    days, steps = operation.load.shape
    levels, flat = np.unique(operation.load, return_inverse=True)
    level = flat.reshape(days, steps)
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
        np.repeat(operation.day_probability / steps, steps),
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
        for episodes, paths in ((alone, single), joint):
            ens_of_paths, at_of_paths = walk(
                episodes,
                operation.draw(rng, len(episodes.row)),
                paths,
                Tables(level, unfed, reachable, unfed_at),
                operation.energy,
                operation.power,
                batch_size,
            )
            ens += ens_of_paths
            at += at_of_paths
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
