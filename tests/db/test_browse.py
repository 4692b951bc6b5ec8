"""Pages of any table join without a gap at any depth, in both directions, and read no more than they show."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from db.browse import (
    Cursor,
    Page,
    PageRequest,
    Sort,
    browse,
    cursor_from_text,
    jump_to_key,
    jump_to_percentile,
    jump_to_value,
    last_page,
    preflight,
    sorts,
)
from db.catalog import ColumnInfo, find_column
from db.conditions import from_text
from db.engine import Database
from db.errors import RequestError, StatementTimeout, TableNotFound
from db.filters import Filter
from tests.conftest import url_of
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

ODD = '"We ""ird"."T %:x; --"'

KINDS = """
CREATE TABLE notes (id uuid PRIMARY KEY, score float8, due timestamptz, about json, tags text[], spot point,
                    long text, e halfvec(40));
INSERT INTO notes SELECT md5(i::text)::uuid,
  CASE WHEN i % 3 > 0 THEN CASE WHEN i % 7 = 0 THEN 'NaN'::float8 ELSE i % 5 END END,
  CASE WHEN i % 4 > 0 THEN '2026-01-01 12:00+00'::timestamptz + i % 9 * interval '1 day' END,
  '{}', ARRAY[i::text], '(1,2)', repeat('é', 1000),
  CASE i WHEN 1 THEN NULL WHEN 2 THEN array_fill(0, ARRAY[40])::halfvec
         ELSE array_fill(i, ARRAY[40])::halfvec END
FROM generate_series(1, 90) AS i;
CREATE INDEX ON notes (score);
CREATE TABLE heaped (label text, price int, e vector(2));
INSERT INTO heaped SELECT 'row ' || i, i % 10, ARRAY[i, 0]::vector FROM generate_series(1, 3000) AS i;
DELETE FROM heaped WHERE price = 3;
CREATE TABLE heir (extra int) INHERITS (heaped);
INSERT INTO heir SELECT 'heir ' || i, i % 10, ARRAY[i, 1]::vector, i FROM generate_series(1, 70) AS i;
CREATE TABLE parts (region text, n int, e vector(2), PRIMARY KEY (region, n)) PARTITION BY LIST (region);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b');
INSERT INTO parts SELECT (ARRAY['a', 'b'])[1 + i % 2], i, ARRAY[i, i]::vector
FROM generate_series(1, 80) AS i;
CREATE TABLE strewn (region text, e vector(2)) PARTITION BY LIST (region);
CREATE TABLE strewn_a PARTITION OF strewn FOR VALUES IN ('a');
CREATE TABLE strewn_b PARTITION OF strewn FOR VALUES IN ('b');
INSERT INTO strewn SELECT (ARRAY['a', 'b'])[1 + i % 2], ARRAY[i, i]::vector FROM generate_series(1, 80) AS i;
CREATE VIEW seen AS SELECT label, price, e FROM ONLY heaped WHERE price = 1 AND vector_norm(e) < 900;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM seen;
CREATE TABLE "naïve ""✨" ("a%b" int PRIMARY KEY, "a:b" text, "📦 e" sparsevec(100));
INSERT INTO "naïve ""✨" SELECT i, i || '%', ('{' || i || ':2}/100')::sparsevec
FROM generate_series(1, 60) AS i;
CREATE TABLE mixed (id int PRIMARY KEY, e vector);
INSERT INTO mixed SELECT i, array_fill(i, ARRAY[i])::vector FROM generate_series(1, 70) AS i;
CREATE TABLE barren (id int PRIMARY KEY, e vector(2));
ANALYZE;
"""


@pytest.fixture(scope="module")
def kinds(server_url: str, maintenance: Connection, template: str) -> Iterator[Database]:
    """Tables of every kind, with few rows; only to be read."""
    maintenance.execute(text("CREATE DATABASE kinds TEMPLATE vectorscope_template"))
    database = Database(url_of(server_url, "kinds"))
    with database.control("tests") as connection:
        run(connection, KINDS)
    yield database
    database.dispose()


@pytest.fixture
def opened(kinds: Database) -> Iterator[Connection]:
    with kinds.reading("tests") as connection:
        yield connection


@pytest.fixture
def find(opened: Connection) -> Find:
    return lambda name: find_column(opened, name)


def pages(connection: Connection, request: PageRequest, *, backwards: bool = False) -> Iterator[Page]:
    """Turn pages until there is no other."""
    asked: PageRequest | None = request
    while asked:
        page = browse(connection, asked)
        yield page
        asked = page.previous if backwards else page.next


def places(page: Page) -> list[Any]:
    """What identifies the rows; NaN is no equal of itself."""
    return [repr((row.key, row.norm, row.values)) for row in page.rows]


TABLES = [
    ("notes.e", 90),
    ("heaped.e", 2770),
    ("parts.e", 80),
    ("strewn.e", 80),
    ("seen.e", 90),
    ("kept.e", 90),
    ('"naïve ""✨"."📦 e"', 60),
    ("mixed.e", 70),
    ("barren.e", 0),
]


@pytest.mark.parametrize("size", [3, 40])
@pytest.mark.parametrize(("name", "rows"), TABLES)
def test_every_row_is_met_once_forwards_and_backwards(
    opened: Connection, find: Find, name: str, rows: int, size: int
) -> None:
    size = max(size, rows // 40)
    request = PageRequest(find(name), rows=size)
    forwards = [place for page in pages(opened, request) for place in places(page)]
    turned = list(pages(opened, last_page(request), backwards=True))
    whole = [page for page in turned if page.has_before]
    assert len(forwards) == rows
    assert len(set(forwards)) == rows
    assert all(len(page.rows) == size for page in whole)
    # The first page is filled up with rows that the one after it shows again.
    backwards = [place for page in reversed(whole) for place in places(page)]
    assert forwards[len(forwards) - len(backwards) :] == backwards


SORTS = [
    ("notes.e", "score"),
    ("notes.e", "due"),
    ("notes.e", "tags"),
    ("notes.e", "long"),
    ("heaped.e", "price"),
    ("parts.e", "region"),
    ("parts.e", "n"),
    ("strewn.e", "region"),
    ("seen.e", "price"),
    ("kept.e", "label"),
    ('"naïve ""✨"."📦 e"', "a:b"),
]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("name", "by"), SORTS)
def test_any_column_with_an_order_sorts_nulls_last_either_way(
    opened: Connection, find: Find, name: str, by: str, descending: bool
) -> None:
    column = find(name)
    order = "DESC" if descending else "ASC"
    asked = f'SELECT "{by}"::text AS found FROM {name.rpartition(".")[0]} ORDER BY "{by}" {order} NULLS LAST'
    found = opened.exec_driver_sql(asked.replace("%", "%%")).scalars()
    expected = [value and value[:200] for value in found]
    request = PageRequest(column, sort=Sort(by, descending), rows=33)
    forwards = list(pages(opened, request))
    assert [_text(row.values[by]) for page in forwards for row in page.rows] == list(map(_text, expected))
    backwards = list(pages(opened, last_page(request), backwards=True))
    assert places(backwards[0])[-1] == places(forwards[-1])[-1]
    assert places(backwards[-1])[0] == places(forwards[0])[0]
    if forwards[0].request.paging == "keyset" and len(column.key) == 1:
        keys = [row.key for page in forwards for row in page.rows]
        assert len(set(keys)) == len(keys)


def _text(value: Any) -> str:
    try:
        return str(float(value))
    except (TypeError, ValueError):
        return str(value)


def test_a_first_page_is_the_newest_rows_with_what_tells_their_vectors(
    reading: Connection, items: ColumnInfo
) -> None:
    page = browse(reading, PageRequest(items))
    assert [row.key for row in page.rows] == list(range(4000, 3900, -1))
    assert (page.has_before, page.has_after, page.previous) == (False, True, None)
    assert (page.first, page.last) == (Cursor(("4000",), before=True), Cursor(("3901",)))
    row = page.rows[0]
    vector = json.loads(reading.scalar(text("SELECT embedding::text FROM items WHERE id = 4000")))
    assert row.strip == pytest.approx(vector, abs=1e-6)
    assert row.norm == pytest.approx(sum(x * x for x in vector) ** 0.5)
    assert (row.vector_state, row.dimensions, len(str(row.values["filler"]))) == ("ok", 8, 200)
    assert [column.name for column in page.columns] == list(row.values)


def test_null_and_zero_vectors_are_told_apart(reading: Connection, items: ColumnInfo) -> None:
    rows = browse(reading, jump_to_value(PageRequest(items, rows=3), "3")).rows
    assert [(row.key, row.vector_state, row.norm) for row in rows[1:]] == [(2, "zero", 0), (1, "null", None)]
    assert (rows[1].strip, rows[2].strip, rows[2].dimensions) == ((0,) * 8, (), None)


STRIPS = [
    ("notes.e", 4, [4] * 32),
    ("mixed.e", 70, [70] * 32),
    ("mixed.e", 3, [3] * 3),
    ('"naïve ""✨"."📦 e"', 1, [2 / 3] + [0] * 31),
    ('"naïve ""✨"."📦 e"', 60, [0] * 19 + [2 / 3] + [0] * 12),
]


@pytest.mark.parametrize(("name", "key", "strip"), STRIPS)
def test_a_strip_is_the_mean_of_each_stretch(
    opened: Connection, find: Find, name: str, key: int, strip: list[float]
) -> None:
    column = find(name)
    given = str(opened.scalar(text("SELECT md5('4')::uuid"))) if name == "notes.e" else str(key)
    row = browse(opened, jump_to_key(opened, PageRequest(column, rows=1), given)).rows[0]
    assert str(row.key) == given
    assert row.strip == pytest.approx(strip, abs=1e-3)


def test_a_strip_of_bits_is_the_share_that_is_set(reading: Connection, column: Find) -> None:
    request = PageRequest(column(f"{ODD}.bits"), rows=1)
    row = browse(reading, jump_to_key(reading, request, json.dumps(["k%9\\'", 9]))).rows[0]
    assert row.strip == tuple(map(float, "0000000000111111"))
    assert row.norm == pytest.approx(6**0.5)
    assert row.dimensions == 16


def test_only_rows_that_meet_the_condition_are_browsed(reading: Connection, items: ColumnInfo) -> None:
    where = from_text('["all",["category","=","far"],["any",["price","<","301"],["price",">=","400"]]]')
    page = browse(reading, PageRequest(items, where))
    assert [row.key for row in page.rows] == [4000, *range(3009, 3000, -1)]
    assert not page.has_after


@pytest.mark.parametrize(
    ("request_of", "rows"),
    [
        (
            lambda c: PageRequest(
                c, sort=Sort("title"), cursor=Cursor(("item 99",), inclusive=True), rows=30
            ),
            30,
        ),
        (lambda c: PageRequest(c, sort=Sort("price", descending=True)), 100),
        (lambda c: last_page(PageRequest(c, from_text('["title","contains","%"]'))), 0),
        (lambda c: last_page(PageRequest(c, sort=Sort("title"), rows=60)), 60),
    ],
)
def test_the_sql_of_a_page_gives_its_rows_in_their_order(
    reading: Connection, items: ColumnInfo, request_of: Callable[[ColumnInfo], PageRequest], rows: int
) -> None:
    page = browse(reading, request_of(items))
    statements = page.sql.replace("%", "%%").split(";\n\n")
    found = [row.id for sql in statements for row in reading.exec_driver_sql(sql)]
    assert found == [row.key for row in page.rows]
    assert len(found) == rows


BY_INDEX = [
    (None, None, "items_pkey"),
    (None, Cursor(("2000",)), "items_pkey"),
    (None, Cursor(("2000",), before=True), "items_pkey"),
    (Sort("price"), Cursor(("200", "2000")), "items_price"),
    (Sort("price", descending=True), Cursor(("200", "2000")), "items_price"),
    (Sort("price"), Cursor(("200", "2000"), before=True), "items_price"),
    (Sort("title"), Cursor((None, "2000")), "items_title"),
]


@pytest.mark.parametrize(("sort", "cursor", "index"), BY_INDEX)
def test_a_page_anywhere_is_read_through_the_index_of_its_order(
    database: Database, sort: Sort | None, cursor: Cursor | None, index: str
) -> None:
    with database.control("tests") as connection:
        run(
            connection,
            "CREATE TABLE items (id int PRIMARY KEY, price float8, title text, e vector(2));"
            "INSERT INTO items SELECT i, i / 10.0, CASE WHEN i % 2000 > 0 THEN 'row ' || i END, "
            "ARRAY[i, 1]::vector FROM generate_series(1, 8000) AS i;"
            "CREATE INDEX items_price ON items (price); CREATE INDEX items_title ON items (title);"
            "ANALYZE items",
        )
    with database.reading("tests") as connection:
        request = PageRequest(find_column(connection, "items.e"), sort=sort, cursor=cursor, rows=20)
        expected = preflight(connection, request)
    scans = [node.index_name for node in expected.plan.root.walk() if node.relation]
    assert scans == [index]
    assert expected.cost < 100
    assert not expected.too_heavy


def test_a_page_of_a_table_without_a_key_reads_a_few_blocks(opened: Connection, find: Find) -> None:
    request = jump_to_percentile(opened, PageRequest(find("heaped.e"), rows=20), 50)
    nodes = [node for node in preflight(opened, request).plan.root.walk() if node.relation == "heaped"]
    assert [node.node_type for node in nodes] == ["Tid Range Scan"]
    assert len(browse(opened, request).rows) == 20


def test_a_page_that_would_cost_too_much_says_why(
    reading: Connection, items: ColumnInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.browse.MAX_COST", 100)
    told = preflight(reading, PageRequest(items, sort=Sort("filler")))
    assert told.too_heavy
    assert told.reason == "No index keeps the order by filler: about 4,000 rows are read, and sorted."
    told = preflight(reading, PageRequest(items, from_text('["title","contains","x"]')))
    assert told.reason == "No index finds the rows where title contains x: about 4,000 rows are read."
    assert not preflight(reading, PageRequest(items)).too_heavy


def test_a_rare_row_of_a_table_without_a_key_costs_the_whole_table(
    opened: Connection, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.browse.MAX_COST", 50)
    heaped = find("heaped.e")
    told = preflight(opened, PageRequest(heaped, from_text('["label","=","row 1"]')))
    assert told.too_heavy
    assert told.reason.startswith("No index finds the rows where label is row 1: about 2,770 rows")
    # A condition that most rows meet fills a page from the first blocks.
    assert not preflight(opened, PageRequest(heaped, from_text('["price",">=","0"]'))).too_heavy


def test_what_a_reader_types_is_sent_beside_the_statement(opened: Connection, find: Find) -> None:
    sent: list[tuple[str, dict[str, object]]] = []
    event.listen(opened, "before_cursor_execute", lambda *given: sent.append((given[2], given[3])))
    typed = "row '; DROP TABLE heaped; --"
    browse(opened, PageRequest(find("heaped.e"), Filter("label", "=", typed)))
    assert not any("DROP" in statement for statement, _ in sent)
    assert any(typed in given.values() for _, given in sent)


def test_what_can_be_sorted_by_is_listed_with_its_index(opened: Connection, find: Find) -> None:
    listed = {each.column: each.indexed for each in sorts(opened, find("notes.e"))}
    assert listed == {"id": True, "score": True, "due": False, "tags": False, "long": False}
    assert [each.column for each in sorts(opened, find("parts.e"))] == ["region", "n"]


@pytest.mark.parametrize("by", ["about", "spot", "e", "none", ""])
def test_an_order_by_what_has_none_is_refused(opened: Connection, find: Find, by: str) -> None:
    with pytest.raises(RequestError, match=f"cannot be ordered by '{by}'") as refused:
        browse(opened, PageRequest(find("notes.e"), sort=Sort(by)))
    assert "due, id, long, score, tags" in refused.value.remedy


def test_jumps_to_a_key_begin_with_that_row(opened: Connection, find: Find) -> None:
    mixed = PageRequest(find("mixed.e"), rows=2)
    parts = PageRequest(find("parts.e"), rows=2)

    def first(request: PageRequest, key: str) -> list[Any]:
        return [row.key for row in browse(opened, jump_to_key(opened, request, key)).rows]

    assert first(mixed, "33") == [33, 32]
    assert first(mixed, "99") == [70, 69]
    assert first(parts, '["a", 10]') == [("a", 10), ("a", 8)]
    assert first(replace(parts, sort=Sort("n")), '["a", 10]') == [("a", 10), ("b", 11)]
    assert first(PageRequest(find("kept.e"), rows=1), "(0,5)") == ["(0,5)"]
    assert first(PageRequest(find("kept.e"), sort=Sort("price"), rows=1), "(0,5)") == ["(0,5)"]


@pytest.mark.parametrize(
    ("name", "sort", "key", "message"),
    [
        ("parts.e", None, "a", "'a' is not a key of public.parts"),
        ("parts.e", None, "[1]", "not a key"),
        ("parts.e", Sort("n"), '["a", 99]', "no row a, 99 in public.parts"),
        ("seen.e", None, "x", "rows of a view have no key"),
        ("mixed.e", None, "seven", 'type integer: "seven"'),
        ("heaped.e", None, "seven", "another order"),
    ],
)
def test_a_jump_to_no_row_says_so(
    kinds: Database, name: str, sort: Sort | None, key: str, message: str
) -> None:
    def jump() -> Page:
        with kinds.reading("tests") as connection:
            request = PageRequest(find_column(connection, name), sort=sort)
            return browse(connection, jump_to_key(connection, request, key))

    with pytest.raises(RequestError, match=message) as refused:
        jump()
    assert refused.value.remedy


def test_a_jump_past_either_end_gives_the_page_at_that_end(opened: Connection, find: Find) -> None:
    request = PageRequest(find("mixed.e"), rows=5)
    page = browse(opened, jump_to_value(request, "-4"))
    assert [row.key for row in page.rows] == [5, 4, 3, 2, 1]
    assert (page.has_before, page.has_after) == (True, False)
    page = browse(opened, jump_to_value(request, "400"))
    assert (page.rows[0].key, page.has_before) == (70, False)
    page = browse(opened, replace(request, cursor=Cursor(("68",), before=True)))
    assert ([row.key for row in page.rows], page.has_before) == ([70, 69, 68, 67, 66], False)


def test_a_jump_to_a_date_begins_there_in_either_direction(reading: Connection, items: ColumnInfo) -> None:
    for descending, neighbour in ((False, "2026-03-02"), (True, "2026-02-28")):
        request = PageRequest(items, sort=Sort("added", descending), rows=12)
        page = browse(reading, jump_to_value(request, "2026-03-01"))
        assert [row.values["added"] for row in page.rows] == ["2026-03-01"] * 11 + [neighbour]
        assert (page.has_before, page.has_after) == (True, True)


@pytest.mark.parametrize("percent", [0, 20, 50, 95, 100])
@pytest.mark.parametrize("where", ["", '["in_stock","=","true"]'])
@pytest.mark.parametrize(
    "order",
    [Sort(by, down) for by in ("id", "price", "category", "title") for down in (False, True)],
    ids=str,
)
def test_a_jump_to_a_percentile_leaves_that_share_of_the_rows_behind(
    reading: Connection, items: ColumnInfo, percent: int, where: str, order: Sort
) -> None:
    request = PageRequest(items, from_text(where), order, rows=20)
    page = browse(reading, jump_to_percentile(reading, request, percent))
    kept, way = ("in_stock" if where else "true"), ("DESC" if order.descending else "ASC")
    by = f"{order.column} {way} NULLS LAST, id {way}"
    numbered = f"SELECT id, row_number() OVER (ORDER BY {by}) AS n FROM items WHERE {kept}"
    place = text(f"SELECT n, max(n) OVER () AS total FROM ({numbered}) AS i ORDER BY id = :key DESC LIMIT 1")
    n, total = reading.execute(place, {"key": page.rows[0].key}).one()
    assert abs((n - 1) / total * 100 - percent) < 3
    assert (page.has_before, page.has_after) == (percent > 0, percent < 100)


def test_a_percentile_beyond_the_values_is_where_those_without_begin(opened: Connection, find: Find) -> None:
    request = PageRequest(find("notes.e"), sort=Sort("due"), rows=5)
    page = browse(opened, jump_to_percentile(opened, request, 90))
    assert [row.values["due"] for row in page.rows] == [None] * 5


@pytest.mark.parametrize(("name", "rows"), [("seen.e", 5), ("heaped.e", 5), ("strewn.e", 5), ("barren.e", 0)])
def test_a_percentile_of_rows_without_a_key_is_found_too(
    opened: Connection, find: Find, name: str, rows: int
) -> None:
    page = browse(opened, jump_to_percentile(opened, PageRequest(find(name), rows=5), 50))
    assert len(page.rows) == rows
    assert page.has_before == page.has_after == (rows > 0)


@pytest.mark.parametrize("percent", [-1, 101, float("nan")])
def test_a_percentile_is_of_a_hundred(opened: Connection, find: Find, percent: float) -> None:
    with pytest.raises(RequestError, match="outside 0 to 100 %"):
        jump_to_percentile(opened, PageRequest(find("mixed.e")), percent)


@pytest.mark.parametrize(
    "cursor",
    [
        None,
        Cursor(("9.5", "17")),
        Cursor((None, 'k"1'), before=True),
        Cursor((), before=True),
        Cursor(("é",), inclusive=True),
    ],
)
def test_a_cursor_survives_an_address(cursor: Cursor | None) -> None:
    assert cursor_from_text(cursor.to_text() if cursor else "") == cursor


@pytest.mark.parametrize(
    "given", ["[", "{}", "[]", '["="]', '[">",1]', '[">",["a"]]', "[" * 3000, "9" * 5000]
)
def test_what_is_no_cursor_is_refused(given: str) -> None:
    with pytest.raises(RequestError, match="is not a place in a table") as refused:
        cursor_from_text(given)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("name", "sort", "values"),
    [
        ("mixed.e", None, ("1", "2")),
        ("mixed.e", None, (None,)),
        ("notes.e", Sort("score"), ("1", None)),
        ("seen.e", None, ("x",)),
        ("seen.e", None, (None,)),
        ("heaped.e", None, ("1",)),
        ("heaped.e", None, ("x", "(0,1)")),
        ("heaped.e", None, ("9" * 5000, "(0,1)")),
        ("heaped.e", None, ("1", "(" + "9" * 5000 + ",1)")),
        ("seen.e", None, ("9" * 5000,)),
    ],
)
def test_a_place_in_another_order_is_refused(
    opened: Connection, find: Find, name: str, sort: Sort | None, values: tuple[str | None, ...]
) -> None:
    with pytest.raises(RequestError, match="belongs to another order") as refused:
        browse(opened, PageRequest(find(name), sort=sort, cursor=Cursor(values)))
    assert refused.value.remedy


def test_a_jump_to_a_value_needs_an_order(opened: Connection, find: Find) -> None:
    with pytest.raises(RequestError, match="in no order of values"):
        jump_to_value(PageRequest(find("seen.e")), "3")


def test_a_table_that_vanished_and_a_slow_one_say_so(kinds: Database) -> None:
    with kinds.reading("tests") as connection:
        gone = replace(find_column(connection, "mixed.e"), table="gone")
    with pytest.raises(TableNotFound, match="does not exist"), kinds.reading("tests") as connection:
        browse(connection, PageRequest(gone))


def test_a_page_that_takes_too_long_is_a_timeout(world: Database) -> None:
    def slow() -> Page:
        with world.reading("tests") as connection:
            connection.execute(text("SET LOCAL statement_timeout = 150"))
            return browse(connection, last_page(PageRequest(find_column(connection, "items_slow.embedding"))))

    with pytest.raises(StatementTimeout):
        slow()
