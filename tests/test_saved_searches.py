"""Searches that are saved: by name and owner, as they were put, and what they searched for."""

from dataclasses import replace

import pytest

from dashboard.identity import LOCAL, Principal, Role
from dashboard.question import Question, answer
from dashboard.saved_searches import forget, from_document, save, to_document
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.catalog import ColumnInfo, find_column
from db.distance import Distance
from db.engine import Database
from db.errors import NotPermitted, RequestError
from db.filters import parse_filter
from db.nearest import SearchSettings
from db.progress import Unrecorded
from db.saved_searches import SavedSearch, saved_searches
from db.vectors import Query

ANNA, BERT = Principal("anna", Role.ANALYST), Principal("bert", Role.ANALYST)
QUERY = Query("[1,2]", 2, is_zero=False)
QUESTION = Question(
    "Row id",
    "42",
    Distance.L2,
    7,
    SearchSettings(ef_search=80, iterative_scan="relaxed_order"),
    (parse_filter("price<=150"), parse_filter('"Odd ""name""" in a,b')),
)


@pytest.fixture
def column(database: Database) -> ColumnInfo:
    populate(
        database, PopulateRequest(source="clusters", table="items", rows=300, dims=2), Unrecorded(), job_id=0
    )
    with database.reading("test") as connection:
        return find_column(connection, "public.items.embedding")


def listed(database: Database, column: ColumnInfo) -> tuple[SavedSearch, ...]:
    with database.reading("test") as connection:
        return saved_searches(connection, column)


def test_a_question_comes_back_as_it_was_put() -> None:
    assert from_document(to_document(QUESTION)) == QUESTION


def test_a_saved_search_is_listed_with_its_owner_newest_first(database: Database, column: ColumnInfo) -> None:
    save(database, ANNA, column, "near  42", question=QUESTION, query=QUERY)
    save(database, BERT, column, "near 42", question=replace(QUESTION, k=3), query=QUERY)
    assert [(s.name, s.created_by, from_document(s.question).k) for s in listed(database, column)] == [
        ("near 42", "bert", 3),
        ("near 42", "anna", 7),
    ]


def test_the_same_name_again_replaces_ones_own(database: Database, column: ColumnInfo) -> None:
    first = save(database, ANNA, column, "mine", question=QUESTION, query=QUERY)
    again = save(database, ANNA, column, "mine", question=replace(QUESTION, given="43"), query=QUERY)
    [kept] = listed(database, column)
    assert first == again == kept.id
    assert kept.question["given"] == "43"


@pytest.mark.parametrize("name", ["", "  ", "x" * 121])
def test_a_name_that_is_none_is_refused(database: Database, column: ColumnInfo, name: str) -> None:
    with pytest.raises(RequestError, match="A search cannot be called"):
        save(database, ANNA, column, name, question=QUESTION, query=QUERY)


def test_a_viewer_saves_nothing(database: Database, column: ColumnInfo) -> None:
    with pytest.raises(NotPermitted):
        save(database, Principal("eve", Role.VIEWER), column, "x", question=QUESTION, query=QUERY)


def test_only_its_owner_or_an_administrator_forgets_a_search(database: Database, column: ColumnInfo) -> None:
    save(database, ANNA, column, "hers", question=QUESTION, query=QUERY)
    [search] = listed(database, column)
    with pytest.raises(NotPermitted, match="is anna's"):
        forget(database, BERT, search)
    forget(database, LOCAL, search)
    assert listed(database, column) == ()


def test_an_answers_query_is_what_is_saved(database: Database, column: ColumnInfo) -> None:
    asked = Question("Row id", "5", Distance.L2, 3, SearchSettings(), ())
    query = answer(database, column, asked).exact.request.query
    save(database, ANNA, column, "five", question=asked, query=query)
    with database.reading("test") as connection:
        found = connection.exec_driver_sql(
            "SELECT s.of_row, s.vector::vector = i.embedding FROM vectorscope.saved_search s, items i "
            "WHERE i.id = 5"
        ).one()
    assert tuple(found) == (True, True)
