"""Statements that change an index beside running transactions, on a connection of their own, under watch.

CREATE, DROP and REINDEX ... CONCURRENTLY refuse a transaction, wait for others' and can end halfway: what
they need set is set for one session, which is closed afterwards and never lent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Index, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex, DropIndex, ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from db.build import LIMIT_EXCEEDED
from db.engine import Database
from db.errors import DashboardError, RequestError
from db.index_ground import Blocker, blocker
from db.notices import listening
from db.savepoint import refused_with

WATCH_S = 0.3
"""How often a statement is looked at."""

_DUPLICATE_NAME = "42P07"

_SIGHT = text("""
SELECT p.phase, p.blocks_done, p.blocks_total, p.tuples_done, p.tuples_total, p.lockers_done, p.lockers_total,
       NULLIF(p.index_relid, 0)::bigint AS index_oid,
       (SELECT count(*) FROM pg_stat_activity WHERE leader_pid = :pid) AS workers
FROM pg_stat_progress_create_index p WHERE p.pid = :pid
""")
_BLOCKERS = text("""
SELECT a.pid, a.application_name AS application, a.usename::text AS "user", a.state,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float AS open_s
FROM pg_stat_activity a WHERE a.pid = ANY (pg_blocking_pids(:pid))
ORDER BY a.xact_start
""")
_CANCEL = text("""
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE pid = :pid AND backend_start = :started AND state <> 'idle'
""")
_BACKEND = text("SELECT pid, backend_start AS started FROM pg_stat_activity WHERE pid = pg_backend_pid()")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at a statement showed.  ``done`` of ``total`` counts ``unit``; total 0 is not known.

    ``workers`` help the process that builds; ``blockers`` keep it waiting; ``index_oid`` is the index it
    makes, once that is in the catalog.
    """

    phase: str
    done: int = 0
    total: int = 0
    unit: str = ""
    workers: int = 0
    index_oid: int | None = None
    blockers: tuple[Blocker, ...] = ()


class ReindexIndex(ExecutableDDLElement):
    """REINDEX INDEX CONCURRENTLY."""

    def __init__(self, index: Index) -> None:
        self.index = index


@compiles(ReindexIndex)
def _compile(element: ReindexIndex, compiler: DDLCompiler, **_: Any) -> str:
    index, quote = element.index, compiler.preparer.quote
    assert index.table is not None
    assert index.table.schema is not None
    return f"REINDEX INDEX CONCURRENTLY {quote(index.table.schema)}.{quote(str(index.name))}"


@contextmanager
def session(database: Database, purpose: str, settings: Mapping[str, str] = {}) -> Iterator[Connection]:
    """Lend an autocommit connection under ``settings`` that is closed afterwards."""
    with database.control(purpose) as connection:
        connection.detach()
        for name, value in settings.items():
            connection.execute(select(func.set_config(name, value, False)))
        yield connection


def carry_out(
    database: Database,
    statement: CreateIndex | DropIndex | ReindexIndex,
    *,
    purpose: str,
    settings: Mapping[str, str],
    rows: int,
    watch: Callable[[Sight], None],
    hear: Callable[[str], None],
) -> float:
    """Carry out a statement over ``rows`` rows, return the seconds; ``watch`` is told a few times a second.

    What ``watch`` raises cancels the statement and is raised here, once the server has stopped.  Whatever
    becomes of the statement, ``hear`` is told each of the server's remarks when it is over: psycopg2 hands
    them over no earlier.

    Raises RequestError where the server's limits do not allow this index, or its name is taken.
    """
    with (
        session(database, purpose, settings) as connection,
        listening(connection, lambda notice: hear(notice.text)),
        ThreadPoolExecutor(1) as thread,
    ):
        backend = connection.execute(_BACKEND).one()._asdict()
        work = thread.submit(_timed, connection, statement)
        try:
            with database.control("watch") as onlooker:
                while not wait([work], WATCH_S).done:
                    watch(_sight(onlooker, backend["pid"], rows))
        except BaseException:
            _stop(database, backend, work)
            raise
        return _outcome(work)


def _timed(connection: Connection, statement: ExecutableDDLElement) -> float:
    started = perf_counter()
    connection.execute(statement)
    return perf_counter() - started


def _outcome(work: Future[float]) -> float:
    try:
        return work.result()
    except DBAPIError as error:
        if refused_with(error, LIMIT_EXCEEDED):
            raise RequestError(
                f"The server cannot build this index: {str(error.orig).strip()}.",
                "Give the build more memory, or choose other options.",
            ) from error
        if refused_with(error, _DUPLICATE_NAME):
            raise RequestError(
                f"The name is taken: {str(error.orig).strip()}.", "Choose another name."
            ) from error
        raise


def _stop(database: Database, backend: Mapping[str, Any], work: Future[float]) -> None:
    """Cancel until the statement is over: a cancel that comes between two of its steps is lost."""
    while not work.done():
        with suppress(DashboardError), database.control("cancel") as connection:
            connection.execute(_CANCEL, dict(backend))
        wait([work], WATCH_S)


def _sight(onlooker: Connection, pid: int, rows: int) -> Sight:
    blockers = tuple(blocker(row._mapping) for row in onlooker.execute(_BLOCKERS, {"pid": pid}))
    row = onlooker.execute(_SIGHT, {"pid": pid}).first()
    if row is None:
        # DROP tells no progress.
        return Sight("waiting for other transactions" if blockers else "starting", blockers=blockers)
    done, total, unit = _far(row, rows)
    return Sight(row.phase, done, total, unit, row.workers, row.index_oid, blockers)


def _far(row: Any, rows: int) -> tuple[int, int, str]:
    """Tell how far a phase is: HNSW counts rows and never says of how many, IVFFlat changes in between."""
    if row.phase.startswith("waiting"):
        return row.lockers_done, row.lockers_total, "transactions"
    if row.phase.startswith("building index") and row.tuples_done:
        return row.tuples_done, row.tuples_total or max(rows, row.tuples_done), "rows"
    return row.blocks_done, row.blocks_total, "pages"
