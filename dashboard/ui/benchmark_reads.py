"""What the Benchmarks page reads of a finished run's figures per query; they never change."""

from __future__ import annotations

from dataclasses import replace

from dashboard.benchmark import ties
from dashboard.benchmark.compare import Pair, compare, matched
from dashboard.benchmark.export import format_named
from dashboard.ui import state
from dashboard.ui.benchmark_shown import Shown, at
from db import runs
from db.runs import Figures


@state.cached(ttl_s=600, max_entries=32)
def figures(run_id: int, positions: tuple[int, ...]) -> dict[int, Figures]:
    """Read what the trials at ``positions`` observed."""
    with state.database().reading("figures") as connection:
        return runs.figures(connection, run_id, positions)


@state.cached(ttl_s=600, max_entries=32)
def shares_under(run_id: int, recall: float) -> dict[int, float]:
    """Read what share of its queries each trial answered with less than ``recall``."""
    with state.database().reading("figures") as connection:
        return runs.shares_under(connection, run_id, recall)


@state.cached(ttl_s=600, max_entries=16)
def compared(before_id: int, after_id: int, k: int, subset: str | None) -> list[Pair]:
    """Compare two runs at one k and filter."""
    before, after = state.run(before_id), state.run(after_id)
    pairs = matched(at(before.trials, k, subset), at(after.trials, k, subset))
    return compare(
        before,
        after,
        pairs,
        figures(before_id, tuple(first.position for first, _ in pairs)),
        figures(after_id, tuple(second.position for _, second in pairs)),
    )


def weighed(shown: Shown) -> Shown:
    """Add to what is shown which trials are not told apart from its fastest index."""
    best, others = shown.verdict.index, ties.rivals(shown.verdict, shown.copies)
    if best is None or not others:
        return shown
    known = figures(shown.run.id, tuple(trial.position for trial in (best, *others)))
    return replace(shown, verdict=ties.weighed(shown.verdict, shown.copies, known))


def exported(run_id: int, format_name: str) -> bytes:
    """Write a run as a file, when it is asked for."""
    run, wanted = state.run(run_id), format_named(format_name)
    every = tuple(trial.position for trial in run.trials)
    if not wanted.neighbours:
        return wanted.write(run, figures(run_id, every))
    with state.database().reading("figures") as connection:
        observed = runs.figures(connection, run_id, every, neighbours=True)
    return wanted.write(run, observed)
