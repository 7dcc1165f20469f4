"""Checks of a reader's folder before anything of it is used, and of the copy of the pipeline in it.

Whoever opens a colleague's case runs none of the colleague's code. Only plain files of known names
are read from the folder, their names and notes have no markup, and results are only written into a
copy that this installation made itself. A copy that came with the folder could have settings of the
tools, commands of the pipeline, and results that nobody computed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mobile_storage.core.errors import InputError, OutputError
from mobile_storage.core.io import read_json, write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["check_copy", "check_file", "check_texts", "remember_copy"]

#: Largest size of a file that is read. Ledgers have up to a thousand lines, far less than this.
_LARGEST_BYTES = 20_000_000
_NAME = re.compile(r"[^\W_][\w .,:()/+'&#%-]*")
_FORMULA = tuple("=+-@")
#: HTML other than ``<https://...>``, and links of Markdown.
_MARKUP = re.compile(r"<(?!https?://)[A-Za-z/!?]|\]\(")
#: Copies that this installation made, by their place: number of the folder on its disk, and the
#: text of `_MARK` in it. This file is in the repository, where no sender of a folder can write.
COPIES = Path(".cache/copies.json")
_MARK = ".made-here"
#: Names that DVC would take for a pipeline or for settings, below the top of a copy.
_DVC = re.compile(r"dvc\.yaml|dvc\.lock|\.dvcignore|.*\.dvc", re.DOTALL)
_OWN_DVC = {"config", "tmp", "cache", ".gitignore"}
_RESULTS = {"data", "tables", "figures", "notebooks", "dvc.lock", _MARK}
_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini"}


def check_file(path: Path) -> None:
    """Raise `InputError` unless this is a plain file of a size that a ledger can have.

    A link could show another file of this machine, and a device or pipe never ends.
    """
    found = path.lstat()
    value = _kind(found.st_mode)
    if value is None and found.st_size > _LARGEST_BYTES:
        value = f"{found.st_size} bytes"
    if value is not None:
        expected = f"a plain file of at most {_LARGEST_BYTES // 1_000_000} MB"
        raise InputError(file=path, where="the file", value=value, expected=expected)


def _kind(mode: int) -> str | None:
    """Return in words what stands in place of a plain file; None for a plain file."""
    if stat.S_ISREG(mode):
        return None
    return {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder"}.get(
        stat.S_IFMT(mode), "a device, pipe or socket"
    )


def check_texts(path: Path) -> None:
    """Raise `InputError` on a text of a ledger that a spreadsheet, browser or figure would misread.

    A name is made of letters, digits, blanks and a few signs. Other texts begin with no sign of a
    spreadsheet's formula, and have no HTML and no link of Markdown. A file that is no CSV or no
    UTF-8 is left to the ledger's reader, which refuses it.
    """
    from mobile_storage.core.ledger import COLUMNS  # slow to import

    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        for row in reader:
            for column, cell in zip(header, map(str.strip, row), strict=False):
                if expected := _fault(cell, column, is_name=column not in COLUMNS):
                    where = f"line {reader.line_num}, column {column}"
                    raise InputError(file=path, where=where, value=cell, expected=expected)
    except (UnicodeDecodeError, csv.Error):
        return


def _fault(cell: str, column: str, *, is_name: bool) -> str | None:
    with suppress(ValueError):
        float(cell or 0)
        return None
    if is_name and not _NAME.fullmatch(cell):
        return "a name that begins with a letter or digit, and blanks and . , : ( ) / + ' & # % _ -"
    if cell.startswith(_FORMULA):
        return "a text that does not begin as a formula of a spreadsheet, with = + - or @"
    if _MARKUP.search(cell):
        return "a plain text, without HTML and links of Markdown"
    if column == "name" and "$" in cell:
        return "a text without $, which would begin a formula in a figure"
    return None


def check_copy(target: Path, inputs: Collection[str]) -> None:
    """Raise `InputError` unless nothing is there, or a copy that `remember_copy` knows.

    Parameters
    ----------
    target : path
        Folder of the copy.
    inputs : collection of str
        Names at the top of a copy beside its results.
    """

    def refuse(value: str, expected: str, file: Path = target) -> NoReturn:
        where = "the folder of the results"
        raise InputError(file=file, where=where, value=value, expected=expected)

    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:  # a file in place of a folder above it
        raise OutputError(target, error) from None
    if not stat.S_ISDIR(mode):
        expected = "a folder that was made here, or none: move it elsewhere or delete it"
        refuse(_kind(mode) or "a file", expected)
    if not any(target.iterdir()):
        return
    if _copies().get(_place(target)) != _identity(target):
        refuse(
            "one that was not made by this installation",
            "one that was, or none: it could hold other commands and results that were never "
            "computed, so move it elsewhere or delete it, and start again",
        )
    known = {*inputs, *_RESULTS, *_SYSTEM}
    for folder, folders, files in os.walk(target):
        inside = Path(folder).relative_to(target)
        for name in (*folders, *files):
            path = Path(folder, name)
            kind = _kind(path.lstat().st_mode)
            if kind not in (None, "a folder"):
                refuse(kind, "plain files only: delete it", path)
            if (
                (inside == Path() and name not in known)
                or (inside == Path(".dvc") and name not in _OWN_DVC)
                or (inside.parts[:1] not in ((), (".dvc",)) and _DVC.fullmatch(name))
            ):
                value = (inside / name).as_posix()
                refuse(value, "only what a run puts there: move it elsewhere or delete it")


def remember_copy(target: Path) -> None:
    """Make the folder of a copy if need be, and note that it was made here."""
    target.mkdir(parents=True, exist_ok=True)
    known, place = _copies(), _place(target)
    if known.get(place) != _identity(target):
        write_text(secrets.token_hex(), target / _MARK)
        write_json(known | {place: _identity(target)}, COPIES)


def _copies() -> Mapping[str, object]:
    if not COPIES.is_file():
        return {}
    try:
        found = read_json(COPIES)
    except InputError:  # damaged: no copy is known
        return {}
    return found if isinstance(found, dict) else {}


def _place(target: Path) -> str:
    return json.dumps(str(target.resolve()))  # also where a name is no UTF-8


def _identity(target: Path) -> list[object]:
    """Return the folder's number on its disk and its mark; a later folder may have the number."""
    mark = target / _MARK
    text = mark.read_text(encoding="utf-8", errors="replace") if mark.is_file() else ""
    return [target.stat().st_ino, text.strip()]
