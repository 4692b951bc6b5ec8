"""From a finding to what came of it: verified by a real run, applied by a real build, dismissed and back."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import Connection

from dashboard import decisions
from dashboard.advising import advise_on
from dashboard.advisor.advice import Advised
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.trials import sweep
from dashboard.decisions import Followed
from dashboard.identity import Principal, Role
from dashboard.indexing.request import BuildRequest, ChangeRequest
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from dashboard.outcomes import APPLIED, DECIDED, VERIFIED, Decided, Now, Outcome, outcome_of, to_document
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db import audit, jobs
from db.catalog import find_column
from db.decisions import Decision
from db.decisions import decisions as read
from db.distance import distance_named
from db.engine import Database
from db.errors import NotPermitted, RequestError
from db.forms import parse_spec
from db.progress import Unrecorded

ENGINEER = Principal("eve", Role.ENGINEER)
ANALYST = Principal("ann", Role.ANALYST)
COLUMN = "public.items.embedding"
NOTHING_KEEPS_MS = 0.001
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def items(database: Database) -> Database:
    populate(database, PopulateRequest(source="clusters", table="items", rows=600, dims=8), Unrecorded())
    run(database, "ANALYZE items")
    return database


def run(database: Database, sql: str) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql(sql)


def asked(database: Database, budget_ms: float = 10_000) -> Advised:
    with database.reading("tests") as connection:
        column = find_column(connection, COLUMN)
    return advise_on(database, column, budget_ms=budget_ms)


def made(database: Database, said: Advised | None = None) -> list[tuple[Decision, Outcome]]:
    with database.reading("tests") as connection:
        now = Now(connection, {COLUMN: said} if said else {})
        return [(one, outcome_of(one, now)) for one in read(connection)]


def follow(database: Database, decided: str) -> Followed:
    advised = asked(database, NOTHING_KEEPS_MS)
    [advice] = decisions.of_rule(advised.spoken, "exact_over_budget")
    return Followed(advice, advised.facts.column, decided, 10_000.0)


def start(database: Database, kind: str, params: dict[str, object], followed: Followed) -> int:
    return queue.submit(database, ENGINEER, kind, params, beside=partial(keep, followed))


def keep(followed: Followed, connection: Connection, job_id: int) -> None:
    followed.keep(connection, ENGINEER, job_id)


def test_a_finding_that_is_verified_tells_what_the_run_measured(items: Database) -> None:
    followed = follow(items, VERIFIED)
    build = followed.advice.said.remedy.build
    assert build
    variants = sweep([parse_spec(build.index)], {"ef_search": [40]})
    plan = BenchmarkPlan(COLUMN, distance_named(build.distance), variants, queries=10)
    job_id = start(items, "benchmark", plan.to_params(), followed)
    [(decision, outcome)] = made(items)
    assert (decision.decided, decision.rule, decision.job_id) == (VERIFIED, "exact_over_budget", job_id)
    assert decision.evidence["said"][0]["sql"].startswith("-- measure it first")
    assert "over the budget" in decision.evidence["said"][0]["finding"]
    assert outcome.state == "queued"
    assert Worker(items, lease_s=10).run_one()
    [(decision, outcome)] = made(items)
    assert outcome.state == "succeeded", outcome.sentence
    assert outcome.run is not None
    assert "Exact with recall 1.000 and p95 " in outcome.sentence
    assert "HNSW m=16, ef_construction=64, ef_search=40 with recall " in outcome.sentence
    assert f"(run {outcome.run})." in outcome.sentence
    assert to_document(decision, outcome)["run"] == outcome.run


def test_a_finding_that_is_applied_tells_whether_its_index_stands(items: Database) -> None:
    followed = follow(items, APPLIED)
    build = followed.advice.said.remedy.build
    assert build
    request = BuildRequest(COLUMN, build.index, distance=build.distance)
    start(items, "build_index", request.to_params(), followed)
    assert Worker(items, lease_s=10).run_one()
    [(_, outcome)] = made(items)
    name = request.plan(followed.column).name
    assert outcome.state == "stands", outcome.sentence
    assert name in outcome.sentence
    run(items, f'REINDEX INDEX CONCURRENTLY "{name}"')
    assert [outcome.state for _, outcome in made(items)] == ["stands"]
    run(items, f'DROP INDEX "{name}"')
    [(_, outcome)] = made(items)
    assert (outcome.state, outcome.sentence) == ("gone", f"{name} was built, and is gone.")


def test_an_index_that_a_finding_dropped_is_told_to_be_gone_or_back(items: Database) -> None:
    index = "CREATE INDEX items_hnsw ON items USING hnsw (embedding vector_cosine_ops)"
    run(items, index)
    advised = asked(items)
    [advice] = decisions.of_rule(advised.spoken, "needless_index")
    [change] = advice.said.remedy.changes
    request = ChangeRequest("public", change.index, change.index)
    start(items, change.kind, request.to_params(), Followed(advice, advised.facts.column, APPLIED, 10_000.0))
    [(decision, outcome)] = made(items)
    assert (decision.decided, decision.rule) == (APPLIED, "needless_index")
    assert outcome.sentence == "The drop waits for its turn."
    assert Worker(items, lease_s=10).run_one()
    [(_, outcome)] = made(items)
    assert (outcome.state, outcome.sentence) == ("dropped", "items_hnsw was dropped, and is gone.")
    run(items, index)
    assert [outcome.state for _, outcome in made(items)] == ["back"]


def test_a_job_that_was_cancelled_is_told_as_such(items: Database) -> None:
    request = BuildRequest(COLUMN, "hnsw:m=4,ef_construction=8", distance="cosine")
    job_id = start(items, "build_index", request.to_params(), follow(items, APPLIED))
    queue.cancel(items, ENGINEER, job_id)
    [(_, outcome)] = made(items)
    assert (outcome.state, outcome.sentence) == ("cancelled", "The build was cancelled.")


def test_neither_a_job_nor_its_decision_is_kept_without_the_other(items: Database) -> None:
    followed = follow(items, APPLIED)
    request = BuildRequest(COLUMN, "hnsw:m=4,ef_construction=8", distance="cosine")
    with pytest.raises(NotPermitted):
        queue.submit(items, ANALYST, "build_index", request.to_params(), beside=partial(keep, followed))
    run(items, "ALTER TABLE vectorscope.decision ADD CONSTRAINT shut CHECK (decided <> 'applied')")
    with pytest.raises(RequestError):
        start(items, "build_index", request.to_params(), followed)
    assert made(items) == []
    with items.reading("tests") as connection:
        assert jobs.latest(connection) == ()


def test_a_dismissal_hides_a_finding_until_it_is_silent_or_worse(items: Database) -> None:
    run(items, "UPDATE items SET embedding = NULL WHERE id <= 20")
    advised = asked(items)
    with pytest.raises(NotPermitted):
        decisions.dismiss(items, ANALYST, advised, "invisible_rows", reason="being embedded")
    decisions.dismiss(items, ENGINEER, advised, "invisible_rows", reason="being embedded")

    weighed = decisions.weigh(advised.spoken, decisions.standing(items))
    assert [hidden.decision.reason for hidden in weighed.hidden] == ["being embedded"]
    assert "invisible_rows" not in {advice.rule.key for advice in weighed.shown}
    assert [outcome.state for _, outcome in made(items, advised)] == ["hidden"]
    assert [outcome.state for _, outcome in made(items)] == ["unknown"]

    run(items, "UPDATE items SET embedding = NULL WHERE id <= 40")
    advised = asked(items)
    weighed = decisions.weigh(advised.spoken, decisions.standing(items))
    assert weighed.hidden == ()
    assert "invisible_rows" in {advice.rule.key for advice in weighed.shown}
    [lapsed] = weighed.lapsed.values()
    assert lapsed.because == "It was 3.33 % (of 600), and is 6.67 %."
    [(_, outcome)] = made(items, advised)
    assert outcome.state == "shown again"

    run(items, "DELETE FROM items WHERE embedding IS NULL")
    advised = asked(items)
    [(decision, outcome)] = made(items, advised)
    assert outcome.state == "silent"
    assert "All 560 rows have a vector" in outcome.sentence

    with pytest.raises(NotPermitted):
        decisions.bring_back(items, ANALYST, decision)
    decisions.bring_back(items, ENGINEER, decision)
    with pytest.raises(RequestError, match="not dismissed any more"):
        decisions.bring_back(items, ENGINEER, decision)
    [(_, outcome)] = made(items, advised)
    assert outcome.state == "lifted"
    with items.reading("tests") as connection:
        assert [row.action for row in audit.latest(connection)][:2] == [
            "bring finding back",
            "dismiss finding",
        ]


def test_a_silent_rule_cannot_be_dismissed(items: Database) -> None:
    with pytest.raises(RequestError, match="has nothing to say"):
        decisions.dismiss(items, ENGINEER, asked(items), "invisible_rows", reason="because")


@pytest.mark.parametrize("decided", DECIDED.values(), ids=lambda one: one.key)
def test_what_can_be_decided_is_described_and_tells_of_a_job_that_is_gone(
    database: Database, decided: Decided
) -> None:
    assert decided.icon.startswith(":material/")
    assert decided.about.endswith(".")
    evidence = {"title": "T", "severity": "slow", "budget_ms": 50.0, "said": []}
    lost = Decision(
        1, "public", "gone", "embedding", "unused", decided.key, "why", evidence, None, "ada",
        LONG_AGO, None, None,
    )  # fmt: skip
    with database.reading("tests") as connection:
        assert outcome_of(lost, Now(connection, {})).state == "unknown"
