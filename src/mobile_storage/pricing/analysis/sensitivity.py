"""Sensitivity: one raw value at a time moves to the ends of its range, and claims may turn over."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace

from mobile_storage.core.errors import InputError
from mobile_storage.core.margins import holding
from mobile_storage.pricing.analysis.benchmark import no_emergency
from mobile_storage.pricing.analysis.cases import solve
from mobile_storage.pricing.claims import Comparison, comparison, margins
from mobile_storage.pricing.model.data import PricingData, RawPricing, build
from mobile_storage.pricing.model.outcome import Outcome, customer_rows
from mobile_storage.pricing.model.setting import Setting

TABLES = ("customers", "grades", "damage", "renewable")


@dataclass(frozen=True)
class Move:
    """One raw value (or all rows of a symbol in a keyed table) at one end of its range.

    Attributes
    ----------
    table : str
        ``scalars``, one of `TABLES`, or ``none`` for the data as they are.
    """

    table: str
    symbol: str
    end: str

    def apply(self, raw: RawPricing) -> RawPricing:
        """Return the ledgers after this move."""
        if self.table == "none":
            return raw
        if self.table == "scalars":
            value = getattr(raw.scalars.parameter(self.symbol), self.end)
            return raw.replace({self.symbol: value})
        return raw.at_range_end(self.table, self.symbol, self.end)


def moves(raw: RawPricing, only: Collection[str] = ()) -> Iterator[Move]:
    """Yield the unmoved data first, then every move that the ledgers' ranges allow.

    Parameters
    ----------
    only : collection of str
        Symbols to move; empty for all.
    """
    yield Move("none", "none", "none")
    ranged_symbols = [
        ("scalars", symbol)
        for symbol in raw.scalars
        if raw.scalars.parameter(symbol).low is not None
    ]
    for table in TABLES:
        frame = getattr(raw, table)
        ranged = frame[frame["low"].notna()]
        ranged_symbols += [(table, symbol) for symbol in dict.fromkeys(ranged["symbol"])]
    for table, symbol in ranged_symbols:
        if only and symbol not in only:
            continue
        for end in ("low", "high"):
            yield Move(table, symbol, end)


def compare(data: PricingData, multi_grade: Outcome, single_price: Outcome) -> Comparison:
    """Compare the three cases; case 3 has the storage of case 1 and only trades."""
    cases = (
        {"account": outcome.account.rows(), "customers": customer_rows(data, outcome)}
        for outcome in (multi_grade, single_price)
    )
    return comparison(*cases, no_emergency(data, multi_grade.storage_kw).rows())


def try_move(raw: RawPricing, setting: Setting, move: Move, **limits: object) -> dict[str, object]:
    """Solve the three cases after a move, within the `limits` of `cases.solve`.

    Returns
    -------
    dict
        ``table``, ``symbol``, ``end``, ``status`` ("optimal", or why there is no answer), the net
        income of each case in yuan/yr and whether each claim of `claims.margins` holds.
    """
    row: dict[str, object] = asdict(move)
    try:
        data = build(move.apply(raw))
    except InputError as error:
        # After this move a customer fits no grade, so the move has no answer.
        return row | {"status": str(error)}
    solved = {}
    for tariff in ("multi_grade", "single_price"):
        game = replace(setting, tariff=tariff)
        solution = solve(data, game, formulation="value_function", **limits)
        if not solution.result.optimal:
            return row | {"status": f"{tariff} {solution.result.status}"}
        solved[tariff] = solution.outcome
    compared = compare(data, **solved)
    incomes = {
        f"net_income_{name}_yuan_per_year": account["net_income"]
        for name, account in (
            ("multi_grade", compared.multi_grade),
            ("single_price", compared.single_price),
            ("no_emergency", compared.no_emergency),
        )
    }
    return row | {"status": "optimal"} | incomes | holding(margins(compared))
