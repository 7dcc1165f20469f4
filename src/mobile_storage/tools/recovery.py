"""What a run of the pipeline that was killed may leave behind, put right before the next one.

DVC writes two files in place: the record of what is up to date, ``dvc.lock``, after every stage,
and ``.dvc/tmp/rwlock`` around it. A kill in that moment leaves the first part of them, or an empty
file: with the one DVC would run everything again, or refuse to run at all; with the other it always
refuses. So it does where a number in ``.dvc/tmp/rwlock`` is by now that of another program. The
results themselves are safe, see `mobile_storage.core.io.replacing`. What DVC remembers of the
files that it has hashed and what numba has compiled is forgotten where it is damaged: they, too,
would refuse to start rather than make it anew.
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

import yaml

from mobile_storage.core.errors import PlainError
from mobile_storage.core.io import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["merged_records", "recorded"]

_RECORD = "dvc.lock"
_TMP = Path(".dvc/tmp")
#: The record as it was when the run began; gone once a run has ended by itself.
_COPY = _TMP / "dvc.lock.before"
#: What is a file there, of DVC's and ours; none of it is a result.
_FILES = ("lock", "rwlock", "rwlock.lock", "btime", "dvc.lock.before")
_STAGE = re.compile(r"^  (\S.*):\n((?: {4}.*\n)+)", re.MULTILINE)
_LONGEST_WAIT_S = 10.0


@contextmanager
def recorded(folder: str | Path) -> Iterator[None]:
    """Mend what a killed run has left in a folder, and keep what mends this one in case of need.

    Parameters
    ----------
    folder : path
        The repository or a copy of it, in which the block runs DVC.
    """
    from dvc.lock import Lock  # slow to import

    folder = Path(folder)
    record, copy, busy = folder / _RECORD, folder / _COPY, folder / _TMP / "rwlock"
    copy.parent.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        _remove_other(folder / _TMP / name)
    _wait_for_the_killed(busy, folder)
    with Lock(str(folder / _TMP / "lock"), wait=True):
        if _holders(busy) is None:
            print(f"{busy} was damaged: it is removed.", file=sys.stderr)
        if not _present(busy, folder):
            busy.unlink(missing_ok=True)
        _forget_damaged_hashes()
        _forget_damaged_code()
        before, now = (
            path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            for path in (copy, record)
        )
        committed = "" if before else _committed(folder)
        if record.exists() and (_is_cut(committed, now) or not _is_whole_after(before, now)):
            now = merged_records(before or committed, now)
            said = "is taken from git" if committed else "runs again"
            print(f"{record} was cut off or damaged: what is gone {said}.", file=sys.stderr)
            if now:
                write_text(now, record)
            else:
                record.unlink()
        if now:
            write_text(now, copy)
    yield
    # Not in a `finally`: DVC may have been stopped in the middle as well, or found the disk full.
    if not record.exists() or _is_whole(record.read_text(encoding="utf-8", errors="replace")):
        copy.unlink(missing_ok=True)


def merged_records(before: str, now: str) -> str:
    """Return a record (``dvc.lock``) that was cut off, with what is gone taken from an older one.

    Parameters
    ----------
    before, now : str
        The older record, and the one that may be cut off anywhere. A stage that ran since and whose
        entry is gone has its older one again, or none: DVC runs it once more.

    Returns
    -------
    str
        `now` as it is where it is whole.
    """
    if _is_whole_after(before, now):
        return now
    old, new = (dict(_STAGE.findall(record)) for record in (before, now))
    if new:
        new.popitem()  # the last one may be cut off as well
    whole = {name: body for name, body in new.items() if _is_whole(_record({name: body}))}
    return _record(old | whole)


def _record(entries: Mapping[str, str]) -> str:
    body = "".join(f"  {name}:\n{entry}" for name, entry in entries.items())
    return f"schema: '2.0'\nstages:\n{body}" if entries else ""


def _is_cut(before: str, now: str) -> bool:
    """Whether a record is the first part of an older one."""
    return now != before and before.startswith(now)


def _is_whole_after(before: str, now: str) -> bool:
    """Whether a record is whole and has all stages that the older one has."""
    old, new = (dict(_STAGE.findall(record)).keys() for record in (before, now))
    return now.endswith("\n") and not _is_cut(before, now) and old <= new and _is_whole(now)


def _is_whole(record: str) -> bool:
    """Whether DVC will take it."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # slow to import
    from voluptuous import Invalid

    try:
        content = yaml.load(record, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        COMPILED_LOCKFILE_SCHEMA(content)
        return len(content["stages"]) == len(_STAGE.findall(record))  # none stands there twice
    except (yaml.YAMLError, Invalid, ValueError, TypeError, KeyError):
        return False


def _committed(folder: Path) -> str:
    """Return the record as it is in git; empty where there is none, as in a copy."""
    if not (folder / ".git").exists():  # git runs what the settings of a folder above may say
        return ""
    try:
        done = subprocess.run(
            ["git", "show", f"HEAD:./{_RECORD}"], cwd=folder, capture_output=True, check=False
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


def _wait_for_the_killed(busy: Path, folder: Path) -> None:
    """Give the stages of a killed run the moment that they need to see it and end."""
    until = time.monotonic() + _LONGEST_WAIT_S
    while present := _present(busy, folder):
        if time.monotonic() > until:
            number, command = next(iter(present.items()))
            raise PlainError(
                f"{folder.resolve()}: process {number} ({command}) works in this folder already; "
                "wait until it has ended, or end it, and start again."
            )
        time.sleep(0.2)


def _present(busy: Path, folder: Path) -> dict[int, str]:
    """Return those whom DVC has noted as working in the folder and who do, with their commands."""
    return {
        number: command
        for number, command in (_holders(busy) or {}).items()
        if _works_in(number, folder)
    }


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
    import psutil  # DVC's own; it asks with it whether a process is there

    try:
        return Path(psutil.Process(process).cwd()).resolve() == folder.resolve()
    except psutil.AccessDenied:
        return False  # another user's: no run in this folder
    except (psutil.Error, OSError, ValueError, OverflowError):
        return False
