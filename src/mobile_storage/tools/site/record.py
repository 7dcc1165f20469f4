"""Papers, claims, tables and figures, and the cells of the notebooks that show a claim."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import yaml

from mobile_storage.core.captions import CAPTIONS, TABLE, read_captions
from mobile_storage.core.claims import Verdict, read_claims
from mobile_storage.core.errors import InputError
from mobile_storage.core.io import read_json, read_text
from mobile_storage.core.papers import CLAIMS, PAPERS
from mobile_storage.core.params import read_section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mobile_storage.core.papers import Paper

__all__ = [
    "Cell",
    "ClaimRecord",
    "Exhibit",
    "PaperRecord",
    "cells_of",
    "label",
    "read_exhibits",
    "read_papers",
    "shown",
]

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
_AS_WRITTEN = (
    *("id", "section", "statement", "verdict", "cause"),
    *("notebook", "table", "figure", "parameters"),
)


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook, with the heading above it.

    `figures` are the names of the figures that it draws. A cell draws a figure by calling the
    function of that name in the module ``figures``.
    """

    number: int
    anchor: str
    heading: str
    code: bool
    source: str
    output: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Exhibit:
    """A figure or table with its caption; `body` has the rows of a table in Markdown."""

    name: str
    anchor: str
    caption: str
    body: str


class Threshold(NamedTuple):
    """A value that makes a claim likelier on one side of a threshold, from the flip test.

    Attributes
    ----------
    factor : str
        Name of the value: its ledger or group, its keys, its symbol.
    condition : str
        The side in words, which begin with the factor.
    among : str
        The worlds among which the threshold was found.
    below, above : str
        Share of the worlds on either side in which the claim holds, with its interval.
    """

    factor: str
    condition: str
    among: str
    below: str
    above: str


@dataclass(frozen=True)
class ClaimRecord:
    """A claim with its verdict and evidence; paths are those of the repository.

    Attributes
    ----------
    worlds : str
        Share of the plausible worlds in which the claim holds, or empty.
    symbols : tuple of str
        Parameters each of which turns the claim over at an end of its range.
    thresholds : tuple of Threshold
        Values that decide the claim in the flip test.
    cells : tuple of Cell
        Cells of its notebook that show it; the one that shows it best is the first.
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
    parameters: str
    symbols: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    cells: tuple[Cell, ...]

    @property
    def mark(self) -> str:
        """Symbol of the verdict."""
        return SYMBOLS[Verdict(self.verdict)]

    @property
    def slug(self) -> str:
        """The verdict as a name for files and styles."""
        return label(self.verdict)


@dataclass(frozen=True)
class PaperRecord:
    """A paper with its citation, its notebooks in their order, and its claims."""

    key: str
    number: int
    title: str
    authors: str
    year: str
    journal: str
    doi: str
    notebooks: tuple[str, ...]
    claims: tuple[ClaimRecord, ...]

    @property
    def verdicts(self) -> dict[str, int]:
        """Number of claims by verdict, best first; verdicts without a claim are left out."""
        counts = {str(v): sum(claim.verdict == v for claim in self.claims) for v in Verdict}
        return {verdict: count for verdict, count in counts.items() if count}


def label(*parts: str) -> str:
    """Return a name for anchors and files: small letters, digits and hyphens.

    >>> label("cell", "05_2_optimum", "7")
    'cell-05-2-optimum-7'
    """
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def shown(text: str, unit: str = "") -> str:
    """Return a value for readers: numbers with 6 digits and separated thousands, then the unit.

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
    """Yield the cells of an executed notebook, each with the heading above it."""
    heading = name
    for number, cell in enumerate(notebook["cells"], 1):
        source, output = "".join(cell["source"]), []
        code = cell["cell_type"] == "code"
        if not code and (found := re.findall(r"^#+ (.+)$", source, re.MULTILINE)):
            heading = found[-1]
        for one in cell.get("outputs", []):
            output.append("".join(one.get("text", "")))
            output.append("".join(one.get("data", {}).get("text/markdown", "")))
        anchor = label("cell", paper, name, str(number))
        figures = tuple(_drawn(source)) if code else ()
        yield Cell(number, anchor, heading, code, source, "\n".join(output), figures)


def _drawn(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="figures"), attr=name)):
                yield name


def read_exhibits(top: Path, paper: Paper, kind: str) -> list[Exhibit]:
    """Read the figures or the tables of a paper, in the order of their names.

    Parameters
    ----------
    top : path
        Top of the repository.
    paper : Paper
    kind : str
        `core.captions.FIGURE` or `core.captions.TABLE`.

    Raises
    ------
    InputError
        If one has no caption.
    """
    captions = read_captions(paper, kind, top / CAPTIONS)
    is_table = kind == TABLE
    files = (top / paper.tables).glob("*.md") if is_table else (top / paper.figures).glob("*.png")
    exhibits = []
    for path in sorted(files):
        # The file of a table begins with the caption.
        body = read_text(path, "a table").partition("\n\n")[2] if is_table else ""
        anchor = label(kind, paper.key, path.stem)
        exhibits.append(Exhibit(path.stem, anchor, captions[path.stem], body))
    return exhibits


def read_papers(top: Path) -> list[PaperRecord]:
    """Read the results of the pipeline, by paper in the order of the registry.

    Raises
    ------
    InputError
        If a paper has no citation, or a file of the pipeline is missing.
    """
    citation = yaml.safe_load(read_text(top / "CITATION.cff", "the citation"))
    references = {
        f"{entry['authors'][0]['family-names'].lower()}{entry['year']}": entry
        for entry in citation["references"]
    }
    notebooks = read_section(top / "params.yaml", "notebooks")
    return [
        _paper(top, paper, references, tuple(notebooks[paper.key])) for paper in PAPERS.values()
    ]


def _paper(
    top: Path, paper: Paper, references: dict[str, dict[str, Any]], notebooks: tuple[str, ...]
) -> PaperRecord:
    if paper.key not in references:
        raise InputError(
            file="CITATION.cff",
            where="references",
            value=", ".join(references),
            expected=f"the article of {paper.key}, by its first author and year",
        )
    for name in notebooks:
        written = "the executed notebook, which make reproduce writes"
        read_text(top / paper.executed / f"{name}.ipynb", written)
    entry = references[paper.key]
    authors = [f"{a['family-names']} {a['given-names'][0]}" for a in entry["authors"]]
    return PaperRecord(
        key=paper.key,
        number=paper.number,
        title=" ".join(entry["title"].split()),
        authors=", ".join(authors),
        year=str(entry["year"]),
        journal=f"{entry['journal']} {entry['volume']}:{entry['start']}",
        doi=entry["doi"],
        notebooks=notebooks,
        claims=tuple(_claims(top, paper)),
    )


def _claims(top: Path, paper: Paper) -> Iterator[ClaimRecord]:
    path = top / paper.results / "claims.csv"
    read_text(path, "the verdicts of the stage claims")
    notes = {claim.id: claim.note for claim in read_claims(top / CLAIMS, paper.key)}
    symbols, thresholds = _symbols(top, paper), _thresholds(top, paper)
    for row in _table(path).to_dict("records"):
        rule = RULES.get(row["rule"], "")
        if row["rule"] == "relative":
            rule = f"a number; within {float(row['tolerance']):.0%} of the published one"
        yield ClaimRecord(
            **{name: row[name] for name in _AS_WRITTEN},
            paper=paper.key,
            published=shown(row["published"], row["unit"]),
            computed=shown(row["computed"], row["unit"]),
            rule=rule,
            variants=row["holds_in_variants"],
            worlds=row["plausible_worlds"],
            note=notes.get(row["id"], ""),
            symbols=symbols.get(row["id"], ()),
            thresholds=thresholds.get(row["id"], ()),
            cells=tuple(_shows(top, row, paper.key)),
        )


def _table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _symbols(top: Path, paper: Paper) -> dict[str, tuple[str, ...]]:
    """Return the parameters that turn each claim over, from their table if there is one."""
    path = top / paper.tables / "flips.csv"
    if not path.is_file():
        return {}
    table = _table(path)
    turned = table.assign(claim=table["Turned over"].str.split(", ")).explode("claim")
    by_claim = turned.groupby("claim")["Symbol"]
    return {claim: tuple(dict.fromkeys(symbols)) for claim, symbols in by_claim}


def _thresholds(top: Path, paper: Paper) -> dict[str, tuple[Threshold, ...]]:
    """Return the thresholds by claim; none if the flip test has not been run on these ledgers.

    The table for readers has the rows of the flip test's own file, which names the factors.
    """
    path, source = top / paper.tables / "flip_thresholds.csv", paper.flip / "thresholds.csv"
    if not path.is_file():
        return {}
    table, own = _table(path), pd.read_csv(top / source, usecols=["outcome", "factor"])
    conditions, factors = list(table["Likelier with"]), list(own["factor"])
    if len(conditions) != len(factors) or not all(map(str.startswith, conditions, factors)):
        raise InputError(
            file=paper.tables / path.name,
            where="column Likelier with",
            value=f"{len(conditions)} rows",
            expected=f"the {len(factors)} rows of {source.as_posix()} in their order",
        )
    columns = ["factor", "Likelier with", "Among", "Share below", "Share above"]
    return {
        outcome: tuple(Threshold(*row) for row in rows.itertuples(index=False))
        for outcome, rows in table.assign(factor=factors)[columns].groupby(own["outcome"])
    }


def _shows(top: Path, row: dict[str, str], paper: str) -> list[Cell]:
    """Return the cells that name the claim or draw its figure; the best one is the first.

    That is the first cell whose output names the claim. The last cell of a notebook has the table
    of all its verdicts; it counts only if no other cell draws the figure.
    """
    if not row["notebook"]:
        return []
    cells = _read_cells(top / row["notebook"], paper)
    drawn = [cell for cell in cells if Path(row["figure"]).stem in cell.figures]
    name = re.compile(rf"\b{row['id']}\b")
    named = [cell for cell in cells if name.search(cell.source) or name.search(cell.output)]
    telling = [cell for cell in named if name.search(cell.output) and cell is not cells[-1]]
    best = (telling or drawn or named)[:1]
    return [*best, *sorted({*drawn, *named} - {*best}, key=lambda cell: cell.number)]


@cache
def _read_cells(path: Path, paper: str) -> tuple[Cell, ...]:
    return tuple(cells_of(read_json(path), paper, path.stem))
