"""Loading 100,000 x 128: our COPY, against the server reading a file and against SQLAlchemy's INSERT."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import Column, MetaData, Table, insert, text

from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.sources import open_rows
from db.binary import Batch
from db.copy import copy_in
from db.engine import Database
from db.progress import Unrecorded
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 5
INSERTED = 2_000
"""Rows of the INSERT arm: its rate does not change with more, and it would take minutes."""

ITEMS = PopulateRequest(source="clusters", table="items", rows=100_000, dims=128, seed=7)
ROWS = open_rows(ITEMS)
TARGET = Table("target", MetaData(), *(Column(field.name, field.kind.sql) for field in ROWS.fields))


def measure(database: Database) -> list[Ratio]:
    """Measure each arm once per round, so that a slow moment of the machine meets them all."""
    at_hand = list(ROWS)
    with _server_file(database) as path:
        rounds = [
            (
                _copied(database, at_hand),
                _copied(database, ROWS),
                _server_copied(database, path),
                _inserted(database),
                _populated(database),
            )
            for _ in range(ROUNDS)
        ]
    loaded, copied, server, inserted, populated = (median(rates) for rates in zip(*rounds, strict=True))
    told = f"{copied:,.0f} rows/s, generating them included"
    return [
        Ratio(
            "load over server-side COPY of the same rows from a binary file",
            median(ours / theirs for ours, _, theirs, _, _ in rounds),
            0.6,
            f"{loaded:,.0f} rows/s over {server:,.0f}",
        ),
        Ratio(
            "load, generating the rows meanwhile, over server-side COPY of a binary file",
            median(ours / theirs for _, ours, theirs, _, _ in rounds),
            0.6,
            f"{told}, over {server:,.0f}; a whole populate with its key and ANALYZE: {populated:,.0f}",
        ),
        Ratio(
            "load over SQLAlchemy's multi-row INSERT",
            median(ours / theirs for _, ours, _, theirs, _ in rounds),
            8,
            f"{told}, over {inserted:,.0f}",
        ),
    ]


def _copied(database: Database, batches: Iterable[Batch]) -> float:
    with _empty_target(database) as rate, database.writing("bench") as connection, connection.begin():
        return rate(lambda: copy_in(connection, "public", TARGET.name, ROWS.fields, batches))


def _server_copied(database: Database, path: Path) -> float:
    statement = text(f"COPY target FROM '{path}' (FORMAT binary)")
    with _empty_target(database) as rate, database.writing("bench") as connection, connection.begin():
        return rate(lambda: connection.execute(statement).rowcount)


def _inserted(database: Database) -> float:
    rows = islice(chain.from_iterable(zip(*batch, strict=True) for batch in ROWS), INSERTED)
    values = [{"id": int(key), "cluster": int(cluster), "embedding": vector} for key, cluster, vector in rows]
    with _empty_target(database) as rate, database.writing("bench") as connection, connection.begin():
        return rate(lambda: connection.execute(insert(TARGET), values).rowcount)


def _populated(database: Database) -> float:
    with database.control("bench") as connection:
        connection.execute(text("DROP TABLE IF EXISTS items"))
    return _rate(lambda: populate(database, ITEMS, Unrecorded()).rows)


@contextmanager
def _empty_target(database: Database) -> Iterator[Callable[[Callable[[], int]], float]]:
    with database.writing("bench") as connection, connection.begin():
        TARGET.drop(connection, checkfirst=True)
        TARGET.create(connection)
    with database.control("bench") as connection:
        connection.execute(text("CHECKPOINT"))
    yield _rate


def _rate(work: Callable[[], int]) -> float:
    started = perf_counter()
    rows = work()
    return rows / (perf_counter() - started)


@contextmanager
def _server_file(database: Database) -> Iterator[Path]:
    """The rows in a file where the server, which may run as another user, can write and read it."""
    _copied(database, ROWS)
    with database.control("bench") as connection:
        path = Path(connection.scalar(text("SHOW data_directory")) or "") / "bench.copy"
        connection.execute(text(f"COPY target TO '{path}' (FORMAT binary)"))
    try:
        yield path
    finally:
        path.unlink()


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
