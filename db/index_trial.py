"""Small builds to time, and inserts beside one: on some rows, in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import (
    Column,
    Connection,
    FromClause,
    Index,
    MetaData,
    Table,
    func,
    insert,
    literal,
    select,
    tablesample,
    text,
)
from sqlalchemy.schema import CreateSchema

from db.build import Built, build
from db.catalog import ColumnInfo
from db.engine import Database
from db.errors import RequestError
from db.index_plan import IndexPlan
from db.insert_cost import explained_insert
from db.progress import Progress
from db.schema import SCRATCH_SCHEMA
from db.words import counted

ROWS = 5_000
"""Of a trial: enough that what grows with their number shows, few enough that nobody waits."""

LEAST_ROWS = 500
"""Fewer are built in no time, whatever the options."""

INSERTS = 100
"""Further rows that are inserted one after the other, without the index and with it."""

LARGER = 8
"""So many times the rows are built once more: what a row takes grows with what the caches no longer hold."""

PATIENCE_S = 12.0
"""What that may take, as far as the first build tells; of rows that are dearer it alone has to do."""

LEAST_TIMES = 2
"""Fewer rows more tell nothing of how the time grows."""

STEEP = 1.4
"""By this power of the rows the second build may take longer.  Measured: 1.2 on clusters, 1.4 on uniform."""

PER_SIZE = 1.3
"""Memory a build takes, over the size of the index, with room: a second one that spills tells nothing."""

_MEMORY = text("SELECT pg_size_bytes(current_setting('maintenance_work_mem'))")

_SPARE = 1.5
"""So much more is drawn than wanted: rows without a vector are left out."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A build that was timed, over ``rows`` rows, and perhaps a second, of ``larger_rows`` in ``larger_s``.

    ``plain_ms`` and ``indexed_ms`` are what inserting one more row took on average, without the index and
    with it.  The table writes no WAL, so that both leave out what a real one adds.
    """

    rows: int
    built: Built
    plain_ms: float
    indexed_ms: float
    larger_rows: int | None = None
    larger_s: float | None = None


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

    Where that takes a moment, LARGER times as many are indexed, too.  Nothing stays: neither copy nor index
    is ever seen by anybody else.

    Raises RequestError where there are too few rows to tell anything.
    """
    column = plan.column
    with database.writing("trial build") as connection:
        transaction = connection.begin()
        try:
            copy, larger = (_copy(column, f"trial_{number}{end}", workers) for end in ("", "_larger"))
            more = _copy(column, f"trial_{number}_more", 0)
            connection.execute(CreateSchema(SCRATCH_SCHEMA, if_not_exists=True))
            copy.create(connection)
            more.create(connection)
            held = _fill(connection, column, more, 0, INSERTS)
            rows = _fill(connection, column, copy, held, ROWS)
            if held + rows < LEAST_ROWS:
                raise RequestError(
                    f"{column} has {counted(held + rows)} to try a build on.",
                    f"From {LEAST_ROWS:,} rows on a trial tells something; so few are indexed in no time.",
                )
            plain_ms = _insert_ms(connection, copy, more)

            def _built(table: Table, rows: int) -> Built:
                index = _index(plan, table)
                return build(database, connection, index, rows=rows, settings=settings, watch=watch)

            built = _built(copy, rows)
            trial = Trial(rows, built, plain_ms, _insert_ms(connection, copy, more))
            times = _times(connection, built)
            if times >= LEAST_TIMES:
                larger.create(connection)
                found = _fill(connection, column, larger, 0, int(times * ROWS))
                again = _built(larger, found) if found >= LEAST_TIMES * rows else None
                if again and not again.spilled:
                    trial = replace(trial, larger_rows=found, larger_s=again.build_s)
        finally:
            transaction.rollback()
    return trial


def _times(connection: Connection, built: Built) -> float:
    """Tell how many times as many rows can be built within PATIENCE_S and in memory, LARGER at most."""
    in_time = (PATIENCE_S / max(built.build_s, 0.001)) ** (1 / STEEP)
    memory_bytes = connection.scalar(_MEMORY) or 0
    return float(min(LARGER, in_time, memory_bytes / (PER_SIZE * built.size_bytes)))


def _index(plan: IndexPlan, table: Table) -> Index:
    column, name = plan.column, f"{table.name}_index"
    return plan.spec.on(table, column.column, column.type, column.dimensions or 0, plan.distance, name=name)


def _insert_ms(connection: Connection, copy: Table, more: Table) -> float:
    """Insert rows the copy does not hold, take them back, and tell what each took."""
    inside = connection.begin_nested()
    try:
        taken = explained_insert(connection, insert(copy).from_select(copy.c.keys(), select(more)))
    finally:
        inside.rollback()
    return float(taken["Execution Time"]) / float(taken["Plan"]["Plans"][0]["Actual Rows"])


def _copy(column: ColumnInfo, name: str, workers: int) -> Table:
    return Table(
        name,
        MetaData(),
        Column(column.column, column.sql_type),
        schema=SCRATCH_SCHEMA,
        prefixes=["UNLOGGED"],
        # A small table is built by one process unless it says otherwise.
        postgresql_with={"parallel_workers": workers, "autovacuum_enabled": False},
    )


def _fill(connection: Connection, column: ColumnInfo, copy: Table, after: int, most: int) -> int:
    """Copy at most ``most`` rows, ``after`` others that are left out: the same ones at every call."""
    source = column.as_table()
    drawn: FromClause = source
    if column.kind in {"table", "materialized view", "partitioned table"} and (column.rows or 0) > most:
        percent = min(100.0, 100 * _SPARE * max(most, ROWS) / (column.rows or ROWS))
        drawn = tablesample(source, func.system(percent), name="drawn", seed=literal(0))
    vector = drawn.c[column.column]
    chosen = select(vector).where(vector.is_not(None)).offset(after).limit(most)
    return connection.execute(insert(copy).from_select([column.column], chosen)).rowcount
