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
    ClauseElement,
    Connection,
    ExecutableDDLElement,
    Select,
    func,
    select,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler

from db.arms import MISSING, Arm, Asked
from db.engine import driver_cursor
from db.explain import Plan, parse_plan

_LOAD_LIBRARY = text("SELECT '[1]'::vector")
_FORGET = text("DEALLOCATE ALL")


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back for each query, and when."""

    latencies_ms: NDArray[np.float64]
    """Wall time of one execute and fetch, as this process saw it; shape (queries,)."""
    found: NDArray[Any]
    """What the search selects of the rows it found, nearest first; shape (queries, k), padded."""

    @staticmethod
    def joined(parts: Sequence[Answers]) -> Answers:
        """Put answers to consecutive queries together."""
        return Answers(
            np.concatenate([part.latencies_ms for part in parts]),
            np.concatenate([part.found for part in parts]),
        )


def prepared(name: str, arm: Arm) -> tuple[ClauseElement, ...]:
    """List the statements that make a session of its own ask an arm's search as ``EXECUTE name(vector)``."""
    settings = (select(func.set_config(setting, value, False)) for setting, value in arm.settings.items())
    return _LOAD_LIBRARY, *settings, _Prepare(name, arm.search, arm.search.nearest())


@contextmanager
def asking(connection: Connection, arms: Sequence[Arm], queries: Sequence[bytes]) -> Iterator[Asker]:
    """Prepare ``arms`` in a transaction, the caller's or one of its own, whose settings end with it.

    ``queries`` are written by ``as_text``, and asked for by number.
    """
    with connection.begin_nested() if connection.in_transaction() else connection.begin():
        connection.execute(_LOAD_LIBRARY)  # until then hnsw.* and ivfflat.* are unknown names
        connection.execute(_FORGET)
        yield Asker(connection, arms, queries)


class Asker:
    """Prepared searches, each asked under its own settings and beside the same search made exact.

    Arms are asked in turns from one transaction, so that a slow moment of the machine meets them all.
    """

    def __init__(self, connection: Connection, arms: Sequence[Arm], queries: Sequence[bytes]) -> None:
        self._connection = connection
        self._arms = list(arms)
        self._queries = queries
        self._in_force: Mapping[str, str] = {}
        self._found = {name: self._setting(name) for arm in arms for name in arm.settings}
        for number in range(len(self._arms)):
            self._prepare(number)

    def require(self, number: int, settings: Mapping[str, str]) -> None:
        """Add ``settings`` to those of an arm; the plan that was kept for it is forgotten."""
        arm = self._arms[number]
        self._arms[number] = Arm(arm.search, {**arm.settings, **settings})
        self._found |= {name: self._setting(name) for name in settings if name not in self._found}
        self._connection.execute(_Deallocate(f"arm_{number}"))
        self._connection.execute(_Deallocate(f"exact_{number}"))
        self._prepare(number)

    def plan(self, number: int, *, analyze: bool = False, query: int = 0) -> Plan:
        """Ask which plan an arm's search would run now; with ``analyze`` run it, and count its buffers."""
        self._apply(number)
        options = b"ANALYZE, BUFFERS, TIMING OFF, " if analyze else b""
        with driver_cursor(self._connection, "EXPLAIN EXECUTE") as cursor:
            cursor.execute(
                b"EXPLAIN (%sFORMAT JSON) %s"
                % (options, _execute(f"arm_{number}".encode(), self._queries[query]))
            )
            return parse_plan(cursor.fetchone()[0])

    def ask(self, number: int, queries: Sequence[int]) -> Answers:
        """Search for the queries numbered, in that order, the way of one arm."""
        return self._ask(number, b"arm_", queries)

    def ask_exactly(self, number: int, queries: Sequence[int]) -> Answers:
        """Search for the queries numbered without any index, whatever the arm's settings."""
        return self._ask(number, b"exact_", queries)

    def _ask(self, number: int, kind: bytes, queries: Sequence[int]) -> Answers:
        self._apply(number)
        name = kind + str(number).encode()
        statements = [_execute(name, self._queries[i]) for i in queries]
        search = self._arms[number].search
        return ask(self._connection, statements, search.k, search.missing)

    def _prepare(self, number: int) -> None:
        search = self._arms[number].search
        self._apply(number)
        self._connection.execute(_Prepare(f"arm_{number}", search, search.nearest()))
        self._connection.execute(_Prepare(f"exact_{number}", search, search.nearest(exact=True)))

    def _apply(self, number: int) -> None:
        """Put an arm's settings in force, and what another arm had changed back as it was found."""
        wanted = {**self._found, **self._arms[number].settings}
        for name, value in wanted.items():
            if self._in_force.get(name) != value:
                self._connection.execute(select(func.set_config(name, value, True)))
        self._in_force = wanted

    def _setting(self, name: str) -> str:
        return str(self._connection.execute(select(func.current_setting(name))).scalar_one())


def ask(connection: Connection, statements: Sequence[bytes], k: int, missing: float = MISSING) -> Answers:
    """Execute ``statements``, each returning up to ``k`` numbers, and time every one."""
    taken_ns = np.empty(len(statements), np.int64)
    answers: list[list[tuple[float]]] = []
    with driver_cursor(connection, "EXECUTE") as cursor:
        execute, fetch = cursor.execute, cursor.fetchall
        for i, statement in enumerate(statements):
            started_ns = perf_counter_ns()
            execute(statement)
            rows = fetch()
            taken_ns[i] = perf_counter_ns() - started_ns
            answers.append(rows)
    found = np.full((len(answers), k), missing)
    for i, rows in enumerate(answers):
        found[i, : len(rows)] = [row[0] for row in rows]
    return Answers(taken_ns / 1e6, found)


def as_text(vector: NDArray[np.float32], vector_type: str = "vector") -> bytes:
    """Write a vector as pgvector reads it; nine digits bring back the same float32, and bits are 0 or 1."""
    if vector_type == "bit":
        return np.where(vector, b"1", b"0").tobytes()
    return (b"[" + b",".join([b"%.9g"] * len(vector)) + b"]") % tuple(vector.tolist())


def _execute(name: bytes, vector: bytes) -> bytes:
    return b"EXECUTE " + name + b"('" + vector + b"')"


class _Prepare(ExecutableDDLElement):
    """PREPARE name (type) AS statement, with $1 for a vector of that type."""

    def __init__(self, name: str, search: Asked, statement: Select[Any]) -> None:
        self.name = name
        self.vector_type = search.vector_type
        self.statement = statement


@compiles(_Prepare)
def _compile(element: _Prepare, compiler: DDLCompiler, **_: Any) -> str:
    statement = compiler.sql_compiler.process(element.statement, literal_binds=True)
    vector_type = compiler.type_compiler.process(element.vector_type)
    return f"PREPARE {element.name} ({vector_type}) AS {statement}"


class _Deallocate(ExecutableDDLElement):
    """DEALLOCATE name."""

    def __init__(self, name: str) -> None:
        self.name = name


@compiles(_Deallocate)
def _compile_deallocate(element: _Deallocate, *_: Any, **__: Any) -> str:
    return f"DEALLOCATE {element.name}"
