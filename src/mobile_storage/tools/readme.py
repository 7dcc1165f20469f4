"""Fill the blocks of a Markdown file that are made from the pipeline and its results.

A block stands between ``<!-- begin:NAME -->`` and ``<!-- end:NAME -->``::

    python -m mobile_storage.tools.readme README.md           # fill in
    python -m mobile_storage.tools.readme README.md --check   # name the stale blocks
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from mobile_storage.core.errors import InputError
from mobile_storage.core.io import markdown_table, read_text, write_text
from mobile_storage.core.log import ERROR_MARK
from mobile_storage.core.papers import PAPERS
from mobile_storage.tools.pipeline.stages import stage_graph

__all__ = ["BLOCKS", "CLAIMS", "claims_block", "fill", "pipeline_block", "without_blocks"]

_BLOCK = re.compile(
    r"<!-- begin:(?P<name>[\w-]+) -->\n(?P<body>.*?)<!-- end:(?P=name) -->", re.DOTALL
)
_SHOWN = [
    *("id", "statement", "published", "unit", "computed", "rule", "verdict"),
    *("plausible_worlds", "cause", "notebook"),
]


def claims_block(folder: Path, *, paper: str) -> str:
    """Return the table of claims of a paper, from the file that `write_verdicts` writes."""
    path = folder / PAPERS[paper].results / "claims.csv"
    expected = "the verdicts of the stage claims"
    text = io.StringIO(read_text(path, expected))
    try:
        frame = pd.read_csv(text, dtype=str, keep_default_na=False, usecols=_SHOWN)
    except ValueError as error:  # empty, cut off, other columns
        said = str(error).splitlines()[0]
        raise InputError(file=path, where="the file", value=said, expected=expected) from None
    if frame.isna().to_numpy().any():
        raise InputError(file=path, where="a row", value="too few cells", expected=expected)
    units = frame["unit"].map(lambda unit: f" {unit}" if unit else "")
    columns = {
        "Claim": frame["id"],
        "What the paper states": frame["statement"],
        "Published": frame["published"] + units.where(frame["published"] != "", ""),
        "Computed": frame["computed"] + units.where(frame["rule"] == "relative", ""),
        "Verdict": "**" + frame["verdict"] + "**",
        "Plausible worlds": frame["plausible_worlds"],
        "Why": frame["cause"],
        "Notebook": frame["notebook"].map(lambda at: f"[{Path(at).stem}]({at})" if at else ""),
    }
    return markdown_table(pd.DataFrame(columns))


def pipeline_block(folder: Path) -> str:
    """Return the pipeline of a folder as a Mermaid picture.

    Raises
    ------
    InputError
        If DVC cannot read its ``dvc.yaml``.
    """
    graph = stage_graph(folder)
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {name}["{label}"]' for name, label in graph.nodes(data="label")]
    lines += [f"    {start} --> {end}" for start, end in graph.edges]
    return "\n".join([*lines, "```"])


#: Blocks that are made from the results. The picture of the pipeline is made from dvc.yaml alone.
CLAIMS: Mapping[str, Callable[[Path], str]] = {
    f"claims-{paper}": partial(claims_block, paper=paper) for paper in PAPERS
}
BLOCKS: Mapping[str, Callable[[Path], str]] = {**CLAIMS, "pipeline": pipeline_block}


def fill(
    path: str | Path,
    blocks: Mapping[str, Callable[[Path], str]] | None = None,
    only: Collection[str] | None = None,
    *,
    check: bool = False,
) -> list[str]:
    """Fill the blocks of the file, all or `only` some; return the names of the changed blocks.

    Parameters
    ----------
    path : path
        The Markdown file.
    blocks : mapping, optional
        Function by the name of a block: it takes the folder of the file and returns the text. By
        default `BLOCKS`, those of the README.
    only : collection of str, optional
        Names of the blocks to fill.
    check : bool
        Only return the names of the blocks that would change, and write nothing.

    Raises
    ------
    InputError
        If the file is missing, a block is unknown or its end mark is missing.
    """
    path, blocks = Path(path), blocks or BLOCKS
    before = read_text(path, "Markdown")
    changed = []

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in blocks:
            where, value = before.count("\n", 0, match.start()) + 1, f"begin:{name}"
            expected = f"one of {', '.join(blocks)}"
            raise InputError(file=path, where=f"line {where}", value=value, expected=expected)
        if only is not None and name not in only:
            return match[0]
        # Some renderers need a blank line between a comment and a table.
        body = f"\n{blocks[name](path.parent).strip()}\n\n"
        if body != match["body"]:
            changed.append(name)
        return f"<!-- begin:{name} -->\n{body}<!-- end:{name} -->"

    after = _BLOCK.sub(replace, before)
    marks = len(re.findall(r"<!-- (?:begin|end):", before))
    if marks != 2 * len(_BLOCK.findall(before)):
        expected = "a matching end:NAME below each begin:NAME, on lines of their own"
        value = f"{marks} marks of blocks"
        raise InputError(file=path, where="the file", value=value, expected=expected)
    if changed and not check:
        write_text(after, path)
    return changed


def without_blocks(markdown: str) -> str:
    """Return a text without its blocks and the blank lines below them."""
    return re.sub(_BLOCK.pattern + "\\n*", "", markdown, flags=re.DOTALL)


def main(argv: list[str] | None = None) -> None:
    """Fill the blocks of the file, or check them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if stale")
    arguments = parser.parse_args(argv)
    try:
        names = fill(arguments.file, check=arguments.check)
    except InputError as error:
        raise SystemExit(f"{ERROR_MARK}{error}") from None
    verb = "stale" if arguments.check else "filled anew"
    print(f"{arguments.file}: {', '.join(names) or 'nothing'} {verb}")
    raise SystemExit(1 if arguments.check and names else 0)


if __name__ == "__main__":
    main()
