"""A run as one JSON document, as the command line prints it and others may keep it."""

from __future__ import annotations

from typing import Any

from dashboard.benchmark.measures import MEASURES
from db.runs import Run, Trial


def to_document(run: Run) -> dict[str, Any]:
    """Put a run's figures, the exact search they compare with, and its circumstances together.

    Of a run with a target also the answer: see ``advice.recommended``.
    """
    environment = dict(run.environment or {})
    answer = environment.pop("answer", None)
    tuned = {"target": run.plan["target"], "answer": answer} if run.plan.get("target") else {}
    return {
        "run": run.id,
        "state": run.state,
        "column": run.subject,
        "created_by": run.created_by,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "rows": run.rows,
        "queries": run.queries,
        "plan": run.plan,
        **tuned,
        "trials": [to_row(trial) for trial in run.trials if trial is not run.exact],
        "exact": to_row(run.exact) if run.exact else None,
        "environment": {
            **environment,
            "table_unchanged": run.fingerprint_after and run.fingerprint_after == run.fingerprint_before,
        },
    }


def to_row(trial: Trial) -> dict[str, Any]:
    """Every measure, null where the trial is void, between what was asked and what it took to build."""
    return {
        "position": trial.position,
        "arm": trial.arm,
        "index": trial.method,
        "options": trial.options,
        "setting": trial.setting,
        "k": trial.k,
        "subset": trial.subset,
        "rows": trial.rows,
        "queries": trial.queries,
        "state": trial.state,
        "reason": trial.reason,
        "plan_node": trial.plan_node,
        "pinned": trial.pinned,
        **{measure.key: trial.measures.get(measure.key) for measure in MEASURES},
        **trial.measures,
        "build_s": trial.build_s,
        "size_bytes": trial.size_bytes,
        "load": trial.load,
        "facts": trial.facts,
    }
