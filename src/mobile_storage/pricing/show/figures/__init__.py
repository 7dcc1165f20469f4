"""Figures of paper 1: from results to matplotlib figures, in the compendium's style.

Nothing is solved here. A *case* is the record of a solved game, as `certificate.case_record` makes
it and ``data/results/bao2024/cases`` keeps it.
"""

from mobile_storage.pricing.show.figures.income import iteration, revenue_cost
from mobile_storage.pricing.show.figures.independence import agreement, ties
from mobile_storage.pricing.show.figures.market import choices, customers, prices
from mobile_storage.pricing.show.figures.model import game, grades
from mobile_storage.pricing.show.figures.sensitivity import sensitivity

__all__ = [
    "agreement",
    "choices",
    "customers",
    "game",
    "grades",
    "iteration",
    "prices",
    "revenue_cost",
    "sensitivity",
    "ties",
]
