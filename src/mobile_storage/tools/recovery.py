"""One run at a time in a folder, and repair of what a killed run may have left damaged.

Results are safe (`mobile_storage.core.io.replacing`), and so is the record of what is up to date as
`tools.pipeline.record` writes it. DVC's own commands write the record in place, so a kill can cut
it off, and git can leave a conflict in it. DVC's hashes of files and numba's compiled code are
removed where they are damaged, because both programs would refuse to start.
"""

from __future__ import annotations

import io
import os
import pickletools
import re
import shutil
import sqlite3
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from mobile_storage.core.errors import InputError, PlainError
from mobile_storage.core.io import write_text
from mobile_storage.tools.pipeline.record import LOCK, parse_lock
from mobile_storage.tools.receipt.snapshot import git

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["alone"]

_TMP = Path(".dvc/tmp")
_STAGE = re.compile(r"^  \S.*:$", re.MULTILINE)
#: How DVC notes, in ``rwlock``, a process that runs a stage.
_NOTED = re.compile(r'"pid": (\d{1,9}), "cmd": "([^"]*)"')
_LONGEST_WAIT_S = 10.0


@contextmanager
def alone(folder: str | Path) -> Iterator[None]:
    """Be the only run in a folder, and begin with sound files.

    Parameters
    ----------
    folder : path
        The repository or a copy of it.

    Raises
    ------
    PlainError
        If another run works in the folder, of ours or of DVC's.
    """
    from dvc.lock import Lock, LockError  # slow to import

    folder = Path(folder)
    (folder / _TMP).mkdir(parents=True, exist_ok=True)
    lock = Lock(str(folder / _TMP / "lock"))
    until = time.monotonic() + _LONGEST_WAIT_S
    while True:
        if not (other := _stage_of_dvc(folder)):
            try:
                lock.lock()
                break
            except LockError:
                other = "another run"
        if time.monotonic() > until:
            raise PlainError(
                f"{folder.resolve()}: {other} works in this folder already; wait until it has "
                "ended, or end it, and start again."
            )
        time.sleep(0.2)
    try:
        _forget_damaged_hashes()
        _forget_damaged_code()
        _mend_record(folder)
        yield
    finally:
        lock.unlock()


def _stage_of_dvc(folder: Path) -> str:
    """Return the process that runs a stage for DVC in the folder, in words, or an empty text.

    DVC unlocks the folder while a stage runs. A noted number may belong to another program by now.
    """
    busy = folder / _TMP / "rwlock"
    noted = busy.read_text(encoding="utf-8", errors="replace") if busy.is_file() else ""
    for number, command in _NOTED.findall(noted):
        with suppress(psutil.Error, OSError):
            if Path(psutil.Process(int(number)).cwd()).resolve() == folder.resolve():
                return f"process {number} ({command})"
    return ""


def _mend_record(folder: Path) -> None:
    """Take a damaged record from git, or begin a new one."""
    record = folder / LOCK
    if not record.exists():
        return
    now, committed = record.read_text(encoding="utf-8", errors="replace"), ""
    if (folder / ".git").exists():  # git would also run what a folder above has in its settings
        committed = (git(folder, "show", f"HEAD:./{LOCK}") or b"").decode(errors="replace")
    cut = now != committed and committed.startswith(now)
    if _is_sound(now) and not cut:
        return
    said = "it is taken from git" if committed else "every stage runs again"
    print(f"{record} was cut off or damaged: {said}.", file=sys.stderr)
    if committed:
        write_text(committed, record)
    else:
        record.unlink()


def _is_sound(record: str) -> bool:
    """Return whether DVC accepts a record, and no stage stands in it twice."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # slow to import
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA({"schema": "2.0", "stages": (entries := parse_lock(record))})
    except (InputError, Invalid):
        return False
    return record.startswith("schema: '2.0'\n") and len(entries) == len(_STAGE.findall(record))


def _forget_damaged_hashes() -> None:
    """Remove DVC's damaged data bases; DVC makes them anew."""
    folder = os.environ.get("DVC_SITE_CACHE_DIR")
    for path in list(Path(folder).rglob("cache.db")) if folder else ():
        try:
            with closing(sqlite3.connect(path)) as base:
                sound = base.execute("PRAGMA quick_check").fetchone() == ("ok",)
        except sqlite3.DatabaseError:
            sound = False
        if not sound:
            shutil.rmtree(path.parent)


def _forget_damaged_code() -> None:
    """Remove numba's damaged files; a sound one holds one or several pickles."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    for path in list(Path(folder).rglob("*.nb[ci]")) if folder else ():
        data = io.BytesIO(path.read_bytes())
        size = data.getbuffer().nbytes
        try:
            sound = size > 0
            while data.tell() < size:
                list(pickletools.genops(data))  # this reads the pickle and does not run it
        except Exception:  # the kind of error depends on the damage
            sound = False
        if not sound:
            path.unlink()
