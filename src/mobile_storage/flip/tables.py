"""Tables of the flip test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from mobile_storage.core.numbers import short
from mobile_storage.flip.worlds import (
    EARLIER_LEDGERS,
    NEARLY_ALL,
    OTHER_DATA,
    FlipTest,
    condition,
    percent,
)

__all__ = [
    "explained_alone",
    "factor_table",
    "influence_table",
    "reading_table",
    "share_table",
    "status_table",
    "strongest_table",
    "tables",
    "threshold_table",
    "world_text",
]

SIGNIFICANT = 0.01
"""False discovery rate up to which an influence is shown."""


def world_text(flip: FlipTest | None) -> str:
    """How many worlds there are, and of how many values; that there are none without a flip test.

    Parameters
    ----------
    flip : FlipTest or None
        None where there is no flip test of the data at hand.
    """
    if flip is None:
        return OTHER_DATA
    text = (
        f"{len(flip.worlds):,} worlds of {len(flip.factors)} values, and one value at a time from "
        f"{flip.run['trajectories']} places"
    )
    return text if flip.current else f"{text}. {EARLIER_LEDGERS}"


def explained_alone(flip: FlipTest | None) -> list[str]:
    """Share of each outcome's variance that single values explain, one line an outcome.

    The sum of S1 over the values that are told from chance. No lines without a flip test.
    """
    if flip is None:
        return []
    known = flip.indices[flip.indices["p_adjusted"] <= SIGNIFICANT]
    shares = known.groupby("outcome", sort=False)["s1"].sum()
    return [f"{flip.names.get(outcome, outcome)}: {share:.2f}" for outcome, share in shares.items()]


def factor_table(flip: FlipTest) -> pd.DataFrame:
    """What differs between the worlds: one row a value, or values that move together."""
    columns = {
        "factor": "Value",
        "name": "What it is",
        "unit": "Unit",
        "low": "Low",
        "high": "High",
        "scale": "Drawn",
        "default": "In the ledger",
        "status": "Status",
        "rows": "Rows",
    }
    return flip.factors[list(columns)].rename(columns=columns)


def reading_table(flip: FlipTest, claims: pd.DataFrame) -> pd.DataFrame:
    """What the shares make of each verdict, in words.

    Parameters
    ----------
    flip : FlipTest
    claims : DataFrame
        As in `share_table`.
    """
    rows = flip.summary.merge(claims, left_on="claim", right_on="id", how="inner")
    return pd.DataFrame(
        {
            "Claim": rows["claim"],
            "Verdict": rows["verdict"],
            "Holds": [percent(r.holds, r.asked) if r.asked else "" for r in rows.itertuples()],
            f"Where {flip.names['built']}": [
                percent(r.holds_where_built, r.built) if r.built else "" for r in rows.itertuples()
            ],
            "Reading": [_reading(r, flip.names["built"]) for r in rows.itertuples()],
        }
    )


def _reading(row: Any, built: str) -> str:
    if not row.asked:
        return f"Not asked in a world. {row.why}"
    if row.share >= NEARLY_ALL:
        return "Holds nearly whatever the missing values are."
    gated = 0 < row.built < row.asked / 2
    if gated and row.share_where_built >= NEARLY_ALL:
        return f"Holds nearly wherever {built}."
    if max(row.share, row.share_where_built if row.built else 0) <= 1 - NEARLY_ALL:
        return "Fails nearly whatever the missing values are."
    if gated and row.holds == row.holds_where_built:
        share = percent(row.holds, row.built)
        there = f", likelier with {row.flips_where_built}" if row.flips_where_built else ""
        return f"Holds only where {built}, in {share} of those worlds{there}."
    if row.flips:
        return f"Hangs on the missing values; likelier with {row.flips}."
    return "Hangs on the missing values, but on no single one of them."


def strongest_table(flip: FlipTest, most: int = 3) -> pd.DataFrame:
    """The values that flip each outcome most, by three measures.

    Parameters
    ----------
    flip : FlipTest
    most : int
        Values for each outcome.
    """
    known = flip.indices[flip.indices["p_adjusted"] <= SIGNIFICANT]
    known = known.sort_values("youden_j", ascending=False, kind="stable")
    known = known.groupby("outcome", sort=False).head(most)
    order = {outcome: k for k, outcome in enumerate(dict.fromkeys(flip.indices["outcome"]))}
    known = known.sort_values("outcome", key=lambda c: c.map(order), kind="stable")
    return pd.DataFrame(
        {
            "Outcome": known["outcome"].replace(flip.names),
            "Value": known["factor"],
            "Helps": known["holds_above"].astype(bool).map({True: "high", False: "low"}),
            "Youden's J": known["youden_j"].round(2),
            "S1": known["s1"].round(2),
            "S1, half of its 95 %": known["s1_conf"].round(2),
            "Steps": known["steps"],
            "Steps that flip": [f"{100 * share:.0f} %" for share in known["steps_that_flip"]],
        }
    )


def share_table(flip: FlipTest, claims: pd.DataFrame) -> pd.DataFrame:
    """One row a claim: verdict, share of the worlds in which it holds, and what flips it.

    Parameters
    ----------
    flip : FlipTest
    claims : DataFrame
        The paper's verdicts: ``id``, ``statement``, ``verdict``.
    """
    rows = flip.summary.merge(claims, left_on="claim", right_on="id", how="inner")
    built = flip.names["built"]
    return pd.DataFrame(
        {
            "Claim": rows["claim"],
            "What the paper states": rows["statement"],
            "Verdict": rows["verdict"],
            "Worlds asked": rows["asked"],
            "Share that holds": [
                _share(r.holds, r.asked, r.share_low, r.share_high) for r in rows.itertuples()
            ],
            f"Share where {built}": [
                _share(r.holds_where_built, r.built, *ends)
                for r, ends in zip(
                    rows.itertuples(),
                    zip(rows["share_where_built_low"], rows["share_where_built_high"], strict=True),
                    strict=True,
                )
            ],
            "Likelier with": rows["flips"],
            f"Likelier with, where {built}": rows["flips_where_built"],
            "No share because": rows["why"],
        }
    )


def _share(holds: int, asked: int, low: float, high: float) -> str:
    if not asked:
        return ""
    return f"{100 * holds / asked:.3g} % ({100 * low:.3g} to {100 * high:.3g})"


def threshold_table(flip: FlipTest) -> pd.DataFrame:
    """One row a threshold: the split, its interval, and the share on either side."""
    rows = []
    for row in flip.thresholds.to_dict("records"):
        below, above = (
            _share(
                round(row[f"share_{side}"] * row[f"worlds_{side}"]),
                row[f"worlds_{side}"],
                row[f"share_{side}_low"],
                row[f"share_{side}_high"],
            )
            for side in ("below", "above")
        )
        ends = (row["threshold_low"], row["threshold_high"])
        rows.append(
            {
                "Outcome": flip.names.get(row["outcome"], row["outcome"]),
                "Among": "all" if row["among"] == "all" else flip.names["built"],
                "Likelier with": condition(row, above=row["holds_above"]),
                "Unit": row["unit"],
                "Threshold, 95 %": ""
                if pd.isna(ends[0])
                else f"{short(ends[0])} to {short(ends[1])}",
                "Youden's J": round(row["youden_j"], 2),
                "Share below": below,
                "Share above": above,
            }
        )
    return pd.DataFrame(rows)


def influence_table(flip: FlipTest) -> pd.DataFrame:
    """Values by outcomes: Youden's J, negative where low values help; blank if maybe chance."""
    known = flip.indices[flip.indices["p_adjusted"] <= SIGNIFICANT]
    sign = known["holds_above"].astype(bool).map({True: 1.0, False: -1.0})
    known = known.assign(j=(sign * known["youden_j"]).round(2))
    table = known.set_index(["factor", "outcome"])["j"].unstack()  # noqa: PD010
    table = table.reindex(columns=list(dict.fromkeys(known["outcome"])))
    order = table.abs().max(axis=1).sort_values(ascending=False, kind="stable").index
    table = table.loc[order].rename(columns=flip.names).rename_axis(columns=None)
    return table.rename_axis("Value").reset_index()


def status_table(flip: FlipTest) -> pd.DataFrame:
    """What becomes of the worlds: with an answer, or why there is none."""
    worlds = flip.worlds.assign(why=flip.worlds["why"].fillna(""))
    counts = worlds.groupby(["status", "why"], sort=False).size().rename("Worlds").reset_index()
    total = counts.groupby("status")["Worlds"].transform("sum")
    counts = counts.assign(total=total).sort_values(
        ["total", "Worlds", "why"], ascending=[False, False, True]
    )
    most = counts.groupby("status", sort=False).agg(
        Worlds=("Worlds", "sum"), why=("why", "first"), reasons=("why", "size")
    )
    return pd.DataFrame(
        {
            "What becomes of a world": most.index,
            "Worlds": most["Worlds"].to_numpy(),
            "Share": [percent(n, len(worlds)) for n in most["Worlds"]],
            "Why, most often": most["why"].to_numpy(),
            "Reasons": [
                n if why else None for n, why in zip(most["reasons"], most["why"], strict=True)
            ],
        }
    )


def tables(
    flip: FlipTest | None, claims: pd.DataFrame
) -> Iterator[tuple[str, pd.DataFrame, dict[str, str]]]:
    """Name, rows and units of every table; none without a flip test of the data."""
    if flip is None:
        return
    mark = {} if flip.current else {"Computed with": "earlier ledgers"}
    for name, rows in {
        "flip_shares": share_table(flip, claims),
        "flip_thresholds": threshold_table(flip),
        "flip_influence": influence_table(flip),
        "flip_strongest": strongest_table(flip),
        "flip_readings": reading_table(flip, claims),
        "flip_factors": factor_table(flip),
        "flip_worlds": status_table(flip),
    }.items():
        yield name, rows.assign(**mark), {}
