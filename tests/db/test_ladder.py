"""A ladder tries settings on one query and says what each found."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Connection, text

from db.catalog import ColumnInfo
from db.distance import Distance
from db.filters import parse_filter
from db.ladder import Rung, ladder
from db.nearest import SearchRequest, SearchSettings
from db.search import query_of_row, search
from db.vectors import read_query

Find = Callable[[str], ColumnInfo]


def climb(connection: Connection, request: SearchRequest, budget_s: float = 2.0) -> tuple[Rung, ...]:
    exact = search(connection, replace(request, settings=SearchSettings(exact=True)))
    return ladder(connection, exact, search(connection, request), budget_s)


@pytest.fixture
def near(items: ColumnInfo) -> SearchRequest:
    return SearchRequest(items, read_query("[-1,2,3,4,5,6,7,8]", "vector"), Distance.COSINE)


def test_ef_search_is_climbed_up_to_exact(reading: Connection, near: SearchRequest) -> None:
    rungs = climb(reading, replace(near, settings=SearchSettings(ef_search=10)))
    assert [rung.label for rung in rungs] == [
        "ef_search 10",
        "ef_search 40",
        "ef_search 80",
        "ef_search 160",
        "ef_search 320",
        "exact",
    ]
    assert [rung.is_current for rung in rungs] == [True, False, False, False, False, False]
    assert rungs[-1].comparison.recall == 1
    assert all(rung.result.server_ms > 0 for rung in rungs)


def test_a_filter_adds_the_iterative_scan(reading: Connection, near: SearchRequest) -> None:
    reading.execute(text("SET LOCAL enable_seqscan = off"))
    rungs = {
        rung.label: rung for rung in climb(reading, replace(near, filters=(parse_filter("category=far"),)))
    }
    assert rungs["ef_search 40"].result.returned == 0
    assert rungs["ef_search 40, relaxed order"].result.returned == 10
    assert rungs["ef_search 40"].comparison.recall == 0
    assert rungs["ef_search 40, relaxed order"].comparison.recall


def test_probes_are_climbed_on_lists(reading: Connection, column: Find) -> None:
    lists = column("lists.embedding")
    request = SearchRequest(lists, query_of_row(reading, lists, "7"), Distance.L2)
    rungs = climb(reading, request)
    assert [rung.label for rung in rungs] == ["probes 1", "probes 4", "probes 10", "exact"]
    recalls = [rung.comparison.recall or 0 for rung in rungs]
    assert recalls == sorted(recalls)


def test_without_an_index_there_is_nothing_to_climb(reading: Connection, near: SearchRequest) -> None:
    assert climb(reading, replace(near, distance=Distance.L2)) == ()


def test_the_budget_ends_it(reading: Connection, near: SearchRequest) -> None:
    rungs = climb(reading, near, budget_s=0)
    assert [rung.label for rung in rungs] == ["ef_search 40", "exact"]
