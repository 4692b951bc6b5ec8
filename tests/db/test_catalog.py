"""Every vector column is found, with facts from the catalogs; nothing else is."""

import math
import pickle
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from db import catalog
from db.browse import PageRequest, browse, sorts
from db.catalog import (
    ColumnInfo,
    default_distance,
    find_column,
    hidden_columns,
    other_columns,
    vector_columns,
)
from db.conditions import EVERY_ROW
from db.distance import Distance
from db.engine import Database
from db.errors import RequestError, TableNotFound
from db.export_columns import exported_columns
from db.facets import facets
from db.grants import unreadable
from db.items import Item, find_item
from db.nearest import SearchRequest
from db.sampling import take_sample
from db.search import search
from db.vectors import read_query
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]


def columns_of(database: Database, script: str) -> dict[str, ColumnInfo]:
    with database.control("tests") as connection:
        run(connection, script)
    with database.reading("tests") as connection:
        return {str(column).removeprefix("public."): column for column in vector_columns(connection)}


def test_every_kind_of_relation_is_listed_by_name(reading: Connection) -> None:
    found = {str(column): column.kind for column in vector_columns(reading) if column.schema == "public"}
    found.pop("public.products.embedding", None)
    assert found == {
        "public.items.embedding": "table",
        "public.items_in_stock.embedding": "view",
        "public.items_slow.embedding": "view",
        "public.keyless.embedding": "table",
        "public.lists.embedding": "table",
        "public.parted.embedding": "partitioned table",
        "public.parted_north.embedding": "table",
        "public.parted_south.embedding": "table",
    }


@pytest.mark.parametrize(
    ("name", "type_", "dimensions"),
    [("Em bed", "vector", 3), ("half", "halfvec", 3), ("sparse", "sparsevec", 5), ("bits", "bit", 16)],
)
def test_types_and_dimensions(column: Find, name: str, type_: str, dimensions: int) -> None:
    wanted = {"Em bed": '"Em ""bed%"'}.get(name, name)
    found = column(f'"We ""ird"."T %:x; --".{wanted}')
    assert (found.type, found.dimensions) == (type_, dimensions)
    assert found.key == ("a'b", "B %s")


def test_an_untyped_column_has_no_dimensions(column: Find) -> None:
    assert column('"We ""ird"."T %:x; --".free').dimensions is None


def test_flags_our_own_tables_and_other_types_are_not_listed(database: Database) -> None:
    found = columns_of(
        database,
        """
        CREATE TABLE flags (a bit(1), b bit varying(8), c bit(8), d text, e int[], f tsvector, g bit);
        CREATE TABLE vectorscope.own (e vector(3));
        CREATE SCHEMA vectorscope_bench; CREATE TABLE vectorscope_bench.copy (e vector(3));
        CREATE TEMPORARY TABLE passing (e vector(3));
        CREATE TABLE dropped (id int, e vector(3)); ALTER TABLE dropped DROP COLUMN e;
        """,
    )
    assert set(found) - {"products.embedding"} == {"flags.c"}


def test_what_the_role_may_not_read_is_not_listed(database: Database) -> None:
    script = """
        CREATE ROLE guest; CREATE SCHEMA shut;
        CREATE TABLE shown (e vector(3)); GRANT SELECT ON shown TO guest;
        CREATE TABLE hidden (e vector(3));
        CREATE TABLE shut.shown (e vector(3)); GRANT SELECT ON shut.shown TO guest;
    """
    with database.control("tests") as connection:
        run(connection, script)
    with database.reading("tests") as connection:
        connection.execute(text("SET LOCAL ROLE guest"))
        assert [str(column) for column in vector_columns(connection)] == ["public.shown.e"]
    with database.control("tests") as connection:
        connection.execute(text("DROP OWNED BY guest; DROP ROLE guest"))


def test_a_database_without_the_extension_has_no_columns(empty_database: Database) -> None:
    assert columns_of(empty_database, "CREATE TABLE t (id int)") == {}


def test_a_freshly_loaded_table_is_counted(database: Database) -> None:
    found = columns_of(
        database,
        """
        CREATE TABLE fresh (e vector(2));
        INSERT INTO fresh SELECT ARRAY[i, 1]::vector FROM generate_series(1, 1234) AS i;
        CREATE TABLE stale (e vector(2)); INSERT INTO stale VALUES ('[1,2]'); ANALYZE stale;
        INSERT INTO stale SELECT ARRAY[i, 1]::vector FROM generate_series(1, 99) AS i;
        CREATE TABLE nothing (e vector(2));
        CREATE MATERIALIZED VIEW unfilled AS SELECT * FROM fresh WITH NO DATA;
        """,
    )
    rows = {name: (column.rows, column.rows_exact) for name, column in found.items()}
    assert rows["fresh.e"] == (1234, True)
    assert rows["stale.e"] == (100, True)
    assert rows["nothing.e"] == (0, True)
    assert rows["unfilled.e"] == (0, False)


def test_a_large_table_is_estimated_by_its_density(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "COUNT_BUDGET_BYTES", 0)
    found = columns_of(
        database,
        """
        CREATE TABLE grown (e vector(2)) WITH (autovacuum_enabled = false);
        INSERT INTO grown SELECT ARRAY[i, 1]::vector FROM generate_series(1, 5000) AS i; ANALYZE grown;
        INSERT INTO grown SELECT ARRAY[i, 1]::vector FROM generate_series(1, 5000) AS i;
        """,
    )["grown.e"]
    assert found.rows == pytest.approx(10_000, rel=0.02)
    assert not found.rows_exact


def test_a_count_that_takes_too_long_is_done_without(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "COUNT_TIMEOUT_MS", 1)
    found = columns_of(
        database,
        """
        CREATE TABLE long (e vector(1)) WITH (autovacuum_enabled = false);
        INSERT INTO long SELECT '[1]' FROM generate_series(1, 200000); ANALYZE long;
        """,
    )["long.e"]
    assert (found.rows, found.rows_exact) == (200_000, False)


def test_a_partitioned_table_sums_its_partitions(column: Find) -> None:
    parent, parts = (
        column("parted.embedding"),
        [column("parted_north.embedding"), column("parted_south.embedding")],
    )
    assert parent.rows == sum(part.rows or 0 for part in parts) == 50
    assert parent.size_bytes == sum(part.size_bytes for part in parts)
    assert parent.indexes[0].size_bytes == sum(part.indexes[0].size_bytes for part in parts) > 0
    assert parent.indexes[0].valid


def test_sizes_and_the_share_of_nulls(items: ColumnInfo) -> None:
    assert items.null_share == pytest.approx(8 / 4000)
    assert items.column_bytes == pytest.approx((4000 - 8) * (4 * 8 + 8), rel=0.01)
    assert (items.column_bytes or 0) < items.size_bytes < items.total_bytes


def test_comments_are_told(database: Database) -> None:
    found = columns_of(
        database,
        "CREATE TABLE c (e vector(2)); COMMENT ON TABLE c IS 'a table'; COMMENT ON COLUMN c.e IS 'a column'",
    )["c.e"]
    assert (found.comment, found.table_comment) == ("a column", "a table")


@pytest.mark.parametrize(
    ("constraint", "key"),
    [
        ("PRIMARY KEY (b, a)", ("b", "a")),
        ("UNIQUE (a, b), UNIQUE (c)", ("c",)),
        ("UNIQUE (loose)", ()),
        ("UNIQUE (c, loose)", ()),
        ("UNIQUE (c) INCLUDE (loose)", ("c",)),
        ("CHECK (true)", ()),
    ],
)
def test_the_key_is_primary_or_unique_and_never_null(
    database: Database, constraint: str, key: tuple[str, ...]
) -> None:
    found = columns_of(
        database,
        "CREATE TABLE t (a int NOT NULL, b text NOT NULL, c uuid NOT NULL, loose int, e vector(2),"
        f" {constraint})",
    )
    assert found["t.e"].key == key


def test_a_partial_unique_index_is_no_key(database: Database) -> None:
    found = columns_of(
        database,
        "CREATE TABLE t (a int NOT NULL, e vector(2)); CREATE UNIQUE INDEX ON t (a) WHERE a > 0;"
        "CREATE UNIQUE INDEX ON t (abs(a))",
    )
    assert found["t.e"].key == ()


def test_an_index_is_told_by_its_operator_class_not_its_name(database: Database) -> None:
    found = columns_of(
        database,
        """
        CREATE TABLE t (id int, e vector(4), b bit(4));
        CREATE INDEX says_cosine ON t USING hnsw (e vector_l2_ops) WITH (m = 5) WHERE id > 0;
        CREATE INDEX "Lists %" ON t USING ivfflat (e vector_ip_ops) WITH (lists = 7);
        CREATE INDEX half ON t USING hnsw ((e::halfvec(4)) halfvec_l1_ops);
        CREATE INDEX quantized ON t USING hnsw ((binary_quantize(e)::bit(4)) bit_hamming_ops);
        CREATE INDEX plain ON t (id); CREATE INDEX sortable ON t (e);
        CREATE INDEX on_bits ON t USING btree (b);
        """,
    )
    l2, lists, half, quantized = found["t.e"].indexes
    assert (l2.name, l2.distance, l2.predicate) == ("says_cosine", Distance.L2, "id > 0")
    assert l2.options == {"m": 5, "ef_construction": 64}
    assert (lists.name, lists.method, lists.distance) == ("Lists %", "ivfflat", Distance.INNER_PRODUCT)
    assert lists.options == {"lists": 7}
    assert (half.distance, half.key, half.is_expression) == (Distance.L1, "(e::halfvec(4))", True)
    assert quantized.distance is Distance.HAMMING
    assert all(index.valid and index.ready for index in found["t.e"].indexes)
    assert found["t.b"].indexes == ()


def test_an_invalid_index_is_told_and_chooses_no_distance(database: Database) -> None:
    found = columns_of(
        database,
        """
        CREATE TABLE t (e vector(4));
        CREATE INDEX broken ON t USING hnsw (e vector_l2_ops);
        CREATE INDEX sound ON t USING hnsw (e vector_ip_ops);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass;
        """,
    )["t.e"]
    assert [index.valid for index in found.indexes] == [False, True]
    assert default_distance(found) is Distance.INNER_PRODUCT


def test_the_default_distance_is_one_the_column_knows(database: Database) -> None:
    found = columns_of(
        database,
        """
        CREATE TABLE t (e vector(4), b bit(4));
        CREATE INDEX ON t USING hnsw ((binary_quantize(e)::bit(4)) bit_hamming_ops);
        """,
    )
    assert default_distance(found["t.e"]) is Distance.COSINE
    assert default_distance(found["t.b"]) is Distance.HAMMING


def test_a_column_that_is_not_there_is_named_with_the_nearest(reading: Connection) -> None:
    with pytest.raises(TableNotFound, match=r"no vector column items\.embeding") as refused:
        find_column(reading, "items.embeding")
    assert refused.value.remedy == "Did you mean public.items.embedding?"
    with pytest.raises(TableNotFound) as refused:
        find_column(reading, 'zzz."t""; drop table bad; --"')
    assert "python -m dashboard columns" in refused.value.remedy


def test_the_other_columns_come_in_order_with_their_types(reading: Connection, items: ColumnInfo) -> None:
    found = {column.name: (column.type, column.category) for column in other_columns(reading, items)}
    assert found == {
        "id": ("bigint", "N"),
        "title": ("text", "S"),
        "category": ("text", "S"),
        "price": ("double precision", "N"),
        "in_stock": ("boolean", "B"),
        "added": ("date", "D"),
        "attributes": ("jsonb", "json"),
        "filler": ("text", "S"),
    }


def test_the_document_of_a_column(items: ColumnInfo) -> None:
    document = items.to_document()
    assert (document["schema"], document["table"], document["column"]) == ("public", "items", "embedding")
    assert document["key"] == ["id"]
    assert (document["type"], document["dimensions"], document["rows"]) == ("vector", 8, 4000)
    (index,) = document["indexes"]
    assert (index["method"], index["distance"], index["options"]) == (
        "hnsw",
        "cosine",
        {"m": 8, "ef_construction": 64},
    )


def test_a_column_survives_a_cache(items: ColumnInfo) -> None:
    assert pickle.loads(pickle.dumps(items)) == items


@pytest.mark.parametrize("holding", ["LOCK TABLE locked IN ACCESS EXCLUSIVE MODE", "REINDEX TABLE locked"])
def test_a_table_somebody_holds_is_listed_without_its_size(database: Database, holding: str) -> None:
    columns_of(
        database,
        "CREATE TABLE locked (id int PRIMARY KEY, e vector(3)); CREATE TABLE free (id int, e vector(3));"
        "INSERT INTO locked VALUES (1, '[1,2,3]'); INSERT INTO free VALUES (1, '[1,2,3]');"
        "CREATE INDEX ON locked USING hnsw (e vector_l2_ops)",
    )
    with database.writing("holder") as holder, holder.begin():
        holder.execute(text(holding))
        with database.reading("tests") as connection:
            started = time.monotonic()
            found = {column.table: column for column in vector_columns(connection)}
            waited_s = time.monotonic() - started
    assert waited_s < 1.5
    assert found["free"].rows == 1
    assert [index.method for index in found["locked"].indexes] == ["hnsw"]


def test_a_domain_over_a_vector_type_is_searched_as_that_type(database: Database) -> None:
    found = columns_of(
        database,
        """
        CREATE DOMAIN meaning AS vector(3) CHECK (vector_norm(VALUE) > 0);
        CREATE DOMAIN "deep: er" AS meaning NOT NULL;
        CREATE DOMAIN marks AS bit(8);
        CREATE DOMAIN loose AS sparsevec;
        CREATE TABLE said (id int PRIMARY KEY, word text, e "deep: er", m meaning, b marks, s loose);
        INSERT INTO said SELECT i, 'w' || i, ARRAY[i, 1, 2]::vector, ARRAY[i, 2, 1]::vector, i::bit(8),
                                ('{1:' || i || '}/4')::sparsevec FROM generate_series(1, 50) AS i;
        """,
    )
    found.pop("products.embedding", None)
    assert {name: (c.type, c.dimensions) for name, c in found.items()} == {
        "said.e": ("vector", 3),
        "said.m": ("vector", 3),
        "said.b": ("bit", 8),
        "said.s": ("sparsevec", None),
    }
    column = found["said.e"]
    with database.reading("tests", vectors=True) as connection:
        for vectors in found.values():
            others = [each.name for each in other_columns(connection, vectors)]
            assert others == [name for name in ("id", "word", "b") if name != vectors.column]
        bases = {each.name: (each.base, each.numbers) for each in exported_columns(connection, column)}
        assert (bases["e"], bases["m"], bases["b"]) == (("vector", 3), ("vector", 3), ("bit", 0))
        assert [each.column for each in sorts(connection, column)] == ["id", "word", "b"]
        page = browse(connection, PageRequest(column))
        assert page.rows[0].key == 50
        assert page.rows[0].norm == pytest.approx(math.sqrt(2505))
        request = SearchRequest(column, read_query("[7,1,2]", "vector"), Distance.L2, 3)
        assert search(connection, request).rows[0].key == 7
        assert take_sample(connection, found["said.b"], rows=5, seed=1).vectors.shape == (5, 8)
        item = find_item(connection, column, "7")
        assert isinstance(item, Item)
        assert [field.name for field in item.fields] == ["id", "word", "b", "m", "s"]


LEDGER = """
CREATE TABLE ledger (
  id int PRIMARY KEY, secret text UNIQUE NOT NULL, word text, hidden vector(2), e vector(2)
);
INSERT INTO ledger SELECT i, 's' || i, 'w' || i, '[1,1]', ARRAY[i, 1]::vector
FROM generate_series(1, 20) AS i;
CREATE TABLE closed (id int PRIMARY KEY, e vector(2));
CREATE ROLE clerk LOGIN;
GRANT SELECT (id, word, e) ON ledger TO clerk;
GRANT SELECT (id) ON closed TO clerk;
"""


def test_where_a_role_may_read_some_columns_these_are_shown(database: Database) -> None:
    with database.control("tests") as connection:
        run(connection, LEDGER)
    clerk = Database(str(database.url.set(username="clerk")))
    try:
        with clerk.reading("tests", vectors=True) as connection:
            columns = {str(each): each for each in vector_columns(connection)}
            assert set(columns) == {"public.ledger.e"}
            column = columns["public.ledger.e"]
            assert column.key == ("id",)
            assert hidden_columns(connection, column) == ("secret", "hidden")
            assert [row.values for row in browse(connection, PageRequest(column, rows=1)).rows] == [
                {"id": 20, "word": "w20"}
            ]
            assert facets(connection, column, EVERY_ROW, ["word"], level="exact")[0].others == 12
            assert take_sample(connection, column, rows=5, seed=1).n == 5
            request = SearchRequest(column, read_query("[7,1]", "vector"), Distance.L2, 1)
            assert search(connection, request).rows[0].key == 7
            item = find_item(connection, column, "7")
            assert isinstance(item, Item)
            assert [field.name for field in item.fields] == ["id", "word"]
            assert item.place.ctid is None
            assert len(connection.exec_driver_sql(item.sql).all()) == 1
            assert [each.name for each in exported_columns(connection, column)] == ["id", "word", "e"]
            left_out = {grant.table for grant in unreadable(connection)}
            assert left_out >= {"closed", "ledger"}
    finally:
        clerk.dispose()
        with database.control("tests") as connection:
            run(connection, "DROP OWNED BY clerk; DROP ROLE clerk")


@pytest.mark.parametrize("typed", ["itmes", "items", "public.itms", "items.embeding"])
def test_a_table_that_is_mistyped_or_named_alone_is_told_its_column(reading: Connection, typed: str) -> None:
    with pytest.raises(RequestError) as refused:
        find_column(reading, typed)
    assert refused.value.remedy == "Did you mean public.items.embedding?"
