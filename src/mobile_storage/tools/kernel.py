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

__all__ = ["kernel_manager"]


class _Copy:
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

    def dismiss(self) -> None:
        """End a copy that runs no program."""
        self._tell.close()
        self._process.join()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self.poll()

    def send_signal(self, number: int) -> None:
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

    copy: _Copy

    async def launch_kernel(self, cmd: list[str], **settings: Any) -> KernelConnectionInfo:
        _, *words = cmd  # the first one is Python
        folder, log = Path(settings.get("cwd") or Path.cwd()), Path(settings["stderr"].name)
        environment = {**settings["env"], "JPY_PARENT_PID": str(os.getpid())}
        self.copy.become(words, folder.resolve(), log.resolve(), environment)
        self.process, self.cwd = self.copy, folder
        self.pid = self.pgid = self.copy.pid
        return self.connection_info


@contextmanager
def kernel_manager(said: Path, copied: bool) -> Iterator[type[AsyncKernelManager]]:
    """Yield the class of kernel managers for one run of a notebook.

    Parameters
    ----------
    said : Path
        File for what the kernel itself prints, not a cell.
    copied : bool
        Let the first kernel be a copy of this process, if the system can fork. Every other kernel
        is a new process.
    """
    waiting = [_Copy()] if copied and AVAILABLE else []

    class Manager(AsyncKernelManager):
        async def start_kernel(self, **settings: Any) -> None:
            if waiting:
                own = {"kernel_id": self.kernel_id, "kernel_spec": self.kernel_spec}
                self.provisioner = _Provisioner(parent=self, **own)
                self.provisioner.copy = waiting.pop()
            with said.open("wb") as file:
                await super().start_kernel(stderr=file, **settings)

    try:
        yield Manager
    finally:
        for copy in waiting:
            copy.dismiss()
