"""Independent units in parallel: outage tables, loss of load, exact chains with storage."""
