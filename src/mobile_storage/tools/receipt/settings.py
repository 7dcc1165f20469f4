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
    if not isinstance(section, Mapping) or set(section) != set(kinds):
        raise InputError(
            file=PARAMS,
            where="verify",
            value=section,
            expected=f"a section with {', '.join(kinds)}",
        )
    for name, example in kinds.items():
        if kind_of(section[name]) != kind_of(example):
            raise InputError(
                file=PARAMS,
                where=f"verify.{name}",
                value=section[name],
                expected=kind_of(example),
            )
    for name, check in section["checks"].items():
        if not isinstance(check, Mapping) or set(check) != {"call", "arguments"}:
            raise InputError(
                file=PARAMS,
                where=f"verify.checks.{name}",
                value=check,
                expected="call (module:function) and arguments",
            )
    for at, entry in enumerate(section["noise"]):
        names = {"files": "", "places": "", "within": 0.0}
        if (
            not isinstance(entry, Mapping)
            or set(entry) != set(names)
            or any(kind_of(entry[name]) != kind_of(like) for name, like in names.items())
            or not 0.0 < entry["within"] < math.inf
        ):
            raise InputError(
                file=PARAMS,
                where=f"verify.noise, entry {at + 1}",
                value=entry,
                expected="files and places (patterns) and within (a positive number)",
            )
    noise = tuple(Noise(**entry) for entry in section["noise"])
    tolerance = Tolerance(float(section["relative"]), int(section["pixel_level"]), noise)
    return Settings(tolerance, tuple(section["quick"]), section["checks"])
