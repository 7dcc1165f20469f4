"""A reader's folder before anything of it is used, and the copy of the pipeline in it.

Whoever opens a colleague's case runs none of the colleague's code: only plain files of known names
are read from the folder, their names and notes hold no markup, and results are only ever written
into a copy that this installation made itself. A copy that came along with the folder could hold
settings of the tools, commands of the pipeline and results that nobody computed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mobile_storage.core.errors import InputError, OutputError
from mobile_storage.core.io import read_json, write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["check_copy", "check_file", "check_texts", "remember_copy"]

#: Ledgers have up to a thousand lines; nothing that is meant as one comes near this.
_LARGEST_BYTES = 20_000_000
_NAME = re.compile(r"[^\W_][\w .,:()/+'&#%-]*")
_FORMULA = tuple("=+-@")
#: HTML but for ``<https://...>``, and a link of Markdown.
_MARKUP = re.compile(r"<(?!https?://)[A-Za-z/!?]|\]\(")
#: Copies that this installation made, by their place: number of the folder on its disk, and the
#: text of `_MARK` in it. It is in the repository, where no sender of a folder can write.
COPIES = Path(".cache/copies.json")
_MARK = ".made-here"
#: Below the top of a copy: what DVC would take for a pipeline or for settings of its own.
_DVC = re.compile(r"dvc\.yaml|dvc\.lock|\.dvcignore|.*\.dvc", re.DOTALL)
_OWN_DVC = {"config", "tmp", "cache", ".gitignore"}
_RESULTS = {"data", "tables", "figures", "notebooks", "dvc.lock", _MARK}
_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini"}


def check_file(path: Path) -> None:
    """Raise `InputError` unless this is a plain file of a size that a ledger can have.

    A link could show another file of this machine, and a device or pipe never ends.
    """
    found = path.lstat()
    kind = _kind(found.st_mode)
    if kind is None and found.st_size > _LARGEST_BYTES:
        kind = f"{found.st_size} bytes"
    if kind is not None:
        raise InputError(
            file=path,
            where="the file",
            value=kind,
            expected=f"a plain file of at most {_LARGEST_BYTES // 1_000_000} MB",
        )


def _kind(mode: int) -> str | None:
    """Return what it is instead of a plain file, in words; None for a plain file."""
    if stat.S_ISREG(mode):
        return None
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"))
    return next((word for is_kind, word in kinds if is_kind(mode)), "a device, pipe or socket")


def check_texts(path: Path) -> None:
    """Raise `InputError` on a text of a ledger that is more than a text where it is shown.

    Names of customers, busbars and the like, and notes reach tables that a spreadsheet or a
    browser shows, and figures. A name is made of letters, digits, blanks and a few signs. Other
    texts begin with no sign that a spreadsheet takes for a formula, and hold no HTML and no link
    of Markdown. What is no CSV or no UTF-8 is left to the ledger's reader, which refuses it.
    """
    from mobile_storage.core.ledger import COLUMNS  # slow to import

    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        for row in reader:
            for column, cell in zip(header, map(str.strip, row), strict=False):
                if expected := _fault(cell, column, is_name=column not in COLUMNS):
                    raise InputError(
                        file=path,
                        where=f"line {reader.line_num}, column {column}",
                        value=cell,
                        expected=expected,
                    )
    except (UnicodeDecodeError, csv.Error):
        return


def _fault(cell: str, column: str, *, is_name: bool) -> str | None:
    if not cell or _is_number(cell):
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


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_copy(target: Path, inputs: Collection[str]) -> None:
    """Raise `InputError` unless nothing is there, or a copy that `remember_copy` knows.

    Parameters
    ----------
    target : path
        Folder of the copy.
    inputs : collection of str
        Names at the top of a copy beside its results.
    """
    where = "the folder of the results"
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:  # a file in place of a folder above it
        raise OutputError(target, error) from None
    if not stat.S_ISDIR(mode):
        raise InputError(
            file=target,
            where=where,
            value=_kind(mode) or "a file",
            expected="a folder that was made here, or none: move it elsewhere or delete it",
        )
    if not any(target.iterdir()):
        return
    if _copies().get(_place(target)) != _identity(target):
        raise InputError(
            file=target,
            where=where,
            value="one that was not made by this installation",
            expected="one that was, or none: it could hold other commands and results that were "
            "never computed, so move it elsewhere or delete it, and start again",
        )
    known = {*inputs, *_RESULTS, *_SYSTEM}
    for folder, folders, files in os.walk(target):
        inside = Path(folder).relative_to(target)
        for name in (*folders, *files):
            path = Path(folder, name)
            kind = _kind(path.lstat().st_mode)
            if kind not in (None, "a folder"):
                raise InputError(
                    file=path, where=where, value=kind, expected="plain files only: delete it"
                )
            if (
                (inside == Path() and name not in known)
                or (inside == Path(".dvc") and name not in _OWN_DVC)
                or (inside.parts[:1] not in ((), (".dvc",)) and _DVC.fullmatch(name))
            ):
                raise InputError(
                    file=target,
                    where=where,
                    value=(inside / name).as_posix(),
                    expected="only what a run puts there: move it elsewhere or delete it",
                )


def remember_copy(target: Path) -> None:
    """Make the folder of a copy if need be, and note that it was made here."""
    target.mkdir(parents=True, exist_ok=True)
    known = _copies()
    if known.get(_place(target)) != _identity(target):
        write_text(secrets.token_hex(), target / _MARK)
        write_json(known | {_place(target): _identity(target)}, COPIES)


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
    """The number tells a folder from another of its place, the mark from one that took both."""
    mark = target / _MARK
    text = mark.read_text(encoding="utf-8", errors="replace") if mark.is_file() else ""
    return [target.stat().st_ino, text.strip()]
