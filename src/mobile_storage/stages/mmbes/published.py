"""Published numbers of paper 2, and what they imply, for the stages ``tables`` and ``figures``."""

from __future__ import annotations

import pandas as pd

from mobile_storage.core.claims import read_claims
from mobile_storage.core.papers import CLAIMS, MMBES
from mobile_storage.mmbes.analysis.implied import peak_load, transformer_options
from mobile_storage.mmbes.model.raw import RawMmbes
from mobile_storage.stages.mmbes.common import params


def published() -> dict[str, float]:
    """Return the published numbers by claim, for claims of paper 2 with a single number."""
    values = {claim.id: claim.published_value for claim in read_claims(CLAIMS, MMBES.key)}
    return {name: float(value) for name, value in values.items() if value and " to " not in value}


def load_rates() -> tuple[float, float]:
    """Return the ends of the sweep of load rates in section 5.3."""
    sweep = params()["scenarios"]["load_rate"]
    return sweep["lowest"], sweep["highest"]


def implied_peaks(raw: RawMmbes) -> dict[str, float]:
    """Return `implied.peak_load` of the published credible capacity and deferral, kW."""
    numbers = published()
    return peak_load(numbers["P2-02"], numbers["P2-03"], raw.substation["load_growth"])


def implied_options(raw: RawMmbes) -> pd.DataFrame:
    """Return `implied.transformer_options` at the implied peak load."""
    return transformer_options(implied_peaks(raw), raw.substation["power_factor"], load_rates())
