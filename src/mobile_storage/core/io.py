"""Results on disk: JSON, CSV and Markdown tables with the same bytes on every run.

Floats are written to 10 significant digits. That is enough for any reader, and it hides the last
bits in which processors and library versions differ. Every file is first written beside its place
and then moved there (`replacing`), so a killed process leaves no incomplete file.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mobile_storage.core.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "SIGNIFICANT_DIGITS",
    "markdown_table",
    "read_json",
    "read_text",
    "replacing",
    "round_significant",
    "write_csv",
    "write_json",
    "write_table",
    "write_text",
]

SIGNIFICANT_DIGITS = 10
#: Significant digits in Markdown tables; the CSV beside each keeps `SIGNIFICANT_DIGITS`.
_DIGITS_SHOWN = 6
_LINE_END = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def round_significant(value: float, digits: int = SIGNIFICANT_DIGITS) -> float:
    """Round to significant digits; minus zero becomes zero, NaN and infinity stay."""
    return float(f"{value:.{digits}g}") + 0.0


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a file to write; it replaces `path` if the block ends without an error.

    After an error `path` stays as it was. The yielded file is hidden and lies beside `path`; the
    folder is created if it is missing. The file always has the same name, so the next run
    overwrites what a killed run left. Git and DVC ignore it.

    Raises
    ------
    OutputError
        On any error of the file system.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(path, error) from error
        raise


def write_text(text: str, path: str | Path) -> Path:
    """Write UTF-8 text with Unix line ends and one newline at the end; create the folder.

    Raises
    ------
    OutputError
        As `replacing`; so do all writers here.
    """
    with replacing(path) as part:
        part.write_bytes((text.rstrip("\n") + "\n").encode())
    return Path(path)


def write_json(obj: object, path: str | Path) -> Path:
    """Write `obj` as JSON: sorted keys, floats to 10 significant digits, newline at the end.

    Dataclasses become objects, enums their values, NumPy and pandas scalars and arrays their plain
    counterparts, sets sorted lists.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, which JSON cannot hold.
    TypeError
        If JSON has no form for an object.
    """
    text = json.dumps(_plain(obj, "$"), indent=1, sort_keys=True, ensure_ascii=False)
    return write_text(text, path)


def read_text(path: str | Path, expected: str) -> str:
    """Read UTF-8 text, with or without a byte order mark.

    Parameters
    ----------
    expected : str
        Kind of file for the error message: ``a JSON file``.

    Raises
    ------
    InputError
        If the file is missing, cannot be read or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(file=path, where="the file", value=None, expected=expected) from None
    except OSError as error:  # a folder, no right to read it, a path too long
        raise InputError(
            file=path, where="the file", value=error.strerror, expected=expected
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(
            file=path, where=f"byte {error.start}", value="other bytes", expected="UTF-8 text"
        ) from None


def read_json(path: str | Path) -> object:
    """Read a JSON file.

    Raises
    ------
    InputError
        If the file is missing or is not JSON in UTF-8. NaN and infinity, which Python accepts, are
        not JSON.
    """
    text = read_text(path, "a JSON file")

    def refuse(word: str) -> None:
        raise InputError(file=path, where="the file", value=word, expected="valid JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise InputError(
            file=path,
            where=f"line {error.lineno}, character {error.colno}",
            value=error.doc[error.pos : error.pos + 20],
            expected=f"valid JSON ({error.msg})",
        ) from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a deep nest
        raise InputError(
            file=path, where="the file", value=str(error), expected="JSON as results have it"
        ) from None


def _plain(obj: object, where: str) -> object:
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        obj = {field.name: getattr(obj, field.name) for field in dataclasses.fields(obj)}
    if isinstance(obj, Enum):
        return _plain(obj.value, where)
    if obj is None or isinstance(obj, str | bool):
        return obj
    if isinstance(obj, np.ndarray):
        obj = obj.tolist()
    elif isinstance(obj, np.generic):
        return _plain(obj.item(), where)
    if isinstance(obj, int):
        return obj
    if isinstance(obj, float):
        if not math.isfinite(obj):
            raise ValueError(f"{where} is {obj}, which JSON cannot hold; write None instead")
        return round_significant(obj)
    if isinstance(obj, Mapping):
        return {_key(key, where): _plain(item, f"{where}.{key}") for key, item in obj.items()}
    if isinstance(obj, set | frozenset):
        obj = sorted(obj)
    if isinstance(obj, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(obj)]
    if isinstance(obj, Path):
        return obj.as_posix()
    raise TypeError(f"{where} is a {type(obj).__name__}, which has no form in JSON")


def _key(key: object, where: str) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return str(int(key))
    raise TypeError(f"{where} has the key {key!r}; keys are text or whole numbers")


def write_csv(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a frame without its index as CSV: floats to 10 significant digits, no minus zero."""
    frame = frame.copy()
    for column in frame.select_dtypes("floating"):
        frame[column] += 0.0  # minus zero becomes zero
    text = frame.to_csv(index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g", lineterminator="\n")
    return write_text(text, path)


def write_table(
    frame: pd.DataFrame,
    stem: str | Path,
    caption: str,
    units: Mapping[str, str] | None = None,
) -> tuple[Path, Path]:
    """Write ``stem.csv`` for programs and ``stem.md`` for readers.

    Parameters
    ----------
    frame : DataFrame
        One row per line; the index is not written.
    stem : path
        Path without a suffix, such as ``tables/bao2024/table1``.
    caption : str
        One sentence above the table that says what it shows.
    units : mapping, optional
        Unit by column, shown in the Markdown heading.

    Returns
    -------
    tuple of Path
        The CSV and the Markdown file.

    Raises
    ------
    ValueError
        If the frame has a named index, which would be lost, or a unit names a missing column.
    """
    if any(name is not None for name in frame.index.names):
        raise ValueError(f"the index {list(frame.index.names)} would be lost: reset_index() first")
    unknown = set(units or {}) - set(frame.columns)
    if unknown:
        raise ValueError(f"units for columns that the table lacks: {sorted(unknown)}")
    stem = Path(stem)
    return (
        write_csv(frame, stem.with_name(stem.name + ".csv")),
        write_text(
            f"{caption}\n\n{markdown_table(frame, units)}", stem.with_name(stem.name + ".md")
        ),
    )


def markdown_table(frame: pd.DataFrame, units: Mapping[str, str] | None = None) -> str:
    """Return the frame as a Markdown table: numbers to the right, NaN and None blank."""
    units = units or {}
    heads = [
        _cell(f"{name} ({units[name]})" if name in units else str(name)) for name in frame.columns
    ]
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]
    lines = [heads, ["---:" if is_number else "---" for is_number in numeric]]
    for row in frame.astype(object).itertuples(index=False, name=None):
        lines.append([_cell(_text(item)) for item in row])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _text(item: object) -> str:
    if item is None or item is pd.NA or (isinstance(item, float) and math.isnan(item)):
        return ""
    if isinstance(item, bool | np.bool_):
        return "yes" if item else "no"
    if isinstance(item, float | np.floating):
        return _number(float(item))
    return str(item)


def _number(value: float) -> str:
    """Write a float to 6 digits, in full rather than as 1.2e+06 where that is readable."""
    if value != 0 and math.isfinite(value) and 1e6 <= abs(value) < 1e12:
        return f"{value:.0f}"
    return f"{value + 0.0:.{_DIGITS_SHOWN}g}"


def _cell(text: str) -> str:
    """Escape a text so that it stays in its cell and is not read as HTML."""
    text = text.replace("\\", "\\\\").replace("|", "\\|")
    return _TAG.sub("&lt;", _LINE_END.sub(" ", text))
