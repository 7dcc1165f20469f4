"""The environment variables of every run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobile_storage.core.process_environment import (
    ARITHMETIC,
    REPEATABLE,
    fixed_settings,
    process_environment,
    with_settings,
)


@pytest.mark.parametrize(
    ("machine", "fixed"),
    [("x86_64", True), ("AMD64", True), ("arm64", False), ("aarch64", False), ("", False)],
)
def test_the_arithmetic_is_fixed_on_x86_64_only(machine, fixed):
    found = fixed_settings(machine)
    assert {name: found.get(name) for name in REPEATABLE} == REPEATABLE
    assert (found.keys() >= ARITHMETIC.keys()) is fixed
    assert not fixed or {name: found[name] for name in ARITHMETIC} == ARITHMETIC


def test_a_stage_started_by_hand_fixes_it_before_numpy_is_loaded():
    code = (
        "import os, sys, mobile_storage.stages\n"
        "assert 'numpy' not in sys.modules\n"
        f"print(*(os.environ.get(name, '') for name in {list(ARITHMETIC)}), sep='|')"
    )
    environment = {name: os.environ[name] for name in os.environ if name not in ARITHMETIC}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    settings = fixed_settings()
    assert done.stdout.strip() == "|".join(settings.get(name, "") for name in ARITHMETIC)


def test_all_that_tools_keep_is_below_the_folder(tmp_path):
    top = tmp_path / "My Drive"
    found = process_environment(top)
    places = {text for text in found.values() if os.path.isabs(text)}
    assert len(places) == 11
    assert all(Path(place).is_relative_to(top.resolve() / ".cache") for place in places)
    assert found == process_environment(top), "the same answer to the same question"


def test_folders_that_are_set_stay_and_threads_do_not(tmp_path):
    own = {"DVC_SITE_CACHE_DIR": "/mine", "OMP_NUM_THREADS": "64", "HOME": "/home"}
    found = with_settings(tmp_path, own)
    assert (found["DVC_SITE_CACHE_DIR"], found["HOME"]) == ("/mine", "/home")
    assert found["OMP_NUM_THREADS"] == "1"
    assert Path(found["NUMBA_CACHE_DIR"]).is_relative_to(tmp_path)
