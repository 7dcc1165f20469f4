"""Start the kernel of a notebook as a copy of this process, which has loaded the libraries.

A new process spends most of a notebook's processor time on imports. Where the system can fork, this
process is copied before anything of Jupyter runs. The copy waits for the words that tell it where
to connect, and then becomes the kernel.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from mobile_storage.tools.pipeline.server import AVAILABLE, become

__all__ = ["KernelCopy", "copy_of_this_process", "kernel_manager"]


class KernelCopy:
    """A copy of this process, with the part of `subprocess.Popen` that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self) -> None:
        fork = get_context("fork")
        listen, self._tell = fork.Pipe(duplex=False)
        self._process = fork.Process(target=_wait_and_become, args=(listen, self._tell))
        self._process.start()
        self.pid = self._process.pid
        listen.close()

    def become(
        self, words: Sequence[str], folder: Path, log: Path, environment: dict[str, str]
    ) -> None:
        """Make the copy run a program, see `pipeline.server.become`."""
        self._tell.send((words, folder, log, environment))
        self._tell.close()

    def dismiss(self) -> None:
        """End the copy if it runs no program."""
        if not self._tell.closed:
            self._tell.close()
            self._process.join()

    def poll(self) -> int | None:
        """Return the exit code, None while the copy runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """Wait for the end and return the exit code."""
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal to the copy."""
        os.kill(self.pid, number)


def _wait_and_become(listen: Connection, tell: Connection) -> None:
    tell.close()  # otherwise this process would wait for itself
    try:
        words, folder, log, environment = listen.recv()
    except EOFError:  # dismissed
        return
    os.setsid()  # signals for the kernel reach what it has started, and nothing else
    if "matplotlib" in sys.modules:  # which has read the variable already
        sys.modules["matplotlib"].rcParams["backend"] = environment["MPLBACKEND"]
    become(words, folder, log, environment)


class _Provisioner(LocalProvisioner):
    """Lets a copy of this process become the kernel."""

    copy: KernelCopy

    async def launch_kernel(self, cmd: list[str], **settings: Any) -> KernelConnectionInfo:
        _, *words = cmd  # the first one is Python
        folder, log = Path(settings.get("cwd") or Path.cwd()), Path(settings["stderr"].name)
        environment = {**settings["env"], "JPY_PARENT_PID": str(os.getpid())}
        self.copy.become(words, folder.resolve(), log.resolve(), environment)
        self.process, self.cwd = self.copy, folder
        self.pid = self.pgid = self.copy.pid
        return self.connection_info


@contextmanager
def copy_of_this_process() -> Iterator[KernelCopy | None]:
    """Copy this process, to become the kernel of a notebook; None where the system cannot fork.

    The kernel has what this process has: call this before anything but imports, so that it has no
    loggers, threads or figures of its own.
    """
    copy = KernelCopy() if AVAILABLE else None
    try:
        yield copy
    finally:
        if copy is not None:
            copy.dismiss()


def kernel_manager(said: Path, copy: KernelCopy | None) -> type[AsyncKernelManager]:
    """Return the class of kernel managers for one run of a notebook.

    Parameters
    ----------
    said : Path
        File for what the kernel itself prints, not a cell.
    copy : KernelCopy or None
        Becomes the first kernel. Every other kernel is a new process.
    """
    waiting = [] if copy is None else [copy]

    class Manager(AsyncKernelManager):
        async def start_kernel(self, **settings: Any) -> None:
            if waiting:
                own = {"kernel_id": self.kernel_id, "kernel_spec": self.kernel_spec}
                self.provisioner = _Provisioner(parent=self, **own)
                self.provisioner.copy = waiting.pop()
            with said.open("wb") as file:
                await super().start_kernel(stderr=file, **settings)

    return Manager
