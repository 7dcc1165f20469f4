"""What the worlds say: shares, and the values that flip a verdict.

::

    python -m mobile_storage.flip.analysis                  # both papers
    python -m mobile_storage.flip.analysis --paper fu2024

reads what `mobile_storage.flip` computed (``worlds.parquet``, ``screening.parquet``,
``factors.csv``, ``run.json``) and writes ``summary.csv``, ``indices.csv`` and ``thresholds.csv``
beside it. Beside the claims there are two more *outcomes* of a world: ``answered``, that it has an
answer at all, and ``built``, that storage is built in it (sells anything, paper 1).

The influence of a value on an outcome is measured in three ways, none of which needs the model to
be smooth or monotone:

- Regional sensitivity (Hornberger and Spear 1981, J. Environ. Manage. 12:7-18): how far apart the
  value's distributions are in worlds that hold and in the others. As a split of the range it is
  Youden's J, the share of the ones on one side less that of the others (Youden 1950, Cancer
  3:32-35), and where that is largest is the *threshold*.
- The share of the outcome's variance that the value explains alone, S1, from the same worlds
  (RBD-FAST; Tarantola, Gatelli and Mara 2006, Reliab. Eng. Syst. Saf. 91:717-727).
- One value at a time, from everywhere in the box (Morris 1991, Technometrics 33:161-174): the
  share of steps that flip the outcome.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from SALib.analyze import rbd_fast

from mobile_storage.core.io import read_json, write_csv
from mobile_storage.core.log import stage
from mobile_storage.core.papers import PAPERS
from mobile_storage.flip.thresholds import RESAMPLES, SEED, decided, share, thresholds, tried
from mobile_storage.flip.worlds import FLIP, NO_SHARE, condition

__all__ = ["analyse", "elementary_effects", "outcomes", "write"]

SUMMARY = (
    *("claim", "worlds", "asked", "holds", "share", "share_low", "share_high"),
    *("built", "holds_where_built"),
    *("share_where_built", "share_where_built_low", "share_where_built_high"),
    *("margin_p05", "margin_p50", "margin_p95", "flips", "flips_where_built", "why"),
)
INDICES = (
    *("outcome", "factor", "youden_j", "p_adjusted", "holds_above", "s1", "s1_conf"),
    *("steps", "steps_that_flip"),
)
COUNTS = ("asked", "holds", "built", "holds_where_built")


def outcomes(worlds: pd.DataFrame) -> pd.DataFrame:
    """``answered``, ``built`` and every claim as nullable booleans, one row a world.

    ``built`` and the claims are missing where a world has no answer.
    """
    answered = worlds["status"] == "answered"
    frame = pd.DataFrame({"answered": answered.astype("boolean")})
    frame["built"] = worlds["built"].astype("boolean").where(answered)
    for claim in _claims(worlds):
        frame[claim] = worlds[f"holds.{claim}"].astype("boolean").where(answered)
    return frame


def _claims(worlds: pd.DataFrame) -> list[str]:
    return sorted(c.removeprefix("holds.") for c in worlds.columns if c.startswith("holds."))


def _values(worlds: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    return worlds[[f"x.{factor}" for factor in factors]].set_axis(list(factors), axis=1)


def elementary_effects(values: pd.DataFrame, y: pd.Series) -> np.ndarray:
    """Change of an outcome at every step of a Morris design; NaN where an end has no answer.

    SALib's analysis would lose the whole trajectory for one world without an answer.

    Parameters
    ----------
    values : DataFrame
        One column a factor, and rows in trajectories of one more than that, in which one value
        after the other moves.
    y : Series
        The outcome of each row, missing where there is none.

    Returns
    -------
    ndarray, shape (trajectories, factors)
        Outcome at the higher place of the value less that at the lower one. It is not divided by
        the step, which is the same everywhere.

    Raises
    ------
    ValueError
        If a trajectory does not move every value once, one at a time.
    """
    rows, count = len(values), values.shape[1]
    if rows % (count + 1):
        raise ValueError(f"{rows} rows are no trajectories of {count + 1}")
    x = values.to_numpy(dtype=float).reshape(-1, count + 1, count)
    moved = np.sign(np.diff(x, axis=1))
    if (np.abs(moved).sum(axis=1) != 1).any() or (np.abs(moved).sum(axis=2) != 1).any():
        raise ValueError("a trajectory moves every value once, one at a time")
    change = np.diff(y.to_numpy(dtype=float, na_value=np.nan).reshape(-1, count + 1), axis=1)
    trajectory, step, factor = np.nonzero(moved)
    effects = np.empty(moved.shape[::2])
    effects[trajectory, factor] = (moved * change[..., None])[trajectory, step, factor]
    return effects


def analyse(
    worlds: pd.DataFrame, screening: pd.DataFrame, factors: pd.DataFrame, run: Mapping[str, Any]
) -> dict[str, pd.DataFrame]:
    """Return ``summary`` (a row a claim), ``indices`` (an outcome and value) and ``thresholds``.

    Parameters
    ----------
    worlds, screening : DataFrame
        The Latin hypercube and the Morris design, as `worlds.FlipTest` describes them.
    factors : DataFrame
        One row a varied value.
    run : mapping
        With `NO_SHARE`: by claim, why it cannot be asked in a world.
    """
    results, values = outcomes(worlds), _values(worlds, factors["factor"])
    found = thresholds(values, results, factors)
    rows = [_summary(claim, worlds, results, found) for claim in _claims(worlds)]
    rows += [{"claim": claim, "why": why} for claim, why in run[NO_SHARE].items()]
    summary = pd.DataFrame(rows, columns=SUMMARY).sort_values("claim", ignore_index=True)
    summary["worlds"] = len(worlds)
    summary[list(COUNTS)] = summary[list(COUNTS)].fillna(0).astype(int)
    screened = outcomes(screening), _values(screening, factors["factor"])
    return {
        "summary": summary,
        "indices": pd.DataFrame(_indices(values, results, *screened), columns=INDICES),
        "thresholds": found,
    }


def _summary(
    claim: str, worlds: pd.DataFrame, results: pd.DataFrame, found: pd.DataFrame
) -> dict[str, object]:
    asked = results[claim].notna()
    holds = results.loc[asked, claim].to_numpy(dtype=bool)
    where_built = holds[results.loc[asked, "built"].to_numpy(dtype=bool)]
    margins = worlds.loc[asked, f"margin.{claim}"].to_numpy(dtype=float)
    margins = margins[np.isfinite(margins)]
    shown = {5: "margin_p05", 50: "margin_p50", 95: "margin_p95"}
    return {
        "claim": claim,
        "asked": holds.size,
        "holds": int(holds.sum()),
        **share("share", holds),
        "built": where_built.size,
        "holds_where_built": int(where_built.sum()),
        **share("share_where_built", where_built),
        **{name: float(np.percentile(margins, q)) for q, name in shown.items() if margins.size},
        "flips": _in_words(found, claim, "all"),
        "flips_where_built": _in_words(found, claim, "built"),
        "why": "",
    }


def _in_words(found: pd.DataFrame, claim: str, among: str) -> str:
    """Thresholds as conditions under which the claim is likelier, the strongest first."""
    mine = found[(found["outcome"] == claim) & (found["among"] == among)]
    rows = mine.to_dict("records")
    return "; ".join(condition(row, above=row["holds_above"]) for row in rows)


def _indices(
    values: pd.DataFrame, results: pd.DataFrame, screened: pd.DataFrame, steps: pd.DataFrame
) -> Iterator[dict[str, object]]:
    """Influence of every value on every outcome; where that hardly ever changes, steps only."""
    for outcome in results:
        asked = results[outcome].notna()
        holds = results.loc[asked, outcome].to_numpy(dtype=bool)
        effects = np.abs(elementary_effects(steps, screened[outcome]))
        known = decided(holds)
        splits = tried(values[asked], holds) if known else {}
        alone = _alone(values[asked], holds) if known else {}
        for column, factor in zip(effects.T, values, strict=True):
            answered = column[~np.isnan(column)]
            row: dict[str, object] = {"outcome": outcome, "factor": factor}
            if known:
                split, p_adjusted = splits[factor]
                row |= {"youden_j": split.youden_j, "p_adjusted": p_adjusted}
                row |= {"holds_above": split.holds_above, **alone[factor]}
            row["steps"] = answered.size
            row["steps_that_flip"] = float(answered.mean()) if answered.size else None
            yield row


def _alone(values: pd.DataFrame, holds: np.ndarray) -> dict[str, dict[str, float]]:
    """Share of the outcome's variance that each value explains alone, with its half interval."""
    problem = {"num_vars": values.shape[1], "names": list(values)}
    x, y = values.to_numpy(dtype=float), holds.astype(float)
    found = rbd_fast.analyze(problem, x, y, num_resamples=RESAMPLES // 4, seed=SEED)
    pairs = zip(values, found["S1"], found["S1_conf"], strict=True)
    return {name: {"s1": float(s1), "s1_conf": float(conf)} for name, s1, conf in pairs}


def write(folder: str | Path) -> None:
    """Write ``summary.csv``, ``indices.csv`` and ``thresholds.csv`` of a paper's flip test.

    Parameters
    ----------
    folder : path
        ``data/flip/<paper>`` with the worlds.
    """
    folder = Path(folder)
    frames = analyse(
        pd.read_parquet(folder / "worlds.parquet"),
        pd.read_parquet(folder / "screening.parquet"),
        pd.read_csv(folder / "factors.csv"),
        read_json(folder / "run.json"),
    )
    for name, frame in frames.items():
        write_csv(frame, folder / f"{name}.csv")


def main(argv: Sequence[str] | None = None) -> None:
    """Analyse the worlds of one paper or of both."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--paper", choices=PAPERS, action="append", help="only this one")
    for paper in parser.parse_args(argv).paper or PAPERS:
        with stage("flip analysis", paper):
            write(FLIP / paper)


if __name__ == "__main__":
    main()
