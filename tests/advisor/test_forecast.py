"""What an index would take, against indexes that were built."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from dashboard.advisor.forecast import Shape, forecast
from db.engine import Database
from db.errors import RequestError
from db.forms import parse_spec
from db.index_forecast import BuildSettings, build_settings, temporary_bytes

MB = 2**20
SERVER = BuildSettings(1024 * MB, 8 * MB, 2, 8, 8192 * MB, 1024 * MB)
ROWS = (
    "INSERT INTO items SELECT (SELECT array_agg(random() - 0.5 + 0 * (g + i)) "
    "FROM generate_series(1, {dims}) AS g)::vector({dims})::{type} FROM generate_series(1, {rows}) AS i"
)


def notes(shape: Shape, index: str, settings: BuildSettings | None = None) -> str:
    return " ".join(forecast(shape, parse_spec(index), settings).notes)


@pytest.mark.parametrize(
    ("shape", "index"),
    [
        (Shape(2500, 64), "hnsw:m=8"),
        (Shape(800, 384), "hnsw:m=16"),
        (Shape(500, 1024, "halfvec"), "hnsw:m=16"),
        (Shape(300, 2000), "hnsw:m=8"),
        (Shape(1500, 384), "hnsw:m=8,as=bit"),
        (Shape(3000, 64), "ivfflat:lists=10"),
    ],
    ids=str,
)
def test_the_size_is_within_a_tenth_of_the_index_that_is_built(
    database: Database, shape: Shape, index: str
) -> None:
    expected = forecast(shape, parse_spec(index))
    with database.control("tests") as connection:
        fill(connection, shape)
        size_bytes, _ = create(connection, shape, index)
    assert expected.size_bytes == pytest.approx(size_bytes, rel=0.1)


@pytest.mark.parametrize(("shape", "m"), [(Shape(2500, 64), 16), (Shape(900, 768, "halfvec"), 8)], ids=str)
def test_the_memory_is_within_a_sixth_of_what_the_graph_took(
    database: Database, shape: Shape, m: int
) -> None:
    with database.control("tests") as connection:
        fill(connection, shape)
        connection.execute(text("SET maintenance_work_mem = '1MB'"))
        _, notices = create(connection, shape, f"hnsw:m={m},ef_construction=64")
        [fitted] = [int(rows) for rows in re.findall(r"after (\d+) tuples", notices)]
    expected = forecast(replace(shape, rows=fitted), parse_spec(f"hnsw:m={m}"))
    assert expected.build_memory_bytes == pytest.approx(MB, rel=0.15)


def fill(connection: Connection, shape: Shape) -> None:
    connection.execute(text(f"CREATE TABLE items (e {shape.type}({shape.dimensions}))"))
    connection.execute(text(ROWS.format(dims=shape.dimensions, type=shape.type, rows=shape.rows)))


def create(connection: Connection, shape: Shape, spelled: str) -> tuple[int, str]:
    index = parse_spec(spelled)
    key, held = ("e", shape.type)
    if index.form:
        key, held = f"(binary_quantize(e)::bit({shape.dimensions}))", "bit"
    operators = f"{held}_{'hamming' if held == 'bit' else 'l2'}_ops"
    options = ", ".join(f"{name} = {value}" for name, value in index.method.options.items())
    driver = connection.connection.driver_connection
    assert driver
    driver.notices = []
    # SQLAlchemy empties the list of notices after each statement of its own.
    with driver.cursor() as cursor:
        cursor.execute(
            f"CREATE INDEX made ON items USING {index.method.name} ({key} {operators}) WITH ({options})"
        )
    notices = " ".join(driver.notices)
    return int(connection.execute(text("SELECT pg_relation_size('made')")).scalar_one()), notices


@pytest.mark.parametrize(
    ("dimensions", "told_of"),
    [
        (1969, "two 8 kB pages, 16,384 bytes: with at most 1,968 dimensions"),
        (1968, "One row fills an 8 kB page, 8,192 bytes a row: with at most 948 dimensions"),
        (1024, "As halfvec (as=halfvec) a row takes 2,730 bytes: 3.0 times smaller"),
        (949, "with at most 948 dimensions of vector 2 rows do, and the index is 1/2 of the size"),
        (948, "Two rows share an 8 kB page, 4,096 bytes a row: with at most 608 dimensions"),
        (608, "Three rows share an 8 kB page"),
    ],
)
def test_where_pages_cut_is_told(dimensions: int, told_of: str) -> None:
    assert told_of in notes(Shape(1_000_000, dimensions), "hnsw:m=16")


def test_a_million_rows_of_1536_dimensions() -> None:
    found = forecast(Shape(1_000_000, 1536), parse_spec("hnsw:m=16,ef_construction=64"), SERVER)
    assert found.size_bytes == 8_192_000_000
    assert found.build_memory_bytes == pytest.approx(6.86e9, rel=0.01)
    assert found.workers == 2
    assert "The build needs 6.4 GB, and maintenance_work_mem is 1.0 GB: after about 156," in " ".join(
        found.notes
    )


@pytest.mark.parametrize(
    ("settings", "told_of"),
    [
        (replace(SERVER, memory_bytes=63 * MB), "Serial: maintenance_work_mem is 63.0 MB"),
        (replace(SERVER, maintenance_workers=0), "Serial: max_parallel_maintenance_workers is 0."),
        (replace(SERVER, pool_workers=0), "Serial: max_parallel_workers is 0."),
    ],
)
def test_what_makes_a_build_serial_is_named(settings: BuildSettings, told_of: str) -> None:
    found = forecast(Shape(200_000, 128), parse_spec("hnsw"), settings)
    assert found.workers == 0
    assert told_of in " ".join(found.notes)


def test_vectors_in_toast_do_not_make_a_heap_that_is_read_in_parallel() -> None:
    assert forecast(Shape(6000, 1536), parse_spec("hnsw"), SERVER).workers == 0
    assert "vectors in TOAST do not count" in notes(Shape(6000, 1536), "hnsw", SERVER)
    assert forecast(Shape(60_000, 256), parse_spec("hnsw"), SERVER).workers == 2


def test_lists_are_judged_by_the_rows_and_refused_by_memory() -> None:
    assert "too few for good ones" in notes(Shape(1000, 64), "ivfflat:lists=100")
    assert "fewer than lists" in notes(Shape(50, 64), "ivfflat:lists=100")
    assert "the server would refuse it" in notes(
        Shape(100_000, 768), "ivfflat:lists=2000", replace(SERVER, memory_bytes=64 * MB)
    )


def test_an_index_larger_than_the_cache_is_told() -> None:
    small = replace(SERVER, buffers_bytes=MB)
    assert "does not fit shared_buffers of 1.0 MB" in notes(Shape(10_000, 64), "hnsw", small)


def test_the_settings_are_the_servers(database: Database) -> None:
    with database.reading("tests") as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '77MB'"))
        found = build_settings(connection)
    assert found.memory_bytes == 77 * MB
    assert found.smallest_heap_bytes == 8 * MB


@pytest.mark.parametrize(
    ("shape", "index", "sentence"),
    [
        ((0, 3, "vector"), "hnsw", "0 rows cannot be indexed"),
        ((10, 0, "vector"), "hnsw", "no 0 dimensions"),
        ((10, 3, "cube"), "hnsw", "no vector type 'cube'"),
        ((10, 2001, "vector"), "hnsw", "at most 2,000 dimensions"),
        ((10, 3, "sparsevec"), "ivfflat", "no operator class"),
        ((10, 1001, "sparsevec"), "hnsw", "at most 1,000 elements that are not zero"),
        ((10, 3, "vector"), "hnsw:only=cheap", "reads no table"),
        ((10, 3, "bit"), "hnsw:as=halfvec", "cannot be indexed as halfvec"),
    ],
)
def test_what_cannot_be_built_is_refused(shape: tuple[int, int, str], index: str, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        forecast(Shape(*shape), parse_spec(index))


WRITTEN = text("""
SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal_bytes,
       (SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()) AS sorted_bytes
""")


@pytest.mark.parametrize(
    ("rows", "index", "memory"),
    [(2000, "hnsw:m=8", "64MB"), (8000, "ivfflat:lists=10", "64MB"), (40_000, "ivfflat:lists=2", "1MB")],
)
def test_the_disk_a_build_takes_for_a_while_is_forecast(
    database: Database, rows: int, index: str, memory: str
) -> None:
    shape, spec = Shape(rows, 16), parse_spec(index)
    with database.control("tests") as connection:
        fill(connection, shape)
        connection.execute(text(f"SET maintenance_work_mem = '{memory}'"))
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        before = connection.execute(WRITTEN).one()
        size_bytes, _ = create(connection, shape, index)
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        after = connection.execute(WRITTEN).one()
        taken = temporary_bytes(spec.method, size_bytes, build_settings(connection))
    written = [int(b - a) for a, b in zip(before, after, strict=True)]
    assert taken == pytest.approx(sum(written), rel=0.25)
