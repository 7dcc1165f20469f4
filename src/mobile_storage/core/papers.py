"""The reproduced papers; their names and folders are written only here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["CLAIMS", "MMBES", "PAPERS", "PRICING", "RAW", "Paper"]

RAW = Path("data/raw")
"""Folder of the inputs: one folder per paper, and the ledger of claims."""
CLAIMS = RAW / "claims.csv"
"""The ledger of claims, of both papers."""


@dataclass(frozen=True)
class Paper:
    """A paper and the names of its parts; paths are relative to the top of the repository.

    Attributes
    ----------
    key : str
        First author and year; name of its folders in ``data``, ``tables``, ``figures``,
        ``notebooks``.
    number : int
        Its number in claims and in text: claim ``P1-01`` belongs to paper 1.
    package : str
        Its package in `mobile_storage`. The names of its stages begin with it.
    libraries : tuple of str
        The general packages that its results depend on.
    """

    key: str
    number: int
    package: str
    libraries: tuple[str, ...]

    @property
    def raw(self) -> Path:
        """Folder of the ledgers."""
        return RAW / self.key

    @property
    def results(self) -> Path:
        """Folder of the computed results."""
        return Path("data/results", self.key)

    @property
    def flip(self) -> Path:
        """Folder of the results of the flip test."""
        return Path("data/flip", self.key)

    @property
    def tables(self) -> Path:
        """Folder of the tables, as CSV and Markdown."""
        return Path("tables", self.key)

    @property
    def figures(self) -> Path:
        """Folder of the figures, as PNG and SVG."""
        return Path("figures", self.key)

    @property
    def notebooks(self) -> Path:
        """Folder of the notebooks without outputs."""
        return Path("notebooks", self.key)

    @property
    def executed(self) -> Path:
        """Folder of the executed notebooks."""
        return Path("notebooks/executed", self.key)


PRICING = Paper(key="bao2024", number=1, package="pricing", libraries=("bilevel",))
MMBES = Paper(key="fu2024", number=2, package="mmbes", libraries=("adequacy",))
PAPERS = {paper.key: paper for paper in (PRICING, MMBES)}
"""The papers by key; the one whose stages take longest is the last."""
