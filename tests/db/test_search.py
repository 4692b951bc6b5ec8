"""A search finds the nearest rows of any table, exactly or through the index, and leaves no trace."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, text

from db.catalog import ColumnInfo, default_distance, find_column
from db.distance import Distance, distances_for
from db.engine import Database
from db.errors import DimensionMismatch, RequestError
from db.filters import parse_filter
from db.nearest import MAX_ROWS, SearchRequest, SearchSettings
from db.search import query_of_row, search
from db.vectors import Query, read_query
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

EXACT = SearchSettings(exact=True)
ODD = '"We ""ird"."T %:x; --"'


@pytest.fixture
def near(items: ColumnInfo) -> SearchRequest:
    """A question that items.embedding's index answers well."""
    return SearchRequest(items, read_query("[1,2,3,4,5,6,7,8]", "vector"), Distance.COSINE)


def keys(connection: Connection, request: SearchRequest) -> list[object]:
    return [row.key for row in search(connection, request).rows]


def test_an_exact_search_finds_what_numpy_finds(reading: Connection, near: SearchRequest) -> None:
    rows = reading.execute(
        text("SELECT id, embedding::text FROM items WHERE vector_norm(embedding) > 0")
    ).all()
    vectors = np.array([json.loads(row[1]) for row in rows])
    query = np.arange(1, 9)
    distances = 1 - vectors @ query / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
    order = np.argsort(distances)[:10]

    result = search(reading, replace(near, settings=EXACT))
    assert [row.key for row in result.rows] == [rows[place][0] for place in order]
    assert [row.distance for row in result.rows] == pytest.approx(distances[order], abs=1e-6)
    assert result.plan.scan.node_type == "Seq Scan"
    assert result.index is None


def test_a_search_goes_through_the_index_and_says_what_it_cost(
    reading: Connection, near: SearchRequest
) -> None:
    result = search(reading, near)
    assert (result.asked, result.returned) == (10, 10)
    assert (result.index, result.plan.scan.node_type) == ("items_embedding_hnsw", "Index Scan")
    assert result.server_ms > 0
    assert result.client_ms == max(0, result.wall_ms - result.server_ms)
    assert result.in_force["hnsw.ef_search"] == "40"
    distances = [row.distance for row in result.rows]
    assert distances == sorted(distances)


def test_the_servers_share_is_a_share_of_what_the_client_saw(
    reading: Connection, near: SearchRequest
) -> None:
    results = [search(reading, near) for _ in range(15)]
    assert sum(result.client_ms > 0 for result in results) > 7


def test_the_settings_asked_for_are_in_force_and_then_gone(reading: Connection, near: SearchRequest) -> None:
    settings = SearchSettings(ef_search=77, probes=3, iterative_scan="strict_order")
    in_force = search(reading, replace(near, settings=settings)).in_force
    assert in_force["hnsw.ef_search"] == "77"
    assert in_force["ivfflat.probes"] == "3"
    assert in_force["hnsw.iterative_scan"] == "strict_order"
    assert in_force["ivfflat.iterative_scan"] == "off"

    search(reading, replace(near, settings=EXACT))
    after = reading.execute(
        text("SELECT current_setting('hnsw.ef_search'), current_setting('enable_indexscan')")
    )
    assert tuple(after.one()) == ("40", "on")
    assert search(reading, near).index == "items_embedding_hnsw"


def test_an_exact_search_overrides_a_server_that_forbids_sequential_scans(
    reading: Connection, near: SearchRequest
) -> None:
    reading.execute(text("SET LOCAL enable_seqscan = off"))
    assert search(reading, replace(near, settings=EXACT)).index is None


def test_no_vector_and_no_long_text_leaves_the_server(reading: Connection, near: SearchRequest) -> None:
    row = search(reading, near).rows[0]
    assert list(row.values) == [
        "id",
        "title",
        "category",
        "price",
        "in_stock",
        "added",
        "attributes",
        "filler",
    ]
    assert len(str(row.values["filler"])) == 200
    assert row.values["id"] == row.key
    assert row.values["attributes"] == f'{{"n": {row.key}}}'
    assert isinstance(row.values["price"], float)
    assert isinstance(row.values["in_stock"], bool)


def test_rows_without_a_distance_are_no_answer(reading: Connection, near: SearchRequest) -> None:
    only_undefined = (parse_filter("id in 1,2,501,502,3"),)
    assert keys(reading, replace(near, settings=EXACT, filters=only_undefined)) == [3]
    by_l2 = replace(near, distance=Distance.L2, settings=EXACT, filters=only_undefined)
    assert set(keys(reading, by_l2)) == {2, 502, 3}


def test_every_filter_must_be_met(reading: Connection, near: SearchRequest) -> None:
    filters = (
        parse_filter("category in red,blue"),
        parse_filter("price<=100"),
        parse_filter("title contains 9"),
    )
    rows = search(reading, replace(near, settings=EXACT, filters=filters)).rows
    assert len(rows) == 10
    assert all(row.values["category"] != "green" and row.key <= 1000 for row in rows)
    assert all("9" in str(row.values["title"]) for row in rows)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("price<=cheap", 'double precision: "cheap"'),
        ("in_stock=perhaps", 'boolean: "perhaps"'),
        ("added>someday", 'date: "someday"'),
        ("id=99999999999999999999", '"99999999999999999999" is out of range'),
        ("colour=red", "no column 'colour'"),
        ("ctid=(0,1)", "no column 'ctid'"),
        ("title=\0", "NUL byte"),
    ],
)
def test_a_filter_that_does_not_fit_is_named(
    world: Database, near: SearchRequest, given: str, message: str
) -> None:
    request = replace(near, filters=(parse_filter(given),))
    with pytest.raises(RequestError, match=message) as refused, world.reading("tests") as connection:
        search(connection, request)
    assert refused.value.remedy


def test_the_row_a_query_comes_from_is_left_out(reading: Connection, items: ColumnInfo) -> None:
    query = query_of_row(reading, items, "7")
    for settings in (EXACT, SearchSettings()):
        result = search(reading, SearchRequest(items, query, Distance.COSINE, settings=settings))
        assert result.returned == 10
        assert 7 not in [row.key for row in result.rows]


@pytest.mark.parametrize("name", ['"Em ""bed%"', "half", "sparse", "bits", "free"])
def test_odd_names_composite_keys_and_every_type(reading: Connection, column: Find, name: str) -> None:
    info = column(f"{ODD}.{name}")
    for distance in distances_for(info.type):
        query = query_of_row(reading, info, json.dumps(["k%8\\'", 8]))
        rows = search(reading, SearchRequest(info, query, distance, k=5)).rows
        assert len(rows) == 5
        assert ("k%8\\'", 8) not in [row.key for row in rows]
        assert set(rows[0].values) >= {"a'b", "B %s", "distance"}
        assert rows[0].values["distance"] == rows[0].key[1] / 2


def test_an_untyped_column_is_searched_among_vectors_of_the_same_length(
    reading: Connection, column: Find
) -> None:
    info = column(f"{ODD}.free")
    odd = search(reading, SearchRequest(info, read_query("[1, 1]", "vector"), Distance.L2, k=50))
    even = search(reading, SearchRequest(info, read_query("[1, 1, 1]", "vector"), Distance.L2, k=50))
    assert {row.key[1] % 2 for row in odd.rows} == {1}
    assert {row.key[1] % 2 for row in even.rows} == {0}


@pytest.mark.parametrize("name", ["keyless.embedding", "parted.embedding", "items_in_stock.embedding"])
def test_a_table_without_a_key_tells_its_rows_apart(reading: Connection, column: Find, name: str) -> None:
    info = column(name)
    vector = f"[{','.join(['1'] * (info.dimensions or 0))}]"
    first = search(reading, SearchRequest(info, read_query(vector, "vector"), default_distance(info), k=5))
    assert len({row.key for row in first.rows}) == 5

    key = first.rows[0].key
    query = query_of_row(reading, info, key if isinstance(key, str) else json.dumps(key))
    others = search(reading, SearchRequest(info, query, default_distance(info), k=5))
    assert key not in [row.key for row in others.rows]
    assert others.returned == 5


def test_a_partitioned_table_and_a_view_are_searched_through_their_indexes(
    reading: Connection, column: Find
) -> None:
    reading.execute(text("SET LOCAL enable_seqscan = off"))
    parted, view = column("parted.embedding"), column("items_in_stock.embedding")
    found = search(reading, SearchRequest(parted, read_query("[3,3]", "vector"), Distance.L2, k=3))
    assert found.index in {"parted_north_embedding_idx", "parted_south_embedding_idx"}
    assert [row.distance for row in found.rows] == pytest.approx([0, 2**0.5, 2**0.5])
    ones = Query("[1,1,1,1,1,1,1,1]", 8, is_zero=False)
    assert search(reading, SearchRequest(view, ones, Distance.COSINE)).index == "items_embedding_hnsw"


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("items.embedding", "9999", "no row 9999 in public.items"),
        ("items.embedding", "1", "Row 1 has no vector: embedding is NULL"),
        (f"{ODD}.half", "k8", 'not a key of We "ird.T %:x; --'),
        (f"{ODD}.half", '["k8"]', "not a key"),
        (f"{ODD}.half", "[" * 3000, "not a key"),
        (f"{ODD}.half", f"[{'9' * 5000}]", "not a key"),
        (f"{ODD}.half", '["k8", 1, 2]', "not a key"),
        (f"{ODD}.half", '["none", 1]', "no row"),
    ],
)
def test_a_row_that_is_not_there_is_named(
    reading: Connection, column: Find, name: str, key: str, message: str
) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        query_of_row(reading, column(name), key)
    assert refused.value.remedy


@pytest.mark.parametrize(("key", "message"), [("seven", 'bigint: "seven"'), ("7\0", "NUL byte")])
def test_a_key_of_another_type_is_named(world: Database, items: ColumnInfo, key: str, message: str) -> None:
    with pytest.raises(RequestError, match=message), world.reading("tests") as connection:
        query_of_row(connection, items, key)


@pytest.mark.parametrize("k", [0, -1, MAX_ROWS + 1, 10**9])
def test_k_is_bounded(near: SearchRequest, k: int) -> None:
    with pytest.raises(RequestError, match=f"k = {k} is outside 1 to 1,000") as refused:
        replace(near, k=k)
    assert refused.value.remedy == "Ask for 1 to 1,000 rows."


def test_a_query_of_another_length_is_refused_before_it_is_sent(near: SearchRequest) -> None:
    with pytest.raises(
        DimensionMismatch, match=r"public\.items\.embedding has 8 dimensions, the query has 3"
    ):
        replace(near, query=read_query("[1,2,3]", "vector"))


def test_a_zero_query_is_refused_under_cosine_alone(near: SearchRequest) -> None:
    zero = read_query("[0,0,0,0,0,0,0,0]", "vector")
    with pytest.raises(RequestError, match="zero length: cosine distance is undefined"):
        replace(near, query=zero)
    assert replace(near, query=zero, distance=Distance.L2)


def test_a_distance_of_another_type_is_refused(near: SearchRequest) -> None:
    with pytest.raises(RequestError, match="Hamming distance is not defined for vector"):
        replace(near, distance=Distance.HAMMING)


@pytest.mark.parametrize(
    "settings",
    [{"ef_search": 0}, {"ef_search": 1001}, {"probes": 0}, {"probes": 32769}, {"iterative_scan": "on"}],
)
def test_settings_are_bounded(settings: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        SearchSettings(**settings)


def test_a_search_writes_nothing_and_needs_no_right_to(database: Database) -> None:
    with database.control("tests") as connection:
        run(connection, "CREATE TABLE t (id int PRIMARY KEY, e vector(2)); INSERT INTO t VALUES (1, '[1,2]')")
    with database.reading("tests") as connection:
        info = find_column(connection, "t.e")
        result = search(connection, SearchRequest(info, read_query("[1,2]", "vector"), Distance.COSINE))
        assert connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on"
        assert connection.execute(text("SELECT pg_current_xact_id_if_assigned()")).scalar_one() is None
    assert result.returned == 1


def test_the_document_of_a_result(reading: Connection, near: SearchRequest) -> None:
    document = json.loads(json.dumps(search(reading, near).to_document()))
    assert (document["returned"], document["asked"]) == (10, 10)
    assert (document["plan_node"], document["index"]) == ("Index Scan", "items_embedding_hnsw")
    assert document["rows"][0]["key"] == document["rows"][0]["id"]
    assert "ORDER BY" in document["sql"]


HANDMADE = """
CREATE TABLE parent (id int PRIMARY KEY, amount numeric, ratio float8, about json, e vector(2));
INSERT INTO parent VALUES (1, 'Infinity', '-Infinity', '{}', '[1,2]'), (2, 0.5, 'NaN', '{}', '[3e38,3e38]');
CREATE TABLE child () INHERITS (parent);
INSERT INTO child VALUES (1, 7, 7, '{}', '[3,4]');
CREATE MATERIALIZED VIEW unfilled AS SELECT id, e FROM parent WITH NO DATA;
"""


@pytest.fixture
def handmade(database: Database) -> Iterator[Connection]:
    """A table with odd numbers and an heir, and a view without rows."""
    with database.control("tests") as connection:
        run(connection, HANDMADE)
    with database.reading("tests") as connection:
        yield connection


def test_numbers_that_json_has_not_become_text(handmade: Connection) -> None:
    info = find_column(handmade, "parent.e")
    result = search(handmade, SearchRequest(info, read_query("[1,2]", "vector"), Distance.L2))
    rows = json.loads(json.dumps(result.to_document(), allow_nan=False))["rows"]
    assert [(row["distance"], row["amount"], row["ratio"]) for row in rows] == [
        (0, "Infinity", "-Infinity"),
        (pytest.approx(8**0.5), 7, 7),
        ("Infinity", 0.5, "NaN"),
    ]


def test_a_key_that_two_tables_hold_names_no_row(handmade: Connection) -> None:
    info = find_column(handmade, "parent.e")
    assert query_of_row(handmade, info, "2").row == ("2",)
    with pytest.raises(RequestError, match=r"Several rows of public\.parent are called 1") as refused:
        query_of_row(handmade, info, "1")
    assert refused.value.remedy


def test_a_column_that_cannot_be_compared_says_what_can_be_asked(handmade: Connection) -> None:
    near = SearchRequest(find_column(handmade, "parent.e"), read_query("[1,2]", "vector"), Distance.L2)
    with pytest.raises(RequestError, match="'about' is json, which has no =") as refused:
        search(handmade, replace(near, filters=(parse_filter("about={}"),)))
    assert "contains" in refused.value.remedy
    assert search(handmade, replace(near, filters=(parse_filter("about contains {"),))).returned == 3


def test_a_view_that_was_never_filled_says_how_to_fill_it(handmade: Connection) -> None:
    with pytest.raises(RequestError, match="unfilled is not populated") as refused:
        find_column(handmade, "unfilled.e")
    assert refused.value.remedy == "Fill it first: REFRESH MATERIALIZED VIEW public.unfilled"
