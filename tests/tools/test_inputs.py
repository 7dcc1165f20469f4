"""A mistake in a ledger is answered before any stage runs."""

from __future__ import annotations

import shutil

import pytest

from mobile_storage.core.errors import InputError
from mobile_storage.core.papers import PAPERS, RAW
from mobile_storage.flip.worlds import FLIP
from mobile_storage.tools.inputs import check_inputs, earlier_flip_tests


@pytest.fixture
def copied(repository, tmp_path, monkeypatch):
    shutil.copytree(repository / RAW, tmp_path / RAW)
    shutil.copytree(repository / FLIP, tmp_path / FLIP)
    shutil.copy(repository / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("bao2024/customers.csv", ",assumed,", ",assumd,", "line 2, column status: found 'assumd'"),
        ("bao2024/customers.csv", ",15,kW,", ",fifteen,kW,", "line 2, column value: found 'fift"),
        ("bao2024/customers.csv", ",15,kW,", ",-15,kW,", "line 2, column value: found '-15'"),
        ("bao2024/customers.csv", ",15,kW,", ",15,kWh,", "line 2, column unit: found 'kWh'"),
        ("bao2024/customers.csv", "C02,", "C01,", "something that line 2 does not have already"),
        ("bao2024/grades.csv", ",kW,", ",kw,", "column unit: found 'kw'"),
        ("fu2024/load_points.csv", ",0.35,", ",0.34,", "share of all load points together"),
        ("claims.csv", "P1-02", "P1-03", "found 'P1-03'"),
    ],
)
def test_a_mistake_in_a_file_is_named(copied, name, old, new, said):
    check_inputs({paper.package for paper in PAPERS.values()})
    file = RAW / name
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=said) as error:
        check_inputs({paper.package for paper in PAPERS.values()})
    assert str(RAW / name) in str(error.value)


def test_a_flip_test_of_earlier_ledgers_is_said_before_the_run(copied):
    packages = {paper.package for paper in PAPERS.values()}
    assert earlier_flip_tests(packages) == []
    with (copied / RAW / "bao2024/customers.csv").open("a", encoding="utf-8") as file:
        file.write("\n")
    (sentence,) = earlier_flip_tests(packages)
    assert sentence == (
        "Paper 1: the flip test was computed with earlier ledgers; make flip computes it again. "
        "Until then its tables and figures are marked."
    )
    assert earlier_flip_tests({"mmbes"}) == []
    shutil.rmtree(copied / FLIP / "bao2024")  # as in a copy for a reader's data
    assert earlier_flip_tests(packages) == []
