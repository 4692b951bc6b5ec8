"""The door for pasted SQL: what goes through it is explained, and can do no harm."""

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from db.errors import RequestError
from db.pasted import explain_pasted

NEAREST = "SELECT id FROM items ORDER BY embedding <=> '[1,2,3,4,5,6,7,8]' LIMIT 5"


def test_percent_signs_colons_and_comments_arrive_as_they_are(reading: Connection) -> None:
    plan = explain_pasted(reading, "SELECT '%s :x %(y)s', id % 2 FROM items WHERE title LIKE 'a%' -- 50%")
    assert "a%" in (plan.scan.filter or "")


def test_a_backslash_in_a_string_is_read_as_the_parser_read_it(reading: Connection) -> None:
    reading.execute(text("SET LOCAL standard_conforming_strings = off"))
    plan = explain_pasted(reading, r"SELECT id FROM items WHERE title = '\'")
    assert plan.scan.relation == "items"


def test_settings_end_with_the_question(reading: Connection) -> None:
    explain_pasted(reading, NEAREST, {"hnsw.ef_search": "77"})
    assert reading.execute(text("SELECT current_setting('hnsw.ef_search')")).scalar_one() == "40"


def test_only_analyze_runs_it(reading: Connection) -> None:
    assert explain_pasted(reading, NEAREST).execution_ms is None
    assert explain_pasted(reading, NEAREST, analyze=True).root.rows_actual == 5


def test_a_generic_plan_leaves_the_parameters_open(reading: Connection) -> None:
    plan = explain_pasted(reading, "SELECT id FROM items WHERE id = $1", generic=True)
    assert "$1" in str(plan.document)


def test_nothing_can_be_written(reading: Connection) -> None:
    with pytest.raises(DBAPIError, match="read-only transaction"):
        explain_pasted(reading, "DELETE FROM items", analyze=True)


def test_operands_of_unknown_types_are_told_and_the_transaction_lives_on(reading: Connection) -> None:
    with pytest.raises(RequestError, match=r"operator does not exist: vector <=> real\[\]"):
        explain_pasted(reading, "SELECT id FROM items ORDER BY embedding <=> ARRAY[1]::real[]")
    assert reading.execute(text("SELECT 1")).scalar_one() == 1
