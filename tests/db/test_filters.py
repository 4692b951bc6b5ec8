"""Filters are read as they are spelled, spelled as they are read, and mean what they say."""

from collections.abc import Iterator

import pytest
from pgvector.sqlalchemy import VECTOR
from sqlalchemy import Connection, column, func, select, table

from db.engine import Database
from db.errors import RequestError
from db.filters import OPERATORS, Filter, parse_filter
from tests.db.conftest import run

ITEMS = table("items", *map(column, ("id", "title", "category", "price", "in_stock", "added", "attributes")))
COLUMNS = dict(ITEMS.c.items())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("price<=150", Filter("price", "<=", "150")),
        (" price >= 1.5 ", Filter("price", ">=", "1.5")),
        ("price!=3", Filter("price", "!=", "3")),
        ("category=foot wear", Filter("category", "=", "foot wear")),
        ("category=", Filter("category", "=", "")),
        ("expression=a=b<c", Filter("expression", "=", "a=b<c")),
        ('"Major Genre"=Drama', Filter("Major Genre", "=", "Drama")),
        ('"a""b <= c" > 1', Filter('a"b <= c', ">", "1")),
        ("Größe > 3", Filter("Größe", ">", "3")),
        ("brand in Fellside, Kestrel", Filter("brand", "in", ("Fellside", "Kestrel"))),
        ('brand IN ["a, b", 3, true]', Filter("brand", "in", ("a, b", "3", "true"))),
        ("title contains 100%", Filter("title", "contains", "100%")),
        ("origin is null", Filter("origin", "is null")),
        ("origin  IS  NOT  NULL", Filter("origin", "is not null")),
        ("line=two\nlines", Filter("line", "=", "two\nlines")),
        ("brand NOT IN a, b", Filter("brand", "not in", ("a", "b"))),
        ("brand  does not  contain in it", Filter("brand", "does not contain", "in it")),
        ("brand starts with The", Filter("brand", "starts with", "The")),
        ("a->b = 1", Filter("a", "=", "1", ("b",))),
        ("attributes->weight->unit = kg", Filter("attributes", "=", "kg", ("weight", "unit"))),
        ('a -> "in cm" -> 0 >= -5', Filter("a", ">=", "-5", ("in cm", "0"))),
        ('"A ""b"->"c->""d">1', Filter('A "b', ">", "1", ('c->"d',))),
        ("attributes->tags->0 is null", Filter("attributes", "is null", None, ("tags", "0"))),
        ("embedding->norm > 1.1", Filter("embedding", ">", "1.1", ("norm",))),
        ("price>-5", Filter("price", ">", "-5")),
    ],
)
def test_a_filter_is_read_and_read_back(given: str, expected: Filter) -> None:
    assert parse_filter(given) == expected
    assert parse_filter(str(expected)) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "is not a filter"),
        ("price", "is not a filter"),
        ("=3", "is not a filter"),
        ("brand in ", "no fitting value"),
        ("brand in [1", "not a JSON list"),
        ("price is null 3", "has a value after 'is null'"),
        ("price->5", "is not a filter"),
    ],
)
def test_what_is_no_filter_is_refused(given: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        parse_filter(given)
    assert refused.value.remedy


def test_an_unknown_operator_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestError, match="no operator '~'") as refused:
        Filter("a", "~", "b")
    assert "contains" in refused.value.remedy


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(RequestError, match="no column 'categry'") as refused:
        Filter("categry", "=", "red").clause(COLUMNS)
    assert refused.value.remedy == "Did you mean category?"


COUNTS = [
    ("category=red", 1000),
    ("category!=far", 3000),
    ("price<100", 999),
    ("price<=100", 1000),
    ("price>399.9", 1),
    ("price>=399.9", 2),
    ("category in red,green", 2000),
    ("id in 1,2,3,9999", 3),
    ("title contains EM 12", 110),
    ("title contains %", 0),
    ("title contains _", 0),
    ("attributes contains 3999", 1),
    ("title is null", 40),
    ("title is not null", 3960),
    ("in_stock=true", 2000),
    ("added=2026-01-02", 11),
    ("category not in red,green", 2000),
    ("title not in item 1,item 2", 3958),
    ("title does not contain ITEM 1", 2860),
    ("title starts with ITEM 399", 11),
    ("title starts with %", 0),
    ("attributes->n = 3999", 1),
    ("attributes->n >= 3999", 2),
    ("attributes->n < 100", 99),
    ("attributes->n < 1e2", 99),
    ("attributes->n > 1x", 2889),
    ("attributes->n in 1,2", 2),
    ("attributes->none is null", 4000),
    ("attributes->n->deeper is not null", 0),
]


@pytest.mark.parametrize(("given", "rows"), COUNTS)
def test_a_filter_keeps_the_rows_it_says(reading: Connection, given: str, rows: int) -> None:
    clause = parse_filter(given).clause(COLUMNS)
    assert reading.execute(select(func.count()).select_from(ITEMS).where(clause)).scalar_one() == rows


def test_every_operator_is_counted_here() -> None:
    assert {parse_filter(given).operator for given, _ in COUNTS} == set(OPERATORS)


@pytest.mark.parametrize("value", ["[" * 3000, f"[{'9' * 5000}]"])
def test_a_list_that_no_parser_takes_is_refused(value: str) -> None:
    with pytest.raises(RequestError, match="is not a JSON list"):
        parse_filter(f"id in {value}")


JSON = """
CREATE TABLE mixed (id int, a jsonb, j json);
INSERT INTO mixed (id, a) VALUES
  (1, '{"v": 5}'), (2, '{"v": "5"}'), (3, '{"v": "five"}'), (4, '{"v": null}'),
  (5, '{"v": [7, {"x": "%:y"}]}'),
  (6, '{"v": {"0": 12}}'), (7, '{"v": true}'), (8, '[1, 2]'), (9, '"v"'), (10, NULL), (11, '{"v": 1e300}'),
  (12, '{"v": "1e999999"}'), (13, '{"odd \\"\\\\ key": "here"}'), (14, '{"v": "-0.5"}');
UPDATE mixed SET j = a::json;
"""

MIXED = [
    ("v = 5", {1, 2}),
    ("v != 5", {3, 5, 6, 7, 11, 12, 14}),
    ("v > 4", {1, 2, 11}),
    ("v <= 5.0", {1, 2, 14}),
    ("v < f", {1, 2, 5, 11, 12, 14}),
    ("v is null", {4, 8, 9, 10, 13}),
    ("v is not null", {1, 2, 3, 5, 6, 7, 11, 12, 14}),
    ("v contains fiv", {3}),
    ("v in 5,true", {1, 2, 7}),
    ("v->0 >= 7", {5, 6}),
    ("v->1->x = %:y", {5}),
    ("v->-1->x starts with %", {5}),
    ("0 = 1", {8}),
    ('"odd ""\\ key" = here', {13}),
]


@pytest.fixture(scope="module")
def mixed(world: Database) -> Iterator[Connection]:
    """JSON that agrees on nothing."""
    with world.writing("tests") as connection, connection.begin() as transaction:
        run(connection, JSON)
        yield connection
        transaction.rollback()


@pytest.mark.parametrize("kind", ["a", "j"])
@pytest.mark.parametrize(("given", "ids"), MIXED)
def test_a_path_leads_into_json_whatever_is_there(
    mixed: Connection, kind: str, given: str, ids: set[int]
) -> None:
    rows = table("mixed", *map(column, ("id", "a", "j")))
    clause = parse_filter(f"{kind}->{given}").clause(dict(rows.c.items()))
    assert set(mixed.execute(select(rows.c.id).where(clause)).scalars()) == ids


PARTS = [
    ("norm = 0", 6),
    ("norm > 0", 3986),
    ("norm is null", 8),
    ("dimensions = 8", 3992),
]


@pytest.mark.parametrize(("given", "rows"), PARTS)
def test_a_vector_is_filtered_by_what_is_told_of_it(reading: Connection, given: str, rows: int) -> None:
    vectors = table("items", column("embedding", VECTOR(8)))
    clause = parse_filter(f"embedding->{given}").clause(dict(vectors.c.items()))
    assert reading.execute(select(func.count()).select_from(vectors).where(clause)).scalar_one() == rows


@pytest.mark.parametrize("path", [("length",), ("norm", "x")])
def test_what_a_vector_has_not_is_refused(path: tuple[str, ...]) -> None:
    vectors = {"embedding": column("embedding", VECTOR(8))}
    with pytest.raises(RequestError, match="has no") as refused:
        Filter("embedding", "=", "1", path).clause(vectors)
    assert refused.value.remedy == "Filter by embedding->norm or embedding->dimensions."
