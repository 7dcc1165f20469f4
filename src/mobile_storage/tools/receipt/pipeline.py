"""The stages of a pipeline, and every one of them run by itself, one after another and timed.

DVC expands ``dvc.yaml`` and knows the order; the commands are run here rather than by ``dvc
repro``, so that each stage has its own time and message, and a stage that fails stops only what
needs it.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
from dvc.exceptions import DvcException
from dvc.repo import Repo

from mobile_storage.core.errors import InputError
from mobile_storage.core.log import ERROR_FILE, RUNNER, UNDER_DVC
from mobile_storage.core.process_environment import fixed_settings
from mobile_storage.core.processes import end_all, give_way, own_group
from mobile_storage.tools.receipt.parts import without_licence

__all__ = ["DONE", "FAILED", "SKIPPED", "Run", "Stage", "read_stages", "run", "run_all"]

DONE = "done"
FAILED = "failed"
SKIPPED = "not run"

_LONGEST_MESSAGE = 400
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stage:
    """One stage of ``dvc.yaml``, as DVC expands it.

    Attributes
    ----------
    name : str
        As in ``dvc.lock``, such as ``pricing_case@case1``.
    commands : tuple of str
        What it runs, one after another, at the top of the repository.
    deps, outs : tuple of str
        Files and folders that it reads and writes, from the top of the repository.
    params : mapping
        Names of the values that it reads, by params file.
    needs : tuple of str
        Stages whose outputs it reads.
    """

    name: str
    commands: tuple[str, ...]
    deps: tuple[str, ...]
    params: dict[str, tuple[str, ...]]
    outs: tuple[str, ...]
    needs: tuple[str, ...]

    @property
    def lane(self) -> str:
        """Stages of one lane run one after another: those of a paper, by how names begin."""
        return self.name.partition("_")[0]


@dataclass(frozen=True)
class Run:
    """How a stage went: `DONE`, `FAILED` or `SKIPPED`, wall time in seconds, and why."""

    status: str
    seconds: float = 0.0
    message: str = ""


def read_stages(folder: Path) -> tuple[Stage, ...]:
    """Return the stages of the folder's ``dvc.yaml``, each after those that it needs.

    Raises
    ------
    InputError
        If DVC cannot read the file.
    """
    try:
        with Repo(str(folder)) as repo:
            graph = repo.index.graph
            return tuple(_stage(stage, graph) for stage in nx.dfs_postorder_nodes(graph))
    except DvcException as error:
        raise InputError(
            file="dvc.yaml",
            where="the pipeline",
            value=str(error),
            expected="stages that DVC can read",
        ) from None


def _stage(stage, graph: nx.DiGraph) -> Stage:
    commands = (stage.cmd,) if isinstance(stage.cmd, str) else tuple(stage.cmd)
    params = {dep.def_path: tuple(dep.params) for dep in stage.params}
    return Stage(
        name=stage.name,
        commands=commands,
        deps=tuple(dep.def_path for dep in stage.deps if dep.def_path not in params),
        params=params,
        outs=tuple(out.def_path for out in stage.outs),
        needs=tuple(before.name for before in graph.successors(stage)),
    )


def run_all(stages: Sequence[Stage], folder: Path, logs: Path) -> dict[str, Run]:
    """Run the stages in a copy of the repository, lanes side by side; return how each went.

    Their outputs are removed first, so that none is mistaken for a new one. A stage that needs one
    that did not end well is not run. What a stage prints is kept in `logs`.

    Parameters
    ----------
    stages : sequence of Stage
        In an order in which each follows those it needs; needs that are not among them are taken
        to be there.
    folder : path
        Top of the copy.
    logs : path
        Folder for one file a stage.
    """
    for stage in stages:
        for out in stage.outs:
            _remove(folder / out)
    lanes: dict[str, list[Stage]] = {}
    for stage in stages:
        lanes.setdefault(stage.lane, []).append(stage)
    board = _Board(stages)
    # Where they want every core, the lane with the most stages goes first, as in `make reproduce`.
    longest = max(lanes, key=lambda lane: len(lanes[lane]), default=None)
    with ThreadPoolExecutor(max_workers=max(1, len(lanes))) as pool:
        tasks = [
            pool.submit(board.work, lanes[lane], folder, logs, 0 if lane == longest else 10)
            for lane in lanes
        ]
        try:
            for task in tasks:
                task.result()
        except BaseException:  # whoever stops this stops the stages
            board.stop()
            raise
    return {stage.name: board.runs[stage.name] for stage in stages}


class _Board:
    """What the lanes know of each other: which stages have ended, and which run now."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.runs: dict[str, Run] = {}
        self._ended = {stage.name: threading.Event() for stage in stages}
        self._running: set[subprocess.Popen] = set()
        self._stopped = False

    def work(self, lane: Sequence[Stage], folder: Path, logs: Path, niceness: int) -> None:
        for stage in lane:
            needs = [name for name in stage.needs if name in self._ended]
            try:
                for name in needs:
                    self._ended[name].wait()
                failed = [name for name in needs if self.runs[name].status != DONE]
                if self._stopped:
                    outcome = Run(SKIPPED, message="stopped")
                elif failed:
                    outcome = Run(SKIPPED, message=f"needs {failed[0]}, which did not end well")
                else:
                    outcome = self._run(stage, folder, logs, niceness)
                self.runs[stage.name] = outcome
            finally:
                self.runs.setdefault(stage.name, Run(FAILED, message="could not be started"))
                self._ended[stage.name].set()
            if self._stopped:
                continue
            done = sum(event.is_set() for event in self._ended.values())
            _logger.info(
                "%d of %d: %s %s in %.1f s%s",
                *(done, len(self._ended), stage.name, outcome.status, outcome.seconds),
                f": {outcome.message}" if outcome.message else "",
            )

    def _run(self, stage: Stage, folder: Path, logs: Path, niceness: int) -> Run:
        log = logs / (re.sub(r"[^\w.-]", "_", stage.name) + ".log")
        seconds = 0.0
        for command in stage.commands:
            # Words, not text for a shell: there is another one on each system.
            done = run(shlex.split(command), folder, log, niceness, self._running)
            seconds += done.seconds
            if done.status != DONE:
                break
        return Run(done.status, seconds, done.message)

    def stop(self) -> None:
        self._stopped = True
        for process in list(self._running):
            if process.poll() is None:
                end_all(process)


def run(
    words: Sequence[str],
    folder: Path,
    log: Path,
    niceness: int = 0,
    running: set[subprocess.Popen] | None = None,
) -> Run:
    """Run a command with the folder's own code; what it prints goes to a file.

    Parameters
    ----------
    words : sequence of str
        The command; ``python`` as its first word is this one.
    folder : path
        Top of a copy of the repository, whose ``src`` comes before the installed package.
    log : path
        The file, written on where it is there; the command's last line is the message if it fails.
    niceness : int
        Added to this process's own; the higher, the more it leaves to others.
    running : set, optional
        Has the process in it while it runs, for whoever wants to stop it.
    """
    running = set() if running is None else running
    log.parent.mkdir(parents=True, exist_ok=True)
    sentence = log.with_suffix(".error")
    environment = {
        **os.environ,
        **fixed_settings(),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(folder.resolve() / "src"),
        # Machine code compiled from other sources than these must not be taken.
        "NUMBA_CACHE_DIR": str(folder.resolve() / ".cache" / "numba"),
        ERROR_FILE: str(sentence.resolve()),
        # As under DVC: a stage ends when this process is gone, however it ended.
        UNDER_DVC: log.stem,
        RUNNER: str(os.getpid()),
    }
    started = time.monotonic()
    first, *others = words
    with log.open("ab") as target:
        try:
            process = subprocess.Popen(
                [sys.executable if first == "python" else first, *others],
                cwd=folder,
                env=environment,
                stdout=target,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                **own_group(),
            )
        except OSError as error:
            return Run(FAILED, message=f"{first} cannot be started: {error.strerror}")
        running.add(process)
        try:
            if niceness:
                give_way(process, niceness)
            code = process.wait()
        except BaseException:
            end_all(process)
            raise
        finally:
            running.discard(process)
    seconds = time.monotonic() - started
    if code == 0:
        return Run(DONE, seconds)
    if sentence.is_file():
        message = sentence.read_text(encoding="utf-8")
        sentence.unlink()
    else:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        message = lines[-1] if lines else f"ended with exit code {code} and printed nothing"
    # Places on this machine say nothing to the reader of a receipt.
    for place in (folder.resolve(), sys.prefix):
        message = message.replace(f"{place}{os.sep}", "")
    return Run(FAILED, seconds, without_licence(message).strip()[:_LONGEST_MESSAGE])


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
