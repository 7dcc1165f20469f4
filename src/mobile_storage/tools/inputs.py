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
from mobile_storage.flip.worlds import EARLIER_LEDGERS, is_current, read_summary

__all__ = ["check_inputs", "earlier_flip_tests"]


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


def earlier_flip_tests(packages: Collection[str]) -> list[str]:
    """Return a sentence for each paper whose flip test was computed with earlier ledgers.

    The tables of such a flip test stay, with a mark.
    """
    return [
        f"Paper {paper.number}: {EARLIER_LEDGERS[0].lower()}{EARLIER_LEDGERS[1:]} Until then its "
        "tables and figures are marked."
        for paper in PAPERS.values()
        if paper.package in packages
        and read_summary(paper.flip) is not None
        and not is_current(paper.flip, paper.raw)
    ]
