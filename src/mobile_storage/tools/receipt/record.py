"""Findings before anything is run: files that are not what was recorded or committed.

``dvc.lock`` records the hash of every input and output of the run that made the committed results,
and git has the committed files. So a digit that was changed without a run, or that is not
committed, is found here, also for a stage that is not run. The changed place is named wherever git
has a version with the recorded hash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import yaml

from mobile_storage.tools.pipeline.record import LOCK, same, value_at
from mobile_storage.tools.pipeline.stages import Stage
from mobile_storage.tools.receipt.compare import Difference, Tolerance, compare
from mobile_storage.tools.receipt.snapshot import Files, below, digest, versions

__all__ = ["Finding", "findings"]

_LONGEST_SHOWN = 160


@dataclass(frozen=True)
class Finding:
    """One file, value or command that is not what was recorded or committed.

    Attributes
    ----------
    what : str
        The file, or the name of the stage.
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


def findings(
    folder: Path,
    stages: Sequence[Stage],
    lock: Mapping[str, dict],
    committed: Files,
    files: Files,
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Compare the files with the record and with git.

    Parameters
    ----------
    folder : path
        The repository.
    stages : sequence of Stage
        The pipeline at hand.
    lock : mapping
        The committed record, from `parse_lock`.
    committed, files : mapping
        The committed files and the files at hand.

    Returns
    -------
    findings : tuple of Finding
    others : tuple of str
        Files that no stage reads or writes and that are not as committed, such as texts and tests.
    """
    inputs = _merged(_changed_inputs(folder, stages, lock, files))
    edited, others = _uncommitted(stages, committed, files)
    # An edit that is not committed is not recorded either; it is named once.
    said = {(finding.what, finding.differences) for finding in inputs}
    edited = [finding for finding in edited if (finding.what, finding.differences) not in said]
    outputs = _changed_outputs(folder, stages, lock, committed)
    return (*inputs, *edited, *outputs, *_orphans(stages, committed)), tuple(others)


def _changed_inputs(
    folder: Path, stages: Sequence[Stage], lock: Mapping[str, dict], files: Files
) -> Iterator[Finding]:
    """Yield what the stages read now and did not read when their results were recorded."""
    outs = {out for stage in stages for out in stage.outs}
    # Stages by file or folder and recorded hash, and by params file, name and both values.
    inputs: dict[tuple[str, str], list[str]] = defaultdict(list)
    values: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for stage in stages:
        entry = lock.get(stage.name)
        if entry is None:
            yield Finding(stage.name, "is a stage without a record in dvc.lock")
            continue
        if entry.get("cmd") != stage.command:
            before = entry.get("cmd", "")
            recorded = [before] if isinstance(before, str) else before
            texts = (" && ".join(map(str, one)) for one in (recorded, stage.commands))
            difference = Difference("command", *texts)
            how = "has another command than was recorded"
            yield Finding(stage.name, how, differences=(difference,), count=1)
        hashes = {dep["path"]: dep.get("md5", "") for dep in entry.get("deps", [])}
        for dep in stage.deps:
            # One that stages make is compared with its own record, in `_changed_outputs`.
            made = any(_overlap(dep, out) for out in outs)
            if not made and hashes.get(dep) != digest(files, dep):
                inputs[dep, hashes.get(dep, "")].append(stage.name)
        for dep in sorted(hashes.keys() - set(stage.deps)):
            yield Finding(dep, "was an input when the results were recorded", (stage.name,))
        for file, names in stage.params.items():
            before, now = entry.get("params", {}).get(file, {}), _mapping(files, file)
            for name in names:
                for change in _changes(name, before.get(name), value_at(now, name)):
                    values[file, *change].append(stage.name)
    for (dep, md5), names in inputs.items():
        if not md5:
            yield Finding(dep, "is an input without a record in dvc.lock", tuple(names))
        elif digest(files, dep) is None:
            yield Finding(dep, "was an input and is not there", tuple(names))
        else:
            how = "is not the input that dvc.lock recorded"
            unknown = how + "; git has no version that is"
            yield from _unlike_record(folder, dep, md5, files, tuple(names), how, unknown)
    for (file, *change), names in values.items():
        how = "has another value than was recorded"
        yield Finding(file, how, tuple(names), (Difference(*change),), 1)


def _changed_outputs(
    folder: Path, stages: Sequence[Stage], lock: Mapping[str, dict], files: Files
) -> Iterator[Finding]:
    """Yield the committed outputs that are not those that dvc.lock recorded."""
    how = "is not the output that dvc.lock recorded"
    for stage in stages:
        for out in lock.get(stage.name, {}).get("outs", []):
            path, md5 = out["path"], out.get("md5", "")
            if digest(files, path) not in (md5, None):  # a missing one is an output of the receipt
                yield from _unlike_record(folder, path, md5, files, (stage.name,), how, how)


def _unlike_record(
    folder: Path, path: str, md5: str, files: Files, stages: tuple[str, ...], how: str, unknown: str
) -> Iterator[Finding]:
    """Yield the files at or below a path that differ from git's version with the recorded hash."""
    then = next((v for v in versions(folder, path) if digest(v, path) == md5), None)
    if then is None:
        yield Finding(path, unknown, stages)
    else:
        yield from _unlike(then, below(files, path), how, stages)


def _unlike(before: Files, now: Files, how: str, stages: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Yield the files that are gone, new or different."""
    for name in sorted({*before, *now}):
        one, other = before.get(name), now.get(name)
        if one is None or other is None:
            yield Finding(name, "is gone" if other is None else "is new", stages)
        elif one != other:
            found = compare(name, one, other, Tolerance())
            yield Finding(name, how, stages, found.differences, found.count)


def _uncommitted(
    stages: Sequence[Stage], committed: Files, files: Files
) -> tuple[list[Finding], list[str]]:
    """Return inputs and outputs that are not as committed, and the names of other such files."""
    params = {file for stage in stages for file in stage.params}
    touched = {path for stage in stages for path in (*stage.deps, *stage.outs)}
    found, others = [], []
    for finding in _unlike(committed, files, "is not as it was committed"):
        name = finding.what
        if name in params:
            how = "has another value than was committed"
            changes = _changes("", _mapping(committed, name), _mapping(files, name))
            found += [Finding(name, how, (), (Difference(*change),), 1) for change in changes]
        elif name != LOCK and any(f"{name}/".startswith(f"{path}/") for path in touched):
            found.append(finding)
        else:
            others.append(name)
    return found, others


def _orphans(stages: Sequence[Stage], files: Files) -> Iterator[Finding]:
    """Yield the files that lie beside outputs of stages and that no stage makes."""
    outs = {out for stage in stages for out in stage.outs}
    folders = {PurePosixPath(out).parent for out in outs}
    for name in files:
        made = any(_overlap(name, out) for out in outs)
        if PurePosixPath(name).parent in folders and not made:
            yield Finding(name, "lies among the results, and no stage makes it")


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _mapping(files: Files, name: str) -> object:
    try:
        return yaml.safe_load(files.get(name, b"")) or {}
    except yaml.YAMLError:
        return {}


def _changes(name: str, before: object, now: object) -> Iterator[tuple[str, str, str]]:
    """Yield name, old and new value of each value that differs, on any level."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            yield from _changes(f"{name}.{key}".lstrip("."), before.get(key), now.get(key))
    elif not same(before, now):
        yield name, _shown(before), _shown(now)


def _shown(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _merged(every: Iterable[Finding]) -> list[Finding]:
    """Join equal findings; one stage may read a file alone and another one in its folder."""
    joined: dict[tuple, Finding] = {}
    for finding in every:
        key = (finding.what, finding.how, finding.differences)
        stages = [*(joined[key].stages if key in joined else ()), *finding.stages]
        joined[key] = replace(finding, stages=tuple(dict.fromkeys(stages)))
    return list(joined.values())
