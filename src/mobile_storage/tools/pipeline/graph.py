"""The stages of the pipeline as a graph, which the README and the site draw."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import networkx as nx

from mobile_storage.tools.pipeline.stages import read_stages

__all__ = ["stage_graph"]


def stage_graph(folder: str | Path) -> nx.DiGraph:
    """Return the stages of a folder's ``dvc.yaml``, with an edge to each from those it needs.

    All runs of a stage (``name@case``) are one node. Its attribute ``label`` is the name, with the
    number of runs where there are several. Nodes and edges are in the order of their names.

    Raises
    ------
    InputError
        If DVC cannot read the file.
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
