"""Shares, thresholds and influences where they are known beforehand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from SALib.analyze import morris as morris_analysis
from SALib.sample import latin
from SALib.sample import morris as morris_sample

from mobile_storage.flip.analysis import analyse, elementary_effects, outcomes, write
from mobile_storage.flip.thresholds import LEAST, best_split, share, thresholds
from mobile_storage.flip.worlds import NO_SHARE

NAMES = ["cost", "life", "idle", "law"]
PROBLEM = {"num_vars": 4, "names": NAMES, "bounds": [[0.0, 1.0]] * 4}
FACTORS = pd.DataFrame(
    {
        "factor": NAMES,
        "unit": ["yuan", "yr", "m", "0: exponential; 1: fixed"],
        "scale": ["linear", "linear", "linear", "two-level"],
    }
)
RUN = {NO_SHARE: {"P2-13": "Not in the text."}}


def worlds(shares: np.ndarray) -> pd.DataFrame:
    """Cost is 10 to 20 yuan; P2-01 holds below 14, P2-07 always, P2-09 with the fixed law.

    Storage is built below 17 yuan, and with a life above 0.9 there is no answer.
    """
    x = shares * [10.0, 1.0, 1.0, 1.0] + [10.0, 0.0, 0.0, 0.0]
    x[:, 3] = shares[:, 3] >= 0.5
    answered = x[:, 1] <= 0.9
    frame = pd.DataFrame(x, columns=[f"x.{name}" for name in NAMES])
    claims = {"P2-01": 14.0 - x[:, 0], "P2-07": 1.0 + x[:, 2], "P2-09": x[:, 3] - 0.5}
    frame["status"] = np.where(answered, "answered", "invalid combination")
    frame["built"] = pd.array(x[:, 0] < 17.0, dtype="boolean")
    for claim, margin in claims.items():
        frame[f"margin.{claim}"] = np.where(answered, margin, np.nan)
        holds = pd.Series(margin >= 0, dtype="boolean")
        frame[f"holds.{claim}"] = holds.where(answered)
    return frame


@pytest.fixture(scope="module")
def cube() -> pd.DataFrame:
    return worlds(latin.sample(PROBLEM, 500, seed=1))


@pytest.fixture(scope="module")
def screening() -> pd.DataFrame:
    return worlds(morris_sample.sample(PROBLEM, 30, num_levels=4, seed=1))


@pytest.fixture(scope="module")
def found(cube, screening) -> dict[str, pd.DataFrame]:
    return analyse(cube, screening, FACTORS, RUN)


# ---- one split -------------------------------------------------------------------------------


def test_a_split_by_hand():
    """Of 4 that hold 3 are above 2.5, of 4 that do not 1 is: J = 3/4 - 1/4."""
    x = np.array([1.0, 1.5, 2.0, 2.4, 2.6, 3.0, 3.5, 4.0])
    holds = np.array([False, True, False, False, True, True, False, True])
    split = best_split(x, holds)
    assert split.threshold == pytest.approx(2.5)
    assert split.youden_j == pytest.approx(0.5)
    assert split.holds_above
    assert not best_split(-x, holds).holds_above


def test_the_split_is_the_best_of_all():
    """Against trying every place between two worlds."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        x = rng.random(60)
        holds = rng.random(60) < 0.2 + 0.6 * (x > 0.4)
        split = best_split(x, holds)
        every = np.sort(x)
        tried = [abs((x[holds] > at).mean() - (x[~holds] > at).mean()) for at in every]
        assert split.youden_j == pytest.approx(max(tried))
        at = split.threshold
        j = (x[holds] > at).mean() - (x[~holds] > at).mean()
        assert abs(j) == pytest.approx(split.youden_j)
        assert (j > 0) == split.holds_above


def test_nothing_splits_what_is_always_the_same():
    with pytest.raises(ValueError, match="the same in every world"):
        best_split(np.arange(5.0), np.ones(5, dtype=bool))


def test_an_interval_of_a_share_by_hand():
    """Wilson for 8 of 10 at 95 %: 0.490 to 0.943 (Brown, Cai and DasGupta 2001, Stat. Sci. 16)."""
    z2 = 1.959964**2
    centre, half = 0.8 + z2 / 20, 1.959964 * np.sqrt(0.8 * 0.2 / 10 + z2 / 400)
    interval = share("s", np.arange(10) < 8)
    assert interval["s"] == 0.8
    assert interval["s_low"] == pytest.approx((centre - half) / (1 + z2 / 10), rel=1e-6)
    assert interval["s_high"] == pytest.approx((centre + half) / (1 + z2 / 10), rel=1e-6)
    assert share("s", np.array([], dtype=bool)) == {}


# ---- one step at a time ----------------------------------------------------------------------


def test_effects_are_those_of_salib_where_every_world_has_an_answer():
    shares = morris_sample.sample(PROBLEM, 12, num_levels=4, seed=3)
    y = shares[:, 0] ** 2 - 3.0 * shares[:, 1] * shares[:, 3]
    effects = elementary_effects(pd.DataFrame(shares, columns=NAMES), pd.Series(y)) / (2 / 3)
    theirs = morris_analysis.analyze(PROBLEM, shares, y, num_levels=4)
    np.testing.assert_allclose(np.abs(effects).mean(axis=0), theirs["mu_star"])
    np.testing.assert_allclose(effects.mean(axis=0), theirs["mu"], atol=1e-12)


def test_a_world_without_an_answer_costs_its_two_steps_only():
    values = pd.DataFrame([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0], [1, 0]], columns=["a", "b"])
    y = pd.Series([0, 1, None, None, 1, 0], dtype="Float64")
    effects = elementary_effects(values, y)
    np.testing.assert_array_equal(effects, [[1, np.nan], [-1, np.nan]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [([[0, 0], [1, 0]], "no trajectories of 3"), ([[0, 0], [1, 1], [1, 0]], "one at a time")],
)
def test_what_is_no_morris_design_is_refused(rows, message):
    values = pd.DataFrame(rows, columns=["a", "b"])
    with pytest.raises(ValueError, match=message):
        elementary_effects(values, pd.Series(np.zeros(len(rows))))


# ---- all worlds ------------------------------------------------------------------------------


def test_an_outcome_is_missing_where_a_world_has_no_answer(cube):
    result = outcomes(cube)
    answered = cube["x.life"] <= 0.9
    assert (result["answered"] == answered).all()
    assert result.loc[~answered, ["built", "P2-01"]].isna().all(axis=None)
    assert result.loc[answered].notna().all(axis=None)


def test_the_summary_counts_what_was_asked(cube, found):
    rows = found["summary"].set_index("claim")
    assert rows.index.tolist() == ["P2-01", "P2-07", "P2-09", "P2-13"]
    asked = (cube["x.life"] <= 0.9).sum()
    assert rows.loc["P2-01", ["worlds", "asked"]].tolist() == [500, asked]
    row = rows.loc["P2-01"]
    assert row["share"] == pytest.approx(0.4, abs=0.03)
    assert row["share_low"] < 0.4 < row["share_high"]
    # All that holds is built: 0.4 of 0.7.
    assert row["holds_where_built"] == row["holds"]
    assert row["share_where_built"] == pytest.approx(4 / 7, abs=0.04)
    assert rows.loc["P2-07", "share"] == 1.0
    assert rows.loc["P2-07", "flips"] == ""
    assert rows.loc["P2-13", ["asked", "why"]].tolist() == [0, "Not in the text."]
    assert row["margin_p05"] < 14 - 19 < row["margin_p50"] < row["margin_p95"] < 4


def test_thresholds_are_where_they_were_put(found):
    rows = found["thresholds"]
    first = rows[(rows["rank"] == 1) & (rows["among"] == "all")].set_index("outcome")
    assert first["factor"].to_dict() == {
        "answered": "life",
        "built": "cost",
        "P2-01": "cost",
        "P2-09": "law",
    }
    row = first.loc["P2-01"]
    assert row["threshold"] == pytest.approx(14.0, abs=0.05)
    assert row["threshold_low"] <= row["threshold"] <= row["threshold_high"]
    assert not row["holds_above"]
    assert row["youden_j"] == 1.0
    assert (row["share_below"], row["share_above"]) == (1.0, 0.0)
    law = first.loc["P2-09"]
    assert law["threshold"] == 0.5
    assert np.isnan(law["threshold_low"])
    # P2-01 holds in some worlds where storage is built and fails in others; so does P2-09.
    assert set(rows.loc[rows["among"] == "built", "outcome"]) == {"P2-01", "P2-09"}
    words = found["summary"].set_index("claim")["flips"]
    assert words["P2-01"].startswith("cost < 14")
    assert words["P2-09"] == "law: fixed"


def test_an_idle_value_has_no_influence(found):
    rows = found["indices"].set_index(["outcome", "factor"])
    assert (rows.xs("idle", level="factor")["p_adjusted"].dropna() > 0.01).all()
    assert (rows.xs("idle", level="factor")["steps_that_flip"] == 0).all()
    assert rows.loc[("P2-01", "cost"), "youden_j"] == 1.0
    # Steps go from level 0 to 2/3 of the range, or from 1/3 to 1: both cross 0.4.
    assert rows.loc[("P2-01", "cost"), "steps_that_flip"] == 1.0
    assert rows.loc[("P2-09", "law"), "s1"] == pytest.approx(1.0, abs=0.15)
    assert rows.loc[("P2-07", "cost"), ["youden_j", "s1"]].isna().all()


def test_too_few_worlds_on_one_side_say_nothing():
    x = pd.DataFrame({"cost": np.linspace(0, 1, 200)})
    factors = FACTORS.head(1)
    for flipped, rows in ((LEAST - 1, 0), (LEAST, 1)):
        result = pd.DataFrame({"built": True, "P2-01": np.arange(200) < flipped}, dtype="boolean")
        assert len(thresholds(x, result, factors).query("outcome == 'P2-01'")) == rows


def test_few_worlds_are_counted_and_say_nothing_of_what_flips(cube, screening):
    found = analyse(cube.head(2 * LEAST - 1), screening, FACTORS, RUN)
    assert found["thresholds"].empty
    assert found["indices"][["youden_j", "s1"]].isna().all(axis=None)
    assert (found["indices"]["steps_that_flip"] > 0).any()
    assert found["summary"]["worlds"].tolist() == [2 * LEAST - 1] * 4


def test_the_files_are_the_same_on_every_run(cube, screening, tmp_path):
    cube.to_parquet(tmp_path / "worlds.parquet")
    screening.to_parquet(tmp_path / "screening.parquet")
    FACTORS.to_csv(tmp_path / "factors.csv", index=False)
    (tmp_path / "run.json").write_text('{"claims_without_share": {}}')
    texts = []
    for _ in range(2):
        write(tmp_path)
        names = ("summary", "indices", "thresholds")
        texts.append([(tmp_path / f"{name}.csv").read_bytes() for name in names])
    assert texts[0] == texts[1]
    assert all(len(text) > 100 for text in texts[0])
