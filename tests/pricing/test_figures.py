"""What the figures show, read back from their axes, and that they stay legible and stable."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mobile_storage.core.style import save_figure
from mobile_storage.pricing.model.data import read_raw
from mobile_storage.pricing.model.grades import LEVELS, Grade, Prices
from mobile_storage.pricing.model.outcome import customer_rows, outcome
from mobile_storage.pricing.model.setting import Setting
from mobile_storage.pricing.show import figures
from mobile_storage.pricing.show.figures.parts import CASES, MOST_NAMED, case_style

GRADED = Prices((2.0, 3.0, 4.0), (0.0, 1.0, 2.0), (0.0, 0.5, 1.5))


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def record(data, setting, prices) -> dict:
    """The record of a game for given prices, without a solver."""
    found = outcome(data, setting, prices)
    kinds = {k: getattr(prices, k) for k in ("base", "duration", "response")}
    return {
        "setting": setting.record(),
        "status": "optimal",
        "prices": kinds,
        "account": found.account.rows(),
        "customers": customer_rows(data, found),
    }


@pytest.fixture
def toy(game, customer):
    """Three customers that accept 5, 2.5 and 1 yuan/kWh; the last refuses every grade."""
    return game(
        customer("A", loss=10.0), customer("B", loss=5.0, n=2.0), customer("C", loss=2.0, n=3.0)
    )


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def point(line) -> tuple[float, float]:
    return float(np.ravel(line.get_xdata())[0]), float(np.ravel(line.get_ydata())[0])


def points_of(ax, marker: str) -> list[tuple[float, float]]:
    """Single points drawn with a marker."""
    lines = [line for line in ax.lines if line.get_marker() == marker]
    return [point(line) for line in lines if len(np.ravel(line.get_xdata())) == 1]


class TestGrades:
    def test_customers_are_counted_at_the_level_that_the_grade_table_gives_them(
        self, raw_folder, paper
    ):
        axes = figures.grades(read_raw(raw_folder)).axes
        for ax, level_of in (
            (axes[1], lambda c: c.duration_level),
            (axes[2], lambda c: c.response_level),
        ):
            counts = [sum(level_of(c) == k for c in paper.customers) for k in LEVELS]
            assert [int(text.split()[0]) for text in texts(ax)] == counts
        assert sum(int(text.split()[0]) for text in texts(axes[0])) == len(paper.customers)

    def test_only_stated_thresholds_are_filled(self, raw_folder):
        raw = read_raw(raw_folder)
        thresholds = raw.grades[raw.grades["symbol"] == "capacity_upper"]
        drawn = {
            point(line)[0]: line.get_markerfacecolor()
            for line in figures.grades(raw).axes[0].lines
            if line.get_marker() == "o"
        }
        for row in thresholds.itertuples():
            assert drawn[row.value] == ("black" if row.status == "stated" else "white")


class TestPrices:
    def test_the_map_shows_eq_1_for_all_27_grades_and_counts_the_buyers(self, toy):
        case = record(toy, Setting(), GRADED)
        ax = figures.prices(case).axes[1]
        shown = texts(ax)
        wanted = [
            f"{GRADED.of(Grade(p, t, r)):.1f}" for p in LEVELS for t in LEVELS for r in LEVELS
        ]
        assert shown[:27] == wanted
        buyers = sum(c["grade"] != "none" for c in case["customers"])
        counts = [int(text.strip("()")) for text in shown if text.startswith("(")]
        assert sum(counts) == buyers == 2

    def test_a_range_is_drawn_only_where_it_is_wide_enough_to_see(self, toy):
        case = record(toy, Setting(), GRADED)
        narrow = {"price.base.1": {"low": 2.0, "high": 2.001}}
        wide = {"price.base.1": {"low": 2.0, "high": 3.0}}
        assert not figures.prices(case | {"intervals": narrow}).axes[0].lines
        (line,) = figures.prices(case | {"intervals": wide}).axes[0].lines
        assert list(line.get_ydata()) == [2.0, 3.0]


class TestChoices:
    def test_buyers_stand_at_their_price_and_others_at_what_they_refuse(self, toy):
        fig = figures.choices(toy, record(toy, Setting(), GRADED))
        ax = fig.axes[0]
        assert points_of(ax, "o") == [(2.0, 0.0), (2.0, 1.0)]
        assert points_of(ax, "X") == [(2.0, 2.0)]
        assert texts(ax) == ["H1-H1-H1, 100 kW", "H1-H1-H1, 100 kW", "stays out"]

    def test_acceptable_prices_fall_from_top_to_bottom(self, paper, game, customer):
        data = game(customer("low", loss=2.0), customer("high", loss=9.0))
        ax = figures.choices(data, record(data, Setting(), GRADED)).axes[0]
        (limits,) = (line for line in ax.lines if line.get_marker() == "|")
        assert list(limits.get_xdata()) == [4.5, 1.0]
        assert [label.get_text() for label in ax.get_yticklabels()] == ["high any", "low any"]

    def test_one_customer_and_two_hundred(self, game, customer):
        for count in (1, 200):
            data = game(*(customer(f"C{k}", loss=5.0 + 0.01 * k) for k in range(count)))
            case = record(data, Setting(), GRADED)
            one, two = figures.choices(data, case), figures.customers(case, case)
            named = count <= MOST_NAMED
            assert bool(texts(one.axes[0])) is named
            for fig in (one, two):
                fig.canvas.draw()
                assert fig.get_size_inches()[1] < 11


class TestRevenueCost:
    def test_bars_add_up_to_the_account(self, toy):
        one = record(toy, Setting(), GRADED)
        two = record(toy, Setting("single_price"), Prices.single(2.5))
        third = {"account": dict.fromkeys(one["account"], 0.0)}
        fig = figures.revenue_cost({"one": one, "two": two}, {"one": third}, ["one", "two"])
        for ax, total in zip(fig.axes[:2], ("total_revenue", "total_cost"), strict=True):
            for case, x in ((one, 0), (two, 1)):
                stacked = sum(
                    b.get_height() for b in ax.patches if abs(b.get_center()[0] - x) < 0.1
                )
                assert stacked == pytest.approx(case["account"][total] / 1e3)

    def test_a_variant_without_answer_is_named_and_said_to_have_none(self, toy):
        one = record(toy, Setting(), GRADED)
        two = record(toy, Setting("single_price"), Prices.single(2.5))
        none = {"setting": Setting(participation="all").record(), "status": "infeasible"}
        cases = {"one": one, "two": two, "none": none}
        fig = figures.revenue_cost(cases, {"one": one}, ["one", "two"])
        assert "no feasible prices" in texts(fig.axes[2])
        assert len(fig.axes[2].get_yticklabels()) == 2


class TestIteration:
    def test_a_cycle_goes_on_and_a_broken_end_does_not(self, toy):
        case = record(toy, Setting(), GRADED)
        starts = {
            "cycle": {
                "ending": "cycle",
                "period": 2,
                "net_income_yuan_per_year": [0.0, 1e3, 2e3, 1e3],
                "violation_yuan_per_year": [5.0, 0.0, 0.0, 0.0],
            },
            "stuck": {
                "ending": "no prices",
                "period": 0,
                "net_income_yuan_per_year": [0.0, -1e3],
                "violation_yuan_per_year": [0.0, 7.0],
            },
        }
        runs = {"v": {"equilibrium_yuan_per_year": 3e3, "starts": starts}}
        ax = figures.iteration(runs, {"v": case}).axes[0]
        paths = [list(line.get_ydata()) for line in ax.lines]
        # The optimum, then for each start its path and its broken points, then where it ends.
        assert paths == [[3, 3], [0, 1, 2, 1, 2, 1, 2], [0], [0, -1], [-1], [-1]]

    def test_without_sales_there_is_no_path(self, game, customer):
        data = game(customer(loss=1.0))
        case = record(data, Setting(), GRADED)
        runs = {"v": {"equilibrium_yuan_per_year": 0.0, "starts": {}}}
        (ax,) = figures.iteration(runs, {"v": case}).axes
        assert texts(ax) == ["Nothing is sold at any equilibrium."]


class TestCustomers:
    def test_savings_are_a_share_of_the_cost_if_left_alone(self, toy):
        one = record(toy, Setting(), GRADED)
        two = record(toy, Setting("single_price"), Prices.single(5.0))
        right = figures.customers(one, two).axes[1]
        widths = [round(bar.get_width(), 9) for bar in right.patches]
        # From the dearest stand-alone cost down, A and B at 1000 and C at 600 yuan a year: in
        # case 1 A saves 8/10, B 3/5, C nothing; in case 2 only A buys, at half its loss.
        assert widths == [80.0, 60.0, 0.0, 50.0, 0.0, 0.0]

    def test_a_customer_without_loss_saves_nothing(self, game, customer):
        data = game(customer("A"), customer("B", loss=0.0))
        case = record(data, Setting(), GRADED)
        right = figures.customers(case, case).axes[1]
        assert np.isnan(right.patches[1].get_width())


def move(symbol, end, one, two, three, holds, status="optimal") -> dict:
    incomes = {
        f"net_income_{name}_yuan_per_year": value
        for name, value in (("multi_grade", one), ("single_price", two), ("no_emergency", three))
    }
    row = {"table": "scalars", "symbol": symbol, "end": end, "status": status}
    return row | incomes | {"P1-02": holds[0], "P1-03": holds[1]}


MOVES = pd.DataFrame(
    [
        move("none", "none", 10e3, 8e3, 6e3, (True, False)),
        move("mild", "low", 10e3, 8e3, 5e3, (True, False)),
        move("mild", "high", 10e3, 8e3, 7e3, (True, True)),
        move("wild", "low", 30e3, 8e3, 6e3, (False, False)),
        move("wild", "high", None, None, None, (None, None), "infeasible"),
        move("still", "low", 10e3, 8e3, 6e3, (True, False)),
        move("still", "high", 10e3, 8e3, 6e3, (True, False)),
    ]
)


class TestSensitivity:
    def test_rows_are_in_order_of_their_swing_and_still_ones_are_listed(self):
        fig = figures.sensitivity(MOVES)
        labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
        assert labels == ["wild", "mild"]
        assert fig.legends[0].get_title().get_text().endswith("still.")

    def test_bars_reach_from_the_unmoved_gain_to_the_moved_one(self):
        left, right, _ = figures.sensitivity(MOVES).axes
        ends = [round(b.get_x() + b.get_width(), 6) for b in left.patches if b.get_width() != 0]
        assert ends[:3] == [24.0, 5.0, pytest.approx(np.nan, nan_ok=True)]
        assert ends[3] == 3.0
        assert [line.get_xdata()[0] for line in right.lines] == [2.0, 0]

    def test_a_triangle_stands_where_a_verdict_turns(self):
        grid = figures.sensitivity(MOVES).axes[2]
        assert points_of(grid, "<") == [(-0.2, 0.0)]
        assert points_of(grid, ">") == [(1.2, 1.0)]
        (lost,) = (line for line in grid.lines if line.get_marker() == "x")
        assert list(lost.get_ydata()) == [0, 0]
        names = [label.get_text() for label in grid.get_xticklabels()]
        assert names == ["P1-02\nholds", "P1-03\nfails"]

    def test_without_an_answer_for_the_unmoved_data_it_says_so(self):
        lost = MOVES.assign(status="infeasible")
        assert "infeasible" in texts(figures.sensitivity(lost).axes[0])[0]


def test_a_case_looks_the_same_as_a_point_and_as_a_bar_and_unlike_the_others():
    styles = [case_style(tariff) for tariff in CASES]
    assert [style.label[:6] for style in styles] == ["Case 1", "Case 2", "Case 3"]
    assert all(style.points["color"] == style.bars["facecolor"] for style in styles)
    for look in ("color", "marker"):
        assert len({style.points[look] for style in styles}) == 3


def test_figures_without_feasible_prices_say_so(toy):
    solved = record(toy, Setting(), GRADED)
    none = {"setting": Setting().record(), "status": "infeasible"}
    for fig in (
        figures.prices(none),
        figures.choices(toy, solved, none),
        figures.customers(none, solved),
    ):
        assert texts(fig.axes[0]) == ["No prices satisfy the constraints."]


def test_files_are_the_same_on_every_run(toy, tmp_path):
    case = record(toy, Setting(), GRADED)
    runs = [
        [path.read_bytes() for path in save_figure(figures.prices(case), tmp_path / name)]
        for name in ("a", "b")
    ]
    assert runs[0] == runs[1]
