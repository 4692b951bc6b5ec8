"""What a column holds is told at once from what ANALYZE left, and exactly by reading it."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from db.catalog import ColumnInfo, PlainColumn, find_column
from db.column_statistics import column_statistics, exact_statistics
from db.conditions import from_text
from db.engine import Database
from db.errors import RequestError
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]


def test_statistics_and_every_row_agree_on_a_small_table(reading: Connection, items: ColumnInfo) -> None:
    told = {each.column.name: each for each in column_statistics(reading, items)}
    for name in ("id", "title", "category", "price", "in_stock", "added"):
        exact = exact_statistics(reading, items, name)
        assert (told[name].kind, exact.kind) == ("statistics", "exact")
        assert told[name].distinct == exact.distinct
        assert told[name].null_share == pytest.approx(exact.null_share)
        assert told[name].average_bytes == pytest.approx(exact.average_bytes, abs=1)
    assert (told["price"].low, told["price"].high) == ("0.1", "400")
    assert told["category"].most_common == (("blue", 0.25), ("far", 0.25), ("green", 0.25), ("red", 0.25))


def test_exact_statistics_are_those_of_the_rows_that_meet_the_condition(
    reading: Connection, items: ColumnInfo
) -> None:
    found = exact_statistics(reading, items, "price", from_text('["category","=","far"]'))
    assert (found.low, found.high, found.distinct, found.most_common) == ("300.1", "400", 1000, ())
    found = exact_statistics(reading, items, "category", from_text('["id","<=","4"]'))
    assert found.most_common == (("green", 0.5),)


def test_a_column_without_an_order_has_no_ends(reading: Connection, items: ColumnInfo) -> None:
    found = exact_statistics(reading, items, "in_stock")
    assert (found.low, found.high) == ("false", "true")
    nothing = exact_statistics(reading, items, "title", from_text('["any"]'))
    assert (nothing.null_share, nothing.low, nothing.average_bytes, nothing.distinct) == (None, None, None, 0)


def test_a_view_has_no_statistics_until_it_is_read(reading: Connection, column: Find) -> None:
    view = column("items_in_stock.embedding")
    assert {each.kind for each in column_statistics(reading, view)} == {"none"}
    assert exact_statistics(reading, view, "id").distinct == 2000


def test_odd_names_and_partitions_have_statistics(reading: Connection, column: Find) -> None:
    odd = column('"We ""ird"."T %:x; --".half')
    assert [each.column.name for each in column_statistics(reading, odd)][:2] == ["a'b", "B %s"]
    assert exact_statistics(reading, odd, "B %s").high == "40"
    parted = column("parted.embedding")
    told = exact_statistics(reading, parted, "region")
    assert told.column == PlainColumn("region", "text", "S")
    assert dict(told.most_common) == {"north": 0.5, "south": 0.5}


def test_a_column_that_is_not_there_is_named(reading: Connection, items: ColumnInfo) -> None:
    with pytest.raises(RequestError, match="no column 'none'") as refused:
        exact_statistics(reading, items, "none")
    assert refused.value.remedy


def test_the_ends_of_a_column_of_few_values_are_those_of_all_of_them(database: Database) -> None:
    with database.control("tests") as connection:
        run(
            connection,
            "CREATE TABLE rated (id int PRIMARY KEY, stars float8, word text, embedding vector(1));"
            "INSERT INTO rated SELECT i, 1 + (i % 40) / 10.0, 'w' || i % 3, '[1]' "
            "FROM generate_series(1, 4000) AS i;"
            "ANALYZE rated",
        )
    with database.reading("tests") as connection:
        rated = find_column(connection, "rated.embedding")
        told = {each.column.name: each for each in column_statistics(connection, rated)}
    assert (told["stars"].low, told["stars"].high) == ("1", "4.9")
    assert (told["word"].low, told["word"].high) == (None, None), (
        "only the server knows how words are ordered"
    )
