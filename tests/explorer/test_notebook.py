"""The explorer's notebook in a kernel without a browser: as opened, and with sliders moved."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty
from time import monotonic

import nbformat
import pytest
from nbclient import NotebookClient

from mobile_storage.tools.notebooks import lint_notebook

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks/explore.ipynb"

MOVE = """
controls["Paper 1"]["k_exp"].value = 0.5
controls["Paper 1"]["response"].value = (0.0, 10.0)
controls["Paper 2, calibrated"]["preferences.loss_aversion"].value = 2.0
controls["Paper 2, literature"]["substation.load_rate"].value = 0.65
"""
#: After which a cell hangs, however busy the machine is.
MOST_SECONDS = 1800
PRESS_RESET = "[tab.children[-2].click() for tab in tabs.children];"


def looks_again(get_msg: Callable[..., Awaitable[dict]]) -> Callable[..., Awaitable[dict]]:
    """Ask for a message every second instead of once.

    Where nbclient sends for a widget while it waits for a reply on the same socket, it may sleep
    on after the reply has come (jupyter/nbclient#312); a new look finds it.
    """

    async def get(timeout: float) -> dict:
        end = monotonic() + timeout
        while monotonic() < end:
            with suppress(Empty):
                return await get_msg(timeout=1)
        raise Empty

    return get


def answers(client: NotebookClient) -> list[list[dict]]:
    """What each tab's output shows at the moment, tab by tab."""
    state = client.widget_state.values()
    return [[*w["outputs"]] for w in state if w.get("_model_name") == "OutputModel"]


def texts(shown: list[dict]) -> str:
    return "\n".join(part["data"].get("text/markdown", "") for part in shown)


def pictures(shown: list[dict]) -> list[bytes]:
    found = [part["data"]["image/png"] for part in shown if "image/png" in part["data"]]
    return [base64.b64decode(picture) for picture in found]


@pytest.fixture(scope="module")
def session() -> dict[str, list[list[dict]]]:
    """The answers as opened, with sliders moved, and after the buttons were pressed; one kernel."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    steps = {"opened": "", "moved": MOVE, "reset": PRESS_RESET}
    stored = len(notebook.cells)
    notebook.cells += [nbformat.v4.new_code_cell(code) for code in steps.values()]
    where = {"metadata": {"path": str(ROOT)}}
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        resources=where,
        timeout=MOST_SECONDS,
        startup_timeout=MOST_SECONDS,
        iopub_timeout=MOST_SECONDS,
    )
    shown = {}
    # As in Lab: the figures come as pictures.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    with client.setup_kernel(env=environment):
        client.kc.shell_channel.get_msg = looks_again(client.kc.shell_channel.get_msg)
        for position, cell in enumerate(notebook.cells):
            client.execute_cell(cell, position)
            if position >= stored:
                shown[list(steps)[position - stored]] = answers(client)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    return shown


def test_notebook_is_thin_stripped_and_says_what_to_do():
    assert lint_notebook(NOTEBOOK) == []
    first = nbformat.read(NOTEBOOK, as_version=4).cells[0].source
    assert "`make lab`" in first
    assert "Run All Cells" in first


def test_links_of_the_notebook_resolve():
    links = re.findall(r"\]\(([^)]+\.ipynb)\)", NOTEBOOK.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (NOTEBOOK.parent / link).is_file()] == []


@pytest.mark.slow
def test_it_opens_at_the_defaults_and_says_so(session):
    """An error in a callback does not stop a notebook: it would stand in the tab's output."""
    shown = session["opened"]
    assert len(shown) == 3
    for tab in shown:
        assert {part["output_type"] for part in tab} == {"display_data"}
        assert "Every value at its default." in texts(tab)
        assert "moved**" not in texts(tab)
    assert [len(pictures(tab)) for tab in shown] == [1, 2, 2]
    assert all(len(picture) > 10_000 for tab in shown for picture in pictures(tab))


@pytest.mark.slow
def test_moved_sliders_reach_the_answers(session):
    paper1, calibrated, literature = (texts(tab) for tab in session["moved"])
    assert "2 values moved" in paper1
    assert "**0.5, moved**" in paper1
    assert "**0 to 10, moved**" in paper1
    assert "1 value moved" in calibrated
    assert "**2, moved**" in calibrated
    assert "**0.65, moved**" in literature
    for before, after in zip(session["opened"], session["moved"], strict=True):
        assert {part["output_type"] for part in after} == {"display_data"}
        assert pictures(after)[0] != pictures(before)[0]


@pytest.mark.slow
def test_the_buttons_take_every_tab_back(session):
    for before, after in zip(session["opened"], session["reset"], strict=True):
        assert texts(after) == texts(before)
