"""The pipeline's description against the code: what a stage imports, it must depend on."""

from __future__ import annotations

import ast
import json
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PACKAGE = "mobile_storage"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def stage_body(name: str) -> dict:
    """Body of a stage; that of every run for a stage with ``foreach``."""
    return STAGES[name].get("do", STAGES[name])


def module_file(module: str) -> Path | None:
    """Source file of one of our modules, or None."""
    path = SOURCE.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def imported(module: str) -> frozenset[str]:
    """Our modules that a module imports, also inside functions, and the packages above them."""
    path = module_file(module)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return imported_by(path.read_text(encoding="utf-8"), package)


def imported_by(code: str, package: str = "") -> frozenset[str]:
    """The same for source text in a package."""
    tree = ast.parse(code)
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    ours = {n for n in names if n.startswith(PACKAGE) and module_file(n)}
    parents = {".".join(n.split(".")[:k]) for n in ours for k in range(1, n.count(".") + 1)}
    return frozenset(ours | {p for p in parents if module_file(p)})


def notebook_imports(paper: str) -> set[str]:
    """Our modules that a paper's notebooks import."""
    cells = [
        "".join(cell["source"])
        for path in sorted((ROOT / "notebooks" / paper).glob("*.ipynb"))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    return set().union(*(imported_by(code) for code in cells))


def needed_files(command: str | list[str]) -> set[str]:
    """Every source file of ours that a stage's command reads."""
    (line,) = [command] if isinstance(command, str) else command
    words = shlex.split(line)
    module, *arguments = words[words.index("-m") + 1 :]
    found, todo = set(), [module]
    if module.endswith(".notebook"):
        todo += notebook_imports(arguments[0])
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo += imported(current)
    return {module_file(m).relative_to(ROOT).as_posix() for m in found}


def documentation_only(file: str) -> bool:
    """Whether a file holds no code, such as most ``__init__.py``: nothing there can change."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    return all(isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) for n in body)


def covered(file: str, deps: list[str]) -> bool:
    return any(file == dep or file.startswith(dep.rstrip("/") + "/") for dep in deps)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_all_that_it_imports_and_nothing_else(name):
    """Transitive imports are not tracked by DVC: a forgotten one would leave results stale."""
    body = stage_body(name)
    needed = needed_files(body["cmd"])
    deps = [d for d in body["deps"] if d.startswith("src/")]
    missing = {f for f in needed if not covered(f, deps) and not documentation_only(f)}
    assert not missing, f"dvc.yaml, stage {name}: add deps {sorted(missing)}"
    idle = {d for d in deps if not any(covered(f, [d]) for f in needed)}
    assert not idle, f"dvc.yaml, stage {name}: remove deps {sorted(idle)}"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_locked_environment_and_keeps_its_outputs_in_git(name):
    body = stage_body(name)
    assert "requirements.lock" in body["deps"]
    assert body["outs"], "a stage without outputs would run every time"
    for out in body["outs"]:
        ((path, options),) = out.items()
        assert options["cache"] is False, path


@pytest.mark.parametrize("name", STAGES)
def test_no_text_of_params_reaches_a_shell_unquoted(name):
    """``${item}`` of a matrix is quoted by DVC, in a list whole; ``${key}`` is a case of ours."""
    command = stage_body(name)["cmd"]
    if "matrix" in STAGES[name]:
        (line,) = command
        assert line.endswith(" ${item}")
        assert line.count("${") == 1
    elif "foreach" in STAGES[name]:
        assert STAGES[name]["foreach"] == "${pricing.cases}"
        assert command.endswith(" ${key}")
        assert command.count("${") == 1
    else:
        assert "${" not in command


def test_every_stage_belongs_to_a_paper():
    """`make reproduce` runs the stages of each paper, by their names."""
    assert {name.partition("_")[0] for name in STAGES} == {"pricing", "mmbes"}


def test_the_lock_file_holds_no_stage_that_is_gone():
    """DVC keeps them for ever, and reads and writes the whole file again at every stage."""
    locked = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert {name.partition("@")[0] for name in locked} == set(STAGES)


def test_the_arrow_of_imports_points_one_way():
    """Each package may import those it is listed with here, and itself."""
    models = {"core", "bilevel", "adequacy", "pricing", "mmbes"}
    allowed = {
        "core": set(),
        "bilevel": {"core"},
        "adequacy": {"core"},
        "pricing": {"core", "bilevel"},
        "mmbes": {"core", "adequacy"},
        "explorer": models,
        "flip": models,
        "tools": {"core", "flip"},
        "stages": models | {"flip", "tools"},
    }
    for file in SOURCE.rglob("*.py"):
        module = ".".join(file.relative_to(SOURCE).with_suffix("").parts)
        if not module.count("."):
            continue
        layer = module.split(".")[1]
        reached = {m.split(".")[1] for m in imported(module.removesuffix(".__init__")) if "." in m}
        assert reached <= allowed.get(layer, set()) | {layer}, module


def test_reading_the_flip_test_loads_neither_paper_s_model():
    """Tables, figures and claims of both papers read its results."""
    code = "import sys, mobile_storage.flip.worlds; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    loaded = set(done.stdout.split())
    assert f"{PACKAGE}.flip.worlds" in loaded
    for name in (f"{PACKAGE}.pricing", f"{PACKAGE}.mmbes", "pyomo", "numba", "SALib"):
        assert name not in loaded


HEAVY = (
    *("pyomo", "gurobipy", "highspy", "scipy.stats", "scipy.optimize", "numba", "networkx"),
    *("matplotlib", "seaborn", "pandapower", "SALib", "papermill"),
)
LOADS = (
    {
        "pricing.common pricing.inputs pricing.no_emergency pricing.claims pricing.tables": "",
        "mmbes.common mmbes.published mmbes.claims notebook": "",
        "pricing.iteration pricing.search": "scipy.optimize",
        "pricing.case pricing.formulations pricing.sensitivity pricing.ties": "pyomo scipy.stats",
    },
    {
        "mmbes.inputs": "numba networkx",
        "mmbes.optimum mmbes.scenarios mmbes.ensemble": "scipy.optimize",
        "mmbes.adequacy mmbes.calibration mmbes.independence": "scipy.stats",
    },
    {
        "mmbes.tables": "scipy.stats scipy.optimize networkx",
    },
    {
        "pricing.figures": "matplotlib seaborn scipy.stats scipy.optimize",
        "mmbes.figures": "numba networkx",
        "mmbes.power_flow": "pandapower",
    },
)
"""Libraries of `HEAVY` that modules of `stages` may load, besides those of the lines above them.

Each dict is a chain that one process imports from top to bottom.
"""


def test_the_table_of_loaded_libraries_names_every_module_of_stages():
    listed = [name for chain in LOADS for names in chain for name in names.split()]
    folder = SOURCE / PACKAGE / "stages"
    files = {f.relative_to(folder).with_suffix("") for f in folder.rglob("*.py")}
    assert sorted(listed) == sorted(".".join(f.parts) for f in files if f.name != "__init__")


@pytest.mark.parametrize("chain", LOADS)
def test_a_stage_loads_the_heavy_libraries_that_it_uses_and_no_other(chain):
    """A solver, a compiler or a drawing library takes longer to import than most stages run."""
    stages = [name for names in chain for name in names.split()]
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        f"    importlib.import_module(f'{PACKAGE}.stages.{{name}}')\n"
        f"    print(*(library for library in {HEAVY} if library in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *stages], capture_output=True, encoding="utf-8", check=True
    )
    loaded, allowed = iter(done.stdout.splitlines()), set()
    for names, libraries in chain.items():
        allowed |= set(libraries.split())
        for name in names.split():
            assert set(next(loaded).split()) <= allowed, name


@pytest.mark.parametrize(
    ("package", "order"),
    [
        ("adequacy", ("analytic",)),
        ("adequacy", ("analytic", "simulation")),
        ("adequacy", ("units",)),
        ("pricing", ("model", "analysis", "show")),
        ("mmbes", ("model", "search", "analysis", "show")),
    ],
)
def test_rooms_of_a_package_import_from_those_before_them_only(package, order):
    for number, room in enumerate(order):
        for file in (SOURCE / PACKAGE / package / room).rglob("*.py"):
            module = ".".join(file.relative_to(SOURCE).with_suffix("").parts)
            inside = {
                m.split(".")[2]
                for m in imported(module.removesuffix(".__init__"))
                if m.startswith(f"{PACKAGE}.{package}.")
                and module_file(m) != SOURCE / PACKAGE / package / f"{m.split('.')[2]}.py"
            }
            assert inside <= set(order[: number + 1]), module


def test_editing_one_case_reruns_that_case_and_what_hangs_on_it(tmp_path):
    """`dvc status` names the stages that an edit makes stale at first hand."""
    for name in ("dvc.yaml", "dvc.lock", "params.yaml", "requirements.lock", ".dvc", ".dvcignore"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for folder in ("data", "src", "notebooks", "tables", "figures"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    edited = "case1_fixed_grade_all_with_trading"
    params = tmp_path / "params.yaml"
    text = params.read_text(encoding="utf-8")
    start = text.index(f"{edited}:\n")
    changed = text[start:].replace("intervals: true", "intervals: false", 1)
    params.write_text(text[:start] + changed, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    stale = set(json.loads(done.stdout))
    assert {name for name in stale if name.startswith("pricing_case@")} == {
        f"pricing_case@{edited}"
    }


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_has_one_name_in_logs_and_in_the_pipeline(name):
    """The name that a stage logs under is the one in dvc.yaml."""
    command = stage_body(name)["cmd"]
    words = shlex.split(command if isinstance(command, str) else command[0])
    tree = ast.parse(module_file(words[words.index("-m") + 1]).read_text(encoding="utf-8"))
    (call,) = [
        node.context_expr
        for part in ast.walk(tree)
        if isinstance(part, ast.With)
        for node in part.items
        if getattr(node.context_expr.func, "id", "") == "stage"
    ]
    logged = ast.unparse(call.args[0])
    assert logged in (repr(name), "f'{PAPERS[asked.paper].package}_notebook'")
