"""The site, built once for all tests, and a browser that reads it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from filelock import FileLock

from mobile_storage.tools.site.__main__ import build
from mobile_storage.tools.site.report import LAUNCH, find_chromium

#: After which nothing more is expected of the browser, however busy the machine is.
HANGS_MS = 600_000


@pytest.fixture(scope="session")
def site(repository, tmp_path_factory) -> Path:
    """``build/site``, brought up to date by the first of the processes that run the tests."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    shared = tmp_path_factory.getbasetemp().parent
    built = shared / f"site-{run}.built"
    with FileLock(built.with_suffix(".lock")):
        if not built.exists():
            assert build(repository) == 0, "Sphinx warned: its output is above"
            built.touch()
    return repository / "build/site"


class Page:
    """A page as a program without JavaScript sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        self.anchors = {tag["id"] for tag in self.soup.find_all(id=True)}
        self.addresses = [
            tag.get("href") or tag.get("src")
            for tag in self.soup.find_all(["a", "img", "link", "script", "source", "iframe"])
            if tag.get("href") or tag.get("src")
        ]

    def targets(self):
        """Files that the page links to, each with an anchor in it or nothing."""
        for address in self.addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            at = self.path.parent / unquote(parts.path) if parts.path else self.path
            yield address, at.resolve(), unquote(parts.fragment)


@pytest.fixture(scope="session")
def pages(site) -> dict[str, Page]:
    """Every page by its path on the site."""
    return {path.relative_to(site).as_posix(): Page(path) for path in sorted(site.rglob("*.html"))}


@pytest.fixture(scope="session")
def browser():
    """Chromium, or a reason for going without."""
    executable = find_chromium()
    if executable is None:
        reason = "no Chromium on the path or in $CHROMIUM (on Debian: apt install chromium)"
        if os.environ.get("REQUIRE_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=executable, args=LAUNCH, timeout=HANGS_MS
        )
        yield found
        found.close()


@pytest.fixture
def visit(browser, site):
    """Open pages in a tab that fails on any message of an error and any request to elsewhere."""

    @contextmanager
    def tab(**options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(HANGS_MS)
        page = context.new_page()
        faults: list[str] = []
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}"))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:")) else faults.append(r.url),
        )
        page.site = lambda name: page.goto((site / name).as_uri().replace("%23", "#"))
        yield page
        context.close()
        assert faults == []

    return tab
