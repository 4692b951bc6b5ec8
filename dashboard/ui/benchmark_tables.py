"""A run's trials and its circumstances, as frames and facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard.benchmark.given import sentence
from dashboard.benchmark.machine import whose
from dashboard.benchmark.queries import HELD_OUT
from dashboard.benchmark.trials import PlannedTrial
from dashboard.benchmark.verdict import Standing, Verdict, index_name, place_name, setting_name
from dashboard.ui.charts import figure_of
from dashboard.ui.units import duration, size
from db.runs import Run, Trial

MB = 2**20

_STANDINGS = {
    Standing.CHEAPEST: ("★ cheapest", "primary"),
    Standing.FIRST: ("★ tied", "primary"),
    Standing.TIED: ("≈ tied", "blue"),
    Standing.IN_TARGET: ("✓ in target", "green"),
    Standing.MISSES_RECALL: ("✕ misses recall", "gray"),
    Standing.TOO_SLOW: ("✕ too slow", "orange"),
    Standing.REACHES_RECALL: ("◔ reaches recall", "gray"),
    Standing.VOID: ("⊘ void", "red"),
}
MEASURED, MEASURING, QUEUED = "✓ measured", "▶ measuring", "○ queued"
CHIP_COLORS = dict(_STANDINGS.values()) | {MEASURED: "green", MEASURING: "primary", QUEUED: "gray"}
"""The chip of every standing and state: sign and word, and the colour that goes with them."""

_COLUMNS = (
    *("Verdict", "Index", "Setting", "Rows", "Queries", "Recall", "95 % interval", "Worst tenth"),
    *("p50 ms", "p95 ms", "p95 interval", "p99 ms", "QPS", "Build s", "Size MB", "Under target"),
    *("Missing", "Server ms", "Buffers", "Began", "Plan"),
)
_WORDS = frozenset({"Verdict", "Index", "Setting", "95 % interval", "p95 interval", "Began", "Plan"})


def judged(
    trials: Sequence[Trial], verdict: Verdict, under: Mapping[int, float] | None = None
) -> pd.DataFrame:
    """Make the table of a finished run's trials, each with where it stands against the target.

    ``under`` is the share of each trial's queries that miss the target's recall, by position.
    """
    shares = under or {}
    rows = [
        _row(trial, _STANDINGS[verdict.standing(trial)][0]) | {"Under target": shares.get(trial.position)}
        for trial in trials
    ]
    frame = _frame(rows)
    idle = [name for name in ("Missing",) if not frame[name].fillna(0).any()]
    idle += [] if frame["Rows"].nunique() > 1 else ["Rows"]
    return frame.drop(columns=[*idle, *_unsaid(trials)])


def so_far(planned: Sequence[PlannedTrial], trials: Sequence[Trial]) -> pd.DataFrame:
    """Make the table of a run that goes on: what is stored, what is being measured, what waits."""
    stored = {trial.position: trial for trial in trials}
    rows = []
    for plan in planned:
        if trial := stored.pop(plan.position, None):
            rows.append(_row(trial, _measured(trial)))
        else:
            chip = MEASURING if plan.position == len(trials) else QUEUED
            rows.append({"Verdict": [chip], "Index": index_name(plan), "Setting": setting_name(plan)})
    # A search for the cheapest setting chooses as it goes: its trials are in no plan.
    rows += [_row(trial, _measured(trial)) for trial in stored.values()]
    return _frame(rows).drop(columns=["Rows", "Under target", "Missing", *_unsaid(trials)])


def _unsaid(trials: Sequence[Trial]) -> list[str]:
    """Name the column of queries where every trial was asked all that there are."""
    return [] if any(trial.is_short for trial in trials) else ["Queries"]


def _measured(trial: Trial) -> str:
    return MEASURED if trial.is_measured else _STANDINGS[Standing.VOID][0]


def _row(trial: Trial, chip: str) -> dict[str, Any]:
    known = {
        "Verdict": [chip],
        "Index": place_name(trial) + index_name(trial),
        "Setting": setting_name(trial),
        "Rows": trial.rows,
        "Queries": trial.queries,
        "Plan": trial.plan_node + (" (pinned)" if trial.pinned else ""),
        "Build s": trial.build_s,
        "Size MB": trial.size_bytes / MB if trial.size_bytes is not None else None,
        "Server ms": trial.facts.get("server_ms"),
        "Buffers": _buffers(trial),
        "Began": trial.facts.get("began"),
    }
    if not (measures := trial.measures):
        return known
    return known | {
        "Recall": measures["recall"],
        "95 % interval": f"{measures['recall_low']:.2f} to {measures['recall_high']:.2f}",
        "Worst tenth": measures.get("worst_decile"),
        "Missing": measures.get("under_fill"),
        "p50 ms": measures["p50_ms"],
        "p95 ms": measures["p95_ms"],
        "p95 interval": f"{figure_of(measures['p95_ms_low'])} to {figure_of(measures['p95_ms_high'])}",
        "p99 ms": measures["p99_ms"],
        "QPS": measures["qps"],
    }


def _buffers(trial: Trial) -> float | None:
    if "hit_blocks" not in trial.facts:
        return None
    return float(trial.facts["hit_blocks"] + trial.facts["read_blocks"])


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    return frame.astype({name: "float64" for name in _COLUMNS if name not in _WORDS})


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
        **({"Compiled": facts["build"].partition(" on ")[2]} if "build" in facts else {}),
        "Machine": f"{client.get('cpu') or 'a processor not known'}, {client.get('cpus')} CPUs, "
        f"{size(client.get('memory_bytes', 0))}, load {load[0]:.1f} at the start ({whose(facts)})",
        **({"System": f"{client['system']}, {client['kernel']}"} if "kernel" in client else {}),
        **({"Storage": facts["storage"]} if facts.get("storage") else {}),
        "Rows": f"{run.rows or 0:,} searched, {facts.get('type')}({facts.get('dimensions')})"
        f"{_left_out(facts)}",
        "Queries": f"{run.queries or 0:,} {_source(plan)}, seed {plan['seed']}, "
        f"asked {_times(plan['repeats'])}",
        **({"Ground truth": sentence(facts["given_truth"])} if "given_truth" in facts else {}),
        "Driver": "psycopg2, PREPARE and EXECUTE, one client, warmed up",
        "Table": _untouched(run),
        "Order": _order(facts.get("noise", {})),
        **({"Noise": _noise(facts["noise"])} if "noise" in facts else {}),
        "Took": _took(run, facts),
        "Software": f"Vectorscope {facts.get('vectorscope')}{_revision(facts)}, run {run.id}",
    }


def _left_out(facts: Mapping[str, Any]) -> str:
    parts = [
        f"{facts[name]:,} {what}"
        for name, what in (("rows_without_vector", "NULL"), ("rows_without_direction", "zero"))
        if facts.get(name)
    ]
    return f"; left out: {', '.join(parts)}" if parts else ""


def _source(plan: Mapping[str, Any]) -> str:
    source = plan.get("query_source", HELD_OUT)
    return "held out at random" if source == HELD_OUT else f"from {source}"


def _noise(noise: Mapping[str, Any]) -> str:
    if noise["remarks"]:
        return "noisy: see the remark above"
    return f"quiet: others kept {noise['others_cpus']:.1f} CPUs busy at most, {noise['steal']:.0%} stolen"


def _order(noise: Mapping[str, Any]) -> str:
    """Say what took turns and what did not, and what the machine did meanwhile."""
    told = "settings of one index in turns; indexes one after another, each beside exact search"
    if "drift" not in noise:
        return told
    return f"{told}, which took up to {noise['drift']:.2f} times as long beside one as beside another"


def _took(run: Run, facts: Mapping[str, Any]) -> str:
    if run.finished_at is None:
        return ""
    took = duration((run.finished_at - run.started_at).total_seconds())
    expected = facts.get("forecast")
    if not expected:
        return took
    times = f", off by {_off(facts['took_over_forecast'])}" if facts.get("took_over_forecast") else ""
    return f"{took}; forecast was {duration(expected['total_s'])}{times}"


def _off(times: float) -> str:
    """Say how far off a forecast was, either way.

    >>> _off(1.8), _off(0.5)
    ('1.8 times too short', '2.0 times too long')
    """
    return f"{times:.1f} times too short" if times >= 1 else f"{1 / times:.1f} times too long"


def _revision(facts: Mapping[str, Any]) -> str:
    revision = facts.get("revision")
    return f", code {revision}" if revision and revision != facts.get("vectorscope") else ""


def _times(repeats: int) -> str:
    return "once" if repeats == 1 else f"{repeats:,} times"


def _untouched(run: Run) -> str:
    if run.fingerprint_after is None:
        return f"only read; fingerprint {(run.fingerprint_before or '')[:8]} before"
    if run.fingerprint_after == run.fingerprint_before:
        return f"unchanged, fingerprint {run.fingerprint_after[:8]} before and after"
    return "changed by somebody else while the run measured its copy"
