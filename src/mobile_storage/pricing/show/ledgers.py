"""What the ledgers of paper 1 hold, and where their values come from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mobile_storage.core.ledger import STATUSES

__all__ = ["LEDGERS", "ledger_rows", "status_counts"]

LEDGERS = (
    "storage.csv",
    "tariff.csv",
    "market.csv",
    "grades.csv",
    "customers.csv",
    "damage_functions.csv",
    "money.csv",
    "renewable.csv",
)
"""The ledgers in the order in which they are shown."""


def ledger_rows(folder: str | Path) -> pd.DataFrame:
    """Return the rows of all ledgers as they stand in the files, with the column ``file``.

    Parameters
    ----------
    folder : path
        ``data/raw/bao2024``.
    """
    return pd.concat([pd.read_csv(Path(folder, name)).assign(file=name) for name in LEDGERS])


def status_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how many rows of each ledger, and of all, have which status.

    Parameters
    ----------
    rows : DataFrame
        As `ledger_rows` returns them.
    """
    counts = pd.crosstab(rows["file"], rows["status"]).reindex(
        index=list(LEDGERS), columns=list(STATUSES), fill_value=0
    )
    counts.loc["all"] = counts.sum()
    return counts.rename_axis("file").reset_index()
