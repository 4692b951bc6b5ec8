"""Advisor: what the rules found and what they did not, on one column and on all; the doctor's statements."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.advisor.advice import Severity
from dashboard.advisor.rules import RULES
from dashboard.identity import Principal, Role
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from dashboard.ui import doctor_view
from dashboard.ui.advisor_view import SIGNS
from dashboard.ui.doctor_view import STATEMENT
from db import watches
from db.catalog import find_column
from db.engine import Database
from db.progress import Unrecorded
from tests.advisor import counted
from tests.pages.conftest import open_app
from tests.pages.test_inspection import INDEX, press, shown

NASTY = "public.nasty.embedding"


@pytest.fixture
def nasty(served: Database) -> Database:
    populate(served, PopulateRequest(source="nasty", table="nasty", rows=1_000, dims=16), Unrecorded())
    with served.control("tests") as connection:
        connection.exec_driver_sql(INDEX)
        connection.exec_driver_sql("ANALYZE nasty")
    return served


def diagnosed(statement: str) -> AppTest:
    app = open_app("advisor", c=NASTY, view="Plan doctor")
    app.text_area(key=STATEMENT).set_value(statement)
    return press(app, "Diagnose")


def test_a_finding_has_its_numbers_its_remedy_and_its_source(nasty: Database) -> None:
    app = open_app("advisor", c=NASTY)
    words = shown(app)
    assert "Rows without a distance" in words
    assert "rows can never be found" in words
    assert "NULL vectors" in words
    assert "pgvector README: NULL vectors are not indexed" in words
    assert any("IS NULL" in code.value for code in app.code)


def test_a_rule_speaks_or_is_silent_with_its_reason(nasty: Database) -> None:
    app = open_app("advisor", c=NASTY)
    spoken = {subheader.value for subheader in app.subheader}
    silent = {line for table in app.table for line in table.value["Rule"]}
    assert {rule.title for rule in RULES} <= spoken | silent
    assert all(reason for table in app.table for reason in table.value["Why it is silent"])


def test_a_budget_that_exact_search_cannot_keep_asks_for_an_index(served: Database) -> None:
    populate(served, PopulateRequest(source="clusters", table="items", rows=5_000, dims=64), Unrecorded())
    app = open_app("advisor", c="public.items.embedding", budget="0.1")
    assert "Exact search over budget" in shown(app)
    assert any("USING hnsw" in code.value for code in app.code)
    assert "Exact search suffices" in shown(open_app("advisor", c="public.items.embedding", budget="5000"))


def test_every_column_is_asked_and_one_that_may_not_be_read_keeps_nobody_from_the_others(
    nasty: Database,
) -> None:
    with nasty.control("tests") as connection:
        connection.exec_driver_sql("CREATE MATERIALIZED VIEW later AS SELECT * FROM nasty WITH NO DATA")
    app = open_app("advisor", c=NASTY, scope="All columns")
    words = shown(app)
    assert "public.later.embedding" in words
    assert "could not be asked" in words
    assert "REFRESH MATERIALIZED VIEW" in words
    assert "Rows without a distance" in words


@pytest.mark.parametrize("budget", ["0", "1e400", "cheap"])
def test_a_budget_in_the_address_that_is_none_is_left_out(nasty: Database, budget: str) -> None:
    app = open_app("advisor", c=NASTY, budget=budget)
    assert not app.exception
    assert app.number_input(key="budget").value is None
    assert "budget 50 ms, as no watch promises another" in shown(app)


def test_a_promise_is_the_budget_and_the_alert_leads_to_the_advice(nasty: Database) -> None:
    with nasty.writing("tests") as connection, connection.begin():
        column = find_column(connection, NASTY)
        watch_id = watches.keep_watch(
            connection, column, p95_ms=0.2, recall=0.0, every_s=3_600, created_by="ada"
        )
        watches.store_look(
            connection, watch_id, rows=1_000, figures={"exact_p95_ms": 9.0}, indexes=(),
            breach="Exact search takes 9 ms at p95.", resolves=False, job_id=None,
        )  # fmt: skip
    overview = open_app()
    assert "Exact search takes 9 ms at p95." in shown(overview)
    app = press(overview, "Ask the advisor").switch_page("../pages/advisor.py").run()
    assert "budget 0.2 ms, promised by its watch" in shown(app)
    assert "budget 0.2 ms, promised by its watch" in shown(open_app("advisor", c=NASTY))
    app = open_app("advisor", c=NASTY, view="Watch")
    assert "Ask the advisor" in {button.label for button in app.button}
    assert "budget 0.2 ms, promised by its watch" in shown(press(app, "Ask the advisor"))


def test_the_doctor_names_the_rule_and_writes_the_statement_anew(nasty: Database) -> None:
    app = diagnosed("SELECT id FROM nasty ORDER BY 1 - (embedding <=> $1) DESC LIMIT 5")
    assert "P2" in {badge.value for badge in app.markdown} or "P2" in shown(app)
    assert "Hidden distance" in shown(app)
    app = press(app, "Diagnose this")
    assert "Hidden distance" not in shown(app)
    assert "DESC" not in str(app.text_area(key=STATEMENT).value)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DROP TABLE nasty", "SELECT"),
        ("SELECT 1; SELECT 2", "There are 2 statements here"),
        ("SELEC id FROM nasty", "syntax"),
        ("SELECT id FROM nowhere ORDER BY e <=> $1 LIMIT 5", "nowhere"),
    ],
)
def test_what_is_not_one_select_is_refused_in_a_sentence(
    nasty: Database, statement: str, sentence: str
) -> None:
    app = diagnosed(statement)
    assert not app.exception
    assert any(sentence in error.value.replace("\\", "") for error in app.error)
    with nasty.reading("tests") as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM nasty").scalar() == 1_000


def test_every_severity_is_marked() -> None:
    assert set(SIGNS) == set(Severity)


def test_pasted_sql_is_run_for_an_engineer_and_nobody_below(
    nasty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app("advisor", c=NASTY, view="Plan doctor")
    app.text_area(key=STATEMENT).set_value("SELECT count(*) FROM nasty")
    app.toggle(key="doctor analyze").set_value(True)
    assert not press(app, "Diagnose").error
    monkeypatch.setattr(doctor_view, "current_principal", lambda: Principal("ann", Role.ANALYST))
    [refused] = press(app, "Diagnose").error
    assert "ann may not run a pasted statement" in refused.value
    assert app.toggle(key="doctor analyze").disabled
    assert "An engineer or administrator may run it, too." in shown(app)
    assert not diagnosed("SELECT count(*) FROM nasty").error


def test_pasted_sql_that_may_do_more_than_answer_is_not_run(nasty: Database) -> None:
    app = open_app("advisor", c=NASTY, view="Plan doctor")
    app.text_area(key=STATEMENT).set_value("SELECT pg_terminate_backend(pg_backend_pid())")
    app.toggle(key="doctor analyze").set_value(True)
    [refused] = press(app, "Diagnose").error
    assert "calls pg\\_terminate\\_backend" in refused.value


def test_without_the_servers_counts_the_workload_says_what_is_missing(nasty: Database) -> None:
    app = open_app("advisor", c=NASTY, view="Plan doctor", doctor="Workload")
    assert not app.exception
    assert not app.error
    told = app.info[0].value.replace("\\", "")
    assert told.startswith("**This database has no pg_stat_statements, ")
    assert told.endswith("Until then, paste the statement in question.")


def test_a_statement_of_the_workload_is_put_into_the_doctor(nasty: Database) -> None:
    with nasty.control("tests") as connection:
        connection.exec_driver_sql(counted.TABLE)
        counted.count(connection, "SELECT id FROM nasty ORDER BY $1 - (embedding <=> $2) DESC LIMIT $3", 750)
        counted.count(connection, "DELETE FROM nasty WHERE embedding <=> $1 < $2", 250, calls=1)
    app = open_app("advisor", c=NASTY, view="Plan doctor", doctor="Workload")
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["share"]) == [75, 25]
    assert list(table["used"]) == [["✕ no"], ["○ unknown"]]
    assert list(table["rules"]) == [["P2"], None]
    assert table["reason"].iloc[1] == "This is no SELECT but DELETE."
    app.session_state["workload [10, 1]"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert app.text_area(key=STATEMENT).value == (
        "SELECT id FROM nasty ORDER BY $1 - (embedding <=> $2) DESC LIMIT 10"
    )
    assert "Hidden distance" in shown(app)
