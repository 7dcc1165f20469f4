"""What the files say of themselves, before anything is run.

``dvc.lock`` records the hash of every input and output of the run that made the committed results,
and git the committed files. So a digit that was changed without a run, or not committed, is seen
here, in a stage that is not run as well, and named wherever a version with the recorded hash is
found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from mobile_storage.tools.pipeline.record import LOCK, same, value_at
from mobile_storage.tools.pipeline.stages import Stage
from mobile_storage.tools.receipt import snapshot
from mobile_storage.tools.receipt.compare import Difference, Tolerance, compare
from mobile_storage.tools.receipt.snapshot import Files, below, digest

__all__ = [
    "Finding",
    "changed_inputs",
    "changed_outputs",
    "orphans",
    "uncommitted",
]

_EXACT = Tolerance()
_LONGEST_SHOWN = 160


@dataclass(frozen=True)
class Finding:
    """One file, value or command that is not what was recorded or committed.

    Attributes
    ----------
    what : str
        The file, or what else it is about.
    how : str
        How it differs, to be read after `what`.
    stages : tuple of str
        Stages whose record says otherwise.
    differences, count
        As in `Comparison`; "committed" is the recorded version, "recomputed" the one at hand.
    """

    what: str
    how: str
    stages: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    count: int = 0


def changed_inputs(
    folder: Path, stages: Sequence[Stage], lock: Mapping[str, dict], files: Files
) -> list[Finding]:
    """Return what the stages read now and did not read when their results were recorded.

    Parameters
    ----------
    folder : path
        The repository.
    stages : sequence of Stage
        The pipeline at hand.
    lock : mapping
        The committed record, from `parse_lock`.
    files : mapping
        The files at hand.
    """
    outs = {out for stage in stages for out in stage.outs}
    # Who reads it and recorded another hash, by file or folder and hash.
    readers: dict[tuple[str, str], list[str]] = {}
    found: list[Finding] = []
    values: dict[tuple[str, str, str], list[str]] = {}
    for stage in stages:
        entry = lock.get(stage.name)
        if entry is None:
            found.append(Finding(stage.name, "is a stage without a record in dvc.lock"))
            continue
        before = entry.get("cmd", "")
        commands = (before,) if isinstance(before, str) else tuple(before)
        if commands != stage.commands:
            texts = (" && ".join(map(str, one)) for one in (commands, stage.commands))
            found.append(
                Finding(
                    stage.name,
                    "has another command than was recorded",
                    differences=(Difference("command", *texts),),
                    count=1,
                )
            )
        recorded = {dep["path"]: dep.get("md5", "") for dep in entry.get("deps", [])}
        for dep in stage.deps:
            # One that is made by stages is held against its own record, in `changed_outputs`.
            made = any(_overlap(dep, out) for out in outs)
            if not made and recorded.get(dep) != digest(files, dep):
                readers.setdefault((dep, recorded.get(dep, "")), []).append(stage.name)
        found += [
            Finding(dep, "was an input when the results were recorded", (stage.name,))
            for dep in sorted(recorded.keys() - set(stage.deps))
        ]
        for file, names in stage.params.items():
            before = entry.get("params", {}).get(file, {})
            now = _mapping(files, file)
            for name in names:
                for change in _changes(name, before.get(name), value_at(now, name)):
                    values.setdefault((file, *change), []).append(stage.name)
    for (dep, md5), names in readers.items():
        found += _input_findings(folder, dep, md5, files, tuple(names))
    for (file, name, before, now), names in values.items():
        difference = Difference(name, before, now)
        found.append(
            Finding(file, "has another value than was recorded", tuple(names), (difference,), 1)
        )
    return _merged(found)


def _input_findings(
    folder: Path, path: str, md5: str, files: Files, stages: tuple[str, ...]
) -> list[Finding]:
    if not md5:
        return [Finding(path, "is an input without a record in dvc.lock", stages)]
    if digest(files, path) is None:
        return [Finding(path, "was an input and is not there", stages)]
    how = "is not the input that dvc.lock recorded"
    then = _recorded(folder, path, md5)
    if then is None:
        return [Finding(path, how + "; git has no version that is", stages)]
    return [
        Finding(name, _how(how, before, now), stages, *_differences(name, before, now))
        for name, before, now in _pairs(then, below(files, path))
    ] or [Finding(path, how, stages)]


def changed_outputs(
    folder: Path, stages: Sequence[Stage], lock: Mapping[str, dict], files: Files
) -> list[Finding]:
    """Return the outputs in `files` (the committed ones) that are not those dvc.lock recorded."""
    found = []
    for stage in stages:
        for out in lock.get(stage.name, {}).get("outs", []):
            path, md5 = out["path"], out.get("md5", "")
            if digest(files, path) in (md5, None):  # one that is missing is said to be elsewhere
                continue
            how = "is not the output that dvc.lock recorded"
            then = _recorded(folder, path, md5)
            if then is None:
                found.append(Finding(path, how, (stage.name,)))
                continue
            found += [
                Finding(name, _how(how, one, other), (stage.name,), *_differences(name, one, other))
                for name, one, other in _pairs(then, below(files, path))
            ]
    return found


def uncommitted(
    stages: Sequence[Stage], committed: Files, files: Files
) -> tuple[list[Finding], list[str]]:
    """Compare the files on disk with the committed ones.

    Returns
    -------
    findings : list of Finding
        Inputs and outputs of stages that were edited, are new or are gone.
    others : list of str
        Other files of which the same is true, such as texts and tests.
    """
    params = {file for stage in stages for file in stage.params}
    touched = {path for stage in stages for path in (*stage.deps, *stage.outs)}
    findings, others = [], []
    for name, before, now in _pairs(committed, files):
        if name in params:
            changes = _changes("", _mapping(committed, name), _mapping(files, name))
            findings += [
                Finding(name, "has another value than was committed", (), (Difference(*change),), 1)
                for change in changes
            ]
        elif name != LOCK and any(name == path or name.startswith(f"{path}/") for path in touched):
            how = _how("is not as it was committed", before, now)
            findings.append(Finding(name, how, (), *_differences(name, before, now)))
        else:
            others.append(name)
    return findings, others


def orphans(stages: Sequence[Stage], files: Files) -> list[Finding]:
    """Return the files that lie beside outputs of stages and that no stage makes."""
    outs = {out for stage in stages for out in stage.outs}
    folders = {str(PurePosixPath(out).parent) for out in outs}
    return [
        Finding(name, "lies among the results, and no stage makes it")
        for name in files
        if str(PurePosixPath(name).parent) in folders
        and not any(_overlap(name, out) for out in outs)
    ]


# ---- parts -----------------------------------------------------------------------------------


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _recorded(folder: Path, path: str, md5: str) -> dict[str, bytes] | None:
    """Return the version of a file or folder that has the recorded hash, if git has one."""
    return next((v for v in snapshot.versions(folder, path) if digest(v, path) == md5), None)


def _pairs(before: Files, now: Files) -> Iterable[tuple[str, bytes | None, bytes | None]]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield name, before.get(name), now.get(name)


def _how(changed: str, before: bytes | None, now: bytes | None) -> str:
    if now is None:
        return "is gone"
    return "is new" if before is None else changed


def _differences(
    name: str, before: bytes | None, now: bytes | None
) -> tuple[tuple[Difference, ...], int]:
    if before is None or now is None:
        return (), 0
    comparison = compare(name, before, now, _EXACT)
    return comparison.differences, comparison.count


def _mapping(files: Files, name: str) -> object:
    try:
        return yaml.safe_load(files.get(name, b"")) or {}
    except yaml.YAMLError:
        return {}


def _changes(name: str, before: object, now: object) -> Iterable[tuple[str, str, str]]:
    """Yield name, old and new value of each value that differs, however deep."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            yield from _changes(f"{name}.{key}".lstrip("."), before.get(key), now.get(key))
    elif not same(before, now):
        yield name, _shown(before), _shown(now)


def _shown(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """Join what is said twice, of a file that one stage reads alone and another in its folder."""
    joined: dict[tuple, Finding] = {}
    for finding in findings:
        key = (finding.what, finding.how, finding.differences)
        stages = tuple(
            dict.fromkeys([*(joined[key].stages if key in joined else ()), *finding.stages])
        )
        joined[key] = Finding(finding.what, finding.how, stages, finding.differences, finding.count)
    return list(joined.values())
