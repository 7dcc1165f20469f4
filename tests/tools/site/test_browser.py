"""The built site in a browser, from the disk: no server, no network."""

from __future__ import annotations

import re
import shutil

import pytest

from mobile_storage.tools.site.report import printed, report_html

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 390, "height": 844}}


def some(pages):
    """Every page but those of the code, of which a few stand for all."""
    code = [name for name in pages if name.startswith("api/")]
    return [name for name in pages if not name.startswith("api/")] + code[::25]


def test_pages_load_on_a_phone_without_fault(visit, site, pages):
    """No error, no request to elsewhere, every formula set, nothing wider than the screen."""
    unset, wider = [], []
    with visit(**PHONE) as tab:
        for name in some(pages):
            tab.site(name)
            if pages[name].soup.article.select(".math"):
                tab.wait_for_function("window.MathJax?.startup?.promise")
                tab.evaluate("MathJax.startup.promise")
                if tab.locator("mjx-merror").count() or not tab.locator("mjx-container").count():
                    unset.append(name)
            if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wider.append(name)
    assert unset == []
    assert wider == []


def test_mathematics_is_set_by_the_sites_own_mathjax(visit):
    with visit() as tab:
        requests = []
        tab.on("request", lambda request: requests.append(request.url))
        tab.site("notebooks/fu2024/05_2_optimum.html")
        tab.wait_for_selector("mjx-container")
        tab.wait_for_load_state("networkidle")
        assert any("_static/mathjax/tex-chtml.js" in url for url in requests)
        assert any("_static/mathjax" in url and url.endswith(".woff") for url in requests)


def shown(tab):
    return tab.locator("#claims tbody tr:visible").count()


def test_claims_are_filtered_by_paper_verdict_and_text(visit, pages):
    rows = pages["index.html"].soup.select("#claims tbody tr")
    of_two = [row for row in rows if row["data-paper"] == "fu2024"]
    failed = [row for row in of_two if row["data-verdict"] == "not-reproduced"]
    capacity = [row for row in failed if "capacity" in row.get_text().lower()]
    assert len(rows) > len(of_two) > len(failed) > len(capacity) > 0
    with visit() as tab:
        tab.site("index.html")
        count = tab.locator("form.filter output")
        assert shown(tab) == len(rows)
        tab.get_by_role("button", name="Paper 2").click()
        assert shown(tab) == len(of_two)
        tab.get_by_role("button", name="not reproduced").press("Enter")
        assert shown(tab) == len(failed)
        tab.get_by_label("Text").fill("Capacity")
        assert shown(tab) == len(capacity)
        assert count.text_content() == f"{len(capacity)} of {len(rows)} shown"
        assert count.get_attribute("aria-live") == "polite"
        assert tab.get_by_role("button", name="Paper 2").get_attribute("aria-pressed") == "true"
        address = tab.url
        tab.reload()
        assert shown(tab) == len(capacity)
        assert tab.get_by_label("Text").input_value() == "Capacity"
        tab.get_by_label("Text").fill("")
        tab.get_by_role("button", name="Every verdict").click()
        tab.get_by_role("button", name="Both papers").click()
        assert shown(tab) == len(rows)
        assert "#" not in tab.url
        tab.goto(address)
        assert shown(tab) == len(capacity)


def test_without_javascript_the_table_is_whole_and_no_filter_is_offered(visit, pages):
    with visit(java_script_enabled=False) as tab:
        tab.site("index.html")
        assert shown(tab) == len(pages["index.html"].soup.select("#claims tbody tr"))
        assert not tab.locator("form.filter").is_visible()


def test_a_ledger_is_filtered_and_unfolds_for_a_row_that_is_linked_to(visit, pages):
    rows = pages["parameters/fu2024.html"].soup.select("table.ledger tbody tr")
    stated = [row for row in rows if row["data-status"] == "stated"]
    folded = next(row["id"] for row in rows if row.find_parent("details", class_="fold"))
    with visit() as tab:
        tab.site("parameters/fu2024.html")
        visible = tab.locator("table.ledger tbody tr:visible")
        assert visible.count() < len(rows)
        tab.get_by_role("button", name="stated").click()
        assert visible.count() == len(stated)
        tab.site(f"parameters/fu2024.html#{folded}")
        assert tab.locator(f"[id='{folded}']").is_visible()


def test_the_link_to_a_cell_leads_to_that_cell(visit, pages):
    link = pages["index.html"].soup.select_one("#claims [href*='05_2_optimum.html#cell-']")["href"]
    with visit() as tab:
        tab.site(link)
        tab.wait_for_function("window.MathJax?.startup?.promise.then(() => true)")
        place = tab.locator(f"[id='{link.partition('#')[2]}']")
        # At the upper end of the window, once the formulas above it are set.
        above = "element => Math.abs(element.getBoundingClientRect().top) < 200"
        tab.wait_for_function(above, arg=place.element_handle())


def test_the_search_works_offline(visit):
    with visit() as tab:
        tab.site("search.html")
        tab.locator("input[name=q]").last.fill("reliability")
        tab.locator("input[name=q]").last.press("Enter")
        tab.wait_for_selector("#search-results li a")
        found = tab.locator("#search-results li a").all_text_contents()
        assert any("Reliability" in text for text in found)


def test_the_theme_can_be_switched_and_figures_stay_on_white(visit):
    with visit(color_scheme="light") as tab:
        tab.site("claims/p2-01.html")
        ground = "element => getComputedStyle(element).backgroundColor"
        before = tab.locator("body").evaluate(ground)
        toggle = tab.locator("button.theme-toggle:visible").first
        for _ in range(3):
            toggle.click()
            if tab.locator("body").get_attribute("data-theme") == "dark":
                break
        assert tab.locator("body").evaluate(ground) != before
        assert tab.locator("article img").first.evaluate(ground) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("width", [701, 1000, 1280, 1600])
def test_wide_tables_scroll_in_their_own_box(visit, width):
    with visit(viewport={"width": width, "height": 900}) as tab:
        for name in ("index.html", "parameters/bao2024.html", "parameters/fu2024.html"):
            tab.site(name)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, name


def test_on_a_phone_claims_are_cards(visit):
    with visit(**PHONE) as tab:
        tab.site("index.html")
        row = tab.locator("#claims tbody tr").first
        assert row.evaluate("element => getComputedStyle(element).display") == "block"
        assert not tab.locator("#claims thead").is_visible()


def test_the_report_is_printed_the_same_twice(browser, repository, tmp_path):
    page = tmp_path / "build/report.html"
    page.parent.mkdir()
    page.write_text(report_html(repository), encoding="utf-8")
    shutil.copytree(repository / "figures", tmp_path / "figures")
    first = printed(browser, page)
    assert first.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", first))
    pictures = len(re.findall(rb"/Subtype\s*/Image\b", first))
    assert pages >= 5
    assert pictures >= page.read_text().count("<img ")
    assert printed(browser, page) == first
