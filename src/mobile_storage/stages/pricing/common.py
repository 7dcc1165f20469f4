"""Paths, parameters and names of cases that the stages of paper 1 share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mobile_storage.core.io import read_json
from mobile_storage.core.papers import PRICING
from mobile_storage.core.params import case_pair, read_section
from mobile_storage.pricing.model.setting import Setting

PARAMS = Path("params.yaml")
RAW = PRICING.raw
RESULTS = PRICING.results
FIGURES = PRICING.figures


def params() -> dict[str, Any]:
    """Read and check the section ``pricing`` of ``params.yaml``."""
    return read_section(PARAMS, "pricing")


def default_setting(tariff: str = "multi_grade") -> Setting:
    """Return the default variant for one of the two tariffs."""
    return Setting.of({**params()["default"], "tariff": tariff})


def case_results() -> dict[str, dict[str, Any]]:
    """Read the results of every case by its name in ``params.yaml``."""
    return {name: read_json(RESULTS / "cases" / f"{name}.json") for name in params()["cases"]}


def default_cases() -> tuple[str, str]:
    """Return the names of case 1 and case 2 in the default variant."""
    return case_pair(**params()["default"])
