"""The record of what is up to date, ``dvc.lock``: which stages are due, and their new entries.

The entries are those that ``dvc commit`` would write. The whole record is written after every
stage, so a killed run only loses the stages that were running.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from pathspec import GitIgnoreSpec

from mobile_storage.core.errors import InputError
from mobile_storage.core.io import write_text
from mobile_storage.tools.pipeline.stages import Stage

__all__ = ["LOCK", "Record", "md5", "parse_lock", "same", "tree_md5", "value_at"]

LOCK = "dvc.lock"
_IGNORED = ".dvcignore"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the record is long
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def md5(content: bytes) -> str:
    """Return the hash of a file as DVC records it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def tree_md5(hashes: Mapping[str, str]) -> str:
    """Return the hash of a folder as DVC records it, from the hashes of the files in it by name.

    It is the MD5 of the JSON list of names and hashes, sorted by name, with ``.dir`` at the end
    (dvc_data.hashfile.tree).
    """
    entries = [{"md5": hashes[name], "relpath": name} for name in sorted(hashes)]
    return md5(json.dumps(entries, sort_keys=True).encode()) + ".dir"


def parse_lock(content: bytes | str) -> dict[str, dict[str, Any]]:
    """Return the stages of ``dvc.lock`` by name, as DVC wrote them.

    Raises
    ------
    InputError
        If it is not YAML as DVC writes it.
    """
    try:
        return dict((yaml.load(content, Loader=_LOADER) or {}).get("stages", {}))
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        value, expected = str(error).splitlines()[0], "stages as DVC writes them"
        raise InputError(file=LOCK, where="the file", value=value, expected=expected) from None


def value_at(values: object, name: str) -> Any:
    """Return the value at a dotted name of ``params.yaml``; None if there is none."""
    for part in name.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return None
        values = values[part]
    return values


def same(recorded: object, value: object) -> bool:
    """Return whether a value is the recorded one; YAML reads 1e-12, which DVC writes, as text."""
    if isinstance(recorded, Mapping) and isinstance(value, Mapping):
        return recorded.keys() == value.keys() and all(same(recorded[k], value[k]) for k in value)
    if isinstance(recorded, list) and isinstance(value, list):
        return len(recorded) == len(value) and all(map(same, recorded, value))
    if isinstance(recorded, str) and isinstance(value, float):
        return recorded == repr(value)
    return recorded == value


class Record:
    """The record of a folder, compared with the folder's files.

    Parameters
    ----------
    folder : path
        Top of the repository or of a copy.
    names : sequence of str
        The stages that there are, in the order in which the record has them.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        lock, ignored = folder / LOCK, folder / _IGNORED
        self._names = names
        self._entries = parse_lock(lock.read_bytes()) if lock.is_file() else {}
        lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.is_file() else []
        self._ignored = GitIgnoreSpec.from_lines(lines)
        self._hashes: dict[str, dict[str, Any] | None] = {}
        self._values: dict[str, Any] = {}

    def reason(self, stage: Stage) -> str | None:
        """Return in words why a stage is due; None if it is up to date."""
        entry = self._entries.get(stage.name)
        if entry is None:
            return "it has not run yet"
        if entry.get("cmd") != stage.command:
            return "its command is another one"
        for kind, paths in (("deps", stage.deps), ("outs", stage.outs)):
            recorded = {item["path"]: item.get("md5") for item in entry.get(kind, [])}
            if recorded.keys() != set(paths):
                return f"the list of its {'inputs' if kind == 'deps' else 'outputs'} is another one"
            for path in paths:
                at_hand = self._hash(path)
                if at_hand is None:
                    return f"{path} is not there"
                if at_hand["md5"] != recorded[path]:
                    return f"{path} has changed"
        for file, names in stage.params.items():
            recorded = entry.get("params", {}).get(file, {})
            for name in names:
                if not same(recorded.get(name), self._value(file, name)):
                    return f"{name} in {file} has changed"
        return None

    def update(self, stage: Stage) -> None:
        """Record that a stage has just run."""
        self.forget(stage.outs)
        params = {
            file: {name: self._value(file, name) for name in sorted(names)}
            for file, names in sorted(stage.params.items())
        }
        self._entries[stage.name] = {
            "cmd": stage.command,
            **({"deps": self._items(stage.deps)} if stage.deps else {}),
            **({"params": params} if params else {}),
            **({"outs": self._items(stage.outs)} if stage.outs else {}),
        }
        self._write()

    def forget(self, paths: Iterable[str]) -> None:
        """Forget the hashes of files and folders, and of all above and below them."""
        for path in map(PurePosixPath, paths):
            for known in list(self._hashes):
                other = PurePosixPath(known)
                if path == other or path in other.parents or other in path.parents:
                    del self._hashes[known]

    def _write(self) -> None:
        entries = {name: self._entries[name] for name in self._names if name in self._entries}
        content = {"schema": "2.0", "stages": entries}
        text = yaml.dump(
            content, Dumper=_DUMPER, sort_keys=False, default_flow_style=False, allow_unicode=True
        )
        write_text(text, self._folder / LOCK)

    def _items(self, paths: Iterable[str]) -> list[dict[str, Any]]:
        return [{"path": path, "hash": "md5", **(self._hash(path) or {})} for path in sorted(paths)]

    def _hash(self, path: str) -> dict[str, Any] | None:
        """Return ``md5`` and ``size``, of a folder ``nfiles`` too; None if nothing is there."""
        if path not in self._hashes:
            self._hashes[path] = self._hashed(path)
        return self._hashes[path]

    def _hashed(self, path: str) -> dict[str, Any] | None:
        place = self._folder / path
        if place.is_file():
            content = place.read_bytes()
            return {"md5": md5(content), "size": len(content)}
        if not place.is_dir():
            return None
        contents = {
            file.relative_to(place).as_posix(): file.read_bytes()
            for file in place.rglob("*")
            if file.is_file() and not self._ignored.match_file(file.relative_to(self._folder))
        }
        return {
            "md5": tree_md5({name: md5(content) for name, content in contents.items()}),
            "size": sum(map(len, contents.values())),
            "nfiles": len(contents),
        }

    def _value(self, file: str, name: str) -> Any:
        if file not in self._values:
            text = (self._folder / file).read_text(encoding="utf-8")
            self._values[file] = yaml.load(text, Loader=_LOADER)
        return value_at(self._values[file], name)
