"""Solve many worlds in batches, on Dask workers or in this process.

Each batch is written to a file as soon as it is solved, under a temporary name first. A run that
was stopped at any moment therefore continues with the batches that are missing. This process writes
the files, because the workers may run on other machines.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dask
import pandas as pd
import pyarrow as pa
from distributed import Client, LocalCluster, as_completed

from mobile_storage.core.io import replacing
from mobile_storage.core.log import ROOT, progress
from mobile_storage.flip.papers import FlipPaper

__all__ = ["answer", "connected", "rows", "tidy"]

#: Abort after this many worker crashes on the same batch; the batch itself is then the likely
#: cause.
CRASHES_PER_BATCH = 20


def rows(test: FlipPaper, question: str, worlds: pd.DataFrame) -> pd.DataFrame:
    """Solve some worlds and return one row for each; this is what a worker runs.

    Parameters
    ----------
    test : FlipPaper
        The paper.
    question : str
        Method of `test` that solves a world: ``answer``, or ``searched`` for the full search.
    worlds : DataFrame
        One row a world with its number as index, one column a factor.

    Returns
    -------
    DataFrame
        As `tidy` returns it, with the numbers of the worlds as index.
    """
    logging.getLogger(ROOT).setLevel(logging.ERROR)
    ask = getattr(test, question)
    answers = [
        ask(world, number) for number, world in zip(worlds.index, _records(worlds), strict=True)
    ]
    return tidy(pd.DataFrame(answers, index=worlds.index.rename("world")))


def _records(worlds: pd.DataFrame) -> list[dict[str, float]]:
    # Computed in double precision, with exactly the numbers that are stored in single precision.
    return worlds.astype(float).to_dict("records")


def tidy(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of worlds with their columns in a fixed order and of fixed types.

    The order is ``status``, ``why``, ``built``, ``solver``, then ``holds.*``, ``margin.*`` and
    ``q.*``; the last two are in single precision. What was not asked in a world is empty.
    """
    frame = answers.copy()
    for column in ("status", "why", "built", "solver"):
        if column not in frame:
            frame[column] = None
    groups = {kind: [c for c in frame if c.startswith(kind)] for kind in ("holds.", "margin.")}
    quantities = [c for c in frame if c.startswith("q.")]
    claims = [c for group in groups.values() for c in sorted(group)]
    frame = frame[["status", "why", "built", "solver", *claims, *quantities]]
    types = dict.fromkeys(("built", *groups["holds."]), "boolean")
    types |= dict.fromkeys((*groups["margin."], *quantities), "float32")
    return frame.astype(types)


def answer(
    test: FlipPaper,
    question: str,
    worlds: pd.DataFrame,
    *,
    folder: Path,
    size: int,
    desc: str,
    client: Client | None = None,
) -> pd.DataFrame:
    """Solve all worlds and return their rows, in the order of the worlds.

    The result does not depend on the number of workers, nor on whether the run was stopped and
    started again.

    Parameters
    ----------
    test, question, worlds
        As for `rows`.
    folder : Path
        Folder of the batches. Use another one whenever something changes that the rows depend on.
    size : int
        Number of worlds in a batch.
    desc : str
        Label of the progress bar.
    client : Client, optional
        The workers; without one, this process solves the worlds.
    """
    batches = {k: worlds.iloc[k : k + size] for k in range(0, len(worlds), size)}
    stored = {k: _read(_file(folder, k), batch) for k, batch in batches.items()}
    solved = {k: answers for k, answers in stored.items() if answers is not None}
    todo = {k: batch for k, batch in batches.items() if k not in solved}
    if solved:
        logging.getLogger(ROOT).info("%s: %d of %d done before", desc, len(solved), len(batches))
    work = _here(test, question, todo) if client is None else _there(client, test, question, todo)
    for k, answers in progress(work, desc, len(todo)):
        _write(answers, _file(folder, k))
        solved[k] = answers
    return tidy(pd.concat([solved[k] for k in batches])) if batches else tidy(worlds.iloc[:, :0])


def _here(
    test: FlipPaper, question: str, todo: Mapping[int, pd.DataFrame]
) -> Iterator[tuple[int, pd.DataFrame]]:
    for k, batch in todo.items():
        yield k, rows(test, question, batch)


def _there(
    client: Client, test: FlipPaper, question: str, todo: Mapping[int, pd.DataFrame]
) -> Iterator[tuple[int, pd.DataFrame]]:
    # The test is sent with every batch (a tenth of a megabyte): data placed on one worker would be
    # lost if that worker crashed.
    asked = {client.submit(rows, test, question, batch, pure=False): k for k, batch in todo.items()}
    for future in as_completed(list(asked)):
        yield asked.pop(future), future.result()


def _file(folder: Path, first: int) -> Path:
    return folder / f"{first:06d}.parquet"


def _read(path: Path, worlds: pd.DataFrame) -> pd.DataFrame | None:
    """Rows of a batch that was solved before; None if there is no file, or it is damaged."""
    try:
        answers = pd.read_parquet(path)
    except (OSError, pa.ArrowInvalid):
        return None
    return answers if answers.index.equals(worlds.index) else None


def _write(answers: pd.DataFrame, path: Path) -> None:
    with replacing(path) as part:
        answers.to_parquet(part)


@contextmanager
def connected(scheduler: str | None, workers: int, scratch: Path) -> Iterator[Client | None]:
    """Yield a client of a running scheduler or of workers started here; None without workers.

    Parameters
    ----------
    scheduler : str or None
        Address of a running scheduler, ``tcp://host:port``.
    workers : int
        Number of processes to start, with one thread each, if no scheduler is given.
    scratch : Path
        Folder for temporary files of the workers started here.
    """
    if scheduler:
        with Client(scheduler, timeout="30s") as client:
            yield client
    elif workers:
        settings = {
            "distributed.scheduler.allowed-failures": CRASHES_PER_BATCH,
            "temporary-directory": str(scratch),
        }
        with (
            dask.config.set(settings),
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=0,
                silence_logs=logging.ERROR,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
    else:
        yield None
