"""A count is exact where that is quick; elsewhere it says so, and what being exact would take."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from db.catalog import ColumnInfo, find_column
from db.conditions import EVERY_ROW, from_text
from db.counts import Count, count_exactly, estimate
from db.engine import Database
from db.errors import RequestError, StatementTimeout

Find = Callable[[str], ColumnInfo]

RED = from_text('["category","=","red"]')


@pytest.fixture
def many(items: ColumnInfo, monkeypatch: pytest.MonkeyPatch) -> ColumnInfo:
    """The same rows, as if they were too many to be counted."""
    monkeypatch.setattr("db.counts.CAP", 100)
    return replace(items, rows=4321, rows_exact=False)


def test_a_table_that_was_counted_already_is_not_counted_again(
    reading: Connection, items: ColumnInfo
) -> None:
    assert estimate(reading, items, EVERY_ROW) == Count(4000, "exact", 0.0)


def test_few_rows_are_counted(reading: Connection, items: ColumnInfo) -> None:
    count = estimate(reading, items, RED)
    assert (count.rows, count.kind, count.forecast_ms) == (1000, "exact", None)
    assert count_exactly(reading, items, RED).rows == 1000
    assert count_exactly(reading, items, EVERY_ROW).rows == 4000
    assert count.elapsed_ms > 0


def test_many_rows_are_estimated_with_what_counting_would_take(reading: Connection, many: ColumnInfo) -> None:
    count = estimate(reading, many, EVERY_ROW)
    assert (count.rows, count.kind) == (4321, "estimate")
    assert count.forecast_ms
    count = estimate(reading, many, RED)
    assert (count.rows, count.kind) == (1000, "estimate")
    assert count.forecast_ms


def test_more_rows_than_the_planner_believes_in_are_at_least_as_many_as_were_met(
    reading: Connection, many: ColumnInfo
) -> None:
    count = estimate(reading, many, from_text('[["embedding","dimensions"],"=","8"]'))
    assert (count.rows, count.kind) == (100, "at_least")


def test_what_takes_long_to_find_is_estimated_in_time(reading: Connection, column: Find) -> None:
    count = estimate(reading, column("items_slow.embedding"), from_text('["category","=","far"]'))
    assert count.kind == "estimate"
    assert count.rows > 0
    assert count.elapsed_ms < 2000
    assert reading.scalar(text("SELECT current_setting('statement_timeout')")) == "15s"


def test_counting_exactly_may_time_out(world: Database) -> None:
    def count() -> Count:
        with world.reading("tests") as connection:
            connection.execute(text("SET LOCAL statement_timeout = 150"))
            return count_exactly(connection, find_column(connection, "items_slow.embedding"), EVERY_ROW)

    with pytest.raises(StatementTimeout):
        count()


@pytest.mark.parametrize("name", ["keyless.embedding", "parted.embedding", "items_in_stock.embedding"])
def test_rows_of_any_kind_are_counted(reading: Connection, column: Find, name: str) -> None:
    exact = count_exactly(reading, column(name), EVERY_ROW)
    assert replace(estimate(reading, column(name), EVERY_ROW), elapsed_ms=0) == replace(exact, elapsed_ms=0)


@pytest.mark.parametrize("count", [estimate, count_exactly])
def test_a_condition_that_the_columns_do_not_bear_is_refused(
    reading: Connection, items: ColumnInfo, count: Callable[..., Count]
) -> None:
    with pytest.raises(RequestError, match="no path leads into it"):
        count(reading, items, from_text('[["price","x"],"=","1"]'))
