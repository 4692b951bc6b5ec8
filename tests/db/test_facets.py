"""A facet says what values there are, how often, and how it knows; it never keeps a reader waiting."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from sqlalchemy import Connection, text

from db.catalog import ColumnInfo, find_column
from db.conditions import EVERY_ROW, from_text
from db.counts import count_exactly
from db.engine import Database
from db.errors import RequestError
from db.facets import Facet, Level, facetable, facets, histogram, vector_facet, vector_filter
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

CHEAP = from_text('["price","<","100"]')
CATEGORIES = {"blue": 1000, "far": 1000, "green": 1000, "red": 1000}

SPREADS = """
CREATE TABLE spread (id int PRIMARY KEY, stars smallint, big bigint, amount numeric(10,2), ratio float8,
                     seen timestamptz, noted timestamp, born date, kind text, never int, e vector(2));
INSERT INTO spread SELECT i, 1 + i % 5, 1e18 + i, i, CASE WHEN i % 100 = 0 THEN 'NaN' WHEN i % 100 = 1
  THEN 'Infinity' WHEN i % 100 = 2 THEN NULL ELSE -i / 8.0 END,
  '2026-01-01 00:00+00'::timestamptz + i * interval '1 h',
  CASE WHEN i = 7 THEN 'infinity' ELSE '2026-01-01'::timestamp + i * interval '1 s' END,
  CASE WHEN i = 8 THEN '0044-03-15 BC' ELSE DATE '1900-01-01' + i * 10 END, 'k' || i % 40, NULL, '[1,2]'
FROM generate_series(1, 2000) AS i;
ANALYZE spread;
"""


@pytest.fixture(scope="module")
def spread(world: Database) -> Iterator[Connection]:
    """Numbers and dates with all that can be wrong with them."""
    with world.writing("tests") as connection, connection.begin() as transaction:
        run(connection, SPREADS)
        yield connection
        transaction.rollback()


@pytest.fixture
def sampled(items: ColumnInfo, monkeypatch: pytest.MonkeyPatch) -> ColumnInfo:
    """The items, as if they were too many to be read."""
    for name in ("SAMPLE_ROWS", "LEAST_ROWS"):
        monkeypatch.setattr(f"db.facet_look.{name}", 2000)
    monkeypatch.setattr("db.facet_look.QUICK_COST", 0)
    return items


def test_the_columns_that_deserve_a_facet_are_chosen(reading: Connection, items: ColumnInfo) -> None:
    assert [(each.column.name, each.form) for each in facetable(reading, items)] == [
        ("category", "values"),
        ("price", "histogram"),
        ("in_stock", "values"),
        ("added", "histogram"),
    ]


@pytest.mark.parametrize("level", ["statistics", "sample", "exact"])
def test_each_level_tells_the_values_of_a_small_table(
    reading: Connection, items: ColumnInfo, level: Level
) -> None:
    category, stock = facets(reading, items, EVERY_ROW, ["category", "in_stock"], level=level)
    assert dict(category.values) == CATEGORIES
    assert dict(stock.values) == {"true": 2000, "false": 2000}
    assert (category.others, category.nulls, category.note) == (0, 0, "")
    assert category.kind == ("statistics" if level == "statistics" else "exact")


def test_a_sample_is_scaled_up_and_says_what_it_read(reading: Connection, sampled: ColumnInfo) -> None:
    (facet,) = facets(reading, sampled, EVERY_ROW, ["category"], level="sample")
    assert (facet.kind, facet.sampled_share) == ("sample", 0.5)
    assert facet.sampled_rows == pytest.approx(2000, rel=0.3)
    assert dict(facet.values) == pytest.approx(CATEGORIES, rel=0.2)
    assert sum(dict(facet.values).values()) == pytest.approx(4000, abs=2)
    assert facets(reading, sampled, EVERY_ROW, ["category"], level="sample")[0].values == facet.values


def test_a_condition_takes_the_sample_as_statistics_know_none(
    reading: Connection, sampled: ColumnInfo
) -> None:
    (facet,) = facets(reading, sampled, CHEAP, ["category"])
    assert facet.kind == "sample"
    assert dict(facet.values) == pytest.approx(dict.fromkeys(("blue", "green", "red"), 333), rel=0.3)
    (facet,) = facets(reading, sampled, CHEAP, ["category"], level="exact")
    assert (facet.kind, dict(facet.values)) == ("exact", {"blue": 333, "green": 333, "red": 333})


def test_rare_values_and_missing_ones_are_told_as_numbers(reading: Connection, items: ColumnInfo) -> None:
    (facet,) = facets(reading, items, EVERY_ROW, ["title"], level="exact")
    assert (len(facet.values), facet.others, facet.nulls) == (8, 3952, 40)
    (facet,) = facets(reading, items, from_text('["title","is null"]'), ["title"], level="exact")
    assert (facet.values, facet.others, facet.nulls) == ((), 0, 40)
    (facet,) = facets(reading, items, from_text('["any"]'), ["title"], level="exact")
    assert (facet.values, facet.others, facet.nulls) == ((), 0, 0)


def test_a_value_of_a_facet_is_a_value_to_filter_by(spread: Connection) -> None:
    column = find_column(spread, "spread.e")
    for name in ("stars", "kind", "seen", "amount"):
        (facet,) = facets(spread, column, EVERY_ROW, [name], level="exact")
        for value, rows in facet.values:
            where = from_text(f'["{name}","=","{value}"]')
            assert count_exactly(spread, column, where).rows == rows


def test_the_vectors_are_told_apart_and_can_be_filtered(reading: Connection, items: ColumnInfo) -> None:
    facet = vector_facet(reading, items, EVERY_ROW)
    assert facet.values == (("ok", 3986), ("null", 8), ("zero", 6))
    for state, rows in facet.values:
        assert count_exactly(reading, items, vector_filter(items, state)).rows == rows  # type: ignore[arg-type]


@pytest.mark.parametrize("column_name", ["half", "sparse", "bits", "free"])
def test_vectors_of_every_type_are_told_apart(reading: Connection, column: Find, column_name: str) -> None:
    odd = column(f'"We ""ird"."T %:x; --".{column_name}')
    assert dict(vector_facet(reading, odd, EVERY_ROW).values) == {"ok": 40, "null": 0, "zero": 0}
    assert count_exactly(reading, odd, vector_filter(odd, "ok")).rows == 40
    assert facets(reading, odd, EVERY_ROW, ["a'b", "B %s"], level="exact")[1].others == 32


def test_what_takes_too_long_says_so_and_leaves_no_trace(reading: Connection, column: Find) -> None:
    slow = column("items_slow.embedding")
    (facet,) = facets(reading, slow, EVERY_ROW, ["category"])
    spread = histogram(reading, slow, EVERY_ROW, "id")
    vectors = vector_facet(reading, slow, EVERY_ROW)
    for told in (facet, spread, vectors):
        assert (told.kind, told.note) == ("none", "Nothing was found within 200 ms: ask for it exactly.")
        assert told.elapsed_ms < 1000
    assert reading.scalar(text("SELECT current_setting('statement_timeout')")) == "15s"


def test_rows_of_any_kind_have_facets(reading: Connection, column: Find) -> None:
    def values(name: str, of: str) -> Facet:
        return facets(reading, column(name), EVERY_ROW, [of])[0]

    assert values("parted.embedding", "region").values == (("north", 25), ("south", 25))
    assert values("keyless.embedding", "name").others == 22
    assert values("items_in_stock.embedding", "title").nulls == 40


ENDS = {
    "stars": ("1", "6"),
    "amount": ("0", "2100"),
    "born": ("1900-01-11", "1954-12-29"),
    "seen": ("2026-01-01 00:00:00+00:00", "2026-03-26 00:00:00+00:00"),
    "noted": ("2026-01-01 00:00:00", "2026-01-01 00:35:00"),
    "ratio": ("-260", "0"),
    "big": ("1000000000000000000", "1000000000002000000"),
}


@pytest.mark.parametrize("level", ["statistics", "sample", "exact"])
@pytest.mark.parametrize("name", ENDS)
def test_a_histogram_has_every_value_once_between_ends_that_read_well(
    spread: Connection, level: Level, name: str
) -> None:
    told = histogram(spread, find_column(spread, "spread.e"), EVERY_ROW, name, level=level)
    missing = {"born": 1, "noted": 1, "ratio": 60}.get(name, 0)
    assert sum(each.rows for each in told.bins) == pytest.approx(2000 - missing, rel=0.005)
    assert told.nulls == pytest.approx(20 if name == "ratio" else 0, abs=1)
    assert all(left.high == right.low for left, right in pairwise(told.bins))
    assert (told.bins[0].low, told.bins[-1].high) == ENDS[name]
    if name == "stars":
        assert [each.rows for each in told.bins] == [400] * 5


def test_a_bin_is_a_range_to_filter_by(spread: Connection) -> None:
    column = find_column(spread, "spread.e")
    for name in ("stars", "amount", "ratio", "seen", "noted", "born"):
        told = histogram(spread, column, EVERY_ROW, name, level="exact")
        for each in told.bins[:-1:4]:
            where = from_text(f'["all",["{name}",">=","{each.low}"],["{name}","<","{each.high}"]]')
            assert count_exactly(spread, column, where).rows == each.rows


def test_a_histogram_of_nothing_is_empty(spread: Connection) -> None:
    column = find_column(spread, "spread.e")
    told = histogram(spread, column, EVERY_ROW, "never", level="exact")
    assert (told.bins, told.nulls) == ((), 2000)
    assert histogram(spread, column, from_text('["any"]'), "stars").bins == ()


@pytest.mark.parametrize(("name", "message"), [("kind", "lies on no line"), ("none", "no column 'none'")])
def test_a_histogram_of_what_is_no_number_is_refused(spread: Connection, name: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        histogram(spread, find_column(spread, "spread.e"), EVERY_ROW, name)
    assert refused.value.remedy


def test_a_facet_of_no_column_is_refused(reading: Connection, items: ColumnInfo) -> None:
    with pytest.raises(RequestError, match="no column 'none'"):
        facets(reading, items, EVERY_ROW, ["none"])


def test_a_table_never_analyzed_is_looked_at(database: Database) -> None:
    with database.control("tests") as connection:
        run(
            connection,
            "CREATE TABLE fresh (id int PRIMARY KEY, kind text, e vector(1));"
            "INSERT INTO fresh SELECT i, 'k' || i % 3, '[1]' FROM generate_series(1, 90) AS i",
        )
    with database.reading("tests") as connection:
        column = find_column(connection, "fresh.e")
        (facet,) = facets(connection, column, EVERY_ROW, ["kind"])
        unknown = replace(column, rows=None, rows_exact=False)
        assert facets(connection, unknown, EVERY_ROW, ["kind"])[0].values == facet.values
    assert (facet.kind, dict(facet.values)) == ("exact", {"k0": 30, "k1": 30, "k2": 30})
