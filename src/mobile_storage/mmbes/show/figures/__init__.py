"""Figures of paper 2: from results to matplotlib figures, in the compendium's style.

Nothing is searched or calibrated here. A *row* is what `report.describe` says of a size; mappings
by parameter set (``literature``, ``calibrated``) keep their order in panels and legends.
"""

from mobile_storage.mmbes.show.figures.calibration import calibration, ensemble, implied
from mobile_storage.mmbes.show.figures.flowchart import flowchart
from mobile_storage.mmbes.show.figures.independence import independence, power_flow
from mobile_storage.mmbes.show.figures.network import network
from mobile_storage.mmbes.show.figures.operation import schedule, soc, typical_days
from mobile_storage.mmbes.show.figures.optimum import attributes, convergence, optimum_map
from mobile_storage.mmbes.show.figures.outages import adequacy
from mobile_storage.mmbes.show.figures.scenarios import (
    cognition,
    extreme,
    importance,
    load_rate,
    reference,
)
from mobile_storage.mmbes.show.figures.sweeps import along_energy, expected_cost, rate_trends
from mobile_storage.mmbes.show.figures.theory import value_function, weighting

__all__ = [
    "adequacy",
    "along_energy",
    "attributes",
    "calibration",
    "cognition",
    "convergence",
    "ensemble",
    "expected_cost",
    "extreme",
    "flowchart",
    "implied",
    "importance",
    "independence",
    "load_rate",
    "network",
    "optimum_map",
    "power_flow",
    "rate_trends",
    "reference",
    "schedule",
    "soc",
    "typical_days",
    "value_function",
    "weighting",
]
