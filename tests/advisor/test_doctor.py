"""Every rule of the plan doctor speaks on a server state that caused it, and is silent on another."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from dashboard.advisor.doctor.diagnose import Diagnosis, diagnose
from dashboard.advisor.doctor.rule import Asks, DoctorRule
from dashboard.advisor.doctor.rules import DOCTOR_RULES
from db.engine import Database
from db.errors import DashboardError, DimensionMismatch, RequestError, TableNotFound
from tests.advisor.doctors import QUERY, furnish, server_of
from tests.advisor.forms import ADVISED, FORMS, INDEX, TESTED, USES, Form
from tests.advisor.states import STATES
from tests.conftest import url_of

DISK = {"random_page_cost": "4"}
"""PostgreSQL's own; the embedded server has less."""
RELAXED = {**INDEX, "hnsw.iterative_scan": "relaxed_order"}


@dataclass(frozen=True)
class Ask:
    """A statement, V its query vector, and how it is asked; ``rewrite`` is part of what is offered."""

    sql: str
    settings: Mapping[str, str] = field(default_factory=dict)
    analyze: bool = False
    role: str | None = None
    rewrite: str | None = None
    only: int | None = None
    """The one PostgreSQL that behaves so, where they differ."""


NEAREST = "ORDER BY e <=> V LIMIT 10"
JOINED = "SELECT t.id FROM t JOIN o ON o.id = t.id {} ORDER BY t.e <=> V LIMIT 10"
JOIN = {**INDEX, "enable_hashjoin": "off", "enable_mergejoin": "off"}

SPEAKS: dict[str, list[Ask]] = {
    "another operator": [
        Ask("SELECT id FROM t ORDER BY e <-> V LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT key FROM v ORDER BY embedding <-> V LIMIT 10", rewrite="ORDER BY embedding <=> "),
        Ask("WITH c AS (SELECT id, e FROM t) SELECT id FROM c ORDER BY e <-> V LIMIT 5", rewrite="e <=> "),
        Ask("SELECT * FROM (SELECT id, e FROM t) s ORDER BY s.e <-> V LIMIT 5", rewrite="s.e <=> "),
        Ask('SELECT "a%b:c" FROM "Odd ""name" ORDER BY "é""v" <+> V LIMIT 3', rewrite='ORDER BY "é""v" <=> '),
    ],
    "hidden distance": [
        Ask("SELECT id FROM t ORDER BY e <=> V DESC LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT id, 1 - (e <=> V) AS s FROM t ORDER BY s DESC LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT id, 1 - (e <=> V) FROM t ORDER BY 2 DESC LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT id FROM t ORDER BY (e <=> V) + 0 LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT id FROM t ORDER BY coalesce(e <=> V, 1) LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT id FROM t ORDER BY round((e <=> V)::numeric, 3) LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT id FROM t ORDER BY 1 / (1 + (e <=> V)) DESC LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT id FROM t ORDER BY e <=> V NULLS FIRST LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT id FROM t ORDER BY cosine_distance(e, V) LIMIT 10", rewrite="ORDER BY e <=> "),
    ],
    "no limit": [
        Ask("SELECT id FROM t ORDER BY e <=> V", DISK, rewrite="LIMIT 10"),
        Ask("SELECT id FROM t ORDER BY e <=> V LIMIT ALL", DISK, rewrite="LIMIT 10"),
    ],
    "another expression": [
        Ask("SELECT id FROM half ORDER BY e <=> V LIMIT 10", rewrite="CAST(e AS halfvec(16)) <=> "),
        Ask("SELECT id FROM half ORDER BY e::halfvec <=> V LIMIT 10", rewrite="CAST(e AS halfvec(16)) <=> "),
        Ask(
            "SELECT id FROM bits ORDER BY binary_quantize(e) <~> binary_quantize(V::vector) LIMIT 10",
            rewrite="CAST(binary_quantize(e) AS pg_catalog.bit(16)) <~> ",
        ),
        Ask("SELECT id FROM bits b WHERE b.cat >= 0 ORDER BY b.e <=> V LIMIT 10", rewrite="LIMIT 40) AS b"),
        Ask("SELECT id FROM subs ORDER BY e <=> V LIMIT 10", rewrite="subvector(e, 1, 8)"),
        Ask(
            "SELECT id FROM subs ORDER BY subvector(e, 1, 8) <=> '[1,1,1,1,1,1,1,1]' LIMIT 10",
            rewrite="CAST(subvector(e, 1, 8) AS vector(8)) <=> ",
        ),
    ],
    "partial index": [
        Ask("SELECT id FROM part ORDER BY e <=> V LIMIT 10"),
        Ask("SELECT id FROM part WHERE cat = 4 ORDER BY e <=> V LIMIT 10"),
    ],
    "generic plan": [
        Ask("SELECT id FROM part WHERE cat = $1 ORDER BY e <=> $2 LIMIT $3", INDEX),
    ],
    "joined query": [
        Ask("SELECT t.id FROM t, q WHERE q.id = 1 ORDER BY t.e <=> q.e LIMIT 10", rewrite="LATERAL"),
        Ask("SELECT t.id FROM t JOIN q ON q.id = 1 ORDER BY q.e <=> t.e LIMIT 10", rewrite="LATERAL"),
        Ask(
            "WITH c AS MATERIALIZED (SELECT V::vector AS e) "
            "SELECT t.id FROM t, c ORDER BY t.e <=> c.e LIMIT 10",
            rewrite="LATERAL",
        ),
    ],
    "volatile query": [
        Ask("SELECT id FROM t ORDER BY e <=> embed('x') LIMIT 10", rewrite="(SELECT embed('x'))"),
    ],
    "invalid index": [Ask("SELECT id FROM broken ORDER BY e <=> V LIMIT 10")],
    "cost": [
        Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 3500", DISK),
        Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 10", {**DISK, "hnsw.ef_search": "1000"}),
        Ask("SELECT id, count(*) OVER () FROM t ORDER BY e <=> V LIMIT 10", only=18),
    ],
    "no index could serve": [
        Ask("SELECT id FROM plain ORDER BY e <=> V LIMIT 10"),
        Ask("SELECT id FROM t WHERE e <=> V < 0.3 LIMIT 10", rewrite="ORDER BY e <=> "),
        Ask("SELECT cat, min(e <=> V) FROM t GROUP BY cat ORDER BY 2 LIMIT 3"),
        Ask("SELECT id FROM t GROUP BY id ORDER BY min(e <-> V) LIMIT 3"),
        Ask("SELECT id FROM t WHERE e <=> V < 0.3 ORDER BY id + 1 LIMIT 3"),
        Ask("SELECT DISTINCT ON (cat) id FROM t ORDER BY cat, e <=> V LIMIT 3"),
        Ask("SELECT id FROM t TABLESAMPLE system (50) ORDER BY e <=> V LIMIT 10"),
        Ask("SELECT id FROM t ORDER BY e <=> NULL LIMIT 10"),
        Ask("SELECT id FROM t ORDER BY e <=> V, id LIMIT 10", rewrite="ORDER BY e <=> ", only=16),
        Ask("SELECT DISTINCT id, e <=> V AS d FROM t ORDER BY d LIMIT 10", only=16),
    ],
    "another index": [
        Ask("SELECT id FROM twice ORDER BY e <=> V LIMIT 10"),
        Ask("SELECT id FROM keyed WHERE id < 20 ORDER BY e <=> V LIMIT 10"),
    ],
    "small partitions": [Ask("SELECT id FROM parted ORDER BY e <=> V LIMIT 10", DISK)],
    "ef_search below limit": [
        Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 100"),
        Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 100", analyze=True),
        Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 30 OFFSET 30"),
        Ask("SELECT id FROM t ORDER BY e <=> V", INDEX),
    ],
    "filtered after": [
        Ask("SELECT id FROM t WHERE cat = 3 ORDER BY e <=> V LIMIT 10", INDEX),
        Ask("SELECT id FROM t WHERE cat = 3 ORDER BY e <=> V LIMIT 10", INDEX, analyze=True),
        Ask("SELECT id FROM lists WHERE cat = 3 ORDER BY e <=> V LIMIT 10", INDEX),
        Ask(JOINED.format("WHERE o.flag"), JOIN),
        Ask(JOINED.format("WHERE o.flag"), JOIN, analyze=True),
        Ask("SELECT id FROM t WHERE EXISTS (SELECT FROM o WHERE o.id = t.id AND flag) " + NEAREST, JOIN),
        Ask("SELECT id FROM (SELECT * FROM t ORDER BY e <=> V OFFSET 0) s WHERE cat = 3 LIMIT 10", INDEX),
    ],
    "scan budget": [
        Ask(
            "SELECT id FROM t WHERE cat = 3 ORDER BY e <=> V LIMIT 10",
            {**RELAXED, "hnsw.max_scan_tuples": "100"},
            analyze=True,
        ),
        Ask(
            "SELECT id FROM t WHERE cat = 3 ORDER BY e <=> V LIMIT 10",
            {**RELAXED, "work_mem": "64kB"},
            analyze=True,
        ),
    ],
    "dead rows": [
        Ask("SELECT id FROM dead ORDER BY e <=> V LIMIT 10", INDEX),
        Ask("SELECT id FROM dead ORDER BY e <=> V LIMIT 10", INDEX, analyze=True),
    ],
    "not in the index": [Ask("SELECT id FROM holes ORDER BY e <=> V LIMIT 10")],
    "few probes": [
        Ask("SELECT id FROM lists ORDER BY e <=> V LIMIT 300"),
        Ask("SELECT id FROM lists ORDER BY e <=> V LIMIT 300", analyze=True),
    ],
    "window count": [Ask("SELECT id, count(*) OVER () FROM t ORDER BY e <=> V LIMIT 10", INDEX)],
    "cursor": [
        Ask("DECLARE c CURSOR FOR SELECT id FROM t ORDER BY e <=> V"),
        Ask("SELECT id FROM t ORDER BY e <=> V", DISK),
    ],
    "policy after": [
        Ask("SELECT id FROM secret ORDER BY e <=> V LIMIT 30", INDEX, role="doctors_analyst"),
    ],
    "no distance": [
        Ask("SELECT id FROM t ORDER BY e <=> NULL::vector LIMIT 10"),
        Ask("SELECT id FROM t ORDER BY e <=> '[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 10"),
    ],
}

PLAIN = Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 10")
FILTERED = Ask("SELECT id FROM t WHERE cat < 90 ORDER BY e <=> V LIMIT 10", RELAXED)

SILENT: dict[str, Ask] = {
    "another operator": PLAIN,
    "hidden distance": Ask("SELECT id, 1 - (e <=> V) AS s FROM t ORDER BY e <=> V LIMIT 10"),
    "no limit": PLAIN,
    "another expression": Ask("SELECT id FROM half ORDER BY e::halfvec(16) <=> V LIMIT 10"),
    "partial index": Ask("SELECT id FROM part WHERE cat = 3 ORDER BY e <=> V LIMIT 10", INDEX),
    "generic plan": Ask("SELECT id FROM t ORDER BY e <=> $1 LIMIT $2"),
    "joined query": Ask(
        "SELECT n.id FROM q CROSS JOIN LATERAL (SELECT t.id FROM t ORDER BY t.e <=> q.e LIMIT 5) n"
    ),
    "volatile query": Ask("SELECT id FROM t ORDER BY e <=> embed_stable('x') LIMIT 10"),
    "invalid index": PLAIN,
    "cost": PLAIN,
    "no index could serve": PLAIN,
    "another index": PLAIN,
    "small partitions": Ask("SELECT id FROM parted ORDER BY e <=> V LIMIT 10", INDEX),
    "ef_search below limit": Ask(
        "SELECT id FROM t ORDER BY e <=> V LIMIT 100", {**INDEX, "hnsw.ef_search": "200"}, analyze=True
    ),
    "filtered after": Ask("SELECT id FROM t WHERE cat < 90 ORDER BY e <=> V LIMIT 10", INDEX, analyze=True),
    "scan budget": FILTERED,
    "dead rows": Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 10", analyze=True),
    "not in the index": PLAIN,
    "few probes": Ask("SELECT id FROM lists ORDER BY e <=> V LIMIT 20", analyze=True),
    "window count": Ask("SELECT row_number() OVER (ORDER BY e <=> V) FROM t ORDER BY e <=> V LIMIT 3", INDEX),
    "cursor": Ask("DECLARE c CURSOR FOR SELECT id FROM t ORDER BY e <=> V LIMIT 10"),
    "policy after": Ask("SELECT id FROM secret ORDER BY e <=> V LIMIT 30", INDEX),
    "no distance": PLAIN,
}


@pytest.fixture(scope="module", params=[18, 16])
def clinic(
    request: pytest.FixtureRequest, server_url: str, maintenance: Connection, template: str
) -> Iterator[Database]:
    """A database of tables to be asked about; only to be read."""
    if request.param == 18:
        maintenance.execute(text(f"CREATE DATABASE clinic TEMPLATE {template}"))
        database = Database(url_of(server_url, "clinic"))
        furnish(database)
        yield database
        database.dispose()
        return
    with server_of(request.param) as url:
        database = Database(url)
        furnish(database)
        yield database
        database.dispose()


Doctor = Callable[[Ask], Diagnosis]


def written(sql: str) -> str:
    return re.sub(r"\bV\b", QUERY, sql)


@pytest.fixture
def doctor(clinic: Database) -> Iterator[Doctor]:
    with clinic.reading("tests", vectors=True) as connection:
        version = connection.dialect.server_version_info

        def ask(asked: Ask) -> Diagnosis:
            if asked.only and version and version[0] != asked.only:
                pytest.skip(f"only PostgreSQL {asked.only} plans it so")
            if asked.role:
                connection.execute(text(f"SET LOCAL ROLE {asked.role}"))
            return diagnose(connection, written(asked.sql), asked.settings, analyze=asked.analyze)

        yield ask


def spoken(found: Diagnosis) -> list[tuple[str, str]]:
    return [(finding.rule, finding.title) for finding in (*found.findings, *found.truncation)]


def test_every_rule_is_tested_where_it_speaks_and_where_it_is_silent() -> None:
    titles = [rule.title for rule in DOCTOR_RULES]
    assert len(set(titles)) == len(titles)
    assert set(titles) == set(SPEAKS) == set(SILENT)
    assert {f"P{n}" for n in range(1, 13)} | {f"F{n}" for n in range(1, 11)} == {r.name for r in DOCTOR_RULES}


@pytest.mark.parametrize("rule", DOCTOR_RULES, ids=lambda rule: rule.title)
def test_every_rule_has_its_word_and_its_source(rule: DoctorRule) -> None:
    glossary = Path(__file__).parents[2] / "docs" / "glossary.md"
    assert f"- **{rule.title}** ({rule.name}) - " in glossary.read_text()
    assert rule.source


CASES = [
    pytest.param(rule, asked, id=f"{rule.name} {asked.sql[:60]}{' analyzed' * asked.analyze}")
    for rule in DOCTOR_RULES
    for asked in SPEAKS[rule.title]
]


@pytest.mark.parametrize(("rule", "asked"), CASES)
def test_a_rule_speaks_where_it_is_to_blame(doctor: Doctor, rule: DoctorRule, asked: Ask) -> None:
    found = doctor(asked)
    assert (rule.name, rule.title) in spoken(found)
    if rule.asks is Asks.TRUNCATED:
        return
    [finding] = found.findings
    assert finding.evidence
    assert finding.remedy
    assert (asked.rewrite is None) == (finding.rewritten_sql is None or rule.title == "generic plan")
    if asked.rewrite and finding.rewritten_sql:
        assert asked.rewrite in finding.rewritten_sql
        assert doctor(Ask(finding.rewritten_sql)).uses_index


@pytest.mark.parametrize("rule", DOCTOR_RULES, ids=lambda rule: f"{rule.name} {rule.title}")
def test_a_rule_is_silent_where_it_is_not(doctor: Doctor, rule: DoctorRule) -> None:
    assert (rule.name, rule.title) not in spoken(doctor(SILENT[rule.title]))


@pytest.mark.parametrize("analyze", [False, True])
@pytest.mark.parametrize("join", ["JOIN o ON o.id = t.id", "LEFT JOIN o ON o.id = t.id AND o.flag"])
def test_a_join_that_leaves_no_row_out_cuts_nothing(doctor: Doctor, join: str, analyze: bool) -> None:
    asked = f"SELECT t.id FROM t {join} ORDER BY t.e <=> V LIMIT 10"
    found = doctor(Ask(asked, JOIN, analyze=analyze))
    assert (found.uses_index, found.truncation) == (True, ())


FOUND = [pytest.param(form, id=f"{row}: {form.sql[:60]}") for row, forms in FORMS.items() for form in forms]


@pytest.mark.parametrize("form", FOUND)
def test_every_form_is_judged_as_it_was_found(clinic: Database, form: Form) -> None:
    with clinic.reading("tests", vectors=True) as connection:
        version = connection.dialect.server_version_info
        assert version
        wanted = form.on(int(version[0]))
        if not re.fullmatch(r"[PF]\d+|uses the index", wanted):
            with pytest.raises(RequestError, match=wanted):
                diagnose(connection, written(form.sql), form.settings)
            return
        found = diagnose(connection, written(form.sql), form.settings)
    if wanted == USES:
        assert (found.uses_index, found.plan_node, found.findings) == (True, "Index Scan", ())
    else:
        assert wanted in {rule for rule, _ in spoken(found)}


def test_every_known_symptom_is_produced() -> None:
    by_rule = {rule.name for rule in DOCTOR_RULES if SPEAKS[rule.title]}
    counts = {"P": 12, "F": 10, "R": 7, "B": 10, "V": 1, "C": 2, "S": 2}
    known = {f"{kind}{number}" for kind, most in counts.items() for number in range(1, most + 1)}
    accounts = (by_rule, set(ADVISED), set(TESTED))
    assert set().union(*accounts) == known
    assert sum(map(len, accounts)) == len(known), "each is accounted for once"
    assert set(ADVISED.values()) <= set(STATES)
    for place in TESTED.values():
        file, _, name = place.partition("::")
        assert f"def {name}(" in (Path(__file__).parents[1] / file).read_text(), place


def test_a_first_search_whose_pages_have_to_be_fetched_is_told_to_be_cold(clinic: Database) -> None:
    # Its files are copied past the server's memory, which then holds no page of it, as after a restart.
    clinic.dispose()
    maintenance = Database(url_of(clinic.url.render_as_string(False), "template1"))
    source = clinic.url.database
    with maintenance.control("tests") as connection:
        connection.execute(text(f"CREATE DATABASE restarted TEMPLATE {source} STRATEGY file_copy"))
    restarted = Database(url_of(clinic.url.render_as_string(False), "restarted"))
    told = []
    for _ in range(2):
        with restarted.reading("tests", vectors=True) as connection:
            told.append(diagnose(connection, written(PLAIN.sql), INDEX, analyze=True).notes)
    restarted.dispose()
    with maintenance.control("tests") as connection:
        connection.execute(text("DROP DATABASE restarted WITH (FORCE)"))
    maintenance.dispose()
    [cold], warm = told
    assert re.match(r"C1, cold cache: \d+ of \d+ pages were not in the server's memory", cold)
    assert warm == ()


def test_several_obstacles_are_named_and_rewritten_together(doctor: Doctor) -> None:
    found = doctor(Ask("SELECT id, 1 - (e <-> V) AS s FROM t ORDER BY s DESC", DISK))
    assert [finding.rule for finding in found.findings] == ["P2", "P1", "P3"]
    assert {finding.rewritten_sql for finding in found.findings} == {
        f"SELECT id, 1 - (e <=> {QUERY}) AS s FROM t ORDER BY e <=> {QUERY} LIMIT 10"
    }


def test_what_was_put_in_the_place_of_parameters_is_told(doctor: Doctor) -> None:
    found = doctor(Ask("SELECT id FROM t WHERE cat = %(cat)s ORDER BY e <=> %(query)s LIMIT %(k)s"))
    assert found.notes[0].startswith("%(cat)s was taken as ")
    assert found.notes[1] == "%(query)s was taken as the vector of some row of public.t.e."
    assert found.notes[2] == "%(k)s was taken as 10."


def test_a_parameter_beside_no_column_is_an_ordinary_value_of_its_type(doctor: Doctor) -> None:
    found = doctor(Ask("SELECT id, $1 - (e <=> $2) AS s FROM t WHERE $3 ORDER BY s DESC LIMIT $4"))
    assert found.notes[0] == "$1 was taken as 1."
    assert found.notes[2] == "$3 was taken as true."
    assert [finding.rule for finding in found.findings] == ["P2"]


@pytest.mark.parametrize(
    ("asked", "rewritten"),
    [
        (
            "SELECT id, $1 - (e <=> $2) AS s FROM t WHERE e <-> $3 < $4 ORDER BY s DESC LIMIT 5",
            "SELECT id, 1 - (e <=> $1) AS s FROM t WHERE e <-> $2 < 1 ORDER BY e <=> $1 LIMIT 5",
        ),
        (
            "SELECT id FROM t ORDER BY 1 - (e <=> %(query)s) DESC LIMIT 5",
            "SELECT id FROM t ORDER BY e <=> %(query)s LIMIT 5",
        ),
    ],
)
def test_what_is_written_anew_has_parameters_in_the_place_of_vectors(
    doctor: Doctor, asked: str, rewritten: str
) -> None:
    [finding] = doctor(Ask(asked)).findings
    assert finding.rewritten_sql == rewritten
    assert doctor(Ask(finding.rewritten_sql)).uses_index


def test_a_statement_without_vectors_is_said_to_be_one(doctor: Doctor) -> None:
    found = doctor(Ask("SELECT 1"))
    assert (found.findings, found.truncation) == ((), ())
    assert found.notes == ("No vector column is compared in this statement.",)


def test_without_analyze_nothing_is_run(doctor: Doctor) -> None:
    assert doctor(Ask("SELECT pg_sleep(60)")).plan.execution_ms is None
    assert (
        doctor(Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 3", analyze=True)).plan.execution_ms is not None
    )


def test_a_statement_that_runs_too_long_is_stopped(clinic: Database) -> None:
    endless = "SELECT count(*) FROM generate_series(1, 1e9) AS i"
    with pytest.raises(DashboardError, match="statement timeout"), clinic.reading("t", vectors=True) as c:
        diagnose(c, endless, {"statement_timeout": "200"}, analyze=True)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", "pg_terminate_backend"),
        ("SELECT id FROM t WHERE pg_advisory_lock(id) IS NULL ORDER BY e <=> V", "pg_advisory_lock"),
        ("WITH x AS (SELECT (SELECT set_config('a.b', 'c', false))) SELECT * FROM x", "set_config"),
        ("SELECT * FROM pg_catalog.pg_ls_dir('.')", "pg_ls_dir"),
        ("SELECT id FROM t WHERE $1 = id AND pg_sleep(60) IS NULL", "pg_sleep"),
        ("SELECT id FROM sly", "pg_notify"),
    ],
)  # fmt: skip
def test_what_may_do_more_than_answer_is_explained_and_not_run(clinic: Database, sql: str, name: str) -> None:
    with clinic.control("tests") as connection:
        connection.exec_driver_sql(
            "CREATE OR REPLACE VIEW sly AS SELECT id, pg_notify('a', 'b')::text AS n FROM t"
        )
    sql = sql.replace("sly", "sly WHERE n IS NULL")
    with clinic.reading("tests", vectors=True) as connection:
        assert diagnose(connection, written(sql)).plan.execution_ms is None
        with pytest.raises(RequestError, match=f"it calls {name}, which is declared VOLATILE"):
            diagnose(connection, written(sql), analyze=True)


def test_a_draw_and_a_look_at_the_clock_are_run(doctor: Doctor) -> None:
    harmless = (
        "SELECT id, clock_timestamp(), gen_random_uuid() FROM t WHERE random() < 2 ORDER BY e <=> V LIMIT 3"
    )
    assert doctor(Ask(harmless, analyze=True)).plan.execution_ms is not None


def test_a_function_that_only_bears_a_harmless_name_is_not_run(clinic: Database) -> None:
    with clinic.control("tests") as connection:
        connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION random(t text) RETURNS text LANGUAGE plpgsql "
            "AS $$ BEGIN PERFORM pg_notify('a', t); RETURN t; END $$"
        )
    try:
        with (
            clinic.reading("tests", vectors=True) as connection,
            pytest.raises(RequestError, match="it calls random, which is declared VOLATILE"),
        ):
            diagnose(connection, "SELECT random('b')", analyze=True)
    finally:
        with clinic.control("tests") as connection:
            connection.exec_driver_sql("DROP FUNCTION random(text)")


def test_a_word_that_only_looks_like_a_call_is_run(doctor: Doctor) -> None:
    asked = Ask("SELECT id FROM t WHERE id::text <> 'pg_sleep(9)' ORDER BY e <=> V LIMIT 3", analyze=True)
    assert doctor(asked).plan.execution_ms is not None


@pytest.mark.parametrize(
    ("sql", "error", "sentence"),
    [
        ("SELECT 1; SELECT 2", RequestError, "There are 2 statements here"),
        ("", RequestError, "There is no statement here"),
        ("DROP TABLE t", RequestError, "This is no SELECT but DROP."),
        ("SELEC 1", RequestError, "PostgreSQL cannot parse this: syntax error"),
        (
            "WITH d AS (DELETE FROM t RETURNING id) SELECT * FROM d",
            RequestError,
            "part of this SELECT writes",
        ),
        ("SELECT * INTO copy FROM t", RequestError, "SELECT INTO makes a table"),
        (
            "SELECT id FROM t WHERE $1::tsvector IS NULL ORDER BY e <=> V",
            RequestError,
            "No value can be guessed",
        ),
        ("SELECT id FROM nowhere", TableNotFound, "nowhere"),
        ("SELECT id FROM t ORDER BY e <=> '[1,2]' LIMIT 3", DimensionMismatch, "has 16 dimensions"),
        ("SELECT id FROM t ORDER BY e <=> ARRAY[1,2]::real[] LIMIT 3", RequestError, "vector <=> real"),
    ],
)
def test_what_is_no_question_is_refused_in_a_sentence(
    clinic: Database, sql: str, error: type[DashboardError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence), clinic.reading("tests", vectors=True) as connection:
        diagnose(connection, written(sql))


def test_a_view_may_be_asked_about_by_whom_its_table_is_kept_from(clinic: Database) -> None:
    with clinic.control("tests") as connection:
        connection.execute(text("REVOKE SELECT ON t FROM doctors_analyst"))
    with clinic.reading("tests", vectors=True) as connection:
        connection.execute(text("SET LOCAL ROLE doctors_analyst"))
        found = diagnose(connection, written("SELECT key FROM v ORDER BY embedding <=> V LIMIT 3"))
        assert found.index == "t_e"
        with pytest.raises(RequestError, match="No value can be guessed"):
            diagnose(connection, "SELECT key FROM v ORDER BY embedding <=> $1 LIMIT 3")


def test_a_computed_limit_is_not_guessed_at(doctor: Doctor) -> None:
    assert doctor(Ask("SELECT id FROM t ORDER BY e <=> V LIMIT (SELECT 5)")).truncation == ()


def test_locks_are_planned_but_not_taken(doctor: Doctor) -> None:
    with pytest.raises(RequestError, match="FOR UPDATE"):
        doctor(Ask("SELECT id FROM t ORDER BY e <=> V LIMIT 3 FOR UPDATE", analyze=True))


def test_a_zero_vector_is_put_in_no_place_while_there_is_another(database: Database) -> None:
    with database.control("tests") as connection:
        connection.execute(text("CREATE TABLE z AS SELECT i AS id, ARRAY[i / 9, 0]::vector(2) AS e "
                                "FROM generate_series(1, 20) AS i"))  # fmt: skip
    with database.reading("tests", vectors=True) as connection:
        found = diagnose(connection, "SELECT id FROM z ORDER BY e <=> $1 LIMIT 3")
    assert "F10" not in [finding.rule for finding in found.truncation]
