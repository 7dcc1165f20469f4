"""Executed notebooks for the site, with labels of cells, alternative texts and working links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobile_storage.core.captions import CAPTIONS, FIGURE, read_captions
from mobile_storage.core.io import read_json
from mobile_storage.tools.site.record import cells_of

if TYPE_CHECKING:
    from mobile_storage.core.papers import Paper
    from mobile_storage.tools.site.links import SiteLinks

__all__ = ["FOLDED_LINES", "site_notebook"]

FOLDED_LINES = 12
"""Code with more lines than this number is folded."""
_CLAIM_CELL = re.compile(r"(?<=\| )(P\d-\d\d)(?= \|)")


def site_notebook(top: Path, paper: Paper, name: str, links: SiteLinks) -> dict[str, Any]:
    """Return an executed notebook as the site shows it.

    Before each cell stands a label that other pages can link to, and below the title a line that
    offers the notebook itself. The alternative text of a picture is the caption of the figure, or
    the heading above it where the figure has none. Claims in tables become links.
    """
    source = (paper.executed / f"{name}.ipynb").as_posix()
    page = (paper.notebooks / f"{name}.ipynb").as_posix()
    notebook = read_json(top / source)
    captions = read_captions(paper, FIGURE, top / CAPTIONS)
    cells = []
    for cell, about in zip(notebook["cells"], cells_of(notebook, paper.key, name), strict=True):
        cells.append(_markdown(f"label-{about.number}", f"({about.anchor})="))
        if about.code:
            texts = [captions[figure] for figure in about.figures if figure in captions]
            alt = " ".join(texts) or f"Figure of the section {about.heading}."
            cell["metadata"] = {**cell["metadata"], "mystnb": {"image": {"alt": alt}}}
            if about.source.count("\n") >= FOLDED_LINES:
                cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "hide-input"]
            for output in cell["outputs"]:
                if text := "".join(output.get("data", {}).get("text/markdown", "")):
                    text = links.rewrite(text, source, page)
                    output["data"]["text/markdown"] = _CLAIM_CELL.sub(_claim_link, text)
        else:
            cell["source"] = links.rewrite(about.source, source, page)
        cells.append(cell)
        if about.number == 1:
            links.files.add(source)
            file = f"{'../' * page.count('/')}{source}"
            text = f"This page is an executed notebook ({{download}}`download <{file}>`). "
            cells.append(_markdown("download", text + "Longer code is folded."))
    return {**notebook, "cells": cells}


def _markdown(identifier: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": identifier, "metadata": {}, "source": source}


def _claim_link(match: re.Match[str]) -> str:
    return f"[{match[1]}](../../claims/{match[1].lower()}.md)"
