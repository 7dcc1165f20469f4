from __future__ import annotations

import pandas as pd
import pytest

from mobile_storage.core.captions import CAPTIONS, FIGURE, TABLE, read_captions, write_tables
from mobile_storage.core.errors import InputError
from mobile_storage.core.papers import PAPERS, PRICING

HEADING = "paper,kind,name,caption\n"


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_every_figure_and_table_has_one_caption_and_every_caption_its_file(repository, paper):
    for kind, folder in ((FIGURE, paper.figures), (TABLE, paper.tables)):
        captions = read_captions(paper, kind, repository / CAPTIONS)
        assert {path.stem for path in (repository / folder).iterdir()} == set(captions)
        assert all(caption.endswith(".") for caption in captions.values())
        assert len(set(captions.values())) == len(captions) > 0


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "bao2042,figure,a,A.\n",
            "line 2, column paper: found 'bao2042', expected one of bao2024, fu2024",
        ),
        ("bao2024,figures,a,A.\n", "line 2, column kind: found 'figures', expected one of figure"),
        ("bao2024,figure,a,\n", "line 2, column caption: found nothing, expected a sentence"),
        (
            "bao2024,figure,a,A.\nbao2024,figure,a,B.\n",
            "line 3, column name: found 'a', expected a name that no line above has",
        ),
    ],
)
def test_a_wrong_row_is_named(tmp_path, rows, said):
    path = tmp_path / "captions.csv"
    path.write_text(HEADING + rows)
    with pytest.raises(InputError, match=said):
        read_captions(PRICING, FIGURE, path)


def test_names_are_those_of_one_paper_and_kind(tmp_path):
    path = tmp_path / "captions.csv"
    path.write_text(HEADING + "bao2024,figure,a,A.\nbao2024,table,a,T.\nfu2024,figure,b,B.\n")
    assert read_captions(PRICING, FIGURE, path) == {"a": "A."}
    assert read_captions(PRICING, TABLE, path) == {"a": "T."}


def test_a_table_gets_its_caption_and_one_without_a_caption_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    CAPTIONS.parent.mkdir()
    CAPTIONS.write_text(HEADING + "bao2024,table,prices,The prices.\n")
    frame = pd.DataFrame({"Price": [1.5]})
    assert write_tables(PRICING, [("prices", frame, {"Price": "yuan/kWh"})]) == 1
    assert (
        (PRICING.tables / "prices.md").read_text().startswith("The prices.\n\n| Price (yuan/kWh) |")
    )
    expected = "tables of bao2024: found nothing, expected a row with the caption of price .did you"
    with pytest.raises(InputError, match=expected):
        write_tables(PRICING, [("price", frame, {})])
