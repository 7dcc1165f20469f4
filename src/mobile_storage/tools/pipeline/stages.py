"""The stages of a pipeline, as DVC expands ``dvc.yaml``, and their graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

from mobile_storage.core.errors import InputError

__all__ = ["Stage", "check_top", "read_stages", "stage_graph"]


@dataclass(frozen=True)
class Stage:
    """One stage of ``dvc.yaml``, as DVC expands it.

    Attributes
    ----------
    name : str
        As in ``dvc.lock``, such as ``pricing_case@case1``.
    command : str or list of str
        As in ``dvc.lock``.
    deps, outs : tuple of str
        Files and folders that it reads and writes, from the top of the repository.
    params : mapping
        Names of the values that it reads, by params file.
    needs : tuple of str
        Stages whose outputs it reads.
    replaced : tuple of str
        Those of `outs` that are removed before it runs: folders to which it writes several files.
    """

    name: str
    command: str | list[str]
    deps: tuple[str, ...]
    params: dict[str, tuple[str, ...]]
    outs: tuple[str, ...]
    needs: tuple[str, ...]
    replaced: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """The package of its paper, with which its name begins."""
        return self.name.partition("_")[0]

    @property
    def commands(self) -> tuple[str, ...]:
        """Its commands, which run one after another at the top of the repository."""
        return (self.command,) if isinstance(self.command, str) else tuple(self.command)


def check_top(folder: Path) -> None:
    """Raise `InputError` if a folder, from which a program was started, has no pipeline."""
    if not (folder / "dvc.yaml").is_file():
        raise InputError(
            file="dvc.yaml",
            where="the current folder",
            value=None,
            expected="the pipeline (run this at the top of the repository)",
        )


def read_stages(folder: Path) -> tuple[Stage, ...]:
    """Return the stages of the folder's ``dvc.yaml``, each after those that it needs.

    Raises
    ------
    InputError
        If DVC cannot read the file.
    """
    from dvc.exceptions import DvcException  # slow to import
    from dvc.repo import Repo

    try:
        with Repo(str(folder)) as repo:
            graph = repo.index.graph
            return tuple(_stage(stage, graph) for stage in nx.dfs_postorder_nodes(graph))
    except DvcException as error:
        raise InputError(
            file="dvc.yaml",
            where="the pipeline",
            value=str(error),
            expected="stages that DVC can read",
        ) from None


def _stage(stage: Any, graph: nx.DiGraph) -> Stage:
    params = {dep.def_path: tuple(dep.params) for dep in stage.params}
    return Stage(
        name=stage.name,
        command=stage.cmd,
        deps=tuple(dep.def_path for dep in stage.deps if dep.def_path not in params),
        params=params,
        outs=tuple(out.def_path for out in stage.outs),
        needs=tuple(before.name for before in graph.successors(stage)),
        replaced=tuple(out.def_path for out in stage.outs if not out.persist),
    )


def stage_graph(folder: str | Path) -> nx.DiGraph:
    """Return the stages of a folder's ``dvc.yaml``, with an edge to each from those it needs.

    All runs of a stage (``name@case``) are one node. Its attribute ``label`` is the name, with the
    number of runs where there are several. Nodes and edges are in the order of their names.
    """

    def family(stage: str) -> str:
        return stage.partition("@")[0]

    stages = read_stages(Path(folder))
    runs = Counter(family(stage.name) for stage in stages)
    edges = {(family(need), family(stage.name)) for stage in stages for need in stage.needs}
    graph = nx.DiGraph()
    for name, times in sorted(runs.items()):
        graph.add_node(name, label=f"{name} (× {times})" if times > 1 else name)
    graph.add_edges_from(sorted((start, end) for start, end in edges if start != end))
    return graph
