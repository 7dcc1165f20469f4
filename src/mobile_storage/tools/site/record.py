"""Papers, claims and the cells of the notebooks that show them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from mobile_storage.core.claims import Verdict
from mobile_storage.core.errors import InputError
from mobile_storage.core.io import read_json, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cell", "ClaimRecord", "Paper", "cells_of", "label", "read_papers", "shown"]

SYMBOLS = {
    Verdict.REPRODUCED: "✓",
    Verdict.WITHIN_TOLERANCE: "≈",
    Verdict.QUALITATIVE: "∼",
    Verdict.NOT_REPRODUCED: "✗",
    Verdict.NOT_DETERMINABLE: "?",
    Verdict.CALIBRATED: "→",
}
"""A mark beside each verdict, so that colour never carries it alone."""

RULES = {
    "holds": "holds or does not, in every variant that was computed",
    "table": "a table; its cells have to be in the text",
}
_FIGURE_CALL = re.compile(r"\bfigures\.(\w+)\(")


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook: its number, the heading it stands under, what it holds."""

    number: int
    anchor: str
    heading: str
    code: bool
    source: str
    output: str

    @property
    def figures(self) -> list[str]:
        """Names of the figures that the cell draws."""
        return _FIGURE_CALL.findall(self.source) if self.code else []


@dataclass(frozen=True)
class Threshold:
    """A value that the flip test finds to make a claim likelier, as `condition` says it.

    `among` is the worlds it was found among; `below` and `above` are the shares in which the
    claim holds on either side, as written.
    """

    condition: str
    among: str
    below: str
    above: str

    @property
    def factor(self) -> str:
        """Name of the value: its ledger or group, its keys, its symbol."""
        return re.split(r":? ", self.condition)[0]


@dataclass(frozen=True)
class ClaimRecord:
    """A claim with its verdict and evidence; paths are those of the repository.

    `cells` are those of its notebook that show it, the one that shows it best first; `worlds` is
    the share of plausible parameter values in which it holds, as written, or empty.
    """

    id: str
    paper: str
    section: str
    statement: str
    published: str
    computed: str
    rule: str
    variants: str
    verdict: str
    worlds: str
    cause: str
    note: str
    notebook: str
    table: str
    figure: str
    parameters: tuple[str, ...]
    symbols: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    cells: tuple[Cell, ...]

    @property
    def mark(self) -> str:
        """Symbol of the verdict."""
        return SYMBOLS[Verdict(self.verdict)]

    @property
    def slug(self) -> str:
        """The verdict or id as a name for files and styles."""
        return label(self.verdict)


@dataclass(frozen=True)
class Paper:
    """A paper: its citation, its notebooks in order, its claims."""

    key: str
    title: str
    authors: str
    year: str
    journal: str
    doi: str
    notebooks: tuple[str, ...]
    claims: tuple[ClaimRecord, ...]

    @property
    def number(self) -> str:
        """The paper's number, from its claims' ids."""
        return self.claims[0].id[1]

    @property
    def verdicts(self) -> dict[str, int]:
        """Count of claims by verdict, best first, those without a claim left out."""
        counts = {str(v): sum(claim.verdict == v for claim in self.claims) for v in Verdict}
        return {verdict: count for verdict, count in counts.items() if count}


def label(*parts: str) -> str:
    """Return a name for anchors and files: small letters, digits and hyphens.

    >>> label("cell", "05_2_optimum", "7")
    'cell-05-2-optimum-7'
    """
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def shown(text: str, unit: str = "") -> str:
    """Return a value for readers: numbers to 6 digits with thousands set apart, then the unit.

    >>> shown("6096.358499", "kWh")
    '6,096.36 kWh'
    >>> shown("holds", "yuan")
    'holds'
    """
    if not text:
        return ""
    try:
        ends = [float(part) for part in text.split(" to ")]
    except ValueError:
        return text
    numbers = " to ".join(f"{end:,.6g}" if abs(end) < 1e6 else f"{end:,.0f}" for end in ends)
    return f"{numbers} {unit}".strip()


def cells_of(notebook: dict[str, Any], paper: str, name: str) -> Iterator[Cell]:
    """Yield the cells of an executed notebook with the heading each stands under."""
    heading = name
    for number, cell in enumerate(notebook["cells"], 1):
        source = "".join(cell["source"])
        code = cell["cell_type"] == "code"
        if not code and (found := re.findall(r"^#+ (.+)$", source, re.MULTILINE)):
            heading = found[-1]
        anchor = label("cell", paper, name, str(number))
        yield Cell(number, anchor, heading, code, source, _output(cell))


def _output(cell: dict[str, Any]) -> str:
    texts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        texts += ["".join(output.get("text", "")), "".join(data.get("text/markdown", ""))]
    return "\n".join(texts)


def read_papers(top: Path) -> list[Paper]:
    """Read what the pipeline left, by paper in the order of ``params.yaml``.

    Raises
    ------
    InputError
        If a paper has no citation, or a file of the pipeline is missing.
    """
    notebooks = yaml.safe_load(read_text(top / "params.yaml", "the pipeline's values"))["notebooks"]
    citation = yaml.safe_load(read_text(top / "CITATION.cff", "the citation"))
    references = {
        f"{entry['authors'][0]['family-names'].lower()}{entry['year']}": entry
        for entry in citation["references"]
    }
    papers = []
    for key, names in notebooks.items():
        if key not in references:
            raise InputError(
                file="CITATION.cff",
                where="references",
                value=", ".join(references),
                expected=f"the article of {key}, by its first author and year",
            )
        for name in names:
            at = f"notebooks/executed/{key}/{name}.ipynb"
            if not (top / at).is_file():
                raise InputError(
                    file=at,
                    where="the file",
                    value=None,
                    expected="the executed notebook, which make reproduce writes",
                )
        entry = references[key]
        papers.append(
            Paper(
                key=key,
                title=" ".join(entry["title"].split()),
                authors=", ".join(
                    f"{a['family-names']} {a['given-names'][0]}" for a in entry["authors"]
                ),
                year=str(entry["year"]),
                journal=f"{entry['journal']} {entry['volume']}:{entry['start']}",
                doi=entry["doi"],
                notebooks=tuple(names),
                claims=tuple(_claims(top, key)),
            )
        )
    return papers


def _claims(top: Path, paper: str) -> Iterator[ClaimRecord]:
    path = top / "data/results" / paper / "claims.csv"
    read_text(path, "the verdicts of the stage claims")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    notes = pd.read_csv(top / "data/raw/claims.csv", dtype=str, keep_default_na=False)
    note = dict(zip(notes["id"], notes["note"], strict=True))
    known = set()
    for ledger in sorted((top / "data/raw" / paper).glob("*.csv")):
        known |= set(pd.read_csv(ledger, dtype=str, usecols=["symbol"])["symbol"])
    thresholds = _thresholds(top / "tables" / paper / "flip_thresholds.csv")
    for row in frame.to_dict("records"):
        unit = row["unit"]
        rule = RULES.get(row["rule"], "")
        if row["rule"] == "relative":
            rule = f"a number; within {float(row['tolerance']):.0%} of the published one"
        yield ClaimRecord(
            id=row["id"],
            paper=paper,
            section=row["section"],
            statement=row["statement"],
            published=shown(row["published"], unit),
            computed=shown(row["computed"], unit),
            rule=rule,
            variants=row["holds_in_variants"],
            verdict=row["verdict"],
            worlds=row.get("plausible_worlds", ""),
            cause=row["cause"],
            note=note.get(row["id"], ""),
            notebook=row["notebook"],
            table=row["table"],
            figure=row["figure"],
            parameters=tuple(re.split(r"[;,\s]+", row["parameters"])) if row["parameters"] else (),
            symbols=tuple(_symbols(row["cause"], known)),
            thresholds=thresholds.get(row["id"], ()),
            cells=tuple(_shows(top, row, paper)),
        )


def _thresholds(path: Path) -> dict[str, tuple[Threshold, ...]]:
    """Thresholds by claim; none if the flip test has not been run on these ledgers."""
    if not path.is_file():
        return {}
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    columns = ["Likelier with", "Among", "Share below", "Share above"]
    return {
        claim: tuple(Threshold(*row) for row in rows[columns].itertuples(index=False))
        for claim, rows in frame.groupby("Outcome")
    }


def _symbols(cause: str, known: set[str]) -> list[str]:
    """Parameters that a cause lists after a colon."""
    for listed in re.findall(r": (\w+(?:, \w+)*)\.", cause):
        symbols = listed.split(", ")
        if known.issuperset(symbols):
            return symbols
    return []


def _shows(top: Path, row: dict[str, str], paper: str) -> list[Cell]:
    """Cells that name the claim or draw its figure, the most telling one first.

    That is the first whose output names the claim, unless it is the table of verdicts at the
    notebook's end and another cell draws the figure.
    """
    if not row["notebook"]:
        return []
    path = Path(row["notebook"])
    cells = list(cells_of(read_json(top / path), paper, path.stem))
    drawn = [cell for cell in cells if Path(row["figure"]).stem in cell.figures]
    name = re.compile(rf"\b{row['id']}\b")
    named = [cell for cell in cells if name.search(cell.source) or name.search(cell.output)]
    telling = [cell for cell in named if name.search(cell.output) and cell is not cells[-1]]
    best = (telling or drawn or named)[:1]
    rest = sorted({*drawn, *named} - {*best}, key=lambda cell: cell.number)
    return [*best, *rest]


def json_text(notebook: dict[str, Any]) -> str:
    """Return a notebook as Jupyter writes it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
