"""Extract the daily PV yield of one SimBench profile into the ledger `renewable.csv`.

The SimBench wheel on PyPI carries quarter-hourly renewable profiles as power per unit of the
unit's rated power. The model absorbs renewable energy day by day, so the extract keeps one number
a day: the energy per rated kilowatt, the sum of that day's quarter-hourly values times a quarter
of an hour.

Usage (with `simbench` installed, see README.md beside the raw data)::

    python data/raw/bao2024/make_renewable.py data/raw/bao2024/renewable.csv
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

PROFILE = "PV1"
# Scenario 0 is SimBench's grid of today; the PV profiles are the same in all three scenarios.
PROFILE_FILE = Path("networks") / "1-complete_data-mixed-all-0-sw" / "RESProfile.csv"
HOURS_PER_STEP = 0.25

COLUMNS = (
    "day", "symbol", "name", "value", "unit", "low", "high", "status", "source", "note",
)  # fmt: skip
# Spread of annual in-plane irradiation between years, as a fraction: the range of each day.
RELATIVE_RANGE = 0.10


def daily_yield_kwh_per_kwp(rows: Iterable[Mapping[str, str]], profile: str) -> dict[str, float]:
    """Sum a quarter-hourly per-unit profile to daily energy.

    Parameters
    ----------
    rows
        Rows of a SimBench `RESProfile.csv`: `time` as `dd.mm.yyyy HH:MM` (local time) and one
        column for each profile, in per unit of rated power.
    profile
        Name of the column to sum.

    Returns
    -------
    dict
        Date as `dd.mm.yyyy` to kWh per rated kW, in the order of the file. The two days on which
        the clock changes have 92 and 100 steps, all of which count.

    Raises
    ------
    KeyError
        If the profile is not in the file.
    ValueError
        If a power is outside 0..1 per unit.
    """
    energy: dict[str, float] = {}
    for row in rows:
        power = float(row[profile])
        if not 0.0 <= power <= 1.0:
            raise ValueError(f"{profile} at {row['time']}: {power} is not a power per unit in 0..1")
        date = row["time"][:10]
        energy[date] = energy.get(date, 0.0) + power * HOURS_PER_STEP
    return energy


def ledger_rows(energy: Mapping[str, float], profile: str) -> list[dict[str, str]]:
    """Turn daily energies (kWh per rated kW) into ledger rows, day 1 first."""
    return [
        {
            "day": str(day),
            "symbol": "pv_yield",
            "name": "Daily PV energy per rated kilowatt",
            "value": f"{value:.4f}",
            "unit": "kWh/kWp/d",
            "low": f"{value * (1 - RELATIVE_RANGE):.4f}",
            "high": f"{value * (1 + RELATIVE_RANGE):.4f}",
            "status": "literature",
            "source": f"SimBench 1.6.1 profile {profile} (Meinecke et al. 2020; ODbL 1.0)",
            "note": date,
        }
        for day, (date, value) in enumerate(energy.items(), start=1)
    ]


def simbench_profiles() -> Path:
    """Find the profile table of the installed SimBench package without importing it."""
    spec = find_spec("simbench")
    if spec is None or spec.origin is None:
        raise SystemExit("simbench is not installed: pip install simbench==1.6.1")
    return Path(spec.origin).parent / PROFILE_FILE


def main(arguments: list[str] | None = None) -> None:
    """Write the extract to the path given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    target = parser.parse_args(arguments).target
    with simbench_profiles().open(newline="", encoding="utf-8") as stream:
        energy = daily_yield_kwh_per_kwp(csv.DictReader(stream, delimiter=";"), PROFILE)
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(ledger_rows(energy, PROFILE))


if __name__ == "__main__":
    main()
