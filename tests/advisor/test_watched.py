"""What a watch tells the advisor: the budget it promises, how exact search did, and how the table grew."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dashboard.advising import advise_on
from dashboard.advisor.advice import Advice, Advised
from dashboard.advisor.exact import ASKED, BUDGET_MS, PROMISED, USUAL
from dashboard.decisions import of_rule
from db import watches
from db.catalog import find_column
from db.engine import Database
from db.migrate import downgrade
from tests.advisor.states import COLUMN, rows_of, run

FIGURES = {"exact_p95_ms_low": 0.98, "exact_p95_ms": 1.0, "exact_p95_ms_high": 1.02}


@pytest.fixture
def table(database: Database) -> Database:
    run(database, rows_of())
    return database


def promise(database: Database, p95_ms: float) -> int:
    with database.writing("tests") as connection, connection.begin():
        column = find_column(connection, COLUMN)
        return watches.keep_watch(
            connection, column, p95_ms=p95_ms, recall=0.9, every_s=3_600, created_by="ada"
        )


def looked(database: Database, watch_id: int, rows: int, p95_ms: float, days_ago: float = 0) -> None:
    figures: Mapping[str, float] = {name: share * p95_ms for name, share in FIGURES.items()}
    with database.writing("tests") as connection, connection.begin():
        kept = watches.store_look(
            connection,
            watch_id,
            rows=rows,
            figures={**figures, "exact_queries": 50.0},
            indexes=(),
            breach=None,
            resolves=False,
            job_id=None,
        )
        connection.exec_driver_sql(
            "UPDATE vectorscope.watch_look SET at = now() - make_interval(secs => %s) WHERE id = %s",
            (86_400 * days_ago, kept.id),
        )


def asked(database: Database, budget_ms: float | None = None) -> Advised:
    with database.reading("tests") as connection:
        column = find_column(connection, COLUMN)
    return advise_on(database, column, budget_ms=budget_ms)


def of(advised: Advised, rule: str) -> Advice:
    [advice] = of_rule(advised.spoken, rule)
    return advice


def said(advice: Advice) -> str:
    return "; ".join(f"{number.value} {number.what}" for number in advice.said.numbers)


def test_the_budget_is_what_is_asked_for_else_what_is_promised_else_the_usual_one(table: Database) -> None:
    usual = asked(table).facts.budget
    assert (usual.ms, usual.origin) == (BUDGET_MS, USUAL)
    promise(table, 12_000)
    promised = asked(table)
    assert (promised.facts.budget_ms, promised.facts.budget.origin) == (12_000, PROMISED)
    assert "12,000 ms budget, promised by its watch" in said(of(promised, "keep_exact"))
    given = asked(table, 9_000).facts.budget
    assert (given.ms, given.origin) == (9_000, ASKED)


def test_without_the_tables_of_watches_the_budget_is_the_usual_one(table: Database) -> None:
    downgrade(table, "0007")
    assert asked(table).facts.budget.origin == USUAL


def test_looks_alone_tell_the_size_and_the_day_at_which_the_promise_breaks(table: Database) -> None:
    watch_id = promise(table, 15)
    for rows, p95_ms, days_ago in ((500, 2.5, 30), (1_000, 5, 20), (2_000, 10, 0)):
        looked(table, watch_id, rows, p95_ms, days_ago)
    advised = asked(table)
    crossing, growing = advised.facts.crossing, advised.facts.pace
    assert crossing
    assert growing
    assert crossing.basis == "growth over 3 looks of its watch"
    assert crossing.rows == pytest.approx(3_000, rel=0.05)
    assert growing.rows_a_day == pytest.approx(50, rel=0.01)
    found = of(advised, "will_cross")
    assert "crosses 15 ms around 20" in found.said.finding
    assert "by 3 looks" in said(found)
    assert "of 50, look of " in said(found)


def test_a_look_of_another_day_or_of_another_size_does_not_stand_for_today(table: Database) -> None:
    watch_id = promise(table, 60_000)
    looked(table, watch_id, 2_000, 10, days_ago=2)
    exact = asked(table).facts.exact
    assert exact
    assert exact.origin == "measured now"
    looked(table, watch_id, 1_000, 10)
    exact = asked(table).facts.exact
    assert exact
    assert exact.origin == "measured now"
    looked(table, watch_id, 2_000, 10)
    exact = asked(table).facts.exact
    assert exact
    assert exact.origin.startswith("look of ")


def test_the_last_looks_tell_what_was_promised_and_seen(table: Database) -> None:
    watch_id = promise(table, 15)
    with table.reading("tests") as connection:
        assert watches.last_looks(connection) == {COLUMN: (15, None)}
    looked(table, watch_id, 2_000, 10)
    with table.reading("tests") as connection:
        [(p95_ms, last)] = watches.last_looks(connection).values()
    assert (p95_ms, last is not None) == (15, True)
