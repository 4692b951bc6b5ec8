"""What the command line does with a run that is over: write it to files, compare it with an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashboard.benchmark.export import Format
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
        observed = figures(connection, run_id, [trial.position for trial in run.trials])
    for file, each in files.items():
        try:
            Path(file).write_bytes(each.write(run, observed))
        except OSError as error:
            raise RequestError(f"{file} cannot be written: {error}.", "Name another file.") from error


def check_run(instance: Instance, run_id: int | None) -> None:
    """Raise RequestError where there is no run of that number."""
    from db.runs import load_run

    if run_id is not None:
        with instance.database.reading("benchmark") as connection:
            load_run(connection, run_id)


def compared(instance: Instance, before_id: int, after_id: int) -> list[dict[str, Any]]:
    """Compare every setting that two runs share: what changed, its 95 % interval, and what that says.

    Raises RequestError for a run that is not there.
    """
    from dashboard.benchmark.compare import compare, matched
    from db.runs import figures, load_run

    with instance.database.reading("benchmark") as connection:
        before, after = load_run(connection, before_id), load_run(connection, after_id)
        asked = dict.fromkeys((trial.k, trial.subset) for trial in after.trials)
        pairs = [
            pair for k, subset in asked for pair in matched(_at(before, k, subset), _at(after, k, subset))
        ]
        theirs = figures(connection, before_id, [first.position for first, _ in pairs])
        ours = figures(connection, after_id, [second.position for _, second in pairs])
    return [
        {
            "before": pair.before.position,
            "after": pair.after.position,
            "paired": pair.paired,
            "differences": {
                key: {**asdict(found), "verdict": found.verdict.value}
                for key, found in pair.differences.items()
            },
        }
        for pair in compare(before, after, pairs, theirs, ours)
    ]


def _at(run: Run, k: int | None, subset: str | None) -> list[Any]:
    return [trial for trial in run.trials if (trial.k, trial.subset) == (k, subset)]
