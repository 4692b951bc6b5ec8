"""Runs made by hand and kept as a benchmark keeps them, for what reads them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dashboard.benchmark.plan import BenchmarkPlan
from db.columns import VectorColumn
from db.engine import Database
from db.runs import Figures, Trial, finish_run, start_run, store_trial

QUERIES = 40


def figures(made: Trial) -> Figures:
    """What queries of spread hardness took, so that p95 is about the trial's."""
    hardness = np.linspace(0.5, 1.5, QUERIES) / 1.45
    return Figures((made.measures["p95_ms"] * hardness).tolist(), [made.measures["recall"]] * QUERIES)


def keep_run(
    database: Database,
    column: VectorColumn,
    plan: BenchmarkPlan,
    *trials: Trial,
    environment: Mapping[str, Any] | None = None,
) -> int:
    """Keep a finished run of ``trials``, at k = 10, and return its number."""
    with database.control("tests") as connection:
        run_id = start_run(
            connection, column, plan.to_params(), rows=1_000, queries=QUERIES, environment=environment or {},
            fingerprint="same", created_by="local", job_id=None,
        )  # fmt: skip
        for position, made in enumerate(trials):
            seen, placed = figures(made), replace(made, position=position, k=10)
            store_trial(connection, run_id, placed, latencies_ms=seen.latencies_ms, recalls=seen.recalls)
        finish_run(connection, run_id, "succeeded", "same")
    return run_id
