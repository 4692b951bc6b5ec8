"""Rows that are missing have a cause, told with what would bring them."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from db import underfill
from db.catalog import ColumnInfo, find_column
from db.distance import Distance
from db.engine import Database
from db.filters import parse_filter
from db.nearest import SearchRequest, SearchSettings
from db.search import query_of_row, search
from db.underfill import Cause, Underfill, diagnose_underfill
from db.vectors import read_query
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

FAR = (parse_filter("category=far"),)
EXACT = SearchSettings(exact=True)


@pytest.fixture
def near(items: ColumnInfo) -> SearchRequest:
    """A question whose nearest rows are all of the categories that are not far."""
    return SearchRequest(items, read_query("[-1,2,3,4,5,6,7,8]", "vector"), Distance.COSINE)


def diagnose(connection: Connection, request: SearchRequest) -> Underfill:
    found = diagnose_underfill(connection, search(connection, request))
    assert found is not None
    return found


def settings_of(found: Underfill) -> dict[str, SearchSettings]:
    return {remedy.label: remedy.settings for remedy in found.remedies}


def test_a_full_answer_has_no_cause(reading: Connection, near: SearchRequest) -> None:
    assert diagnose_underfill(reading, search(reading, near)) is None


def test_a_filter_that_runs_after_the_index(reading: Connection, near: SearchRequest) -> None:
    found = diagnose(reading, replace(near, filters=FAR))
    assert found.cause is Cause.FILTERED_AFTER
    assert re.search(r"handed over (\d+) candidates and \1 of them failed the filter", found.sentence)
    assert settings_of(found) == {
        "Iterative scan": SearchSettings(iterative_scan="relaxed_order"),
        "ef_search 400": SearchSettings(ef_search=400),
        "Exact": EXACT,
    }


def test_ef_search_below_k(reading: Connection, near: SearchRequest) -> None:
    settings = SearchSettings(ef_search=15)
    found = diagnose(reading, replace(near, k=100, settings=settings))
    assert found.cause is Cause.EF_SEARCH
    assert found.sentence.startswith("hnsw.ef_search is 15:")
    assert settings_of(found)["ef_search 200"] == SearchSettings(ef_search=200)


def test_too_few_probes(reading: Connection, column: Find) -> None:
    lists = column("lists.embedding")
    query = query_of_row(reading, lists, "3500")
    found = diagnose(reading, SearchRequest(lists, query, Distance.L2, k=800))
    assert found.cause is Cause.PROBES
    assert found.sentence.startswith("ivfflat.probes is 1: the lists read hold")
    assert settings_of(found)["probes 50"] == SearchSettings(probes=50)


@pytest.mark.parametrize("label", ["Iterative scan", "ef_search 1000", "Exact"])
def test_remedies_bring_more_rows(reading: Connection, near: SearchRequest, label: str) -> None:
    request = replace(near, k=60)
    reading.execute(text("SET LOCAL enable_seqscan = off"))
    short = search(reading, replace(request, settings=SearchSettings(ef_search=20)))
    found = diagnose_underfill(reading, short)
    assert found is not None
    remedy = settings_of(found).get(label, SearchSettings(ef_search=1000))
    assert search(reading, replace(request, settings=remedy)).returned > short.returned


def test_the_iterative_scan_is_not_advised_twice(reading: Connection, near: SearchRequest) -> None:
    reading.execute(text("SET LOCAL hnsw.max_scan_tuples = 1"))
    settings = SearchSettings(iterative_scan="strict_order")
    found = diagnose(reading, replace(near, filters=FAR, settings=settings))
    assert found.cause is Cause.FILTERED_AFTER
    assert "Iterative scan" not in settings_of(found)


def test_deleted_rows_use_up_an_index(database: Database) -> None:
    with database.control("tests") as connection:
        run(
            connection,
            """
            CREATE TABLE t (id int PRIMARY KEY, filler text, e vector(2)) WITH (autovacuum_enabled = false);
            INSERT INTO t SELECT i, repeat('x', 500), ARRAY[i, 1]::vector FROM generate_series(1, 2000) AS i;
            CREATE INDEX ON t USING hnsw (e vector_l2_ops); ANALYZE t;
            DELETE FROM t WHERE id <= 100;
            """,
        )
    with database.reading("tests") as connection:
        info = find_column(connection, "t.e")
        found = diagnose(connection, SearchRequest(info, read_query("[1,1]", "vector"), Distance.L2))
    assert found.cause is Cause.INDEX
    assert "deleted" in found.sentence


def test_a_filter_that_leaves_too_few(reading: Connection, near: SearchRequest) -> None:
    found = diagnose(reading, replace(near, filters=(parse_filter("id in 3,4,5"),)))
    assert found == Underfill(Cause.FILTER, "The filter leaves only 3 rows.")
    found = diagnose(reading, replace(near, filters=(parse_filter("id=0"),)))
    assert found.sentence == "The filter leaves no rows."
    found = diagnose(reading, replace(near, filters=(parse_filter("id in 1,2,3"),)))
    assert found.sentence == (
        "The filter leaves only 3 rows, of which 1 can be ranked: the other vectors are NULL, "
        "zero or too large to compute with."
    )


def test_a_table_that_holds_fewer(reading: Connection, column: Find) -> None:
    keyless = column("keyless.embedding")
    query = query_of_row(reading, keyless, "(0,1)")
    found = diagnose(reading, SearchRequest(keyless, query, Distance.L2, k=100))
    assert found == Underfill(Cause.TABLE, "public.keyless holds only 29 rows besides the query's own.")


def test_rows_without_a_distance(reading: Connection, near: SearchRequest) -> None:
    undefined = (parse_filter("id in 1,2,501,502,1001,1002,1501,1502,2001,2002,7"),)
    found = diagnose(reading, replace(near, filters=undefined, settings=EXACT))
    assert found == Underfill(
        Cause.UNDEFINED,
        "Only 1 row can be ranked: the other vectors are NULL, zero or too large to compute with.",
    )


def test_vectors_of_other_dimensions(reading: Connection, column: Find) -> None:
    free = column('"We ""ird"."T %:x; --".free')
    found = diagnose(reading, SearchRequest(free, read_query("[1,1]", "vector"), Distance.L2, k=30))
    assert found == Underfill(Cause.FILTER, "With 2 dimensions the column holds only 20 rows.")


def test_counts_that_take_too_long_are_done_without(
    reading: Connection, column: Find, near: SearchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(underfill, "COUNT_TIMEOUT_MS", 100)
    reading.execute(text("SET LOCAL enable_seqscan = off"))
    slow = replace(near, column=column("items_slow.embedding"), filters=FAR)
    found = diagnose(reading, slow)
    assert found.cause is Cause.FILTERED_AFTER
    assert reading.execute(text("SHOW statement_timeout")).scalar_one() == "15s"


def test_vectors_too_large_for_a_distance_are_not_called_null_or_zero(database: Database) -> None:
    with database.control("tests") as connection:
        run(connection, "CREATE TABLE t (e vector(2)); INSERT INTO t VALUES ('[3e38,3e38]'), ('[1,2]')")
    with database.reading("tests") as connection:
        info = find_column(connection, "t.e")
        found = diagnose(connection, SearchRequest(info, read_query("[1,1]", "vector"), Distance.COSINE))
    assert found.sentence.endswith("the other vectors are NULL, zero or too large to compute with.")


@pytest.mark.parametrize("distance", [Distance.COSINE, Distance.INNER_PRODUCT])
def test_a_query_too_large_to_compute_with_is_blamed_itself(database: Database, distance: Distance) -> None:
    with database.control("tests") as connection:
        run(
            connection,
            "CREATE TABLE large (id int PRIMARY KEY, e vector(3)); INSERT INTO large VALUES "
            "(1, '[3.4e38,3.4e38,3.4e38]'), (2, '[3.4e38,-3.4e38,3.4e38]'), (3, '[1,2,3]')",
        )
    with database.reading("tests") as connection:
        large = find_column(connection, "large.e")
        found = diagnose(connection, SearchRequest(large, query_of_row(connection, large, "1"), distance))
    assert found.cause is Cause.QUERY
    assert "The query itself is too large to compute with" in found.sentence
