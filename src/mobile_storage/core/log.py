"""Log lines with the name of their stage, progress bars, and the end of a failed stage."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Sized
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psutil
from tqdm import tqdm

from mobile_storage.core.errors import OutputError, PlainError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "ERROR_FILE",
    "ERROR_MARK",
    "RUNNER",
    "configure",
    "end_with_parent",
    "progress",
    "stage",
]

T = TypeVar("T")

#: Every library module logs below this name, so that one handler serves them all.
ROOT = "mobile_storage"
#: Text before the sentence of a `PlainError` in a stage's output.
ERROR_MARK = "ERROR: "
#: Environment variable: a file that receives the same sentence, for the process above the stage.
ERROR_FILE = "MOBILE_STORAGE_ERROR_FILE"
#: Environment variable: id of the process that runs the pipeline.
RUNNER = "MOBILE_STORAGE_RUNNER"
#: Errors of the disk and not of the code: it is full, the quota is used up, or it is read-only.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_LINES = 15.0


class _Handler(logging.StreamHandler):
    """Handler that writes to the current ``sys.stderr``, which tests and tqdm replace."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def configure(stage: str, case: str | None = None) -> logging.Logger:
    """Return the compendium's logger, its lines reading ``stage | case | message``.

    A second call changes the prefix and does not duplicate lines. Library modules that log with
    ``logging.getLogger(__name__)`` share the prefix.
    """
    logger = logging.getLogger(ROOT)
    for handler in [h for h in logger.handlers if isinstance(h, _Handler)]:
        logger.removeHandler(handler)
    handler = _Handler()
    prefix = " | ".join(part.replace("%", "%%") for part in (stage, case) if part)
    handler.setFormatter(logging.Formatter(f"{prefix} | %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger


@contextmanager
def stage(name: str, case: str | None = None) -> Iterator[logging.Logger]:
    """Run the body of a stage's ``main`` with log lines and one-sentence errors.

    A `PlainError` (bad input, a full disk, a notebook's cell that raises, no solver) becomes one
    log line, ``name | case | ERROR: sentence``, and exit code 2. The sentence says what to correct,
    so there is no traceback. Every other exception is raised.
    """
    logger = configure(name, case)
    if RUNNER in os.environ:
        end_with_parent()
    started = time.monotonic()
    try:
        yield logger
    except (PlainError, OSError) as error:
        if isinstance(error, OSError):
            if error.errno not in _DISK:
                raise
            error = OutputError(error.filename or "A file beside the results", error)
        logger.error("%s%s", ERROR_MARK, error)
        if ERROR_FILE in os.environ:
            with suppress(OSError):  # the disk may be full: the sentence is in the log
                Path(os.environ[ERROR_FILE]).write_text(str(error), encoding="utf-8")
        raise SystemExit(2) from error
    logger.info("done in %.1f s", time.monotonic() - started)


def end_with_parent() -> None:
    """End this process and its children as soon as a process above it has ended.

    A kill ends one process only. Without this function the stages of a killed run would continue,
    and the next run would start them a second time. Every stage ends with the process that runs the
    pipeline. Every worker of a pool, with this as its ``initializer``, ends with its stage.
    """
    own = psutil.Process()
    try:
        above = _above(own)
    except psutil.NoSuchProcess:  # gone already
        os._exit(1)

    def watch() -> None:
        while all(map(_works, above)):
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        for child in own.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _above(process: psutil.Process) -> list[psutil.Process]:
    """Return the processes above this one, up to the one that runs the pipeline if it is named."""
    parents, runner = process.parents(), int(os.environ.get(RUNNER, 0))
    numbers = [parent.pid for parent in parents]
    if runner in numbers:
        return parents[: numbers.index(runner) + 1]
    return [*parents[:1], *([psutil.Process(runner)] if runner else [])]


def _works(process: psutil.Process) -> bool:
    """Return whether a process still runs; a zombie process does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def progress(iterable: Iterable[T], desc: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a progress bar on a terminal, and with log lines elsewhere.

    Parameters
    ----------
    iterable : iterable
        The items.
    desc : str
        Name of the items, as shown in the bar.
    total : int, optional
        Number of items, if `iterable` has no length.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    if sys.stderr.isatty():
        yield from tqdm(iterable, desc=desc, total=total, leave=False)
        return
    logger = logging.getLogger(ROOT)
    started = last = time.monotonic()
    for done, item in enumerate(iterable, start=1):
        yield item
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            logger.info("%s: %d of %s after %.0f s", desc, done, total or "?", now - started)
