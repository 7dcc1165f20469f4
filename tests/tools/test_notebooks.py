"""Notebooks run for real here, each in about two seconds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import nullcontext

import jupyter_client.connect
import nbformat
import pytest

from mobile_storage.core.errors import InputError
from mobile_storage.tools.kernel import copy_of_this_process
from mobile_storage.tools.notebooks import (
    NotebookError,
    lint_notebook,
    main,
    run_notebook,
    strip_notebook,
)
from mobile_storage.tools.pipeline.server import AVAILABLE

TITLE = nbformat.v4.new_markdown_cell("# Title")
CLAIMS = nbformat.v4.new_markdown_cell("## Claims of this section")


def notebook(path, *codes: str, parameters: str | None = "a = 1\nb: str = 'x'"):
    """Write a stripped notebook with the given code cells."""
    cells = [nbformat.v4.new_markdown_cell("# Title")]
    if parameters is not None:
        cells.append(nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    cells += [nbformat.v4.new_code_cell(code) for code in codes]
    cells.append(nbformat.v4.new_markdown_cell("## Claims"))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    strip_notebook(path)
    return path


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def shown(path) -> list[str]:
    """Return the text of every output."""
    outputs = [out for cell in nbformat.read(path, 4).cells for out in cell.get("outputs", [])]
    return [out.get("text") or out["data"]["text/plain"] for out in outputs]


#: Runs a notebook as the pipeline does: its kernel has all that this process has loaded.
COPIED = """
import sys
import matplotlib.pyplot, seaborn
from mobile_storage.core.log import stage
from mobile_storage.tools.kernel import copy_of_this_process
from mobile_storage.tools.notebooks import run_notebook
with copy_of_this_process() as kernel, stage("notebook"):
    run_notebook(*sys.argv[1:], kernel=kernel)
"""


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_and_keep_the_tables_and_figures(tmp_path):
    source = notebook(
        tmp_path / "a.ipynb",
        "print('one', flush=True)\nimport time; time.sleep(0.3)\nprint('two')",
        "import logging\nlogging.getLogger('mobile_storage.core').info('not shown')\n"
        "import pandas as pd\npd.DataFrame({'price': [1.5]})",
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2])\nfig;",
    )
    one = run_notebook(source, tmp_path / "out" / "1.ipynb").read_bytes()
    two = tmp_path / "out" / "2.ipynb"
    subprocess.run([sys.executable, "-c", COPIED, source, two], check=True)
    assert one == two.read_bytes()
    executed = nbformat.read(tmp_path / "out" / "1.ipynb", 4)
    assert executed.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert [cell.id for cell in executed.cells][:2] == ["cell-001", "cell-002"]
    assert [set(cell.metadata) for cell in executed.cells if cell.metadata] == [{"tags"}]
    printed, table, figure = (cell.outputs for cell in executed.cells[2:5])
    assert [output.text for output in printed] == ["one\ntwo\n"]
    assert "text/html" in table[0].data
    assert [set(output.data) >= {"image/png"} for output in figure] == [True]


@pytest.mark.slow
def test_parameters_replace_those_of_the_notebook_and_nothing_is_printed(tmp_path, capfd):
    source = notebook(tmp_path / "a.ipynb", "print(a, b)")
    before = source.read_bytes()
    output = run_notebook(source, tmp_path / "b.ipynb", {"a": 2.5})
    assert shown(output) == ["2.5 x\n"]
    assert source.read_bytes() == before
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.slow
def test_what_the_kernel_logs_of_itself_is_not_shown(tmp_path, capfd):
    """On shutdown it logs an error when the interrupt finds it still busy: a matter of chance."""
    source = notebook(tmp_path / "a.ipynb", "get_ipython().kernel.log.error('of its own')")
    assert shown(run_notebook(source, tmp_path / "b.ipynb")) == []
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("alpha = 1", "found 'alfa', expected one of alpha (did you mean alpha?)."),
        (None, "found 'alfa', expected no parameter"),
        ("alpha = (", "line 1: found 'alpha = (', expected plain assignments"),
    ],
)
def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path, parameters, message):
    source = notebook(tmp_path / "a.ipynb", "print(alpha)", parameters=parameters)
    with pytest.raises(InputError) as error:
        run_notebook(source, tmp_path / "b.ipynb", {"alfa": 2})
    assert message in str(error.value)
    assert not (tmp_path / "b.ipynb").exists()


@pytest.mark.parametrize(
    ("default", "value", "kind"),
    [("2.5", "much", "a number"), ("'x'", 3, "a text"), ("[1]", 1, "a list"), ("1", True, "a num")],
)
def test_a_parameter_of_another_kind_is_refused_before_anything_runs(
    tmp_path, default, value, kind
):
    source = notebook(tmp_path / "a.ipynb", "print(a)", parameters=f"a = {default}")
    with pytest.raises(InputError, match=f"cell tagged parameters, a: .*expected {kind}"):
        run_notebook(source, tmp_path / "b.ipynb", {"a": value})


@pytest.mark.slow
def test_a_parameter_of_the_same_kind_or_with_no_default_is_taken(tmp_path):
    defaults = "a = 1\nb = None\nc = None\nd = 2\ne = 1 + 1"
    source = notebook(tmp_path / "a.ipynb", "print(a, b, c, d, e)", parameters=defaults)
    values = {"a": 2.5, "b": "text", "c": 3, "d": None, "e": "x"}
    output = run_notebook(source, tmp_path / "b.ipynb", values)
    assert shown(output) == ["2.5 text 3 None x\n"]


@pytest.mark.slow
def test_a_failing_cell_is_named_and_the_finished_notebook_stays(tmp_path):
    """What ran is beside it for reading, until the notebook runs well again."""
    finished, failed = tmp_path / "b.ipynb", tmp_path / "b.failed.ipynb"
    finished.write_text("finished")
    source = notebook(tmp_path / "a.ipynb", "print('before')", "1 / (a - 1)", "print('after')")
    with pytest.raises(NotebookError) as error:
        run_notebook(source, finished, {"a": 1})
    assert str(error.value) == (
        f"{source}, cell 4 raises ZeroDivisionError: division by zero (as far as it ran: {failed})"
    )
    assert finished.read_text() == "finished"
    text = failed.read_text()
    assert "before\\n" in text
    assert "ZeroDivisionError" in text
    assert "after\\n" not in text
    run_notebook(source, finished, {"a": 2})
    assert shown(finished) == ["before\n", "1.0", "after\n"]
    assert not failed.exists()


@pytest.mark.slow
@pytest.mark.skipif(not AVAILABLE, reason="no fork")
def test_a_copied_kernel_has_loaded_what_this_process_has_and_gets_its_own_signals(tmp_path):
    code = "import os, sys\nprint(os.getpgid(0) == os.getpid(), 'pytest' in sys.modules)"
    source = notebook(tmp_path / "a.ipynb", code)
    assert shown(run_notebook(source, tmp_path / "b.ipynb")) == ["True False\n"]
    with copy_of_this_process() as kernel:
        assert shown(run_notebook(source, tmp_path / "c.ipynb", kernel=kernel)) == ["True True\n"]


@pytest.mark.skipif(not AVAILABLE, reason="no fork")
def test_a_copy_that_becomes_no_kernel_ends():
    with copy_of_this_process() as kernel:
        assert kernel.poll() is None
    assert kernel.poll() == 0


@pytest.mark.slow
@pytest.mark.parametrize("start", [nullcontext, copy_of_this_process])
def test_a_kernel_that_dies_is_said_to_have_died(tmp_path, start):
    source = notebook(tmp_path / "a.ipynb", "import os\nos._exit(9)")
    died = pytest.raises(NotebookError, match=r"a\.ipynb: its kernel died, perhaps for want of")
    with start() as kernel, died:
        run_notebook(source, tmp_path / "b.ipynb", kernel=kernel)
    assert not (tmp_path / "b.ipynb").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import warnings\nwarnings.warn('old')", "cell 3 shows a warning .* on stderr: .*old"),
        ("object()", "cell 3 shows the address of an object, .*: 0x"),
        ("import os\nprint('in', os.getcwd())", "cell 3 shows a path of this machine"),
        ("import pandas as pd\npd.DataFrame({'a': [1]}).style", "cell 3 shows a random id"),
    ],
)
def test_what_a_reader_must_not_see_is_refused_and_left_for_reading(tmp_path, code, message):
    source = notebook(tmp_path / "a.ipynb", code)
    with pytest.raises(NotebookError, match=message):
        run_notebook(source, tmp_path / "b.ipynb")
    assert not (tmp_path / "b.ipynb").exists()
    assert (tmp_path / "b.failed.ipynb").exists()


@pytest.mark.slow
def test_settings_of_the_reader_stay_out_and_the_environment_stays_as_it_was(tmp_path, monkeypatch):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("a = 'from the startup file'\nprint(a)\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("JUPYTER_DATA_DIR", raising=False)
    source = notebook(tmp_path / "a.ipynb", "print('a' in dir())", parameters=None)
    assert shown(run_notebook(source, tmp_path / "b.ipynb")) == ["False\n"]
    assert os.environ["IPYTHONDIR"] == str(tmp_path / "ipython")
    assert "JUPYTER_DATA_DIR" not in os.environ


def test_a_missing_or_broken_notebook_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a notebook"):
        run_notebook(tmp_path / "absent.ipynb", tmp_path / "b.ipynb")
    (tmp_path / "a.ipynb").write_text("no JSON")
    with pytest.raises(InputError, match="expected a Jupyter notebook"):
        run_notebook(tmp_path / "a.ipynb", tmp_path / "b.ipynb")


# ---- how notebooks are stored ----------------------------------------------------------------


def test_a_thin_stripped_notebook_passes(tmp_path):
    source = notebook(tmp_path / "a.ipynb", "print(sorted([1], key=lambda x: -x))")
    assert lint_notebook(source) == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def f():\n    pass", "cell 3: defines the function f"),
        ("if True:\n    class C: ...", "cell 3: defines the class C"),
        ("f = lambda x: x", "cell 3: gives a name to a lambda"),
        ("%matplotlib inline", "cell 3: is not plain Python: invalid syntax"),
    ],
)
def test_code_that_belongs_in_the_package_is_found(tmp_path, code, problem):
    assert lint_notebook(notebook(tmp_path / "a.ipynb", code)) == [problem]


def test_a_missing_parameters_cell_title_and_claims_are_found(tmp_path):
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = 1")]), path)
    strip_notebook(path)
    assert lint_notebook(path) == [
        "has 0 cells tagged 'parameters' instead of one",
        "does not open with a title",
        "does not end with a section on the claims",
    ]


def test_outputs_and_other_metadata_are_found_and_stripped(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "1")
    content = nbformat.read(path, 4)
    content.cells[2].outputs = [nbformat.v4.new_output("stream", text="1")]
    content.cells[2].execution_count = 7
    content.cells[2].metadata["collapsed"] = False
    nbformat.write(content, path)
    assert lint_notebook(path) == [
        "cell 3: is stored with its output",
        "has ids, metadata or a layout other than `strip_notebook` writes",
    ]
    main([str(path)])
    assert lint_notebook(path) == []


@pytest.mark.slow
@pytest.mark.parametrize("start", [nullcontext, copy_of_this_process])
@pytest.mark.parametrize("port", ["hb_port", "shell_port"])
def test_a_kernel_whose_port_was_taken_is_started_again_and_nothing_is_printed(
    tmp_path, monkeypatch, capfd, port, start
):
    """Jupyter finds ports, and the kernel takes them later: another program may be faster."""
    given = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        write = jupyter_client.connect.write_connection_file

        def write_first_taken(*arguments, **settings):
            given.append(port)
            if len(given) == 1:
                settings[port] = taken.getsockname()[1]
            return write(*arguments, **settings)

        monkeypatch.setattr(jupyter_client.connect, "write_connection_file", write_first_taken)
        source = notebook(tmp_path / "a.ipynb", "print(1)")
        with start() as kernel:
            ran = run_notebook(source, tmp_path / "b.ipynb", kernel=kernel)
        assert shown(ran) == ["1\n"]
    assert len(given) == (2 if port == "shell_port" else 1)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_a_kernel_that_never_starts_says_why_in_one_sentence(tmp_path, monkeypatch, capfd):
    source = notebook(tmp_path / "a.ipynb", "print(1)")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        write = jupyter_client.connect.write_connection_file
        number = taken.getsockname()[1]
        monkeypatch.setattr(
            jupyter_client.connect,
            "write_connection_file",
            lambda *arguments, **settings: write(*arguments, **settings | {"shell_port": number}),
        )
        with pytest.raises(NotebookError, match=r"its kernel does not start: .*Address already in"):
            run_notebook(source, tmp_path / "b.ipynb")
    assert not (tmp_path / "b.ipynb").exists()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("value", [{"x; y"}, [{"x"}], {"a": {1, 2}}, {1: 2}, [b"x"], (1, 2)])
def test_a_parameter_that_is_no_literal_is_refused(tmp_path, value):
    """papermill puts the text of a set into the code as it is: it could be any code."""
    source = notebook(tmp_path / "a.ipynb", parameters="a = 1 + 1")  # of any kind
    with pytest.raises(InputError, match="expected numbers, texts, true or false, and lists"):
        run_notebook(source, tmp_path / "b.ipynb", {"a": value})
