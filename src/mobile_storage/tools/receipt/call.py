"""Call a function that returns a frame of differences, and write down what it found.

::

    python -m mobile_storage.tools.receipt.call MODULE:FUNCTION '{"argument": 1}' answer.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from mobile_storage.core.io import write_json

__all__ = ["answer", "main"]

_MOST_KEPT = 20


def answer(call: str, arguments: Mapping[str, object]) -> dict[str, object] | None:
    """Call ``module:function``; None if there is no such module or function.

    Returns
    -------
    mapping
        ``count``, the number of rows of the frame, and ``rows``, the first of them in words.
    """
    name, _, function = call.partition(":")
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            return None
        raise  # the module is there, and lacks one that it imports
    if not hasattr(module, function):
        return None
    frame = getattr(module, function)(**arguments)
    rows = frame.head(_MOST_KEPT).astype(str).to_dict(orient="records")
    words = [", ".join(f"{column} {value}" for column, value in row.items()) for row in rows]
    return {"count": len(frame), "rows": words}


def main() -> None:
    """Call the function and write the answer as JSON, null if there is no such function."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("call")
    parser.add_argument("arguments", type=json.loads)
    parser.add_argument("answer", type=Path)
    given = parser.parse_args()
    write_json(answer(given.call, given.arguments), given.answer)


if __name__ == "__main__":
    main()
