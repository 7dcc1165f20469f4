"""Searches of paper 2: the best size, the scenarios, and the calibration."""
