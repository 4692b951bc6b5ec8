"""Binary COPY, checked against what PostgreSQL itself then says the rows are."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from pgvector.sqlalchemy import BIT
from sqlalchemy import Column, Connection, MetaData, Table, column, select, text

from db.binary import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    JSON,
    KINDS,
    MONEY,
    TEXT,
    TIMESTAMP,
    Batch,
    Field,
    Kind,
    Values,
    vector,
)
from db.copy import Vectors, ahead, copy_in, copy_out_vectors
from db.engine import Database
from db.errors import ConnectionFailed, RequestError

EXAMPLES: dict[Kind, list[object]] = {
    BIGINT: [0, -1, 2**63 - 1],
    DOUBLE: [0.5, -1e300, float("inf")],
    BOOLEAN: [True, False, True],
    MONEY: [0.0, 12345678.9, 19.99],
    DATE: [date(1915, 2, 8), date(2000, 1, 1), date(9999, 12, 31)],
    TIMESTAMP: [datetime(1999, 12, 31, 23, 59, 59, 1), datetime(2000, 1, 1), datetime(2046, 6, 5)],  # noqa: DTZ001
    TEXT: ["", 'tab\t "quote" \\N', "naïve 日本 🎬"],
    JSON: [{"a": [1, None]}, "text", [True, {"é": 0.5}]],
}
VECTOR3 = vector(3)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.writing("tests") as lent:
        yield lent


def a_table(connection: Connection, *fields: Field, name: str = "Odd 'na\"me") -> Table:
    table = Table(name, MetaData(), *(Column(f.name, f.kind.sql) for f in fields), schema="public")
    table.create(connection)
    return table


def read_back(kind: Kind, value: object) -> object:
    """The value as psycopg2 should answer it."""
    match value:
        case datetime():
            return value.replace(tzinfo=UTC)
        case float() if kind is MONEY:
            return Decimal(str(value)).quantize(Decimal("0.01"))
        case _:
            return value


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_every_kind_of_value_arrives_as_it_left(connection: Connection, kind: Kind) -> None:
    field = Field("A column", kind)
    table = a_table(connection, field)
    assert copy_in(connection, "public", table.name, [field], [(EXAMPLES[kind],)]) == 3
    assert connection.scalars(select(table)).all() == [read_back(kind, v) for v in EXAMPLES[kind]]


@pytest.mark.parametrize("kind", [*KINDS, VECTOR3], ids=lambda k: k.name)
def test_the_kind_is_named_as_postgresql_names_it(connection: Connection, kind: Kind) -> None:
    a_table(connection, Field("x", kind), name="t")
    spelled = text(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 't'::regclass AND attnum = 1"
    )
    assert connection.scalar(spelled) == kind.name


@pytest.mark.parametrize("kind", [*KINDS, VECTOR3], ids=lambda k: k.name)
def test_none_becomes_null_wherever_it_stands(connection: Connection, kind: Kind) -> None:
    value = EXAMPLES.get(kind, [np.ones(3)])[0]
    fields = [Field("x", kind), Field("n", BIGINT)]
    a_table(connection, *fields, name="t")
    columns = ([None, value, None], np.arange(3))
    copy_in(connection, "public", "t", fields, [columns, ([None], [7])])
    assert connection.scalars(text("SELECT x IS NULL FROM t ORDER BY n")).all() == [True, False, True, True]


@pytest.mark.parametrize(
    "embeddings",
    [
        pytest.param(np.array([[1, 2, 3], [4, 5, 6.5]]), id="an array, as one buffer"),
        pytest.param([np.array([1, 2, 3]), [4, 5, 6.5]], id="a list, row by row"),
    ],
)
def test_vectors_arrive_by_either_path(connection: Connection, embeddings: Values) -> None:
    fields = [Field("id", BIGINT), Field("embedding", VECTOR3)]
    a_table(connection, *fields, name="t")
    copy_in(connection, "public", "t", fields, [(np.array([1, 2]), embeddings)])
    assert connection.scalars(text("SELECT embedding::text FROM t ORDER BY id")).all() == [
        "[1,2,3]",
        "[4,5,6.5]",
    ]


def test_no_batches_load_no_rows(connection: Connection) -> None:
    field = Field("x", TEXT)
    a_table(connection, field, name="t")
    assert copy_in(connection, "public", "t", [field], []) == 0


def test_an_error_while_making_a_batch_is_raised_and_nothing_is_kept(database: Database) -> None:
    field = Field("x", BIGINT)

    def batches() -> Iterator[Batch]:
        yield (np.arange(10),)
        yield (["not a number"],)

    with database.writing("tests") as connection:
        with connection.begin():
            a_table(connection, field, name="t")
        with pytest.raises(ValueError, match="not a number"), connection.begin():
            copy_in(connection, "public", "t", [field], batches())
        assert connection.scalar(text("SELECT count(*) FROM t")) == 0


def load(database: Database, field: Field, batches: Iterable[Batch]) -> None:
    """Make a table of one column and load it, through the door that translates errors."""
    with database.writing("tests") as connection, connection.begin():
        a_table(connection, field, name="t")
        copy_in(connection, "public", "t", [field], batches)


def test_what_the_server_refuses_leaves_as_our_error(database: Database) -> None:
    with pytest.raises(RequestError, match="NaN not allowed in vector"):
        load(database, Field("x", VECTOR3), [(np.full((1, 3), np.nan),)])


def test_a_connection_lost_in_the_middle_is_told_as_such(database: Database) -> None:
    others = text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def batches() -> Iterator[Batch]:
        yield (np.arange(100_000),)
        with database.control("bystander") as bystander:
            bystander.execute(others)
        yield from ((np.arange(100_000),) for _ in range(50))

    with pytest.raises(ConnectionFailed):
        load(database, Field("x", BIGINT), batches())


def test_items_made_ahead_keep_their_order_and_stop_when_nobody_wants_more() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            made.append(item)
            yield item

    wanted = ahead(items(), depth=2)
    assert [next(wanted), next(wanted), next(wanted)] == [0, 1, 2]
    wanted.close()
    assert len(made) <= 5
    assert list(ahead(iter("abc"))) == ["a", "b", "c"]


def read(connection: Connection, query: str) -> Vectors:
    rows = text(query).columns(column("n"), column("v")).subquery()
    return copy_out_vectors(connection, select(rows.c.n, rows.c.v))


@pytest.mark.parametrize("kind", ["vector", "halfvec"])
@pytest.mark.parametrize("number", ["int4", "int8"])
def test_vectors_are_read_with_their_numbers(connection: Connection, kind: str, number: str) -> None:
    query = f"SELECT n::{number}, format('[%s,0.5,-2]', n)::{kind} AS v FROM generate_series(5, 7) n"
    found = read(connection, query)
    assert found.ids.tolist() == [5, 6, 7]
    assert found.vectors.tolist() == [[n, 0.5, -2.0] for n in (5, 6, 7)]
    assert found.vectors.dtype == np.float32


def test_what_is_read_in_many_blocks_is_what_was_loaded(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.copy.PARSE_BYTES", 1000)
    fields = [Field("id", BIGINT), Field("embedding", VECTOR3)]
    table = a_table(connection, *fields)
    ids, vectors = np.arange(500), np.random.default_rng(1).random((500, 3), np.float32)
    copy_in(connection, "public", table.name, fields, [(ids, vectors)])
    found = copy_out_vectors(connection, select(table.c.id, table.c.embedding).where(table.c.id >= 100))
    assert np.array_equal(found.ids, ids[100:])
    assert np.array_equal(found.vectors, vectors[100:])


def test_reading_no_rows_gives_no_vectors(connection: Connection) -> None:
    found = read(connection, "SELECT 1 AS n, '[1]'::vector AS v WHERE false")
    assert (len(found.ids), len(found.vectors)) == (0, 0)


@pytest.mark.parametrize("odd", ["'[1,2]'", "NULL", "'[1,2,3,4,5,6,7,8,9]'"])
@pytest.mark.parametrize("position", [1, 2, 3])
def test_vectors_of_another_length_are_refused_and_the_connection_lives(
    connection: Connection, odd: str, position: int
) -> None:
    vectors = f"CASE n WHEN {position} THEN {odd} ELSE '[1,2,3]' END::vector AS v"
    query = f"SELECT n, {vectors} FROM generate_series(1, 3) n"
    with pytest.raises(RequestError, match="differ in length, or some are NULL"):
        read(connection, query)
    assert connection.scalar(select(1)) == 1


@pytest.mark.parametrize("length", [1, 8, 12, 64, 65])
def test_bits_are_read_as_elements_of_0_and_1(connection: Connection, length: int) -> None:
    written = ["".join(str((n >> (bit % 7)) & 1) for bit in range(length)) for n in range(1, 6)]
    values = ", ".join(f"({n}, B'{bits}'::bit({length}))" for n, bits in enumerate(written))
    given = text(f"SELECT * FROM (VALUES {values}) AS given (n, v)")
    rows = given.columns(column("n"), column("v", BIT(length))).subquery()
    found = copy_out_vectors(connection, select(*rows.c))
    assert ["".join(str(int(bit)) for bit in row) for row in found.vectors] == written
    assert found.vectors.dtype == np.float32


def test_bits_of_another_length_are_refused_although_they_take_as_many_bytes(connection: Connection) -> None:
    mixed = text("SELECT n, substring(B'11111111' for 4 + n) AS v FROM generate_series(1, 2) n")
    rows = mixed.columns(column("n"), column("v", BIT(8))).subquery()
    with pytest.raises(RequestError, match="differ in length"):
        copy_out_vectors(connection, select(*rows.c))


def test_the_row_that_breaks_a_constraint_is_numbered(database: Database) -> None:
    with database.control("tests") as connection:
        connection.execute(text("CREATE TABLE bounded (n bigint CHECK (n < 3))"))
    batch: Batch = (np.array([1, 2, 3]),)
    refused = pytest.raises(RequestError, match=r"Row 3 of those sent: new row .* violates check")
    with refused, database.writing("tests") as connection, connection.begin():
        copy_in(connection, "public", "bounded", [Field("n", BIGINT)], [batch])


def test_rows_that_a_trigger_turns_away_are_missed(database: Database) -> None:
    with database.control("tests") as connection:
        connection.execute(
            text(
                "CREATE TABLE picky (n bigint);"
                "CREATE FUNCTION even() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN IF NEW.n % 2 = 0 THEN RETURN NEW; END IF; RETURN NULL; END';"
                "CREATE TRIGGER even BEFORE INSERT ON picky FOR EACH ROW EXECUTE FUNCTION even()"
            )
        )
    batch: Batch = (np.array([1, 2, 3]),)
    refused = pytest.raises(RequestError, match="The table took 1 of 3 rows")
    with refused, database.writing("tests") as connection, connection.begin():
        copy_in(connection, "public", "picky", [Field("n", BIGINT)], [batch])
    with database.reading("tests") as connection:
        assert connection.execute(text("SELECT count(*) FROM picky")).scalar() == 0
