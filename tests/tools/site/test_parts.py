"""The parts of the site by themselves, on toys and on what is committed."""

from __future__ import annotations

import doctest
import json
import re

import networkx as nx
import pandas as pd
import pytest
import yaml

from mobile_storage.core.captions import FIGURE, TABLE
from mobile_storage.core.claims import Verdict
from mobile_storage.core.errors import InputError
from mobile_storage.core.io import read_json
from mobile_storage.core.papers import MMBES, PAPERS, PRICING
from mobile_storage.tools.site import ledger, pages, pipeline, record, report
from mobile_storage.tools.site.__main__ import main
from mobile_storage.tools.site.links import SiteLinks
from mobile_storage.tools.site.notebooks import site_notebook


@pytest.fixture(scope="module")
def papers(repository):
    return record.read_papers(repository)


@pytest.mark.parametrize("module", [record, pages])
def test_the_examples_in_docstrings_are_true(module):
    done = doctest.testmod(module)
    assert done.attempted > 0
    assert done.failed == 0


def markdown(source):
    return {"cell_type": "markdown", "source": source}


def code(source, output=""):
    outputs = [{"output_type": "stream", "text": [output]}] if output else []
    return {"cell_type": "code", "source": source, "outputs": outputs}


def test_cells_stand_under_the_nearest_heading_above():
    cells = [markdown("# One"), code("1\n# no heading"), markdown("text\n\n## Two"), code("2")]
    found = list(record.cells_of({"cells": cells}, "bao2024", "02_metrics"))
    assert [cell.heading for cell in found] == ["One", "One", "Two", "Two"]
    assert [cell.anchor for cell in found][1] == "cell-bao2024-02-metrics-2"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # Its output names the claim: that cell first, then the others that have to do with it.
        ([code("figures.map(x)"), code("1", "P1-01"), code("2", "P1-01")], [2, 1, 3]),
        # Only the verdicts at the end name it: the figure is more telling.
        ([code("figures.map(x)"), code("1"), code("2", "P1-01")], [1, 3]),
        ([code("figures.other(x)"), code("1"), code("2", "P1-01")], [3]),
        ([markdown("P1-010 is another"), code("1")], []),
    ],
)
def test_the_most_telling_cell_comes_first(tmp_path, cells, expected):
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    row = {"id": "P1-01", "notebook": "n.ipynb", "figure": "figures/map.png"}
    assert [cell.number for cell in record._shows(tmp_path, row, "bao2024")] == expected


def test_every_verdict_has_a_mark_of_its_own():
    assert set(record.SYMBOLS) == set(Verdict)
    assert len(set(record.SYMBOLS.values())) == len(Verdict)


def test_every_claim_has_a_cell_that_shows_it(papers):
    assert [paper.key for paper in papers] == list(PAPERS)
    for paper in papers:
        assert sum(paper.verdicts.values()) == len(paper.claims) > 0
        assert [claim.id for claim in paper.claims if not claim.cells] == []


def test_parameters_that_turn_a_claim_over_are_those_that_its_cause_names(papers):
    for claim in papers[0].claims:
        said = f"within their ranges: {', '.join(claim.symbols)}."
        assert (said in claim.cause) == bool(claim.symbols)
    assert any(claim.symbols for claim in papers[0].claims)
    assert not any(claim.symbols for claim in papers[1].claims)


def test_a_threshold_names_its_value(papers, repository):
    for paper in papers:
        varied = set(pd.read_csv(repository / PAPERS[paper.key].flip / "factors.csv")["factor"])
        for threshold in (t for claim in paper.claims for t in claim.thresholds):
            assert threshold.factor in varied
            assert threshold.condition.removeprefix(threshold.factor)[:2] in (": ", " >", " <")


def test_thresholds_of_another_flip_test_are_refused(repository, tmp_path):
    for folder in (PRICING.tables, PRICING.flip):
        (tmp_path / folder).mkdir(parents=True)
    table = (repository / PRICING.tables / "flip_thresholds.csv").read_text()
    (tmp_path / PRICING.tables / "flip_thresholds.csv").write_text(table)
    (tmp_path / PRICING.flip / "thresholds.csv").write_text(
        "outcome,factor\nP1-02,scalars.soc_min\n"
    )
    with pytest.raises(
        InputError, match=r"expected the 1 rows of data/flip/bao2024/thresholds\.csv"
    ):
        record._thresholds(tmp_path, PRICING)


def test_thresholds_of_the_flip_test_stand_by_their_claim(papers, repository):
    for paper in papers:
        table = pd.read_csv(repository / "tables" / paper.key / "flip_thresholds.csv", dtype=str)
        table = table[table["Outcome"].str.match(r"P\d-\d\d")]
        found = {claim.id: [t.condition for t in claim.thresholds] for claim in paper.claims}
        assert {claim: rows for claim, rows in found.items() if rows} == {
            claim: list(rows["Likelier with"]) for claim, rows in table.groupby("Outcome")
        }


def test_no_flip_test_no_thresholds(tmp_path):
    assert record._thresholds(tmp_path, PRICING) == {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("k_exp", "p-bao2024-market-k-exp"),
        ("scalars.k_exp", "p-bao2024-market-k-exp"),
        ("customers.outages_per_year", "p-bao2024-customers-c01-residential-outages-per-year"),
        ("customers.C03.outages_per_year", "p-bao2024-customers-c03-residential-outages-per-year"),
        ("customers.C99.outages_per_year", None),
        ("preferences.alpha_beta", None),
    ],
)
def test_a_row_is_found_by_its_keys_and_symbol(repository, name, expected):
    assert ledger.find_row(ledger.read_ledgers(repository, PRICING), name) == expected


@pytest.mark.parametrize(
    ("source", "page", "link", "expected"),
    [
        ("README.md", "index.md", "tables/fu2024/table6.md", "#table-fu2024-table6"),
        ("README.md", "index.md", "data/raw/README.md", "parameters/sources.md"),
        ("README.md", "index.md", "notebooks/executed/fu2024", "papers/fu2024.md"),
        (
            "notebooks/executed/fu2024/a.ipynb",
            "notebooks/fu2024/a.ipynb",
            "../../../data/raw/fu2024/battery.csv",
            "#ledger-fu2024-battery",
        ),
        (
            "notebooks/executed/fu2024/a.ipynb",
            "notebooks/fu2024/a.ipynb",
            "../bao2024/02_metrics.ipynb#cell",
            "../bao2024/02_metrics.ipynb",
        ),
        ("docs/bilevel.md", "methods/bilevel.md", "../README.md", "../index.md"),
        ("docs/bilevel.md", "methods/bilevel.md", "https://doi.org/10.1", "https://doi.org/10.1"),
        ("README.md", "index.md", "#below", "#below"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(repository, source, page, link, expected):
    links = SiteLinks(repository)
    assert links.rewrite(f"a [b]({link}) c", source, page) == f"a [b]({expected}) c"
    assert links.files == set()


def test_other_files_are_offered_and_folders_without_a_page_are_not_linked(repository):
    links = SiteLinks(repository)
    text = "[p](../params.yaml) [s](../src) ![i](../params.yaml)"
    found = links.rewrite(text, "docs/x.md", "methods/x.md")
    assert found == "[p](../params.yaml) s ![i](../params.yaml)"
    assert links.files == {"params.yaml"}


def test_every_value_that_a_parameter_set_moves_is_found_in_the_ledgers(repository):
    for paper in PAPERS.values():
        moved = [
            row.moved for found in ledger.read_ledgers(repository, paper) for row in found.rows
        ]
        sets = sorted((repository / paper.results / "sets").glob("*.json"))
        moves = [m for path in sets for m in read_json(path)["moves"]]
        expected = [move for move in moves if not move.startswith("readings.")]
        assert sum(map(len, moved)) == len(expected)


def test_moved_values_are_in_the_ledgers_units(repository):
    rows = [row for one in ledger.read_ledgers(repository, MMBES) for row in one.rows]
    outside = []
    for row in rows:
        low, _, high = row.range.partition(" to ")
        values = [float(value.replace(",", "")) for _, value in row.moved]
        # Six digits are shown: an end of the range may be rounded past itself.
        outside += [row for v in values if not 0.99999 * float(low) <= v <= 1.00001 * float(high)]
    assert outside == []
    # The paper's costs are in units of ten thousand yuan, the model's in yuan.
    (cost,) = (row for row in rows if row.symbol == "upgrade_cost")
    assert cost.unit == "wan_yuan"


def test_ledgers_hold_every_row_under_its_own_anchor(repository):
    for paper in PAPERS.values():
        found = ledger.read_ledgers(repository, paper)
        lines = sum(
            len(path.read_text().splitlines()) - 1
            for path in (repository / paper.raw).glob("*.csv")
        )
        anchors = [row.anchor for one in found for row in one.rows]
        assert len(anchors) == len(set(anchors)) == lines
        assert sum(ledger.status_counts(found).values()) == lines
        assert {one.name for one in found if one.folded} >= (
            {"renewable"} if paper is PRICING else {"load_curves"}
        )


def test_figures_and_tables_have_captions_of_their_own(repository):
    for paper in PAPERS.values():
        for kind in (FIGURE, TABLE):
            exhibits = record.read_exhibits(repository, paper, kind)
            captions = [exhibit.caption for exhibit in exhibits]
            assert len(set(captions)) == len(captions) > 0
            assert len({exhibit.anchor for exhibit in exhibits}) == len(exhibits)


def test_the_rows_of_a_table_follow_its_caption(repository):
    tables = record.read_exhibits(repository, PRICING, TABLE)
    (found,) = (table for table in tables if table.name == "table1")
    text = (repository / "tables/bao2024/table1.md").read_text()
    assert text == f"{found.caption}\n\n{found.body}"


def test_notebooks_keep_their_cells_and_gain_labels(repository):
    links = SiteLinks(repository)
    source = "notebooks/executed/fu2024/05_2_optimum.ipynb"
    before = read_json(repository / source)
    after = site_notebook(repository, MMBES, "05_2_optimum", links)
    kept = [c for c in after["cells"] if not c["id"].startswith(("label-", "download"))]
    assert [c["id"] for c in kept] == [c["id"] for c in before["cells"]]
    labels = [c["source"] for c in after["cells"] if c["id"].startswith("label-")]
    assert len(set(labels)) == len(before["cells"])
    pictured = [
        c for c in kept if any("image/png" in o.get("data", {}) for o in c.get("outputs", []))
    ]
    alts = [c["metadata"]["mystnb"]["image"]["alt"] for c in pictured]
    assert len(alts) > 1
    assert all(len(alt) > 20 for alt in alts)
    assert links.files == {source}
    assert before == read_json(repository / source)


def test_the_pipeline_is_drawn_in_layers():
    graph = nx.DiGraph([("a_a", "b"), ("a_a", "c"), ("b", "c")])
    nx.set_node_attributes(graph, {"a_a": "a_a (× 2)", "b": "b", "c": "c"}, "label")
    assert pipeline.layers(graph) == [["a_a"], ["b"], ["c"]]
    figure = pipeline.draw(graph)
    assert [text.get_text() for text in figure.axes[0].texts if text.get_text()] == [
        "a\na (× 2)",
        "b",
        "c",
    ]


def test_the_sources_are_the_same_bytes_again_and_unchanged_files_are_left_alone(
    repository, tmp_path
):
    one, two = tmp_path / "one/source", tmp_path / "two/source"
    pages.write_sources(repository, one)
    pages.write_sources(repository, two)
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(names) > 100
    assert names == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    assert [n for n in names if (one / n).read_bytes() != (two / n).read_bytes()] == []
    notebooks = yaml.safe_load((repository / "params.yaml").read_text())["notebooks"]
    for paper, expected in notebooks.items():
        assert {p.stem for p in (one / "notebooks" / paper).glob("*")} == set(expected)
    left = one / "claims/p9-99.md"
    generated = [one / f"api/mobile_storage.{name}.rst" for name in ("core", "core.io")]
    (one / "api").mkdir()
    for path in (left, *generated):
        path.write_text("left by an earlier run")
    times = {name: (one / name).stat().st_mtime_ns for name in names}
    pages.write_sources(repository, one)
    assert [path for path in (left, *generated) if path.exists()] == generated
    assert times == {name: (one / name).stat().st_mtime_ns for name in names}
    # Pages of modules name each other, also one that is gone.
    (one / "api/mobile_storage.gone.rst").write_text("left by an earlier run")
    pages.write_sources(repository, one)
    assert not (one / "api").exists()


def test_chromium_is_taken_from_the_variable_else_from_path_or_places(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_PLACES", ())
    for name in ("google-chrome", "mine"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    path = str(tmp_path)
    assert report.find_chromium({"PATH": path}) == str(tmp_path / "google-chrome")
    mine = str(tmp_path / "mine")
    assert report.find_chromium({"PATH": path, "CHROMIUM": mine}) == mine
    assert report.find_chromium({"PATH": path, "CHROMIUM": "/none"}) is None
    assert report.find_chromium({"PATH": str(tmp_path / "empty")}) is None
    monkeypatch.setattr(report, "_PLACES", ("/none", mine))
    assert report.find_chromium({"PATH": str(tmp_path / "empty")}) == mine


def test_without_chromium_the_report_says_how_to_get_it(repository, monkeypatch):
    monkeypatch.chdir(repository)
    monkeypatch.setenv("CHROMIUM", "/none")
    with pytest.raises(SystemExit, match=r"apt install chromium\) or say where it is"):
        main(["report"])


def test_the_report_has_every_claim_and_every_figure_once(repository, papers):
    text = report.report_html(repository)
    figures = re.findall(r'<img src="([^"]+)"', text)
    claims = [claim for paper in papers for claim in paper.claims]
    assert len(figures) == len(set(figures))
    assert set(figures) == {f"../{claim.figure}" for claim in claims if claim.figure}
    assert re.findall(r'<section id="([^"]+)"', text) == [claim.id.lower() for claim in claims]


def test_a_note_of_several_lines_cannot_end_the_block_that_shows_it(tmp_path):
    folder = tmp_path / "data/raw/bao2024"
    folder.mkdir(parents=True)
    head = "customer,symbol,name,value,unit,low,high,status,source,note\n"
    row = 'a,x,X,1,kW,,,stated,Here,"one\n```\n<script>alert(1)</script>"\n'
    (folder / "customers.csv").write_text(head + row)
    ((found,),) = (one.rows for one in ledger.read_ledgers(tmp_path, PRICING))
    assert found.note == "one ``` <script>alert(1)</script>"  # escaped by its template
