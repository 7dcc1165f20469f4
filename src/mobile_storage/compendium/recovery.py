"""What a run of the pipeline that was killed may leave behind, put right before the next one.

DVC writes two files in place: the record of what is up to date, ``dvc.lock``, after every stage,
and ``.dvc/tmp/rwlock`` around it. A kill in that moment leaves the first part of them, or an empty
file: with the one DVC would run everything again, or refuse to run at all; with the other it always
refuses. The results themselves are safe, see `mobile_storage.compendium.io.replacing`. What DVC
remembers of the files that it has hashed and what numba has compiled is forgotten where it is
damaged: they, too, would refuse to start rather than make it anew.
"""

from __future__ import annotations

import io
import json
import os
import pickletools
import re
import shutil
import sqlite3
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from mobile_storage.compendium.io import write_text
from mobile_storage.compendium.log import is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["merged_records", "recorded"]

_RECORD = "dvc.lock"
_TMP = Path(".dvc/tmp")
#: The record as it was when the run began; gone once a run has ended by itself.
_COPY = _TMP / "dvc.lock.before"
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
    _wait_for_the_killed(busy)
    with Lock(str(folder / _TMP / "lock"), wait=True):
        if busy.exists() and _holders(busy) is None:
            busy.unlink()
        _forget_damaged_hashes()
        _forget_damaged_code()
        before, now = (
            path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            for path in (copy, record)
        )
        if record.exists():
            mended = merged_records(before, now)
            if not mended or mended != now:
                print(f"{record} was cut off: what is gone from it runs again.", file=sys.stderr)
                now = mended
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
    old, new = dict(_STAGE.findall(before)), dict(_STAGE.findall(now))
    if old.keys() <= new.keys() and _is_whole(now):
        return now
    if new:
        new.popitem()  # the last one may be cut off as well
    entries = "".join(f"  {name}:\n{body}" for name, body in (old | new).items())
    return f"schema: '2.0'\nstages:\n{entries}" if entries else ""


def _is_whole(record: str) -> bool:
    try:
        content = yaml.load(record, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return all("cmd" in entry for entry in content["stages"].values())
    except (yaml.YAMLError, TypeError, KeyError, AttributeError):
        return False


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


def _wait_for_the_killed(busy: Path) -> None:
    """Give the stages of a killed run the moment that they need to see it and end."""
    until = time.monotonic() + _LONGEST_WAIT_S
    while any(map(is_alive, _holders(busy) or ())) and time.monotonic() < until:
        time.sleep(0.2)


def _holders(busy: Path) -> set[int] | None:
    """Return the processes that DVC has noted as working in the folder; None: unreadable."""
    try:
        content = json.loads(busy.read_text(encoding="utf-8"))
        infos = [*content.get("write", {}).values()]
        infos += [info for infos in content.get("read", {}).values() for info in infos]
        return {info["pid"] for info in infos if info}
    except FileNotFoundError:
        return set()
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
