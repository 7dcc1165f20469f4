"""Compute everything anew in a copy of the repository and compare it with what is committed."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.tools.pipeline.record import LOCK, parse_lock
from mobile_storage.tools.pipeline.scheduler import DONE, Run, Runner, remove, run_all
from mobile_storage.tools.pipeline.stages import Stage, check_top, read_stages
from mobile_storage.tools.receipt import checks, environment, record, snapshot
from mobile_storage.tools.receipt.compare import (
    BYTE_EQUAL,
    DIFFERENT,
    WITHIN,
    Difference,
    Tolerance,
    compare,
)
from mobile_storage.tools.receipt.parts import without_licence
from mobile_storage.tools.receipt.settings import PARAMS, read_settings
from mobile_storage.tools.receipt.snapshot import Files, below

__all__ = ["GOOD", "VERDICTS", "Output", "Receipt", "verify"]

MISSING = "missing"
ADDITIONAL = "additional"
NOT_RECOMPUTED = "not recomputed"
NOT_COVERED = "not covered"
#: Every verdict on an output; the last one only with ``--quick``.
VERDICTS = (BYTE_EQUAL, WITHIN, DIFFERENT, MISSING, ADDITIONAL, NOT_RECOMPUTED, NOT_COVERED)
GOOD = (BYTE_EQUAL, WITHIN)

_LONGEST_MESSAGE = 400
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Output:
    """One output of a stage and its comparison; `images` are paths in the receipt."""

    path: str
    stage: str
    verdict: str
    differences: tuple[Difference, ...] = ()
    count: int = 0
    largest: float | None = None
    noise: int = 0
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """The result of a verification.

    Attributes
    ----------
    made : str
        Time of the start, UTC.
    commit : str or None
        The commit that was compared with; None without git, where the files on disk and the hashes
        in dvc.lock count.
    quick : bool
        Whether only some stages were run.
    seconds : float
        Wall time.
    runs : mapping
        Result of each stage that was run or should have been, by name.
    findings : tuple of Finding
        Inputs and outputs that are not what was recorded or committed.
    others : tuple of str
        Files that no stage reads or writes and that are not as committed.
    untracked : tuple of str
        Files that git does not know and that were left out of the copy.
    """

    made: str
    commit: str | None
    quick: bool
    seconds: float
    tolerance: Tolerance
    outputs: tuple[Output, ...]
    runs: Mapping[str, Run]
    findings: tuple[record.Finding, ...]
    others: tuple[str, ...]
    untracked: tuple[str, ...]
    checks: tuple[checks.Check, ...]
    environment: environment.Environment

    def with_verdict(self, *verdicts: str) -> tuple[Output, ...]:
        """Return the outputs that have one of the verdicts."""
        return tuple(output for output in self.outputs if output.verdict in verdicts)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs, nothing is missing, and everything is as it was recorded."""
        return (
            not self.findings
            and bool(self.with_verdict(*GOOD))
            and len(self.with_verdict(*GOOD, NOT_COVERED)) == len(self.outputs)
            and all(check.status == checks.AGREES for check in self.checks)
        )


def verify(folder: Path, scratch: Path, output: Path, *, quick: bool) -> Receipt:
    """Run the pipeline of a repository in a copy and compare all that it makes.

    Parameters
    ----------
    folder : path
        Top of the repository.
    scratch : path
        Empty folder for the copy.
    output : path
        Folder of the receipt: pictures of differences and the stages' logs are put there.
    quick : bool
        Run only the stages in ``verify.quick``, on the committed results of all others.

    Raises
    ------
    InputError
        If the folder has no pipeline or no section ``verify``, or a stage named there is none.
    """
    started, made = time.monotonic(), datetime.now(UTC)
    check_top(folder)
    files = snapshot.on_disk(folder)
    settings = read_settings(files)
    commit = snapshot.commit_of(folder)
    committed = snapshot.at_commit(folder, commit) if commit else files
    lock = parse_lock(committed.get(LOCK, b""))
    for name, content in files.items():
        if name != LOCK:  # every stage is run, whatever the record says
            target = scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    stages = read_stages(scratch)
    chosen = _chosen(stages, settings.quick) if quick else stages
    findings, others = record.findings(folder, stages, lock, committed, files)
    _logger.info("%d of %d stages, in a copy", len(chosen), len(stages))
    for stage in chosen:  # an old output must not be mistaken for a new one
        for out in stage.outs:
            remove(scratch / out)
    # Machine code compiled from other sources than these must not be used.
    code = {"NUMBA_CACHE_DIR": str(scratch.resolve() / ".cache" / "numba")}
    with Runner(scratch, output / "logs", len(chosen), code) as runner:
        runs = {n: _for_readers(run, scratch) for n, run in run_all(chosen, runner).items()}
        checked = [
            checks.run_check(name, check["call"], check["arguments"], runner)
            for name, check in settings.checks.items()
        ]
    recomputed = snapshot.on_disk(scratch)
    outputs: list[Output] = []
    for stage in stages:
        run, tolerance = runs.get(stage.name), settings.tolerance
        outputs += _outputs(stage, run, committed, recomputed, tolerance, output)
    packages = files.get("requirements.lock", b"").decode("utf-8", errors="replace")
    return Receipt(
        made=f"{made:%Y-%m-%d %H:%M} UTC",
        commit=commit,
        quick=quick,
        seconds=time.monotonic() - started,
        tolerance=settings.tolerance,
        outputs=tuple(outputs),
        runs=runs,
        findings=findings,
        others=others,
        untracked=tuple(snapshot.untracked(folder)) if commit else (),
        checks=tuple(checked),
        environment=environment.describe(packages, _solvers_named(outputs, committed)),
    )


def _for_readers(run: Run, scratch: Path) -> Run:
    """Remove from a message the folders of this machine and the licence."""
    message = without_licence(run.message)
    for place in (scratch.resolve(), sys.prefix):
        message = message.replace(f"{place}{os.sep}", "")
    return replace(run, message=message.strip()[:_LONGEST_MESSAGE])


def _chosen(stages: Sequence[Stage], names: Sequence[str]) -> tuple[Stage, ...]:
    known = [stage.name for stage in stages]
    for name in names:
        if name not in known:
            raise InputError(
                file=PARAMS,
                where="verify.quick",
                value=name,
                expected=f"a stage of dvc.yaml{did_you_mean(str(name), known)}",
            )
    return tuple(stage for stage in stages if stage.name in names)


def _outputs(
    stage: Stage,
    run: Run | None,
    committed: Files,
    recomputed: Files,
    tolerance: Tolerance,
    output: Path,
) -> list[Output]:
    """Compare all that a stage makes."""
    before, now = (
        {name: file for out in stage.outs for name, file in below(files, out).items()}
        for files in (committed, recomputed)
    )
    if run is None or run.status != DONE:
        verdict = NOT_COVERED if run is None else NOT_RECOMPUTED
        return [Output(name, stage.name, verdict) for name in before or stage.outs]
    found = [
        Output(name, stage.name, MISSING if name in before else ADDITIONAL)
        for name in sorted(before.keys() ^ now.keys())
    ]
    for name in sorted(before.keys() & now.keys()):
        result = compare(name, before[name], now[name], tolerance)
        images = []
        for place, image in result.images.items():
            words = f"{name}_{place}" if len(result.images) > 1 or place != "picture" else name
            path = Path("differences", re.sub(r"\W", "_", words) + ".png")
            (output / path).parent.mkdir(parents=True, exist_ok=True)
            (output / path).write_bytes(image)
            images.append(path.as_posix())
        found.append(Output(name, stage.name, **vars(result) | {"images": tuple(images)}))
    return found or [Output(out, stage.name, MISSING) for out in stage.outs]


def _solvers_named(outputs: Sequence[Output], committed: Files) -> dict[str, set[str]]:
    named: dict[str, set[str]] = defaultdict(set)
    for output in outputs:
        if output.path.endswith(".json") and output.path in committed:
            with suppress(ValueError):  # a file that is not JSON differs from the stage's anyway
                for solver, version in environment.solvers_in(json.loads(committed[output.path])):
                    named[solver].add(version)
    return named
