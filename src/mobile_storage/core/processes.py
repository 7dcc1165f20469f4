"""Start and end of child processes on every system."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["INTERRUPTED", "end_all", "own_group", "quiet_interrupt"]

#: Exit code of a program that was ended from the keyboard.
INTERRUPTED = 128 + signal.SIGINT


def own_group() -> dict[str, object]:
    """Return options of `subprocess.Popen` so that Ctrl-C does not reach the new process.

    The process that starts it ends it. A stage that receives Ctrl-C would print a traceback.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_all(number: int) -> None:
    """End the process of this number (PID) and all its children."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(number)
        for one in [first, *first.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                one.kill()


@contextmanager
def quiet_interrupt() -> Iterator[None]:
    """End the program at Ctrl-C without a traceback."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
