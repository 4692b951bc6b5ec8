"""What becomes of a job whose work fails, in each of the ways work can fail."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from dashboard.identity import LOCAL
from dashboard.jobs import queue, worker
from dashboard.jobs.kinds import kind_named
from dashboard.jobs.worker import Worker
from db import jobs
from db.engine import Database
from db.errors import RequestError
from db.jobs import Job
from db.progress import Ledger, Progress

Work = Callable[[Database, Job, Ledger], dict[str, Any]]


@pytest.fixture
def carry_out(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[Work], Job]:
    """Run one job whose work is given; return it as it ended."""

    def run(work: Work) -> Job:
        entry = replace(kind_named("populate"), run=work)
        monkeypatch.setattr(worker, "kind_named", lambda _: entry)
        params = {"schema": "public", "table": "t"}
        job_id = queue.submit(database, LOCAL, "populate", params)
        assert Worker(database, lease_s=10).run_one()
        with database.reading("test") as connection:
            return jobs.get(connection, job_id)

    return run


Carry = Callable[[Work], Job]


def lines(database: Database, job: Job) -> str:
    with database.reading("test") as connection:
        return "\n".join(line.message for line in jobs.log_lines(connection, job.id))


def test_a_result_is_kept_and_the_bar_is_full(carry_out: Carry) -> None:
    def work(_: Database, __: Job, ledger: Ledger) -> dict[str, Any]:
        ledger.tell(Progress(3, 10, "rows", "loading"))
        return {"rows": 10}

    job = carry_out(work)
    assert (job.state, job.result) == ("succeeded", {"rows": 10})


def test_a_refusal_is_kept_with_its_remedy(carry_out: Carry) -> None:
    def work(*_: object) -> dict[str, Any]:
        raise RequestError("The table is in the way.", "Choose another.")

    job = carry_out(work)
    assert (job.state, job.error, job.remedy) == ("failed", "The table is in the way.", "Choose another.")


def test_a_bug_is_told_by_an_incident_and_its_trace_is_in_the_log(
    carry_out: Carry, database: Database
) -> None:
    def work(*_: object) -> dict[str, Any]:
        return {"impossible": 1 / 0}

    job = carry_out(work)
    assert job.state == "failed"
    assert "ZeroDivisionError" in (job.error or "")
    assert "incident" in (job.error or "")
    assert "1 / 0" in lines(database, job)


def test_a_statement_that_never_ends_is_interrupted_by_a_cancel(carry_out: Carry, database: Database) -> None:
    def work(own: Database, job: Job, _: Ledger) -> dict[str, Any]:
        threading.Timer(0.3, lambda: queue.cancel(database, LOCAL, job.id)).start()
        with own.writing("slow") as connection, connection.begin():
            connection.execute(text("SELECT pg_sleep(60)"))
        return {}

    assert carry_out(work).state == "cancelled"


def test_work_that_never_asks_the_database_stops_at_its_next_word(
    carry_out: Carry, database: Database
) -> None:
    def work(_: Database, job: Job, ledger: Ledger) -> dict[str, Any]:
        queue.cancel(database, LOCAL, job.id)
        while True:
            ledger.tell(Progress(0, 0, "rows", "thinking"))

    assert carry_out(work).state == "cancelled"


def test_the_next_job_is_done_after_one_that_failed(carry_out: Carry) -> None:
    def fail(*_: object) -> dict[str, Any]:
        raise ValueError("no")

    assert carry_out(fail).state == "failed"
    assert carry_out(lambda *_: {}).state == "succeeded"
