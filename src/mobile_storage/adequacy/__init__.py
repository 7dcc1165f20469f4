"""Adequacy: the load that a system fails to serve, with and without storage.

General tools that do not depend on a paper: fault-consequence analysis of networks, storage that
serves an island, capacity credit, outage tables of units, and an independent Monte Carlo
simulation. README.md says which file answers which question. Power is in any one unit, energy in
that unit times hours, time in hours, failure rates in 1/yr; a year has 8760 h.
"""

HOURS_PER_YEAR = 8760.0
