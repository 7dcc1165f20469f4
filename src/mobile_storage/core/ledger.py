"""The ledger of numbers: every value that a model reads, with unit, range, status and source.

A ledger is a CSV file in UTF-8 with one value per line and these columns, after any key columns
(such as ``customer``)::

    symbol, name, value, unit, low, high, status, source, note

``status`` says where the value comes from: ``stated`` (in the paper), ``derived`` (follows from the
paper), ``literature`` (cited) or ``assumed``. The last two need a range, ``low`` to ``high``. Every
value needs a source. If a file is wrong, `InputError` says so in one sentence before any model
reads a number.
"""

from __future__ import annotations

import csv
import io
import math
import re
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache, partial
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.pandas as pa
import pint

from mobile_storage.core.errors import DoubtWarning, InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "COLUMNS",
    "STATUSES",
    "UNITS",
    "Parameter",
    "ParameterSet",
    "cell_error",
    "keyed_rows",
    "read_csv",
    "read_keyed",
    "read_parameters",
    "replacement",
    "unit_factor",
]

COLUMNS = ("symbol", "name", "value", "unit", "low", "high", "status", "source", "note")
STATUSES = ("stated", "derived", "literature", "assumed")
#: Values of these statuses need no range.
_RANGE_OPTIONAL = ("stated", "derived")

#: Every unit that a ledger may use. There are no other prefixes or aliases, so that ``mW`` for
#: ``MW`` or ``kwh`` for ``kWh`` is an error. Currencies do not convert into each other, because
#: that needs a rate and a year from the ledger. kVA do not convert into kW, because that needs a
#: power factor. Counts of different things do not convert either. A year has 8760 h, as in the
#: papers.
UNITS = (
    "dimensionless_ratio = []",
    "percent = 0.01",
    "yuan = [yuan]",
    "wan_yuan = 10000 * yuan",
    "USD = [US_dollar]",
    "CAD = [Canadian_dollar]",
    "EUR = [euro]",
    "international_dollar = [international_dollar]",
    "h = [time]",
    "min = h / 60",
    "s = h / 3600",
    "day = 24 * h = d",
    "month = 730 * h",
    "yr = 8760 * h",
    "W = [power]",
    "kW = 1000 * W",
    "MW = 1000 * kW",
    "Wh = W * h",
    "kWh = kW * h",
    "MWh = MW * h",
    "kWp = [peak_power]",
    "kVA = [apparent_power]",
    "MVA = 1000 * kVA",
    "V = [voltage]",
    "kV = 1000 * V",
    "ohm = [resistance]",
    "m = [length]",
    "km = 1000 * m",
    "L = [volume]",
    "kg = [mass]",
    "customer = [customer]",
    "vehicle = [vehicle]",
    "person = [person]",
    "call = [call]",
    "outage = [outage]",
    "cycle = [cycle]",
)
_NO_UNIT = ("dimensionless", "1", "%")
#: Characters that pint reads as meant; it drops others, and reads `%%` as a percent squared.
_UNIT = re.compile(r"(?!.*%\s*%)[A-Za-z0-9_%*/^·(). -]+")

# Three digits of exponent hold every float; more would make the exact fraction enormous.
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
#: A number that may be meant a thousand times as large, because its point may separate thousands:
#: one to three digits, a point, and three digits of which the last is 0.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{2}0", re.ASCII)
#: A number closer to zero than this loses digits in a float or becomes zero.
_SMALLEST = sys.float_info.min
_A_NUMBER = (
    "a number such as 31500 or 0.35, without unit, comma, blank or apostrophe, at most 1e+308 and, "
    "unless it is 0, at least 2.3e-308 in size"
)
#: Control characters and the replacement character, which show that a file is damaged.
_DAMAGE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffd]")
_LINE = "line"


@dataclass(frozen=True)
class Parameter:
    """One number with its provenance; `value`, `low` and `high` are in `unit`."""

    symbol: str
    name: str
    value: float
    unit: str
    low: float | None
    high: float | None
    status: str
    source: str
    note: str


class ParameterSet(Mapping[str, float]):
    """The values of one or several ledgers: an immutable mapping from symbols to floats.

    ``ps["eta_cha"]`` is the number for a model, ``ps.parameter("eta_cha")`` the whole row for a
    table of sources.
    """

    def __init__(self, parameters: Mapping[str, Parameter], file: str = "parameters") -> None:
        self._parameters = dict(parameters)
        self._file = file

    def __getitem__(self, symbol: str) -> float:
        return self._parameters[symbol].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __repr__(self) -> str:
        return f"ParameterSet({dict(self)})"

    def parameter(self, symbol: str) -> Parameter:
        """Return the whole row of a symbol."""
        return self._parameters[symbol]

    def replace(self, values: Mapping[str, float]) -> ParameterSet:
        """Return a copy with other values; ranges, status and source stay.

        The new values may lie outside the ranges of the ledger.

        Raises
        ------
        InputError
            If the set lacks a symbol, or a value is not a finite number.
        """
        changed = dict(self._parameters)
        for symbol, value in values.items():
            if symbol not in changed:
                raise InputError(
                    file=self._file,
                    where="replacement",
                    value=symbol,
                    expected=f"a symbol of the ledger{did_you_mean(symbol, changed)}",
                )
            value = replacement(value, file=self._file, name=symbol)
            changed[symbol] = replace(changed[symbol], value=value)
        return ParameterSet(changed, self._file)

    def merge(self, other: ParameterSet) -> ParameterSet:
        """Return both sets as one.

        Raises
        ------
        InputError
            If a symbol is in both sets.
        """
        both = sorted(set(self) & set(other))
        if both:
            raise InputError(
                file=other._file,
                where="column symbol",
                value=both[0],
                expected=f"a symbol that {self._file} does not have as well",
            )
        return ParameterSet(
            {**self._parameters, **other._parameters}, f"{self._file} and {other._file}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a table for readers: symbol, name, value, unit, range, status, source."""
        return pd.DataFrame(
            {
                "symbol": item.symbol,
                "name": item.name,
                "value": item.value,
                "unit": item.unit,
                "range": "" if item.low is None else f"{item.low:g} to {item.high:g}",
                "status": item.status,
                "source": item.source,
            }
            for item in self._parameters.values()
        )


def read_parameters(
    path: str | Path,
    expected: Mapping[str, str],
    *,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> ParameterSet:
    """Read a ledger of single numbers, each converted to the unit the model wants.

    Parameters
    ----------
    path : path
        CSV file with `COLUMNS`.
    expected : mapping
        Wanted unit by symbol; the file must hold exactly these symbols.
    bounds : mapping, optional
        Smallest and largest plausible value by symbol, in the wanted unit (``None`` for no limit).
        They hold for value, low and high.

    Raises
    ------
    InputError
        At the first error in the file, in the order of its lines.
    """
    frame = _read_ledger(Path(path), (), (), expected, {}, bounds or {})
    rows = frame.drop(columns=_LINE).to_dict("records")
    parameters = {row["symbol"]: _parameter(row) for row in rows}
    # In the order of the file: a reader compares the two.
    return ParameterSet(parameters, str(path))


def read_keyed(
    path: str | Path,
    keys: Sequence[str],
    expected: Mapping[str, str],
    optional: Mapping[str, str] | None = None,
    *,
    constant: Sequence[str] = (),
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> pd.DataFrame:
    """Read a ledger that has the same symbols for several keys, such as customers.

    Parameters
    ----------
    path : path
        CSV file with the key columns followed by `COLUMNS`.
    keys : sequence of str
        The key columns. A key column of whole numbers only is read as integers.
    expected, optional : mapping
        Wanted unit by symbol. Every combination of keys in the file must have each expected
        symbol, may have each optional one, and no other.
    constant : sequence of str
        Further text columns that describe a key, such as a customer's sector. They must be filled,
        and equal in all rows of a combination of keys.
    bounds : mapping, optional
        As in `read_parameters`.

    Returns
    -------
    DataFrame
        One row per line of the file, in its order: keys, constant columns and `COLUMNS`, with
        value, low and high as floats (NaN where the range is blank) in the wanted unit.
        `keyed_rows` makes one row of each key of it.

    Raises
    ------
    InputError
        At the first error in the file, in the order of its lines.
    """
    frame = _read_ledger(
        Path(path), tuple(keys), tuple(constant), expected, optional or {}, bounds or {}
    )
    return frame.drop(columns=_LINE)


def keyed_rows(
    frame: pd.DataFrame, key: str, constant: Sequence[str] = ()
) -> dict[Any, dict[str, Any]]:
    """Return one row for each key of a table of `read_keyed`, in the order of the file.

    A row has the constant columns that are asked for and the values by symbol. Symbols that the
    file does not give for a key are missing in its row.
    """
    rows: dict[Any, dict[str, Any]] = {}
    columns = (frame[name].tolist() for name in (key, "symbol", "value", *constant))
    for name, symbol, value, *texts in zip(*columns, strict=True):
        rows.setdefault(name, dict(zip(constant, texts, strict=True)))[symbol] = value
    return rows


def read_csv(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV file of exactly these columns as text, with the line each row starts on.

    Cells lose surrounding blanks; lines without any content are skipped.

    Returns
    -------
    DataFrame
        The columns, all text, and ``line``: 1-based, as an editor shows it.

    Raises
    ------
    InputError
        If the file is missing, not UTF-8, empty, without a row, lacks a column or has one that is
        not known or is there twice, or has a row of another length.
    """
    path = Path(path)
    rows = _rows(path, _decoded(path), columns)
    first_line, header = next(rows, (1, None))
    if header is None:
        raise InputError(
            file=path,
            where="line 1",
            value=None,
            expected=f"a heading with the columns {', '.join(columns)}",
        )
    where = f"line {first_line}"
    for name in columns:
        if name not in header:
            raise InputError(
                file=path,
                where=where,
                value=",".join(header),
                expected=f"a column {name!r} in the heading (columns are separated by commas)",
            )
    for position, name in enumerate(header):
        if name not in columns:
            raise InputError(
                file=path,
                where=where,
                value=name,
                expected=f"no column but {', '.join(columns)}{did_you_mean(name, columns)}",
            )
        if name in header[:position]:
            raise InputError(file=path, where=where, value=name, expected="each column only once")
    records = []
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                file=path,
                where=f"line {line}",
                value=f"{len(row)} cell{'s' * (len(row) != 1)}",
                expected=f"{len(header)}, as in the heading (a text with a comma needs quotes)",
            )
        records.append({**dict(zip(header, row, strict=True)), _LINE: line})
    if not records:
        raise InputError(
            file=path, where=f"line {first_line + 1}", value=None, expected="at least one row"
        )
    return pd.DataFrame.from_records(records, columns=[*columns, _LINE])


def cell_error(
    path: str | Path, row: Mapping[str, object], column: str, expected: str
) -> InputError:
    """Return the error on one cell of a row of `read_csv`."""
    return InputError(
        file=path,
        where=f"line {row[_LINE]}, column {column}",
        value=row[column] or None,
        expected=expected,
    )


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(file=path, where="the file", value=None, expected="a CSV file") from None
    except IsADirectoryError:
        raise InputError(
            file=path, where="the path", value="a folder", expected="a CSV file"
        ) from None
    except OSError as error:
        raise InputError(
            file=path, where="the file", value=error.strerror, expected="a CSV file"
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            file=path,
            where=f"line {line}",
            value=data[error.start : error.start + 8],
            expected="text in UTF-8 (in a spreadsheet: save as 'CSV UTF-8')",
        ) from None
    if damage := _DAMAGE.search(text):
        line = text.count("\n", 0, damage.start()) + 1
        raise InputError(
            file=path,
            where=f"line {line}",
            value=damage[0],
            expected="text without such a character",
        )
    return text


def _rows(path: Path, text: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that holds anything with the line it starts on."""
    # Not `splitlines`: it also parts a note at rarer separators, which are ordinary text to CSV.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                file=path,
                where=f"line {line}",
                value=str(error),
                expected=f"CSV with the columns {', '.join(columns)} and quotes in pairs",
            ) from None
        row = [cell.strip() for cell in row]
        if any(row):
            yield line, row


@cache
def _registry() -> pint.UnitRegistry:
    # Empty rather than pint's own: with prefixes and aliases `mW`, `a` or `t` would all be units.
    # Fractions rather than floats: 95 % is 0.95 to the last bit.
    registry: pint.UnitRegistry = pint.UnitRegistry(None, non_int_type=Fraction)
    for definition in UNITS:
        registry.define(definition)
    return registry


def _unit_names() -> list[str]:
    return [definition.split(" = ")[0] for definition in UNITS[1:]] + ["d", *_NO_UNIT]


@cache
def unit_factor(unit: str, wanted: str) -> Fraction:
    """Return what a number in `unit` is multiplied by to be in `wanted`.

    Raises
    ------
    ValueError
        If `unit` or `wanted` is not made of `UNITS`, or the one does not convert to the other; the
        message reads after "expected".
    """
    own, target = _parsed(unit), _parsed(wanted)
    if target is None:
        raise ValueError(f"the model wants {wanted!r}, which is not made of known units")
    if own is None:
        words = re.findall(r"[^\W\d]\w*|%", unit)
        strange = next((word for word in words if word not in _unit_names()), unit)
        hint = did_you_mean(strange, _unit_names()) if strange else ""
        raise ValueError(f"a unit that converts to {wanted}, made of known units{hint}")
    if unit == wanted:
        return Fraction(1)
    try:
        return Fraction(_registry().convert(Fraction(1), own, target))
    except pint.DimensionalityError:
        raise ValueError(f"a unit that converts to {wanted}") from None


def _parsed(text: str) -> pint.Unit | None:
    if not _UNIT.fullmatch(text):
        return None
    try:
        return _registry().parse_units(text)
    except Exception:  # pint lets errors of the tokenizer and bare asserts through
        return None


def replacement(value: object, *, file: str | Path, name: str) -> float:
    """Check a new value for a name and return it as a float.

    Raises
    ------
    InputError
        If it is not a finite real number. True and False are not numbers here.
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number beyond every float
            if math.isfinite(value):
                return float(value)
    raise InputError(
        file=file, where=f"replacement of {name}", value=value, expected="a finite number"
    )


def _is_number(text: str) -> bool:
    """Return whether a text is a number that a float can hold."""
    if _NUMBER.fullmatch(text) is None or not math.isfinite(float(text)):
        return False
    return abs(float(text)) >= _SMALLEST or not Fraction(text)


def _schema(texts: Sequence[str], symbols: Mapping[str, str]) -> pa.DataFrameSchema:
    filled = pa.Check(lambda text: text != "", element_wise=True, error="something written here")
    number = pa.Check(
        _is_number,
        element_wise=True,
        error=_A_NUMBER,
    )
    blank_or_number = pa.Check(
        lambda text: text == "" or _is_number(text),
        element_wise=True,
        error=f"{_A_NUMBER}; or nothing",
    )
    status = pa.Check(
        lambda text: text in STATUSES, element_wise=True, error=f"one of {', '.join(STATUSES)}"
    )
    known = pa.Check(
        lambda text: text in symbols, element_wise=True, error=f"one of {', '.join(symbols)}"
    )
    checks: dict[str, pa.Check | None] = dict.fromkeys(texts, filled)
    checks |= {"symbol": known, "name": filled, "value": number, "unit": filled}
    checks |= {"low": blank_or_number, "high": blank_or_number}
    checks |= {"status": status, "source": filled, "note": None}
    return pa.DataFrameSchema({name: pa.Column(checks=check) for name, check in checks.items()})


def _read_ledger(
    path: Path,
    keys: tuple[str, ...],
    constant: tuple[str, ...],
    expected: Mapping[str, str],
    optional: Mapping[str, str],
    bounds: Mapping[str, tuple[float | None, float | None]],
) -> pd.DataFrame:
    units = {**expected, **optional}
    stray = set(bounds) - set(units)
    if stray:
        raise ValueError(f"bounds for symbols that are not read: {sorted(stray)}")
    frame = read_csv(path, (*keys, *constant, *COLUMNS))
    try:
        _schema((*keys, *constant), units).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        raise _first_failure(path, frame, errors.failure_cases, units) from None
    for key in keys:
        if frame[key].str.fullmatch(r"[+-]?[0-9]+").all():
            frame[key] = frame[key].map(int).astype("int64")
    _check_unique(path, frame, [*keys, "symbol"])
    for column in constant:
        _check_constant(path, frame, keys, column)
    numbers = [_numbers(path, row, units, bounds) for row in frame.to_dict("records")]
    for position, column in enumerate(("value", "low", "high")):
        frame[column] = pd.Series([n[position] for n in numbers], dtype="float64")
    frame["unit"] = frame["symbol"].map(units)
    _check_complete(path, frame, keys, expected)
    return frame


def _first_failure(
    path: Path, frame: pd.DataFrame, failures: pd.DataFrame, units: Mapping[str, str]
) -> InputError:
    """Turn pandera's report into the error of the first line, leftmost column."""
    order = {name: position for position, name in enumerate(frame.columns)}
    cells = sorted(
        ((int(row["index"]), order[row["column"]], row["column"], row["check"]))
        for row in failures.to_dict("records")
    )
    index, _, column, expected = cells[0]
    value = frame.loc[index, column]
    if column == "symbol":
        expected += did_you_mean(value, units)
    if column == "status":
        expected += did_you_mean(value, STATUSES)
    return cell_error(path, frame.loc[index], column, expected)


def _check_unique(path: Path, frame: pd.DataFrame, columns: list[str]) -> None:
    first_line: dict[tuple, int] = {}
    for row in frame.to_dict("records"):
        key = tuple(row[column] for column in columns)
        if key in first_line:
            raise InputError(
                file=path,
                where=f"line {row[_LINE]}, column {' and '.join(columns)}",
                value=", ".join(map(str, key)),
                expected=f"something that line {first_line[key]} does not have already",
            )
        first_line[key] = row[_LINE]


def _check_constant(path: Path, frame: pd.DataFrame, keys: tuple[str, ...], column: str) -> None:
    first: dict[tuple, Mapping[str, object]] = {}
    for row in frame.to_dict("records"):
        before = first.setdefault(tuple(row[key] for key in keys), row)
        if row[column] != before[column]:
            expected = f"{before[column]!r} as in line {before[_LINE]}, "
            expected += f"the same for all rows of one {' and '.join(keys)}"
            raise cell_error(path, row, column, expected)


def _numbers(
    path: Path,
    row: Mapping[str, Any],
    units: Mapping[str, str],
    bounds: Mapping[str, tuple[float | None, float | None]],
) -> tuple[float, float, float]:
    """Return value, low and high of a row in the wanted unit, after all checks on them."""
    fail = partial(cell_error, path, row)
    wanted = units[row["symbol"]]
    try:
        factor = unit_factor(row["unit"], wanted)
    except ValueError as error:
        raise fail("unit", str(error)) from None
    for column, other in (("low", "high"), ("high", "low")):
        needed = row["status"] not in _RANGE_OPTIONAL or row[other]
        if needed and not row[column]:
            by_status = row["status"] not in _RANGE_OPTIONAL
            reason = f"status {row['status']!r} needs a range" if by_status else f"{other} has one"
            raise fail(column, f"a number, as {reason}")
    # NaN for a range left blank passes every comparison below as "not outside".
    value, low, high = (
        float(row[column]) if row[column] else math.nan for column in ("value", "low", "high")
    )
    if low > high:
        raise fail("low", f"at most the {row['high']} of column high")
    if value < low or value > high:
        raise fail("value", f"something from low to high, {row['low']} to {row['high']}")
    converted = []
    for column in ("value", "low", "high"):
        try:
            exact = Fraction(row[column]) * factor if row[column] else None
            converted.append(math.nan if exact is None else float(exact))
        except OverflowError:
            raise fail(column, f"a number of at most 1e+308 in {wanted}") from None
        if exact and abs(converted[-1]) < _SMALLEST:
            raise fail(column, f"0, or a number of at least 2.3e-308 in {wanted}")
    for column in ("value", "low", "high"):
        if _THOUSANDS.fullmatch(row[column]):
            warnings.warn(
                f"{path}, line {row[_LINE]}, column {column}: {row[column]} is read as "
                f"{float(row[column]):g}. If it is {row[column].replace('.', '')}, leave out the "
                "point; if not, leave out the 0 at its end.",
                DoubtWarning,
                stacklevel=2,
            )
    value, low, high = converted
    least, greatest = bounds.get(row["symbol"], (None, None))
    for column, number in (("value", value), ("low", low), ("high", high)):
        if least is not None and number < least:
            raise fail(column, f"at least {least:g} {wanted} for {row['symbol']}")
        if greatest is not None and number > greatest:
            raise fail(column, f"at most {greatest:g} {wanted} for {row['symbol']}")
    return value, low, high


def _check_complete(
    path: Path, frame: pd.DataFrame, keys: tuple[str, ...], expected: Mapping[str, str]
) -> None:
    """Raise if a symbol is missing, in the file or for one combination of keys."""
    groups = frame.groupby(list(keys), sort=False) if keys else [((), frame)]
    for key, group in groups:
        have = set(group["symbol"])
        for symbol in expected:
            if symbol not in have:
                of = ", ".join(f"{name} {part}" for name, part in zip(keys, key, strict=True))
                raise InputError(
                    file=path,
                    where=f"column symbol, {of}" if of else "column symbol",
                    value=", ".join(group["symbol"]),
                    expected=f"a row for {symbol!r} as well",
                )


def _parameter(row: Mapping[str, Any]) -> Parameter:
    """Return a row as a parameter; a blank end of its range, NaN in the row, becomes None."""
    ends = {end: None if math.isnan(row[end]) else row[end] for end in ("low", "high")}
    return Parameter(**{field.name: row[field.name] for field in fields(Parameter)} | ends)
