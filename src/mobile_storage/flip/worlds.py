"""The flip test as others read it: in which plausible worlds each claim of a paper holds.

A *world* gives every value that the paper does not state a place within its range. The results in
``data/flip/<paper>`` take most of an hour to compute, so the pipeline only reads them. They belong
to the ledgers that they were computed with. After a change of the ledgers everything that shows
them says so, until they are computed again. A reader's own data have none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mobile_storage.core.errors import InputError
from mobile_storage.core.io import read_json
from mobile_storage.core.margins import Margin
from mobile_storage.core.numbers import short

__all__ = [
    "EARLIER_LEDGERS",
    "FLIP",
    "NEARLY_ALL",
    "NO_SHARE",
    "OTHER_DATA",
    "FlipTest",
    "claim_columns",
    "condition",
    "is_current",
    "levels",
    "percent",
    "plausible_worlds",
    "raw_digest",
    "read_flip",
    "read_summary",
]

FLIP = Path("data/flip")
"""Where the results are, one folder a paper."""
NO_SHARE = "claims_without_share"
"""Entry of ``run.json``: by claim that cannot be asked in a world, why."""
NEARLY_ALL = 0.95
"""From this share on something is said to be so in nearly all worlds."""
#: By paper: what `built` stands for, what the opposite, and a noun for it.
_BUILT = {
    "P1": ("emergency supply is sold", "nobody buys any", "sales"),
    "P2": ("storage is built", "none is built", "storage"),
}
EARLIER_LEDGERS = "The flip test was computed with earlier ledgers; make flip computes it again."
OTHER_DATA = "There is no flip test of the data at hand: it was computed for others."


@dataclass(frozen=True)
class FlipTest:
    """All that is kept of a paper's flip test.

    Attributes
    ----------
    summary, indices, thresholds : DataFrame
        What `mobile_storage.flip.analysis` makes of the worlds.
    factors : DataFrame
        What was varied: ``factor``, ``name``, ``unit``, ``low``, ``high``, ``scale``, ``default``.
    worlds : DataFrame
        One row a world: ``x.<factor>``, ``status``, ``built``, ``holds.<claim>``,
        ``margin.<claim>``, ``q.<quantity>``.
    run : mapping
        How the worlds were computed (``run.json``).
    current : bool
        Whether they were computed with the ledgers at hand.
    """

    summary: pd.DataFrame
    indices: pd.DataFrame
    thresholds: pd.DataFrame
    factors: pd.DataFrame
    worlds: pd.DataFrame
    run: Mapping[str, Any]
    current: bool = True

    @property
    def names(self) -> dict[str, str]:
        """What the two outcomes that are no claims stand for, and ``not built``, in words."""
        built, not_built, _ = _BUILT[str(self.summary["claim"].iloc[0]).partition("-")[0]]
        return {"answered": "has an answer", "built": built, "not built": not_built}


def claim_columns(margins: Mapping[str, Margin]) -> dict[str, bool | float]:
    """The columns ``holds.<claim>`` and ``margin.<claim>`` in the row of a world.

    A recorded margin is at least 0 where the claim holds and below 0 where it fails.
    """
    verdicts = {f"holds.{claim}": margin.holds for claim, margin in margins.items()}
    return verdicts | {f"margin.{claim}": margin.recorded for claim, margin in margins.items()}


def raw_digest(raw_folder: str | Path) -> str:
    """SHA-256 of a paper's ledgers: names and bytes of its CSV files, in the order of the names.

    Raises
    ------
    InputError
        If the folder holds no CSV file.
    """
    files = sorted(Path(raw_folder).glob("*.csv"))
    if not files:
        raise InputError(
            file=raw_folder, where="the folder", value=None, expected="the CSV files of a paper"
        )
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def read_summary(folder: str | Path) -> pd.DataFrame | None:
    """Read what the flip test says of each claim.

    Parameters
    ----------
    folder : path
        The flip test's results, ``data/flip/<paper>``.

    Returns
    -------
    DataFrame or None
        ``summary.csv``, one row a claim; None if there is none.
    """
    file = Path(folder) / "summary.csv"
    if not file.is_file():
        return None
    frame = pd.read_csv(file)
    texts = ["flips", "flips_where_built", "why"]
    return frame.assign(**frame[texts].fillna(""))


def is_current(folder: str | Path, raw_folder: str | Path) -> bool:
    """Return whether a flip test was computed with the ledgers at hand, ``data/raw/<paper>``."""
    return _run(folder).get("raw_digest") == raw_digest(raw_folder)


def read_flip(folder: str | Path, raw_folder: str | Path) -> FlipTest | None:
    """Read all that is kept of the flip test; None as in `read_summary`."""
    folder = Path(folder)
    summary = read_summary(folder)
    if summary is None:
        return None
    return FlipTest(
        summary,
        *(pd.read_csv(folder / f"{name}.csv") for name in ("indices", "thresholds", "factors")),
        pd.read_parquet(folder / "worlds.parquet"),
        _run(folder),
        is_current(folder, raw_folder),
    )


def _run(folder: str | Path) -> Mapping[str, Any]:
    return read_json(Path(folder) / "run.json")


def plausible_worlds(folder: str | Path, raw_folder: str | Path) -> dict[str, str]:
    """By claim, in how many of the worlds with an answer it holds, such as ``63 % of 2,048``.

    Where storage is not built in nearly all of them, the share of those in which it is follows,
    ``9 % of 2,048; 74 % of 195 with storage``. A share that is not quite none or all is never
    rounded to it. The text ends with ``(earlier ledgers)`` where the flip test is not current.

    Parameters
    ----------
    folder, raw_folder : path
        ``data/flip/<paper>`` and ``data/raw/<paper>``.
    """
    summary = read_summary(folder)
    if summary is None:
        return {}
    mark = "" if is_current(folder, raw_folder) else " (earlier ledgers)"
    return {row.claim: _counted(row) + mark for row in summary.itertuples() if row.asked > 0}


def _counted(row: Any) -> str:
    text = f"{percent(row.holds, row.asked)} of {row.asked:,}"
    if 0 < row.built < NEARLY_ALL * row.asked:
        text += f"; {percent(row.holds_where_built, row.built)} of {row.built:,} with "
        text += _BUILT[row.claim.partition("-")[0]][2]
    return text


def percent(part: float, whole: float) -> str:
    """Return a share in whole per cent; ``< 1 %`` and ``> 99 %`` where 0 or 100 would be wrong."""
    share = 100.0 * part / whole
    if 0 < share < 0.5:
        return "< 1 %"
    if 99.5 <= share < 100:
        return "> 99 %"
    return f"{share:.0f} %"


def levels(unit: str) -> list[str]:
    """Names of the levels of a reading, whose unit is such as ``0: exponential; 1: fixed``."""
    return [level.partition(": ")[2] for level in unit.split("; ")]


def condition(row: Mapping[str, Any], above: bool) -> str:
    """One side of a threshold in words, such as ``battery.availability > 0.92``.

    Parameters
    ----------
    row : mapping
        ``factor``, ``unit``, ``scale`` and ``threshold`` of a row of `FlipTest.thresholds`.
    above : bool
        Which side.
    """
    if row["scale"].endswith("-level"):
        names, first = levels(row["unit"]), int(row["threshold"]) + 1
        return f"{row['factor']}: {' or '.join(names[first:] if above else names[:first])}"
    of = " of its ranges" if row["scale"] == "quantile" else ""
    return f"{row['factor']} {'>' if above else '<'} {short(row['threshold'])}{of}"
