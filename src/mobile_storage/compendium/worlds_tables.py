"""Tables of the flip test."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from mobile_storage.compendium.worlds import FlipTest, condition, percent

__all__ = ["influence_table", "share_table", "status_table", "tables", "threshold_table"]

SIGNIFICANT = 0.01
"""False discovery rate up to which an influence is shown."""


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
    return f"{percent(holds, asked)} ({100 * low:.3g} to {100 * high:.3g})"


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
                "Threshold, 95 %": "" if pd.isna(ends[0]) else f"{ends[0]:.3g} to {ends[1]:.3g}",
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
) -> Iterator[tuple[str, pd.DataFrame, str, dict[str, str]]]:
    """Name, rows, caption and units of every table; none without a flip test of the data."""
    if flip is None:
        return
    yield (
        "flip_shares",
        share_table(flip, claims),
        "The share of plausible worlds in which each claim holds (95 % interval), and the values "
        "that flip it most.",
        {},
    )
    yield (
        "flip_thresholds",
        threshold_table(flip),
        "The best split of the values that flip a claim most, and the share on either side of it.",
        {},
    )
    yield (
        "flip_influence",
        influence_table(flip),
        "Youden's J of the best split of each value; negative where low values help the claim.",
        {},
    )
    yield "flip_worlds", status_table(flip), "What becomes of the worlds.", {}
