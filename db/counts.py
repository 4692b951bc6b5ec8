"""How many rows meet a condition: at once and about, or exactly and for the time it takes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

from sqlalchemy import Connection, Select, func, select

from db.catalog import ColumnInfo, other_columns
from db.conditions import EVERY_ROW, Condition, check, clause, columns_of
from db.errors import StatementTimeout
from db.explain import explain
from db.nearest import source
from db.savepoint import within

CAP = 10_000
"""Counting goes on to one row more; 10 million rows are 1 ms away from that, if they meet the condition."""

TIME_BOX_MS = 100
"""A rare row among many may be long in coming: then the planner's guess must do."""

MS_PER_COST = 0.005
"""Milliseconds that one of the planner's cost units takes, about, where the table is in memory: counting
10 million rows of 8 dimensions costs 220,000, and takes about a second."""


@dataclass(frozen=True, slots=True)
class Count:
    """``forecast_ms`` is what counting exactly would take, about; None where it is exact already."""

    rows: int
    kind: Literal["exact", "estimate", "at_least"]
    elapsed_ms: float
    forecast_ms: float | None = None


def estimate(connection: Connection, column: ColumnInfo, where: Condition) -> Count:
    """Tell at once about how many rows there are: exactly where they are few.

    Raises RequestError for a condition that the columns do not bear.
    """
    started = perf_counter()
    if where == EVERY_ROW and column.rows is not None and column.rows_exact:
        return Count(column.rows, "exact", 0.0)
    rows = _rows(connection, column, where)
    known = column.rows if where == EVERY_ROW else None
    counted = None
    if known is None or known <= CAP:
        counted = _counted(connection, select(func.count()).select_from(rows.limit(CAP + 1).subquery()))
        if counted is not None and counted <= CAP:
            return Count(counted, "exact", _since(started))

    guess = round(explain(connection, rows).root.rows_estimated) if known is None else known
    plan = explain(connection, select(func.count()).select_from(rows.subquery()))
    forecast_ms = plan.document["Plan"]["Total Cost"] * MS_PER_COST
    if counted is not None and guess <= CAP:
        return Count(CAP, "at_least", _since(started), forecast_ms)
    return Count(guess, "estimate", _since(started), forecast_ms)


def count_exactly(connection: Connection, column: ColumnInfo, where: Condition) -> Count:
    """Count the rows.

    Raises StatementTimeout where that takes too long, and RequestError as ``estimate`` does.
    """
    started = perf_counter()
    rows = connection.scalar(select(func.count()).select_from(_rows(connection, column, where).subquery()))
    return Count(rows or 0, "exact", _since(started))


def _rows(connection: Connection, column: ColumnInfo, where: Condition) -> Select[Any]:
    shown = other_columns(connection, column)
    check(where, shown)
    rows = source(column, (c.name for c in shown))
    return select().select_from(rows).where(clause(where, columns_of(column, rows)))


def _counted(connection: Connection, statement: Select[int]) -> int | None:
    """Count within the time box; None where it is over first."""
    with suppress(StatementTimeout), within(connection, TIME_BOX_MS):
        return connection.scalar(statement)
    return None


def _since(started: float) -> float:
    return (perf_counter() - started) * 1000
