"""How fast this server is right now: a few of a column's rows indexed and searched, and all forgotten.

What a run will take can be counted, but not how long each step lasts on this machine with this load on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    cast,
    func,
    insert,
    select,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from db.arms import Arm, Search
from db.columns import VectorColumn
from db.distance import Distance
from db.indexes import Hnsw
from db.survey import is_zero
from db.timing import asking

PROBED_ROWS = 1_000
"""Enough that a build takes longer than its start, and less than a second up to 1,536 dimensions."""

_SEARCHES, _EXACT = 20, 6
_SERIAL = select(func.set_config("max_parallel_maintenance_workers", "0", True))


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds to index ``rows`` rows, and of a search of them through the index and exactly.

    The index is HNSW with its defaults, None where the column bears none.
    """

    rows: int
    exact_s: float
    build_s: float | None
    search_s: float | None


def probe(connection: Connection, column: VectorColumn, distance: Distance, dimensions: int) -> Pace | None:
    """Measure the pace in the caller's transaction, which keeps nothing of it; None for too few rows."""
    savepoint = connection.begin_nested()
    try:
        return _probe(connection, column, distance, dimensions)
    finally:
        savepoint.rollback()


def _probe(connection: Connection, column: VectorColumn, distance: Distance, dimensions: int) -> Pace | None:
    held = VectorColumn("", "vectorscope_pace", "embedding", column.type, dimensions, ())
    table = Table(
        held.table,
        MetaData(),
        Column("position", Integer),
        Column("embedding", held.sql_type),
        prefixes=["TEMPORARY"],
    )
    connection.execute(CreateTable(table))
    rows = _copy(connection, column, table, distance)
    if rows < PROBED_ROWS:
        return None
    asked = select(cast(table.c.embedding, Text)).order_by(table.c.position).limit(_SEARCHES)
    texts = [text.encode() for text in connection.execute(asked).scalars()]
    search = Search(table, distance, 10)
    build_s = _build(connection, table, held, distance)
    settings = {"enable_seqscan": "off"} if build_s is not None else {}
    with asking(connection, [Arm(search, settings)], texts) as asker:
        asker.ask(0, range(len(texts)))
        search_ms = asker.ask(0, range(len(texts))).latencies_ms
        exact_ms = asker.ask_exactly(0, range(_EXACT)).latencies_ms
    search_s = None if build_s is None else float(search_ms.mean()) / 1000
    return Pace(rows, float(exact_ms.mean()) / 1000, build_s, search_s)


def _copy(connection: Connection, column: VectorColumn, table: Table, distance: Distance) -> int:
    source = column.as_table()
    vector = source.c[column.column]
    some = (
        select(vector.label("embedding"))
        .where(vector.is_not(None), ~is_zero(vector, distance))
        .limit(PROBED_ROWS)
        .subquery()
    )
    numbered = select(func.row_number().over(), cast(some.c.embedding, table.c.embedding.type))
    return connection.execute(insert(table).from_select(["position", "embedding"], numbered)).rowcount


def _build(connection: Connection, table: Table, held: VectorColumn, distance: Distance) -> float | None:
    method = Hnsw()
    limit = method.max_dimensions.get(held.type, 0)
    if not method.supports(held.type, distance) or (held.dimensions or 0) > limit:
        return None
    connection.execute(_SERIAL)
    index = method.on(table, held.column, held.type, distance, name="vectorscope_pace_index")
    started = perf_counter()
    connection.execute(CreateIndex(index))
    return perf_counter() - started
