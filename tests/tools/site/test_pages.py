"""The built site, read as a program reads it: links, pictures, words."""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd
import pytest

from mobile_storage.tools.site.record import label

pytestmark = pytest.mark.slow

PAPERS = ("bao2024", "fu2024")
#: Attributes by which a browser fetches something; a link to click on is none.
FETCHING = {"script": "src", "link": "href", "img": "src", "source": "src", "iframe": "src"}


def claims(repository):
    frames = [pd.read_csv(repository / f"data/results/{p}/claims.csv", dtype=str) for p in PAPERS]
    return pd.concat(frames).to_dict("records")


def test_nothing_is_fetched_from_elsewhere(site, pages):
    assert len(pages) > 100
    for name, page in pages.items():
        fetched = [tag.get(FETCHING[tag.name], "") for tag in page.soup.find_all(list(FETCHING))]
        assert [at for at in fetched if re.match(r"(\w+:)?//", at)] == [], name
    for path in site.glob("_static/**/*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", path.read_text()), path


def test_every_link_leads_to_a_page_and_a_place_on_it(pages):
    by_path = {page.path.resolve(): page for page in pages.values()}
    missing = [
        (name, address)
        for name, page in pages.items()
        for address, path, anchor in page.targets()
        if not (path.is_file() or (path / "index.html").is_file())
        or (anchor and path in by_path and anchor not in by_path[path].anchors)
    ]
    assert missing == []


def test_every_page_can_be_reached_from_the_first(pages):
    by_path = {page.path.resolve(): name for name, page in pages.items()}
    seen, new = set(), {"index.html"}
    while new:
        seen |= new
        linked = {by_path.get(path) for name in new for _, path, _ in pages[name].targets()}
        new = linked - seen - {None}
    assert set(pages) - seen == set()


def test_every_claim_is_in_the_table_with_its_verdict_and_its_links(repository, pages):
    rows = pages["index.html"].soup.select("#claims tbody tr")
    expected = claims(repository)
    assert len(rows) == len(expected)
    for row, claim in zip(rows, expected, strict=True):
        assert row.th.get_text(strip=True) == claim["id"]
        assert row["data-paper"] == claim["paper"]
        assert row["data-verdict"] == label(claim["verdict"])
        assert row.select_one(".badge").get_text(" ", strip=True).endswith(claim["verdict"])
        linked = [a["href"] for a in row.select(".links a")]
        assert re.fullmatch(rf"notebooks/{claim['paper']}/\w+\.html#cell-[\w-]+", linked[0])
        assert any(at.startswith(f"tables/{claim['paper']}.html#table-") for at in linked)


def test_a_claims_page_tells_all_and_shows_its_figure(repository, pages):
    for claim in claims(repository):
        soup = pages[f"claims/{claim['id'].lower()}.html"].soup
        said = " ".join(soup.article.get_text(" ").split())
        assert claim["verdict"] in said
        # Quotation marks become curly on the way.
        words = re.findall(r"\w{4,}", claim["statement"] + " " + claim["cause"])
        assert [word for word in words if word not in said] == []
        if isinstance(claim["figure"], str):
            (image,) = soup.article.find_all("img")
            assert image["src"].endswith(claim["figure"].rsplit("/")[-1])


@pytest.mark.parametrize("paper", PAPERS)
def test_a_claims_page_links_the_values_that_decide_in_the_flip_test(repository, pages, paper):
    table = pd.read_csv(repository / "tables" / paper / "flip_thresholds.csv", dtype=str)
    expected = table[table["Outcome"].str.match(r"P\d-\d\d")]
    assert len(expected) > 0
    linked = 0
    for claim, rows in expected.groupby("Outcome"):
        shown = pages[f"claims/{claim.lower()}.html"].soup.select("table.thresholds tbody tr")
        cells = [[" ".join(td.get_text().split()) for td in row("td")] for row in shown]
        columns = ["Likelier with", "Share below", "Share above"]
        assert [[c[0], *c[2:]] for c in cells] == rows[columns].to_numpy().tolist()
        linked += sum(row.a is not None for row in shown)
    assert linked > 0.8 * len(expected)


def test_every_ledger_row_is_shown_with_its_status(repository, pages):
    for paper in PAPERS:
        rows = pages[f"parameters/{paper}.html"].soup.select("table.ledger tbody tr")
        paths = (repository / "data/raw" / paper).glob("*.csv")
        frame = pd.concat([pd.read_csv(path, dtype=str) for path in paths])
        shown = Counter((row.th.code.get_text(), row["data-status"]) for row in rows)
        assert shown == Counter(zip(frame["symbol"], frame["status"], strict=True))


def test_pictures_have_alternative_texts(pages):
    for name, page in pages.items():
        alts = [image.get("alt", "") for image in page.soup.article.find_all("img")]
        assert [alt for alt in alts if len(alt) < 15 or "/" in alt] == [], name


def test_the_search_finds_words_of_notebooks_claims_parameters_and_code(site):
    index = (site / "searchindex.js").read_text()
    for page in ("notebooks/fu2024/05_2_optimum", "claims/p2-01", "methods/bilevel"):
        assert f'"{page}"' in index
    # A parameter that no page's prose names, only the ledger.
    assert re.search(r'"?soc_min"?:', index)


def test_no_path_of_this_machine_is_on_any_page(repository, pages):
    for name, page in pages.items():
        text = page.soup.get_text()
        assert str(repository) not in page.path.read_text(), name
        # Nor any default value that only a running program has: an environment, an address.
        assert not re.search(r"environ\(|object at 0x", text), name


def contrast(one, other):
    """Ratio of relative luminances, WCAG 2.1."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_badges_can_be_read_in_both_themes(repository):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    style = (repository / "docs/static/site.css").read_text()
    pairs = re.findall(r"color: (#\w{6});\s+background: (#\w{6});", style)
    # Badges bring their own ground: what they stand on does not matter.
    assert len(pairs) == 6
    assert min(contrast(*pair) for pair in pairs) >= 7
