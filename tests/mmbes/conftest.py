"""A small substation with round numbers."""

from __future__ import annotations

import numpy as np
import pytest

from mobile_storage.adequacy.analytic.contingency import Contingency, Deficit, Stage
from mobile_storage.mmbes.model.substation import (
    Battery,
    Economics,
    ExtremeEvents,
    LoadCurves,
    Losses,
    Preferences,
    Reliability,
    Substation,
)

#: A day with peaks before noon and in the evening, in shares of the peak.
DOUBLE_PEAK = [
    *(0.58, 0.55, 0.53, 0.52, 0.53, 0.57, 0.66, 0.78, 0.89, 0.96, 0.97, 0.93),
    *(0.86, 0.84, 0.85, 0.87, 0.91, 0.97, 1.00, 0.99, 0.94, 0.86, 0.74, 0.64),
]
PEAK_KW = 17000.0
ALL = Deficit((1.0,), (0.0,))
NONE = Deficit()


def above(knee_kw: float) -> Deficit:
    """Load above a capacity."""
    return Deficit((1.0,), (knee_kw,))


def contingencies(law: str = "exponential") -> tuple[Contingency, ...]:
    """Faults of two lines, two transformers, both lines at once, and a busbar's half."""
    switched = (Stage(0.5, ALL, NONE), Stage(np.inf, above(15000.0), NONE))
    half = Deficit((0.5,), (0.0,))
    return (
        Contingency("L1", 0.23, 8.0, law, (Stage(np.inf, above(13000.0), NONE),)),
        Contingency("T1", 0.015, 15.0, law, (Stage(np.inf, above(12500.0), NONE),)),
        Contingency("T2", 0.015, 15.0, law, (Stage(np.inf, above(12500.0), NONE),)),
        Contingency("L1+L2", 0.6, 3.0, law, switched),
        Contingency("B1", 0.01, 30.0, law, (Stage(1.0, half, half), Stage(np.inf, NONE, half))),
    )


@pytest.fixture(scope="session")
def substation() -> Substation:
    """Two transformers of 16 MVA, four kinds of day with 24 steps."""
    return Substation(
        load_rate=PEAK_KW / 0.9 / 32000.0,
        peak_kw=PEAK_KW,
        power_factor=0.9,
        growth=0.015,
        curves=LoadCurves(
            ("winter", "summer", "spring", "autumn"),
            np.outer([1.0, 0.93, 0.85, 0.8], DOUBLE_PEAK),
            np.array([91.0, 92.0, 91.0, 91.0]),
        ),
        battery=Battery(
            soc_min=0.1,
            soc_max=0.9,
            charge_efficiency=0.95,
            discharge_efficiency=0.95,
            availability=0.97,
            cycle_life=5000.0,
            calendar_life_yr=12.0,
        ),
        losses=Losses(
            line_resistance_ohm=np.array([0.85, 0.85]),
            voltage_kv=66.0,
            own_share=0.55,
            transformer_rating_kva=np.array([16000.0, 16000.0]),
            load_loss_kw=np.array([79.0, 79.0]),
            no_load_loss_kw=np.array([16.0, 16.0]),
        ),
        reliability=Reliability(contingencies(), 32000.0),
        extreme=ExtremeEvents(
            probability=np.array([0.02, 0.01]),
            duration_h=np.array([6.0, 24.0]),
            load_kw=np.array([600.0, 500.0, 900.0]),
            backup_h=np.array([2.0, 0.0, 0.0]),
            loss_per_kwh=np.array([200.0, 150.0, 60.0]),
            priority=np.array([0, 0, 1]),
        ),
        economics=Economics(
            horizon_yr=20.0,
            discount_rate=0.08,
            inflation_rate=0.02,
            loss_price=0.5,
            valley_price=0.3,
            interruption_cost=30.0,
            upgrade_cost=4e7,
            due_load_rate=0.65,
            energy_cost=1200.0,
            power_cost=500.0,
            replacement_cost=800.0,
            fixed_om=20.0,
            treatment_cost=60.0,
            recovered_value=90.0,
        ),
    )


@pytest.fixture(scope="session")
def preferences() -> Preferences:
    """The planner of Tversky and Kahneman (1992), all attributes alike."""
    return Preferences(
        alpha=0.88,
        beta=0.88,
        loss_aversion=2.25,
        gamma=0.61,
        delta=0.69,
        weights=np.full(5, 0.2),
        reference=np.zeros(5),
    )
