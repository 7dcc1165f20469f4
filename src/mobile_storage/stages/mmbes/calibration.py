"""Stage ``mmbes_calibration``: both parameter sets, and an ensemble of others about as close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from mobile_storage.core.claims import read_claims
from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.core.io import write_json
from mobile_storage.core.log import end_with_parent, progress, stage
from mobile_storage.core.papers import CLAIMS, MMBES
from mobile_storage.mmbes.model.data import RawMmbes, ledger, read_raw
from mobile_storage.mmbes.search.calibration import (
    Fit,
    Misfit,
    Space,
    fit,
    screen,
    spread_points,
    targets,
)
from mobile_storage.mmbes.search.forward import Forward
from mobile_storage.stages.mmbes.common import PARAMS, RAW, RESULTS, bounds, params


def space_of(raw: RawMmbes, symbols: Sequence[str]) -> Space:
    """Return the ranges of the ledgers for the values that may move.

    Raises
    ------
    InputError
        If the ledgers lack a value, or give it no range.
    """
    every = ledger(raw).set_index("symbol")
    ranged = every.index[every["low"].notna()]
    for symbol in symbols:
        if symbol not in ranged:
            raise InputError(
                file=PARAMS,
                where="mmbes.calibration.values",
                value=symbol,
                expected=f"a value of the ledgers with a range{did_you_mean(symbol, ranged)}",
            )
    rows = every.loc[list(symbols)]
    columns = (rows[name].to_numpy(float) for name in ("low", "high", "value"))
    return Space(tuple(symbols), *columns)


def readings(of: Mapping[str, Any]) -> dict[str, Any]:
    """Return readings as moves for `RawMmbes.replace`."""
    return {f"readings.{name}": value for name, value in of.items()}


def fixed_moves() -> dict[str, Any]:
    """Return the moves that the calibrated set and all members of the ensemble share."""
    values = params()
    chosen = values["calibration"]
    return readings({**values["model"], **chosen["readings"]}) | chosen["implied"]


def forward() -> Forward:
    """Set up the model as a function of the values that may move."""
    values = params()
    raw = read_raw(RAW).replace(fixed_moves())
    sweep = values["scenarios"]["load_rate"]
    return Forward(
        raw,
        space_of(raw, values["calibration"]["values"]),
        targets(read_claims(CLAIMS, MMBES.key), values["calibration"]["targets"]),
        bounds(),
        (sweep["lowest"], sweep["highest"]),
    )


def search(model: Forward, evaluations: int, task: tuple[np.ndarray, np.ndarray]) -> Fit:
    """Search from one start, held near a centre."""
    start, centre = task
    return fit(Misfit(model, model.aims, model.space, centre), start, evaluations)


def moved_rows(
    raw: RawMmbes, space: Space, best: Fit, members: Sequence[Fit]
) -> list[dict[str, Any]]:
    """Tabulate how far each value moved, and its range in the ensemble."""
    names = ledger(raw).set_index("symbol")
    every = np.array([member.values for member in members] or [best.values])
    half = (space.high - space.low) / 2
    return [
        {
            "symbol": symbol,
            "name": names.loc[symbol, "name"],
            "unit": names.loc[symbol, "unit"],
            "literature": space.literature[k],
            "calibrated": best.values[k],
            "low": space.low[k],
            "high": space.high[k],
            "share": (best.values[k] - space.literature[k]) / half[k],
            "ensemble_low": every[:, k].min(),
            "ensemble_high": every[:, k].max(),
        }
        for k, symbol in enumerate(space.symbols)
    ]


def main() -> None:
    """Write ``sets/*.json``, ``calibration.json`` and ``members.json``."""
    with stage("mmbes_calibration") as log:
        settings = params()["calibration"]
        blind = readings(params()["model"])
        write_json({"moves": blind}, RESULTS / "sets" / "literature.json")
        if not settings["starts"]:
            log.info("not asked for: the calibrated set is the literature set")
            write_json({"moves": blind}, RESULTS / "sets" / "calibrated.json")
            write_json(
                {"targets": [], "implied": {}, "readings": {}, "moved": [], "starts": []},
                RESULTS / "calibration.json",
            )
            write_json([], RESULTS / "members.json")
            return
        model = forward()
        space = model.space
        with ProcessPoolExecutor(params()["processes"], initializer=end_with_parent) as pool:
            log.info("looking for starts: %d generations", settings["generations"])
            screens = [
                screen(
                    Misfit(model, model.aims, space, space.literature),
                    settings["generations"],
                    settings["population"],
                    seed,
                    partial(pool.map, chunksize=4),
                )
                for seed in progress(
                    range(settings["seed"], settings["seed"] + settings["starts"]),
                    "screens",
                    settings["starts"],
                )
            ]
            # Searches for the calibrated set are held near the literature set, and each search for
            # a member of the ensemble near another point. Members start from all screens in turn.
            tasks = [(points[0], space.literature) for points in screens]
            centres = spread_points(space, settings["members"], settings["seed"])
            tasks += list(
                zip(chain.from_iterable(zip(*screens, strict=True)), centres, strict=False)
            )
            found = pool.map(partial(search, model, settings["evaluations"]), tasks)
            fits = list(progress(found, "searches", len(tasks)))
        ours, others = fits[: settings["starts"]], fits[settings["starts"] :]
        best = min(ours, key=lambda found: found.cost)
        worst = best.sum_of_squares * settings["as_good"]
        members = [found for found in others if found.sum_of_squares <= worst]
        literature = replace(model, raw=read_raw(RAW).replace(blind), surfaces={})(space.literature)
        common = fixed_moves()
        write_json(
            {"moves": common | space.moves(best.values)}, RESULTS / "sets" / "calibrated.json"
        )
        write_json(
            {
                "targets": [
                    {
                        "claim": aim.claim,
                        "name": aim.name,
                        "published": aim.value,
                        "tolerance": aim.tolerance,
                        "literature": literature[k],
                        "calibrated": best.predicted[k],
                        "residual": best.residuals[k],
                    }
                    for k, aim in enumerate(model.aims)
                ],
                "implied": settings["implied"],
                "readings": settings["readings"],
                "moved": moved_rows(model.raw, space, best, members),
                "starts": [
                    {"cost": found.cost, "sum_of_squares": found.sum_of_squares} for found in ours
                ],
                "members_sought": len(others),
                "members_found": len(members),
            },
            RESULTS / "calibration.json",
        )
        write_json(
            [
                {
                    "moves": common | space.moves(found.values),
                    "sum_of_squares": found.sum_of_squares,
                    "predicted": found.predicted.tolist(),
                }
                for found in members
            ],
            RESULTS / "members.json",
        )
        log.info(
            "sum of squares %.2f; %d of %d members about as close",
            best.sum_of_squares,
            len(members),
            len(others),
        )


if __name__ == "__main__":
    main()
