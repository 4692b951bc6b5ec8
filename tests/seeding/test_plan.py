"""What a request would do to a table, decided before anything is written."""

from typing import Any

import pytest
from sqlalchemy import text

from dashboard.seeding.load import populate
from dashboard.seeding.plan import Action, check
from dashboard.seeding.request import PopulateRequest
from db.engine import Database
from db.errors import RequestError
from db.progress import Unrecorded

SAME = "CREATE TABLE items (id bigint PRIMARY KEY, embedding vector(8))"
OTHER = "CREATE TABLE items (id int, note text)"
A_ROW = "INSERT INTO items (id) VALUES (1)"


def items(**more: Any) -> PopulateRequest:
    usual: dict[str, Any] = {"source": "uniform", "table": "items", "rows": 10, "dims": 8}
    return PopulateRequest(**usual | more)


def action(database: Database, *statements: str, **more: Any) -> Action:
    with database.control("tests") as connection:
        for statement in statements:
            connection.execute(text(statement))
    return check(database, items(**more)).action


@pytest.mark.parametrize(
    ("statements", "replace", "expected"),
    [
        pytest.param([], False, Action.CREATE, id="no table"),
        pytest.param([], True, Action.CREATE, id="no table to replace"),
        pytest.param([SAME], False, Action.BORROW, id="empty, same columns"),
        pytest.param([SAME], True, Action.BORROW, id="empty, same columns, nothing to replace"),
        pytest.param([OTHER], True, Action.REPLACE, id="empty, other columns, to be replaced"),
    ],
)
def test_what_would_be_done(
    database: Database, statements: list[str], replace: bool, expected: Action
) -> None:
    assert action(database, *statements, replace=replace) is expected


@pytest.mark.parametrize(
    ("statements", "more", "sentence"),
    [
        pytest.param(
            [OTHER],
            {},
            r'public.items exists with other columns: it lacks "id" bigint, "embedding" vector\(8\) '
            'and it has "id" integer, "note" text',
            id="empty, other columns",
        ),
        pytest.param([OTHER, A_ROW], {"replace": True}, "did not make", id="theirs"),
        pytest.param([SAME, A_ROW], {}, "already holds other rows", id="same columns, other rows"),
        pytest.param(["CREATE VIEW items AS SELECT 1"], {"replace": True}, "is not a table", id="a view"),
        pytest.param([], {"schema": "gone"}, "There is no schema 'gone'", id="no schema"),
        pytest.param([], {"schema": "vectorscope"}, "is not for data", id="our schema"),
        pytest.param([], {"schema": "pg_catalog"}, "is not for data", id="PostgreSQL's schema"),
        pytest.param([], {"schema": "information_schema"}, "is not for data", id="the standard's schema"),
        pytest.param([], {"table": "caf\udce9"}, r"'caf\\udce9' is not UTF-8", id="table not UTF-8"),
        pytest.param([], {"table": " "}, "is not a name", id="blank name"),
        pytest.param([], {"table": "é" * 32}, "is not a name", id="name over 63 bytes"),
        pytest.param([], {"rows": 0}, "0 rows cannot be loaded", id="no rows"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_way_out(
    database: Database, statements: list[str], more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RequestError, match=sentence) as refused:
        action(database, *statements, **more)
    assert refused.value.remedy
    assert "--table" not in refused.value.remedy  # it is also read on the page


def test_rows_of_this_very_recipe_are_kept_unless_asked_to_be_replaced(database: Database) -> None:
    populate(database, items(), Unrecorded())
    assert action(database) is Action.KEEP
    assert action(database, replace=True) is Action.REPLACE
    for other in ({"seed": 1}, {"rows": 11}):
        with pytest.raises(RequestError, match="already holds other rows"):
            action(database, **other)


def test_rows_deleted_since_are_loaded_again(database: Database) -> None:
    populate(database, items(), Unrecorded())
    assert action(database, "DELETE FROM items") is Action.FILL


def test_a_table_that_was_only_filled_is_never_dropped(database: Database) -> None:
    assert action(database, SAME) is Action.BORROW
    populate(database, items(), Unrecorded())
    assert action(database) is Action.KEEP
    with pytest.raises(RequestError, match="did not make"):
        check(database, items(seed=2, replace=True))
