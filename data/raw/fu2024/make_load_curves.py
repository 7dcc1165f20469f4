"""Typical days of a northern Chinese city into the ledgers `load_curves.csv` and `day_types.csv`.

Wu and Kan (2023) give the hourly load of 31 provinces of China in 2018. A typical day of a season
is the mean of all its days, hour by hour, in shares of the highest hour of all typical days: that
is the peak that the load rate refers to. The value is Beijing's; the range goes to the lowest and
highest of Beijing, Tianjin, Shanghai and Liaoning, each scaled in the same way.

Usage (with their file `Appendix 1_Hourly electric power load final.csv` beside this script)::

    python data/raw/fu2024/make_load_curves.py "Appendix 1_Hourly electric power load final.csv"
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean

CITY, RANGE = "BJ", ("BJ", "TJ", "SH", "LN")
FIRST = datetime(2018, 1, 1)
HOURS = 8760
SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}
SOURCE = (
    "Wu and Kan 2023, Hourly electric power load of 31 provinces of China, "
    "doi:10.5281/zenodo.8322210 (CC BY 4.0)"
)
COLUMNS = ("symbol", "name", "value", "unit", "low", "high", "status", "source", "note")


def typical_days(load: Sequence[float]) -> dict[tuple[str, int], float]:
    """Share of the peak by season and hour, from the hours of a year."""
    season_of = {month: name for name, months in SEASONS.items() for month in months}
    found: dict[tuple[str, int], list[float]] = {}
    for k, value in enumerate(load):
        time = FIRST + timedelta(hours=k)
        found.setdefault((season_of[time.month], time.hour), []).append(value)
    means = {key: mean(values) for key, values in found.items()}
    highest = max(means.values())
    return {key: value / highest for key, value in means.items()}


def read_loads(path: Path) -> dict[str, list[float]]:
    """Hourly loads by the column name of the province, from the published file or a copy of it."""
    text = path.read_text(encoding="utf-8-sig")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter))
    if len(rows) != HOURS:
        raise ValueError(f"{path} has {len(rows)} hours, expected {HOURS}")
    return {name: [float(row[name]) for row in rows] for name in RANGE}


def write(path: Path, keys: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a ledger."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*keys, *COLUMNS])
        writer.writerows(rows)


def main() -> None:
    """Write both ledgers beside this script."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("source", type=Path)
    loads = read_loads(parser.parse_args().source)
    days = {name: typical_days(load) for name, load in loads.items()}
    curves, types = [], []
    for season, months in SEASONS.items():
        count = sum((FIRST + timedelta(days=k)).month in months for k in range(365))
        note = "Months " + ", ".join(map(str, months)) + "."
        types.append(
            [season, "days", "Days a year", count, "d/yr", "", "", "derived", "Calendar", note]
        )
        for hour in range(24):
            shares = [round(days[name][season, hour], 4) for name in RANGE]
            key = [season, hour, "load", "Load over the peak of the typical days"]
            number = [shares[RANGE.index(CITY)], "dimensionless", min(shares), max(shares)]
            origin = ["literature", SOURCE, "Beijing 2018; stands in for Figure 4."]
            curves.append([*key, *number, *origin])
    folder = Path(__file__).parent
    write(folder / "load_curves.csv", ("day_type", "hour"), curves)
    write(folder / "day_types.csv", ("day_type",), types)


if __name__ == "__main__":
    main()
