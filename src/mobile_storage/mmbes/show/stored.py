"""What the stages of paper 2 stored, as the notebooks read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mobile_storage.core.io import read_json
from mobile_storage.core.params import OBJECTIVES, SETS
from mobile_storage.mmbes.claims import SetResults
from mobile_storage.mmbes.model.data import RawMmbes, read_raw

__all__ = [
    "by_problem",
    "families",
    "member_outcomes",
    "optima",
    "outcomes",
    "parameter_sets",
    "storage_size",
    "with_ensemble",
]

PROBLEMS = tuple(f"{name}_{kind}" for kind in OBJECTIVES for name in SETS)
"""Every parameter set with every objective, as the files of the optima are called."""


def parameter_sets(data_dir: str | Path, results_dir: str | Path) -> dict[str, RawMmbes]:
    """The ledgers of every parameter set.

    Parameters
    ----------
    data_dir : path
        Folder of the ledgers.
    results_dir : path
        Folder of the results, with the moves of each set in ``sets/<name>.json``.
    """
    raw = read_raw(data_dir)
    return {s: raw.replace(read_json(Path(results_dir, f"sets/{s}.json"))["moves"]) for s in SETS}


def storage_size(
    results_dir: str | Path,
    set_name: str,
    energy_kwh: float | None = None,
    power_kw: float | None = None,
) -> dict[str, float]:
    """Energy, kWh, and power, kW, of the storage that a notebook looks at.

    Where `energy_kwh` or `power_kw` is None, it is that of the stage ``mmbes_adequacy``: the best
    size of the set, or the published one where the best is nothing.
    """
    stored = read_json(Path(results_dir, f"adequacy/{set_name}.json"))["size"]
    own = {"energy_kwh": energy_kwh, "power_kw": power_kw}
    return {k: stored[k] if value is None else float(value) for k, value in own.items()}


def optima(results_dir: str | Path) -> dict[str, dict[str, Any]]:
    """Records of the stage ``mmbes_optimum`` by parameter set and objective."""
    return {name: read_json(Path(results_dir, f"optimum/{name}.json")) for name in PROBLEMS}


def by_problem(results_dir: str | Path, part: str) -> dict[str, pd.DataFrame]:
    """``grid``, ``curves`` or ``seeds`` of the stage ``mmbes_optimum``, by set and objective."""
    return {name: pd.read_csv(Path(results_dir, f"optimum/{name}_{part}.csv")) for name in PROBLEMS}


def families(results_dir: str | Path, family: str) -> dict[str, pd.DataFrame]:
    """The rows of one family of scenarios by parameter set."""
    return {s: pd.read_csv(Path(results_dir, f"scenarios/{s}_{family}.csv")) for s in SETS}


def with_ensemble(
    frames: Mapping[str, pd.DataFrame],
    members: Sequence[Mapping[str, Any]],
    family: str,
    series: str | None = None,
) -> dict[str, pd.DataFrame]:
    """Scenarios of the parameter sets, then of the members of the ensemble, by rising value.

    Parameters
    ----------
    frames : mapping
        Rows of a family of scenarios by parameter set.
    members : sequence of mapping
        Records of the ensemble.
    family : str
        Name of the family in those records.
    series : str, optional
        The only series that is kept.
    """
    every = {**frames, **{f"member {k}": pd.DataFrame(m[family]) for k, m in enumerate(members, 1)}}
    if series is not None:
        every = {name: f[f["series"] == series] for name, f in every.items()}
    return {name: f.sort_values("value") for name, f in every.items()}


def outcomes(results_dir: str | Path) -> dict[str, SetResults]:
    """Return the results of each parameter set, as the claims read them."""
    return {s: SetResults.read(results_dir, s) for s in SETS}


def member_outcomes(members: Sequence[Mapping[str, Any]]) -> list[SetResults]:
    """Return the results of each member of the ensemble, from its record."""
    return [SetResults.of(member) for member in members]
