"""The committed worlds against the model as it is."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from mobile_storage.core.errors import InputError
from mobile_storage.core.papers import PAPERS
from mobile_storage.flip.committed import check
from mobile_storage.flip.papers import NOT_ASKED, design, flip_paper


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_some_worlds_come_out_again(repository, paper):
    found = check(paper, 4, seed=2)
    assert found.empty, found.to_string()


@pytest.mark.slow
def test_a_changed_number_is_found(repository, tmp_path):
    """One quantity of the only world that is asked again."""
    folder = tmp_path / "fu2024"
    shutil.copytree(repository / "data/flip/fu2024", folder)
    worlds = pd.read_parquet(folder / "worlds.parquet").iloc[:1]
    worlds["q.eens_before_kwh"] *= 1.01
    worlds.to_parquet(folder / "worlds.parquet")
    found = check("fu2024", 1, folder=folder)
    assert found["column"].tolist() == ["q.eens_before_kwh"]


def test_worlds_of_other_ledgers_are_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"raw_digest": "of others"}')
    with pytest.raises(InputError, match="make flip"):
        check("fu2024", folder=tmp_path)


@pytest.mark.parametrize("paper", PAPERS)
def test_the_committed_design_is_that_of_the_parameters(repository, paper):
    folder = repository / "data/flip" / paper
    worlds = pd.read_parquet(folder / "worlds.parquet")
    screening = pd.read_parquet(folder / "screening.parquet")
    chosen, factors = design(paper), flip_paper(paper).factors
    assert worlds["world"].tolist() == list(range(chosen.samples))
    assert len(screening) == chosen.trajectories * (len(factors) + 1)
    places = [c.removeprefix("x.") for c in worlds if c.startswith("x.")]
    assert places == [f.name for f in factors]
    claims = {c.removeprefix("holds.") for c in worlds if c.startswith("holds.")}
    count = {"bao2024": 9, "fu2024": 18}[paper]
    assert len(claims | set(NOT_ASKED[paper])) == len(claims) + len(NOT_ASKED[paper]) == count
    for claim in claims:
        asked = worlds[f"holds.{claim}"].notna()
        holds = worlds.loc[asked, f"holds.{claim}"].astype(bool)
        assert ((worlds.loc[asked, f"margin.{claim}"] >= 0) == holds).all()
