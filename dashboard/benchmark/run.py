"""A plan carried out: the copy, the exact answers, then one index at a time, each trial kept when done.

Whatever stops a run - a killed worker, a restarted server - the next attempt goes on from the last
trial kept.  Nothing is written outside our own schemas.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from time import perf_counter

from sqlalchemy import Connection

from dashboard.benchmark.afterwards import afterwards
from dashboard.benchmark.attempt import begin_attempt
from dashboard.benchmark.given import compare_given
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.start import Budget, start
from dashboard.benchmark.steps import go_through
from dashboard.benchmark.tune import tune
from db.catalog import find_column
from db.engine import Database
from db.errors import Cancelled, ConnectionFailed, Handover
from db.progress import Ledger, Progress
from db.runs import add_to_environment, close_abandoned, finish_run, load_run, stored_positions
from db.scratch import drop, drop_left_behind
from db.stamp import fingerprint


def benchmark(
    database: Database,
    plan: BenchmarkPlan,
    ledger: Ledger,
    *,
    created_by: str,
    job_id: int | None,
    budget_bytes: int,
    budget_s: float = math.inf,
    build_memory_mb: int = 0,
) -> int:
    """Carry out ``plan``, going on where ``ledger`` says an earlier attempt stopped; return the run's id.

    ``budget_bytes`` bounds the scratch copy with its largest index, ``budget_s`` the time forecast.
    ``build_memory_mb`` is the maintenance_work_mem of builds; 0 leaves the server's.

    Raises RequestError, before anything is written, where plan, table and budget do not fit.
    """
    begun = perf_counter() if "run" not in ledger.checkpoint else None
    if begun is not None:
        with database.writing("benchmark") as connection, connection.begin():
            budget = Budget(budget_bytes, budget_s, build_memory_mb)
            start(connection, plan, ledger, budget, created_by=created_by, job_id=job_id)
    run_id = int(ledger.checkpoint["run"])
    # Of saved searches all are asked, and how many there were is known since the start.
    plan = replace(plan, queries=ledger.checkpoint.get("queries", plan.queries))
    try:
        with database.writing("benchmark") as connection:
            begin = partial(begin_attempt, database, connection, plan, ledger, build_memory_mb)
            if plan.target:
                tune(plan, plan.target, _rows(connection, run_id), ledger, lambda size: begin(size=size))
            for size in () if plan.target else plan.sizes or (None,):
                if not _is_done(connection, plan, run_id, size):
                    attempt = begin(size=size)
                    compare_given(attempt)
                    go_through(attempt)
            _finish(connection, plan, ledger, run_id, perf_counter() - begun if begun else None)
    except (Handover, ConnectionFailed):
        raise  # another attempt goes on from what is kept
    except Exception as error:
        _give_up(database, ledger, run_id, "cancelled" if isinstance(error, Cancelled) else "failed")
        raise
    return run_id


def sweep_scratch(connection: Connection, active_jobs: Collection[int]) -> tuple[int, ...]:
    """Close the runs of jobs that are over, drop what runs left behind, and name those runs."""
    close_abandoned(connection, active_jobs)
    return drop_left_behind(connection)


def _rows(connection: Connection, run_id: int) -> int:
    with connection.begin():
        return load_run(connection, run_id).rows or 0


def _is_done(connection: Connection, plan: BenchmarkPlan, run_id: int, size: int | None) -> bool:
    with connection.begin():
        kept = stored_positions(connection, run_id)
    return {trial.position for trial in plan.trials if trial.size == size} <= kept


def _finish(
    connection: Connection, plan: BenchmarkPlan, ledger: Ledger, run_id: int, took_s: float | None
) -> None:
    with connection.begin():
        column = find_column(connection, plan.column)
        now = fingerprint(connection, column)
        drop(connection, run_id)
        learnt = afterwards(load_run(connection, run_id), column, took_s)
        add_to_environment(connection, run_id, learnt)
        finish_run(connection, run_id, "succeeded", now)
        trials = len(plan.trials)
        ledger.save(connection, Progress(trials, trials, "trials", "finished"), ledger.checkpoint)
        before = load_run(connection, run_id).fingerprint_before
    for remark in learnt["remarks"]:
        ledger.log(remark)
    if now != before:
        ledger.log(
            f"{column} or an index on it was changed by somebody else while this run was measuring its copy."
        )


def _give_up(database: Database, ledger: Ledger, run_id: int, state: str) -> None:
    """Drop the copy and close the run, unless the job is another worker's by now."""
    with database.writing("benchmark") as connection:
        try:
            with connection.begin():
                ledger.save(connection, Progress(0, 0, "trials", "cleaning up"), ledger.checkpoint)
        except Cancelled:
            state = "cancelled"
        with connection.begin():
            drop(connection, run_id)
            finish_run(connection, run_id, state)
