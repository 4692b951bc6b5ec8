"""Decisions as they are kept: the newest dismissal stands, an ended one stays, and who may read them."""

import pytest
from sqlalchemy import Connection, text

from db import decisions
from db.columns import VectorColumn
from db.decisions import DISMISSED, LONGEST_REASON, Decision
from db.engine import Database
from db.errors import RequestError
from db.migrate import downgrade, upgrade

ITEMS = VectorColumn("public", "items", 'Em "b"', "vector", 3, ("id",))
OTHER = VectorColumn("public", "other", "embedding", "vector", 3, ("id",))
EVIDENCE = {"title": "T", "severity": "slow", "budget_ms": 50.0, "said": []}


def keep(
    database: Database,
    decided: str = DISMISSED,
    *,
    reason: str | None = "for a test",
    column: VectorColumn = ITEMS,
    by: str = "ada",
) -> int:
    with database.writing("tests") as connection, connection.begin():
        return decisions.keep_decision(
            connection, column, "unused", decided, evidence=EVIDENCE, created_by=by, reason=reason
        )


def made(database: Database, column: VectorColumn | None = None) -> tuple[Decision, ...]:
    with database.reading("tests") as connection:
        return decisions.decisions(connection, column)


def test_a_decision_is_read_back_as_it_was_made(database: Database) -> None:
    number = keep(database, reason="  searched once a night ")
    keep(database, "verified", reason=None, column=OTHER)
    [one] = made(database, ITEMS)
    assert (one.id, one.subject, one.rule) == (number, 'public.items."Em ""b"""', "unused")
    assert (one.decided, one.reason, one.created_by) == (DISMISSED, "searched once a night", "ada")
    assert one.evidence == EVIDENCE
    assert one.lifted_at is None
    assert [each.decided for each in made(database)] == ["verified", DISMISSED]


def test_a_second_dismissal_takes_the_place_of_the_first_which_stays(database: Database) -> None:
    first, second = keep(database), keep(database, by="bob")
    with database.reading("tests") as connection:
        assert [one.id for one in decisions.standing(connection)] == [second]
    lifted = {one.id: one.lifted_by for one in made(database)}
    assert lifted == {first: "bob", second: None}


def test_a_dismissal_is_lifted_once(database: Database) -> None:
    number = keep(database)
    with database.writing("tests") as connection, connection.begin():
        assert decisions.lift(connection, number, lifted_by="bob")
        assert not decisions.lift(connection, number, lifted_by="eve")
        assert decisions.standing(connection) == ()
    [one] = made(database)
    assert (one.lifted_by, one.lifted_at is None) == ("bob", False)


@pytest.mark.parametrize("reason", [None, "", "  \n", "x" * (LONGEST_REASON + 1), "a\0b"])
def test_a_dismissal_without_a_reason_that_can_be_kept_is_refused(
    database: Database, reason: str | None
) -> None:
    with pytest.raises(RequestError):
        keep(database, reason=reason)
    assert made(database) == ()


def test_a_database_of_an_earlier_release_keeps_none(database: Database) -> None:
    downgrade(database, "0008")
    with database.writing("tests") as connection:
        assert not decisions.are_kept(connection)
        assert not decisions.may_keep(connection)
    upgrade(database)
    with database.writing("tests") as connection:
        assert decisions.are_kept(connection)
        assert decisions.may_keep(connection)
    with database.reading("tests") as connection:
        assert not decisions.may_keep(connection), "a read-only transaction"


def test_a_login_that_may_read_alone_reads_decisions_and_keeps_none(
    database: Database, maintenance: Connection
) -> None:
    maintenance.execute(text("CREATE ROLE decides_not LOGIN"))
    url = database.url.set(username="decides_not").render_as_string(hide_password=False)
    stranger = Database(url)
    try:
        with stranger.writing("tests") as connection:
            assert not decisions.are_kept(connection)
        with database.control("tests") as connection:
            connection.execute(text("GRANT USAGE ON SCHEMA vectorscope TO decides_not"))
            connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA vectorscope TO decides_not"))
        with stranger.writing("tests") as connection:
            assert decisions.are_kept(connection)
            assert not decisions.may_keep(connection)
    finally:
        stranger.dispose()
        with database.control("tests") as connection:
            connection.execute(text("DROP OWNED BY decides_not"))
        maintenance.execute(text("DROP ROLE decides_not"))
