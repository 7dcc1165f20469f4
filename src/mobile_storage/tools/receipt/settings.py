"""Section ``verify`` of ``params.yaml``: what counts as equal, and what else is run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from mobile_storage.core.errors import InputError, kind_of
from mobile_storage.tools.receipt.compare import Noise, Tolerance
from mobile_storage.tools.receipt.snapshot import Files

__all__ = ["PARAMS", "Settings", "read_settings"]

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Settings:
    """Section ``verify`` of ``params.yaml``.

    Attributes
    ----------
    tolerance : Tolerance
    quick : tuple of str
        Stages of the smaller verification.
    checks : mapping
        ``call`` and ``arguments`` of each further check, by its name.
    """

    tolerance: Tolerance
    quick: tuple[str, ...]
    checks: Mapping[str, Mapping[str, object]]


def read_settings(files: Files) -> Settings:
    """Read section ``verify`` of ``params.yaml``.

    Raises
    ------
    InputError
        If the file or the section is missing, or a value is of another kind than it has to be.
    """
    try:
        section = (yaml.safe_load(files[PARAMS]) or {})["verify"]
    except (KeyError, TypeError, yaml.YAMLError):
        section = None
    kinds = {"relative": 0.0, "pixel_level": 0, "noise": [], "quick": [], "checks": {}}
    expected = f"a section with {', '.join(kinds)}"
    _require(isinstance(section, Mapping) and set(section) == set(kinds), "", section, expected)
    for name, example in kinds.items():
        kind = kind_of(example)
        _require(kind_of(section[name]) == kind, f".{name}", section[name], kind)
    for name, check in section["checks"].items():
        good = isinstance(check, Mapping) and set(check) == {"call", "arguments"}
        _require(good, f".checks.{name}", check, "call (module:function) and arguments")
    names = {"files": "a text", "places": "a text", "within": "a number"}
    for at, entry in enumerate(section["noise"], start=1):
        found = entry if isinstance(entry, Mapping) else {}
        good = {name: kind_of(value) for name, value in found.items()} == names
        good = good and 0.0 < found["within"] < math.inf
        expected = "files and places (patterns) and within (a positive number)"
        _require(good, f".noise, entry {at}", entry, expected)
    noise = tuple(Noise(**entry) for entry in section["noise"])
    tolerance = Tolerance(float(section["relative"]), int(section["pixel_level"]), noise)
    return Settings(tolerance, tuple(section["quick"]), section["checks"])


def _require(good: bool, where: str, value: object, expected: str) -> None:
    if not good:
        raise InputError(file=PARAMS, where=f"verify{where}", value=value, expected=expected)
