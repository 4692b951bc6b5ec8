"""Nearest-neighbour queries asked one at a time, and timed with as little of the client as possible.

The statement is prepared once and executed from bytes made beforehand, on psycopg2's own cursor: an
execute through SQLAlchemy would report a third fewer queries per second than the server answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    ExecutableDDLElement,
    Table,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler

from db.distance import Distance
from db.engine import driver_cursor
from db.explain import Plan, parse_plan

MISSING = -1
"""Position that stands for a row that did not come back."""

_LOAD_LIBRARY = text("SELECT '[1]'::vector")
_FORGET = text("DEALLOCATE ALL")


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back for each query, and when."""

    latencies_ms: NDArray[np.float64]
    """Wall time of one execute and fetch, as this process saw it; shape (queries,)."""
    positions: NDArray[np.int64]
    """Rows found, nearest first; shape (queries, k), padded with MISSING."""

    @staticmethod
    def joined(parts: Sequence[Answers]) -> Answers:
        """Put answers to consecutive queries together."""
        return Answers(
            np.concatenate([part.latencies_ms for part in parts]),
            np.concatenate([part.positions for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class Search:
    """What every query asks: the ``k`` nearest positions in ``rows`` (position, embedding)."""

    rows: Table
    distance: Distance
    k: int


@contextmanager
def asking(
    connection: Connection, search: Search, queries: Sequence[bytes], settings: Mapping[str, str]
) -> Iterator[Asker]:
    """Prepare ``search`` in a transaction of its own, under ``settings`` until it ends.

    ``queries`` are written by ``as_text``, and asked for by number.
    """
    with connection.begin():
        asker = Asker(connection, search, queries)
        asker.prepare(settings)
        yield asker


class Asker:
    """A prepared search, beside the same search made exact."""

    def __init__(self, connection: Connection, search: Search, queries: Sequence[bytes]) -> None:
        self._connection = connection
        self._search = search
        self._queries = queries

    def prepare(self, settings: Mapping[str, str]) -> None:
        """Add ``settings`` until the transaction ends, and prepare under them; a kept plan is forgotten."""
        self._connection.execute(_LOAD_LIBRARY)  # until then hnsw.* and ivfflat.* are unknown names
        for name, value in settings.items():
            self._connection.execute(select(func.set_config(name, value, True)))
        self._connection.execute(_FORGET)
        self._connection.execute(_Prepare("nearest", self._search))
        self._connection.execute(_Prepare("exact", self._search, exact=True))

    def plan(self) -> Plan:
        """Ask which plan the prepared search would run now."""
        with driver_cursor(self._connection, "EXPLAIN EXECUTE") as cursor:
            cursor.execute(b"EXPLAIN (FORMAT JSON) " + _execute(b"nearest", self._queries[0]))
            return parse_plan(cursor.fetchone()[0])

    def ask(self, numbers: Sequence[int]) -> Answers:
        """Search for the queries numbered, in that order."""
        return self._ask(b"nearest", numbers)

    def ask_exactly(self, numbers: Sequence[int]) -> Answers:
        """Search for the queries numbered without any index, whatever the settings."""
        return self._ask(b"exact", numbers)

    def _ask(self, name: bytes, numbers: Sequence[int]) -> Answers:
        return ask(self._connection, [_execute(name, self._queries[i]) for i in numbers], self._search.k)


def ask(connection: Connection, statements: Sequence[bytes], k: int) -> Answers:
    """Execute ``statements``, each returning up to ``k`` positions, and time every one."""
    taken_ns = np.empty(len(statements), np.int64)
    found: list[list[tuple[int]]] = []
    with driver_cursor(connection, "EXECUTE") as cursor:
        execute, fetch = cursor.execute, cursor.fetchall
        for i, statement in enumerate(statements):
            started_ns = perf_counter_ns()
            execute(statement)
            rows = fetch()
            taken_ns[i] = perf_counter_ns() - started_ns
            found.append(rows)
    positions = np.full((len(found), k), MISSING, np.int64)
    for i, rows in enumerate(found):
        positions[i, : len(rows)] = [row[0] for row in rows]
    return Answers(taken_ns / 1e6, positions)


def as_text(vector: NDArray[np.float32]) -> bytes:
    """Write a vector as pgvector reads it; nine digits bring back the same float32."""
    return (b"[" + b",".join([b"%.9g"] * len(vector)) + b"]") % tuple(vector.tolist())


def _execute(name: bytes, vector: bytes) -> bytes:
    return b"EXECUTE " + name + b"('" + vector + b"')"


class _Prepare(ExecutableDDLElement):
    """PREPARE name (type) AS the search for $1."""

    def __init__(self, name: str, search: Search, *, exact: bool = False) -> None:
        embedding = search.rows.c.embedding
        order: ColumnElement[Any] = embedding.op(search.distance.operator)(literal_column("$1"))
        if exact:
            # A sum is no operator that an index could order by, under any setting of any server.
            order = order.op("+")(literal_column("0"))
        self.name = name
        self.vector_type = embedding.type
        self.statement = select(search.rows.c.position).order_by(order).limit(search.k)


@compiles(_Prepare)
def _compile(element: _Prepare, compiler: DDLCompiler, **_: Any) -> str:
    statement = compiler.sql_compiler.process(element.statement, literal_binds=True)
    vector_type = compiler.type_compiler.process(element.vector_type)
    return f"PREPARE {element.name} ({vector_type}) AS {statement}"
