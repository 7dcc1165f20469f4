"""Ways in which a ledger goes wrong on its way through spreadsheets, editors and disks.

A mutation takes the cells of a ledger and a random generator and gives the bytes of a file, with
what a reader must make of it: `SAME` (nothing that counts has changed), `REJECT` (it cannot be read
rightly), or `EITHER` (it may be refused; where it is read, every number must be the one written).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

SAME, REJECT, EITHER = "same", "reject", "either"
Cells = list[list[str]]
NUMBERS = ("value", "low", "high")

NO_NUMBERS = (
    *("n/a", "NaN", "nan", "-", "inf", "-inf", "Infinity", "1e400", "TRUE", "None", "#REF!", "=A1"),
    *("1,5", "1.234,5", "1,234.5", "1 234", "1'000", "1_000", "12-May", "2024-05-12", "12:30", "½"),
    *("12 kW", "12%", "0x10", "--1", "1e", "1e+", ".", "+", "1.2.3", "~5", "5-6", "<5", "1/3"),
    *("\u0661\u0662", "\uff11\uff12", "\u22125", "1\u200b2", "5\u202c", "\u00b2", "1\x002", "$5"),
)
#: Units that a ledger may have in place of the model's, with the factor into it, by hand.
OTHER_UNITS = {
    "kW": {"MW": 1000, "W": "1/1000"},
    "h": {"min": "1/60", "s": "1/3600", "day": 24, "yr": 8760},
    "min": {"h": 60, "s": "1/60"},
    "dimensionless": {"percent": "1/100", "%": "1/100", "1": 1},
    "1/yr": {"%/yr": "1/100", "1/day": 365, "1/h": 8760, "1/month": 12},
    "yuan/kWh": {"yuan/MWh": "1/1000", "wan_yuan/MWh": 10, "yuan/Wh": 1000},
    "yuan/kW": {"wan_yuan/MW": 10, "yuan/MW": "1/1000"},
    "kVA": {"MVA": 1000},
    "kV": {"V": "1/1000"},
    "km": {"m": "1/1000"},
    "yuan": {"wan_yuan": 10000},
    "yr": {"day": "1/365", "month": "1/12", "h": "1/8760"},
}
STRANGE_UNITS = (
    *(
        "KW",
        "kw",
        "Kwh",
        "mW",
        "kwh",
        "hours",
        "hr",
        "Yuan",
        "RMB",
        "¥",
        "€",
        "furlong",
        "kWh/",
        "kW h",
    ),
    *(
        "m2",
        "K",
        "degC",
        "bit",
        "kg",
        "person",
        "USD/kWh",
        "kVAh",
        "1//yr",
        "**",
        "kW**999",
        "()",
        "%%",
    ),
)
LONG = "x" * 200_000


@dataclass(frozen=True)
class Mutant:
    """The bytes of a file, what must become of it, and where that is known, its cells."""

    kind: str
    data: bytes
    expect: str
    cells: Cells | None = None


def text_of(cells: Cells, **dialect: object) -> str:
    """The cells as CSV."""
    out = io.StringIO()
    csv.writer(out, **{"lineterminator": "\n", **dialect}).writerows(cells)
    return out.getvalue()


def _of_cells(kind: str, cells: Cells, expect: str) -> Mutant:
    return Mutant(kind, text_of(cells).encode(), expect, cells)


def _copy(cells: Cells) -> Cells:
    return [list(row) for row in cells]


def _row(cells: Cells, random: Random) -> int:
    return random.randrange(1, len(cells))


# ---- cells -----------------------------------------------------------------------------------


def no_number(cells: Cells, random: Random) -> Mutant:
    """A text in place of a number."""
    cells, column = _copy(cells), random.choice(NUMBERS)
    text = random.choice(NO_NUMBERS)
    cells[_row(cells, random)][cells[0].index(column)] = text
    return _of_cells(f"no number: {text!r}", cells, REJECT)


def other_number(cells: Cells, random: Random) -> Mutant:
    """Another number: huge, tiny, negative, a digit more or less, sign turned."""
    cells, at = _copy(cells), cells[0].index(random.choice(NUMBERS))
    row = _row(cells, random)
    before = cells[row][at]
    number = float(before or 1.0)
    cells[row][at] = random.choice(
        [
            *("0", "-0", "1e300", "-1e300", "1.7976931348623157e308", "5e-324", "1e-300", "1e15"),
            *(f"-{before}" if before[:1] not in "-" else "1", f"{before}0", f"{before}e3", "007"),
            *(repr(number * 1000), repr(number / 1000), repr(number * 1.01), f"{number:.3e}", "1"),
        ]
    )
    return _of_cells("other number", cells, EITHER)


def same_number(cells: Cells, random: Random) -> Mutant:
    """A number written otherwise."""
    cells, at = _copy(cells), cells[0].index(random.choice(NUMBERS))
    row = _row(cells, random)
    text = cells[row][at]
    if text:
        more = f"{text}0" if "." in text else f"{text}.00"
        blanks = random.choice([f" {text}", f"{text}\t", f"\u00a0{text} "])
        cells[row][at] = random.choice([more, f"{text}e0", f"0{text}", f"{text}E+00", blanks])
    return _of_cells("same number", cells, SAME)


def blank_cell(cells: Cells, random: Random) -> Mutant:
    """Nothing where something must stand."""
    cells, column = (
        _copy(cells),
        random.choice([c for c in cells[0] if c not in ("note", *NUMBERS)]),
    )
    cells[_row(cells, random)][cells[0].index(column)] = random.choice(["", " ", "\t", "\u00a0"])
    return _of_cells(f"blank {column}", cells, REJECT)


def blank_number(cells: Cells, random: Random) -> Mutant:
    """A number that is gone; a range may be blank for some."""
    cells, column = _copy(cells), random.choice(NUMBERS)
    cells[_row(cells, random)][cells[0].index(column)] = ""
    return _of_cells(f"blank {column}", cells, REJECT if column == "value" else EITHER)


def misspelt(cells: Cells, random: Random) -> Mutant:
    """A word of a closed list with a slip."""
    cells, column = _copy(cells), random.choice(["symbol", "status"])
    row, at = _row(cells, random), cells[0].index(column)
    word = cells[row][at]
    cut = random.randrange(len(word))
    slips = [word[:cut] + word[cut + 1 :], word + "s", word.upper(), word[:cut] + "é" + word[cut:]]
    cells[row][at] = random.choice([slip for slip in slips if slip != word])
    return _of_cells(f"misspelt {column}", cells, REJECT)


def other_key(cells: Cells, random: Random) -> Mutant:
    """Another thing, or another word in a text column."""
    columns = cells[0][: cells[0].index("symbol")] or ["name"]
    cells, at = _copy(cells), cells[0].index(random.choice(columns))
    words = [
        *{row[at] for row in cells[1:]},
        "other",
        "1",
        "-1",
        "2.5",
        "none",
        "é",
        "a,b",
        'a"b',
        "*",
    ]
    cells[_row(cells, random)][at] = random.choice(words)
    return _of_cells("other key", cells, EITHER)


def renamed(cells: Cells, random: Random) -> Mutant:
    """Another word for a thing, in all of its rows: what other files say of it no longer fits."""
    columns = cells[0][: cells[0].index("symbol")] or ["name"]
    cells, at = _copy(cells), cells[0].index(random.choice(columns))
    words = sorted({row[at] for row in cells[1:]})
    old, new = random.choice(words), random.choice([*words, "other", "none", "bus_II", "1"])
    for row in cells[1:]:
        row[at] = new if row[at] == old else row[at]
    return _of_cells("renamed", cells, EITHER)


def long_text(cells: Cells, random: Random) -> Mutant:
    """A cell in which a whole page was pasted, or in all rows of its thing."""
    cells, at = _copy(cells), random.randrange(len(cells[0]))
    row = _row(cells, random)
    old, page = cells[row][at], random.choice("xA7.,' ") * random.choice([300, 6000, 100_000])
    for other in cells[1:]:
        if other is cells[row] or (random.random() < 0.5 and other[at] == old):
            other[at] = page
    return _of_cells(f"long {cells[0][at]}", cells, EITHER)


def other_unit(cells: Cells, random: Random) -> Mutant:
    """Another unit of the same kind: the number must be converted or refused by its bounds."""
    cells, at = _copy(cells), cells[0].index("unit")
    known = [row for row in range(1, len(cells)) if cells[row][at] in OTHER_UNITS]
    if not known:
        return same_number(cells, random)
    row = random.choice(known)
    cells[row][at] = random.choice([*OTHER_UNITS[cells[row][at]]])
    return _of_cells("other unit", cells, EITHER)


def strange_unit(cells: Cells, random: Random) -> Mutant:
    """A unit that is none, or of another kind."""
    cells, at = _copy(cells), cells[0].index("unit")
    cells[_row(cells, random)][at] = random.choice(STRANGE_UNITS)
    return _of_cells("strange unit", cells, REJECT)


def other_note(cells: Cells, random: Random) -> Mutant:
    """Anything that a note may hold: line breaks, quotes, other scripts, separators of lines."""
    cells = _copy(cells)
    text = random.choice(
        ['a "b", c', "a\nb", "a\r\nb", "中文，注", "a\u2028b", "a\x85b", "a\x0bb", "'"]
    )
    cells[_row(cells, random)][-1] = text
    return _of_cells("other note", cells, SAME)


def damaged_text(cells: Cells, random: Random) -> Mutant:
    """Bytes that no editor writes into a text."""
    cells, at = _copy(cells), random.randrange(len(cells[0]))
    row = _row(cells, random)
    cells[row][at] += random.choice(["\0", "a\x00b", "\x07", "\x1b[31m", "\x7f", "\ufffd", LONG])
    return _of_cells("damaged text", cells, REJECT)


# ---- rows and columns ------------------------------------------------------------------------


def row_dropped(cells: Cells, random: Random) -> Mutant:
    """A row is gone."""
    cells = _copy(cells)
    del cells[_row(cells, random)]
    return _of_cells("row dropped", cells, EITHER)


def row_doubled(cells: Cells, random: Random) -> Mutant:
    """A row is there twice."""
    cells, row = _copy(cells), _row(cells, random)
    cells.insert(_row(cells, random), list(cells[row]))
    return _of_cells("row doubled", cells, REJECT)


def rows_shuffled(cells: Cells, random: Random) -> Mutant:
    """The rows in another order: every number is where it was."""
    return _of_cells("rows shuffled", [cells[0], *random.sample(cells[1:], len(cells) - 1)], EITHER)


def values_swapped(cells: Cells, random: Random) -> Mutant:
    """Two rows with each other's number."""
    cells, at = _copy(cells), cells[0].index("value")
    one, two = _row(cells, random), _row(cells, random)
    cells[one][at], cells[two][at] = cells[two][at], cells[one][at]
    return _of_cells("values swapped", cells, EITHER)


def row_of_other_length(cells: Cells, random: Random) -> Mutant:
    """A cell too many or too few."""
    cells, row = _copy(cells), _row(cells, random)
    if random.random() < 0.5:
        del cells[row][random.randrange(len(cells[row]))]
    else:
        cells[row].insert(random.randrange(len(cells[row])), "more")
    return _of_cells("row of other length", cells, REJECT)


def column_dropped(cells: Cells, random: Random) -> Mutant:
    """A column is gone."""
    at = random.randrange(len(cells[0]))
    return _of_cells("column dropped", [row[:at] + row[at + 1 :] for row in cells], REJECT)


def column_added(cells: Cells, random: Random) -> Mutant:
    """A column that nobody knows, or one there twice."""
    head = random.choice(["", "Unnamed: 0", "comment", *cells[0]])
    at = random.randrange(len(cells[0]) + 1)
    rows = [[*row[:at], "" if k else head, *row[at:]] for k, row in enumerate(cells)]
    return _of_cells("column added", rows, REJECT)


def column_renamed(cells: Cells, random: Random) -> Mutant:
    """A heading with a slip."""
    cells, at = _copy(cells), random.randrange(len(cells[0]))
    name = cells[0][at]
    cells[0][at] = random.choice([name.upper(), f"{name}s", name[1:], "", f"{name} (1)"])
    return _of_cells("column renamed", cells, REJECT)


def columns_permuted(cells: Cells, random: Random) -> Mutant:
    """Whole columns in another order, headings with them."""
    order = random.sample(range(len(cells[0])), len(cells[0]))
    return _of_cells("columns permuted", [[row[k] for k in order] for row in cells], SAME)


def headings_swapped(cells: Cells, random: Random) -> Mutant:
    """Two headings in each other's place."""
    cells = _copy(cells)
    one, two = random.sample(range(len(cells[0])), 2)
    cells[0][one], cells[0][two] = cells[0][two], cells[0][one]
    return _of_cells("headings swapped", cells, EITHER)


# ---- the file --------------------------------------------------------------------------------


def other_dress(cells: Cells, random: Random) -> Mutant:
    """The same content as another program writes it."""
    text = text_of(cells)
    dress = {
        "byte order mark": "\ufeff" + text,
        "CRLF": text_of(cells, lineterminator="\r\n"),
        "CR": text_of(cells, lineterminator="\r"),
        "all quoted": text_of(cells, quoting=csv.QUOTE_ALL),
        "blank lines": text.replace("\n", "\n\n", 3) + "\n\n",
        "commas at the end": text + "," * (len(cells[0]) - 1) + "\n",
        "no newline at the end": text.rstrip("\n"),
    }
    kind = random.choice([*dress])
    return Mutant(kind, dress[kind].encode(), SAME, cells)


def other_format(cells: Cells, random: Random) -> Mutant:
    """Not the format that is asked for."""
    text = text_of(cells)
    accent = text.rstrip("\n") + "é\n"
    forms = {
        "semicolons": text_of(cells, delimiter=";").encode(),
        "tabs": text_of(cells, delimiter="\t").encode(),
        "decimal commas": text_of(
            [[c.replace(".", ",") for c in row] for row in cells], delimiter=";"
        ).encode(),
        "Latin 1": accent.encode("latin-1", "replace"),
        "UTF-16": text.encode("utf-16"),
        "UTF-32": text.encode("utf-32"),
        "GB 18030": (text.rstrip("\n") + "注意").encode("gb18030"),
        "empty": random.choice([b"", b"\n", b" \n\n", b"\xef\xbb\xbf", b"\0"]),
        "heading only": text_of(cells[:1]).encode(),
        "no heading": text_of(cells[1:]).encode(),
        "a zip file": b"PK\x03\x04" + random.randbytes(300),
        "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
        "noise": random.randbytes(500),
    }
    kind = random.choice([*forms])
    return Mutant(kind, forms[kind], REJECT)


def cut_off(cells: Cells, random: Random) -> Mutant:
    """The end of the file is gone, as after a copy that was broken off."""
    data = text_of(cells).encode()
    return Mutant("cut off", data[: random.randrange(len(data))], EITHER)


def byte_changed(cells: Cells, random: Random) -> Mutant:
    """One byte is another one."""
    data = bytearray(text_of(cells).encode())
    data[random.randrange(len(data))] = random.randrange(256)
    return Mutant("byte changed", bytes(data), EITHER)


def quote_astray(cells: Cells, random: Random) -> Mutant:
    """A quotation mark or comma where none belongs."""
    text = text_of(cells)
    at = random.randrange(len(text))
    return Mutant("quote astray", (text[:at] + random.choice('",') + text[at:]).encode(), EITHER)


MUTATIONS: tuple[Callable[[Cells, Random], Mutant], ...] = (
    *(no_number, other_number, same_number, blank_cell, blank_number, misspelt, other_key),
    *(renamed, long_text),
    *(other_unit, strange_unit, other_note, damaged_text, row_dropped, row_doubled, rows_shuffled),
    *(values_swapped, row_of_other_length, column_dropped, column_added, column_renamed),
    *(columns_permuted, headings_swapped, other_dress, other_format, cut_off, byte_changed),
    quote_astray,
)
