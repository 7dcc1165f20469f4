"""Generating units in parallel: outage tables, loss of load, storage. README.md is the way in."""
