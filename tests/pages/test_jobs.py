"""The list of jobs, and one of them in each of its states."""

import pytest

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from dashboard.seeding.request import PopulateRequest
from db import jobs
from db.engine import Database
from tests.pages.conftest import open_app

REQUEST = PopulateRequest(source="uniform", table="mine", rows=300, dims=4)


def submit(database: Database, request: PopulateRequest = REQUEST) -> int:
    return queue.submit(database, LOCAL, "populate", request.to_params())


def test_an_empty_queue_says_so_and_offers_a_first_load(served: Database) -> None:
    app = open_app("jobs")
    assert [info.value for info in app.info] == ["Nothing is running, and nothing has run yet."]
    assert [button.label for button in app.button] == ["Load sample data"]


def test_a_waiting_job_is_listed_and_can_be_cancelled(served: Database) -> None:
    job_id = submit(served)
    app = open_app("jobs", job=str(job_id))
    assert not app.exception
    row = app.dataframe[0].value.iloc[0]
    assert (row["state"], row["what"]) == (["○ queued"], "public.mine")
    app.button(key=f"cancel {job_id}").click().run()
    with served.reading("test") as connection:
        assert jobs.get(connection, job_id).state == "cancelled"


def test_a_finished_job_shows_what_was_asked_and_what_came_of_it(served: Database) -> None:
    job_id = submit(served)
    Worker(served, lease_s=10).run_one(only=job_id)
    app = open_app("jobs", job=str(job_id))
    assert not app.exception
    assert [header.value for header in app.subheader] == ["public.mine", "Asked for", "Result"]
    asked, gave = ([tuple(row) for row in table.value.to_numpy()] for table in app.table)
    assert {("rows", "300"), ("source", "uniform")} <= set(asked)
    assert ("rows", "300") in gave


def test_a_failed_job_shows_its_error_and_remedy_and_can_be_retried(served: Database) -> None:
    job_id = submit(served, PopulateRequest(source="uniform", table="mine", dims=20_000))
    Worker(served, lease_s=10).run_one(only=job_id)
    app = open_app("jobs", job=str(job_id))
    assert len(app.error) == 1
    app.button(key=f"retry {job_id}").click().run()
    with served.reading("test") as connection:
        assert jobs.get(connection, job_id).state == "queued"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("77", "There is no job 77"),
        ("x1", "is not the number of a job"),
        ("9" * 5000, "is not the number of a job"),
    ],
)
def test_an_address_that_names_no_job_is_told(served: Database, given: str, told: str) -> None:
    submit(served)
    assert any(told in error.value for error in open_app("jobs", job=given).error)
