"""The two papers as flip tests, set up from the ledgers and from ``params.yaml``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import yaml

import mobile_storage
from mobile_storage.core.claims import read_claims
from mobile_storage.core.ledger import ParameterSet
from mobile_storage.core.papers import CLAIMS, MMBES, PAPERS, PRICING
from mobile_storage.core.params import read_section
from mobile_storage.flip.design import Factor
from mobile_storage.flip.mmbes import Mmbes
from mobile_storage.flip.pricing import Pricing
from mobile_storage.mmbes.model.data import read_raw as read_mmbes
from mobile_storage.pricing.model.data import read_raw as read_pricing
from mobile_storage.pricing.model.setting import Setting

__all__ = [
    "NOT_ASKED",
    "Design",
    "FlipPaper",
    "design",
    "fingerprint",
    "flip_paper",
]

#: Claims that cannot be asked in a world, and why.
NOT_ASKED = {
    PRICING.key: {
        "P1-01": "Eq. (1) is how the model builds its prices: in every world, whatever the values.",
        "P1-09": "The published cells are not in the text, so there is nothing to compare with.",
    },
    MMBES.key: {
        "P2-13": "The published rate is that of a whole distribution system, of which the paper "
        "describes a few parts only; no value in the ledgers stands for the rest.",
    },
}


class FlipPaper(Protocol):
    """A paper that can be asked in any world."""

    raw: Any
    factors: list[Factor]

    def answer(self, world: Mapping[str, float], number: int) -> dict[str, Any]:
        """Row of a world."""


@dataclass(frozen=True)
class Design:
    """Which worlds are asked about: ``flip`` of ``params.yaml``.

    Attributes
    ----------
    samples : int
        Worlds of the Latin hypercube.
    trajectories, levels : int
        Paths of Morris' method, and the places on each range that they visit.
    seed : int
        Of both.
    checked : int
        Worlds in which the quick search is held against the full one (paper 2).
    """

    samples: int
    trajectories: int
    levels: int
    seed: int
    checked: int = 0


def _params() -> dict[str, Any]:
    return yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["flip"]


def design(paper: str, **changed: int | None) -> Design:
    """Design of a paper; other numbers for those of its entries that are given and not None."""
    usual = _params()[paper]["design"]
    given = {k: v for k, v in changed.items() if v is not None and k in usual}
    return Design(**{**usual, **given})


def flip_paper(paper: str, raw_folder: str | Path | None = None) -> FlipPaper:
    """A paper with its ledgers and settings.

    Raises
    ------
    InputError
        If something in the ledgers is wrong.
    """
    folder = Path(raw_folder or PAPERS[paper].raw)
    if paper == PRICING.key:
        values = read_section("params.yaml", PRICING.package)
        return Pricing(
            raw=read_pricing(folder),
            setting=Setting.of({**values["default"], "tariff": "multi_grade"}),
            solver=values["solver"],
            limits=values["limits"],
            rounds=values["iteration"]["rounds"],
            kkt_every=_params()[paper]["kkt_every"],
        )
    values = read_section("params.yaml", MMBES.package)
    claims = [c for c in read_claims(CLAIMS, paper) if c.id not in NOT_ASKED[paper]]
    limit = next(float(c.published_value) for c in claims if c.id == "P2-17")
    return Mmbes(
        raw=read_mmbes(folder),
        claims=claims,
        settings=values["scenarios"],
        bounds=(values["bounds"]["energy_kwh"], values["bounds"]["power_kw"]),
        search={**values["evolution"], "tolerance": values["tolerance"]},
        convergence=values["convergence"],
        iterations=int(limit),
    )


def fingerprint(paper: str, test: FlipPaper, worlds: pd.DataFrame) -> str:
    """SHA-256 of all that the answers in some worlds depend on: them, the data and the code."""
    digest = hashlib.sha256(worlds.to_csv().encode())
    for field in dataclasses.fields(test):
        digest.update(f"{field.name}: {_written(getattr(test, field.name))}\n".encode())
    code = Path(mobile_storage.__file__).parent
    for package in ("core", *PAPERS[paper].libraries, PAPERS[paper].package, "flip"):
        for file in sorted((code / package).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _written(value: Any) -> str:
    """Text of a value that says all of it, whatever the machine and the run."""
    if isinstance(value, pd.DataFrame):
        return value.to_csv()
    if isinstance(value, ParameterSet):
        return json.dumps({s: vars(value.parameter(s)) for s in value})
    if dataclasses.is_dataclass(value):
        parts = ((f.name, _written(getattr(value, f.name))) for f in dataclasses.fields(value))
        return "; ".join(f"{name}: {text}" for name, text in parts)
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True)
    return repr(value)
