"""Take two versions of a file apart: each place at which they are not the same.

The cells of a CSV, the values of a JSON file, the lines of a text, the lines and pictures that a
notebook shows.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import takewhile, zip_longest
from pathlib import PurePosixPath
from typing import TypeVar

__all__ = ["NUMBER", "Pair", "Part", "unequal", "without_licence"]

#: A number in a text; 1.15.1 is not one.
NUMBER = re.compile(
    r"(?<![\d.])[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\.?\d)"
)
#: Gurobi's message on a licence may name the machine, its user or the licence.
_LICENCE = re.compile(r"(no valid Gurobi licence: )[^\"\n]*")
#: A part of a file: text, or the bytes of a picture.
Part = str | bytes
#: A place and the part there, and a place with the parts of both versions.
Place = tuple[str, Part]
Pair = tuple[str, Part | None, Part | None]
T = TypeVar("T")


def unequal(name: str, committed: bytes, recomputed: bytes) -> Iterator[Pair]:
    """Yield each place at which two versions of a file are not the same, with what is there."""
    suffix = PurePosixPath(name).suffix
    if suffix == ".png":
        yield "picture", committed, recomputed
        return
    try:
        before, after = (content.decode("utf-8-sig") for content in (committed, recomputed))
    except UnicodeDecodeError:
        yield "bytes", _summary(committed), _summary(recomputed)
        return
    try:
        pairs = list(_READERS.get(suffix, _lines)(before, after))
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error):
        pairs = list(_lines(before, after))  # the content does not fit the suffix
    # Line ends or a byte order mark may be all that differs.
    yield from pairs or [("bytes", _summary(committed), _summary(recomputed))]


def without_licence(text: str) -> str:
    """Return the text without Gurobi's message on a licence that is not valid."""
    return _LICENCE.sub(r"\1...", text)


def _summary(content: bytes) -> str:
    return f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}"


def _lines(before: str, after: str) -> Iterator[Pair]:
    yield from _aligned(before.splitlines(), after.splitlines())


def _aligned(before: Sequence[T], after: Sequence[T]) -> Iterator[tuple[str, T | None, T | None]]:
    """Yield the lines that differ, each beside its counterpart, None where it has none."""
    blocks = [("replace", 0, len(before), 0, len(after))]
    if len(before) != len(after):
        blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for _, start, end, start_after, end_after in blocks:
        pairs = zip_longest(before[start:end], after[start_after:end_after])
        for offset, (one, other) in enumerate(pairs):
            new = start + offset >= end
            place = f"new line {start_after + offset + 1}" if new else f"line {start + offset + 1}"
            if one != other:
                yield place, one, other


def _csv(before: str, after: str) -> Iterator[Pair]:
    tables = [[tuple(row) for row in csv.reader(io.StringIO(text))] for text in (before, after)]
    heads = [table[0] if table else () for table in tables]
    for place, *rows in _aligned(*tables):
        present = next(row for row in rows if row is not None)
        # Lines of the same number may be different lines, so the first cells of a line name it.
        words = list(takewhile(lambda cell: not NUMBER.fullmatch(cell), present[:-1]))
        label = f" ({', '.join(filter(None, words[:3]))})" if any(words) else ""
        if None in rows:
            yield place + label, *(None if row is None else ", ".join(row) for row in rows)
            continue
        cells = (_by_column(head, row) for head, row in zip(heads, rows, strict=True))
        for column, one, other in _unlike(*cells):
            yield f"{place}{label}, column {column}", one, other


def _by_column(head: tuple[str, ...], row: tuple[str, ...]) -> Iterator[Place]:
    named = len(set(head)) == len(head)
    for at, cell in enumerate(row):
        yield head[at] if named and at < len(head) else f"{at + 1}", cell


def _json(before: str, after: str) -> Iterator[Pair]:
    yield from _unlike(*(_json_parts("$", json.loads(text)) for text in (before, after)))


def _notebook(before: str, after: str) -> Iterator[Pair]:
    yield from _unlike(*(_notebook_parts(json.loads(text)) for text in (before, after)))


def _unlike(before: Iterable[Place], after: Iterable[Place]) -> Iterator[Pair]:
    one, other = dict(before), dict(after)
    for place in one | other:
        if one.get(place) != other.get(place):
            yield place, one.get(place), other.get(place)


def _json_parts(path: str, value: object) -> Iterator[Place]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _json_parts(f"{path}.{key}", item)
    elif isinstance(value, list):
        yield f"{path}, number of items", str(len(value))
        for at, item in enumerate(value):
            yield from _json_parts(f"{path}[{at}]", item)
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _line_parts(where: str, text: str) -> Iterator[Place]:
    lines = text.splitlines()
    yield f"{where}number of lines", str(len(lines))
    for number, line in enumerate(lines, start=1):
        yield f"{where}line {number}", line


def _notebook_parts(notebook: Mapping) -> Iterator[Place]:
    yield "number of cells", str(len(notebook["cells"]))
    for number, cell in enumerate(notebook["cells"], start=1):
        where = f"cell {number}, "
        yield f"{where}kind", cell["cell_type"]
        yield from _line_parts(f"{where}source, ", "".join(cell["source"]))
        outputs = cell.get("outputs", [])
        yield f"{where}number of outputs", str(len(outputs))
        for at, output in enumerate(outputs, start=1):
            shown = f"{where}output {at}, "
            data = output.get("data", {})
            if "text" in output:
                yield from _line_parts(shown, "".join(output["text"]))
            for kind, content in data.items():
                if kind == "image/png":
                    yield f"{shown}picture", base64.b64decode(content)
                elif isinstance(content, Mapping):
                    yield from _json_parts(f"{shown}{kind}: $", content)
                else:
                    yield from _line_parts(f"{shown}{kind}, ", "".join(content))
            rest = {k: v for k, v in output.items() if k not in ("data", "text")}
            yield from _json_parts(f"{shown}$", rest)
        rest = {k: v for k, v in cell.items() if k not in ("cell_type", "source", "outputs")}
        yield from _json_parts(f"{where}$", rest)
    yield from _json_parts("$", {k: v for k, v in notebook.items() if k != "cells"})


_READERS = {".csv": _csv, ".json": _json, ".ipynb": _notebook}
