"""What all tests share."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, settings

mpl.use("Agg")
# How long an example takes says how busy the machine is. Where CI is set, every run has the same
# examples.
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top of the repository, for tests of what is committed there."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def edited_copy(tmp_path):
    """A copy of a folder of ledgers in which `edit` has changed the rows of one file."""

    def copy(source, name, edit):
        folder = Path(shutil.copytree(source, tmp_path / "case"))
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        rows = edit(rows) or rows
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return folder

    return copy
