"""Further checks, named in ``params.yaml``: functions that return a frame of differences.

A check is run in the copy, as a process of its own, on code that this module knows nothing of.
"""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from mobile_storage.core.io import read_json
from mobile_storage.tools.pipeline.scheduler import DONE, Runner

__all__ = ["AGREES", "DIFFERS", "FAILED", "NOT_THERE", "Check", "run_check"]

AGREES, DIFFERS, FAILED, NOT_THERE = "agrees", "different", "failed", "not there"
#: What the process runs: a module that imports little.
_CALLER = "mobile_storage.tools.receipt.call"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """How a check went; `rows` are the first differences, as the check words them."""

    name: str
    status: str
    count: int = 0
    rows: tuple[str, ...] = ()
    seconds: float = 0.0
    message: str = ""


def run_check(name: str, call: str, arguments: Mapping[str, object], runner: Runner) -> Check:
    """Call ``module:function`` in a copy of the repository and return a `Check`.

    Parameters
    ----------
    name : str
        What the receipt calls it.
    call : str
        Module and function; the function returns a frame, empty if all agrees.
    arguments : mapping
        Its arguments, as JSON holds them.
    runner : Runner
        Of the copy.
    """
    answer = runner.log(f"check {name}").with_suffix(".json").resolve()
    words = ["python", "-m", _CALLER, call, json.dumps(dict(arguments)), str(answer)]
    done = runner.run(f"check {name}", [shlex.join(words)])
    _logger.info("check %s: %s in %.1f s", name, done.status, done.seconds)
    if done.status != DONE:
        return Check(name, FAILED, seconds=done.seconds, message=done.message)
    content = read_json(answer)
    answer.unlink()
    if content is None:
        return Check(name, NOT_THERE, seconds=done.seconds, message=f"there is no {call}")
    status = DIFFERS if content["count"] else AGREES
    return Check(name, status, content["count"], tuple(content["rows"]), done.seconds)
