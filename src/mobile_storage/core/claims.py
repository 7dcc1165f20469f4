"""The ledger of claims: what the papers state, what is computed, and the verdict on each claim.

The rule and the tolerance of each claim stand in the ledger. They were written down before any
result was computed, and `judge` applies them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.core.io import SIGNIFICANT_DIGITS, write_csv
from mobile_storage.core.ledger import cell_error, read_csv
from mobile_storage.core.margins import Margin
from mobile_storage.core.papers import Paper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Claim",
    "Evidence",
    "Finding",
    "Rule",
    "Verdict",
    "judge",
    "number_margin",
    "published_numbers",
    "read_claims",
    "verdict_frame",
    "with_tolerances",
    "write_verdicts",
]

COLUMNS = (
    "id",
    "paper",
    "section",
    "statement",
    "kind",
    "published_value",
    "unit",
    "rule",
    "tolerance",
    "note",
)
KINDS = ("structure", "ordering", "algorithm", "table", "number", "trend")
#: A number within this share of the tolerance counts as reproduced.
_REPRODUCED_SHARE = 0.1


class Verdict(StrEnum):
    """Verdict on a published statement after the computation."""

    REPRODUCED = "reproduced"
    WITHIN_TOLERANCE = "within tolerance"
    QUALITATIVE = "qualitatively reproduced"
    NOT_REPRODUCED = "not reproduced"
    NOT_DETERMINABLE = "not determinable"
    CALIBRATED = "calibrated to"


class Rule(StrEnum):
    """How a claim is judged.

    ``relative``: a published number; the relative distance counts. ``holds``: a statement that is
    true or false in each solved variant. ``table``: a table whose cells the text does not carry.
    """

    RELATIVE = "relative"
    HOLDS = "holds"
    TABLE = "table"


@dataclass(frozen=True)
class Claim:
    """One published statement; `published_value` is text as printed, ``a to b`` for two ends."""

    id: str
    paper: str
    section: str
    statement: str
    kind: str
    published_value: str
    unit: str
    rule: Rule
    tolerance: float | None
    note: str


@dataclass(frozen=True)
class Evidence:
    """Where a reader can check a finding: paths in the repository, and parameter symbols."""

    notebook: str = ""
    table: str = ""
    figure: str = ""
    parameters: str = ""

    @classmethod
    def of(
        cls,
        paper: Paper,
        *,
        notebook: str,
        table: str = "",
        figure: str = "",
        ledger: str | None = "",
    ) -> Evidence:
        """Return the paths of a paper's notebook, table, figure and ledger of these names.

        Without the name of a ledger, the claim depends on all ledgers of the paper. None means that
        it depends on none.
        """
        values = None if ledger is None else paper.raw / (f"{ledger}.csv" if ledger else "")
        return cls(
            notebook=(paper.executed / f"{notebook}.ipynb").as_posix(),
            table=(paper.tables / f"{table}.csv").as_posix() if table else "",
            figure=(paper.figures / f"{figure}.png").as_posix() if figure else "",
            parameters=values.as_posix() if values else "",
        )


@dataclass(frozen=True)
class Finding:
    """Computed result for one claim.

    Parameters
    ----------
    claim : str
        Id of the claim.
    value : str, float or None
        The computed number in the claim's unit (``"a to b"`` where the claim gives two ends), or a
        short text for claims that are no number.
    cause : str
        One or two sentences that give the reason for the result, or say what is missing.
    holds : bool or None
        Whether the statement holds in the default setting; ``None`` if it cannot be determined.
    holds_in, out_of : int
        Number of solved variants in which the statement holds, and number of solved variants.
    evidence : Evidence
        Where a reader can check the result.
    calibrated : bool
        Whether the published value was a target of the calibration, so that it confirms nothing.
    """

    claim: str
    value: str | float | None
    cause: str
    holds: bool | None = None
    holds_in: int = 0
    out_of: int = 0
    evidence: Evidence = field(default_factory=Evidence)
    calibrated: bool = False

    def __post_init__(self) -> None:
        if not self.cause.strip():
            raise ValueError(f"the finding on {self.claim} gives no cause")
        if not 0 <= self.holds_in <= self.out_of:
            raise ValueError(f"{self.claim} cannot hold in {self.holds_in} of {self.out_of}")
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ValueError(f"the finding on {self.claim} is {self.value}; give None and a cause")


def read_claims(path: str | Path, paper: str | None = None) -> list[Claim]:
    """Read the ledger in its order; with `paper`, only the claims of that paper.

    Raises
    ------
    InputError
        If anything in the file is wrong, or the paper has no claims.
    """
    path = Path(path)
    frame = read_csv(path, COLUMNS)
    claims: dict[str, Claim] = {}
    for row in frame.to_dict("records"):
        claim = _claim(path, row)
        if claim.id in claims:
            raise cell_error(path, row, "id", "an id that no line above has")
        claims[claim.id] = claim
    if paper is None:
        return list(claims.values())
    chosen = [claim for claim in claims.values() if claim.paper == paper]
    if not chosen:
        papers = sorted({claim.paper for claim in claims.values()})
        raise InputError(
            file=path,
            where="column paper",
            value=", ".join(papers),
            expected=f"claims of {paper}{did_you_mean(paper, papers)}",
        )
    return chosen


def _claim(path: Path, row: Mapping[str, str]) -> Claim:
    fail = partial(cell_error, path, row)
    if not re.fullmatch(r"P\d-\d\d", row["id"]):
        raise fail("id", "an id such as P1-01")
    for column in ("paper", "section", "statement"):
        if not row[column]:
            raise fail(column, "something written here")
    for column, known in (("kind", KINDS), ("rule", tuple(Rule))):
        if row[column] not in known:
            raise fail(column, f"one of {', '.join(known)}{did_you_mean(row[column], known)}")
    tolerance = None
    if row["rule"] == Rule.RELATIVE:
        try:
            tolerance = float(row["tolerance"])
        except ValueError:
            tolerance = math.nan
        if not 0 < tolerance < 1:
            raise fail("tolerance", "a share between 0 and 1 for the rule relative")
        if _numbers(row["published_value"]) is None:
            raise fail("published_value", "a number, or two as 'a to b', for the rule relative")
    elif row["tolerance"]:
        raise fail("tolerance", f"nothing for the rule {row['rule']}")
    texts = {name: row[name] for name in COLUMNS if name not in ("rule", "tolerance")}
    return Claim(**texts, rule=Rule(row["rule"]), tolerance=tolerance)


def judge(claim: Claim, finding: Finding) -> Verdict:
    """Return the verdict that the claim's rule gives for a finding.

    ``relative``: at most a tenth of the tolerance away, or the published number when rounded to
    its digits, is *reproduced*; at most the tolerance, *within tolerance*. Where a published end
    is zero the distance is taken relative to the largest one. ``holds``: true in the default and
    in every variant is *reproduced*, in the default only *qualitatively reproduced*. ``table``:
    not determinable as long as the published cells are missing, then as ``holds``.
    """
    if finding.claim != claim.id:
        raise ValueError(f"a finding on {finding.claim} cannot judge {claim.id}")
    if finding.calibrated:
        return Verdict.CALIBRATED
    if claim.rule is Rule.RELATIVE:
        return _judge_numbers(claim, finding)
    if finding.holds is None or (claim.rule is Rule.TABLE and not claim.published_value):
        return Verdict.NOT_DETERMINABLE
    if not finding.holds:
        return Verdict.NOT_REPRODUCED
    return Verdict.REPRODUCED if finding.holds_in == finding.out_of else Verdict.QUALITATIVE


def _judge_numbers(claim: Claim, finding: Finding) -> Verdict:
    if finding.value is None:
        return Verdict.NOT_DETERMINABLE
    margin = number_margin(claim, finding.value)
    if margin.value >= 1.0 - _REPRODUCED_SHARE or _rounds_to(claim, finding.value):
        return Verdict.REPRODUCED
    return Verdict.WITHIN_TOLERANCE if margin.holds else Verdict.NOT_REPRODUCED


def published_numbers(claim: Claim) -> list[tuple[float, float]]:
    """Return each number of a claim of the rule ``relative`` with its tolerance, in its unit.

    Raises
    ------
    ValueError
        If the claim has no published number or no tolerance.
    """
    numbers = _numbers(claim.published_value)
    if numbers is None or claim.tolerance is None:
        raise ValueError(f"{claim.id} has no published number or no tolerance to be judged by")
    return with_tolerances(numbers, claim.tolerance)


def with_tolerances(numbers: Sequence[float], share: float) -> list[tuple[float, float]]:
    """Return each published number with its tolerance.

    The tolerance is the share of the published number; where that is zero, of the larger of the
    two numbers.
    """
    largest = max(map(abs, numbers))
    return [(number, share * (abs(number) or largest)) for number in numbers]


def number_margin(claim: Claim, value: str | float) -> Margin:
    """Return the margin of a claim that is a number.

    It is 1 less the distance between the computed and the published number in tolerances, so 1 for
    the published number and 0 at the end of the tolerance. Of two numbers the farther one counts.

    Parameters
    ----------
    claim : Claim
        A claim of the rule ``relative``.
    value : str or float
        The computed number in the claim's unit, or ``a to b`` where two were published.

    Raises
    ------
    ValueError
        If the value is no number, or not as many as were published.
    """
    distances = [
        abs(number - published) / tolerance
        for number, (published, tolerance) in zip(
            _computed(claim, value), published_numbers(claim), strict=True
        )
    ]
    return Margin(1.0 - max(distances), "tolerances", strict=False)


def _rounds_to(claim: Claim, value: str | float) -> bool:
    """Whether a value is the published one when rounded to as many digits, either way at a half."""
    for part, number in zip(
        claim.published_value.split(" to "), _computed(claim, value), strict=True
    ):
        decimals = len(part.partition(".")[2]) if "e" not in part.lower() else 0
        # The last factor is for the rounding of binary numbers.
        if abs(number - float(part)) > 0.5 * 10.0**-decimals * (1 + 1e-9):
            return False
    return True


def _computed(claim: Claim, value: str | float) -> list[float]:
    numbers = _numbers(str(value))
    if numbers is None or len(numbers) != len(published_numbers(claim)):
        raise ValueError(
            f"{claim.id} was published as {claim.published_value!r}; {value!r} is no match"
        )
    return numbers


def _numbers(text: str) -> list[float] | None:
    """Return the numbers of ``a`` or ``a to b``; None for any other text."""
    try:
        numbers = [float(part) for part in text.split(" to ")]
    except ValueError:
        return None
    return numbers if len(numbers) in (1, 2) and all(map(math.isfinite, numbers)) else None


def verdict_frame(
    claims: Iterable[Claim],
    findings: Iterable[Finding],
    worlds: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return one row for each claim, in the order of the ledger, with its verdict and evidence.

    Parameters
    ----------
    claims : iterable of Claim
        The ledger.
    findings : iterable of Finding
        One for each claim.
    worlds : mapping, optional
        By claim, in how many plausible worlds it holds, as `worlds.plausible_worlds` writes it;
        claims that are not in it get none.

    Raises
    ------
    ValueError
        If a claim has no finding or two, or a finding or an entry of `worlds` has no claim.
    """
    claims, worlds = list(claims), worlds or {}
    by_claim: dict[str, Finding] = {}
    for finding in findings:
        if finding.claim in by_claim:
            raise ValueError(f"two findings on {finding.claim}")
        by_claim[finding.claim] = finding
    ids = {claim.id for claim in claims}
    if ids != set(by_claim):
        raise ValueError(
            f"claims without a finding: {sorted(ids - set(by_claim))}; "
            f"findings without a claim: {sorted(set(by_claim) - ids)}"
        )
    if not ids >= set(worlds):
        raise ValueError(f"worlds without a claim: {sorted(set(worlds) - ids)}")
    return pd.DataFrame([_row(c, by_claim[c.id], worlds.get(c.id, "")) for c in claims])


def write_verdicts(
    claims: Iterable[Claim],
    findings: Iterable[Finding],
    path: str | Path,
    worlds: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Write `verdict_frame` as CSV and return it.

    Raises
    ------
    ValueError
        As `verdict_frame`.
    """
    frame = verdict_frame(claims, findings, worlds)
    write_csv(frame, path)
    return frame


def _row(claim: Claim, finding: Finding, worlds: str) -> dict[str, str]:
    value = finding.value
    variants = f"{finding.holds_in} of {finding.out_of}" if finding.out_of else ""
    return {
        "id": claim.id,
        "paper": claim.paper,
        "section": claim.section,
        "statement": claim.statement,
        "published": claim.published_value,
        "computed": "" if value is None else _written(value),
        "unit": claim.unit,
        "rule": str(claim.rule),
        "tolerance": "" if claim.tolerance is None else f"{claim.tolerance:g}",
        "holds_in_variants": variants,
        "plausible_worlds": worlds,
        "verdict": str(judge(claim, finding)),
        "cause": " ".join(finding.cause.split()),
        "notebook": finding.evidence.notebook,
        "table": finding.evidence.table,
        "figure": finding.evidence.figure,
        "parameters": finding.evidence.parameters,
    }


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.{SIGNIFICANT_DIGITS}g}"
