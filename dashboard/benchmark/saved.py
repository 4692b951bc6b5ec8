"""A plan that asks the searches saved of its column: all of them, however many there are."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from dashboard.benchmark.plan import QUERIES, BenchmarkPlan
from dashboard.benchmark.queries import parse_source
from db.columns import VectorColumn
from db.errors import RequestError
from db.query_sets import count_saved
from db.words import counted


def asking_all_saved(
    connection: Connection, plan: BenchmarkPlan, column: VectorColumn, dimensions: int
) -> BenchmarkPlan:
    """Let a plan whose queries are saved searches ask every one of them; any other plan stays as it is.

    Raises RequestError where none was saved that ``column`` can be asked for now.
    """
    if not parse_source(plan.query_source).saved:
        return plan
    saved = count_saved(connection, column, plan.distance, dimensions)
    if not 0 < saved <= QUERIES.high:
        raise RequestError(
            f"{column} has {counted(saved, 'saved search')}.",
            f"Save 1 to {QUERIES.high:,} on the page Search, or take the queries from elsewhere.",
        )
    return replace(plan, queries=saved)
