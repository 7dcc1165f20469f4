"""Stage ``pricing_inputs``: every ledger read and checked, and what the model derives."""

from __future__ import annotations

from mobile_storage.core.io import write_json
from mobile_storage.core.log import stage
from mobile_storage.pricing.model.data import build, read_raw
from mobile_storage.stages.pricing.common import RAW, RESULTS


def main() -> None:
    """Write ``inputs.json``: customers with derived values, unit rates, grades."""
    with stage("pricing_inputs") as log:
        data = build(read_raw(RAW))
        customers = [
            {**vars(c), "acceptable_price_yuan_per_kwh": cap}
            for c, cap in zip(data.customers, data.acceptable_prices, strict=True)
        ]
        content = {"customers": customers, "rates": data.rates, "grades": data.grades}
        write_json(content, RESULTS / "inputs.json")
        log.info("%d customers, %d scalars", len(data.customers), len(data.scalars))


if __name__ == "__main__":
    main()
