"""Stages ``pricing_notebook`` and ``mmbes_notebook``: one notebook executed, byte for byte stable.

By hand, to try other values::

    python -m mobile_storage.stages.notebook bao2024 04_bilevel_pricing -o mine.ipynb -p k_exp 0.6
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.core.log import stage
from mobile_storage.core.papers import PAPERS
from mobile_storage.tools.kernel import copy_of_this_process
from mobile_storage.tools.notebooks import run_notebook


def _value(name: str, text: str) -> object:
    """Return what a text on the command line means as YAML: a number, a list, true, a text."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InputError(
            file="the command line", where=f"-p {name}", value=text, expected="a value as in YAML"
        ) from None


def main() -> None:
    """Write ``notebooks/executed/<paper>/<section>.ipynb``, or another file with other values."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("paper", choices=PAPERS)
    section = parser.add_mutually_exclusive_group(required=True)
    section.add_argument("section", nargs="?", help="name of the notebook")
    # DVC puts values of params.yaml into a command as options only, quoted for the shell.
    section.add_argument("--section", dest="named", help="the same")
    parser.add_argument("-o", "--output", type=Path, help="where the executed notebook goes")
    parser.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="replace a value of the notebook's parameters cell; needs --output",
    )
    asked = parser.parse_args()
    if asked.parameter and asked.output is None:
        parser.error("other values need --output: the executed notebooks have the ledgers' values")
    chosen = asked.section or asked.named
    with copy_of_this_process() as kernel, stage(f"{PAPERS[asked.paper].package}_notebook", chosen):
        paper = PAPERS[asked.paper]
        known = sorted(path.stem for path in paper.notebooks.glob("*.ipynb"))
        if chosen not in known:
            raise InputError(
                file=paper.notebooks,
                where="the folder",
                value=chosen,
                expected=f"one of {', '.join(known)}{did_you_mean(chosen, known)}",
            )
        values = {key: _value(key, text) for key, text in asked.parameter}
        name = f"{chosen}.ipynb"
        output = asked.output or paper.executed / name
        run_notebook(paper.notebooks / name, output, values, kernel=kernel)


if __name__ == "__main__":
    main()
