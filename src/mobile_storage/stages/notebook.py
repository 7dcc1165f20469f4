"""Stage ``notebook@section``: one notebook executed, byte for byte the same on every run."""

from __future__ import annotations

import argparse
from pathlib import Path

from mobile_storage.compendium.log import stage
from mobile_storage.compendium.notebooks import run_notebook

STORED = Path("notebooks")
EXECUTED = Path("notebooks/executed")


def main() -> None:
    """Write ``notebooks/executed/<paper>/<section>.ipynb``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("paper")
    parser.add_argument("section")
    asked = parser.parse_args()
    with stage("notebook", asked.section):
        name = f"{asked.section}.ipynb"
        run_notebook(STORED / asked.paper / name, EXECUTED / asked.paper / name)


if __name__ == "__main__":
    main()
