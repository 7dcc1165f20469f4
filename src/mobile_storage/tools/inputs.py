"""Check the ledgers before any stage runs, so that a mistake in one is answered at once."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

from mobile_storage.core.claims import read_claims
from mobile_storage.core.errors import DoubtWarning
from mobile_storage.core.papers import CLAIMS, PAPERS
from mobile_storage.core.params import load_yaml

__all__ = ["check_inputs"]


def check_inputs(packages: Collection[str]) -> None:
    """Read the ledgers of papers in the current folder and build their models.

    Parameters
    ----------
    packages : collection of str
        Packages of the papers, as in `core.papers`.

    Raises
    ------
    InputError
        At the first mistake. Doubtful values are left to the stages, which warn of them.
    """
    params = load_yaml(Path("params.yaml"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtWarning)
        for paper in PAPERS.values():
            if paper.package in packages:
                data = import_module(f"mobile_storage.{paper.package}.model.data")
                readings = params[paper.package].get("model", {})
                data.build(data.read_raw(paper.raw), **readings)
                read_claims(CLAIMS, paper.key)
