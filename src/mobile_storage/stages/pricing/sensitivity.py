"""Stage ``pricing_sensitivity``: every raw value to the ends of its range, one at a time."""

from __future__ import annotations

import logging
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pandas as pd

from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.core.io import write_csv
from mobile_storage.core.log import end_with_parent, progress, stage
from mobile_storage.pricing.analysis.sensitivity import moves, try_move
from mobile_storage.pricing.model.data import read_raw
from mobile_storage.stages.pricing.common import PARAMS, RAW, RESULTS, default_setting, params


def _start_worker() -> None:
    logging.getLogger("mobile_storage").setLevel(logging.WARNING)
    end_with_parent()


def main() -> None:
    """Write ``sensitivity.csv``: one row a move, with incomes and the claims that hold."""
    with stage("pricing_sensitivity") as log:
        raw, values = read_raw(RAW), params()["sensitivity"]
        todo = list(moves(raw, values["only"]))
        for symbol in values["only"]:
            if symbol not in {move.symbol for move in todo}:
                known = sorted({move.symbol for move in moves(raw)} - {"none"})
                raise InputError(
                    file=PARAMS,
                    where="pricing.sensitivity.only",
                    value=symbol,
                    expected=f"a symbol of the ledgers with a range{did_you_mean(symbol, known)}",
                )
        customers = raw.customers["customer"].nunique()
        if customers > values["most_customers"]:
            log.warning("%d customers: only the data as they are, nothing moved", customers)
            todo = todo[:1]
        task = partial(try_move, raw, default_setting(), **params()["limits"])
        with ProcessPoolExecutor(values["processes"], initializer=_start_worker) as pool:
            rows = list(progress(pool.map(task, todo), "sensitivity", len(todo)))
        frame = pd.DataFrame(rows)
        write_csv(frame, RESULTS / "sensitivity.csv")
        log.info("%d moves, %d solved", len(frame), (frame["status"] == "optimal").sum())


if __name__ == "__main__":
    main()
