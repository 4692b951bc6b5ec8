"""Before the first step of a run: whether the plan fits the table, the disk and the memory."""

from __future__ import annotations

from sqlalchemy import Connection

from dashboard.benchmark.environment import environment, memory_bytes
from dashboard.benchmark.plan import BenchmarkPlan
from db.catalog import find_column
from db.errors import RequestError
from db.progress import Ledger, Progress
from db.runs import start_run
from db.stamp import fingerprint
from db.survey import survey


def start(
    connection: Connection,
    plan: BenchmarkPlan,
    ledger: Ledger,
    *,
    created_by: str,
    job_id: int | None,
    budget_bytes: int,
) -> None:
    """Record the run, with its number in the checkpoint, in the caller's transaction.

    Raises RequestError where the plan cannot be carried out.
    """
    column = find_column(connection, plan.column)
    plan.check_type(column)
    found = survey(connection, column, plan.distance)
    plan.check(column, found)
    rows = plan.searched_rows(found.rows)
    _check_budget(plan.cost(column.type, found).scratch_bytes, budget_bytes, "scratch space")
    _check_budget(rows * found.dimensions * 4, memory_bytes() // 2, "memory")
    run_id = start_run(
        connection,
        column,
        plan.to_params(),
        rows=rows,
        queries=plan.queries,
        environment=environment(connection, plan, column, found),
        fingerprint=fingerprint(connection, column),
        created_by=created_by,
        job_id=job_id,
    )
    started = {"run": run_id, "dimensions": found.dimensions}
    ledger.save(connection, Progress(0, len(plan.trials), "trials", "starting"), started)


def _check_budget(needed_bytes: int, budget_bytes: int, what: str) -> None:
    if needed_bytes > budget_bytes:
        raise RequestError(
            f"This benchmark needs about {needed_bytes / 2**20:,.0f} MB of {what}; "
            f"{budget_bytes / 2**20:,.0f} MB may be used.",
            "Measure a sample of the rows; SCRATCH_BUDGET_MB sets how much scratch space there is.",
        )
