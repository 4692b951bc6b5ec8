"""What the command line does with a run that is over: write it to files, compare it with an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dashboard.benchmark.compare import Pair
    from dashboard.benchmark.export import Format
    from dashboard.benchmark.target import Target
    from dashboard.instance import Instance
    from db.runs import Run


def formats_of(files: Sequence[str]) -> dict[str, Format]:
    """Choose a format for each file by its suffix.  Raises RequestError for a suffix that is none."""
    from dashboard.benchmark.export import FORMATS
    from db.errors import RequestError

    known = {f".{each.suffix}": each for each in FORMATS}
    for file in files:
        if Path(file).suffix not in known:
            raise RequestError(f"A run cannot be written to {file}.", f"End it in {', '.join(known)}.")
    return {file: known[Path(file).suffix] for file in files}


def write(instance: Instance, run_id: int, files: dict[str, Format]) -> None:
    """Write a run with the figures of every query.  Raises RequestError where a file cannot be written."""
    from db.errors import RequestError
    from db.runs import figures, load_run

    with instance.database.reading("benchmark") as connection:
        run = load_run(connection, run_id)
        every = [trial.position for trial in run.trials]
        neighbours = any(each.neighbours for each in files.values())
        observed = figures(connection, run_id, every, neighbours=neighbours)
    for file, each in files.items():
        try:
            Path(file).write_bytes(each.write(run, observed))
        except OSError as error:
            raise RequestError(f"{file} cannot be written: {error}.", "Name another file.") from error


def document_of(instance: Instance, run_id: int, target: Target | None = None) -> dict[str, Any]:
    """Read a run as one document, judged by ``target``; left out, by its plan's, else the usual.

    Raises RequestError for a run that is not there.
    """
    from dashboard.benchmark.document import to_document
    from db.runs import figures, load_run

    with instance.database.reading("benchmark") as connection:
        run = load_run(connection, run_id)
        observed = figures(connection, run_id, [trial.position for trial in run.trials])
    return to_document(run, observed, target)


def judged_by(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --recall and --p95; it gets both as ``target``, None where neither is given."""

    @click.option("--recall", type=float, help="Judge by this recall.  [default: the plan's, else 0.95]")
    @click.option("--p95", "p95_ms", type=float, help="And by this p95, ms.  [default: the plan's, else 20]")
    @wraps(command)
    def judging(*arguments: Any, recall: float | None, p95_ms: float | None, **given: Any) -> None:
        from dashboard.benchmark.target import Target

        asked = {"recall": recall, "p95_ms": p95_ms}
        wanted = {name: value for name, value in asked.items() if value is not None}
        command(*arguments, target=Target(**wanted) if wanted else None, **given)

    return judging


def check_run(instance: Instance, run_id: int | None) -> None:
    """Raise RequestError where there is no run of that number."""
    from db.runs import load_run

    if run_id is not None:
        with instance.database.reading("benchmark") as connection:
            load_run(connection, run_id)


def comparison(instance: Instance, before_id: int, after_id: int) -> dict[str, Any]:
    """Compare every setting that two runs share, and tell how far they compare at all.

    Raises RequestError for a run that is not there.
    ``drift`` is how many times as long exact search took in the second; null where one of them has none.
    ``other_cpu`` says that the processor is another, null where it is not; ``changed`` what else is.
    """
    from dashboard.benchmark.compare import asked_the_same, changed, compare, drift, matched, other_cpu
    from db.runs import figures, load_run

    with instance.database.reading("benchmark") as connection:
        before, after = load_run(connection, before_id), load_run(connection, after_id)
        asked = dict.fromkeys((trial.k, trial.subset) for trial in after.trials)
        matches = [
            pair for k, subset in asked for pair in matched(_at(before, k, subset), _at(after, k, subset))
        ]
        theirs = figures(connection, before_id, [first.position for first, _ in matches])
        ours = figures(connection, after_id, [second.position for _, second in matches])
    pairs = compare(before, after, matches, theirs, ours)
    return {
        "before": before_id,
        "after": after_id,
        "same_queries": asked_the_same(before, after),
        "drift": drift(pairs),
        "other_cpu": other_cpu(before, after),
        "changed": changed(before, after),
        "pairs": [_pair(pair) for pair in pairs],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    from dashboard.benchmark.verdict import full_name, place_name

    return {
        "name": place_name(pair.after) + full_name(pair.after),
        "before": pair.before.position,
        "after": pair.after.position,
        "paired": pair.paired,
        "differences": {
            key: {**asdict(found), "verdict": found.verdict.value} for key, found in pair.differences.items()
        },
    }


def pair_in_words(pair: Mapping[str, Any]) -> str:
    """Say what became of one setting's recall and p95 latency."""
    told = []
    for key, label, unit in (("recall", "recall", ""), ("p95_ms", "p95", " ms")):
        found = pair["differences"][key]
        told.append(
            f"{label} {found['verdict']} ({found['delta']:+.3g}{unit} "
            f"[{found['low']:+.3g}, {found['high']:+.3g}])"
        )
    return f"{pair['name']}: {', '.join(told)}"


def _at(run: Run, k: int | None, subset: str | None) -> list[Any]:
    return [trial for trial in run.trials if (trial.k, trial.subset) == (k, subset)]
