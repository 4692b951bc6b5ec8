"""An index built under watch: its progress, its time, its size, and what the server had to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Index, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex, DropIndex

from db.engine import Database
from db.errors import RequestError
from db.progress import Progress

WATCH_S = 0.3
"""How often a build is looked at."""

OUT_OF_SPACE, LIMIT_EXCEEDED = "53100", "54000"

_SERIAL = {"max_parallel_maintenance_workers": "0"}

_PROGRESS = text("""
SELECT phase, blocks_done, blocks_total, tuples_done,
       (SELECT count(*) FROM pg_stat_activity WHERE leader_pid = :pid) AS workers
FROM pg_stat_progress_create_index WHERE pid = :pid
""")
_CANCEL = text("SELECT pg_cancel_backend(:pid)")
_SIZE = text("""
SELECT pg_relation_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :name
""")


@dataclass(frozen=True, slots=True)
class Built:
    """A finished index.

    ``notices`` are the server's own words, such as a graph that left memory; ``workers`` the most parallel
    processes that were seen beside the one that builds.
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
    _apply(connection, settings)
    with _listening(connection) as notices:
        try:
            with connection.begin_nested():
                build_s, workers = _watched(database, connection, index, rows, watch)
        except DBAPIError as error:
            if _sqlstate(error) == LIMIT_EXCEEDED:
                raise RequestError(
                    f"The server cannot build this index: {str(error.orig).strip()}.",
                    "Give the build more memory (BUILD_MEMORY_MB), or choose other options.",
                ) from error
            if _sqlstate(error) != OUT_OF_SPACE or "shared memory" not in str(error.orig):
                raise
            _apply(connection, _SERIAL)
            build_s, workers = _watched(database, connection, index, rows, watch)
    return Built(build_s, _size_bytes(connection, index), tuple(notices), workers)


def drop_index(connection: Connection, index: Index) -> None:
    """Drop ``index``, if it is there."""
    connection.execute(DropIndex(index, if_exists=True))


def _apply(connection: Connection, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        connection.execute(select(func.set_config(name, value, True)))


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "pgcode", None)


@contextmanager
def _listening(connection: Connection) -> Iterator[list[str]]:
    """Gather what the server remarks.

    SQLAlchemy empties psycopg2's list of notices after every statement, unless it is no list.
    """
    driver: Any = connection.connection.driver_connection
    before, driver.notices = driver.notices, _Notices()
    try:
        yield driver.notices.lines
    finally:
        driver.notices = before


class _Notices:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def append(self, notice: str) -> None:
        """Keep the first line, ``NOTICE:  hnsw graph no longer fits...``, without its severity."""
        self.lines.append(notice.splitlines()[0].partition(":")[2].strip())


def _watched(
    database: Database, connection: Connection, index: Index, rows: int, watch: Callable[[Progress], None]
) -> tuple[float, int]:
    """Build in a thread, look on from this one; return the seconds it took, and the most workers seen."""
    workers = 0
    pid = connection.execute(select(func.pg_backend_pid())).scalar_one()
    with database.control("watch") as onlooker, ThreadPoolExecutor(1) as thread:
        building = thread.submit(_timed, connection, index)
        try:
            while not wait([building], WATCH_S).done:
                if row := onlooker.execute(_PROGRESS, {"pid": pid}).first():
                    workers = max(workers, row.workers)
                    watch(_progress(row, rows))
        except BaseException:
            onlooker.execute(_CANCEL, {"pid": pid})
            raise
    return building.result(), workers


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
