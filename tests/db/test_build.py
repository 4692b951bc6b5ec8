from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Connection, Index, Integer, MetaData, Table, text

from db.build import build, drop_index
from db.columns import VECTOR_TYPES
from db.distance import Distance
from db.engine import Database
from db.errors import Cancelled, RequestError
from db.indexes import Hnsw, IndexMethod, Ivfflat
from db.progress import Progress
from db.schema import SCRATCH_SCHEMA
from db.scratch import has_index

ROWS = 6000


@pytest.fixture
def rows() -> Table:
    """A table of random vectors, not made yet."""
    vector = VECTOR_TYPES["vector"](32)  # type: ignore[call-arg]
    return Table(
        "rows", MetaData(), Column("position", Integer), Column("embedding", vector), schema=SCRATCH_SCHEMA
    )


@pytest.fixture
def connection(database: Database, rows: Table) -> Iterator[Connection]:
    """A job's connection, with ``rows`` filled."""
    with database.writing("tests") as connection:
        with connection.begin():
            connection.execute(text(f"CREATE SCHEMA {SCRATCH_SCHEMA}"))
            rows.create(connection)
            connection.execute(
                text(
                    f"INSERT INTO {SCRATCH_SCHEMA}.rows SELECT i, (SELECT array_agg(random() + 0 * (i + g)) "
                    f"FROM generate_series(1, 32) AS g)::vector FROM generate_series(1, {ROWS}) AS i;"
                )
            )
        yield connection


def index_of(rows: Table, method: IndexMethod) -> Index:
    return method.on(rows, "embedding", "vector", Distance.L2, name="candidate")


@pytest.mark.parametrize("method", [Hnsw(), Ivfflat(lists=50)], ids=str)
def test_a_build_tells_its_progress_time_and_size(
    database: Database, connection: Connection, rows: Table, method: IndexMethod
) -> None:
    seen: list[Progress] = []
    with connection.begin():
        built = build(database, connection, index_of(rows, method), rows=ROWS, settings={}, watch=seen.append)

    assert built.build_s > 0
    assert built.size_bytes == pytest.approx(method.size_forecast_bytes(ROWS, 32, "vector"), rel=0.1)
    assert built.notices == ()
    assert all(0 <= progress.done <= progress.total for progress in seen)
    with connection.begin():
        assert has_index(connection, "candidate")
        drop_index(connection, index_of(rows, method))
        assert not has_index(connection, "candidate")


def test_the_servers_remarks_are_kept(database: Database, connection: Connection, rows: Table) -> None:
    with connection.begin():
        built = build(
            database,
            connection,
            index_of(rows, Hnsw(m=4, ef_construction=8)),
            rows=ROWS,
            settings={"maintenance_work_mem": "1MB"},
            watch=lambda progress: None,
        )

    assert len(built.notices) == 1
    assert built.notices[0].startswith("hnsw graph no longer fits into maintenance_work_mem after")
    assert built.spilled


@pytest.mark.parametrize("method", [Hnsw(m=4, ef_construction=8), Ivfflat(lists=10)], ids=str)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_build_tells_the_workers_it_had_however_quick_it_was(
    database: Database, connection: Connection, rows: Table, method: IndexMethod, workers: int
) -> None:
    with connection.begin():
        connection.execute(text(f"ALTER TABLE {SCRATCH_SCHEMA}.rows SET (parallel_workers = {workers})"))
    with connection.begin():
        built = build(
            database,
            connection,
            index_of(rows, method),
            rows=ROWS,
            settings={"max_parallel_maintenance_workers": "2", "maintenance_work_mem": "64MB"},
            watch=lambda progress: None,
        )

    assert built.workers == workers
    assert not built.spilled
    assert built.notices == ()


def test_a_build_beyond_the_servers_limits_is_refused_in_a_sentence(
    database: Database, connection: Connection, rows: Table
) -> None:
    with (
        pytest.raises(RequestError, match="cannot build this index: memory required is"),
        connection.begin(),
    ):
        build(
            database,
            connection,
            index_of(rows, Ivfflat(lists=1000)),
            rows=ROWS,
            settings={"maintenance_work_mem": "1MB"},
            watch=lambda progress: None,
        )
    with connection.begin():
        assert not has_index(connection, "candidate")


def test_a_build_is_cancelled_by_what_its_watcher_raises(
    database: Database, connection: Connection, rows: Table
) -> None:
    def stop(progress: Progress) -> None:
        raise Cancelled("Enough.")

    slow = index_of(rows, Hnsw(m=100, ef_construction=1000))
    with pytest.raises(Cancelled, match="Enough"), connection.begin():
        build(database, connection, slow, rows=ROWS, settings={}, watch=stop)
    with connection.begin():
        assert not has_index(connection, "candidate")


def test_a_parallel_build_without_the_shared_memory_is_done_by_one_process(
    database: Database, connection: Connection, rows: Table
) -> None:
    with connection.begin():
        connection.execute(text(f"ALTER TABLE {SCRATCH_SCHEMA}.rows SET (parallel_workers = 2)"))
    with connection.begin():
        built = build(
            database,
            connection,
            index_of(rows, Hnsw(m=4, ef_construction=8)),
            rows=ROWS,
            # More than any machine of today can share; a single process takes only what it needs.
            settings={"maintenance_work_mem": "2000GB", "max_parallel_maintenance_workers": "2"},
            watch=lambda progress: None,
        )

    assert built.size_bytes > 0
    with connection.begin():
        assert has_index(connection, "candidate")
