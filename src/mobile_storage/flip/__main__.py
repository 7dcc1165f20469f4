"""The flip test of one paper or both.

::

    python -m mobile_storage.flip [--paper fu2024] [--workers 2 | --scheduler tcp://host:port]

writes ``data/flip/<paper>``. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from distributed import Client

from mobile_storage.core.log import stage
from mobile_storage.core.papers import PAPERS
from mobile_storage.core.processes import quiet_interrupt
from mobile_storage.flip.analysis import write
from mobile_storage.flip.design import hypercube, trajectories
from mobile_storage.flip.papers import Design, design, fingerprint, flip_paper
from mobile_storage.flip.publish import publish
from mobile_storage.flip.run import answer, connected
from mobile_storage.flip.worlds import FLIP

CACHE = Path(".cache/flip")
#: Worlds in a piece: some seconds of work.
PIECE = 16


def main(argv: Sequence[str] | None = None) -> None:
    """Answer the worlds of one paper or both, and analyse them."""
    parser = argparse.ArgumentParser(description=main.__doc__, prog="python -m mobile_storage.flip")
    parser.add_argument("--paper", choices=PAPERS, action="append", help="only this one")
    parser.add_argument("--scheduler", help="address of a running Dask scheduler, tcp://host:port")
    parser.add_argument("--workers", type=int, default=2, help="to start here; 0: none, serially")
    for name in ("samples", "trajectories", "checked"):
        parser.add_argument(f"--{name}", type=int, help="instead of what params.yaml says")
    parser.add_argument("--output", type=Path, default=FLIP, help="folder for the results")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for what is done so far")
    asked = parser.parse_args(argv)
    with connected(asked.scheduler, asked.workers, asked.cache / "dask") as client:
        for paper in asked.paper or PAPERS:
            with stage("flip", paper):
                chosen = design(
                    paper,
                    samples=asked.samples,
                    trajectories=asked.trajectories,
                    checked=asked.checked,
                )
                flip(paper, chosen, asked.output / paper, asked.cache / paper, client)
                write(asked.output / paper)


def flip(paper: str, chosen: Design, output: Path, cache: Path, client: Client | None) -> None:
    """Answer a paper's designs and publish the answers.

    Parameters
    ----------
    chosen : Design
    output, cache : Path
        Where the results go, and where the pieces are kept on the way.
    client : Client or None
        See `run.answer`.
    """
    test = flip_paper(paper)
    designs = {
        "worlds": hypercube(test.factors, chosen.samples, chosen.seed),
        "screening": trajectories(test.factors, chosen.trajectories, chosen.levels, chosen.seed),
    }
    found = {}
    for name, places in designs.items():
        folder = cache / fingerprint(paper, test, places)[:16]
        desc = f"{paper} {name}"
        answers = answer(
            test, "answer", places, folder=folder, size=PIECE, desc=desc, client=client
        )
        found[name] = places.join(answers)
    checked = pd.DataFrame()
    if chosen.checked:
        again = designs["worlds"].loc[_to_check(found["worlds"], chosen.checked)]
        folder = cache / f"{fingerprint(paper, test, again)[:16]}-full"
        checked = answer(
            test, "searched", again, folder=folder, size=1, desc=f"{paper} check", client=client
        )
    publish(
        output, paper, test, PAPERS[paper].raw, chosen, found["worlds"], found["screening"], checked
    )


def _to_check(worlds: pd.DataFrame, count: int) -> list[int]:
    """Worlds to check: two in three with storage, the others without, the first of either."""
    built = worlds["built"].fillna(value=False).astype(bool) & (worlds["status"] == "answered")
    bare = (worlds["status"] == "answered") & ~built
    some = list(worlds.index[built][: count - count // 3])
    return sorted([*some, *worlds.index[bare][: count - len(some)]])


if __name__ == "__main__":
    with quiet_interrupt():
        main()
