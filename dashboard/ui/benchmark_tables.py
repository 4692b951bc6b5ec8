"""A run's trials and its circumstances, as frames and facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard.benchmark.trials import PlannedTrial
from dashboard.benchmark.verdict import Standing, Verdict, index_name, setting_name
from dashboard.ui.units import duration, size
from db.runs import Run, Trial

MB = 2**20

_STANDINGS = {
    Standing.CHEAPEST: ("★ cheapest", "primary"),
    Standing.IN_TARGET: ("✓ in target", "green"),
    Standing.MISSES_RECALL: ("✕ misses recall", "gray"),
    Standing.TOO_SLOW: ("✕ too slow", "orange"),
    Standing.VOID: ("⊘ void", "red"),
}
MEASURED, MEASURING, QUEUED = "✓ measured", "▶ measuring", "○ queued"
CHIP_COLORS = dict(_STANDINGS.values()) | {MEASURED: "green", MEASURING: "primary", QUEUED: "gray"}
"""The chip of every standing and state: sign and word, and the colour that goes with them."""

_FIGURES = ("p50 ms", "p95 ms", "p99 ms", "QPS", "Build s", "Size MB")


def judged(trials: Sequence[Trial], verdict: Verdict) -> pd.DataFrame:
    """Make the table of a finished run's trials, each with where it stands against the target."""
    return _frame([_row(trial, _STANDINGS[verdict.standing(trial)][0]) for trial in trials])


def so_far(planned: Sequence[PlannedTrial], trials: Sequence[Trial]) -> pd.DataFrame:
    """Make the table of a run that goes on: what is stored, what is being measured, what waits."""
    stored = {trial.position: trial for trial in trials}
    rows = []
    for plan in planned:
        if trial := stored.get(plan.position):
            rows.append(_row(trial, MEASURED if trial.is_measured else _STANDINGS[Standing.VOID][0]))
        else:
            chip = MEASURING if plan.position == len(stored) else QUEUED
            rows.append({"Verdict": [chip], "Index": index_name(plan), "Setting": setting_name(plan)})
    return _frame(rows)


def _row(trial: Trial, chip: str) -> dict[str, Any]:
    known = {
        "Verdict": [chip],
        "Index": index_name(trial),
        "Setting": setting_name(trial),
        "Plan": trial.plan_node + (" (pinned)" if trial.pinned else ""),
        "Build s": trial.build_s,
        "Size MB": trial.size_bytes / MB if trial.size_bytes is not None else None,
    }
    if not (measures := trial.measures):
        return known
    return known | {
        "Recall": measures["recall"],
        "95 % interval": f"{measures['recall_low']:.2f} to {measures['recall_high']:.2f}",
        "p50 ms": measures["p50_ms"],
        "p95 ms": measures["p95_ms"],
        "p99 ms": measures["p99_ms"],
        "QPS": measures["qps"],
    }


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    names = ("Verdict", "Index", "Setting", "Plan", "Recall", "95 % interval", *_FIGURES)
    frame = pd.DataFrame(rows, columns=list(names))
    return frame.astype(dict.fromkeys(("Recall", *_FIGURES), "float64"))


def circumstances(run: Run) -> dict[str, str]:
    """List what a reader needs to judge and repeat a run, by name."""
    facts = run.environment or {}
    settings, client, plan = facts.get("settings", {}), facts.get("client", {}), run.plan
    memory = ", ".join(
        f"{name} {settings[name]}" for name in ("shared_buffers", "work_mem") if name in settings
    )
    load = client.get("load_average") or [0.0]
    return {
        "Server": f"PostgreSQL {facts.get('postgresql')}, pgvector {facts.get('pgvector')}",
        "Memory": memory,
        "Builds": f"maintenance_work_mem {settings.get('maintenance_work_mem')}, "
        f"up to {settings.get('max_parallel_maintenance_workers')} parallel workers",
        "Client": f"{client.get('cpus')} CPUs, {size(client.get('memory_bytes', 0))}, "
        f"load {load[0]:.1f} at the start",
        "Rows": f"{run.rows or 0:,} searched, {facts.get('type')}({facts.get('dimensions')})"
        f"{_left_out(facts)}",
        "Queries": f"{run.queries or 0:,} held out at random, seed {plan['seed']}, "
        f"asked {_times(plan['repeats'])}",
        "Driver": "psycopg2, PREPARE and EXECUTE, one client, warm cache",
        "Table": _untouched(run),
        "Took": duration((run.finished_at - run.started_at).total_seconds()) if run.finished_at else "",
        "Software": f"Vectorscope {facts.get('vectorscope')}, run {run.id}",
    }


def _left_out(facts: Mapping[str, Any]) -> str:
    parts = [
        f"{facts[name]:,} {what}"
        for name, what in (("rows_without_vector", "NULL"), ("rows_without_direction", "zero"))
        if facts.get(name)
    ]
    return f"; left out: {', '.join(parts)}" if parts else ""


def _times(repeats: int) -> str:
    return "once" if repeats == 1 else f"{repeats:,} times"


def _untouched(run: Run) -> str:
    if run.fingerprint_after is None:
        return f"only read; fingerprint {(run.fingerprint_before or '')[:8]} before"
    if run.fingerprint_after == run.fingerprint_before:
        return f"unchanged, fingerprint {run.fingerprint_after[:8]} before and after"
    return "changed by somebody else while the run measured its copy"
