"""A small flip test of each paper from the command line to its tables, and again after a stop."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from mobile_storage.core.papers import PAPERS
from mobile_storage.flip import __main__ as command
from mobile_storage.flip import committed, papers
from mobile_storage.flip.worlds import NO_SHARE, read_flip

#: Few enough that Morris' trajectories are short.
FACTORS = {
    "bao2024": ("scalars.labour_cost", "customers.outages_per_year", "customers.response_need_min"),
    "fu2024": ("network.transformer.rating", "economics.upgrade_cost", "readings.repair_law"),
}


@pytest.fixture
def small(monkeypatch):
    """The papers with three factors each, and for paper 2 short sweeps and searches."""
    whole = papers.flip_paper

    def flip_paper(paper):
        test = whole(paper)
        if paper == "fu2024":
            settings = {**test.settings, "load_rate": {**test.settings["load_rate"], "count": 3}}
            search = {**test.search, "population": 20, "iterations": 5}
            test = replace(test, settings=settings, search=search)
        test.__dict__["factors"] = [f for f in test.factors if f.name in FACTORS[paper]]
        return test

    for module in (command, committed):
        monkeypatch.setattr(module, "flip_paper", flip_paper)


@pytest.mark.slow
@pytest.mark.parametrize("paper", ["bao2024", "fu2024"])
def test_from_the_command_line(paper, small, tmp_path):
    output, cache = tmp_path / "flip", tmp_path / "cache"
    arguments = ["--paper", paper, "--workers", "0", "--samples", "10", "--trajectories", "2"]
    arguments += ["--checked", "1", "--output", str(output), "--cache", str(cache)]
    command.main(arguments)
    folder = output / paper
    found = read_flip(folder, PAPERS[paper].raw)
    assert found.factors["factor"].tolist() == [
        f.name for f in papers.flip_paper(paper).factors if f.name in FACTORS[paper]
    ]
    assert len(found.worlds) == 10
    assert len(pd.read_parquet(folder / "screening.parquet")) == 8
    claims = {c.removeprefix("holds.") for c in found.worlds if c.startswith("holds.")}
    assert set(found.summary["claim"]) == claims | set(found.run[NO_SHARE])
    assert found.run["status"]["worlds"] == found.worlds["status"].value_counts().to_dict()
    assert committed.check(paper, 2, folder=folder).empty

    # Everything is there: the second run asks nothing and writes the same bytes.
    before = {f.name: f.read_bytes() for f in folder.iterdir()}
    pieces = {f: f.stat().st_mtime_ns for f in cache.rglob("*.parquet")}
    command.main(arguments)
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before
    assert {f: f.stat().st_mtime_ns for f in cache.rglob("*.parquet")} == pieces
