"""A toy pipeline: two sums, one of them in two runs, and a table of what they come to."""

from __future__ import annotations

from pathlib import Path

import pytest

SUM = """\
import json, pathlib, sys, yaml
name = sys.argv[1]
scale = yaml.safe_load(open("params.yaml"))["toy"]["scale"]
total = scale * sum(map(float, pathlib.Path(f"raw/{name}.txt").read_text().split()))
pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path(f"results/{name}.json").write_text(json.dumps(total))
print(name, total)
"""
TABLE = """\
import pathlib
pathlib.Path("tables").mkdir(exist_ok=True)
rows = [f"{p.stem} {p.read_text()}" for p in sorted(pathlib.Path("results").glob("*.json"))]
pathlib.Path("tables/sums.txt").write_text("\\n".join(rows))
pathlib.Path("tables/count.txt").write_text(str(len(rows)))
"""
DVC_YAML = """\
stages:
  toy_sum:
    matrix:
      name: [a, b]
    cmd:
      - python src/sum.py ${item.name}
    deps: [src, "raw/${item.name}.txt"]
    params: [toy.scale]
    outs: ["results/${item.name}.json": {cache: false, persist: true}]
  toy_table:
    cmd: python src/table.py
    deps: [results, src/table.py]
    outs: [tables: {cache: false}]
  other_sum:
    cmd: python src/sum.py c
    deps: [raw/c.txt, src/sum.py]
    params: [toy.scale, toy.tolerance]
    outs: [results_c.txt: {cache: false}]
"""
FILES = {
    "dvc.yaml": DVC_YAML.replace("results_c.txt", "results/c.json"),
    "params.yaml": "toy: {scale: 2.0, tolerance: 1.0e-12}\n",
    "src/sum.py": SUM,
    "src/table.py": TABLE,
    "raw/a.txt": "1 2",
    "raw/b.txt": "3",
    "raw/c.txt": "4",
    ".dvcignore": "__pycache__\n*.pyc\n",
    ".dvc/config": "[core]\n    no_scm = true\n    analytics = false\n",
}
STAGES = ["toy_sum@a", "toy_sum@b", "other_sum", "toy_table"]


def write_toy(root: Path) -> Path:
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """The current folder, which is not that of the pipeline."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def toy(elsewhere) -> Path:
    """Folder of the pipeline, without results."""
    return write_toy(elsewhere / "My toy")


@pytest.fixture(scope="module")
def toy_of_module(tmp_path_factory) -> Path:
    """Folder of the pipeline, without results; all tests of a module share it."""
    with pytest.MonkeyPatch.context() as patched:
        folder = tmp_path_factory.mktemp("shared")
        patched.setenv("DVC_SITE_CACHE_DIR", str(folder / "site"))
        yield write_toy(folder / "My toy")
