"""Inspections as they are kept."""

import pytest

from db import inspections, retention
from db.columns import VectorColumn
from db.engine import Database
from db.schema import inspection, projection

COLUMN = VectorColumn("public", "things", "Em bed", "vector", 3, ("id",))
OTHER = VectorColumn("public", "things", "other", "vector", 3, ("id",))


def keep(database: Database, column: VectorColumn, kind: str, grade: str) -> int:
    with database.writing("tests") as connection, connection.begin():
        return inspections.store(
            connection,
            column,
            kind,
            params={"rows": 7},
            result={"summary": {"grade": grade}, "much": "more"},
            created_by="ada",
            job_id=None,
        )


def test_the_newest_of_a_kind_and_column_is_read_back_whole(database: Database) -> None:
    numbers = [keep(database, COLUMN, "inspect", grade) for grade in "CB"]
    keep(database, COLUMN, "findability", "X")
    keep(database, OTHER, "inspect", "Y")
    with database.reading("tests") as connection:
        newest = inspections.latest(connection, COLUMN, "inspect")
    assert newest is not None
    assert (newest.id, newest.kind, newest.created_by, newest.job_id) == (numbers[1], "inspect", "ada", None)
    assert newest.result == {"summary": {"grade": "B"}, "much": "more"}
    assert newest.params == {"rows": 7}


def test_the_history_holds_the_last_summaries_oldest_first(database: Database) -> None:
    for grade in "EDCB":
        keep(database, COLUMN, "inspect", grade)
    with database.reading("tests") as connection:
        earlier = inspections.history(connection, COLUMN, "inspect", limit=3)
    assert [look.summary["grade"] for look in earlier] == ["D", "C", "B"]


def test_a_column_nobody_looked_at_has_none(database: Database) -> None:
    with database.reading("tests") as connection:
        assert inspections.latest(connection, OTHER, "inspect") is None
        assert inspections.history(connection, OTHER, "inspect") == ()


def test_beyond_the_newest_looks_of_a_column_the_old_ones_go(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "KEPT", {inspection: 2, projection: 1})
    for grade in "DCB":
        keep(database, COLUMN, "inspect", grade)
    keep(database, COLUMN, "findability", "X")
    keep(database, OTHER, "inspect", "Y")
    with database.writing("tests") as connection, connection.begin():
        assert retention.drop_old(connection) == 1
        assert retention.drop_old(connection) == 0
    with database.reading("tests") as connection:
        left = inspections.history(connection, COLUMN, "inspect")
        assert [look.summary["grade"] for look in left] == ["C", "B"]
        assert len(inspections.history(connection, COLUMN, "findability")) == 1
