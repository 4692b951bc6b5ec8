"""Connections keep their promises, and what goes wrong is told without a secret."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import Database, driver_cursor, parse_url
from db.errors import (
    Cancelled,
    ConnectionFailed,
    DashboardError,
    DatabaseError,
    ExtensionMissing,
    LockTimeout,
    NotMigrated,
    PermissionDenied,
    ReadOnlyServer,
    RequestError,
    StatementTimeout,
    TableNotFound,
)
from db.translation import translate

SECRET = "s3cret-pa55"


@pytest.fixture
def one_second(database: Database) -> Iterator[Database]:
    """The same database, for questions of at most a second."""
    brief = Database(database.url.render_as_string(hide_password=False), read_timeout_s=1)
    yield brief
    brief.dispose()


def ask(database: Database, *statements: str) -> None:
    """Send statements over a reading connection."""
    with database.reading("tests") as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://u@h/db", "postgresql+psycopg2://u@h/db"),
        ("postgresql://u:p@h:5433/db", "postgresql+psycopg2://u:p@h:5433/db"),
        (" postgresql+psycopg2://h/db\n", "postgresql+psycopg2://h/db"),
        ("postgresql://u@h/db?password=p", "postgresql+psycopg2://u:p@h/db"),
        ("postgresql://u:a%40b@h/db", "postgresql+psycopg2://u:a%40b@h/db"),
        ("postgresql://u@/db?host=/run/a@b", "postgresql+psycopg2://u@/db?host=%2Frun%2Fa%40b"),
    ],
)
def test_a_url_is_read(given: str, expected: str) -> None:
    assert parse_url(given).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (f"postgresql://u:{SECRET}@h:abc/db", "the port must be a number"),
        (f"postgresql://u:{SECRET}@x@h/db", "more than one @"),
        (f"mysql://u:{SECRET}@h/db", "not a postgresql:// address"),
        ("/var/lib/data.db", "not a postgresql:// address"),
        ("", "not a postgresql:// address"),
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(given: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        Database(given)
    assert refused.value.remedy
    assert SECRET not in str(refused.value) + refused.value.remedy


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"postgresql://u:{SECRET}@127.0.0.1:1/db", "127.0.0.1"),
        (f"postgresql://u@127.0.0.1:1/db?password={SECRET}", "127.0.0.1"),
        (f"postgresql://u:{SECRET}@nowhere.invalid/db", "nowhere.invalid"),
        (f"postgresql://u:{SECRET}@127.0.0.1:99999/db", "99999"),
        (f"postgresql://u:{SECRET}@127.0.0.1:1/db?sslmode=bogus", 'invalid sslmode value: "bogus"'),
        (f"postgresql://u@127.0.0.1:1/db?sslpassword={SECRET}", "127.0.0.1"),
        (f"postgresql://u:{SECRET}@127.0.0.1:1/db?colour=red", "colour"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named_without_the_password(url: str, message: str) -> None:
    database = Database(url)
    with pytest.raises(ConnectionFailed, match=message) as failed, database.reading("tests"):
        pass
    assert "DATABASE_URL" in failed.value.remedy
    assert SECRET not in f"{failed.value} {failed.value.remedy} {database.label}"


def test_a_database_that_is_not_there_is_named(database: Database) -> None:
    url = database.url.set(database="nothing here").render_as_string(hide_password=False)
    with pytest.raises(ConnectionFailed, match='database "nothing here" does not exist') as failed:
        ask(Database(url))
    assert failed.value.remedy == "Create the database, or correct DATABASE_URL."


def test_reading_refuses_to_write(database: Database) -> None:
    for statement in ("CREATE TABLE t (id int)", "DELETE FROM vectorscope.job", "VACUUM"):
        with pytest.raises(DatabaseError) as refused, database.reading("tests") as connection:
            connection.execute(text(statement))
        assert isinstance(refused.value, ReadOnlyServer) or "transaction block" in str(refused.value)


def test_reading_ends_after_its_timeout(one_second: Database) -> None:
    started = time.monotonic()
    with pytest.raises(StatementTimeout) as ended, one_second.reading("tests") as connection:
        connection.execute(text("SELECT pg_sleep(20)"))
    assert time.monotonic() - started < 10
    assert "job" in ended.value.remedy


def test_settings_end_with_the_transaction(database: Database) -> None:
    with database.reading("first", vectors=True) as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        connection.execute(text("SELECT set_config('hnsw.ef_search', '77', true)"))
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "15s"
        assert connection.execute(text("SHOW application_name")).scalar_one() == "vectorscope:first"
    with database.reading("second") as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == backend
        assert connection.execute(text("SHOW hnsw.ef_search")).scalar_one() == "40"
        assert connection.execute(text("SHOW application_name")).scalar_one() == "vectorscope:second"


def test_every_connection_says_who_it_is(database: Database) -> None:
    tagged = database.tagged(" #12")
    for lend in (tagged.reading, tagged.writing, tagged.control):
        with lend("p" * 100) as connection:
            name = connection.execute(text("SHOW application_name")).scalar_one()
        assert name.startswith("vectorscope:ppp")
        assert name.endswith(" #12")
        assert len(name) == 63
    tagged.dispose()


def test_writing_waits_for_a_job_but_not_for_a_lock(database: Database) -> None:
    with database.writing("tests") as connection, connection.begin():
        shown = {
            name: connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("statement_timeout", "lock_timeout", "client_connection_check_interval")
        }
    assert shown == {
        "statement_timeout": "0",
        "lock_timeout": "3s",
        "client_connection_check_interval": "1s",
    }


def test_a_lock_that_another_session_holds_is_told(database: Database) -> None:
    with database.control("tests") as control:
        control.execute(text("CREATE TABLE t (id int)"))
    with database.writing("holder") as holder, holder.begin():
        holder.execute(text("LOCK TABLE t"))
        with pytest.raises(LockTimeout):
            ask(database, "SET LOCAL lock_timeout = '50ms'", "SELECT * FROM t")


def test_control_commits_at_once(database: Database) -> None:
    with database.control("tests") as connection:
        connection.execute(text("CREATE TABLE t (id int)"))
        with database.reading("tests") as other:
            assert other.execute(text("SELECT count(*) FROM t")).scalar_one() == 0


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("SELECT * FROM missing", TableNotFound, 'relation "missing" does not exist'),
        ("SELECT * FROM vectorscope.missing", NotMigrated, "Vectorscope's own tables"),
        ("SELECT '[1,x]'::vector", RequestError, "invalid input syntax for type vector"),
        ("SELECT 1 / 0", RequestError, "division by zero"),
        ("SELECT no_such_function()", DatabaseError, "no_such_function"),
        ("SELECT pg_cancel_backend(pg_backend_pid())", Cancelled, "canceling statement due to user request"),
    ],
)
def test_what_the_server_refuses_becomes_a_sentence(
    database: Database, statement: str, kind: type[DashboardError], message: str
) -> None:
    with pytest.raises(kind, match=message) as refused, database.reading("tests") as connection:
        connection.execute(text(statement))
    assert type(refused.value) is kind
    assert isinstance(refused.value.__cause__, DBAPIError)


def test_a_database_without_the_extension_is_told(empty_database: Database) -> None:
    with pytest.raises(ExtensionMissing, match="no pgvector"), empty_database.reading("tests", vectors=True):
        pass


def test_a_missing_privilege_is_told(database: Database) -> None:
    with database.control("tests") as connection:
        connection.execute(text("CREATE ROLE nobody_special"))
    with pytest.raises(PermissionDenied) as refused:
        ask(database, "SET LOCAL ROLE nobody_special", "SELECT * FROM pg_authid")
    assert "GRANT" in refused.value.remedy
    with database.control("tests") as connection:
        connection.execute(text("DROP ROLE nobody_special"))


def test_text_with_a_nul_byte_is_told(database: Database) -> None:
    with pytest.raises(RequestError, match="NUL byte"), database.reading("tests") as connection:
        connection.execute(text("SELECT :given"), {"given": "a\0b"})


def test_the_values_of_a_row_do_not_show_in_an_error(database: Database) -> None:
    with database.control("tests") as connection:
        connection.execute(text("CREATE TABLE t (id text PRIMARY KEY)"))
        connection.execute(text("INSERT INTO t VALUES (:id)"), {"id": SECRET})
    with pytest.raises(RequestError) as refused, database.control("tests") as connection:
        connection.execute(text("INSERT INTO t VALUES (:id)"), {"id": SECRET})
    assert "duplicate key" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_lost_connection_is_told_and_the_next_one_works(database: Database) -> None:
    with database.reading("tests") as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.control("killer") as killer:
            killer.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend})
        with pytest.raises(DBAPIError) as lost:
            connection.execute(text("SELECT 1"))
    assert isinstance(translate(lost.value, database.label), ConnectionFailed)
    ask(database, "SELECT 1")


def test_a_busy_pool_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database._read_engine.pool, "_timeout", 0.1)
    release, held = threading.Event(), threading.Semaphore(0)

    def hold() -> None:
        with database.reading("holder"):
            held.release()
            release.wait(10)

    holders = [threading.Thread(target=hold) for _ in range(10)]
    for holder in holders:
        holder.start()
    for _ in holders:
        assert held.acquire(timeout=10)
    with pytest.raises(ConnectionFailed, match="Every connection"), database.reading("tests"):
        pass
    release.set()
    for holder in holders:
        holder.join()


def test_a_timeout_tells_its_statement_and_limit_but_no_value(one_second: Database) -> None:
    statement = text("SELECT pg_sleep(:s), CAST(:given AS text) LIKE '5%', 7 % 3")
    with pytest.raises(StatementTimeout) as late, one_second.reading("tests") as connection:
        connection.execute(statement, {"s": 20, "given": SECRET})
    assert late.value.sql == "SELECT pg_sleep(:s), CAST(:given AS text) LIKE '5%', 7 % 3"
    assert late.value.limit_s == 1


def test_a_limit_is_raised_for_one_lending_over_the_same_connections(one_second: Database) -> None:
    longer = one_second.lent_as(read_timeout_s=5)
    ask(longer, "SELECT pg_sleep(1.2)")
    assert longer._read_engine is one_second._read_engine
    with pytest.raises(StatementTimeout):
        ask(one_second, "SELECT pg_sleep(1.2)")


_SPOKEN_OTHERWISE = """
DO $$BEGIN
  PERFORM {what};
EXCEPTION WHEN query_canceled THEN RAISE EXCEPTION 'storniere Anfrage' USING ERRCODE = 'query_canceled';
END$$
"""


@pytest.mark.parametrize(
    ("what", "error"),
    [("pg_sleep(20)", StatementTimeout), ("pg_cancel_backend(pg_backend_pid()), pg_sleep(0.5)", Cancelled)],
)
def test_a_timeout_is_told_from_a_cancel_in_whatever_language(
    one_second: Database, what: str, error: type[DatabaseError]
) -> None:
    with pytest.raises(error, match="storniere") as ended, one_second.reading("tests") as connection:
        connection.exec_driver_sql(_SPOKEN_OTHERWISE.replace("{what}", what))
    assert type(ended.value) is error


def test_a_timeout_of_the_drivers_own_cursor_is_one_in_whatever_language(one_second: Database) -> None:
    with (
        pytest.raises(StatementTimeout, match="storniere") as late,
        one_second.reading("tests") as connection,
        driver_cursor(connection, "sleeping") as cursor,
    ):
        cursor.execute(_SPOKEN_OTHERWISE.replace("{what}", "pg_sleep(20)"))
    assert late.value.sql == ""  # it would hold the values
