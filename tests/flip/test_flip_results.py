"""What the ledger, the tables and the figures make of a flip test."""

from __future__ import annotations

import json
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mobile_storage.core.errors import InputError
from mobile_storage.flip import figures
from mobile_storage.flip.tables import (
    explained_alone,
    factor_table,
    influence_table,
    reading_table,
    share_table,
    status_table,
    strongest_table,
    tables,
    threshold_table,
    world_text,
)
from mobile_storage.flip.worlds import (
    EARLIER_LEDGERS,
    OTHER_DATA,
    FlipTest,
    condition,
    levels,
    percent,
    plausible_worlds,
    raw_digest,
    read_flip,
    read_summary,
    short,
)

LAW = "0: exponential; 1: fixed"
CLAIMS = pd.DataFrame(
    {
        "id": ["P2-01", "P2-07", "P2-13"],
        "statement": ["Capacity", "Rises", "Loss rate"],
        "verdict": ["not reproduced", "qualitatively reproduced", "not determinable"],
    }
)


def toy() -> FlipTest:
    """400 worlds: P2-01 holds where x is above 6, P2-07 always; 40 worlds have no answer."""
    x = np.linspace(0.5, 10.0, 400)
    answered = np.arange(400) % 10 > 0
    holds = pd.array(x > 6, dtype="boolean")
    worlds = pd.DataFrame(
        {
            "x.battery.life": x,
            "x.readings.law": np.arange(400) % 2,
            "status": np.where(answered, "answered", "invalid combination"),
            "why": np.where(answered, "", "shares above 1"),
            "built": answered & (x > 2),
            "holds.P2-01": holds,
            "holds.P2-07": pd.array([True] * 400, dtype="boolean"),
        }
    )
    factors = pd.DataFrame(
        {
            "factor": ["battery.life", "readings.law"],
            "unit": ["yr", LAW],
            "scale": ["log", "two-level"],
            "default": [5.0, 0.0],
            "low": [0.5, 0.0],
            "high": [10.0, 1.0],
            "name": ["Calendar life", "Law of repair"],
            "status": ["assumed", "reading"],
            "rows": [1, 2],
        }
    )
    split = {"outcome": "P2-01", "unit": "yr", "scale": "log", "holds_above": True}
    share = {"share_below_low": 0.0, "share_below_high": 0.02, "worlds_below": 210}
    share |= {"share_above_low": 0.98, "share_above_high": 1.0, "worlds_above": 150}
    split |= {"factor": "battery.life", "share_below": 0.0, "share_above": 1.0, **share}
    thresholds = pd.DataFrame(
        [
            split
            | {"among": "all", "rank": 1, "threshold": 6.0, "youden_j": 1.0}
            | {"threshold_low": 5.9, "threshold_high": 6.1},
            split
            | {"among": "all", "rank": 2, "threshold": 0.5, "youden_j": 0.3}
            | {"factor": "readings.law", "unit": LAW, "scale": "two-level"},
        ]
    )
    indices = pd.DataFrame(
        {
            "outcome": ["P2-01", "P2-01", "P2-07"],
            "factor": ["battery.life", "readings.law", "battery.life"],
            "youden_j": [1.0, 0.3, None],
            "p_adjusted": [0.0, 0.5, None],
            "holds_above": [False, True, None],
            "s1": [0.9, 0.0, None],
            "s1_conf": [0.05, 0.05, None],
            "steps": [10, 10, 10],
            "steps_that_flip": [0.5, 0.0, 0.0],
        }
    )
    summary = pd.DataFrame(
        {
            "claim": CLAIMS["id"],
            "worlds": 400,
            "asked": [360, 360, 0],
            "holds": [150, 360, 0],
            "share": [150 / 360, 1.0, None],
            "share_low": [0.37, 0.99, None],
            "share_high": [0.47, 1.0, None],
            "built": [300, 300, 0],
            "holds_where_built": [150, 300, 0],
            "share_where_built": [0.5, 1.0, None],
            "share_where_built_low": [0.44, 0.99, None],
            "share_where_built_high": [0.56, 1.0, None],
            "flips": ["battery.life > 6", "", ""],
            "flips_where_built": "",
            "why": ["", "", "Feeders are not in the text."],
        }
    )
    return FlipTest(summary, indices, thresholds, factors, worlds, {"raw_digest": "x"})


# ---- for which data --------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    raw, flip = tmp_path / "raw", tmp_path / "flip"
    raw.mkdir()
    flip.mkdir()
    (raw / "a.csv").write_text("1\n")
    (raw / "b.csv").write_text("2\n")
    test = toy()
    for name in ("summary", "indices", "thresholds", "factors"):
        getattr(test, name).to_csv(flip / f"{name}.csv", index=False)
    test.worlds.to_parquet(flip / "worlds.parquet")
    (flip / "run.json").write_text(json.dumps({"raw_digest": raw_digest(raw)}))
    return flip, raw


def test_results_are_read_for_the_data_that_they_belong_to(folders):
    summary = read_summary(folders[0])
    assert plausible_worlds(*folders) == {
        "P2-01": "42 % of 360; 50 % of 300 with storage",
        "P2-07": "100 % of 360; 100 % of 300 with storage",
    }
    assert summary["why"].tolist()[:2] == ["", ""]
    flip = read_flip(*folders)
    assert flip.worlds.equals(toy().worlds)
    assert flip.current


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: (raw / "a.csv").write_text("1.5\n"),
        lambda raw: (raw / "a.csv").rename(raw / "c.csv"),
        lambda raw: (raw / "new.csv").write_text(""),
        lambda raw: (raw / "b.csv").unlink(),
    ],
    ids=["edited", "renamed", "added", "removed"],
)
def test_results_of_earlier_ledgers_are_marked(folders, change):
    change(folders[1])
    assert plausible_worlds(*folders)["P2-01"] == (
        "42 % of 360; 50 % of 300 with storage (earlier ledgers)"
    )
    flip = read_flip(*folders)
    assert not flip.current


def test_whatever_shows_a_flip_test_of_earlier_ledgers_says_so():
    flip = replace(toy(), run={"trajectories": 3}, current=False)
    for _, rows, _ in tables(flip, CLAIMS):
        assert set(rows["Computed with"]) == {"earlier ledgers"}
    assert world_text(flip).endswith(f"places. {EARLIER_LEDGERS}")
    for figure in figures.figures(flip, CLAIMS).values():
        assert figure.get_suptitle() == EARLIER_LEDGERS
        plt.close(figure)


def test_no_flip_test_at_all_is_none(tmp_path, folders):
    assert read_summary(tmp_path / "nothing") is None
    assert read_flip(tmp_path / "nothing", folders[1]) is None
    assert plausible_worlds(tmp_path / "nothing", folders[1]) == {}


def test_where_storage_is_built_everywhere_one_share_is_enough(folders):
    toy().summary.assign(built=[360, 0, 0]).to_csv(folders[0] / "summary.csv", index=False)
    found = plausible_worlds(*folders)
    assert found == {"P2-01": "42 % of 360", "P2-07": "100 % of 360"}


def test_a_folder_without_ledgers_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected the CSV files of a paper"):
        raw_digest(tmp_path)


# ---- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 2048, "0 %"),
        (1, 2048, "< 1 %"),
        (11, 2000, "1 %"),
        (2047, 2048, "> 99 %"),
        (2048, 2048, "100 %"),
        (1, 3, "33 %"),
    ],
)
def test_a_share_is_never_rounded_to_none_or_all(part, whole, text):
    assert percent(part, whole) == text


@pytest.mark.parametrize(
    ("threshold", "above", "text"),
    [(0.5, True, "law: b or c"), (0.5, False, "law: a"), (1.5, True, "law: c")],
)
def test_a_side_of_a_reading_names_its_levels(threshold, above, text):
    unit = "0: a; 1: b; 2: c"
    assert levels(unit) == ["a", "b", "c"]
    row = {"factor": "law", "scale": "three-level", "unit": unit, "threshold": threshold}
    assert condition(row, above=above) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (38_312_345.6, 3, "38,300,000"),
        (999.9, 3, "1,000"),
        (0.03119, 3, "0.0312"),
        (0, 3, "0"),
        (-101_512.0, 5, "-101,510"),
        (1234.56, 5, "1,234.6"),
        (9999.6, 4, "10,000"),
    ],
)
def test_a_number_in_short(value, digits, text):
    assert short(value, digits) == text


def test_a_share_of_ranges_is_not_mistaken_for_a_value():
    row = {"factor": "outages", "scale": "quantile", "unit": "", "threshold": 0.61}
    assert condition(row, above=True) == "outages > 0.61 of its ranges"


# ---- tables ----------------------------------------------------------------------------------


def test_the_table_of_shares_has_every_claim_and_why_some_have_none():
    table = share_table(toy(), CLAIMS).set_index("Claim")
    assert table.loc["P2-01", "Share that holds"] == "41.7 % (37 to 47)"
    assert table.loc["P2-01", "Share where storage is built"] == "50 % (44 to 56)"
    assert table.loc["P2-13", "Share that holds"] == ""
    assert table.loc["P2-13", "No share because"] == "Feeders are not in the text."


def test_the_table_of_thresholds_says_which_side_and_how_much():
    first, second = threshold_table(toy()).to_dict("records")
    assert first["Likelier with"] == "battery.life > 6"
    assert (first["Share below"], first["Share above"]) == ("0 % (0 to 2)", "100 % (98 to 100)")
    assert first["Threshold, 95 %"] == "5.9 to 6.1"
    assert second["Likelier with"] == "readings.law: fixed"
    assert second["Threshold, 95 %"] == ""


def test_the_table_of_influences_leaves_out_chance_and_signs_the_rest():
    table = influence_table(toy())
    assert table.to_dict("records") == [{"Value": "battery.life", "P2-01": -1.0}]


def test_the_strongest_values_come_with_all_three_measures():
    (row,) = strongest_table(toy()).to_dict("records")
    assert (row["Outcome"], row["Value"], row["Helps"]) == ("P2-01", "battery.life", "low")
    assert (row["Youden's J"], row["S1"], row["Steps that flip"]) == (1.0, 0.9, "50 %")


def test_every_value_that_differs_is_listed():
    assert factor_table(toy())["Value"].tolist() == ["battery.life", "readings.law"]


@pytest.mark.parametrize(
    ("counts", "flips", "reading"),
    [
        ((100, 95, 50, 50), "", "Holds nearly whatever the missing values are."),
        ((100, 40, 40, 40), "a > 1", "Holds nearly wherever storage is built."),
        ((100, 5, 50, 2), "a > 1", "Fails nearly whatever the missing values are."),
        ((100, 0, 0, 0), "", "Fails nearly whatever the missing values are."),
        ((100, 4, 40, 4), "", "Holds only where storage is built, in 10 % of those worlds."),
        ((100, 20, 40, 20), "", "Holds only where storage is built, in 50 % of those worlds."),
        ((100, 50, 60, 40), "a > 1", "Hangs on the missing values; likelier with a > 1."),
        ((100, 50, 60, 40), "", "Hangs on the missing values, but on no single one of them."),
        ((0, 0, 0, 0), "", "Not asked in a world. Too dear."),
    ],
)
def test_a_share_in_words(counts, flips, reading):
    asked, holds, built, holds_where_built = counts
    row = {"claim": "P2-01", "asked": asked, "holds": holds, "share": holds / max(asked, 1)}
    row |= {"built": built, "holds_where_built": holds_where_built, "why": "Too dear."}
    row |= {"share_where_built": holds_where_built / built if built else np.nan}
    row |= {"flips": flips, "flips_where_built": ""}
    table = reading_table(replace(toy(), summary=pd.DataFrame([row])), CLAIMS)
    assert table["Reading"].tolist() == [reading]


def test_the_table_of_worlds_counts_every_one():
    table = status_table(toy())
    assert table["What becomes of a world"].tolist() == ["answered", "invalid combination"]
    assert table["Worlds"].tolist() == [360, 40]
    assert table["Why, most often"].tolist() == ["", "shares above 1"]


def test_the_worlds_are_counted_in_a_sentence():
    assert world_text(replace(toy(), run={"trajectories": 3})) == (
        "400 worlds of 2 values, and one value at a time from 3 places"
    )


def test_only_values_told_from_chance_count_as_explaining_alone():
    assert explained_alone(toy()) == ["P2-01: 0.90"]


def test_without_a_flip_test_there_are_no_tables_and_no_figures():
    assert list(tables(None, CLAIMS)) == []
    assert figures.figures(None, CLAIMS) == {}
    assert world_text(None) == OTHER_DATA
    assert explained_alone(None) == []
    figure = figures.shares(None, CLAIMS)
    assert [text.get_text() for text in figure.axes[0].texts] == [OTHER_DATA]
    plt.close(figure)


# ---- figures ---------------------------------------------------------------------------------


@pytest.fixture
def drawn():
    found = figures.figures(toy(), CLAIMS)
    yield found
    plt.close("all")


def test_every_claim_has_a_bar_and_its_verdict(drawn):
    worlds, main = drawn["flip_shares"].axes[:2]
    holds = [bar for bar in main.patches if bar.get_x() == 0]
    assert [bar.get_width() for bar in holds] == pytest.approx([150 / 360, 1.0])
    texts = [text.get_text() for text in main.texts]
    assert "42 % | not reproduced" in texts
    assert "No share: Feeders are not in the text." in texts
    # Built, not built, without an answer: together all worlds.
    assert sum(bar.get_width() for bar in worlds.patches) == pytest.approx(1.0)
    assert len(worlds.patches) == 3


def test_the_influence_is_marked_where_it_is_not_chance(drawn):
    ax = drawn["flip_influence"].axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["battery.life"]
    assert [(line.get_marker(), *line.get_xydata()[0]) for line in ax.lines] == [("v", 0, 0)]


def test_what_cannot_be_told_from_chance_is_not_drawn():
    chance = replace(toy(), indices=toy().indices.assign(p_adjusted=1.0))
    flat = replace(toy(), thresholds=toy().thresholds.head(0))
    for figure in (figures.influence(chance), figures.along(flat, CLAIMS)):
        assert "No single value" in figure.axes[0].texts[0].get_text()
        plt.close(figure)


def test_shares_along_a_value_step_at_its_threshold(drawn):
    along = [ax for ax in drawn["flip_along"].axes if ax.get_visible()]
    assert len(along) == 2
    shares = along[0].lines[0].get_xydata()
    assert all(share in (0, 100) or 5.5 < x < 6.5 for x, share in shares)
    assert {0, 100} <= set(shares[:, 1])
    assert [label.get_text() for label in along[1].get_xticklabels()] == ["exponential", "fixed"]
