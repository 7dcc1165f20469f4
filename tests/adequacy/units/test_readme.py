"""The worked example of the library of units."""

from __future__ import annotations

import doctest
from pathlib import Path

from mobile_storage.adequacy import units


def test_the_worked_example_gives_what_the_readme_says():
    readme = Path(units.__file__).with_name("README.md")
    failures, examples = doctest.testfile(str(readme), module_relative=False, encoding="utf-8")
    assert examples > 5
    assert failures == 0
