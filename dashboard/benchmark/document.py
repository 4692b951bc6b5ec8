"""A run as one JSON document, as the command line prints it and others may keep it."""

from __future__ import annotations

from typing import Any

from dashboard.benchmark.measures import MEASURES
from db.runs import Run, Trial


def to_document(run: Run) -> dict[str, Any]:
    """Put a run's figures, the exact search they compare with, and its circumstances together."""
    return {
        "run": run.id,
        "state": run.state,
        "column": run.subject,
        "plan": run.plan,
        "trials": [_trial(trial) for trial in run.trials if trial is not run.exact],
        "exact": _trial(run.exact) if run.exact else None,
        "environment": {
            **(run.environment or {}),
            "table_unchanged": run.fingerprint_after and run.fingerprint_after == run.fingerprint_before,
        },
    }


def _trial(trial: Trial) -> dict[str, Any]:
    """Every measure, null where the trial is void, between what was asked and what it took to build."""
    return {
        "index": trial.method,
        "options": trial.options,
        "setting": trial.setting,
        "state": trial.state,
        "reason": trial.reason,
        "plan_node": trial.plan_node,
        "pinned": trial.pinned,
        **{measure.key: trial.measures.get(measure.key) for measure in MEASURES},
        **trial.measures,
        "build_s": trial.build_s,
        "size_bytes": trial.size_bytes,
        "queries": trial.queries,
        "k": trial.k,
        "subset": trial.subset,
        "rows": trial.rows,
        "load": trial.load,
        "facts": trial.facts,
    }
