"""Before the first step of a run: whether the plan fits the table, the disk, the memory and the time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import Connection

from dashboard.benchmark.environment import environment
from dashboard.benchmark.forecast import check_time, forecast
from dashboard.benchmark.live_load import load_announced
from dashboard.benchmark.machine import memory_bytes
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.queries import parse_source
from dashboard.benchmark.saved import asking_all_saved
from dashboard.benchmark.screening import share_known
from db.catalog import find_column
from db.columns import VectorColumn
from db.errors import RequestError
from db.pace import probe
from db.progress import Ledger, Progress
from db.query_sets import check_query_set
from db.runs import start_run
from db.stamp import fingerprint
from db.survey import Survey, count_met, survey


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may take; ``build_memory_mb`` is each build's maintenance_work_mem, 0 the server's."""

    scratch_bytes: int
    time_s: float
    build_memory_mb: int


def start(
    connection: Connection,
    plan: BenchmarkPlan,
    ledger: Ledger,
    budget: Budget,
    *,
    created_by: str,
    job_id: int | None,
) -> None:
    """Record the run, with its number in the checkpoint, in the caller's transaction.

    Raises RequestError where the plan cannot be carried out.
    """
    column = find_column(connection, plan.column)
    plan.check_type(column)
    begun = perf_counter()
    found = survey(connection, column, plan.distance)
    read_s = perf_counter() - begun
    plan = asking_all_saved(connection, plan, column, found.dimensions)
    plan.check(column, found)
    _check_queries(connection, plan, column, found)
    pace = probe(connection, column, plan.distance, found.dimensions)
    share = _share_met(connection, plan, column, found)
    expected = forecast(
        plan,
        column.type,
        found,
        read_s=read_s,
        pace=pace,
        build_memory_mb=budget.build_memory_mb,
        share_met=share,
    )
    _check_budget(expected.scratch_bytes, budget.scratch_bytes, "scratch space")
    _check_budget(expected.memory_bytes, memory_bytes() // 2, "memory")
    check_time(expected, budget.time_s)
    run_id = start_run(
        connection,
        column,
        plan.to_params(),
        rows=plan.searched_rows(found.rows),
        queries=plan.queries,
        environment={
            **environment(connection, plan, column, found),
            "forecast": expected.to_document(),
            "pace": asdict(pace) if pace else None,
        },
        fingerprint=fingerprint(connection, column),
        created_by=created_by,
        job_id=job_id,
    )
    ledger.log(f"Forecast. {expected.sentence()}")
    if announced := load_announced(plan):
        ledger.log(announced)
    started: dict[str, Any] = {"run": run_id, "dimensions": found.dimensions, "queries": plan.queries}
    started |= {"share_met": share} if plan.target else {}
    ledger.save(connection, Progress(0, len(plan.trials), "trials", "starting"), started)


def _share_met(
    connection: Connection, plan: BenchmarkPlan, column: VectorColumn, found: Survey
) -> float | None:
    """Tell what share of the rows meets the filter of a search for a target: a predicate's are counted."""
    known = share_known(plan)
    if plan.target is None or known is not None:
        return known
    subset = next(iter(plan.filters.values()))
    return count_met(connection, column, subset.filters) / (found.rows + found.zeros)


def _check_queries(connection: Connection, plan: BenchmarkPlan, column: VectorColumn, found: Survey) -> None:
    """Raise RequestError where the plan's query set is missing, too small, or of another kind."""
    if table := parse_source(plan.query_source).table:
        queries = find_column(connection, table)
        check_query_set(
            connection, queries, column, plan.distance, dimensions=found.dimensions, wanted=plan.queries
        )


def _check_budget(needed_bytes: int, budget_bytes: int, what: str) -> None:
    if needed_bytes > budget_bytes:
        raise RequestError(
            f"This benchmark needs about {needed_bytes / 2**20:,.0f} MB of {what}; "
            f"{budget_bytes / 2**20:,.0f} MB may be used.",
            "Measure a sample of the rows; SCRATCH_BUDGET_MB sets how much scratch space there is.",
        )
