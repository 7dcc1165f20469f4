"""Have many worlds answered, in pieces, by Dask or in this process; nothing done is lost.

Every piece is written as soon as it is answered, under a temporary name first, so that a run that
was stopped at any moment goes on with the pieces that are missing. The writing is done here and not
by the workers, which may run on other machines.
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

#: How many workers may die on one piece before the piece is held to be the reason.
MOST_DEATHS = 20


def rows(test: FlipPaper, question: str, worlds: pd.DataFrame) -> pd.DataFrame:
    """Answers in some worlds, one row each; what a worker does.

    Parameters
    ----------
    test : FlipPaper
    question : str
        Method of `test` that answers: ``answer``, or ``searched`` for the full search.
    worlds : DataFrame
        One row a world, its number as index, one column a factor.
    """
    logging.getLogger(ROOT).setLevel(logging.ERROR)
    ask = getattr(test, question)
    answers = [
        ask(world, number) for number, world in zip(worlds.index, _records(worlds), strict=True)
    ]
    return tidy(pd.DataFrame(answers, index=worlds.index.rename("world")))


def _records(worlds: pd.DataFrame) -> list[dict[str, float]]:
    # In double precision from here on; the number stays the one that is kept.
    return worlds.astype(float).to_dict("records")


def tidy(answers: pd.DataFrame) -> pd.DataFrame:
    """The columns in their order and types; claims and quantities that nobody answered are empty.

    ``status``, ``why``, ``built``, then ``holds.*``, ``margin.*`` and ``q.*`` in single precision.
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
    """Answers in all worlds, in their order: the same whoever works on them, and after any stop.

    Parameters
    ----------
    test, question, worlds
        As for `rows`.
    folder : Path
        Where the pieces are kept; a folder of its own for everything that the answers depend on.
    size : int
        Worlds in a piece.
    desc : str
        What the progress bar says.
    client : Client, optional
        Workers to ask; without, this process does it.
    """
    pieces = {k: worlds.iloc[k : k + size] for k in range(0, len(worlds), size)}
    known = {k: _read(_piece(folder, k), piece) for k, piece in pieces.items()}
    known = {k: piece for k, piece in known.items() if piece is not None}
    todo = {k: piece for k, piece in pieces.items() if k not in known}
    if known:
        logging.getLogger(ROOT).info("%s: %d of %d done before", desc, len(known), len(pieces))
    work = _here(test, question, todo) if client is None else _there(client, test, question, todo)
    for k, found in progress(work, desc, len(todo)):
        _write(found, _piece(folder, k))
        known[k] = found
    return tidy(pd.concat([known[k] for k in pieces])) if pieces else tidy(worlds.iloc[:, :0])


def _here(
    test: FlipPaper, question: str, todo: Mapping[int, pd.DataFrame]
) -> Iterator[tuple[int, pd.DataFrame]]:
    for k, piece in todo.items():
        yield k, rows(test, question, piece)


def _there(
    client: Client, test: FlipPaper, question: str, todo: Mapping[int, pd.DataFrame]
) -> Iterator[tuple[int, pd.DataFrame]]:
    # The test goes along with every piece (a tenth of a megabyte): data that lay with one worker
    # would be lost with it.
    asked = {client.submit(rows, test, question, piece, pure=False): k for k, piece in todo.items()}
    for future in as_completed(list(asked)):
        yield asked.pop(future), future.result()


def _piece(folder: Path, first: int) -> Path:
    return folder / f"{first:06d}.parquet"


def _read(path: Path, worlds: pd.DataFrame) -> pd.DataFrame | None:
    """A piece that was written before; None if there is none, or the disk has spoiled it."""
    try:
        piece = pd.read_parquet(path)
    except (OSError, pa.ArrowInvalid):
        return None
    return piece if piece.index.equals(worlds.index) else None


def _write(piece: pd.DataFrame, path: Path) -> None:
    with replacing(path) as part:
        piece.to_parquet(part)


@contextmanager
def connected(scheduler: str | None, workers: int, scratch: Path) -> Iterator[Client | None]:
    """A client of a running scheduler, or of workers started here; None for no workers.

    Parameters
    ----------
    scheduler : str or None
        Address, ``tcp://host:port``.
    workers : int
        Processes to start where no scheduler is given, of one thread each.
    scratch : Path
        Folder for what the workers started here write on the side.
    """
    if scheduler:
        with Client(scheduler, timeout="30s") as client:
            yield client
    elif workers:
        settings = {
            "distributed.scheduler.allowed-failures": MOST_DEATHS,
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
