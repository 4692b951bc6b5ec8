"""A read beside the page: its result and its errors arrive, and it alone is stopped."""

import time
from collections.abc import Callable
from threading import Event

import pytest
from sqlalchemy import text

from dashboard import reading
from dashboard.reading import Reading, begin, go_on
from db.engine import Database
from db.errors import Cancelled, RequestError, StatementTimeout


def asking(statement: str) -> Callable[[Database], object]:
    def read(database: Database) -> object:
        with database.reading("tests") as connection:
            return connection.execute(text(statement)).scalar()

    return read


SLOW = asking("SELECT pg_sleep(12)")
BUSY = asking("SELECT count(*) FROM generate_series(1, 30000) AS a, generate_series(1, 300000) AS b")


def is_waiting(slow: Reading) -> bool:
    """Whether the server has begun with it, within five seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if slow.waits_for() == "Timeout / PgSleep":
            return True
        time.sleep(0.02)
    return False


def test_what_comes_at_once_is_there_or_refused_as_it_would_be_without(database: Database) -> None:
    found = begin(database, "", asking("SELECT 42"))
    assert found.comes_in_time()
    assert found.result() == 42
    refused = begin(database, "", asking("SELECT 1 / 0"))
    assert refused.comes_in_time()
    with pytest.raises(RequestError, match="division by zero"):
        refused.result()


def test_a_slow_read_is_looked_at_stopped_and_its_backend_free(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "AT_ONCE_S", 0.01)
    slow, other = begin(database, "slow", SLOW), begin(database, "other", SLOW)
    assert is_waiting(slow)
    assert is_waiting(other)
    assert not slow.comes_in_time()
    slow.stop()
    with pytest.raises(Cancelled, match=r"Stopped on request, after \d s\."):
        slow.result()
    assert slow.waits_for() is None
    assert is_waiting(other)
    other.stop()
    with pytest.raises(Cancelled):
        other.result()


def test_what_was_stopped_late_is_told_as_stopped_in_whatever_language(database: Database) -> None:
    def read(_: Database) -> None:
        raise StatementTimeout("storniere Anfrage wegen Benutzeraufforderung")

    slow = begin(database, "", read)
    with pytest.raises(StatementTimeout):
        slow.result()
    slow.is_stopped = True
    with pytest.raises(Cancelled, match="Stopped on request"):
        slow.result()


def test_only_a_session_at_work_is_said_to_compute(database: Database) -> None:
    go = Event()

    def read(lent: Database) -> None:
        with lent.reading("tests"):
            go.wait(30)

    idle = begin(database, "", read)
    busy = begin(database, "", BUSY)
    deadline = time.monotonic() + 5
    while busy.waits_for() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert busy.waits_for() is not None
    assert idle.waits_for() is None
    go.set()
    busy.stop()
    with pytest.raises(Cancelled):
        busy.result()


def test_the_same_question_goes_on_and_another_stops_it(database: Database) -> None:
    slow = go_on(None, database, (float("nan"), "?"), SLOW)
    assert is_waiting(slow)
    assert go_on(slow, database, (float("nan"), "?"), SLOW) is slow
    other = go_on(slow, database, "another", asking("SELECT 7"))
    assert other.result() == 7
    with pytest.raises(Cancelled):
        slow.result()


def test_a_result_that_nobody_came_for_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = begin(database, repr("?"), asking("SELECT 1"))
    assert left.comes_in_time()
    assert go_on(left, database, "?", asking("SELECT 2")) is left
    monkeypatch.setattr(reading, "STALE_S", -1.0)
    assert go_on(left, database, "?", asking("SELECT 2")).result() == 2
