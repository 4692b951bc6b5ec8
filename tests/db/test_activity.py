"""The operator's view of a live server."""

from contextlib import ExitStack

from db.activity import SETTINGS, connections_left, server_settings, sessions
from db.engine import Database


def test_every_setting_is_known_once_pgvector_is_loaded(database: Database) -> None:
    with database.reading("test", vectors=True) as connection:
        found = server_settings(connection)
    assert [setting.name for setting in found] == list(SETTINGS)
    assert next(s.value for s in found if s.name == "hnsw.ef_search") == "40"


def test_a_server_without_pgvector_shows_the_rest(empty_database: Database) -> None:
    with empty_database.reading("test") as connection:
        names = [setting.name for setting in server_settings(connection)]
    assert "shared_buffers" in names
    assert not any(name.startswith("hnsw.") for name in names)


def test_sessions_are_counted_by_what_they_are_for_and_leave_out_the_one_that_asks(
    database: Database,
) -> None:
    with database.control("someone") as _, database.reading("test") as connection:
        found = {session.program: session for session in sessions(connection)}
    assert found["vectorscope:someone"].sessions == 1
    assert "vectorscope:test" not in found


def test_every_session_leaves_one_connection_less(database: Database) -> None:
    left = []
    for others in (0, 2):
        with ExitStack() as held:
            for _ in range(others):
                held.enter_context(database.control("someone"))
            with database.reading("test") as connection:
                left.append(connections_left(connection))
    assert 0 < left[1] <= left[0] - 1, "one of the two may have been open already"


def test_a_login_that_may_not_look_into_others_sessions_counts_them_all_the_same(database: Database) -> None:
    with database.control("someone"), database.control("tests") as connection:
        connection.exec_driver_sql("BEGIN")
        known = connections_left(connection)
        connection.exec_driver_sql("CREATE ROLE sees_nobody")
        connection.exec_driver_sql("SET LOCAL ROLE sees_nobody")
        assert connections_left(connection) <= known, "the sessions are those of the transaction's first look"
        connection.exec_driver_sql("ROLLBACK")
