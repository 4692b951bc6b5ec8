"""One row of any table, whole, and what surrounds it."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from sqlalchemy import Connection, text

from db import item_context
from db.browse import Cursor
from db.catalog import ColumnInfo, find_column
from db.engine import Database
from db.errors import RequestError
from db.item_context import Around, Copies, around, copies, rank_norm
from db.items import Item, Missing, find_item
from db.keys import key_parts, key_text
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

ODD = '"We ""ird"."T %:x; --"'

MADE = """
CREATE TABLE things (
  id int PRIMARY KEY, document jsonb, raw json, tags text[], data bytea, huge numeric, seen timestamptz,
  small halfvec(2), embedding vector(2000)
);
INSERT INTO things
SELECT i, '{"deep": {"list": [1, null, "a%b"]}}', '[1, 2]', ARRAY['x', 'y'], '\\x00ff',
       1e40, '2026-01-02 03:04:05+00', '[1,2]',
       (SELECT array_agg(random()) FROM generate_series(1, 2000))::vector
FROM generate_series(1, 3) AS i;
INSERT INTO things (id) VALUES (9);
CREATE TABLE twins (id text PRIMARY KEY, embedding vector(2));
INSERT INTO twins SELECT 'row ' || i, ARRAY[i / 30, 1]::vector FROM generate_series(1, 59) AS i;
CREATE VIEW seen AS SELECT embedding FROM twins;
CREATE VIEW twins_slow AS SELECT id, embedding FROM twins WHERE pg_sleep(0.01) IS NOT NULL;
CREATE TABLE parent (id int PRIMARY KEY, embedding vector(2));
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1, '[1,2]');
INSERT INTO child VALUES (1, '[3,4]');
ANALYZE twins;
"""


@pytest.fixture
def made(database: Database) -> Iterator[Connection]:
    with database.control("tests") as connection:
        run(connection, MADE)
    with database.reading("tests") as connection:
        yield connection


def found(connection: Connection, column: ColumnInfo, key: str) -> Item:
    item = find_item(connection, column, key)
    assert isinstance(item, Item)
    return item


def test_every_field_is_there_whole(made: Connection) -> None:
    item = found(made, find_column(made, "things.embedding"), "1")
    values = {field.name: field.value for field in item.fields}
    assert values == {
        "id": 1,
        "document": {"deep": {"list": [1, None, "a%b"]}},
        "raw": [1, 2],
        "tags": "{x,y}",
        "data": "\\x00ff",
        "huge": 10**40,
        "seen": "2026-01-02 03:04:05+00",
        "small": "[1,2]",
    }
    assert [field.name for field in item.fields if field.is_cut] == ["small"]
    assert item.dimensions == 2000
    assert len(made.execute(text(item.sql)).all()) == 1
    assert item.vector is not None
    assert item.vector.shape == (2000,)
    assert item.norm == pytest.approx(np.linalg.norm(item.vector), rel=1e-5)


def test_where_it_lies_is_told(made: Connection) -> None:
    place = found(made, find_column(made, "things.embedding"), "1").place
    assert place.ctid == "(0,1)"
    assert place.vector_bytes == 8004
    assert place.row_bytes is not None
    assert place.row_bytes > 8008
    assert place.is_out_of_line
    of_view = find_column(made, "seen.embedding")
    md5 = made.scalar(text("SELECT md5(seen::text) FROM seen LIMIT 1"))
    assert found(made, of_view, str(md5)).place.ctid is None


def test_a_row_without_a_vector_is_still_a_row(made: Connection) -> None:
    item = found(made, find_column(made, "things.embedding"), "9")
    assert (item.vector_text, item.vector, item.norm, item.dimensions) == (None, None, None, None)
    assert copies(made, item) == Copies(0, ())
    assert rank_norm(made, item) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f'{ODD}."Em ""bed%"', [2, 2, 1]),
        (f"{ODD}.half", [2, 2, 1]),
        (f"{ODD}.sparse", [2, 0, 0, 1, 2]),
        (f"{ODD}.bits", [0] * 12 + [1, 1, 1, 0]),
        (f"{ODD}.free", [2, 2, 1]),
    ],
)
def test_every_type_of_vector_is_read(
    column: Find, reading: Connection, name: str, expected: list[float]
) -> None:
    item = found(reading, column(name), '["k%2\\\\\'", 2]')
    assert item.vector is not None
    assert item.vector.tolist() == expected
    assert item.norm == pytest.approx(math.hypot(*expected))
    assert item.key == '["k%2\\\\\'", "2"]'
    assert key_parts(item.column, item.key) == ("k%2\\'", "2")


def test_keyless_rows_are_found_by_where_they_lie(column: Find, reading: Connection) -> None:
    keyless = column("keyless.embedding")
    item = found(reading, keyless, "(0,3)")
    assert item.fields[0].value == "row 3"
    # The rows written last come first, as on the page Data.
    beside = around(reading, keyless, "(0,3)")
    assert (beside.before, beside.after) == ("(0,4)", "(0,2)")
    parted = column("parted.embedding")
    key = reading.scalar(
        text("SELECT json_build_array(tableoid::text, ctid::text)::text FROM parted LIMIT 1")
    )
    assert found(reading, parted, str(key)).fields[0].value in {"north", "south"}


def test_the_rows_beside_a_row(reading: Connection, items: ColumnInfo) -> None:
    assert around(reading, items, "7") == Around("8", "6", Cursor(("7",), inclusive=True))
    assert around(reading, items, "1").after is None
    assert around(reading, items, "4000").before is None


def test_a_view_without_a_key_has_no_order(made: Connection) -> None:
    assert around(made, find_column(made, "seen.embedding"), "x") == Around(None, None, None)


def test_a_key_that_is_not_there_comes_with_its_neighbours(reading: Connection, items: ColumnInfo) -> None:
    assert find_item(reading, items, "9999") == Missing("9999", ("4000", "3999"), is_readable=True)
    assert find_item(reading, items, "-3") == Missing("-3", ("2", "1"), is_readable=True)
    found_between = find_item(reading, items, "41.5")
    assert isinstance(found_between, Missing)


@pytest.mark.parametrize("key", ["abc", "99999999999999999999", "1; DROP TABLE items", "%s"])
def test_a_text_that_is_no_key_comes_with_some_that_are(
    reading: Connection, items: ColumnInfo, key: str
) -> None:
    missing = find_item(reading, items, key)
    assert missing == Missing(key, ("4000", "3999", "3998", "3997", "3996"), is_readable=False)


def test_a_key_of_too_few_parts_is_refused(column: Find, reading: Connection) -> None:
    with pytest.raises(RequestError, match="is not a key"):
        find_item(reading, column(f"{ODD}.half"), "k%2")


def test_a_key_that_inheritance_doubled_is_refused(made: Connection) -> None:
    with pytest.raises(RequestError, match="Several rows"):
        find_item(made, find_column(made, "parent.embedding"), "1")


def test_copies_are_counted_and_the_first_are_named(made: Connection) -> None:
    column = find_column(made, "twins.embedding")
    alike = copies(made, found(made, column, "row 1"))
    assert alike is not None
    assert (alike.rows, len(alike.keys)) == (28, 20)
    assert "row 1" not in alike.keys


def test_counting_copies_ends_in_time(made: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    key = made.scalar(text("SELECT md5(s::text) FROM twins_slow AS s LIMIT 1"))
    item = found(made, find_column(made, "twins_slow.embedding"), str(key))
    monkeypatch.setattr(item_context, "PATIENCE_MS", 1)
    assert copies(made, item) is None


def test_a_norm_is_ranked_among_all_rows_of_a_small_table(reading: Connection, items: ColumnInfo) -> None:
    longest = reading.scalar(
        text("SELECT id FROM items WHERE embedding IS NOT NULL ORDER BY vector_norm(embedding) DESC LIMIT 1")
    )
    rank = rank_norm(reading, found(reading, items, str(longest)))
    assert rank is not None
    assert (rank.n, rank.is_sample) == (3992, False)
    assert rank.shorter + rank.alike == pytest.approx(100)


def test_norms_that_differ_by_rounding_alone_are_alike(made: Connection) -> None:
    column = find_column(made, "twins.embedding")
    rank = rank_norm(made, found(made, column, "row 1"))
    assert rank is not None
    assert (rank.shorter, rank.n) == (0, 59)
    assert rank.alike == pytest.approx(100 * 29 / 59)


def test_a_norm_is_ranked_among_a_sample_of_a_large_one(
    reading: Connection, items: ColumnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_context, "NORM_ROWS", 400)
    item = found(reading, items, "7")
    rank = rank_norm(reading, item)
    assert rank is not None
    assert rank.is_sample
    assert 0 < rank.n < 3992
    assert rank == rank_norm(reading, item)


def test_keys_are_spelled_as_they_are_read() -> None:
    assert key_text(["a", 7]) == '["a", "7"]'
    assert key_text([7]) == "7"
