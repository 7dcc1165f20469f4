"""Figures of paper 2: from results to matplotlib figures, in the compendium's style.

Nothing is searched or calibrated here. A *row* is what `report.describe` says of a size; mappings
by parameter set (``literature``, ``calibrated``) keep their order in panels and legends.
"""

from .calibration import calibration, ensemble, implied
from .flowchart import flowchart
from .independence import independence, power_flow
from .network import network
from .operation import schedule, soc
from .optimum import attributes, convergence, optimum_map
from .outages import adequacy
from .scenarios import cognition, extreme, importance, load_rate, reference
from .theory import value_function, weighting

__all__ = [
    "adequacy",
    "attributes",
    "calibration",
    "cognition",
    "convergence",
    "ensemble",
    "extreme",
    "flowchart",
    "implied",
    "importance",
    "independence",
    "load_rate",
    "network",
    "optimum_map",
    "power_flow",
    "reference",
    "schedule",
    "soc",
    "value_function",
    "weighting",
]
