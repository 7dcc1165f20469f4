"""Errors that a reader can correct: bad input, and results that cannot be written."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

__all__ = ["DoubtWarning", "InputError", "OutputError", "PlainError", "did_you_mean", "kind_of"]

#: Largest number of characters of each part of a message; a damaged file can have very long cells.
_LONGEST_SHOWN = 80
_LONGEST_WHERE, _LONGEST_EXPECTED = 160, 400


class DoubtWarning(UserWarning):
    """A value that is possible but probably not meant; the message is one sentence naming it."""


class PlainError(Exception):
    """An error whose sentence is all that a reader needs; a stage prints it without traceback."""


class InputError(PlainError, ValueError):
    """An input file has a wrong value.

    The message is one sentence that names the file, the place in it, the value found and the value
    expected. A reader can correct the file without reading any code.

    Parameters
    ----------
    file : path
        The file as the reader knows it (usually relative to the current folder).
    where : str
        Line and column, or another place: ``line 7, column value``.
    value : object
        The value found; ``None`` reads as "nothing".
    expected : str
        The right value, to be read after the word "expected".

    Parts that are too long are shortened.
    """

    def __init__(
        self, *, file: str | PathLike[str], where: str, value: object, expected: str
    ) -> None:
        self.file = str(file)
        self.where = where
        self.value = value
        self.expected = expected
        where, expected = _cut(where, _LONGEST_WHERE), _cut(expected, _LONGEST_EXPECTED)
        super().__init__(f"{self.file}, {where}: found {_shown(value)}, expected {expected}.")

    def __reduce__(self):
        # Keyword-only arguments: the default would rebuild it from the message and fail.
        return _rebuild, (self.file, self.where, self.value, self.expected)


def _rebuild(file: str, where: str, value: object, expected: str) -> InputError:
    return InputError(file=file, where=where, value=value, expected=expected)


class OutputError(PlainError):
    """A file could not be written: the disk is full, permission is missing, or the path is taken.

    The file keeps its earlier content, see `io.replacing`.

    Parameters
    ----------
    file : path
        The file that was to be written.
    why : OSError
        What the system said.
    """

    def __init__(self, file: str | PathLike[str], why: OSError) -> None:
        self.file = str(file)
        self.why = why
        super().__init__(
            f"{self.file} cannot be written: {why.strerror or why}. Its earlier content "
            "is kept; correct the cause and start again."
        )

    def __reduce__(self):
        return OutputError, (self.file, self.why)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _cut(text: str, longest: int) -> str:
    """Return the text in one line, without its middle if it is too long."""
    text = " ".join(text.split())
    half = (longest - 5) // 2
    return text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}"


def did_you_mean(word: str, known: Iterable[str], *, most: int = 3) -> str:
    """Return " (did you mean ...?)" with the known words closest to `word`, or nothing.

    Case is ignored in the comparison: ``KWH`` is close to ``kWh``.
    """
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), by_lower, n=most, cutoff=0.6)
    if not close:
        return ""
    return f" (did you mean {' or '.join(by_lower[name] for name in close)}?)"


def kind_of(value: object) -> str:
    """Return what a value of YAML or Python is, in words that read after "expected"."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Mapping):
        return "names and values"
    if value is None:
        return "nothing"
    return "a text" if isinstance(value, str) else f"a {type(value).__name__}"
