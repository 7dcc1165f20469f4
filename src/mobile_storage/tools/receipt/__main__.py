"""The command line of the receipt; exit code 0 if all agrees, 1 if not, 2 on bad input."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mobile_storage.core import log
from mobile_storage.core.errors import InputError
from mobile_storage.core.io import write_json, write_text
from mobile_storage.core.processes import quiet_interrupt
from mobile_storage.tools.receipt import report
from mobile_storage.tools.receipt.verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTPUT = Path("build/receipt")
SCRATCH = Path(".cache/verify")
#: Parts of a receipt; an older receipt is removed before the new one is written.
_FILES = ("receipt.md", "receipt.json")
_FOLDERS = ("differences", "logs")


def main(argv: Sequence[str] | None = None) -> None:
    """Compute everything anew in a copy, compare it with what is committed, write a receipt."""
    parser = argparse.ArgumentParser(
        prog="python -m mobile_storage.tools.receipt", description=main.__doc__
    )
    parser.add_argument("--quick", action="store_true", help="only the stages of verify.quick")
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, metavar="FOLDER", help=f"default: {OUTPUT}"
    )
    parser.add_argument("--keep", action="store_true", help=f"keep the copy, in {SCRATCH}")
    arguments = parser.parse_args(argv)
    output = arguments.output
    with log.stage("verify"):
        if output.exists() and not output.is_dir():
            raise InputError(file=output, where="--output", value="a file", expected="a folder")
        for name in _FILES:
            (output / name).unlink(missing_ok=True)
        for name in _FOLDERS:
            shutil.rmtree(output / name, ignore_errors=True)
        SCRATCH.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="copy-", dir=SCRATCH))
        try:
            receipt = verify(Path(), scratch, output, quick=arguments.quick)
        finally:
            if not arguments.keep:
                shutil.rmtree(scratch, ignore_errors=True)
        write_json(report.as_json(receipt), output / "receipt.json")
        write_text(report.as_markdown(receipt), output / "receipt.md")
        kept = f" The copy is in {scratch}." if arguments.keep else ""
        print(f"\n{report.verdict(receipt)}\nThe receipt is {output / 'receipt.md'}.{kept}")
    raise SystemExit(0 if receipt.agrees else 1)


if __name__ == "__main__":
    with quiet_interrupt():
        main()
