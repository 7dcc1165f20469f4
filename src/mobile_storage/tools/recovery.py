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
import re
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
_STAGE = re.compile(r"^  \S.*:$", re.MULTILINE)
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
    lock, busy = Lock(str(folder / _TMP / "lock")), folder / _TMP / "rwlock"
    until = time.monotonic() + _LONGEST_WAIT_S
    while True:  # stages of a killed run need a moment to see it and end
        other = _at_work(busy, folder)
        try:
            if not other:
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
        if _holders(busy) is None:
            print(f"{busy} was damaged: it is removed.", file=sys.stderr)
        busy.unlink(missing_ok=True)
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
    now, committed = record.read_text(encoding="utf-8", errors="replace"), _committed(folder)
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
    """Whether DVC takes a record."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # slow to import
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA({"schema": "2.0", "stages": (entries := parse_lock(record))})
        # None stands there twice.
        return record.startswith("schema: '2.0'\n") and len(entries) == len(_STAGE.findall(record))
    except (InputError, Invalid):
        return False


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


def _at_work(busy: Path, folder: Path) -> str:
    """Return a process of DVC's that works in the folder, in words; empty if there is none."""
    return next(
        (
            f"process {number} ({command})"
            for number, command in (_holders(busy) or {}).items()
            if _works_in(number, folder)
        ),
        "",
    )


def _holders(busy: Path) -> dict[int, str] | None:
    """Return the processes, and their commands, that DVC has noted; None: it is not DVC's list."""
    from dvc.rwlock import SCHEMA  # slow to import
    from voluptuous import Invalid

    try:
        content = SCHEMA(json.loads(busy.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError, Invalid):
        return None
    infos = [*content["write"].values(), *chain.from_iterable(content["read"].values())]
    return {info["pid"]: info["cmd"] for info in infos}


def _works_in(process: int, folder: Path) -> bool:
    """Whether a process is there and works in the folder: numbers are given out again."""
    try:
        return Path(psutil.Process(process).cwd()).resolve() == folder.resolve()
    except psutil.AccessDenied:
        return False  # another user's: no run in this folder
    except (psutil.Error, OSError, ValueError, OverflowError):
        return False
