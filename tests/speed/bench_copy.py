"""Reading 100,000 x 128 into arrays: our binary COPY, against the server writing them to a file."""

from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy import Connection, select, text

from db.copy import copy_out_vectors
from db.engine import Database
from db.scratch import Scratch
from tests.speed.copied import copied_items
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 5


def measure(database: Database) -> list[Ratio]:
    """Measure each arm once per round, so that a slow moment of the machine meets them all."""
    scratch = copied_items(database)
    with database.writing("bench") as connection:
        _read_s(connection, scratch)  # the first to read the table reads it from disk
        rounds = [(_read_s(connection, scratch), _written_s(connection)) for _ in range(ROUNDS)]
    read_s, written_s = (median(seconds) for seconds in zip(*rounds, strict=True))
    return [
        Ratio(
            "reading vectors into arrays over COPY TO a binary file of the server's",
            median(theirs / ours for ours, theirs in rounds),
            0.5,
            f"{read_s:.3f} s against {written_s:.3f} s",
        )
    ]


def _read_s(connection: Connection, scratch: Scratch) -> float:
    started = perf_counter()
    with connection.begin():
        copy_out_vectors(connection, select(scratch.rows.c.position, scratch.rows.c.embedding))
    return perf_counter() - started


def _written_s(connection: Connection) -> float:
    with connection.begin():
        path = Path(connection.scalar(text("SHOW data_directory")) or "") / "bench.copy"
        started = perf_counter()
        connection.execute(text(f"COPY vectorscope_bench.run_1 TO '{path}' (FORMAT binary)"))
        taken_s = perf_counter() - started
    path.unlink()
    return taken_s


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
