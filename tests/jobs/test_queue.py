"""Who may do what to the queue, and what is written down of it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboard.exporting.request import ExportRequest
from dashboard.identity import LOCAL, Principal, Role, require
from dashboard.jobs import queue
from dashboard.jobs.kinds import KINDS, Kind, kind_named
from dashboard.seeding.request import PopulateRequest
from db import audit, claims, jobs
from db.engine import Database
from db.errors import NotPermitted, RequestError

ENGINEER = Principal("eve", Role.ENGINEER)
OTHER = Principal("otto", Role.ENGINEER)
ANALYST = Principal("ann", Role.ANALYST)

PARAMS = PopulateRequest(source="uniform", table="t", rows=10, dims=3).to_params()


def audited(database: Database) -> list[tuple[str, str, str, int | None]]:
    with database.reading("test") as connection:
        rows = audit.latest(connection)
    return [(row.subject, row.action, row.object, row.job_id) for row in reversed(rows)]


def test_what_is_done_to_a_job_is_written_down(database: Database) -> None:
    job_id = queue.submit(database, ENGINEER, "populate", PARAMS)
    queue.cancel(database, ENGINEER, job_id)
    queue.retry(database, ENGINEER, job_id)
    assert audited(database) == [
        ("eve", "submit populate", "public.t", job_id),
        ("eve", "cancel", f"job {job_id}", job_id),
        ("eve", "retry", f"job {job_id}", job_id),
    ]


def test_an_equal_submission_is_the_same_job_and_leaves_no_second_row(database: Database) -> None:
    first = queue.submit(database, ENGINEER, "populate", PARAMS)
    assert queue.submit(database, OTHER, "populate", PARAMS) == first
    assert len(audited(database)) == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_each_kind_asks_for_its_role(database: Database, kind: Kind) -> None:
    assert kind_named(kind.key) is kind
    below = Principal("low", Role(kind.role - 1))
    with pytest.raises(NotPermitted, match=kind.role.name.lower()):
        queue.submit(database, below, kind.key, PARAMS)
    assert audited(database) == []


def test_an_equal_export_of_somebody_else_is_another_as_only_its_owner_may_fetch_it(
    database: Database,
) -> None:
    params = ExportRequest("public.t.e").to_params()
    first = queue.submit(database, ENGINEER, "export", params)
    assert queue.submit(database, ENGINEER, "export", params) == first
    assert queue.submit(database, OTHER, "export", params) != first


def test_the_kinds_that_the_queue_treats_apart_are_kinds() -> None:
    assert {*jobs.PERSONAL, jobs.ROUTINE} <= {kind.key for kind in KINDS}


def test_only_its_starter_or_an_administrator_stops_a_job(database: Database) -> None:
    job_id = queue.submit(database, ENGINEER, "populate", PARAMS)
    for stranger in (OTHER, ANALYST):
        with pytest.raises(NotPermitted, match="eve's"):
            queue.cancel(database, stranger, job_id)
    queue.cancel(database, LOCAL, job_id)
    assert [subject for subject, action, *_ in audited(database) if action == "cancel"] == ["local"]


def test_a_change_that_is_refused_leaves_no_audit_row(database: Database) -> None:
    job_id = queue.submit(database, ENGINEER, "populate", PARAMS)
    queue.cancel(database, ENGINEER, job_id)
    with pytest.raises(RequestError, match="has ended already: cancelled"):
        queue.cancel(database, ENGINEER, job_id)
    assert [action for _, action, *_ in audited(database)] == ["submit populate", "cancel"]


def test_an_unknown_kind_is_named(database: Database) -> None:
    with pytest.raises(RequestError, match="'dance'"):
        queue.submit(database, ENGINEER, "dance", {})


def test_roles_include_the_lower_ones() -> None:
    require(LOCAL, Role.VIEWER, "look")
    with pytest.raises(NotPermitted, match="ann may not build: it needs the role engineer"):
        require(ANALYST, Role.ENGINEER, "build")


def test_a_submission_and_its_audit_row_stand_or_fall_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RequestError("the audit log is full")

    monkeypatch.setattr(audit, "record", fail)
    with pytest.raises(RequestError, match="full"):
        queue.submit(database, ENGINEER, "populate", PARAMS)
    with database.reading("test") as connection:
        assert jobs.latest(connection) == ()
    with database.writing("test") as connection:
        assert claims.claim(connection, "w", lease_s=10) is None


def test_an_equal_submission_hears_which_job_it_is(database: Database) -> None:
    heard: list[int] = []
    first = queue.submit(database, ENGINEER, "populate", PARAMS, already=heard.append)
    assert heard == []
    assert queue.submit(database, ENGINEER, "populate", PARAMS, already=heard.append) == first
    assert heard == [first]


def test_a_job_that_is_over_is_no_reason_to_turn_the_next_away(database: Database) -> None:
    heard: list[int] = []
    first = queue.submit(database, ENGINEER, "populate", PARAMS, already=heard.append)
    queue.cancel(database, ENGINEER, first)
    assert queue.submit(database, ENGINEER, "populate", PARAMS, already=heard.append) != first
    assert heard == []


def test_of_many_equal_submissions_at_once_one_is_queued(database: Database) -> None:
    heard: list[int] = []
    together = threading.Barrier(5)

    def submit(_: int) -> int:
        together.wait()
        return queue.submit(database, ENGINEER, "populate", PARAMS, already=heard.append)

    with ThreadPoolExecutor(5) as pool:
        ids = set(pool.map(submit, range(5)))
    assert len(ids) == 1
    assert heard == [*ids] * 4
    assert len(audited(database)) == 1
