"""Inspect: never looked at, at work, failed, looked at; with an index to ask and without."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.inspection import findability, probing, run
from dashboard.inspection.checks import CHECKS
from dashboard.inspection.findability import FindRequest
from dashboard.inspection.probing import find_rows
from dashboard.inspection.run import InspectRequest, inspect
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db import jobs
from db.engine import Database
from db.jobs import Job
from db.progress import Unrecorded
from tests.pages.conftest import open_app
from tests.pages.filled import COLUMN, fill_products

NASTY = "public.nasty.embedding"
INDEX = "CREATE INDEX nasty_hnsw ON nasty USING hnsw (embedding vector_cosine_ops)"


@pytest.fixture
def nasty(served: Database) -> Database:
    """A table with everything that goes wrong, and an index on it."""
    populate(served, PopulateRequest(source="nasty", table="nasty", rows=1_000, dims=16), Unrecorded())
    with served.control("tests") as connection:
        connection.exec_driver_sql(INDEX)
    return served


def look(database: Database, column: str = NASTY, rows: int = 2_000) -> None:
    inspect(database, InspectRequest(column, rows=rows), Unrecorded(), created_by="ada", job_id=None)


def ask(database: Database) -> None:
    find_rows(database, FindRequest(NASTY, probes=100), Unrecorded(), created_by="ada", job_id=None)


def shown(app: AppTest) -> str:
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.error,
        app.info,
        app.warning,
    )
    return " ".join(element.value for kind in kinds for element in kind).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def newest_job(database: Database) -> Job:
    with database.reading("tests") as connection:
        return jobs.latest(connection)[0]


def test_without_a_vector_column_it_offers_sample_data(served: Database) -> None:
    with served.control("tests") as connection:
        connection.exec_driver_sql("DROP TABLE products")
    app = open_app("inspection")
    assert "no vector column yet" in shown(app)
    assert [button.label for button in app.button] == ["Load sample data"]


def test_a_column_nobody_looked_at_offers_to_and_queues_a_job(nasty: Database) -> None:
    app = open_app("inspection", c=NASTY, rows="500", seed="7")
    assert "Not inspected yet" in shown(app)
    press(app, "Inspect this column")
    assert not app.error
    job = newest_job(nasty)
    assert InspectRequest.from_params(job.params) == InspectRequest(NASTY, rows=500, seed=7)
    assert (job.kind, job.state) == (run.KIND, "queued")
    # Fragments do not run here: the panel of the job that waits is seen in a browser.
    assert "Not inspected yet" not in shown(app)


def test_the_grade_its_reason_and_every_check_are_shown(nasty: Database) -> None:
    look(nasty)
    app = open_app("inspection", c=NASTY)
    assert not app.error
    assert [metric.label for metric in app.metric] == [check.label for check in CHECKS]
    assert "✕ act" in {metric.delta for metric in app.metric}
    text = shown(app)
    assert "**Zero vectors**" in text
    assert "all 1,000 rows" in text
    assert "Show rows: zero vectors" in [button.label for button in app.button]
    table = next(t.value for t in app.dataframe if "verdict" in t.value.columns)
    assert sorted(table["check"]) == sorted(check.label for check in CHECKS)
    assert table["verdict"].iloc[0] == ["✕ act"]
    assert len(app.get("plotly_chart")) == 5


def test_a_finding_that_is_selected_shows_its_limits_and_its_sql(nasty: Database) -> None:
    look(nasty)
    app = open_app("inspection", c=NASTY)
    table = next(t.value for t in app.dataframe if "verdict" in t.value.columns)
    place = list(table["check"]).index("Coverage")
    app.session_state["findings"] = {"selection": {"rows": [], "columns": [], "cells": [[place, "check"]]}}
    app.run()
    assert not app.error
    assert "to act on below 95 %" in shown(app)
    [code] = app.code
    assert code.value.startswith("SELECT public.nasty.id")
    assert "IS NULL" in code.value


def test_a_sample_says_so_with_its_seed_and_intervals(nasty: Database) -> None:
    look(nasty, rows=300)
    app = open_app("inspection", c=NASTY)
    assert "sample of 300 of 1,000 rows, seed 42" in shown(app)
    table = next(t.value for t in app.dataframe if "verdict" in t.value.columns)
    assert table["interval"].notna().any()


def test_earlier_inspections_draw_a_line_and_tell_what_the_grade_was(nasty: Database) -> None:
    look(nasty)
    with nasty.control("tests") as connection:
        connection.exec_driver_sql("DELETE FROM nasty WHERE kind <> 'ordered'")
    look(nasty)
    app = open_app("inspection", c=NASTY)
    assert "lines: the last 2 inspections" in shown(app)
    assert " was " in f" {shown(app)}"


def test_an_inspection_that_failed_says_why_above_the_one_before(nasty: Database) -> None:
    look(nasty)
    with nasty.writing("tests") as connection, connection.begin():
        number, _ = jobs.submit(
            connection, run.KIND, InspectRequest(NASTY).to_params(), created_by="ada", max_attempts=1
        )
    with nasty.control("tests") as connection:
        connection.exec_driver_sql(
            "UPDATE vectorscope.job SET state = 'failed', finished_at = clock_timestamp(), "
            f"error = 'Too slow to sample.', remedy = 'Ask for less.' WHERE id = {number}"
        )
    app = open_app("inspection", c=NASTY)
    assert "Too slow to sample." in shown(app)
    assert len(app.metric) == len(CHECKS)


def test_an_index_that_nobody_asked_yet_can_be_asked(nasty: Database) -> None:
    app = open_app("inspection", c=NASTY, asks="50")
    assert "Can every row be found?" in shown(app)
    assert "A canary, not recall" in shown(app)
    press(app, "Ask the index")
    job = newest_job(nasty)
    assert (job.kind, job.params["probes"]) == (findability.KIND, 50)


def test_what_the_index_loses_is_shown_by_value_by_setting_and_by_reason(nasty: Database) -> None:
    ask(nasty)
    app = open_app("inspection", c=NASTY)
    assert not app.error
    text = shown(app)
    assert "Findability by kind" in text
    assert "Findability by ef_search" in text
    assert "What would help" in text
    reasons = next(t.value for t in app.dataframe if "Remedy" in t.value.columns)
    assert "zero vector" in set(reasons["Why the row is lost"])
    assert "Show lost rows" in [button.label for button in app.button]


def test_without_an_index_search_finds_every_row_that_has_a_distance(served: Database) -> None:
    fill_products(served, indexed=False)
    app = open_app("inspection", c=COLUMN)
    assert "search is exact and finds every row that has a distance" in shown(app)


def test_an_empty_table_is_graded_and_says_why(served: Database) -> None:
    look(served, COLUMN)
    app = open_app("inspection", c=COLUMN)
    assert not app.error
    assert "There is no vector to search." in shown(app)


@pytest.mark.parametrize(("name", "given"), [("rows", "1e400"), ("rows", "0"), ("seed", "-5"), ("asks", "x")])
def test_an_address_out_of_bounds_is_put_right(nasty: Database, name: str, given: str) -> None:
    app = open_app("inspection", c=NASTY, **{name: given})
    assert not app.exception
    assert "Not inspected yet" in shown(app)


def test_rows_that_are_not_all_kept_by_name_are_said_to_be_the_first(
    nasty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "MOST_LISTED", 1)
    ask(nasty)
    app = open_app("inspection", c=NASTY)
    assert any(re.fullmatch(r"Show the first 1 of \d+ lost rows", button.label) for button in app.button)
    labels = [expander.label for expander in app.expander]
    assert any(re.fullmatch(r"The first 1 of \d+ rows that did not come back", label) for label in labels)


def test_rows_behind_their_copies_are_listed_and_never_opened_as_lost(served: Database) -> None:
    with served.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE nasty (id int PRIMARY KEY, embedding vector(2))")
        connection.exec_driver_sql("INSERT INTO nasty SELECT i, '[1,2]' FROM generate_series(1, 30) AS i")
        connection.exec_driver_sql(INDEX)
    ask(served)
    app = open_app("inspection", c=NASTY)
    assert "0 of 30 probes" in shown(app)
    assert "Each row that did not come back" in [expander.label for expander in app.expander]
    assert "lost rows" not in " ".join(button.label for button in app.button)


def test_findability_is_told_by_the_column_that_is_chosen(nasty: Database) -> None:
    app = open_app("inspection", c=NASTY, asks="50", facet="kind")
    press(app, "Ask the index")
    assert newest_job(nasty).params["facet"] == "kind"
