"""Stage ``mmbes_adequacy@set``: faults, variants of the laws, and the Monte Carlo cross-check."""

from __future__ import annotations

import argparse

from mobile_storage.adequacy.estimate import Sampling
from mobile_storage.core.io import read_json, write_json
from mobile_storage.core.log import stage
from mobile_storage.core.params import SETS
from mobile_storage.mmbes.analysis.crosscheck import by_contingency, simulated, variants
from mobile_storage.mmbes.model.data import build
from mobile_storage.stages.mmbes.common import RESULTS, parameter_set, params

#: A best size below this share of the published energy counts as no storage.
NOTHING_BUILT_SHARE = 0.01


def main() -> None:
    """Write ``adequacy/<set>.json``.

    Faults and variants are those of the best size. If the best size counts as no storage, they are
    those of the published size.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--set", choices=SETS, required=True)
    name = parser.parse_args().set
    with stage("mmbes_adequacy", name) as log:
        values, raw = params(), parameter_set(name)
        published = values["published_size"]
        sizes = {"published size": (published["energy_kwh"], published["power_kw"])}
        for kind in values["objectives"]:
            best = read_json(RESULTS / "optimum" / f"{name}_{kind}.json")["optimum"]
            if best["energy_kwh"] >= NOTHING_BUILT_SHARE * published["energy_kwh"]:
                sizes[f"best {kind}"] = (best["energy_kwh"], best["power_kw"])
        size = sizes.get("best prospect", sizes["published size"])
        substation, _ = build(raw)
        checked = simulated(raw, sizes, Sampling(**values["monte_carlo"]))
        write_json(
            {
                "size": {"energy_kwh": size[0], "power_kw": size[1]},
                "contingencies": by_contingency(substation, *size),
                "variants": variants(raw, *size),
                "monte_carlo": checked,
            },
            RESULTS / "adequacy" / f"{name}.json",
        )
        far = max(abs(row["standard_errors_off"]) for row in checked)
        log.info("%d simulations, at most %.1f standard errors off", len(checked), far)


if __name__ == "__main__":
    main()
