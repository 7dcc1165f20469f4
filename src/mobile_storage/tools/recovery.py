"""What a run of the pipeline that was killed may leave behind, put right before the next one.

Results are safe, see `mobile_storage.core.io.replacing`, and so is the record of what is up to date
as `tools.pipeline.record` writes it. DVC itself writes two files in place, when its own commands
are used: ``dvc.lock`` and ``.dvc/tmp/rwlock``. A kill in that moment leaves the first part of them.
What DVC remembers of the files that it has hashed and what numba has compiled is forgotten where it
is damaged: both would refuse to start rather than make it anew.
"""

from __future__ import annotations

import io
import json
import os
import pickletools
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from mobile_storage.core.errors import InputError, PlainError
from mobile_storage.core.io import write_text
from mobile_storage.tools.pipeline.record import LOCK, parse_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["alone"]

_TMP = Path(".dvc/tmp")
#: What is a file there, of DVC's and ours; none of it is a result.
_FILES = ("lock", "rwlock", "rwlock.lock", "btime")
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
    for name in _FILES:
        _remove_other(folder / _TMP / name)
    lock, until = Lock(str(folder / _TMP / "lock")), time.monotonic() + _LONGEST_WAIT_S
    while True:  # stages of a killed run need a moment to see it and end
        busy = _at_work(folder)
        try:
            if not busy:
                lock.lock()
                break
        except LockError:
            busy = "another run"
        if time.monotonic() > until:
            raise PlainError(
                f"{folder.resolve()}: {busy} works in this folder already; wait until it has "
                "ended, or end it, and start again."
            )
        time.sleep(0.2)
    try:
        (folder / _TMP / "rwlock").unlink(missing_ok=True)
        _forget_damaged_hashes()
        _forget_damaged_code()
        _mend_record(folder)
        yield
    finally:
        lock.unlock()


def _mend_record(folder: Path) -> None:
    """Take a damaged record from git, or begin a new one."""
    record = folder / LOCK
    if not record.exists():
        return
    try:
        parse_lock(record.read_bytes())
    except InputError:
        committed = _committed(folder)
        said = "it is taken from git" if committed else "every stage runs again"
        print(f"{record} was cut off or damaged: {said}.", file=sys.stderr)
        if committed:
            write_text(committed, record)
        else:
            record.unlink()


def _committed(folder: Path) -> str:
    """Return the record as it is in git; empty where there is none, as in a copy."""
    if not (folder / ".git").exists():  # git runs what the settings of a folder above may say
        return ""
    try:
        done = subprocess.run(
            ["git", "show", f"HEAD:./{LOCK}"], cwd=folder, capture_output=True, check=False
        )
    except OSError:  # no git
        return ""
    return "" if done.returncode else done.stdout.decode("utf-8", errors="replace")


def _remove_other(path: Path) -> None:
    """Remove what is no plain file in place of one."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        print(f"{path} was not a file: it is removed.", file=sys.stderr)


def _forget_damaged_hashes() -> None:
    """Remove those of DVC's data bases that are none; DVC makes them anew."""
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
    """Remove those of numba's files, each one or several pickles, that are cut off or none."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    for path in list(Path(folder).rglob("*.nb[ci]")) if folder else ():
        data = io.BytesIO(path.read_bytes())
        try:
            sound = bool(data.getbuffer().nbytes)
            while data.tell() < data.getbuffer().nbytes:
                for _ in pickletools.genops(data):  # read, not run
                    pass
        except Exception:  # of whatever kind the noise in the file calls forth
            sound = False
        if not sound:
            path.unlink()


def _at_work(folder: Path) -> str:
    """Return a process of DVC's that works in the folder, in words; empty if there is none."""
    from dvc.rwlock import SCHEMA  # slow to import
    from voluptuous import Invalid

    try:
        content = SCHEMA(json.loads((folder / _TMP / "rwlock").read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, Invalid):  # none, or not DVC's list
        return ""
    for info in chain(content["write"].values(), *content["read"].values()):
        if _works_in(info["pid"], folder):
            return f"process {info['pid']} ({info['cmd']})"
    return ""


def _works_in(process: int, folder: Path) -> bool:
    """Whether a process is there and works in the folder: numbers are given out again."""
    try:
        return Path(psutil.Process(process).cwd()).resolve() == folder.resolve()
    except psutil.AccessDenied:
        return False  # another user's: no run in this folder
    except (psutil.Error, OSError, ValueError, OverflowError):
        return False
