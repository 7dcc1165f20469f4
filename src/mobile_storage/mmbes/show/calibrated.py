"""The calibration as tables: predicted and searched anew, places in the ranges, their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mobile_storage.mmbes.search.calibration import Space

__all__ = ["places_in_range", "searched_table", "spread_table"]


def searched_table(
    targets: Sequence[Mapping[str, Any]], best: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    """What the calibration predicted, on its grid, against the optimum searched anew.

    Parameters
    ----------
    targets : sequence of mapping
        Of the record of the calibration.
    best : mapping
        `report.describe` at the optimum of ``prospect`` and ``net_profit``, calibrated set.
    """
    searched = {
        "P2-01": best["prospect"]["energy_kwh"],
        "P2-02": best["prospect"]["elcc_kw"],
        "P2-03": best["prospect"]["deferral_yr"],
        "P2-04": best["prospect"]["eens_cut_kwh"],
        "P2-06": best["net_profit"]["energy_kwh"],
    }
    rows = []
    for target in targets:
        if target["claim"] in searched:
            found, predicted = searched[target["claim"]], target["calibrated"]
            share = 100.0 * (found / predicted - 1.0) if predicted else None
            off = (found - predicted) / target["tolerance"]
            rows.append((target["claim"], predicted, found, share, off))
    names = ("Claim", "By the calibration", "Searched anew", "Difference (%)")
    return pd.DataFrame(rows, columns=[*names, "Difference, in tolerances"])


def places_in_range(moved: pd.DataFrame) -> dict[str, np.ndarray]:
    """Where values lie in their ranges, 0 to 1, on the logarithm where the search does so.

    Parameters
    ----------
    moved : DataFrame
        `tables.moved_values`.
    """
    space = Space(
        tuple(moved["Symbol"]), *(moved[c].to_numpy(float) for c in ("Low", "High", "Literature"))
    )
    columns = ("Literature", "Calibrated", "Ensemble, least", "Ensemble, most")
    return {c: space.share(moved[c].to_numpy(float)) for c in columns}


def spread_table(moved: pd.DataFrame, places: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """How much of its range the members of the ensemble spread over, the least first.

    Parameters
    ----------
    moved : DataFrame
        `tables.moved_values`.
    places : mapping
        From `places_in_range`.
    """
    least, most = places["Ensemble, least"], places["Ensemble, most"]
    inside = {
        f"{name} inside": np.where((places[name] >= least) & (places[name] <= most), "yes", "no")
        for name in ("Literature", "Calibrated")
    }
    columns = ["Symbol", "Ensemble, least", "Ensemble, most", "Unit"]
    table = moved[columns].assign(**{"Spread over the range": most - least}, **inside)
    return table.sort_values("Spread over the range", kind="stable")
