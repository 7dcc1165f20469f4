"""Figures of paper 1: from results to matplotlib figures, in the compendium's style.

Nothing is solved here. A *case* is the record of a solved game, as `certificate.case_record` makes
it and ``data/results/bao2024/cases`` keeps it.
"""

from .income import iteration, revenue_cost
from .independence import agreement, ties
from .market import choices, customers, prices
from .model import game, grades
from .sensitivity import sensitivity

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
