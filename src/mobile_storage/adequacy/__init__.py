"""Adequacy: how much load a system fails to serve, with and without storage.

General tools, in no way tied to one paper: fault-consequence analysis of radial networks, outage
tables, storage that serves an island, credible capacity, and a Monte Carlo simulation written apart
from all of them. Power is in one unit throughout (any), energy in that unit times hours, time in
hours, failure rates in 1/yr; a year has 8760 h.
"""

HOURS_PER_YEAR = 8760.0
