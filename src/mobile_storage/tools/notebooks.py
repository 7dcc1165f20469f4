"""Run notebooks so that the same inputs give the same bytes, and keep them thin.

papermill runs them. What changes from run to run (timings, random cell ids, versions) is removed
afterwards. What would mislead a reader is refused: parameters that the notebook does not have,
warnings on stderr, object addresses, paths of the machine.
"""

from __future__ import annotations

import argparse
import ast
import logging
import math
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import nbformat

from mobile_storage.core.errors import InputError, PlainError, did_you_mean, kind_of
from mobile_storage.core.io import read_text, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jupyter_client.manager import AsyncKernelManager

    from mobile_storage.tools.kernel import KernelCopy

__all__ = ["NotebookError", "lint_notebook", "run_notebook", "strip_notebook"]

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_PARAMETERS = "parameters"
_LONGEST_SHOWN = 200
#: Seconds to wait for a kernel to start, and for what a cell prints; a busy machine is slow.
_HANGS_S = 600
#: A kernel that does not come up is started this many times.
_STARTS = 3
_UNSTABLE = {
    "the address of an object, which changes from run to run": re.compile(r"\b0x[0-9a-f]{6,}\b"),
    "a random id of a pandas Styler (give it a uuid)": re.compile(r"\bT_[0-9a-f]{5}_"),
}


class NotebookError(PlainError, RuntimeError):
    """A cell of a notebook raised, or shows something that a reader must not see."""


def run_notebook(
    source: str | Path,
    output: str | Path,
    parameters: Mapping[str, object] | None = None,
    *,
    kernel: KernelCopy | None = None,
) -> Path:
    """Run a notebook in the current folder and write the executed copy, byte for byte stable.

    Parameters
    ----------
    source, output : path
        The stripped notebook and where the executed one goes.
    parameters : mapping, optional
        Values for names that the notebook's cell tagged ``parameters`` defines.
    kernel : KernelCopy, optional
        From `tools.kernel`; without it the kernel is a new process.

    Returns
    -------
    Path
        `output`.

    Raises
    ------
    InputError
        If `source` is missing or is no notebook, does not define one of `parameters`, or defines
        it with a value of another kind (a number, a text, ...).
    NotebookError
        If a cell raises, writes to stderr or shows an object's address, a random id or a path of
        this machine. `output` stays as it was; what ran is beside it in ``<name>.failed.ipynb``,
        which the next run that ends well removes.
    OutputError
        If `output` cannot be written.
    """
    # These are slow to import, and only stages that run notebooks need them.
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from mobile_storage.tools.kernel import kernel_manager

    source, output = Path(source), Path(output)
    parameters = dict(parameters or {})
    _check_parameters(source, _read(source), parameters)
    failed = output.with_suffix(".failed.ipynb")
    # On Windows a kernel that has just ended may still hold a file.
    with tempfile.TemporaryDirectory(prefix="notebook-", ignore_cleanup_errors=True) as folder:
        ran, said, error = Path(folder, "ran.ipynb"), Path(folder, "stderr"), None
        with _own_settings(Path(folder)):
            try:
                _execute(source, ran, parameters, kernel_manager(said, kernel), said)
            except PapermillExecutionError as raised:
                # Counted in the notebook as stored, without the cell that papermill puts in.
                position = raised.cell_index + 1 - bool(parameters)
                error = f"{source}, cell {position} raises {raised.ename}: {_line(raised.evalue)}"
            except DeadKernelError:
                why = _last_line(said)
                error = f"{source}: its kernel died, {why or 'perhaps for want of memory'}"
        notebook = _read(ran)
    _normalise(notebook)
    error = error or _output_error(source, notebook)
    if error is not None:
        _write(notebook, failed)
        raise NotebookError(f"{error} (as far as it ran: {failed})")
    _write(notebook, output)
    failed.unlink(missing_ok=True)
    return output


def _execute(
    source: Path,
    ran: Path,
    parameters: Mapping[str, object],
    manager: type[AsyncKernelManager],
    said: Path,
) -> None:
    """Run a notebook with kernels of `manager`; `said` is the file with what they print.

    Jupyter looks for free ports, and the kernel takes them a second later. Where another program
    was faster, the kernel reports it and ends, or continues without its heartbeat, which nothing
    here needs. A kernel that has ended is replaced.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.log import logger

    logger.setLevel(logging.CRITICAL)  # its errors are raised as well

    for start in range(_STARTS, 0, -1):
        try:
            papermill.execute_notebook(
                source,
                ran,
                parameters=parameters,
                kernel_name="python3",
                kernel_manager_class=manager,
                progress_bar=False,
                record_timing=False,
                start_timeout=_HANGS_S,
                iopub_timeout=_HANGS_S,
                raise_on_iopub_timeout=True,
            )
        except DeadKernelError:
            raise
        except RuntimeError as error:  # from nbclient: no answer, no cell has run
            if start == 1:
                why = _last_line(said) or error
                raise NotebookError(f"{source}: its kernel does not start: {why}") from None
        else:
            return


def _last_line(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    return next((_line(line) for line in reversed(lines) if line.strip()), "")


def _line(text: object) -> str:
    return " ".join(str(text).split())[:_LONGEST_SHOWN]


def strip_notebook(path: str | Path) -> None:
    """Remove outputs and all metadata but tags from a notebook, and number its cells' ids."""
    notebook = _read(Path(path))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    _normalise(notebook)
    _write(notebook, Path(path))


def lint_notebook(path: str | Path) -> list[str]:
    """Return what keeps a stored notebook from being thin, parameterised and stripped.

    A notebook reads, calls, shows and explains. Functions and classes are in the package, where
    they are tested. A notebook begins with a title and ends with the claims of its section.
    """
    path = Path(path)
    notebook = _read(path)
    problems = []
    for position, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            problems += [f"cell {position}: {problem}" for problem in _code_problems(cell.source)]
            if cell.outputs or cell.execution_count is not None:
                problems.append(f"cell {position}: is stored with its output")
    count = len(_tagged(notebook, _PARAMETERS))
    if count != 1:
        problems.append(f"has {count} cells tagged 'parameters' instead of one")
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    headings = re.findall(r"^#{1,6} .*$", "\n".join(prose), re.MULTILINE)
    if not notebook.cells or not notebook.cells[0].source.startswith("# "):
        problems.append("does not open with a title")
    if not headings or "claims" not in headings[-1].lower():
        problems.append("does not end with a section on the claims")
    _normalise(notebook)
    if path.read_text(encoding="utf-8") != _text(notebook):
        problems.append("has ids, metadata or a layout other than `strip_notebook` writes")
    return problems


def _read(path: Path) -> nbformat.NotebookNode:
    text = read_text(path, "a notebook")
    try:
        return nbformat.reads(text, as_version=4)
    except Exception as error:  # errors of nbformat, json and jsonschema
        raise InputError(
            file=path, where="the file", value=str(error), expected="a Jupyter notebook"
        ) from None


def _text(notebook: nbformat.NotebookNode) -> str:
    return nbformat.writes(notebook, version=4, indent=1, ensure_ascii=False) + "\n"


def _write(notebook: nbformat.NotebookNode, path: Path) -> None:
    write_text(_text(notebook), path)


def _tagged(notebook: nbformat.NotebookNode, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def _check_parameters(
    source: Path, notebook: nbformat.NotebookNode, parameters: Mapping[str, object]
) -> None:
    """Raise on a parameter that the notebook does not define, which papermill only warns of."""
    known: dict[str, object] = {}
    for cell in _tagged(notebook, _PARAMETERS):
        known |= _assigned(source, cell.source)
    for name, value in parameters.items():
        where, default = f"cell tagged parameters, {name}", known.get(name)
        if name not in known:
            where = "cell tagged parameters"
            expected = "no parameter, as no cell defines any"
            if known:
                expected = f"one of {', '.join(known)}{did_you_mean(name, known)}"
            value = name
        elif isinstance(value, float) and not math.isfinite(value):
            expected = "a finite number"
        elif not _is_plain(value):
            expected = "numbers, texts, true or false, and lists or names of them"
        elif default is not None and value is not None and kind_of(value) != kind_of(default):
            expected = f"{kind_of(default)}, as the notebook's own {default!r} is"
        else:
            continue
        raise InputError(file=source, where=where, value=value, expected=expected)


def _is_plain(value: object) -> bool:
    """Return whether papermill writes a value as a literal; it writes the text of a set as code."""
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(item) for name, item in value.items())
    return value is None or isinstance(value, bool | int | float | str)


def _assigned(source: Path, code: str) -> dict[str, object]:
    """Return the names that `code` assigns, with their values; None for a computed value."""
    try:
        statements = ast.parse(code).body
    except SyntaxError as error:
        raise InputError(
            file=source,
            where=f"cell tagged parameters, line {error.lineno}",
            value=(error.text or "").strip(),
            expected="plain assignments in Python",
        ) from None
    found: dict[str, object] = {}
    for statement in statements:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        try:
            value = ast.literal_eval(statement.value)
        except ValueError:  # a computed value, which any value may replace
            value = None
        found |= {target.id: value for target in targets if isinstance(target, ast.Name)}
    return found


@contextmanager
def _own_settings(folder: Path) -> Iterator[None]:
    """Keep the reader's Jupyter and IPython settings out of the run, and the run out of them."""
    folders = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    own = {name: str(Path(folder, name.lower())) for name in folders} | {
        "JUPYTER_PREFER_ENV_PATH": "1",
        # Agg, which the pipeline sets for scripts, would show figures as text.
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    profile = Path(own["IPYTHONDIR"], "profile_default")
    profile.mkdir(parents=True)
    # The kernel warns of its local channel, and logs the interrupt that shuts it down as an error
    # if the interrupt comes early. papermill reports a cell that fails.
    settings = "c.IPKernelApp.log_level = 'CRITICAL'\n"
    Path(profile, "ipython_kernel_config.py").write_text(settings, encoding="utf-8")
    with patch.dict(os.environ, own):
        yield


def _normalise(notebook: nbformat.NotebookNode) -> None:
    notebook.metadata = nbformat.from_dict(_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for position, cell in enumerate(notebook.cells, start=1):
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": sorted(tags)} if tags else {})
        cell.id = f"cell-{position:03d}"
        if cell.cell_type == "code":
            cell.outputs = _merged_streams(cell.outputs)


def _merged_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join the texts that one cell printed; how the text is cut depends on the clock."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        is_stream = output.output_type == "stream"
        if is_stream and merged and merged[-1].get("name") == output.name:
            merged[-1].text += output.text
        else:
            merged.append(output)
    return merged


def _output_error(source: Path, notebook: nbformat.NotebookNode) -> str | None:
    """Return a sentence on the first output that a reader must not see; None if there is none."""
    injected = _tagged(notebook, "injected-parameters")
    stored = [cell for cell in notebook.cells if cell not in injected]
    for position, cell in enumerate(stored, start=1):
        for output in cell.get("outputs", []):
            for what, text in _unwanted(output):
                return f"{source}, cell {position} shows {what}: {_line(text)}"
    return None


def _unwanted(output: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    own = [folder for folder in (Path.cwd(), Path.home()) if len(folder.parts) > 2]
    # On Windows: with backslashes, with slashes, and as Python shows text.
    forms = (str, Path.as_posix, lambda folder: repr(str(folder))[1:-1])
    if output.get("name") == "stderr":
        yield "a warning or another text on stderr", output.text
    texts = {"stream": output.text} if output.output_type == "stream" else output.get("data", {})
    for kind, text in texts.items():
        if isinstance(text, str) and kind != "image/png":
            for what, pattern in _UNSTABLE.items():
                if found := pattern.search(text):
                    yield what, text[found.start() :]
            for path in (form(folder) for folder in own for form in forms):
                if path in text:
                    yield "a path of this machine", path


def _code_problems(code: str) -> list[str]:
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        return [f"is not plain Python: {error.msg}"]
    problems = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            problems.append(f"defines the function {node.name}")
        elif isinstance(node, ast.ClassDef):
            problems.append(f"defines the class {node.name}")
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and isinstance(
            node.value, ast.Lambda
        ):
            problems.append("gives a name to a lambda")
    return problems


def main(argv: list[str] | None = None) -> None:
    """Strip the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description=strip_notebook.__doc__)
    parser.add_argument("notebook", nargs="+", type=Path)
    for path in parser.parse_args(argv).notebook:
        strip_notebook(path)


if __name__ == "__main__":
    main()
