"""Windows as a reader writes them, selections as conditions, and both against a real table."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from dashboard.mapping.chosen import (
    ADDRESS_LENGTH,
    among,
    keys_from_text,
    keys_to_text,
    that_fit_an_address,
)
from dashboard.mapping.draw import Map
from dashboard.mapping.placing import place_query, place_rows
from dashboard.mapping.plan import MapPlan
from dashboard.mapping.windows import Overlay, halves, overlay, sample_windows, window_of
from db.catalog import ColumnInfo, PlainColumn, find_column
from db.conditions import Condition, from_text, in_words, to_text
from db.engine import Database
from db.errors import RequestError
from db.sampling import take_sample
from db.vectors import read_query
from tests.mapping.maps import draw

PRICE = PlainColumn("price", "numeric", "N")
ADDED = PlainColumn("added", "date", "D")
SEEN = PlainColumn("seen", "timestamp with time zone", "D")
BRAND = PlainColumn("brand", "text", "S")

TABLES = """
CREATE TABLE goods (id int PRIMARY KEY, brand text, price numeric, e vector(3));
INSERT INTO goods SELECT i, CASE WHEN i % 2 = 0 THEN 'Fellside' ELSE 'Kestrel' END, i,
  CASE WHEN i <> 7 THEN ARRAY[sin(i), cos(i), CASE WHEN i > 100 THEN 2 ELSE 0 END]::vector END
FROM generate_series(1, 200) AS i;
CREATE TABLE pairs (a text, b int, e vector(2), PRIMARY KEY (a, b));
INSERT INTO pairs SELECT 'a"' || i % 3, i, ARRAY[i, 1]::vector FROM generate_series(1, 30) AS i;
CREATE TABLE keyless (name text, e vector(2));
INSERT INTO keyless SELECT 'n' || i, ARRAY[i, i * i]::vector FROM generate_series(1, 30) AS i;
CREATE TABLE bits (id int PRIMARY KEY, e bit(8));
INSERT INTO bits SELECT i, (i * 37)::bit(8) FROM generate_series(1, 60) AS i;
CREATE TABLE sparse (id int PRIMARY KEY, e sparsevec(9));
INSERT INTO sparse SELECT i, ('{1:' || i || ',' || 2 + i % 8 || ':1}/9')::sparsevec
FROM generate_series(1, 60) AS i;
CREATE TABLE halves (id int PRIMARY KEY, e halfvec(3));
INSERT INTO halves SELECT i, ARRAY[i, i % 7, 1]::vector::halfvec FROM generate_series(1, 60) AS i;
CREATE TABLE mixed (id int PRIMARY KEY, e vector);
INSERT INTO mixed SELECT i, CASE WHEN i % 3 > 0 THEN ARRAY[i, 1, i % 5]::vector ELSE '[1,2]' END
FROM generate_series(1, 60) AS i;
CREATE VIEW seen AS SELECT brand, e FROM goods;
ANALYZE;
"""


@pytest.fixture
def reading(database: Database) -> Iterator[Connection]:
    with database.control("tests") as connection:
        connection.exec_driver_sql(TABLES.replace("%", "%%"))
    with database.reading("tests", vectors=True) as connection:
        yield connection


def mapped(connection: Connection, name: str, rows: int = 1_000) -> tuple[ColumnInfo, Map]:
    column = find_column(connection, name)
    return column, draw(connection, column, MapPlan(name, "pca", rows))


@pytest.mark.parametrize(
    ("column", "given", "words"),
    [
        (PRICE, "10..20", "price is at least 10 and price is at most 20"),
        (PRICE, " .. 20 ", "price is at most 20"),
        (ADDED, "2026-01-01..", "added is at least 2026-01-01"),
        (PRICE, "10, 20", "price is one of 10, 20"),
        (BRAND, "Kestrel", "brand is one of Kestrel"),
        (BRAND, "a..b", "brand is one of a..b"),
    ],
)
def test_a_window_is_read(column: PlainColumn, given: str, words: str) -> None:
    assert in_words(window_of(column, given)) == words


@pytest.mark.parametrize("given", ["..", "", " , "])
def test_a_window_of_nothing_is_refused(given: str) -> None:
    with pytest.raises(RequestError, match="is not a window of price"):
        window_of(PRICE, given)


@pytest.mark.parametrize(
    ("column", "values", "windows"),
    [
        (PRICE, ["9", "10", "100", None, "11"], ("..10", "11..")),
        (PRICE, ["5"], ("..5", "5..")),
        (ADDED, ["2026-01-03", "2026-01-01", "2026-01-02"], ("..2026-01-02", "2026-01-03..")),
        (SEEN, ["2026-01-01 10:00:00+00", "2026-01-02 11:00:00+00"], ("..2026-01-02", "2026-01-02..")),
        (BRAND, ["a", "b", "b", "c"], ("b", "a")),
        (BRAND, ["a"], ("a", "a")),
        (BRAND, [None], ("", "")),
    ],
)
def test_two_windows_are_suggested(
    column: PlainColumn, values: list[str | None], windows: tuple[str, str]
) -> None:
    assert halves(column, values) == windows


def compared(reading: Connection, column: ColumnInfo, before: Condition, after: Condition) -> Overlay:
    return overlay(column, sample_windows(reading, column, before, after, seed=1), seed=1)


def test_a_drift_that_was_put_into_the_table_is_found(reading: Connection) -> None:
    column = find_column(reading, "goods.e")
    moved = overlay(
        column,
        sample_windows(reading, column, window_of(PRICE, "..100"), window_of(PRICE, "101.."), seed=1),
        seed=1,
    )
    assert moved.drift.is_real
    assert moved.drift.rows == (99, 100)
    still = overlay(
        column,
        sample_windows(reading, column, window_of(BRAND, "Fellside"), window_of(BRAND, "Kestrel"), seed=1),
        seed=1,
    )
    assert not still.drift.is_real


def test_an_empty_window_is_named(reading: Connection) -> None:
    column = find_column(reading, "goods.e")
    with pytest.raises(RequestError, match="No row of the second window has a vector"):
        overlay(
            column,
            sample_windows(reading, column, window_of(PRICE, "..100"), window_of(PRICE, "7..7"), seed=1),
            seed=1,
        )


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("goods.e", 199),
        ("pairs.e", 30),
        ("keyless.e", 30),
        ("bits.e", 60),
        ("sparse.e", 60),
        ("halves.e", 60),
        ("mixed.e", 40),
        ("seen.e", 199),
    ],
)
def test_every_kind_of_column_is_mapped_and_a_selection_finds_its_rows(
    reading: Connection, name: str, rows: int
) -> None:
    column, shown = mapped(reading, name)
    assert shown.drawn.rows == rows
    assert 0 <= shown.quality.trustworthiness <= 1
    condition = from_text(to_text(among(column, shown.keys[3:6])))
    assert set(take_sample(reading, column, where=condition).keys) == set(shown.keys[3:6])


def test_what_the_sample_left_out_is_said(reading: Connection) -> None:
    _, shown = mapped(reading, "goods.e")
    assert shown.drawn.nulls == 1
    _, mixed = mapped(reading, "mixed.e")
    assert mixed.drawn.of_dimensions == {"3": 40, "2": 20}


@pytest.mark.parametrize("name", ["goods.e", "pairs.e", "keyless.e", "sparse.e"])
def test_rows_outside_the_sample_are_placed_on_its_plane(reading: Connection, name: str) -> None:
    column, small = mapped(reading, name, 20)
    whole = take_sample(reading, column)
    places = place_rows(reading, column, small, whole.keys)
    assert set(places) == set(whole.keys)
    assert places[small.keys[0]] == pytest.approx(small.points[0].tolist())


def test_a_query_is_placed_where_its_row_lies(reading: Connection) -> None:
    column, shown = mapped(reading, "goods.e")
    sample = take_sample(reading, column)
    query = read_query(str(sample.vectors[0].tolist()), "vector")
    assert place_query(shown, query) == pytest.approx(shown.points[0].tolist(), abs=1e-5)
    assert place_query(shown, read_query("[1, 2]", "vector")) is None


def test_as_many_keys_as_fit_go_into_an_address(reading: Connection) -> None:
    column = find_column(reading, "goods.e")
    keys = [f"{place:09d}" for place in range(2_000)]
    fitting = that_fit_an_address(column, keys)
    assert 0 < fitting < 2_000
    assert len(to_text(among(column, keys[:fitting]))) <= ADDRESS_LENGTH
    assert len(to_text(among(column, keys[: fitting + 1]))) > ADDRESS_LENGTH
    assert that_fit_an_address(column, keys[:10]) == 10
    assert that_fit_an_address(column, ["x" * 9_000]) == 0


@pytest.mark.parametrize(
    ("name", "keys"),
    [("goods.e", ('a "b"\\', "7", "🎈")), ("pairs.e", ('["n", "1"]', '["s", "2"]')), ("goods.e", ())],
)
def test_keys_come_back_from_an_address(reading: Connection, name: str, keys: tuple[str, ...]) -> None:
    column = find_column(reading, name)
    assert keys_from_text(column, keys_to_text(keys)) == keys


def test_as_many_keys_as_fit_are_written(reading: Connection) -> None:
    column = find_column(reading, "goods.e")
    keys = [f"{place}" * (1 + place % 7) for place in range(5_000)]
    written = keys_from_text(column, keys_to_text(keys))
    assert len(keys_to_text(keys)) <= ADDRESS_LENGTH
    assert written == tuple(keys[: len(written)])
    assert len(written) > 100
    assert keys_to_text(["x" * 9_000]) == "[]"


@pytest.mark.parametrize(
    "given", ["", "7", "{}", "[7]", "[null]", '["a"', "[" * 9_000, '["\\ud800"]', '["n"]']
)
def test_what_are_no_keys_is_told(reading: Connection, given: str) -> None:
    column = find_column(reading, "pairs.e")
    with pytest.raises(RequestError, match="is not a list of keys by"):
        keys_from_text(column, given)
