"""Run stages in parallel, each as soon as those that it needs have ended."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import psutil

from mobile_storage.core.log import ERROR_FILE, RUNNER
from mobile_storage.core.process_environment import fixed_settings
from mobile_storage.core.processes import end_all, own_group
from mobile_storage.tools.pipeline.server import AVAILABLE, Server
from mobile_storage.tools.pipeline.stages import Stage

__all__ = ["DONE", "FAILED", "SKIPPED", "UP_TO_DATE", "Run", "Runner", "remove", "run_all"]

#: Libraries that stages load.
LIBRARIES = (
    *("numpy", "pandas", "pandera.pandas", "pint", "yaml", "scipy.stats", "scipy.optimize"),
    *("networkx", "pyomo.environ", "gurobipy", "highspy", "numba"),
    *("matplotlib.pyplot", "seaborn", "papermill", "nbclient", "ipykernel.kernelapp"),
)
FEW = 5
"""Up to this number of stages start without the libraries loaded."""

DONE = "done"
FAILED = "failed"
SKIPPED = "not run"
UP_TO_DATE = "up to date"

_LONGEST_MESSAGE = 400
_SECONDS_BETWEEN_LOOKS = 0.5
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """Result of a stage.

    Attributes
    ----------
    status : str
        `DONE`, `FAILED`, `SKIPPED` or `UP_TO_DATE`.
    seconds, cpu_seconds : float
        Wall time, and processor time of all processes of the stage, 0 where it is not known.
    message : str
        The sentence of a stage that failed, or the reason why one was not run.
    by_itself : bool
        Whether the stage itself has said in a sentence why it failed.
    """

    status: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    message: str = ""
    by_itself: bool = False


class Runner:
    """A context manager that runs commands with the code of a folder.

    Parameters
    ----------
    folder : path
        Top of the repository or of a copy, whose ``src`` comes before the installed package.
    logs : path
        Folder for what the commands print, one file for each name.
    count : int
        Largest number of commands; for a few it does not pay to load libraries first.
    environment : mapping, optional
        Further environment variables of the commands.
    """

    def __init__(
        self,
        folder: Path,
        logs: Path,
        count: int = 1,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.logs = folder, logs
        self._libraries = LIBRARIES if count > FEW else ()
        self._environment = {
            **os.environ,
            **fixed_settings(),
            # Stages call `python`, which has to be this one.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "PYTHONPATH": os.pathsep.join(
                [str(folder.resolve() / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            RUNNER: str(os.getpid()),
            **(environment or {}),
        }
        self._server: Server | None = None
        self._running: set[subprocess.Popen] = set()
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Runner:
        if AVAILABLE:
            self._server = Server(self._environment, self._libraries)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End every command that still runs."""
        if self._server is not None:
            self._server.stop()
        for process in list(self._running):
            if process.poll() is None:
                end_all(process.pid)

    def log(self, name: str) -> Path:
        """Return the file with what the command of this name prints."""
        return self.logs / (re.sub(r"[^\w.-]", "_", name) + ".log")

    def run(self, name: str, commands: Sequence[str]) -> Run:
        """Run the commands of this name one after another until one fails, and wait for them.

        A command has words as for a POSIX shell; no shell is used. ``python`` is this one.
        """
        log = self.log(name)
        sentence = log.with_suffix(".error")
        for file in (log, sentence):
            file.unlink(missing_ok=True)
        environment = {ERROR_FILE: str(sentence.resolve())}
        started, cpu_seconds, code = time.monotonic(), 0.0, 0
        for command in commands:
            words = shlex.split(command)
            try:
                code, used = self._start(words, log, environment)
            except OSError as error:
                why = f"{words[0]} cannot be started: {error.strerror or error}"
                return Run(FAILED, time.monotonic() - started, cpu_seconds, why)
            cpu_seconds += used
            if code:
                break
        seconds = time.monotonic() - started
        if not code:
            return Run(DONE, seconds, cpu_seconds)
        if sentence.is_file():
            message = sentence.read_text(encoding="utf-8")
            sentence.unlink()
            return Run(FAILED, seconds, cpu_seconds, message, by_itself=True)
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        message = lines[-1] if lines else f"it ended with exit code {code} and printed nothing."
        return Run(FAILED, seconds, cpu_seconds, message.strip()[:_LONGEST_MESSAGE])

    def _start(
        self, words: Sequence[str], log: Path, environment: Mapping[str, str]
    ) -> tuple[int, float]:
        python = words[0] == "python"
        if self._server is not None and python and (words[1] == "-m" or words[1].endswith(".py")):
            return self._server.run(words[1:], self.folder, log, environment)
        with log.open("ab") as target:
            process = subprocess.Popen(
                [sys.executable if python else words[0], *words[1:]],
                cwd=self.folder,
                env={**self._environment, **environment},
                stdout=target,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                **own_group(),
            )
        self._running.add(process)
        try:
            return process.wait(), 0.0
        finally:
            self._running.discard(process)


def run_all(
    stages: Sequence[Stage],
    runner: Runner,
    *,
    reason: Callable[[Stage], str | None] = lambda stage: "every stage is run",
    ended: Callable[[Stage], None] = lambda stage: None,
    stop_at_failure: bool = False,
    echo: bool = False,
) -> dict[str, Run]:
    """Run stages as soon as those that they need have ended well; return the result of each.

    As many stages run at once as there are processors. Of those that are ready, the one that most
    others wait for is the first.

    Parameters
    ----------
    stages : sequence of Stage
        Needs that are not among them are taken to be there.
    runner : Runner
    reason : function
        Why a stage is due, called when all that it needs has ended; None if it is up to date.
    ended : function
        Called after each stage that has run and ended well.
    stop_at_failure : bool
        Start no further stage of a paper after one of them has failed.
    echo : bool
        Copy to standard error what the stages print.
    """
    by_name = {stage.name: stage for stage in stages}
    needs = {s.name: [name for name in s.needs if name in by_name] for s in stages}
    graph = nx.DiGraph((before, name) for name, names in needs.items() for before in names)
    graph.add_nodes_from(needs)
    waiting = sorted(needs, key=lambda name: -len(nx.descendants(graph, name)))
    running: dict[Future[Run], str] = {}
    runs: dict[str, Run] = {}
    failed: set[str] = set()
    slots = max(2, len(psutil.Process().cpu_affinity()) if AVAILABLE else os.cpu_count() or 2)
    seen: dict[Path, int] = {}
    with ThreadPoolExecutor(max_workers=slots) as pool:
        try:
            while waiting or running:
                ready = (name for name in waiting if all(need in runs for need in needs[name]))
                if len(running) < slots and (name := next(ready, None)):
                    waiting.remove(name)
                    stage = by_name[name]
                    run = _unless_due(stage, needs[name], runs, reason, failed)
                    if run is None:
                        for out in stage.replaced:
                            remove(runner.folder / out)
                        running[pool.submit(runner.run, name, stage.commands)] = name
                    else:
                        runs[name] = run
                    continue
                done, _ = wait(running, timeout=_SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED)
                if echo:
                    _echo([runner.log(name) for name in running.values()], seen)
                for future in done:
                    name = running.pop(future)
                    run = runs[name] = future.result()
                    if run.status == DONE:
                        ended(by_name[name])
                    elif stop_at_failure:
                        failed.add(by_name[name].package)
                    _logger.info(
                        "%d of %d: %s %s in %.1f s%s",
                        *(len(runs), len(stages), name, run.status, run.seconds),
                        f": {run.message}" if run.message else "",
                    )
        except BaseException:  # whoever stops this stops the stages
            runner.stop()
            raise
    return {stage.name: runs[stage.name] for stage in stages}


def _unless_due(
    stage: Stage,
    needs: Sequence[str],
    runs: Mapping[str, Run],
    reason: Callable[[Stage], str | None],
    failed: set[str],
) -> Run | None:
    """Return the result of a stage that need not or cannot run; None if it is to run."""
    missing = [name for name in needs if runs[name].status not in (DONE, UP_TO_DATE)]
    if missing:
        return Run(SKIPPED, message=f"needs {missing[0]}, which did not end well")
    if stage.package in failed:
        return Run(SKIPPED, message="another stage failed")
    why = reason(stage)
    if why is None:
        return Run(UP_TO_DATE)
    _logger.info("%s starts: %s", stage.name, why)
    return None


def _echo(logs: Sequence[Path], seen: dict[Path, int]) -> None:
    """Copy to standard error what is new in logs; `seen` has the number of bytes copied before."""
    for log in logs:
        if log.is_file():
            with log.open("rb") as file:
                file.seek(seen.get(log, 0))
                text = file.read()
            seen[log] = seen.get(log, 0) + len(text)
            sys.stderr.write(text.decode("utf-8", errors="replace"))
    sys.stderr.flush()


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
