"""The paper's numbers, and what they imply, for the stages ``tables`` and ``figures``."""

from __future__ import annotations

import pandas as pd

from mobile_storage.core.claims import read_claims
from mobile_storage.core.papers import CLAIMS, MMBES
from mobile_storage.mmbes.analysis.implied import peak_load, transformer_options
from mobile_storage.mmbes.model.data import RawMmbes
from mobile_storage.stages.mmbes.common import params


def published() -> dict[str, float]:
    """Claims of paper 2 that are one number, by id."""
    values = {claim.id: claim.published_value for claim in read_claims(CLAIMS, MMBES.key)}
    return {name: float(value) for name, value in values.items() if value and " to " not in value}


def load_rates() -> tuple[float, float]:
    """Ends of the sweep of section 5.3."""
    sweep = params()["scenarios"]["load_rate"]
    return sweep["lowest"], sweep["highest"]


def implied_peaks(raw: RawMmbes) -> dict[str, float]:
    """`implied.peak_load` of the published credible capacity and deferral, kW."""
    numbers = published()
    return peak_load(numbers["P2-02"], numbers["P2-03"], raw.substation["load_growth"])


def implied_options(raw: RawMmbes) -> pd.DataFrame:
    """`implied.transformer_options` at that peak."""
    return transformer_options(implied_peaks(raw), raw.substation["power_factor"], load_rates())
