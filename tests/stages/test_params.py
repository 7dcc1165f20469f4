"""What the stages refuse in ``params.yaml``, whoever wrote it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from mobile_storage.core.errors import InputError
from mobile_storage.core.params import case_pair
from mobile_storage.mmbes.model.data import read_raw
from mobile_storage.stages.mmbes.calibration import space_of
from mobile_storage.stages.pricing import common


@pytest.mark.parametrize("symbol", ["substation.load_rat", "network.T1.length", "load_rate"])
def test_a_value_that_cannot_move_is_named(repository, symbol):
    with pytest.raises(InputError) as error:
        space_of(read_raw(repository / "data/raw/fu2024"), ["substation.load_rate", symbol])
    assert str(error.value).startswith(
        f"params.yaml, mmbes.calibration.values: found {symbol!r}, expected a value of the ledgers"
    )


def test_a_section_is_read_as_it_stands_there(repository, monkeypatch):
    monkeypatch.chdir(repository)
    with open("params.yaml", encoding="utf-8") as file:
        assert common.params() == yaml.safe_load(file)["pricing"]


def test_a_variant_has_one_case_with_grades_and_one_without():
    assert case_pair("fixed_grade", "all", "with_trading") == (
        "case1_fixed_grade_all_with_trading",
        "case2_all_with_trading",
    )
    with pytest.raises(ValueError, match="no case is case1_fixed_all_with_trading, expected"):
        case_pair("fixed", "all", "with_trading")


def test_a_stage_ends_with_the_sentence_of_its_section(repository, tmp_path):
    (tmp_path / "data").symlink_to(repository / "data")
    text = (repository / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("only: []", "only: [labour]"))
    done = subprocess.run(
        [sys.executable, "-m", "mobile_storage.stages.pricing.sensitivity"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "pricing_sensitivity | ERROR: params.yaml, pricing.sensitivity.only: found 'labour', "
        "expected a symbol of the ledgers with a range (did you mean labour_cost or "
        "standby_labour?)."
    ]
