"""Run the pipeline here, or in a copy: on a reader's own data, or as a quick smaller run.

::

    python -m mobile_storage.tools.workspace                  # here
    python -m mobile_storage.tools.workspace --quick          # a copy in .quick
    python -m mobile_storage.tools.workspace --case FOLDER    # a copy in FOLDER/reproduction

A copy has the pipeline, its inputs and its code, and gets its own results. The repository is only
read, so the results of the papers do not change. A copy that exists is brought up to date, and the
pipeline reruns only what changed.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import chdir, suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

import yaml

from mobile_storage.core.errors import InputError, OutputError, PlainError, did_you_mean, kind_of
from mobile_storage.core.io import replacing
from mobile_storage.core.log import ERROR_MARK, configure
from mobile_storage.core.papers import PAPERS, RAW
from mobile_storage.core.params import REPOSITORY_SECTIONS, SECTIONS, check_choices, load_yaml
from mobile_storage.core.process_environment import with_settings
from mobile_storage.core.processes import quiet_interrupt
from mobile_storage.tools import readme
from mobile_storage.tools.guard import check_copy, check_file, check_texts, remember_copy
from mobile_storage.tools.pipeline.record import Record
from mobile_storage.tools.pipeline.scheduler import DONE, FAILED, Run, Runner, run_all
from mobile_storage.tools.pipeline.stages import Stage, check_top, read_stages
from mobile_storage.tools.recovery import alone

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["create", "main", "merged_params", "reproduce"]

#: Files that the pipeline reads, and folders of which it reads all files.
INPUTS = (
    *("dvc.yaml", "params.yaml", "requirements.lock", ".dvc/config", ".dvcignore", "README.md"),
    "data/captions.csv",
)
INPUT_FOLDERS = ("data/flip", "data/raw", "notebooks", "src")
#: Folders below the input folders with results, and with what tools leave behind.
_LEFT_OUT = {"executed", "reproduction", "__pycache__", ".ipynb_checkpoints"}
_PARAMS = "params.yaml"
_README = "README.md"
_COPY_README = """# The claims, computed in this copy of the pipeline

Whether the papers' statements hold for the data and parameters here. Tables are in `tables`,
figures in `figures`, the executed notebooks in `notebooks/executed`.
"""
_COPY_CLAIMS = """
<!-- begin:claims-{paper} -->
<!-- end:claims-{paper} -->
"""
#: With less free space than this, a stage may fail with any message.
_LEAST_FREE_BYTES = 1_000_000
QUICK_TARGET = Path(".quick")
QUICK_PARAMS = Path("params.quick.yaml")
CASE_PARAMS = Path("params.case.yaml")
CASE_FOLDER = "reproduction"


def create(
    target: str | Path,
    overlay: str | Path | None = None,
    params_overlays: Sequence[str | Path] = (),
) -> Path:
    """Make `target` a copy of the pipeline in the current folder, or bring it up to date.

    Parameters
    ----------
    target : path
        Folder of the copy; its own results stay.
    overlay : path, optional
        The reader's folder. Its CSV files replace those of the same name below ``data/raw``, and
        its ``params.yaml`` changes values of the pipeline's.
    params_overlays : sequence of path
        Further YAML files with values that replace those of ``params.yaml``; later ones win, the
        reader's last of all.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    InputError
        If `overlay` is missing, holds no file that the pipeline reads or one it does not know, or
        a params file says something that `core.params` does not allow; if `target` is there and was
        not made here, see `guard`. Nothing is written then.
    """
    target = Path(target)
    files = _inputs()
    check_copy(target, {name.parts[0] for name in files})
    layers = [Path(path) for path in params_overlays]
    if overlay is not None:
        replaced, own_params = _recognised(Path(overlay))
        files |= replaced
        # The flip test is of the papers' data: of the reader's there is none.
        others = {PAPERS[path.parent.name].flip for path in replaced}
        files = {
            path: file
            for path, file in files.items()
            if Path(path).parent not in others or path.name == "run.json"
        }
        layers += [*([CASE_PARAMS] if CASE_PARAMS.is_file() else []), *own_params]
    contents = {name: path.read_bytes() for name, path in files.items()}
    if layers:
        params = merged_params(Path(_PARAMS), layers, _symbols(contents))
        contents[PurePosixPath(_PARAMS)] = params.encode()
    if PurePosixPath(_README) in contents:
        # What the README says of the papers' data need not hold for the reader's data.
        claims = (_COPY_CLAIMS.format(paper=paper) for paper in _papers(overlay))
        contents[PurePosixPath(_README)] = "".join([_COPY_README, *claims]).encode()
    remember_copy(target)
    _synchronise(target, contents)
    return target


def _inputs() -> dict[PurePosixPath, Path]:
    check_top(Path())
    files = [Path(name) for name in INPUTS if Path(name).is_file()]
    for folder in INPUT_FOLDERS:
        files += _files(Path(folder))
    return {PurePosixPath(path.as_posix()): path for path in files}


def _files(folder: Path) -> list[Path]:
    """Return the files below an input folder, without results and what tools leave there."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in found if not _LEFT_OUT & set(path.relative_to(folder).parts)]


def _places() -> dict[str, Path]:
    """Return the data files that a reader may replace, by name; no two papers share a name."""
    return {path.name: path for paper in PAPERS.values() for path in paper.raw.glob("*.csv")}


def _papers(overlay: str | Path | None) -> list[str]:
    """Return the papers whose data the reader's folder replaces; all of them if it has no data."""
    every = {name: path.parent.name for name, path in _places().items()}
    names = {path.name for path in Path(overlay).iterdir()} if overlay is not None else set()
    touched = {every[name] for name in names & set(every)} or set(every.values())
    return [paper for paper in PAPERS if paper in touched]


def _recognised(overlay: Path) -> tuple[dict[PurePosixPath, Path], list[Path]]:
    """Return the reader's data files by their place in the copy, and the reader's params file."""
    places = _places()
    known = sorted(places)

    def refuse(value: str | None, expected: str) -> NoReturn:
        where = "the folder of the case"
        raise InputError(file=overlay, where=where, value=value, expected=expected)

    if not overlay.is_dir():
        value = "a file" if overlay.exists() else None
        refuse(value, f"a folder with any of {', '.join(known)}")
    replaced, params = {}, []
    for path in sorted(overlay.iterdir()):
        name = path.name
        if name == CASE_FOLDER or name.startswith(".") or path.suffix in (".md", ".txt"):
            continue
        if name not in (names := [*known, _PARAMS]):
            hint = did_you_mean(name, names)
            refuse(name, f"only {', '.join(names)} and notes in .md or .txt{hint}")
        check_file(path)
        if name == _PARAMS:
            params.append(path)
        else:
            check_texts(path)
            replaced[PurePosixPath(places[name].as_posix())] = path
    if not replaced and not params:
        refuse(None, f"at least one of {', '.join(known)}")
    return replaced, params


def merged_params(
    base: Path, overlays: Sequence[Path], symbols: Mapping[str, list[str]] | None = None
) -> str:
    """Return `base` as YAML text with the values of `overlays` in place of its own.

    Parameters
    ----------
    base : path
        Its folder has the notebooks that a value may name.
    overlays : sequence of path
    symbols : mapping, optional
        Names of the ledgers' values that a value may name, by paper.

    Raises
    ------
    InputError
        If a file is no YAML mapping, names a value that `base` lacks or one twice, gives another
        kind of value (text for a number; in YAML ``1e-3`` is text, ``1.0e-3`` a number) or a number
        that is not finite, or one that `core.params` does not allow.
    """
    merged = load_yaml(base)
    layers = [(base, merged)]
    for path in overlays:
        layer = load_yaml(path)
        layers.append((path, layer))
        for name in (name for name in layer if name in REPOSITORY_SECTIONS):
            expected = f"one of {', '.join(SECTIONS)}: {name} is for runs of the repository itself"
            raise InputError(file=path, where=name, value=name, expected=expected)
        merged = _merge(merged, layer, path)
    notebooks = {
        folder.name: [path.stem for path in sorted(folder.glob("*.ipynb"))]
        for folder in (base.parent / "notebooks").glob("*")
    }
    check_choices(merged, layers, notebooks, symbols)
    return yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=100)


def _symbols(contents: Mapping[PurePosixPath, bytes]) -> dict[str, list[str]]:
    """Return the names of the values in the copy's ledgers, by paper.

    A name is ``symbol``, or ``ledger.key.symbol`` with as many keys as identify a row. A file that
    is no CSV or no UTF-8 has no names; its reader refuses it.
    """
    from mobile_storage.core.ledger import COLUMNS  # slow to import

    found: dict[str, list[str]] = {paper: [] for paper in PAPERS}
    for path, data in contents.items():
        paper = path.parent.name
        if paper in found and path.suffix == ".csv" and path.is_relative_to(RAW.as_posix()):
            rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig", errors="replace")))
            with suppress(csv.Error):
                for row in rows:
                    keys = [
                        text or "" for name, text in row.items() if name and name not in COLUMNS
                    ]
                    symbol = row.get("symbol") or ""
                    found[paper].append(symbol)
                    for count in range(min(1, len(keys)), len(keys) + 1):
                        found[paper].append(".".join([path.stem, *keys[:count], symbol]))
    return found


def _merge(
    base: Mapping[str, object], layer: Mapping[str, object], path: Path, *above: str
) -> dict[str, object]:
    """Return the values of `base` with those of a layer, which must have the same names and kinds.

    `above` are the names that lead to both mappings.
    """
    merged = dict(base)
    for name, value in layer.items():
        place, before = (*above, str(name)), base.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[name] = _merge(before, value, path, *place)
            continue
        if name not in base:
            names = list(map(str, base))
            value, hint = name, did_you_mean(str(name), names)
            expected = f"one of {', '.join(names)}{hint}"
        elif isinstance(value, float) and not math.isfinite(value):
            expected = "a finite number"
        elif before is not None and kind_of(before) != kind_of(value):
            expected = f"{kind_of(before)}, such as {before!r}"
        else:
            merged[name] = value
            continue
        shown = str(name) if re.fullmatch(r"[\w .-]+", str(name)) else repr(name)
        where = ".".join((*above, shown))
        raise InputError(file=path, where=where, value=value, expected=expected)
    return merged


def _synchronise(target: Path, contents: Mapping[PurePosixPath, bytes]) -> None:
    """Write the inputs that differ and remove those that are gone; results stay."""
    for name, content in contents.items():
        path = target / name
        # An equal file keeps its time stamp, so that the pipeline need not hash it again.
        if not path.is_file() or path.read_bytes() != content:
            with replacing(path) as part:
                part.write_bytes(content)
    for folder in INPUT_FOLDERS:
        for path in _files(target / folder):
            if PurePosixPath(path.relative_to(target).as_posix()) not in contents:
                path.unlink()


def reproduce(folder: str | Path = ".", *, force: bool = False, overlay: Path | None = None) -> int:
    """Run the stages that are due in a folder.

    When all is up to date, the claims in the folder's README are filled in from the results.

    Parameters
    ----------
    folder : path
        The repository or a copy of it.
    force : bool
        Run every stage, changed or not.
    overlay : path, optional
        The reader's folder that the copy was made with: an error in one of its files names that
        file, not its copy, and only the papers whose data it replaces are run.

    Returns
    -------
    int
        The exit code, 0 if every stage ended well. Where a stage stopped on bad input, its
        sentence is printed once more at the very end.
    """
    folder = Path(folder)
    configure("reproduce")
    with alone(folder):
        every = read_stages(folder)
        packages = {PAPERS[paper].package for paper in _papers(overlay)}
        stages = [stage for stage in every if stage.package in packages]
        record = Record(folder, [stage.name for stage in every])
        runs: dict[str, Run] = {}
        due = stages if force else [stage for stage in stages if record.reason(stage)]
        if due:
            try:
                with chdir(folder):  # where the stages will look
                    _check_inputs(due)
            except InputError as error:
                print(
                    f"{ERROR_MARK}{_naming_originals(str(error), folder, overlay)}", file=sys.stderr
                )
                return 1
            logs = TemporaryDirectory(prefix="reproduce-", ignore_cleanup_errors=True)
            with logs, Runner(folder, Path(logs.name), len(stages)) as runner:
                runs = run_all(
                    stages,
                    runner,
                    reason=(lambda stage: "every stage is asked for") if force else record.reason,
                    ended=record.update,
                    stop_at_failure=True,
                    echo=True,
                )
    ran = [run for run in runs.values() if run.status == DONE]
    if ran:
        used = sum(run.cpu_seconds for run in ran)
        time_used = f" in {used:.0f} s of processor time" if used else ""
        print(f"\n{len(ran)} of {len(stages)} stages were run{time_used}.", flush=True)
    failed = {name: run for name, run in runs.items() if run.status == FAILED}
    for why in dict.fromkeys(_in_words(name, run, folder, overlay) for name, run in failed.items()):
        print(f"\n{ERROR_MARK}{why}", file=sys.stderr, flush=True)
    if failed:
        return 1
    if (folder / _README).is_file():
        # The README is no output of a stage, because its text is an input. The picture of the
        # pipeline changes with dvc.yaml only and takes seconds to draw.
        readme.fill(folder / _README, only=readme.CLAIMS)
    return 0


def _check_inputs(due: Sequence[Stage]) -> None:
    """Raise the `InputError` of a stage ``<package>_inputs`` that is due, before any stage runs.

    Say also where a flip test no longer belongs to the ledgers.
    """
    names = {stage.name.partition("@")[0] for stage in due}
    if packages := {p.package for p in PAPERS.values() if f"{p.package}_inputs" in names}:
        # Slow to import.
        from mobile_storage.tools.inputs import check_inputs, earlier_flip_tests

        check_inputs(packages)
        for sentence in earlier_flip_tests(packages):
            print(sentence, flush=True)


def _in_words(name: str, run: Run, folder: Path, overlay: Path | None) -> str:
    """Return the sentence on a failed stage for the end of the run."""
    if run.by_itself:
        return _naming_originals(run.message, folder, overlay)
    if shutil.disk_usage(folder).free < _LEAST_FREE_BYTES:
        return f"the disk that holds {folder.resolve()} is full; make room and start again."
    return f"the stage {name} failed: {run.message} What it printed stands above."


def _naming_originals(sentence: str, copy: Path, overlay: Path | None) -> str:
    """Return the sentence with the names of the reader's files in place of their copies'."""
    for original in sorted(overlay.glob("*.csv")) if overlay else ():
        for place in (copy / RAW).glob(f"*/{original.name}"):
            inside = place.relative_to(copy)
            for name in {inside.as_posix(), str(inside)}:  # they differ on Windows only
                sentence = sentence.replace(name, str(original))
    return sentence


def main(argv: Sequence[str] | None = None) -> None:
    """Run the pipeline here or in a copy, and say where the results are."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--case", type=Path, metavar="FOLDER", help="run on the data in FOLDER")
    parser.add_argument("--quick", action="store_true", help="the smaller run, in .quick")
    parser.add_argument("--force", action="store_true", help="run every stage, changed or not")
    arguments = parser.parse_args(argv)
    # In a conda environment nothing has set these, and `recovery` has to find the tools' caches.
    os.environ.update(with_settings(Path.cwd()))
    target = Path()
    layers = [QUICK_PARAMS] if arguments.quick else []
    try:
        if arguments.case is not None:
            target = create(arguments.case / CASE_FOLDER, arguments.case, layers)
        elif arguments.quick:
            target = create(QUICK_TARGET, None, layers)
        code = reproduce(target, force=arguments.force, overlay=arguments.case)
    except (PlainError, OSError) as error:
        if isinstance(error, OSError):
            error = OutputError(error.filename or target, error)
        print(f"{ERROR_MARK}{error}", file=sys.stderr)
        raise SystemExit(2) from None
    if code:
        raise SystemExit(code)
    print(
        f"\nUp to date. In {'this folder' if target == Path() else target}: "
        "README.md (claims and verdicts), notebooks/executed (the sections), tables, figures."
    )


if __name__ == "__main__":
    with quiet_interrupt():
        main()
