"""The Advisor's decisions: a finding dismissed and brought back, and the jobs that findings led to."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.advising import advise_on
from dashboard.decisions import dismiss
from dashboard.identity import LOCAL, Principal, Role
from dashboard.jobs.worker import Worker
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from dashboard.ui import decision_view
from db.catalog import find_column
from db.decisions import Decision, decisions
from db.engine import Database
from db.migrate import downgrade
from db.progress import Unrecorded
from tests.pages.conftest import open_app
from tests.pages.filled import widget
from tests.pages.test_inspection import newest_job, press, shown

COLUMN = "public.items.embedding"
HIDDEN = "Rows without a distance"
PAGE = {"Adjust…": "benchmarks", "Apply…": "indexes"}


@pytest.fixture
def items(served: Database) -> Database:
    populate(served, PopulateRequest(source="clusters", table="items", rows=600, dims=8), Unrecorded())
    with served.control("tests") as connection:
        connection.exec_driver_sql("UPDATE items SET embedding = NULL WHERE id <= 20")
        connection.exec_driver_sql("ANALYZE items")
    return served


def made(database: Database) -> tuple[Decision, ...]:
    with database.reading("tests") as connection:
        return decisions(connection)


def findings(app: AppTest) -> list[str]:
    return [subheader.value for subheader in app.subheader]


def led_to(button: str) -> AppTest:
    """The form that a finding's button opens; AppTest must be told which page it is."""
    app = press(open_app("advisor", c=COLUMN, budget="0.1"), button)
    assert not app.exception
    return app.switch_page(f"../pages/{PAGE[button]}.py").run()


def test_a_finding_is_dismissed_for_a_reason_and_brought_back(items: Database) -> None:
    app = open_app("advisor", c=COLUMN, budget="10000")
    assert HIDDEN in findings(app)
    assert "Nothing is decided yet" in shown(app)
    number = findings(app).index(HIDDEN)
    app = widget(app, f"dismiss {number}").click().run()
    assert "A dismissal needs a reason" in shown(app)
    assert HIDDEN in findings(app)
    widget(app, f"dismiss reason {number} invisible_rows {COLUMN}").set_value("they are *being* embedded")
    app = widget(app, f"dismiss {number}").click().run()
    assert not app.exception
    assert HIDDEN not in findings(app)
    assert next(expander.label for expander in app.expander) == "Dismissed · 1"
    assert "they are *being* embedded" in shown(app)
    assert app.dataframe[-1].value["outcome"][0] == "The rule still speaks, and is hidden."
    app = press(app, "Bring back")
    assert HIDDEN in findings(app)
    assert app.dataframe[-1].value["outcome"][0].startswith("Over since ")
    assert [(one.reason, one.lifted_by) for one in made(items)] == [("they are *being* embedded", "local")]


def test_a_dismissed_finding_that_is_essentially_worse_is_shown_again(items: Database) -> None:
    with items.reading("tests") as connection:
        column = find_column(connection, COLUMN)
    number = dismiss(items, LOCAL, advise_on(items, column), "invisible_rows", reason="being embedded")
    assert HIDDEN not in findings(open_app("advisor", c=COLUMN))
    with items.control("tests") as connection:
        connection.exec_driver_sql("UPDATE items SET embedding = NULL WHERE id <= 50")
    app = press(open_app("advisor", c=COLUMN, decision=str(number)), "Check again")
    assert HIDDEN in findings(app)
    assert "and shown again. It was 3.33 % (of 600), and is 8.33 %." in shown(app)
    assert "20 rows can never be found" in shown(app), "the evidence of its day"


@pytest.mark.parametrize(
    ("button", "start", "kind", "decided"),
    [
        ("Adjust…", "Start benchmark", "benchmark", "verified"),
        ("Apply…", "Build HNSW", "build_index", "applied"),
    ],
)
def test_the_way_to_a_form_is_no_decision_and_the_job_it_starts_is(
    items: Database, button: str, start: str, kind: str, decided: str
) -> None:
    app = led_to(button)
    assert "Answers the advisor's finding" in shown(app)
    assert made(items) == ()
    app = press(app, start)
    assert not app.exception
    [one] = made(items)
    job = newest_job(items)
    assert (job.kind, one.job_id) == (kind, job.id)
    assert (one.decided, one.rule, one.created_by) == (decided, "exact_over_budget", "local")
    assert one.evidence["budget_ms"] == 0.1
    app = open_app("advisor", c=COLUMN, decision=str(one.id))
    assert "waits for its turn" in app.dataframe[-1].value["outcome"][0]
    assert "CREATE INDEX CONCURRENTLY" in " ".join(code.value for code in app.code)


def test_one_click_verifies_a_finding_and_its_card_follows_the_run(items: Database) -> None:
    app = open_app("advisor", c=COLUMN, budget="0.1")
    assert "Verify measures the index in ~" in shown(app)
    app = press(app, "Verify")
    assert not app.exception
    [one] = made(items)
    job = newest_job(items)
    assert (job.kind, job.state, one.job_id) == ("benchmark", "queued", job.id)
    assert (one.decided, one.rule) == ("verified", "exact_over_budget")
    assert Worker(items, lease_s=10).run_one()
    app = open_app("advisor", c=COLUMN, budget="0.1")
    assert "Measured just now." in shown(app)
    assert re.search(r"\(run \d+\)\.", shown(app))


def test_an_index_that_a_finding_would_drop_is_selected_on_its_page(items: Database) -> None:
    with items.control("tests") as connection:
        connection.exec_driver_sql(
            "CREATE INDEX items_hnsw ON items USING hnsw (embedding vector_cosine_ops)"
        )
    app = press(open_app("advisor", c=COLUMN, budget="10000"), "Apply…")
    assert not app.exception
    assert made(items) == ()
    app = app.switch_page("../pages/indexes.py").run()
    assert not app.exception
    assert "public.items.embedding · valid" in shown(app), "the index's card"
    assert app.query_params["index"] == "items_hnsw"
    assert "change" not in app.query_params, "its dialog opens once"


def test_what_no_job_carries_out_is_said_on_its_card(items: Database) -> None:
    app = open_app("advisor", c=COLUMN, budget="10000")
    assert "what is to become of them only their owner knows" in shown(app)
    assert "Apply…" not in {button.label for button in app.button}


def test_a_form_that_asks_for_another_index_answers_no_finding(items: Database) -> None:
    app = led_to("Apply…")
    widget(app, "index option m").set_value(20).run()
    assert "Answers the advisor's finding" not in shown(app)
    press(app, "Build HNSW")
    assert made(items) == ()
    app = led_to("Apply…")
    app = press(app, "Not for it")
    assert "Answers the advisor's finding" not in shown(app)


def test_who_may_not_operate_may_not_decide(items: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_view, "current_principal", lambda: Principal("ann", Role.ANALYST))
    app = open_app("advisor", c=COLUMN)
    assert widget(app, "dismiss 0").disabled
    assert widget(app, "dismiss 0").help == "An engineer or administrator may"


def test_without_the_table_the_page_advises_and_says_that_nothing_is_kept(items: Database) -> None:
    downgrade(items, "0008")
    app = open_app("advisor", c=COLUMN, budget="0.1")
    assert not app.exception
    assert HIDDEN in findings(app)
    assert "Decisions are not kept here." in shown(app)
    assert "Dismiss" not in {button.label for button in app.button}
    app = led_to("Apply…")
    assert "Answers the advisor's finding" not in shown(app)
