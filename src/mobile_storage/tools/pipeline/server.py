"""Start Python programs from a process that has loaded the large libraries once.

A stage of a few seconds spends most of its time on imports. Where the system can fork, the pipeline
starts one process of this module, which imports the libraries that stages use and then waits. For
every program that is requested it forks a copy of itself, which has the libraries loaded. Each
program loads the compendium's own modules itself, as they are on disk. The forkserver of
`multiprocessing` is not used: it knows no folder, environment, log or processor time of a program,
and it imports the main module of its parent in every copy.

Requests and answers are lines of JSON on standard input and output.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path

from mobile_storage.core.process_environment import fix_arithmetic
from mobile_storage.core.processes import end_all, own_group

__all__ = ["AVAILABLE", "Server", "become"]

#: macOS can fork, but its own libraries may not be used in the copy.
AVAILABLE = sys.platform.startswith("linux")
_ENDED = "the process that starts the stages has ended"


class Server:
    """A process that starts programs. One thread can wait for each of them.

    Parameters
    ----------
    environment : mapping
        Environment variables of the process. What libraries read when they are loaded has to be in
        it; a program can only add to it.
    libraries : sequence of str
        Modules to load; one that is not installed is left out.
    """

    def __init__(self, environment: Mapping[str, str], libraries: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *libraries],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **own_group(),
        )
        self._answers: dict[int, Future[tuple[int, float]]] = {}
        self._numbers = count()
        self._over = False
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def run(
        self, words: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]
    ) -> tuple[int, float]:
        """Run ``python words`` in a folder and wait for it; its output is added to the log.

        Returns
        -------
        code : int
            Exit code; that of a signal is negative, as in `subprocess`.
        cpu_seconds : float
            Of the program and of all processes that it has waited for.

        Raises
        ------
        ChildProcessError
            If the server has ended before the program.
        """
        answer: Future[tuple[int, float]] = Future()
        with self._lock:
            if self._over:
                raise ChildProcessError(_ENDED)
            number = next(self._numbers)
            self._answers[number] = answer
            request = {
                "number": number,
                "words": list(words),
                "folder": str(folder.resolve()),
                "log": str(log.resolve()),
                "environment": dict(environment),
            }
            with suppress(BrokenPipeError):  # it has just ended, so there is no answer
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
        return answer.result()

    def stop(self) -> None:
        """End the process and all that it has started."""
        end_all(self._process.pid)
        self._process.wait()

    def _listen(self) -> None:
        for line in self._process.stdout:
            said = json.loads(line)
            self._answers.pop(said["number"]).set_result((said["code"], said["cpu_seconds"]))
        with self._lock:
            self._over = True
            for answer in self._answers.values():
                answer.set_exception(ChildProcessError(_ENDED))


# ---- the process -----------------------------------------------------------------------------


def main() -> None:
    """Load the libraries, then start requested programs until standard input is closed."""
    fix_arithmetic()
    for name in sys.argv[1:]:
        with suppress(ImportError):
            import_module(name)
    request = _serve()
    if request is not None:
        folder, log = Path(request["folder"]), Path(request["log"])
        become(request["words"], folder, log, request["environment"])


def _serve() -> dict | None:
    """Answer requests; return one in each forked copy, and None in the server at its end."""
    ended, wake = os.pipe()
    for end in (ended, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing would wake
    programs: dict[int, int] = {}
    rest = b""
    while True:
        ready, _, _ = select.select([0, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _report(programs)
        if 0 not in ready:
            continue
        read = os.read(0, 65536)
        if not read:
            for program in programs:
                end_all(program)
            return None
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            request = json.loads(line)
            program = os.fork()
            if program == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (ended, wake):
                    os.close(end)
                return request
            programs[program] = request["number"]


def _report(programs: dict[int, int]) -> None:
    """Answer for each program that has ended."""
    while programs:
        program, status, usage = os.wait4(-1, os.WNOHANG)
        if program == 0:
            return
        said = {
            "number": programs.pop(program),
            "code": os.waitstatus_to_exitcode(status),
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
        }
        os.write(1, json.dumps(said).encode() + b"\n")


def become(words: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]) -> None:
    """Run ``python words`` in this process, as Python runs it from the command line.

    The parameters are those of `Server.run`.
    """
    with open(os.devnull, "rb") as nothing, log.open("ab") as file:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    os.chdir(folder)
    os.environ.update(environment)
    _forget_own_modules()
    first, *others = words
    if first == "-m":
        name, *others = others
        sys.argv = [name, *others]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *others]
        runpy.run_path(first, run_name="__main__")


def _forget_own_modules() -> None:
    """Unload the compendium's modules, which may have changed since the server started."""
    own = __package__.partition(".")[0]
    for name in [name for name in sys.modules if name == own or name.startswith(f"{own}.")]:
        del sys.modules[name]
    sys.path_importer_cache.clear()  # of folders that were not there


if __name__ == "__main__":
    main()
