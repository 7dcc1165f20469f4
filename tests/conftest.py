"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest

mpl.use("Agg")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top of the repository, for tests of what is committed there."""
    return Path(__file__).resolve().parents[1]
