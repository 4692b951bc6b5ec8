"""An index built under watch: its progress, its time, its size, and what the server had to say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Index, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, DropIndex

from db.engine import Database
from db.errors import RequestError
from db.notices import Notice, listening
from db.progress import Progress

WATCH_S = 0.3
"""How often a build is looked at."""

OUT_OF_SPACE, LIMIT_EXCEEDED = "53100", "54000"

_SERIAL = {"max_parallel_maintenance_workers": "0"}

_PROGRESS = text("""
SELECT phase, blocks_done, blocks_total, tuples_done
FROM pg_stat_progress_create_index WHERE pid = :pid
""")
_TELL_WORKERS = {"client_min_messages": "debug1"}
_BUILDING, _WORKERS = 'building index "', re.compile(r"using (\d+) parallel workers")
"""What a build says in DEBUG1, untranslated: its begin by PostgreSQL's index_build (index.c), and how many
workers were launched by pgvector (hnswbuild.c, ivfbuild.c); who looks now and then misses quick ones."""

_CANCEL = text("SELECT pg_cancel_backend(:pid)")
_SIZE = text("""
SELECT pg_relation_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :name
""")


@dataclass(frozen=True, slots=True)
class Built:
    """A finished index.

    ``notices`` are the server's own words, such as a graph that left memory; ``workers`` the parallel
    processes that were launched beside the one that builds.
    """

    build_s: float
    size_bytes: int
    notices: tuple[str, ...]
    workers: int = 0

    @property
    def spilled(self) -> bool:
        """Whether the graph outgrew maintenance_work_mem, from where on a build is many times slower."""
        return any("no longer fits" in notice for notice in self.notices)


def build(
    database: Database,
    connection: Connection,
    index: Index,
    *,
    rows: int,
    settings: Mapping[str, str],
    watch: Callable[[Progress], None],
) -> Built:
    """Build ``index`` on a table of ``rows`` rows in the caller's transaction, under ``settings``.

    ``watch`` is told of the progress a few times a second; what it raises cancels the build and is
    raised here.  A parallel build that finds too little shared memory is done again by one process.

    Raises RequestError where the server says that its limits do not allow this index.
    """
    _apply(connection, {**settings, **_TELL_WORKERS})
    heard: list[Notice] = []
    with listening(connection, heard.append):
        try:
            with connection.begin_nested():
                build_s = _watched(database, connection, index, rows, watch)
        except DBAPIError as error:
            if _sqlstate(error) == LIMIT_EXCEEDED:
                raise RequestError(
                    f"The server cannot build this index: {str(error.orig).strip()}.",
                    "Give the build more memory (BUILD_MEMORY_MB), or choose other options.",
                ) from error
            if _sqlstate(error) != OUT_OF_SPACE or "shared memory" not in str(error.orig):
                raise
            _apply(connection, _SERIAL)
            build_s = _watched(database, connection, index, rows, watch)
    return Built(build_s, _size_bytes(connection, index), _remarks(heard), _workers(heard))


def drop_index(connection: Connection, index: Index) -> None:
    """Drop ``index``, if it is there."""
    connection.execute(DropIndex(index, if_exists=True))


def _apply(connection: Connection, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        connection.execute(select(func.set_config(name, value, True)))


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "pgcode", None)


def _remarks(heard: Sequence[Notice]) -> tuple[str, ...]:
    """What the server remarks of its own accord, without what it says in DEBUG1."""
    debug = {"DEBUG", *(notice.severity for notice in heard if notice.text.startswith(_BUILDING))}
    return tuple(notice.text for notice in heard if notice.severity not in debug)


def _workers(heard: Sequence[Notice]) -> int:
    """Count the workers that were launched for the last build there was."""
    workers = 0
    for notice in heard:
        if notice.text.startswith(_BUILDING):
            workers = 0
        elif told := _WORKERS.search(notice.text):
            workers = int(told[1])
    return workers


def _watched(
    database: Database, connection: Connection, index: Index, rows: int, watch: Callable[[Progress], None]
) -> float:
    """Build in a thread, look on from this one; return the seconds it took."""
    pid = connection.execute(select(func.pg_backend_pid())).scalar_one()
    with database.control("watch") as onlooker, ThreadPoolExecutor(1) as thread:
        building = thread.submit(_timed, connection, index)
        try:
            while not wait([building], WATCH_S).done:
                if row := onlooker.execute(_PROGRESS, {"pid": pid}).first():
                    watch(_progress(row, rows))
        except BaseException:
            onlooker.execute(_CANCEL, {"pid": pid})
            raise
    return building.result()


def _timed(connection: Connection, index: Index) -> float:
    started = perf_counter()
    connection.execute(CreateIndex(index))
    return perf_counter() - started


def _progress(row: Any, rows: int) -> Progress:
    """Count rows where they are told, else pages: HNSW and IVFFlat fill in different columns."""
    if row.tuples_done:
        return Progress(row.tuples_done, rows, "rows", row.phase)
    return Progress(row.blocks_done, row.blocks_total, "pages", row.phase)


def _size_bytes(connection: Connection, index: Index) -> int:
    assert index.table is not None
    named = {"schema": index.table.schema, "name": index.name}
    return int(connection.execute(_SIZE, named).scalar_one())
