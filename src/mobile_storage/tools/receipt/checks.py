"""Further checks, named in ``params.yaml``: functions that return a frame of differences.

Each check runs in the copy as a process of its own, with the copy's code::

    python -m mobile_storage.tools.receipt.checks MODULE:FUNCTION '{"argument": 1}' answer.json
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from mobile_storage.core.io import read_json, write_json
from mobile_storage.tools.pipeline.scheduler import DONE, Runner

__all__ = ["AGREES", "DIFFERS", "FAILED", "Check", "main", "run_check"]

AGREES, DIFFERS, FAILED = "agrees", "different", "failed"
_MOST_KEPT = 20
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """Result of a check; `rows` are the first differences in words, `count` is that of all."""

    name: str
    status: str
    count: int = 0
    rows: tuple[str, ...] = ()
    seconds: float = 0.0
    message: str = ""


def run_check(name: str, call: str, arguments: Mapping[str, object], runner: Runner) -> Check:
    """Call a function in a copy of the repository.

    Parameters
    ----------
    name : str
        Name of the check in the receipt.
    call : str
        ``module:function``; the function returns a frame that is empty if everything agrees.
    arguments : mapping
        Arguments of the function, as JSON holds them.
    runner : Runner
        Runner of the copy.
    """
    answer = runner.log(f"check {name}").with_suffix(".json").resolve()
    words = ["python", "-m", __name__, call, json.dumps(dict(arguments)), str(answer)]
    done = runner.run(f"check {name}", [shlex.join(words)])
    _logger.info("check %s: %s in %.1f s", name, done.status, done.seconds)
    if done.status != DONE:
        return Check(name, FAILED, seconds=done.seconds, message=done.message)
    content = read_json(answer)
    answer.unlink()
    status = DIFFERS if content["count"] else AGREES
    return Check(name, status, content["count"], tuple(content["rows"]), done.seconds)


def main() -> None:
    """Call a function and write the number of rows of its frame, and the first rows in words."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("call")
    parser.add_argument("arguments", type=json.loads)
    parser.add_argument("answer", type=Path)
    given = parser.parse_args()
    module, _, function = given.call.partition(":")
    frame = getattr(import_module(module), function)(**given.arguments)
    rows = frame.head(_MOST_KEPT).astype(str).to_dict(orient="records")
    words = [", ".join(f"{column} {value}" for column, value in row.items()) for row in rows]
    write_json({"count": len(frame), "rows": words}, given.answer)


if __name__ == "__main__":
    main()
