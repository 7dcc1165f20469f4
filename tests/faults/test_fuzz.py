"""Bad ledgers by the thousand: each is refused in one sentence, or read exactly as written.

``make fuzz`` runs many more of them than the test suite; `FUZZ` is their number. An input is named
by its number alone: ``FUZZ_FIRST=4711 FUZZ=1`` runs that one again.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import os
import re
import shutil
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mutations import EITHER, MUTATIONS, NUMBERS, OTHER_UNITS, REJECT, SAME, Cells, Mutant

from mobile_storage.core.errors import InputError
from mobile_storage.core.ledger import STATUSES, ParameterSet
from mobile_storage.mmbes.model import data as mmbes
from mobile_storage.mmbes.model import raw as mmbes_raw
from mobile_storage.pricing.model import data as pricing

ROOT = Path(__file__).parents[2]
INPUTS = int(os.environ.get("FUZZ", "600"))
FIRST = int(os.environ.get("FUZZ_FIRST", "0"))

#: Characters of a message beside the folder.
LONGEST = 600

Numbers = dict[tuple[str, ...], tuple[float, float, float]]
"""Value, low and high (NaN: blank) by keys and symbol."""


@dataclass(frozen=True)
class Reader:
    """One paper's ledgers: how they are read, what follows from them, where each file ends up."""

    folder: Path
    module: ModuleType
    read: Callable[[Path], Any]
    derive: Callable[[Any], Any]
    scalars: Mapping[str, Mapping[str, str]]
    keyed: Mapping[str, tuple[str, Mapping[str, str]]]

    @property
    def files(self) -> list[str]:
        """Names of the ledgers."""
        return [*self.scalars, *self.keyed]

    def units(self, file: str) -> Mapping[str, str]:
        """Unit that the model wants, by symbol."""
        return self.scalars[file] if file in self.scalars else self.keyed[file][1]

    def numbers(self, raw: Any, file: str) -> Numbers:
        """What was read from a file."""
        if file in self.keyed:
            frame = getattr(raw, self.keyed[file][0])
            rows = frame.to_dict("records")
        else:
            sets = [v for v in vars(raw).values() if isinstance(v, ParameterSet)]
            rows = [
                vars(found.parameter(s)) for found in sets for s in self.scalars[file] if s in found
            ]
        return {
            _key(row): tuple(
                math.nan if row[c] is None else row[c] for c in ("value", "low", "high")
            )
            for row in rows
        }


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Everything before the symbol, and the symbol; numbers as keys have many spellings."""
    keys = list(row)[: list(row).index("symbol") + 1]
    texts = (str(row[k]).strip() for k in keys)
    return tuple(str(int(t)) if re.fullmatch(r"[+-]?[0-9]+", t) else t for t in texts)


READERS = (
    Reader(
        ROOT / "data/raw/bao2024",
        pricing,
        pricing.read_raw,
        pricing.build,
        pricing.SCALARS,
        {
            "customers.csv": (
                "customers",
                {**pricing.CUSTOMER_SYMBOLS, **pricing.CUSTOMER_OVERRIDES},
            ),
            "grades.csv": ("grades", pricing.GRADE_SYMBOLS),
            "damage_functions.csv": ("damage", {"damage": "CAD/kW"}),
            "renewable.csv": ("renewable", {"pv_yield": "kWh/kWp/d"}),
        },
    ),
    Reader(
        ROOT / "data/raw/fu2024",
        mmbes_raw,
        mmbes.read_raw,
        mmbes.build,
        {f"{n}.csv": {s: unit for s, (unit, _) in t.items()} for n, t in mmbes_raw.SCALARS.items()},
        {f"{n}.csv": (n, {**must, **may}) for n, (_, must, may, _) in mmbes_raw.KEYED.items()},
    ),
)


# ---- what a file says, read another way ------------------------------------------------------


def written(cells: Cells, units: Mapping[str, str]) -> Numbers:
    """What the cells say, by exact fractions and a table of units made by hand."""
    found = {}
    head = [name.strip() for name in cells[0]]
    for row in cells[1:]:
        cell = dict(zip(head, (c.strip() for c in row), strict=True))
        if not any(cell.values()):
            continue
        factor = _factor(cell["unit"], units[cell["symbol"]])
        # The reader takes the columns in any order; keys are those before the symbol in its own.
        found[_key({name: cell[name] for name in _order(head)})] = tuple(
            float(Fraction(cell[c]) * factor) if cell[c] else math.nan for c in NUMBERS
        )
    return found


def _order(head: list[str]) -> list[str]:
    known = ["symbol", "name", "value", "unit", "low", "high", "status", "source", "note"]
    order = ["customer", "sector", "duration_min", "level", "day", "component", "kind", "start"]
    order += ["end", "start_device", "end_device", "state", "day_type", "hour", "load_point"]
    order += ["node", "priority", "scenario"]
    keys = [name for name in order if name in head]
    assert set(keys) == set(head) - set(known), head
    return [*keys, "symbol"]


def _factor(unit: str, wanted: str) -> Fraction:
    if unit == wanted:
        return Fraction(1)
    steps = OTHER_UNITS[wanted]
    return Fraction(steps[unit])


def parsed(data: bytes) -> Cells:
    """The cells of a file by pandas, which forgives more than the reader."""
    frame = pd.read_csv(
        io.BytesIO(data), dtype=str, keep_default_na=False, header=None, encoding="utf-8-sig"
    )
    return frame.to_numpy().tolist()


def not_finite(item: Any, where: str = "") -> Iterator[str]:
    """Places of a derived object that are NaN, or infinite other than as "no limit"."""
    if dataclasses.is_dataclass(item):
        for field in dataclasses.fields(item):
            yield from not_finite(getattr(item, field.name), f"{where}.{field.name}")
    elif isinstance(item, Mapping):
        for name, part in item.items():
            yield from not_finite(part, f"{where}.{name}")
    elif isinstance(item, tuple | list):
        for k, part in enumerate(item):
            yield from not_finite(part, f"{where}[{k}]")
    elif isinstance(item, float | np.ndarray):
        no_limit = ".reliability" in where
        fine = ~np.isnan(item) if no_limit else np.isfinite(item)
        if not np.all(fine):
            yield f"{where} is {item}"


# ---- the run ---------------------------------------------------------------------------------


def remembering(read: Callable, originals: set[bytes]) -> Callable:
    """The same function, which reads each file of the repository only once."""
    known: dict[tuple, Any] = {}

    def reading(path, *arguments, **options):
        data = path.read_bytes()
        if data not in originals:
            return read(path, *arguments, **options)
        if (path.name, data) not in known:
            known[path.name, data] = read(path, *arguments, **options)
        return known[path.name, data]

    return reading


def problem(reader: Reader, folder: Path, file: str, mutant: Mutant, before: Numbers) -> str | None:
    """What is wrong with the reader's answer; None if nothing is. Counts stand in its favour."""
    try:
        raw = reader.read(folder)
    except InputError as error:
        if mutant.expect == SAME:
            return f"refused: {error}"
        return _bad_sentence(error, folder, [file])
    found = reader.numbers(raw, file)
    if mutant.expect == REJECT:
        return "was read"
    if mutant.expect == SAME and not _equal(found, before):
        return "was read otherwise"
    if mutant.expect == EITHER:
        expected = written(mutant.cells or parsed(mutant.data), reader.units(file))
        if not _equal(found, expected):
            strange = {
                k: v for k, v in found.items() if not _equal({k: v}, {k: expected.get(k, ())})
            }
            return f"was read as {strange or set(expected) - set(found)}"
    if any(not math.isfinite(v) or v < low or v > high for v, low, high in found.values()):
        return "a number is not finite or outside its range"
    try:
        derived = reader.derive(raw)
    except InputError as error:
        # What does not fit together may be said of either file, but must name the one at fault.
        if file not in str(error):
            return f"does not name {file}: {error}"
        return _bad_sentence(error, folder, reader.files)
    return next(not_finite(derived), None)


def _equal(one: Numbers, two: Numbers) -> bool:
    return one.keys() == two.keys() and all(
        np.array_equal(one[key], two[key], equal_nan=True) for key in one
    )


def _bad_sentence(error: InputError, folder: Path, files: list[str]) -> str | None:
    text = str(error)
    if not any(text.startswith(f"{folder / file}, ") for file in files):
        return f"names another file: {text}"
    if "\n" in text or ": found " not in text or ", expected " not in text:
        return f"no plain sentence: {text!r}"
    if len(text) - len(str(folder)) > LONGEST:
        return f"{len(text)} characters: {text!r}"
    return None


@pytest.mark.slow
def test_a_bad_ledger_is_refused_or_read_as_written(tmp_path, monkeypatch, capsys):
    places, originals = [], set()
    for reader in READERS:
        folder = Path(shutil.copytree(reader.folder, tmp_path / reader.folder.name))
        for file in reader.files:
            data = (folder / file).read_bytes()
            originals.add(data)
            cells = list(csv.reader(io.StringIO(data.decode(), newline="")))
            places.append((reader, folder, file, data, cells))
    for module in {reader.module for reader in READERS}:
        for name in ("read_parameters", "read_keyed"):
            read = remembering(getattr(module, name), originals)
            monkeypatch.setattr(module, name, read)
    before = {r.folder: r.read(tmp_path / r.folder.name) for r in READERS}
    problems, count = [], Counter()
    for number in range(FIRST, FIRST + INPUTS):
        random = Random(number)
        reader, folder, file, data, cells = random.choice(places)
        mutant = random.choice(MUTATIONS)(cells, random)
        count[mutant.expect] += 1
        (folder / file).write_bytes(mutant.data)
        said = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                numbers = reader.numbers(before[reader.folder], file)
                if mutant.data != data or mutant.expect == SAME:
                    said = problem(reader, folder, file, mutant, numbers)
        except Exception:
            said = traceback.format_exc(limit=-3)
        finally:
            (folder / file).write_bytes(data)
        if said:
            problems.append(f"{number} {file}, {mutant.kind}: {said}")
    with capsys.disabled():
        print(f"\n{INPUTS} inputs {dict(count)}, {len(problems)} problems")
    assert not problems, f"{len(problems)} of {INPUTS}:\n" + "\n".join(problems[:40])


def test_every_status_is_known_to_the_oracle():
    assert set(STATUSES) == {"stated", "derived", "literature", "assumed"}
