"""Exact solution of leader-follower problems in Pyomo by their KKT conditions."""

from mobile_storage.bilevel.errors import (
    BilevelModelError,
    IntegerFollowerError,
    LeaderVariableError,
    MethodError,
    MissingBoundError,
    NonconvexFollowerError,
    SolverUnavailableError,
    StrongDualityError,
    UnboundedProductError,
)
from mobile_storage.bilevel.ranges import Interval, value_ranges
from mobile_storage.bilevel.result import BigM, BilevelResult, Certificate, Status
from mobile_storage.bilevel.solve import solve_bilevel

__all__ = [
    "BigM",
    "BilevelModelError",
    "BilevelResult",
    "Certificate",
    "IntegerFollowerError",
    "Interval",
    "LeaderVariableError",
    "MethodError",
    "MissingBoundError",
    "NonconvexFollowerError",
    "SolverUnavailableError",
    "Status",
    "StrongDualityError",
    "UnboundedProductError",
    "solve_bilevel",
    "value_ranges",
]
