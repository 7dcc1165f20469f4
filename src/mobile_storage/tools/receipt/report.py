"""A receipt as one page of Markdown and as JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from mobile_storage.core.io import markdown_table
from mobile_storage.tools.pipeline.scheduler import DONE
from mobile_storage.tools.receipt import checks
from mobile_storage.tools.receipt.compare import BYTE_EQUAL, WITHIN, Difference
from mobile_storage.tools.receipt.environment import Environment
from mobile_storage.tools.receipt.record import Finding
from mobile_storage.tools.receipt.verify import GOOD, NOT_COVERED, VERDICTS, Output, Receipt

__all__ = ["SCHEMA", "as_json", "as_markdown", "verdict"]

#: Of ``receipt.json``; changes when a name in it changes or goes.
SCHEMA = "mobile-storage-receipt/1"
_DIFFERENCES_SHOWN = 3
_FILES_SHOWN = 12
#: Code and locks are only named: their lines say nothing in a table.
_NOT_SHOWN = (".py", ".lock", ".ipynb")
_STAGES_SHOWN = 3


def verdict(receipt: Receipt) -> str:
    """Return the verdict in one sentence or two."""
    compared = len(receipt.outputs) - len(receipt.with_verdict(NOT_COVERED))
    exact, within = (len(receipt.with_verdict(name)) for name in (BYTE_EQUAL, WITHIN))
    wrong = [
        (name, len(receipt.with_verdict(name)))
        for name in VERDICTS
        if name not in (*GOOD, NOT_COVERED)
    ]
    parts = [f"{exact} byte-equal", f"{within} within the declared tolerance"]
    parts += [f"{count} {name}" for name, count in wrong if count]
    counted = f"of {compared} outputs compared: {', '.join(parts)}"
    bad = [check for check in receipt.checks if check.status in (checks.DIFFERS, checks.FAILED)]
    if receipt.findings:
        said = "file or value" if len(receipt.findings) == 1 else "files or values"
        counted += f"; {len(receipt.findings)} {said} not as recorded or committed"
    if bad:
        counted += f"; {_many(len(bad), 'further check')} not passed"
    if not receipt.agrees:
        word = "Not reproduced"
    else:
        word = "Reproduced in part" if receipt.quick else "Reproduced"
    left = len(receipt.with_verdict(NOT_COVERED))
    more = f" {left} outputs were not covered." if left else ""
    return f"{word}: {counted}.{more}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def as_json(receipt: Receipt) -> dict[str, object]:
    """Return the receipt as JSON holds it."""
    content = {field.name: getattr(receipt, field.name) for field in dataclasses.fields(receipt)}
    counts = {name: len(receipt.with_verdict(name)) for name in VERDICTS}
    return {
        "schema": SCHEMA,
        "agrees": receipt.agrees,
        "verdict": verdict(receipt),
        "counts": counts,
        **content,
    }


def as_markdown(receipt: Receipt) -> str:
    """Return the receipt as a page: the verdict, a row for each stage, and all that differs."""
    compared_with = (
        f"Compared with commit `{receipt.commit[:12]}`"
        if receipt.commit
        else "Compared with the files on disk and the hashes in `dvc.lock` (no git repository)"
    )
    what = "Chosen stages" if receipt.quick else "Every stage"
    parts = [
        f"**{verdict(receipt)}**",
        "# Receipt: the compendium computed anew",
        f"{what} run in a copy, {receipt.made}, in {_duration(receipt.seconds)}. {compared_with}.",
        _stage_table(receipt),
        *_failed(receipt),
        *_outputs(receipt),
        *_findings(receipt.findings),
        *_checks(receipt.checks),
        *_not_covered(receipt),
        *_environment(receipt.environment),
        *_aside(receipt),
        *_repeat(receipt),
    ]
    return "\n\n".join(parts)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _stage_table(receipt: Receipt) -> str:
    """Return one line a stage; all runs of one with ``foreach`` (``name@case``) are one line."""
    runs: dict[str, list[str]] = {}
    for output in receipt.outputs:
        names = runs.setdefault(output.stage.partition("@")[0], [])
        if output.stage not in names:
            names.append(output.stage)
    rows = []
    for name, members in runs.items():
        ran = [receipt.runs[member] for member in members if member in receipt.runs]
        if not ran:
            continue
        outputs = [output for output in receipt.outputs if output.stage in members]
        times = f" ({len(ran)} of {len(members)})" if len(members) > 1 else ""
        row: dict[str, object] = {"stage": name + times}
        for kind in VERDICTS:
            if kind in GOOD or receipt.with_verdict(kind):
                row[kind] = sum(output.verdict == kind for output in outputs)
        row["wall time (s)"] = f"{sum(run.seconds for run in ran):.1f}"
        if any(run.cpu_seconds for run in ran):
            row["processor time (s)"] = f"{sum(run.cpu_seconds for run in ran):.1f}"
        rows.append(row)
    return markdown_table(pd.DataFrame(rows))


def _failed(receipt: Receipt) -> Iterable[str]:
    failed = {name: run for name, run in receipt.runs.items() if run.status != DONE}
    if failed:
        yield "## Stages that did not end well"
        rows = [
            {"stage": name, "": run.status, "message": run.message} for name, run in failed.items()
        ]
        yield markdown_table(pd.DataFrame(rows))


def _outputs(receipt: Receipt) -> Iterable[str]:
    differing = [output for output in receipt.outputs if output.verdict not in (*GOOD, NOT_COVERED)]
    within = receipt.with_verdict(WITHIN)
    if differing:
        yield "## Outputs that differ"
        for output in differing[:_FILES_SHOWN]:
            yield _one_output(output)
        yield from _rest(differing)
    if within:
        largest = max(within, key=lambda output: output.largest or 0.0)
        known = f" {largest.largest:.2g} (`{largest.path}`)" if largest.largest else " in pixels"
        yield f"Within the tolerance, the largest relative difference is{known}."
    noisy = [output for output in receipt.outputs if output.noise]
    if noisy:
        places = _many(sum(output.noise for output in noisy), "place")
        names = ", ".join(f"`{output.path}`" for output in noisy[:_FILES_SHOWN])
        yield (
            f"At {places} a number that is a small difference of large ones differs by more than "
            "the relative tolerance, but by less than the absolute amount below which it carries "
            f"no meaning (`verify.noise` in `params.yaml`): {names}."
        )


def _one_output(output: Output) -> str:
    places = f", {_many(output.count, 'place')}" if output.count else ""
    text = f"`{output.path}` ({output.stage}): **{output.verdict}**{places}."
    if output.images:
        text += " " + ", ".join(f"[picture of the difference]({path})" for path in output.images)
    if output.differences:
        text += "\n\n" + _difference_table(output.differences, ("committed", "recomputed"))
    return text


def _difference_table(differences: Sequence[Difference], heads: tuple[str, str]) -> str:
    rows = [
        {
            "where": difference.where,
            heads[0]: _nothing(difference.committed),
            heads[1]: _nothing(difference.recomputed),
            "relative difference": ""
            if difference.relative is None
            else f"{difference.relative:.3g}",
        }
        for difference in differences[:_DIFFERENCES_SHOWN]
    ]
    return markdown_table(pd.DataFrame(rows))


def _nothing(text: str | None) -> str:
    return "(nothing)" if text is None else text


def _rest(items: Sequence[object]) -> Iterable[str]:
    if len(items) > _FILES_SHOWN:
        yield f"{len(items) - _FILES_SHOWN} more are in `receipt.json`."


def _findings(findings: Sequence[Finding]) -> Iterable[str]:
    if not findings:
        return
    yield "## Not as recorded or committed"
    first = [finding for finding in findings if not finding.what.endswith(_NOT_SHOWN)]
    first.sort(key=lambda finding: not finding.differences)
    for finding in first[:_FILES_SHOWN]:
        text = f"`{finding.what}` {finding.how}"
        text += f" ({_many(finding.count, 'place')})" if finding.count else ""
        if finding.stages:
            shown = ", ".join(finding.stages[:_STAGES_SHOWN])
            more = len(finding.stages) - _STAGES_SHOWN
            text += f"; concerns {shown}"
            text += f" and {_many(more, 'more stage')}" if more > 0 else ""
        text += "."
        if finding.differences:
            heads = ("recorded or committed", "on disk")
            text += "\n\n" + _difference_table(finding.differences, heads)
        yield text
    yield from _rest(first)
    kinds: dict[str, list[str]] = {}
    for finding in findings:
        if finding not in first:
            kinds.setdefault(finding.how, []).append(f"`{finding.what}`")
    for how, names in kinds.items():
        yield f"Code {how}: {', '.join(names)}."


def _checks(results: Sequence[checks.Check]) -> Iterable[str]:
    if not results:
        return
    yield "## Further checks"
    rows = [
        {
            "check": check.name,
            "result": check.status + (f", {check.count}" if check.count else ""),
            "message": check.message or "; ".join(check.rows[:_DIFFERENCES_SHOWN]),
            "wall time (s)": f"{check.seconds:.1f}",
        }
        for check in results
    ]
    yield markdown_table(pd.DataFrame(rows))


def _not_covered(receipt: Receipt) -> Iterable[str]:
    left = receipt.with_verdict(NOT_COVERED)
    if left:
        stages = dict.fromkeys(output.stage for output in left)
        times = Counter(name.partition("@")[0] for name in stages)
        names = ", ".join(f"{name} ({n})" if n > 1 else name for name, n in times.items())
        yield "## Not covered"
        yield (
            f"{len(left)} outputs of {_many(len(stages), 'stage')} were not computed anew, only "
            f"held against git and the hashes in `dvc.lock`: {names}."
        )


def _environment(environment: Environment) -> Iterable[str]:
    yield "## Environment"
    yield (
        f"{environment.python}; {environment.system}; {environment.processor}, "
        f"{environment.processors} processors usable; font of the figures: {environment.font}."
    )
    used = ", ".join(f"{name}: {code}" for name, code in environment.arithmetic.items())
    yield f"Machine code used for the arithmetic: {used}."
    yield markdown_table(
        pd.DataFrame(
            [
                {
                    "solver": solver.name,
                    "version": solver.version or "none",
                    "usable": solver.usable,
                    "": solver.note,
                }
                for solver in environment.solvers
            ]
        )
    )
    for difference in environment.solvers_differ:
        here = f"here it is {difference.here}" if difference.here else "it cannot be used here"
        yield f"The results name {difference.name} {difference.in_results}; **{here}**."
    if environment.packages:
        yield (
            f"Packages with another version than the lock's ({len(environment.packages)} of "
            f"{environment.locked}): "
            + ", ".join(
                f"{package.name} {package.installed or 'not installed'} (locked {package.locked})"
                for package in environment.packages
            )
            + "."
        )
    else:
        yield f"All {environment.locked} packages have the versions of `requirements.lock`."
    settings = ", ".join(f'`{k}="{v}"`' for k, v in environment.settings.items())
    yield f"Every stage ran with {settings}."


def _aside(receipt: Receipt) -> Iterable[str]:
    for names, what in (
        (receipt.others, "not as committed, and neither input nor output of a stage"),
        (receipt.untracked, "not known to git, and left out of the copy"),
    ):
        if names:
            shown = ", ".join(f"`{name}`" for name in names[:_FILES_SHOWN])
            more = ", ..." if len(names) > _FILES_SHOWN else ""
            yield f"{_many(len(names), 'file')} {what}: {shown}{more}."


def _repeat(receipt: Receipt) -> Iterable[str]:
    yield "## To repeat it"
    checkout = f"`git checkout {receipt.commit[:12]}`, then " if receipt.commit else ""
    yield (
        f"{checkout}`make verify{' QUICK=1' if receipt.quick else ''}`. Numbers count as equal "
        f"within a relative difference of {receipt.tolerance.relative:g}, pictures if no pixel is "
        f"off by more than {receipt.tolerance.pixel_level} of 255 in any colour; other text is "
        "compared word by word. `receipt.json` has the same in full, with every output."
    )
