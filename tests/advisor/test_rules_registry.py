"""Every rule speaks over a real state of a server that caused it, and neither before nor after its remedy."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dashboard.advising import crossing
from dashboard.advisor.advice import Advice, Looked, Rule, Said, Silence
from dashboard.advisor.evidence import taken, worse
from dashboard.advisor.facts import Facts, gather
from dashboard.advisor.rules import RULE, RULES
from dashboard.jobs.kinds import kind_named
from db.catalog import find_column
from db.engine import Database
from db.migrate import upgrade
from tests.advisor.conftest import SHARED_BUFFERS
from tests.advisor.doctors import server_of
from tests.advisor.forms import ADVISED
from tests.advisor.states import COLUMN, STATES, State, run
from tests.conftest import url_of

SHOWS_ROWS = {"invisible_rows", "duplicates"}
ANOTHER_SERVER = {"known_defects"}
NO_STATEMENT = {"keep_exact"}

BUILT, DROPPED, REBUILT = "build_index", "drop_index", "reindex"
APPLIED = {
    "exact_over_budget": BUILT,
    "will_cross": BUILT,
    "wrong_operator": BUILT,
    "ivfflat_lists": BUILT,
    "page_cliff": BUILT,
    "over_memory": BUILT,
    "needless_index": DROPPED,
    "both_methods": DROPPED,
    "twins": DROPPED,
    "unused": DROPPED,
    "invalid": REBUILT,
    "ivfflat_little_data": REBUILT,
    "rows_since_build": REBUILT,
}
"""The kind of job that applies a rule's remedy; what the others ask for is done by hand, and they say so."""


def gathered(database: Database, budget_ms: float, local: Sequence[str] = ()) -> Facts:
    with database.reading("tests", vectors=True) as connection:
        for statement in local:
            connection.exec_driver_sql(statement)
        return gather(connection, find_column(connection, COLUMN), budget_ms=budget_ms, fit=crossing)


def look(rule: Rule, database: Database, budget_ms: float, local: Sequence[str] = ()) -> Looked:
    return rule.look(gathered(database, budget_ms, local))


def reason(looked: Looked) -> str:
    assert isinstance(looked, Silence), looked
    assert looked.reason.endswith("."), looked.reason
    return looked.reason


def speaks(rule: Rule, database: Database, state: State) -> Said:
    looked = look(rule, database, state.budget_ms, state.local)
    assert not isinstance(looked, Silence), looked.reason
    assert len(looked) == 1
    return looked[0]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_a_rule_is_silent_speaks_over_its_cause_and_is_silenced_by_its_remedy(
    rule: Rule, request: pytest.FixtureRequest
) -> None:
    assert rule.key in STATES, f"Cause what {rule.key} speaks of, in tests/advisor/states.py."
    put_to_the_test(rule, request.getfixturevalue(STATES[rule.key].server))


@pytest.fixture(scope="module")
def server_16() -> Iterator[str]:
    """URL of a PostgreSQL 16 of little memory, whose database ``postgres`` is migrated."""
    with server_of(16, shared_buffers=SHARED_BUFFERS, fsync="off", autovacuum="off") as url:
        database = Database(url)
        upgrade(database)
        database.dispose()
        yield url


@pytest.fixture
def database_16(server_16: str) -> Iterator[Database]:
    """A migrated database of its own on PostgreSQL 16."""
    maintenance = Database(url_of(server_16, "template1"))
    with maintenance.control("tests") as connection:
        connection.exec_driver_sql("CREATE DATABASE advised TEMPLATE postgres")
    database = Database(url_of(server_16, "advised"))
    yield database
    database.dispose()
    with maintenance.control("tests") as connection:
        connection.exec_driver_sql("DROP DATABASE advised WITH (FORCE)")
    maintenance.dispose()


@pytest.mark.parametrize("key", sorted(set(ADVISED.values())))
def test_a_symptom_that_no_plan_shows_is_told_of_on_postgresql_16_too(
    key: str, database_16: Database
) -> None:
    put_to_the_test(RULE[key], database_16)


def put_to_the_test(rule: Rule, database: Database) -> None:
    state = STATES[rule.key]
    run(database, state.table)
    assert reason(look(rule, database, state.quiet_budget_ms))

    run(database, state.cause)
    said = speaks(rule, database, state)
    assert said.finding.endswith(".")
    assert said.numbers
    assert all(number.value and number.what for number in said.numbers)
    assert sum(number.weight is not None for number in said.numbers) <= 1
    advice = Advice(rule, COLUMN, said)
    assert worse(json.loads(json.dumps(taken([advice], state.budget_ms))), [advice]) is None
    for name, wanted in state.fields.items():
        assert wanted in getattr(said, name)
    run(database, said.query)
    compile(said.remedy.migration, "migration", "exec")
    can_be_verified_and_applied_or_says_why_not(rule, database, said)

    local = [*state.local, *(s for s in said.remedy.statements if s.startswith("SET "))]
    carry_out(rule, database, said, state)
    assert reason(look(rule, database, state.budget_ms, local))


def can_be_verified_and_applied_or_says_why_not(rule: Rule, database: Database, said: Said) -> None:
    remedy, kind = said.remedy, APPLIED.get(rule.key)
    assert {BUILT if remedy.build else None, *(change.kind for change in remedy.changes)} - {None} == (
        {kind} if kind else set()
    )
    assert bool(remedy.by_hand) is (kind is None)
    if kind is None:
        return
    assert kind_named(kind)
    assert remedy.weighed, "what a job changes is measured on a copy first"
    with database.reading("tests") as connection:
        known = {index.name for index in find_column(connection, COLUMN).indexes}
    assert {change.index for change in remedy.changes} <= known


def carry_out(rule: Rule, database: Database, said: Said, state: State) -> None:
    """Do what the remedy says; settings are for the transaction of the search, and made there."""
    if rule.key in SHOWS_ROWS:
        with database.reading("tests") as connection:
            for statement in said.remedy.statements:
                assert connection.exec_driver_sql(statement.replace("%", "%%")).all()
    elif rule.key not in ANOTHER_SERVER | NO_STATEMENT:
        assert said.remedy.statements
        for statement in said.remedy.statements:
            if not statement.startswith("SET "):
                run(database, statement)
    run(database, state.fix or "")


def test_rules_are_told_apart_and_each_state_belongs_to_one() -> None:
    assert set(APPLIED) <= set(RULE)
    assert sorted(STATES) == sorted({rule.key for rule in RULES})
    assert len({rule.title for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("title", [rule.title for rule in RULES])
def test_every_rule_is_in_the_glossary(title: str) -> None:
    glossary = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text()
    assert f"**{title}**" in glossary, f"Define **{title}** in docs/glossary.md."
