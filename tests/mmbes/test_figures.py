"""What the figures show, read back from their axes, and that they stay legible and stable."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mobile_storage.adequacy.analytic.network import Branch, LoadPoint, Network, Node
from mobile_storage.core.margins import holding
from mobile_storage.core.style import save_figure
from mobile_storage.mmbes.analysis.implied import transformer_options
from mobile_storage.mmbes.claims import SetResults, margins
from mobile_storage.mmbes.model.substation import ATTRIBUTES, LoadCurves
from mobile_storage.mmbes.show import figures
from mobile_storage.mmbes.show.figures.layout import layout, straight_ties
from mobile_storage.mmbes.show.figures.outages import MOST_SHOWN

SETS = ("literature", "calibrated")
NOTHING = {"energy_kwh": 0.0, "power_kw": 0.0}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def row(energy: float = 5000.0, power: float = 3000.0, **changes: float) -> dict[str, float]:
    """A size in numbers, everything in proportion to the energy."""
    share = energy / 5000.0
    worth = dict(zip(ATTRIBUTES, (0.3e6, 6e6, 12e6, 1e6, -9e6), strict=True))
    prospect = dict(zip(ATTRIBUTES, (6e4, 9e5, 16e5, 2e5, -24e5), strict=True))
    base = {
        "energy_kwh": energy,
        "power_kw": power,
        "loss_cut_kwh": 5e4 * share,
        "eens_before_kwh": 11e3,
        "eens_cut_kwh": 2100.0 * share,
        "elcc_kw": 3300.0 * share,
        "deferral_yr": 12.0 * share,
        **{f"worth_{k}_yuan": v * share for k, v in worth.items()},
        **{f"prospect_{k}": v * share for k, v in prospect.items()},
        "prospect": sum(prospect.values()) * share / 5,
        "net_profit_yuan": sum(worth.values()) * share,
    }
    return base | changes


def family(*points: tuple[str, float, dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame({"series": s, "value": v, **r} for s, v, r in points)


def rates(top: float) -> pd.DataFrame:
    sweep = enumerate(np.geomspace(0.50, 0.65, 5))
    return family(*(("load_rate", v, row(top * k / 4, top * k / 8)) for k, v in sweep))


def weights(top: float) -> pd.DataFrame:
    return family(
        *(
            (attribute, weight, row(top * (1 + 0.1 * k * (weight - 0.2)), top / 2))
            for k, attribute in enumerate(ATTRIBUTES)
            for weight in (0.4, 0.1)
        )
    )


def cognition(top: float) -> pd.DataFrame:
    values = {"alpha_beta": (0.8, 0.88), "loss_aversion": (1.0, 2.25), "gamma_delta": (0.5, 1.0)}
    return family(
        *(
            (name, v, row(top * (1 + 0.1 * k), top / 2))
            for name, ends in values.items()
            for k, v in enumerate(ends)
        )
    )


def references(top: float) -> pd.DataFrame:
    return family(
        *(
            (attribute, value, row(top * (1 - 0.2 * k), top / 2, prospect_cost=1e6 - 8e5 * k))
            for attribute in ATTRIBUTES
            for k, value in enumerate(np.linspace(2e7, 0.0, 3))
        )
    )


def extremes(top: float) -> pd.DataFrame:
    without = row(0.9 * top, top / 2, prospect_extreme=0.0)
    return family(("without", 0.0, without), ("with", 1.0, row(top, top / 2)))


def both(make) -> dict[str, pd.DataFrame]:
    """Frames of both sets; in the literature set half as much is built."""
    return {"literature": make(2500.0), "calibrated": make(5000.0)}


BASE = {"literature": row(2500.0, 1250.0), "calibrated": row()}
KEYS = [f"{name}_{kind}" for kind in ("prospect", "net_profit") for name in SETS]


def grid(best_kwh: float, height: float = 1e6) -> pd.DataFrame:
    energy, power = np.meshgrid(np.linspace(0, 16e3, 33), np.linspace(0, 8e3, 17), indexing="ij")
    fall = ((energy - best_kwh) / 3e3) ** 2 + ((power - best_kwh / 2) / 2e3) ** 2
    columns = {"energy_kwh": energy, "power_kw": power, "value": -height * fall}
    return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def optimum(energy: float) -> dict[str, object]:
    size = {"energy_kwh": energy, "power_kw": energy / 2, "value": 1.0}
    return {"optimum": row(energy, energy / 2), "value": 1.0, "grid": size, "direct": size}


OPTIMA = {key: optimum(e) for key, e in zip(KEYS, (0.0, 5e3, 7e3, 9e3), strict=True)}
GRIDS = {key: grid(e) for key, e in zip(KEYS, (0.0, 5e3, 7e3, 9e3), strict=True)}
CURVES = pd.DataFrame(
    {"iteration": range(301)}
    | {f"seed_{s}": 100 * (1 - np.exp(-np.arange(301) / (4.0 + s))) for s in range(1, 5)}
)
FAULTS = [
    {"name": f"fault {k}", "eens_before_kwh": b, "eens_after_kwh": 0.7 * b}
    for k, b in enumerate([0.0, *np.geomspace(4000, 40, MOST_SHOWN + 3)])
]
SMALL_FAULTS = [("tiny", 0.5), ("large", 1000.0), ("fair", 2.0), ("small", 0.9)]
CALIBRATION = {
    "targets": [
        {"claim": "P2-01", "name": "Capacity", "published": 5000.0, "tolerance": 500.0}
        | {"literature": 2500.0, "calibrated": 5250.0},
        {"claim": "P2-08", "name": "Capacity (low end)", "published": 0.0, "tolerance": 1100.0}
        | {"literature": 0.0, "calibrated": 110.0},
    ],
    "moved": [
        {"symbol": "economics.narrow", "literature": 2.0, "calibrated": 2.5, "low": 1.0}
        | {"high": 3.0, "ensemble_low": 1.5, "ensemble_high": 3.0},
        {"symbol": "economics.wide", "literature": 10.0, "calibrated": 100.0, "low": 1.0}
        | {"high": 100.0, "ensemble_low": 1.0, "ensemble_high": 10.0},
    ],
}


def results(energy: float) -> SetResults:
    return SetResults(
        row(energy, energy / 2),
        row(2 * energy, energy, net_profit_yuan=2e7),
        rates(2 * energy),
        weights(energy),
        references(energy),
        extremes(energy),
    )


@pytest.fixture
def case_network() -> Network:
    """Two lines, two transformers, two feeders, the three open ties of the paper's figure."""
    nodes = ("66 kV A", "66 kV B", "10 kV I", "10 kV II", "F1", "F2")
    return Network(
        nodes=(
            Node("220 kV", source_capacity=np.inf),
            *(Node(name) for name in nodes),
            Node("Substation 2", source_capacity=5e3),
        ),
        branches=(
            Branch("L1", "220 kV", "66 kV A", from_device="breaker"),
            Branch("L2", "220 kV", "66 kV B", from_device="breaker"),
            Branch("T1", "66 kV A", "10 kV I", from_device="breaker", to_device="breaker"),
            Branch("T2", "66 kV B", "10 kV II", from_device="breaker", to_device="fuse"),
            Branch("feeder 1", "10 kV I", "F1", to_device="disconnector"),
            Branch("feeder 2", "10 kV II", "F2", from_device="breaker"),
            Branch("QF5", "66 kV A", "66 kV B", normally_open=True),
            Branch("QF6", "10 kV I", "10 kV II", normally_open=True, automatic=True),
            Branch("QF12", "F2", "Substation 2", normally_open=True),
            Branch("around", "F1", "F2", normally_open=True),
        ),
        load_points=tuple(
            LoadPoint(name, node, 1.0)
            for name, node in (("S1", "F1"), ("S2", "F1"), ("S3", "F2"), ("S4", "10 kV II"))
        ),
        storage_node="10 kV I",
    )


def outages(faults: list[dict[str, object]]) -> dict[str, object]:
    return {"size": row(), "contingencies": faults}


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def points_of(ax, marker: str) -> list[tuple[float, float]]:
    """Points drawn with a marker."""
    return [
        (float(x), float(y))
        for line in ax.lines
        if line.get_marker() == marker
        for x, y in zip(np.ravel(line.get_xdata()), np.ravel(line.get_ydata()), strict=True)
    ]


class TestTheory:
    def test_a_loss_weighs_as_much_more_as_loss_aversion_says(self, preferences):
        ax = figures.value_function({"literature": preferences}).axes[0]
        curve = next(line for line in ax.lines if len(line.get_xdata()) > 2)
        value = dict(zip(np.round(curve.get_xdata(), 6), curve.get_ydata(), strict=True))
        assert value[1.0] == pytest.approx(1.0)
        assert value[-1.0] == pytest.approx(-2.25)
        assert value[2.0] == pytest.approx(2**0.88)

    def test_sets_that_agree_share_a_curve(self, preferences):
        other = replace(preferences, loss_aversion=3.0)
        same = figures.value_function(dict.fromkeys(SETS, preferences)).axes[0]
        apart = figures.value_function({"literature": preferences, "calibrated": other}).axes[0]
        assert len(apart.lines) == len(same.lines) + 1

    def test_scenarios_stand_at_their_weight(self, preferences):
        chances = {"literature": np.array([0.01, 0.05])}
        _, small = figures.weighting({"literature": preferences}, chances).axes
        # Tversky and Kahneman's function at 0.61: 0.0553 and 0.1316
        assert points_of(small, "o") == [
            (0.01, pytest.approx(0.0553, abs=1e-4)),
            (0.05, pytest.approx(0.1316, abs=1e-4)),
        ]
        assert small.lines[0].get_xdata()[-1] == pytest.approx(0.1)

    def test_without_any_scenario_small_chances_are_shown_all_the_same(self, preferences):
        fig = figures.weighting({"literature": preferences}, {"literature": np.zeros(2)})
        assert points_of(fig.axes[1], "o") == []


class TestSchedule:
    def test_storage_shaves_every_day_by_what_the_schedule_says(self, substation):
        fig = figures.schedule(substation, row())
        above = fig.axes[:4]
        peak = substation.curves.shape.max(axis=1) * substation.peak_kw / 1e3
        for ax, highest in zip(above, peak, strict=True):
            load, net = (patch.get_data()[0] for patch in ax.patches)
            assert load.max() == pytest.approx(highest)
            assert net.max() < load.max()
            assert net.min() > load.min()

    def test_the_state_of_charge_moves_between_its_limits(self, substation):
        charge = figures.schedule(substation, row()).axes[4].lines[0].get_ydata()
        assert charge.max() == pytest.approx(90.0)
        assert charge.min() == pytest.approx(10.0)

    def test_without_storage_the_load_stays_what_it_is(self, substation):
        fig = figures.schedule(substation, NOTHING)
        load, net = (patch.get_data()[0] for patch in fig.axes[0].patches)
        assert np.array_equal(load, net)
        assert texts(fig.axes[4]) == ["no storage"]

    @pytest.mark.parametrize("days", [1, 5, 40])
    def test_any_number_of_day_types(self, substation, days):
        shape = np.resize(substation.curves.shape, (days, 24))
        curves = LoadCurves(
            tuple(f"day {k}" for k in range(days)), shape, np.full(days, 365 / days)
        )
        fig = figures.schedule(replace(substation, curves=curves), row())
        fig.canvas.draw()
        shown = [ax for ax in fig.axes if ax.get_title()]
        assert len(shown) == min(days, 12)
        assert fig.get_size_inches()[1] < 10


class TestSoc:
    def test_chances_of_each_hour_and_of_all_hours_add_up(self, substation):
        fig = figures.soc({"calibrated": substation}, {"calibrated": row()})
        joint, marginal = fig.axes[:2]
        mesh = joint.collections[0].get_array()
        assert np.allclose(mesh.sum(axis=0), 100.0)
        assert sum(bar.get_width() for bar in marginal.patches) == pytest.approx(100.0)

    def test_the_mean_over_all_hours_is_that_of_the_hours(self, substation):
        joint = figures.soc({"calibrated": substation}, {"calibrated": row()}).axes[0]
        mean = joint.patches[0].get_data()[0]
        assert joint.lines[0].get_ydata()[0] == pytest.approx(mean.mean())

    def test_nothing_built_is_said_so(self, substation):
        fig = figures.soc({"literature": substation}, {"literature": NOTHING})
        assert [texts(ax) for ax in fig.axes[:2]] == [["nothing is built"]] * 2


class TestNetwork:
    def test_busbars_span_what_hangs_below_them(self, case_network):
        plan = layout(case_network)
        for node, hanging in plan.below.items():
            columns = [column for _, _, column in hanging]
            assert plan.span[node] == (min(columns), max(columns))
        # A busbar of the next level hangs in the middle of its own span.
        (line,) = (c for _, name, c in plan.below["220 kV"] if name == "L1")
        assert line == np.mean(plan.span["66 kV A"])

    def test_everything_that_ends_has_a_column_of_its_own(self, case_network):
        plan = layout(case_network)
        ends = [c for below in plan.below.values() for kind, _, c in below if kind != "branch"]
        assert sorted(ends) == list(range(plan.columns))
        # Four loads, the storage, and both ends of four ties.
        assert plan.columns == 4 + 1 + 8

    def test_ties_between_neighbours_are_straight(self, case_network):
        plan = layout(case_network)
        assert set(straight_ties(case_network, plan)) == {"QF5", "QF6", "QF12"}
        assert plan.depth["Substation 2"] == plan.depth["F2"]

    def test_every_element_is_named(self, case_network):
        ax = figures.network(case_network, {"T1", "T2"}, {"S1", "S3"}).axes[0]
        shown = texts(ax)
        for element in (*case_network.nodes, *case_network.branches, *case_network.load_points):
            assert sum(text.split(",")[0] == element.name for text in shown) == 1, element.name
        assert "MMBES" in shown
        bold = {t.get_text() for t in ax.texts if t.get_weight() == "bold"}
        assert {"S1", "S3"} <= bold
        assert not {"S2", "S4"} & bold


class TestOptimum:
    def test_the_best_size_of_every_method_and_the_published_one_are_marked(self):
        axes = figures.optimum_map(GRIDS, OPTIMA, SETS, {"prospect": 4986.83}).axes
        for ax, energy in zip(axes, (0.0, 5.0, 7.0, 9.0), strict=False):
            for marker in "ox+":
                assert points_of(ax, marker) == [(energy, energy / 2)]
        dotted = [
            [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
            for ax in axes[:4]
        ]
        assert dotted == [[4.98683], [4.98683], [], []]

    def test_an_objective_that_is_the_same_everywhere_is_said_so(self):
        flat = {key: frame.assign(value=0.0) for key, frame in GRIDS.items()}
        ax = figures.optimum_map(flat, OPTIMA, SETS, {}).axes[0]
        assert texts(ax) == ["the same for every size"]

    def test_bars_are_worth_in_million_yuan_and_their_total(self):
        left, _ = figures.attributes(BASE).axes
        widths = [round(bar.get_width(), 9) for bar in left.patches]
        assert widths[:6] == [0.15, 3.0, 6.0, 0.5, -4.5, 5.15]
        assert widths[6:] == [0.3, 6.0, 12.0, 1.0, -9.0, 10.3]

    def test_curves_fall_from_one(self):
        axes = figures.convergence(dict.fromkeys(KEYS, CURVES), 200, 300).axes
        median = axes[0].lines[-3].get_ydata()
        assert median[0] == pytest.approx(1.0)
        assert (np.diff(median) <= 0).all()
        assert [line.get_xdata()[0] for line in axes[0].lines[-2:]] == [200, 300]

    def test_a_run_that_ended_early_stays_where_it_ended(self):
        short = CURVES.copy()
        short.loc[10:, "seed_1"] = np.nan
        ax = figures.convergence({"literature_prospect": short}, 200, 300).axes[0]
        assert ax.lines[0].get_ydata()[9] == pytest.approx(1e-16)

    def test_a_first_population_that_holds_the_best_is_said_so(self):
        flat = CURVES.assign(**{f"seed_{k}": 0.0 for k in range(1, 5)})
        ax = figures.convergence({"literature_prospect": flat}, 200, 300).axes[0]
        assert texts(ax) == ["the first population holds the best already"]


class TestScenarios:
    def test_load_rates_are_in_order_whatever_the_rows_are(self):
        frames = {name: f.iloc[::-1] for name, f in both(rates).items()}
        axes = figures.load_rate(frames).axes
        energy, power = axes[5].lines
        assert list(energy.get_ydata()) == [0.0, 1.25, 2.5, 3.75, 5.0]
        assert list(power.get_ydata()) == [0.0, 0.625, 1.25, 1.875, 2.5]
        assert energy.get_xdata()[0] == pytest.approx(0.5)
        # Prospects in thousands at the highest load rate of the calibrated set.
        ends = [line.get_ydata()[-1] for line in axes[1].lines[:5]]
        assert ends == pytest.approx([60, 900, 1600, 200, -2400])

    def test_the_open_marker_is_the_lower_weight(self):
        ax = figures.importance(both(weights), BASE).axes[0]
        low, high = (sorted(points_of(ax, m), key=lambda p: p[1]) for m in "o^")
        assert low[4] == (pytest.approx(2.5 * (1 - 0.04)), 4.0)
        assert high[4] == (pytest.approx(2.5 * (1 + 0.08)), 4.0)
        assert low[0] == high[0] == (2.5, 0.0)

    def test_the_planner_as_it_is_stands_out_where_it_has_one_value(self):
        at = {"literature": {"alpha_beta": 0.88}, "calibrated": {}}
        axes = figures.cognition(both(cognition), BASE, at).axes
        rings = [[line for line in ax.lines if line.get_markersize() == 9.0] for ax in axes]
        assert [len(found) for found in rings] == [1, 0, 0, 1, 0, 0]
        assert rings[0][0].get_ydata()[0] == 2.5

    def test_sizes_stand_against_what_is_expected(self):
        at = dict.fromkeys(SETS, dict.fromkeys(ATTRIBUTES, 5e6))
        axes = figures.reference(both(references), BASE, at).axes
        energy = axes[0].lines[0]
        assert dict(zip(energy.get_xdata(), energy.get_ydata(), strict=True)) == pytest.approx(
            {20.0: 2.5, 10.0: 2.0, 0.0: 1.5}
        )
        assert axes[0].lines[1].get_xdata()[0] == 5.0
        assert axes[2].lines[0].get_ydata()[-1] == 1000.0

    def test_bars_without_and_with_extreme_events(self):
        axes = figures.extreme(both(extremes)).axes
        assert [bar.get_height() for bar in axes[0].patches] == [2.25, 2.5, 4.5, 5.0]
        assert [bar.get_height() for bar in axes[2].patches] == pytest.approx([4.05, 4.5, 8.1, 9])
        assert [bar.get_height() for bar in axes[3].patches][::2] == [0.0, 0.0]


class TestAdequacy:
    def test_the_worst_come_first_and_the_rest_is_one_bar(self):
        ax = figures.adequacy({"calibrated": outages(FAULTS)}).axes[0]
        names = [label.get_text() for label in ax.get_yticklabels()]
        assert names[0] == "fault 1"
        assert names[-1] == "3 others"
        assert len(names) == MOST_SHOWN + 1
        before = sum(bar.get_width() for bar in ax.patches[: len(names)])
        assert before == pytest.approx(sum(fault["eens_before_kwh"] for fault in FAULTS))

    def test_what_hardly_counts_is_put_together(self):
        faults = [{"name": n, "eens_before_kwh": b, "eens_after_kwh": 0.0} for n, b in SMALL_FAULTS]
        ax = figures.adequacy({"calibrated": outages(faults)}).axes[0]
        assert [t.get_text() for t in ax.get_yticklabels()] == ["large", "fair", "2 others"]

    @pytest.mark.parametrize("faults", [[], FAULTS[:1]])
    def test_without_outages_it_says_so(self, faults):
        ax = figures.adequacy({"calibrated": outages(faults)}).axes[0]
        assert texts(ax) == ["nothing is left unserved"]


class TestCalibration:
    def test_targets_are_drawn_in_tolerances_and_values_in_their_ranges(self):
        left, right = figures.calibration(CALIBRATION).axes
        assert points_of(left, "o") == [(-5.0, 0.0), (0.0, 1.0)]
        assert points_of(left, "^") == [(0.5, 0.0), (pytest.approx(0.1), 1.0)]
        # The second range is wide: the middle of 1 to 100 is 10.
        assert points_of(right, "o") == [(0.5, 0.0), (pytest.approx(0.5), 1.0)]
        assert points_of(right, "^") == [(0.75, 0.0), (pytest.approx(1.0), 1.0)]

    def test_without_targets_it_says_so(self):
        ax = figures.calibration({"targets": [], "moved": []}).axes[0]
        assert texts(ax) == ["Nothing was calibrated."]

    def test_targets_are_left_out_of_the_spread(self):
        members = [results(e) for e in (4800.0, 5200.0)]
        fig = figures.ensemble(members, results(2500.0), results(5000.0), ["P2-01", "P2-02"])
        labels = [ax.get_yticklabels()[0].get_text() for ax in fig.axes[:-1]]
        assert labels[:2] == ["Power (MW)", "Deferral (yr)"]
        assert points_of(fig.axes[0], "|") == [(2.4, 0.0), (2.6, 0.0)]
        assert points_of(fig.axes[0], "o") == [(1.25, 0.0)]

    def test_squares_are_the_claims_that_hold(self):
        grid = figures.ensemble([results(4800.0)], results(2500.0), results(5000.0), []).axes[-1]
        true = [sum(holding(margins(results(e))).values()) for e in (2500.0, 5000.0, 4800.0)]
        squares = [x for x, _ in points_of(grid, "s")]
        assert [squares.count(x) for x in range(3)] == true
        assert len(points_of(grid, "x")) == 3 * len(margins(results(1e3))) - sum(true)

    def test_an_empty_ensemble_leaves_the_two_sets(self):
        fig = figures.ensemble([], results(2500.0), results(5000.0), [])
        assert [t.get_text() for t in fig.axes[-1].get_xticklabels()] == ["lit.", "cal."]

    def test_only_pairs_that_fit_are_filled(self):
        peaks = {"low": 16300.0, "peak": 17000.0, "high": 17800.0}
        ax = figures.implied(transformer_options(peaks, 0.9, (0.5, 0.65)), (0.5, 0.65)).axes[0]
        assert points_of(ax, "^") == [(4.0, pytest.approx(17000 / 0.9 / 32000))]
        assert len(points_of(ax, "o")) == 10


@pytest.fixture
def every_figure(substation, preferences, case_network, repository):
    """Each figure by its file's name."""
    planners = {"literature": preferences, "calibrated": replace(preferences, alpha=0.8, gamma=0.7)}
    at = dict.fromkeys(SETS, dict.fromkeys(ATTRIBUTES, 1e6))
    own = {"alpha_beta": 0.88, "loss_aversion": 2.25}
    peaks = {"low": 16300.0, "peak": 17000.0, "high": 17800.0}
    members = [results(e) for e in (4800.0, 5200.0)]
    folder = repository / "data/results/fu2024"
    searches, eens = (
        {name: pd.read_csv(folder / f"independence/{name}_{part}.csv") for name in SETS}
        for part in ("searches", "eens")
    )
    hours = pd.read_csv(folder / "power_flow/calibrated.csv")
    return {
        "value_function": lambda: figures.value_function(planners),
        "weighting": lambda: figures.weighting(planners, {"calibrated": np.array([0.02])}),
        "schedule": lambda: figures.schedule(substation, row()),
        "soc": lambda: figures.soc(dict.fromkeys(SETS, substation), BASE),
        "flowchart": figures.flowchart,
        "network": lambda: figures.network(case_network, {"T1", "T2"}, {"S1"}),
        "optimum_map": lambda: figures.optimum_map(GRIDS, OPTIMA, SETS, {"prospect": 4986.83}),
        "attributes": lambda: figures.attributes(BASE),
        "convergence": lambda: figures.convergence(dict.fromkeys(KEYS, CURVES), 200, 300),
        "load_rate": lambda: figures.load_rate(both(rates)),
        "importance": lambda: figures.importance(both(weights), BASE),
        "cognition": lambda: figures.cognition(both(cognition), BASE, dict.fromkeys(SETS, own)),
        "reference": lambda: figures.reference(both(references), BASE, at),
        "extreme": lambda: figures.extreme(both(extremes)),
        "adequacy": lambda: figures.adequacy(dict.fromkeys(SETS, outages(FAULTS))),
        "calibration": lambda: figures.calibration(CALIBRATION),
        "ensemble": lambda: figures.ensemble(members, results(2500.0), results(5000.0), []),
        "implied": lambda: figures.implied(
            transformer_options(peaks, 0.9, (0.5, 0.65)), (0.5, 0.65)
        ),
        "independence": lambda: figures.independence(searches, eens),
        "power_flow": lambda: figures.power_flow(hours, "best prospect"),
    }


#: No stage writes these to a file; they are tested beside the tables of their sections.
IN_NOTEBOOKS_ONLY = {"along_energy", "expected_cost", "rate_trends", "typical_days"}


def nothing_built(make) -> dict[str, pd.DataFrame]:
    """The same scenarios, none of which builds anything."""
    return {name: frame.assign(**row(0.0, 0.0)) for name, frame in both(make).items()}


@pytest.mark.filterwarnings("error")
def test_where_nothing_is_ever_built_every_figure_is_drawn_all_the_same(substation):
    base = dict.fromkeys(SETS, row(0.0, 0.0))
    at = dict.fromkeys(SETS, dict.fromkeys(ATTRIBUTES, 0.0))
    never = SetResults(
        base["literature"],
        base["literature"],
        *(nothing_built(make)["literature"] for make in (rates, weights, references, extremes)),
    )
    flat = {key: frame.assign(value=0.0) for key, frame in GRIDS.items()}
    for fig in (
        figures.load_rate(nothing_built(rates)),
        figures.importance(nothing_built(weights), base),
        figures.cognition(nothing_built(cognition), base, at),
        figures.reference(nothing_built(references), base, at),
        figures.extreme(nothing_built(extremes)),
        figures.attributes(base),
        figures.optimum_map(flat, dict.fromkeys(KEYS, optimum(0.0)), SETS, {}),
        figures.ensemble([never], never, never, []),
        figures.soc(dict.fromkeys(SETS, substation), base),
        figures.schedule(substation, base["literature"]),
    ):
        assert overhang(fig) < 0.01


def overhang(fig) -> float:
    """How far anything drawn reaches beyond the figure's edge, inches."""
    fig.canvas.draw()
    drawn, (width, height) = fig.get_tightbbox(), fig.get_size_inches()
    return max(-drawn.x0, -drawn.y0, drawn.x1 - width, drawn.y1 - height)


def test_nothing_is_cut_off_at_the_edge(every_figure):
    assert set(every_figure) | IN_NOTEBOOKS_ONLY == set(figures.__all__)
    for name, draw in every_figure.items():
        assert overhang(draw()) < 0.01, name
        plt.close("all")


def test_files_are_the_same_on_every_run(every_figure, tmp_path):
    for name in ("optimum_map", "network", "soc"):
        runs = [
            [path.read_bytes() for path in save_figure(every_figure[name](), tmp_path / run)]
            for run in ("a", "b")
        ]
        assert runs[0] == runs[1], name
