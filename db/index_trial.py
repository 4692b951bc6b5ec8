"""A small build to time: on a sample of a column's rows, in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Connection,
    FromClause,
    MetaData,
    Table,
    func,
    insert,
    literal,
    select,
    tablesample,
)
from sqlalchemy.schema import CreateSchema

from db.build import Built, build
from db.catalog import ColumnInfo
from db.engine import Database
from db.errors import RequestError
from db.index_plan import IndexPlan
from db.progress import Progress
from db.schema import SCRATCH_SCHEMA
from db.words import counted

ROWS = 5_000
"""Of a trial: enough that what grows with their number shows, few enough that nobody waits."""

LEAST_ROWS = 500
"""Fewer are built in no time, whatever the options."""

_SPARE = 1.5
"""So much more is drawn than wanted: rows without a vector are left out."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A build that was timed, over ``rows`` rows."""

    rows: int
    built: Built


def try_build(
    database: Database,
    plan: IndexPlan,
    *,
    number: int,
    workers: int,
    settings: Mapping[str, str],
    watch: Callable[[Progress], None],
) -> Trial:
    """Build the index on a sample of at most ROWS rows, with as many workers as the whole would have.

    Nothing stays: neither copy nor index is ever seen by anybody else.

    Raises RequestError where there are too few rows to tell anything.
    """
    column = plan.column
    with database.writing("trial build") as connection:
        transaction = connection.begin()
        try:
            copy = _copy(column, number, workers)
            connection.execute(CreateSchema(SCRATCH_SCHEMA, if_not_exists=True))
            copy.create(connection)
            rows = _fill(connection, column, copy)
            if rows < LEAST_ROWS:
                raise RequestError(
                    f"{column} has {counted(rows)} to try a build on.",
                    f"From {LEAST_ROWS:,} rows on a trial tells something; so few are indexed in no time.",
                )
            index = plan.spec.on(
                copy,
                column.column,
                column.type,
                column.dimensions or 0,
                plan.distance,
                name=f"trial_{number}_index",
            )
            built = build(database, connection, index, rows=rows, settings=settings, watch=watch)
        finally:
            transaction.rollback()
    return Trial(rows, built)


def _copy(column: ColumnInfo, number: int, workers: int) -> Table:
    return Table(
        f"trial_{number}",
        MetaData(),
        Column(column.column, column.sql_type),
        schema=SCRATCH_SCHEMA,
        prefixes=["UNLOGGED"],
        # A small table is built by one process unless it says otherwise.
        postgresql_with={"parallel_workers": workers, "autovacuum_enabled": False},
    )


def _fill(connection: Connection, column: ColumnInfo, copy: Table) -> int:
    source = column.as_table()
    drawn: FromClause = source
    if column.kind in {"table", "materialized view", "partitioned table"} and (column.rows or 0) > ROWS:
        percent = min(100.0, 100 * _SPARE * ROWS / (column.rows or ROWS))
        drawn = tablesample(source, func.system(percent), name="drawn", seed=literal(0))
    vector = drawn.c[column.column]
    chosen = select(vector).where(vector.is_not(None)).limit(ROWS)
    return connection.execute(insert(copy).from_select([column.column], chosen)).rowcount
