"""Check that the committed worlds are what the model computes today."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mobile_storage.core.errors import InputError
from mobile_storage.core.io import read_json
from mobile_storage.core.papers import PAPERS
from mobile_storage.flip.papers import flip_paper
from mobile_storage.flip.run import rows
from mobile_storage.flip.worlds import raw_digest

__all__ = ["check"]

#: Two numbers are the same within these tolerances. A verdict may differ where its margin is within
#: the absolute one.
RELATIVE_TOLERANCE = 1e-4
ABSOLUTE_TOLERANCE = 1e-6


def check(
    paper: str, count: int = 10, seed: int = 1, folder: str | Path | None = None
) -> pd.DataFrame:
    """Answer some of the committed worlds again, and say where the answers differ.

    Parameters
    ----------
    paper : str
    count, seed : int
        How many worlds, and which.
    folder : path, optional
        The results, ``data/flip/<paper>`` by default.

    Returns
    -------
    DataFrame
        ``world``, ``column``, ``committed``, ``found``: a row a difference, so none if all is well.

    Raises
    ------
    InputError
        If the results are missing or belong to other ledgers.
    """
    folder, raw = Path(folder or PAPERS[paper].flip), PAPERS[paper].raw
    of, now = read_json(folder / "run.json")["raw_digest"], raw_digest(raw)
    if of != now:
        raise InputError(
            file=folder / "run.json",
            where="raw_digest",
            value=of,
            expected=f"{now}, that of {raw.as_posix()}: run `make flip`",
        )
    committed = pd.read_parquet(folder / "worlds.parquet").set_index("world")
    count = min(count, len(committed))
    chosen = np.random.default_rng(seed).choice(len(committed), count, replace=False)
    committed = committed.iloc[np.sort(chosen)]
    places = committed[[c for c in committed if c.startswith("x.")]]
    answers = rows(
        flip_paper(paper), "answer", places.rename(columns=lambda c: c.removeprefix("x."))
    )
    columns = [c for c in committed if c in answers]
    different = [
        {"world": world, "column": column, "committed": str(was), "found": str(now)}
        for world, before, after in zip(
            committed.index,
            committed[columns].to_dict("records"),
            answers[columns].to_dict("records"),
            strict=True,
        )
        for column, was, now in _differences(before, after)
    ]
    return pd.DataFrame(different, columns=["world", "column", "committed", "found"])


def _differences(before: dict, after: dict):
    for column, was in before.items():
        now = after[column]
        if pd.isna(was) or pd.isna(now):
            same = pd.isna(was) and pd.isna(now)
        elif isinstance(was, float):
            same = bool(np.isclose(now, was, rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE))
        elif column.startswith("holds."):
            # What holds or fails by less than rounding may do either on another machine.
            margin = before[column.replace("holds.", "margin.")]
            same = was == now or abs(margin) <= ABSOLUTE_TOLERANCE
        else:
            same = was == now
        if not same:
            yield column, was, now
