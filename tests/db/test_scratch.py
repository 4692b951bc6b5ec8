import pytest
from sqlalchemy import Index, func, inspect, select, text

from db.catalog import find_column
from db.columns import VectorColumn
from db.distance import Distance
from db.engine import Database
from db.errors import RequestError
from db.runs import finish_run, start_run
from db.schema import SCRATCH_SCHEMA
from db.scratch import (
    Scratch,
    drop,
    drop_left_behind,
    fill,
    has_index,
    hold_out,
    is_filled,
    vacuum,
)
from db.survey import Survey, forecast_bytes, survey

POINTS = """
CREATE TABLE points (id int PRIMARY KEY, embedding vector(2));
INSERT INTO points SELECT i, CASE WHEN i % 10 = 0 THEN NULL WHEN i % 10 = 5 THEN '[0,0]'::vector
                             ELSE ARRAY[i, 1]::vector END
FROM generate_series(100, 1, -1) AS i;
"""


@pytest.fixture
def points(database: Database) -> VectorColumn:
    """points.embedding: 100 rows, of which 10 have no vector and 10 one without direction."""
    with database.writing("tests") as connection, connection.begin():
        connection.execute(text(POINTS))
        return find_column(connection, "points.embedding")


def filled(
    database: Database,
    column: VectorColumn,
    distance: Distance = Distance.L2,
    sample_rows: int | None = None,
    seed: int = 1,
) -> list[tuple[int, list[float]]]:
    """Copy ``column``, and read the copy in order."""
    scratch = Scratch(1, column.type, column.dimensions or 2)
    with database.writing("tests") as connection, connection.begin():
        fill(connection, column, scratch, distance, sample_rows=sample_rows, seed=seed)
        rows = connection.execute(select(scratch.rows).order_by(scratch.rows.c.position))
        return [(row.position, [float(x) for x in row.embedding]) for row in rows]


def test_a_copy_holds_every_vector_by_key_from_position_zero(
    database: Database, points: VectorColumn
) -> None:
    copied = filled(database, points)

    assert [position for position, _ in copied] == list(range(90))
    assert [vector for _, vector in copied[:6]] == [[1, 1], [2, 1], [3, 1], [4, 1], [0, 0], [6, 1]]


def test_under_cosine_a_vector_without_direction_stays_behind(
    database: Database, points: VectorColumn
) -> None:
    copied = filled(database, points, Distance.COSINE)

    assert len(copied) == 80
    assert [0, 0] not in [vector for _, vector in copied]


def test_a_survey_counts_what_a_copy_would_hold(database: Database, points: VectorColumn) -> None:
    with database.reading("tests") as connection:
        assert survey(connection, points, Distance.L2) == Survey(90, 10, 0, 2)
        assert survey(connection, points, Distance.COSINE) == Survey(80, 10, 10, 2)


@pytest.mark.parametrize("largest", ["3e38", "2e18"])
def test_vectors_whose_distances_would_overflow_are_not_measured(
    database: Database, points: VectorColumn, largest: str
) -> None:
    with database.control("tests") as connection:
        connection.execute(text("INSERT INTO points VALUES (999, :huge)"), {"huge": f"[{largest},0]"})
    with database.reading("tests") as connection, pytest.raises(RequestError, match="too large") as refused:
        survey(connection, points, Distance.L2)
    assert refused.value.remedy == "Scale the vectors down to lengths of 1e+18 or less."


def test_a_sample_is_the_same_for_the_same_seed_and_keeps_the_order(
    database: Database, points: VectorColumn
) -> None:
    once = filled(database, points, sample_rows=20, seed=3)

    assert once == filled(database, points, sample_rows=20, seed=3)
    assert once != filled(database, points, sample_rows=20, seed=4)
    assert [position for position, _ in once] == list(range(20))
    assert len({tuple(vector) for _, vector in once}) > 15


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ('"Odd ""S"."T %:x"."Em b%"', 'CREATE SCHEMA "Odd ""S"; CREATE TABLE "Odd ""S"."T %:x" AS {}'),
        ("copied.v", "CREATE TABLE copied AS {}"),
        ("seen.v", "CREATE TABLE copied AS {}; CREATE VIEW seen AS SELECT * FROM copied"),
        ("seen.v", "CREATE MATERIALIZED VIEW seen AS {}"),
        ("untyped.v", "CREATE TABLE untyped (k text PRIMARY KEY, v vector); INSERT INTO untyped {}"),
        ("half.v", "CREATE TABLE half (k text PRIMARY KEY, v halfvec(2)); INSERT INTO half {}"),
        (
            "parted.v",
            "CREATE TABLE parted (k text, v vector(2)) PARTITION BY HASH (k);"
            "CREATE TABLE part_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
            "CREATE TABLE part_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
            "INSERT INTO parted {}",
        ),
    ],
)
def test_tables_of_every_kind_are_copied(database: Database, name: str, made: str) -> None:
    rows = "SELECT 'k' || i AS k, ARRAY[i, 1]::vector(2) AS {} FROM generate_series(1, 30) AS i"
    vector = '"Em b%"' if "Odd" in name else "v"
    with database.writing("tests") as connection, connection.begin():
        connection.exec_driver_sql(made.format(rows.format(vector)).replace("%", "%%"))
        column = find_column(connection, name)
        found = survey(connection, column, Distance.COSINE)

    copied = filled(database, column, Distance.COSINE)

    assert found == Survey(30, 0, 0, 2)
    assert sorted(vector[0] for _, vector in copied) == list(range(1, 31))


def test_held_out_rows_are_searched_for_and_not_in(database: Database, points: VectorColumn) -> None:
    scratch = Scratch(1, "vector", 2)
    filled(database, points)
    with database.writing("tests") as connection:
        with connection.begin():
            hold_out(connection, scratch, [3, 88, 0])
            searched = set(connection.execute(select(scratch.rows.c.position)).scalars())
            held = set(connection.execute(select(scratch.queries.c.position)).scalars())
        vacuum(connection.execution_options(isolation_level="AUTOCOMMIT"), scratch)
        known = connection.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'run_1'"))

        assert held == {0, 3, 88}
        assert searched == set(range(90)) - held
        assert known.scalar_one() == 87


def test_a_copy_emptied_by_a_crash_is_not_filled(database: Database, points: VectorColumn) -> None:
    scratch = Scratch(1, "vector", 2)
    with database.control("tests") as connection:
        assert not is_filled(connection, scratch)
    filled(database, points)
    with database.control("tests") as connection:
        assert not is_filled(connection, scratch)
        hold_out(connection, scratch, [1])
        assert is_filled(connection, scratch)
        connection.execute(text("TRUNCATE vectorscope_bench.run_1"))
        assert not is_filled(connection, scratch)


def test_a_copy_costs_no_wal_and_is_not_vacuumed_while_it_is_timed(
    database: Database, points: VectorColumn
) -> None:
    filled(database, points)
    with database.reading("tests") as connection:
        facts = text(
            "SELECT relpersistence, reloptions FROM pg_class "
            "WHERE relnamespace = 'vectorscope_bench'::regnamespace AND relkind = 'r'"
        )
        assert connection.execute(facts).all() == [("u", ["autovacuum_enabled=false"])] * 2


def test_an_index_is_there_only_when_it_is_valid(database: Database, points: VectorColumn) -> None:
    filled(database, points)
    scratch = Scratch(1, "vector", 2)
    with database.control("tests") as connection:
        assert not has_index(connection, "by_position")
        Index("by_position", scratch.rows.c.position).create(connection)
        assert has_index(connection, "by_position")
        connection.execute(
            text(
                "UPDATE pg_index SET indisvalid = false "
                "WHERE indexrelid = 'vectorscope_bench.by_position'::regclass"
            )
        )
        assert not has_index(connection, "by_position")


@pytest.mark.parametrize("dimensions", [32, 450, 1536])
def test_the_size_of_a_copy_is_foreseen(database: Database, dimensions: int) -> None:
    made = text(
        "CREATE TABLE wide AS SELECT i AS id, (SELECT array_agg(random() + 0 * (i + g)) "
        "FROM generate_series(1, :dimensions) AS g)::vector AS embedding FROM generate_series(1, 2000) AS i"
    )
    with database.writing("tests") as connection, connection.begin():
        connection.execute(made, {"dimensions": dimensions})
        column = find_column(connection, "wide.embedding")
        scratch = Scratch(1, "vector", dimensions)
        fill(connection, column, scratch, Distance.L2, sample_rows=None, seed=0)
        size_bytes = connection.execute(select(func.pg_table_size("vectorscope_bench.run_1"))).scalar_one()

    assert forecast_bytes(2000, dimensions, "vector") == pytest.approx(size_bytes, rel=0.25)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("SELECT NULL::vector", "public.t.v holds no vectors."),
        ("VALUES ('[1,2]'::vector), ('[1,2,3]')", "public.t.v holds vectors of 2 to 3 dimensions."),
    ],
)
def test_a_column_that_cannot_be_measured_is_refused(database: Database, rows: str, sentence: str) -> None:
    with database.writing("tests") as connection, connection.begin():
        connection.execute(text(f"CREATE TABLE t (v vector); INSERT INTO t {rows}"))
        column = find_column(connection, "t.v")
        with pytest.raises(RequestError) as refusal:
            survey(connection, column, Distance.L2)

    assert refusal.value.message == sentence


def test_what_runs_left_behind_is_dropped_and_a_running_one_is_left_alone(
    database: Database, points: VectorColumn
) -> None:
    scratch = []
    with database.writing("tests") as connection, connection.begin():
        for state in ("running", "failed"):
            run_id = start_run(
                connection,
                points,
                {},
                rows=1,
                queries=1,
                environment={},
                fingerprint="",
                created_by="tests",
                job_id=None,
            )
            scratch.append(Scratch(run_id, "vector", 2))
            fill(connection, points, scratch[-1], Distance.L2, sample_rows=None, seed=0)
            if state != "running":
                finish_run(connection, run_id, state)
        fill(connection, points, Scratch(99, "vector", 2), Distance.L2, sample_rows=None, seed=0)

        assert drop_left_behind(connection) == (scratch[1].run_id, 99)
        left = inspect(connection).get_table_names(SCRATCH_SCHEMA)
        assert sorted(left) == [scratch[0].rows.name, scratch[0].queries.name]
        drop(connection, scratch[0].run_id)
        assert not inspect(connection).get_table_names(SCRATCH_SCHEMA)
