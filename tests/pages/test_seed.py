"""Asking for rows, and what becomes of it."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.sources import SOURCES
from db import jobs
from db.engine import Database
from tests.pages.conftest import open_app

LABELS = [source.label for source in SOURCES.values()]


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    return app.run()


def chosen(source: str) -> AppTest:
    return open_app("seed", source=source)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_source_is_drawn_from_the_registry(served: Database, source: object) -> None:
    entry = SOURCES[getattr(source, "key")]  # noqa: B009 - the registry's values are the parameters
    app = chosen(entry.label)
    assert not app.exception
    assert not app.error
    numbers = {number.label for number in app.number_input}
    if entry.rows is not None:
        assert {parameter.label for parameter in entry.parameters} <= numbers
        assert app.metric[0].value == f"{entry.rows:,}"


def test_load_queues_a_job_with_what_was_chosen(served: Database) -> None:
    app = chosen("Uniform")
    app.text_input[0].set_value("mine").run()
    press(app, "Load")
    with served.reading("test") as connection:
        (job,) = jobs.latest(connection)
    request = PopulateRequest.from_params(job.params)
    assert (request.source, request.table, request.rows) == ("uniform", "mine", 10_000)
    assert job.created_by == "local"


def test_a_table_in_the_way_is_told_and_nothing_is_queued(served: Database) -> None:
    app = chosen("Uniform")
    app.text_input[0].set_value("products").run()
    press(app, "Load")
    assert any("exists with other columns" in error.value for error in app.error)
    with served.reading("test") as connection:
        assert jobs.latest(connection) == ()


def test_a_finished_load_says_how_many_rows_and_where_to_go(served: Database) -> None:
    request = PopulateRequest(source="uniform", table="mine", rows=300, dims=4)
    job_id = queue.submit(served, LOCAL, "populate", request.to_params())
    assert Worker(served, lease_s=10).run_one(only=job_id)
    app = open_app("seed", job=str(job_id))
    assert not app.exception
    assert any("**300 rows** loaded into `public.mine`" in element.value for element in app.markdown)
    assert {"Search it", "Measure it", "Load something else"} <= {button.label for button in app.button}


def test_a_job_that_is_no_number_is_told(served: Database) -> None:
    assert any("is not the number of a job" in error.value for error in open_app("seed", job="x").error)
