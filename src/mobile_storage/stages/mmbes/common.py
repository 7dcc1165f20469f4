"""Paths, parameters and parameter sets that the stages of paper 2 share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mobile_storage.core.io import read_json
from mobile_storage.core.papers import MMBES
from mobile_storage.core.params import read_section
from mobile_storage.mmbes.model.raw import RawMmbes, read_raw

PARAMS = Path("params.yaml")
RAW = MMBES.raw
RESULTS = MMBES.results
FIGURES = MMBES.figures


def params() -> dict[str, Any]:
    """Read and check the section ``mmbes`` of ``params.yaml``."""
    return read_section(PARAMS, "mmbes")


def parameter_set(name: str) -> RawMmbes:
    """Read the ledgers with the moves and readings of a parameter set (``sets/<name>.json``)."""
    return read_raw(RAW).replace(read_json(RESULTS / "sets" / f"{name}.json")["moves"])


def bounds() -> tuple[float, float]:
    """Return the largest energy, kWh, and power, kW, of a search."""
    values = params()["bounds"]
    return values["energy_kwh"], values["power_kw"]
