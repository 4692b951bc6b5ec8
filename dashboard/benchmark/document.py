"""A run as one JSON document, as the command line prints it and others may keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from dashboard.benchmark import growth_arms
from dashboard.benchmark.judged import Judged, judged, said, sampled, size_over_forecast, wal_remark
from dashboard.benchmark.measures import MEASURES
from dashboard.benchmark.target import Target
from dashboard.benchmark.ties import doubt
from dashboard.benchmark.verdict import Tie
from db.runs import Figures, Run, Trial


def to_document(
    run: Run, observed: Mapping[int, Figures] | None = None, target: Target | None = None
) -> dict[str, Any]:
    """Put a run's figures, the exact search they compare with, and its circumstances together.

    ``observed`` are the figures of every query, by position: without them no verdict is doubted.  ``target``
    is what the verdicts and the growth are about; left out, the plan's, else the usual.  Of a run with a
    target of its own there is also the answer: see ``advice.recommended``.
    """
    asked = judged(run, observed or {}, target)
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
        "verdicts": [_verdict(run, each) for each in asked],
        "wal_remark": wal_remark(run),
        "growth": [] if run.plan.get("target") else list(_growth(asked)),
        "environment": {
            **environment,
            "table_unchanged": run.fingerprint_after and run.fingerprint_after == run.fingerprint_before,
        },
    }


def _verdict(run: Run, each: Judged) -> dict[str, Any]:
    verdict = each.verdict
    return {
        "k": each.k,
        "subset": each.subset,
        "target": asdict(verdict.target),
        "cheapest": verdict.cheapest.position if verdict.cheapest else None,
        "index": verdict.index.position if verdict.index else None,
        "nearest": verdict.nearest.position if verdict.nearest else None,
        "no_real_difference": [_tie(tie) for tie in verdict.ties],
        "said": f"{said(verdict)} {sampled(run)}".strip(),
        "doubt": doubt(verdict),
    }


def _tie(tie: Tie) -> dict[str, Any]:
    found = asdict(tie.p95_ms) | {"verdict": tie.p95_ms.verdict.value}
    return {"position": tie.trial.position, "p95_ms": found, "drift": tie.drift}


def _growth(asked: Sequence[Judged]) -> Iterator[dict[str, Any]]:
    for each in asked:
        for arm in growth_arms.grown(each.every):
            yield growth_arms.to_document(arm, each.verdict.target)


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
        "size_over_forecast": size_over_forecast(trial),
        "wal_forecast_bytes": trial.facts.get("wal_forecast_bytes"),
        "load": trial.load,
        "facts": trial.facts,
    }
