"""Importing NPY and Parquet, validation included, over COPY by the server itself from a file of its own.

Both ways end with a table that has its key, ours with statistics, too.  Two shapes: vectors as used, where
bytes count, and the ten million short rows that ``bench_browse`` reads, where rows count.  An import reads
its file whole before it sends a row, as a plan with errors must not write any: what that takes comes on top,
and of Parquet with wide vectors it is decoding, in a process of its own that starts anew each time.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import text

from dashboard.seeding.imports.apply import apply
from dashboard.seeding.imports.request import ImportRequest
from dashboard.seeding.imports.validate import validate
from db.engine import Database
from db.progress import Unrecorded
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 3
SHAPES = ((500_000, 128), (10_000_000, 8))
"""Rows and dimensions."""


def measure(database: Database) -> list[Ratio]:
    """Measure each arm once per round, so that a slow moment of the machine meets them all."""
    return [ratio for shape in SHAPES for ratio in _measured(database, *shape)]


def _measured(database: Database, rows: int, dims: int) -> list[Ratio]:
    with tempfile.TemporaryDirectory() as folder:
        vectors = np.random.default_rng(0).standard_normal((rows, dims), np.float32)
        npy, parquet = Path(folder) / "rows.npy", Path(folder) / "rows.parquet"
        np.save(npy, vectors)
        values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dims)
        pq.write_table(pa.table({"embedding": values}), parquet, compression="zstd")
        del vectors, values
        rounds = [
            tuple(
                rows / took_s
                for took_s in (
                    _imported(database, npy, rows),
                    _imported(database, parquet, rows),
                    _copied(database),
                )
            )
            for _ in range(ROUNDS)
        ]
    return [
        _ratio(f"import of {rows:,} x {dims} from {name}, validated, over server-side COPY", ours, rounds)
        for name, ours in (("NPY", 0), ("Parquet", 1))
    ]


def _ratio(name: str, ours: int, rounds: list[tuple[float, ...]]) -> Ratio:
    told = f"{median(r[ours] for r in rounds):,.0f} rows/s over {median(r[2] for r in rounds):,.0f}"
    return Ratio(name, median(r[ours] / r[2] for r in rounds), 0.6, told)


def _imported(database: Database, path: Path, rows: int) -> float:
    _forget(database, "imported")

    def work() -> None:
        plan = validate(database, ImportRequest(path=str(path), table="imported", create=True))
        assert apply(database, plan, Unrecorded()).inserted == rows

    return _seconds(work)


def _copied(database: Database) -> float:
    """Let the server read the rows imported last from a file of its own, into a table with a key."""
    with database.control("bench") as connection:
        path = Path(connection.scalar(text("SHOW data_directory")) or "") / "bench.copy"
        connection.execute(text(f"COPY imported TO '{path}' (FORMAT binary)"))
    _forget(database, "copied")
    try:
        with database.writing("bench") as connection:

            def work() -> None:
                with connection.begin():
                    connection.execute(text("CREATE TABLE copied (LIKE imported)"))
                    connection.execute(text(f"COPY copied FROM '{path}' (FORMAT binary)"))
                    connection.execute(text("ALTER TABLE copied ADD PRIMARY KEY (id)"))

            return _seconds(work)
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def _forget(database: Database, table: str) -> None:
    with database.control("bench") as connection:
        connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
        connection.execute(text("CHECKPOINT"))


def _seconds(work: Callable[[], None]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
