"""The report: the claims with their figures on A4, printed by Chromium."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mobile_storage.core.io import replacing, write_text
from mobile_storage.tools.site.pages import context, environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Browser

    from mobile_storage.tools.site.record import ClaimRecord

__all__ = ["MissingBrowserError", "find_chromium", "print_report", "printed", "report_html"]

#: Names of Chromium and of browsers built on it, and their places on macOS and Windows.
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "microsoft-edge")
_PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
#: The sandbox does not work for root, as in containers. Only our own page is opened.
LAUNCH = ("--no-sandbox",)
_MARGINS = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
_FOOTER = """<div style="width: 100%; margin: 0 16mm; font: 7.5pt sans-serif; color: #444;">
<span style="float: left">Mobile storage: a reproducible compendium</span>
<span style="float: right">
<span class="pageNumber"></span> / <span class="totalPages"></span>
</span></div>"""
_DATE = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}")
_PART = re.compile(rb"\(node(\d{8})\)")


class MissingBrowserError(RuntimeError):
    """Chromium, which prints the report, was not found."""

    def __init__(self) -> None:
        super().__init__(
            "The report is printed by Chromium, which is not there: install it (on Debian and "
            "Ubuntu: apt install chromium) or say where it is: CHROMIUM=/path/to/chromium."
        )


def find_chromium(variables: Mapping[str, str] | None = None) -> str | None:
    """Return the path of Chromium: ``$CHROMIUM``, or else the first of its names and places.

    `variables` are environment variables, those of this process by default.
    """
    variables = os.environ if variables is None else variables
    names = [variables["CHROMIUM"]] if variables.get("CHROMIUM") else _BROWSERS + _PLACES
    found = (shutil.which(name, path=variables.get("PATH")) for name in names)
    return next(filter(None, found), None)


def report_html(top: Path) -> str:
    """Return the report as HTML for ``build/report.html``; links to figures start from there."""
    shared = context(top)
    first: dict[str, ClaimRecord] = {}
    for claim in shared["claims"]:
        first.setdefault(claim.figure, claim)
    templates = environment(top / "docs/templates")
    return templates.get_template("report.html.j2").render(shared, first=first)


def printed(browser: Browser, page_file: Path) -> bytes:
    """Return an HTML page as PDF on A4 with page numbers, with the same bytes in every run."""
    page = browser.new_page()
    page.goto(page_file.as_uri())
    data = page.pdf(
        format="A4",
        margin=_MARGINS,
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=_FOOTER,
        outline=True,
        tagged=True,
    )
    page.close()
    # Chromium writes the current time, and its numbers of parts continue from earlier pages. The
    # replacements have the same length, so that the offsets in the file stay right.
    parts = {number: k for k, number in enumerate(sorted(set(_PART.findall(data))))}
    data = _PART.sub(lambda found: b"(node%08d)" % parts[found[1]], data)
    return _DATE.sub(rb"\g<1>20240101000000", data)


def print_report(top: Path) -> Path:
    """Write ``build/report.html`` and print it to ``build/report.pdf``.

    Raises
    ------
    MissingBrowserError
        If Chromium is not found.
    """
    executable = find_chromium()
    if executable is None:
        raise MissingBrowserError
    from playwright.sync_api import sync_playwright

    page_file = write_text(report_html(top), top / "build/report.html")
    target = top / "build/report.pdf"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=LAUNCH)
        with replacing(target) as part:
            part.write_bytes(printed(browser, page_file))
        browser.close()
    return target
