"""Paper 2: how the best size answers to the load rate, loss aversion and the expected cost.

A surface of the physics (`search.surfaces`) says where the best size lies; the model itself then
looks around there on ever finer grids and says what that size does and is worth. The curves over
energy and load rate are read off the surface. The full search of the pipeline, differential
evolution on the model, can be run beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mobile_storage.core.claims import Claim
from mobile_storage.core.io import markdown_table
from mobile_storage.core.style import PAGE_MM, label_panels, mark, new_figure, series
from mobile_storage.explorer.knobs import Knob, knob_of, knob_table, moved_symbols, moved_text, show
from mobile_storage.mmbes.claims import NUMBERS, TRACE_KWH
from mobile_storage.mmbes.model.data import RawMmbes, build
from mobile_storage.mmbes.model.evaluate import Prepared, comprehensive, net_profit, prepare, valued
from mobile_storage.mmbes.model.report import describe
from mobile_storage.mmbes.model.substation import Preferences
from mobile_storage.mmbes.search.solve import Objective, Size, evolve, objective
from mobile_storage.mmbes.search.surfaces import Surface, best_size, surface
from mobile_storage.mmbes.show.figures import attributes
from mobile_storage.mmbes.show.figures.parts import MILLION, scale_of

__all__ = ["Answer", "SizeExplorer", "refine_on_grids"]

STEPS = {
    "substation.load_rate": 0.005,
    "preferences.loss_aversion": 0.05,
    "preferences.reference_cost": 5e5,
}
"""Values that may move, and the step of each slider."""

NODES = (33, 21)
"""Number of nodes of a surface along the energy and along the power."""

SHRINK = 0.6
"""Width of each grid over that of the one before. With 0.5 the search loses the ridge along which
the power is just large enough for the energy."""

QUANTITIES = {
    "energy_kwh": ("Best energy", "kWh"),
    "power_kw": ("Best power", "kW"),
    "elcc_kw": ("Credible capacity", "kW"),
    "deferral_yr": ("Deferral of the upgrade", "yr"),
    "eens_cut_kwh": ("EENS reduction", "kWh/yr"),
    "prospect": ("Comprehensive prospect", ""),
    "net_profit_yuan": ("Net profit", "yuan"),
}


def refine_on_grids(
    worth: Objective,
    start: tuple[float, float],
    bounds: tuple[float, float],
    *,
    width: float = 0.06,
    rounds: int = 10,
) -> Size:
    """Find the best size on ever finer grids of 9 by 9 sizes, evaluated by the model itself.

    Each grid is centred at the best size of the grid before.

    Parameters
    ----------
    worth : callable
        The objective.
    start, bounds : (float, float)
        Energy, kWh, and power, kW: where to begin, and the largest.
    width : float
        Half the first grid's width as a share of the bounds; it shrinks in every round.
    rounds : int
    """
    best = np.array(start, dtype=float)
    for k in range(rounds):
        axes = [
            np.clip(at + width * bound * SHRINK**k * np.linspace(-1.0, 1.0, 9), 0.0, bound)
            for at, bound in zip(best, bounds, strict=True)
        ]
        sizes = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
        values = worth(*sizes)
        best = sizes[:, int(np.argmax(values))]
    return Size(float(best[0]), float(best[1]), float(values.max()))


@dataclass(frozen=True)
class Answer:
    """The best sizes for one position of the sliders.

    Attributes
    ----------
    load_rate : float
    prospect, net_profit : mapping
        `report.describe` at the size that maximises either, from the model itself.
    curve : DataFrame
        Best ``prospect`` and ``net_profit_yuan`` over the power by ``energy_kwh``; interpolated.
    sweep : DataFrame
        Best ``energy_kwh`` for the prospect by ``load_rate``; interpolated.
    seconds : float
        How long it took.
    """

    load_rate: float
    prospect: Mapping[str, float]
    net_profit: Mapping[str, float]
    curve: pd.DataFrame
    sweep: pd.DataFrame
    seconds: float


@dataclass
class SizeExplorer:
    """Answers for one parameter set and any position of the sliders; each is computed once.

    Attributes
    ----------
    name : str
        Of the set.
    ledgers : RawMmbes
        As they are, for ranges and sources.
    moves : mapping
        What makes the set of them.
    claims : sequence of Claim
        The ledger of claims, for the published numbers.
    bounds : (float, float)
        Largest energy, kWh, and power, kW.
    rates : sequence of float
        Load rates of the sweep.
    search : mapping
        Settings of `solve.evolve` for the full search.
    """

    name: str
    ledgers: RawMmbes
    moves: Mapping[str, Any]
    claims: Sequence[Claim]
    bounds: tuple[float, float]
    rates: Sequence[float]
    search: Mapping[str, Any]
    surfaces: dict[float, tuple[Prepared, Surface]] = field(default_factory=dict, repr=False)
    answers: dict[tuple, Answer] = field(default_factory=dict, repr=False)

    @cached_property
    def raw(self) -> RawMmbes:
        """The ledgers with the set's values."""
        return self.ledgers.replace(self.moves)

    @cached_property
    def knobs(self) -> tuple[Knob, ...]:
        """The values that may move, over the ranges of the ledgers."""
        found = []
        for symbol, step in STEPS.items():
            table, _, name = symbol.partition(".")
            row = getattr(self.ledgers, table).parameter(name)
            found.append(knob_of(row, symbol, step, getattr(self.raw, table)[name]))
        return tuple(found)

    @property
    def defaults(self) -> dict[str, float]:
        """Value of every knob in the set."""
        return {knob.symbol: knob.default for knob in self.knobs}

    def ask(self, values: Mapping[str, float]) -> Answer:
        """Best sizes for values of the knobs, by symbol."""
        key = tuple(values[knob.symbol] for knob in self.knobs)
        if key not in self.answers:
            self.answers[key] = self._search(values)
        return self.answers[key]

    def warm_up(self) -> None:
        """Compute the surfaces of the sweep, which every answer reads."""
        for rate in self.rates:
            self._surface(rate)

    def full_search(self, values: Mapping[str, float], kind: str) -> Size:
        """Best size by differential evolution on the model, as the pipeline finds it.

        Parameters
        ----------
        kind : str
            The objective, one of `solve.OBJECTIVES`.
        """
        substation, preferences = build(self.raw.replace(values))
        worth = objective(prepare(substation), preferences, kind)
        return evolve(worth, self.bounds, **self.search).best

    def _search(self, values: Mapping[str, float]) -> Answer:
        start = perf_counter()
        rate = values["substation.load_rate"]
        # Of the values that may move, only the load rate is physical.
        prepared, found = self._surface(rate)
        preferences = build(self.raw.replace(values))[1]
        rows = {}
        for kind, planner in (("prospect", preferences), ("net_profit", None)):
            near = best_size(found, prepared, planner)
            best = refine_on_grids(objective(prepared, preferences, kind), near, self.bounds)
            rows[kind] = describe(prepared, preferences, best.energy_kwh, best.power_kw)
        swept = [best_size(*reversed(self._surface(r)), preferences)[0] for r in self.rates]
        return Answer(
            load_rate=rate,
            **rows,
            curve=_curve(prepared, found, preferences),
            sweep=pd.DataFrame({"load_rate": self.rates, "energy_kwh": swept}),
            seconds=perf_counter() - start,
        )

    def _surface(self, rate: float) -> tuple[Prepared, Surface]:
        if rate not in self.surfaces:
            prepared = prepare(build(self.raw.replace({"substation.load_rate": rate}))[0])
            self.surfaces[rate] = prepared, surface(prepared, self.bounds, NODES)
        return self.surfaces[rate]

    def report(self, values: Mapping[str, float], *, full_search: bool = False) -> Iterator[Any]:
        """Yield what to show for values of the knobs: texts, tables and figures."""
        now, usual = self.ask(values), self.ask(self.defaults)
        yield Markdown(_headline(self.name, now, moved_symbols(self.knobs, values)))
        yield Markdown(markdown_table(knob_table(self.knobs, values)))
        if full_search:
            yield Markdown(markdown_table(self._against_full_search(values, now)))
        yield curves(now, usual, self.claims)
        yield Markdown(markdown_table(size_table(now, usual, self.claims)))
        changed = {"moved": now.prospect} if now is not usual else {}
        yield attributes({**changed, self.name: usual.prospect})

    def show(self, full_search: bool = False, **values: float) -> None:
        """Display the report. The sliders call this."""
        show(self.report(values, full_search=full_search))

    def _against_full_search(self, values: Mapping[str, float], now: Answer) -> pd.DataFrame:
        rows = []
        for kind, (column, what) in {
            "prospect": ("prospect", "prospect"),
            "net_profit": ("net_profit_yuan", "net profit, yuan"),
        }.items():
            start = perf_counter()
            best = self.full_search(values, kind)
            seconds = perf_counter() - start
            row = getattr(now, kind)
            short = (best.value - row[column]) / abs(best.value) if best.value else 0.0
            rows.append(
                {
                    "Best by": what,
                    "Energy here (kWh)": f"{row['energy_kwh']:,.1f}",
                    "Full search (kWh)": f"{best.energy_kwh:,.1f}",
                    "Power here (kW)": f"{row['power_kw']:,.1f}",
                    "Full search (kW)": f"{best.power_kw:,.1f}",
                    "Value here short of the full search's": f"{short:.3%}",
                    "Time of the full search (s)": f"{seconds:.1f}",
                }
            )
        return pd.DataFrame(rows)


def _curve(prepared: Prepared, found: Surface, preferences: Preferences) -> pd.DataFrame:
    """Best prospect and net profit over the power, by energy."""
    energy = np.linspace(0.0, found.energy_kwh[-1], 97)
    power = np.linspace(0.0, found.power_kw[-1], 49)
    every = np.meshgrid(energy, power, indexing="ij")
    worth = valued(prepared, found.at(*(axis.ravel() for axis in every)))
    shape = every[0].shape
    return pd.DataFrame(
        {
            "energy_kwh": energy,
            "prospect": comprehensive(worth, preferences).reshape(shape).max(axis=1),
            "net_profit_yuan": net_profit(worth).reshape(shape).max(axis=1),
        }
    )


def _headline(name: str, now: Answer, changed: Sequence[str]) -> str:
    built = "" if now.prospect["energy_kwh"] >= TRACE_KWH else " **Nothing is built.**"
    return (
        f"**{name.capitalize()} set. {moved_text(changed)}.** An interpolated surface says where "
        "the best size lies, the model itself what it does and is worth; the curves and whatever "
        f"is called interpolated are read off the surface. {now.seconds:.1f} s.{built}"
    )


def _published(claims: Sequence[Claim]) -> dict[str, list[float]]:
    """Published numbers by claim; two where the claim has two ends."""
    wanted = {*NUMBERS, "P2-06", "P2-08"}
    return {
        claim.id: [float(end) for end in claim.published_value.split(" to ")]
        for claim in claims
        if claim.id in wanted
    }


def size_table(now: Answer, usual: Answer, claims: Sequence[Claim]) -> pd.DataFrame:
    """What the best sizes do, now and at the defaults, beside the published numbers."""
    published = _published(claims)
    claimed = {column: claim for claim, column in NUMBERS.items()}
    rows = [
        (claimed.get(column, ""), name, unit, now.prospect[column], usual.prospect[column])
        for column, (name, unit) in QUANTITIES.items()
    ]
    for column, claim in (("energy_kwh", "P2-06"), ("power_kw", ""), ("net_profit_yuan", "")):
        name, unit = QUANTITIES[column]
        values = (each.net_profit[column] for each in (now, usual))
        rows.append((claim, f"{name}, net profit maximised", unit, *values))
    for end, where in ((0, "lowest"), (-1, "highest")):
        name = f"Best energy at the {where} load rate, interpolated"
        values = (float(each.sweep["energy_kwh"].iloc[end]) for each in (now, usual))
        rows.append(("P2-08", name, "kWh", *values))
    ends = iter(published["P2-08"])
    table = []
    for claim, name, unit, value, before in rows:
        stated = None
        if claim:
            stated = next(ends) if claim == "P2-08" else published[claim][0]
        table.append(
            {
                "Claim": claim,
                "Quantity": name,
                "Unit": unit,
                "Published": "" if stated is None else f"{stated:,.2f}",
                "Default": _number(before),
                "Now": _number(value),
                "Now / published": f"{value / stated:.2f}" if stated else "",
            }
        )
    return pd.DataFrame(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.1f}"


def curves(now: Answer, usual: Answer, claims: Sequence[Claim]) -> Figure:
    """Prospect and net profit by energy, and the best energy by load rate; now and by default."""
    published = _published(claims)
    fig, (left, middle, right) = new_figure(1, 3, width_mm=PAGE_MM, height_mm=70)
    factor, unit = scale_of([each.curve["prospect"] for each in (now, usual)])
    for ax, column, claim, scale, row in (
        (left, "prospect", "P2-01", factor, "prospect"),
        (middle, "net_profit_yuan", "P2-06", MILLION, "net_profit"),
    ):
        for position, answer in enumerate((now, usual)):
            _line(ax, answer.curve["energy_kwh"] / 1e3, answer.curve[column] / scale, position)
            best = getattr(answer, row)
            _best(ax, best["energy_kwh"] / 1e3, best[column] / scale, position)
        ax.axvline(published[claim][0] / 1e3, color="black", linestyle=":", linewidth=1.1)
        ax.set_xlabel("Rated energy (MWh)")
    left.set_ylabel(f"Prospect{unit}")
    middle.set_ylabel("Net profit (million yuan)")
    for position, answer in enumerate((now, usual)):
        _line(right, answer.sweep["load_rate"], answer.sweep["energy_kwh"] / 1e3, position)
        _best(right, answer.load_rate, answer.prospect["energy_kwh"] / 1e3, position)
    rates = now.sweep["load_rate"].iloc[[0, -1]]
    right.plot(rates, np.array(published["P2-08"]) / 1e3, "k+", markersize=9, clip_on=False)
    right.set_xlabel("Load rate")
    right.set_ylabel("Best energy (MWh)")
    label_panels(np.array([left, middle, right]))
    fig.legend(
        handles=[
            mark("now", **_style(0)),
            mark("at the defaults", **_style(1)),
            mark("published energy", linestyle=":"),
            mark("published ends", marker="+", markersize=9),
        ],
        loc="outside lower center",
        ncols=4,
    )
    return fig


def _style(position: int) -> dict[str, Any]:
    return series(position) | {"markersize": 7.0 - 2.0 * position}


def _line(ax: Axes, x: pd.Series, y: pd.Series, position: int) -> None:
    ax.plot(x, y, **_style(position) | {"marker": "", "zorder": 3 - position})


def _best(ax: Axes, x: float, y: float, position: int) -> None:
    ax.plot([x], [y], **_style(position) | {"linestyle": "", "zorder": 4, "clip_on": False})
