"""The operator's view of a live server."""

from db.activity import SETTINGS, server_settings, sessions
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
