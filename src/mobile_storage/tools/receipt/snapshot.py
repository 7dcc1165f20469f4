"""Files of the repository, on disk and as committed."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from mobile_storage.core.errors import InputError
from mobile_storage.tools.pipeline.record import md5, tree_md5

__all__ = [
    "Files",
    "at_commit",
    "below",
    "commit_of",
    "digest",
    "git",
    "on_disk",
    "untracked",
    "versions",
]

#: Content of each file by its path from the top of the repository.
Files = Mapping[str, bytes]

#: Folders at any depth that have no part of the compendium; used where there is no git.
_LEFT_OUT = frozenset(
    {".git", ".venv", ".cache", ".quick", "build", "dist", "reproduction"}
    | {"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache", ".hypothesis"}
)
#: Number of commits of ``dvc.lock`` that are searched for a recorded version.
_COMMITS_SEARCHED = 10


def git(folder: Path, *arguments: str) -> bytes | None:
    """Return the output of git, or None if git fails or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def commit_of(folder: Path) -> str | None:
    """Return the commit that is checked out, or None if the folder is not a repository's top."""
    if git(folder, "rev-parse", "--show-prefix") != b"\n":
        return None
    commit = git(folder, "rev-parse", "--verify", "HEAD")
    return commit.decode().strip() if commit else None


def on_disk(folder: Path) -> dict[str, bytes]:
    """Return the files on disk that git tracks; without git, all files but caches."""
    if commit_of(folder):
        names = _listed(folder, "ls-files", "-z")
    else:
        names = sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if not _left_out(path.relative_to(folder))
        )
    try:
        return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
    except OSError as error:
        raise InputError(
            file=error.filename, where="the file", value=error.strerror, expected="a readable file"
        ) from None


def _left_out(path: Path) -> bool:
    return any(part in _LEFT_OUT for part in path.parts) or path.parts[:2] == (".dvc", "tmp")


def untracked(folder: Path) -> list[str]:
    """Return the files that git neither tracks nor ignores."""
    return _listed(folder, "ls-files", "-z", "--others", "--exclude-standard")


def _listed(folder: Path, *arguments: str) -> list[str]:
    return sorted(name for name in (git(folder, *arguments) or b"").decode().split("\0") if name)


def at_commit(folder: Path, commit: str, path: str | None = None) -> dict[str, bytes]:
    """Return the files of a commit, all or those at or below `path` (none if it is not there)."""
    packed = git(folder, "archive", "--format=tar", commit, *([path] if path else []))
    if packed is None:
        return {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}


def versions(folder: Path, path: str) -> Iterator[dict[str, bytes]]:
    """Yield the files at or below `path` of each commit that changed dvc.lock, the newest first."""
    log = git(folder, "log", f"--max-count={_COMMITS_SEARCHED}", "--format=%H", "--", "dvc.lock")
    for commit in (log or b"").decode().split():
        yield at_commit(folder, commit, path)


def below(files: Files, path: str) -> dict[str, bytes]:
    """Return the file `path`, or the files in the folder `path`, of those given."""
    return {n: c for n, c in files.items() if n == path or n.startswith(f"{path}/")}


def digest(files: Files, path: str) -> str | None:
    """Return DVC's hash of a file or folder; None if it is not there."""
    if path in files:
        return md5(files[path])
    inside = below(files, path)
    if not inside:
        return None
    return tree_md5({name.removeprefix(f"{path}/"): md5(inside[name]) for name in inside})
