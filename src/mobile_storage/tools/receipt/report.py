"""A receipt as one page of Markdown, from the template ``receipt.md.j2``, and as JSON."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import jinja2
import pandas as pd

from mobile_storage.core.io import markdown_table
from mobile_storage.tools.pipeline.scheduler import DONE
from mobile_storage.tools.receipt import checks
from mobile_storage.tools.receipt.compare import BYTE_EQUAL, WITHIN, Difference
from mobile_storage.tools.receipt.verify import GOOD, NOT_COVERED, VERDICTS, Receipt

__all__ = ["SCHEMA", "as_json", "as_markdown", "verdict"]

#: Version of ``receipt.json``; it changes when a name in the file changes or is removed.
SCHEMA = "mobile-storage-receipt/1"
_DIFFERENCES_SHOWN = 3
_FILES_SHOWN = 12
#: Files of code and locks are only named, because their lines say nothing in a table.
_NOT_SHOWN = (".py", ".lock", ".ipynb")


def verdict(receipt: Receipt) -> str:
    """Return the verdict in one sentence or two."""
    counts = {name: len(receipt.with_verdict(name)) for name in VERDICTS}
    left = counts.pop(NOT_COVERED)
    exact, within = counts.pop(BYTE_EQUAL), counts.pop(WITHIN)
    parts = [f"{exact} byte-equal", f"{within} within the declared tolerance"]
    parts += [f"{count} {name}" for name, count in counts.items() if count]
    counted = f"of {len(receipt.outputs) - left} outputs compared: {', '.join(parts)}"
    if findings := len(receipt.findings):
        said = "file or value" if findings == 1 else "files or values"
        counted += f"; {findings} {said} not as recorded or committed"
    if bad := sum(check.status != checks.AGREES for check in receipt.checks):
        counted += f"; {_many(bad, 'further check')} not passed"
    word = "Reproduced in part" if receipt.quick else "Reproduced"
    more = f" {left} outputs were not covered." if left else ""
    return f"{word if receipt.agrees else 'Not reproduced'}: {counted}.{more}"


def as_json(receipt: Receipt) -> dict[str, object]:
    """Return the receipt as JSON holds it."""
    content = {field.name: getattr(receipt, field.name) for field in dataclasses.fields(receipt)}
    counts = {name: len(receipt.with_verdict(name)) for name in VERDICTS}
    said = {"schema": SCHEMA, "agrees": receipt.agrees, "verdict": verdict(receipt)}
    return {**said, "counts": counts, **content}


def as_markdown(receipt: Receipt) -> str:
    """Return the receipt as a page: the verdict, a row for each stage, and every difference."""
    seconds, within = receipt.seconds, receipt.with_verdict(WITHIN)
    findings = [f for f in receipt.findings if not f.what.endswith(_NOT_SHOWN)]
    code_by_change: dict[str, list[str]] = defaultdict(list)
    for finding in receipt.findings:
        if finding not in findings:
            code_by_change[finding.how].append(finding.what)
    left = receipt.with_verdict(NOT_COVERED)
    stages = dict.fromkeys(output.stage for output in left)
    families = Counter(map(_family, stages))
    text = _template().render(
        receipt=receipt,
        environment=receipt.environment,
        most=_FILES_SHOWN,
        verdict=verdict(receipt),
        duration=f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes",
        stages=_stage_rows(receipt),
        failed=[
            {"stage": name, "": run.status, "message": run.message}
            for name, run in receipt.runs.items()
            if run.status != DONE
        ],
        differing=[o for o in receipt.outputs if o.verdict not in (*GOOD, NOT_COVERED)],
        largest=max(within, key=lambda output: output.largest or 0.0, default=None),
        noisy=[output for output in receipt.outputs if output.noise],
        findings=sorted(findings, key=lambda finding: not finding.differences),
        code_by_change=code_by_change,
        checks=[
            {
                "check": check.name,
                "result": check.status + (f", {check.count}" if check.count else ""),
                "message": check.message or "; ".join(check.rows[:_DIFFERENCES_SHOWN]),
                "wall time (s)": f"{check.seconds:.1f}",
            }
            for check in receipt.checks
        ],
        left=left,
        left_families=", ".join(f"{k} ({n})" if n > 1 else k for k, n in families.items()),
        solvers=[
            {"solver": s.name, "version": s.version or "none", "usable": s.usable, "": s.note}
            for s in receipt.environment.solvers
        ],
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    found = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined)
    found.filters |= {
        "table": _table,
        "differences": _difference_table,
        "many": _many,
        "code": lambda names: ", ".join(f"`{name}`" for name in names),
        "rest": lambda items: (
            f"{len(items) - _FILES_SHOWN} more are in `receipt.json`."
            if len(items) > _FILES_SHOWN
            else ""
        ),
    }
    return found.get_template("receipt.md.j2")


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _family(stage: str) -> str:
    """Return the name that all runs of a stage with ``foreach`` (``name@case``) share."""
    return stage.partition("@")[0]


def _table(rows: Iterable[Mapping[str, object]]) -> str:
    return markdown_table(pd.DataFrame(rows))


def _stage_rows(receipt: Receipt) -> list[dict[str, object]]:
    """Return one row for each family of stages of which at least one was run."""
    families: dict[str, dict[str, None]] = defaultdict(dict)
    for output in receipt.outputs:
        families[_family(output.stage)][output.stage] = None
    rows = []
    for name, members in families.items():
        ran = [receipt.runs[member] for member in members if member in receipt.runs]
        if not ran:
            continue
        times = f" ({len(ran)} of {len(members)})" if len(members) > 1 else ""
        verdicts = Counter(output.verdict for output in receipt.outputs if output.stage in members)
        shown = [kind for kind in VERDICTS if kind in GOOD or receipt.with_verdict(kind)]
        row: dict[str, object] = {"stage": name + times} | {kind: verdicts[kind] for kind in shown}
        row["wall time (s)"] = f"{sum(run.seconds for run in ran):.1f}"
        if used := sum(run.cpu_seconds for run in ran):
            row["processor time (s)"] = f"{used:.1f}"
        rows.append(row)
    return rows


def _difference_table(differences: Sequence[Difference], *heads: str) -> str:
    """Return the first differences as a table; an empty text if there are none."""

    def shown(text: str | None) -> str:
        return "(nothing)" if text is None else text

    rows = [
        {
            "where": one.where,
            heads[0]: shown(one.committed),
            heads[1]: shown(one.recomputed),
            "relative difference": "" if one.relative is None else f"{one.relative:.3g}",
        }
        for one in differences[:_DIFFERENCES_SHOWN]
    ]
    return _table(rows) if rows else ""
