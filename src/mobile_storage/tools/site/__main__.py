"""Build the site or print the report, from the top of the repository."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from mobile_storage.core.errors import InputError
from mobile_storage.core.log import ERROR_MARK
from mobile_storage.core.processes import quiet_interrupt
from mobile_storage.tools.site.pages import write_sources
from mobile_storage.tools.site.report import MissingBrowserError, print_report

#: Pages that Sphinx makes without a source.
_SPHINX_PAGES = {"genindex.html", "search.html", "py-modindex.html"}


def build(top: Path) -> int:
    """Write the sources and let Sphinx build ``build/site``; return the exit code of Sphinx.

    Warnings are errors. Pages whose source is gone are removed.
    """
    source, site = top / "build/site-source", top / "build/site"
    write_sources(top, source)
    options = ["-b", "html", "-W", "--keep-going", "-q", "-c", "docs", "-d", "build/site-doctrees"]
    paths = [str(path.relative_to(top)) for path in (source, site)]
    done = subprocess.run([sys.executable, "-m", "sphinx", *options, *paths], cwd=top, check=False)
    for page in site.rglob("*.html"):
        name = page.relative_to(site)
        sources = [(source / name).with_suffix(s) for s in (".md", ".ipynb", ".rst")]
        if name.as_posix() not in _SPHINX_PAGES and not any(path.is_file() for path in sources):
            page.unlink()
    return done.returncode


def main(argv: list[str] | None = None) -> None:
    """Build the site, or print the report."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("what", choices=("site", "report"), nargs="?", default="site")
    arguments = parser.parse_args(argv)
    top = Path.cwd()
    try:
        if arguments.what == "report":
            print(f"The report is {print_report(top).relative_to(top)}.")
        elif code := build(top):
            raise SystemExit(code)
        else:
            print("The site is build/site/index.html.")
    except (InputError, MissingBrowserError) as error:
        raise SystemExit(f"{ERROR_MARK}{error}") from None


if __name__ == "__main__":
    with quiet_interrupt():
        main()
