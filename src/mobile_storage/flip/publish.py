"""What is kept of a flip test: ``data/flip/<paper>``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from mobile_storage.core.io import replacing, write_csv, write_json
from mobile_storage.flip.design import Factor
from mobile_storage.flip.papers import NOT_ASKED, Design, FlipPaper
from mobile_storage.flip.worlds import NO_SHARE, raw_digest

__all__ = ["agreement", "factor_table", "publish"]

#: A size that is worth this much less of the prospect's own scale counts as equally good.
EQUAL = 1e-3
#: Claims that only the full search can tell.
SEARCHED = ("P2-17",)


def publish(
    folder: Path,
    paper: str,
    test: FlipPaper,
    raw_folder: Path,
    asked: Design,
    worlds: pd.DataFrame,
    screening: pd.DataFrame,
    checked: pd.DataFrame,
) -> None:
    """Write ``factors.csv``, ``worlds.parquet``, ``screening.parquet`` and ``run.json``.

    Parameters
    ----------
    worlds, screening : DataFrame
        Places (one column a factor) and answers side by side.
    checked : DataFrame
        Answers of the full search, by world; empty for paper 1.
    """
    for column in (f"{kind}.{claim}" for kind in ("holds", "margin") for claim in SEARCHED):
        if column in checked:
            worlds = worlds.join(checked[column])
            screening = screening.join(checked[column].iloc[:0])
    write_csv(factor_table(test.factors), folder / "factors.csv")
    for name, frame in (("worlds", worlds), ("screening", screening)):
        with replacing(folder / f"{name}.parquet") as part:
            _kept(frame, test.factors).to_parquet(
                part, index=False, compression="zstd", compression_level=19
            )
    answers = {"worlds": worlds, "screening": screening}
    write_json(
        {
            "paper": paper,
            "raw_digest": raw_digest(raw_folder),
            "factors": len(test.factors),
            **vars(asked),
            "status": {n: frame["status"].value_counts().to_dict() for n, frame in answers.items()},
            "built": {n: int(frame["built"].sum()) for n, frame in answers.items()},
            "asked": {
                c.removeprefix("holds."): int(worlds[c].notna().sum())
                for c in sorted(worlds)
                if c.startswith("holds.")
            },
            "solvers": sorted(set(worlds["solver"].dropna()) | set(screening["solver"].dropna())),
            NO_SHARE: NOT_ASKED[paper],
            **agreement(worlds, checked),
        },
        folder / "run.json",
    )


def factor_table(factors: list[Factor]) -> pd.DataFrame:
    """One row a factor, for readers: what moves, from where to where, and how many rows it is."""
    columns = ("table", "symbol", "title", "unit", "low", "high", "scale", "default", "status")
    return pd.DataFrame(
        [
            {"factor": f.name, **{c: getattr(f, c) for c in columns}, "rows": len(f.rows)}
            for f in factors
        ]
    ).rename(columns={"title": "name"})


def _kept(frame: pd.DataFrame, factors: list[Factor]) -> pd.DataFrame:
    """Number, places, answers; claims in their order."""
    names = [f.name for f in factors]
    rest = frame.drop(columns=[*names, "solver"])
    first = ["status", "why", "built"]
    claims = sorted(c for c in rest if c.startswith("holds."))
    margins = sorted(c for c in rest if c.startswith("margin."))
    quantities = [c for c in rest if c.startswith("q.")]
    kept = frame[[*names, *first, *claims, *margins, *quantities]].copy()
    kept["why"] = kept["why"].fillna("")
    kept.insert(0, "world", frame.index.to_numpy())
    return kept.rename(columns={name: f"x.{name}" for name in names})


def agreement(worlds: pd.DataFrame, checked: pd.DataFrame) -> dict[str, Any]:
    """How the quick search compares with the full one where both were done.

    Returns
    -------
    dict
        ``agreement``, a sentence, and ``agreement_by_claim``: verdicts compared, how many are the
        same, and the largest margin, of either search, among the others.
    """
    if checked.empty:
        return {"agreement": "Every world is solved exactly: there is no quicker search to check."}
    quick, built = worlds.loc[checked.index], checked["built"].fillna(value=False).astype(bool)
    by_claim = {}
    for column in sorted(c for c in checked if c.startswith("holds.") and c in quick):
        claim = column.removeprefix("holds.")
        if claim in SEARCHED:
            continue
        same = (quick[column] == checked[column]).to_numpy(dtype=bool)
        margins = pd.concat([quick[f"margin.{claim}"], checked[f"margin.{claim}"]], axis=1).abs()
        apart = margins[~same].min(axis=1)
        by_claim[claim] = {
            "compared": same.size,
            "same": int(same.sum()),
            "compared_where_built": int(built.sum()),
            "same_where_built": int(same[built.to_numpy()].sum()),
            "largest_margin_of_others": float(apart.max()) if len(apart) else None,
        }
    total, same, among, alike = (
        sum(row[name] for row in by_claim.values())
        for name in ("compared", "same", "compared_where_built", "same_where_built")
    )
    best, full = quick["q.prospect"].astype(float), checked["q.prospect"].astype(float)
    good = int((best >= full - EQUAL * full.abs()).sum())
    return {
        "agreement": f"In {len(checked)} worlds, in {int(built.sum())} of which storage is built, "
        f"the best sizes were sought again by differential evolution as in section 4: {same:,} of "
        f"{total:,} verdicts are the same, {alike:,} of {among:,} where storage is built, and in "
        f"{good} worlds the quick search finds a size as good to a tenth of a per cent, or better.",
        "agreement_by_claim": by_claim,
    }
