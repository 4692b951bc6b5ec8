"""Every page in every state: a sentence and a remedy, never a trace and never nothing.

A new page is one entry of CASES: how it is opened, what it says where it does not say what all say, and
why a state cannot befall it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection
from streamlit.testing.v1 import AppTest

from dashboard.inspection.run import InspectRequest, inspect
from dashboard.nav import PAGES
from db.engine import Database
from db.migrate import upgrade
from db.progress import Unrecorded
from tests.pages.conftest import forget_the_installation, open_app

READER = "states_reader"
NOWHERE = "postgresql://reader:s3cret@127.0.0.1:1/vectors"

FEW = """
CREATE TABLE few (id int PRIMARY KEY, title text, embedding vector(2));
INSERT INTO few SELECT i, 'row ' || i, ARRAY[i, 1]::vector FROM generate_series(1, 40) AS i;
CREATE TABLE other (id int PRIMARY KEY, embedding vector(2));
ANALYZE
"""
MANY = """
CREATE TABLE many (id int PRIMARY KEY, kind text, embedding vector(4));
INSERT INTO many
SELECT i, 'kind ' || i % 5, ARRAY[i % 97, i % 89, i % 83, 1]::vector FROM generate_series(1, 25000) AS i
"""
FEW_COLUMN, MANY_COLUMN, DEMO_COLUMN = (f"public.{table}.embedding" for table in ("few", "many", "products"))


@dataclass
class World:
    """A database that a page is opened on, and the installation that has it."""

    database: Database
    bare: Database
    environment: pytest.MonkeyPatch
    holder: Connection

    def run(self, script: str) -> None:
        with self.database.control("tests") as connection:
            connection.exec_driver_sql(script.replace("%", "%%"))

    def use(self, database: Database) -> None:
        self.environment.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))

    def read_as_another(self) -> None:
        """Read by a login of its own, which may read Vectorscope's tables and no others."""
        self.run(f"CREATE ROLE {READER} LOGIN")
        url = self.database.url.set(username=READER).render_as_string(hide_password=False)
        self.environment.setenv("DATABASE_READ_URL", url)
        with_reader = Database(self.database.url.render_as_string(hide_password=False), url)
        upgrade(with_reader)
        with_reader.dispose()


@pytest.fixture
def world(served: Database, empty_database: Database, installation: pytest.MonkeyPatch) -> Iterator[World]:
    with served.control("tests") as holder:
        made = World(served, empty_database, installation, holder)
        made.run(f"DROP ROLE IF EXISTS {READER}")
        yield made
        holder.exec_driver_sql("ROLLBACK")
    made.run(f"DO $$ BEGIN IF to_regrole('{READER}') IS NOT NULL THEN DROP OWNED BY {READER}; END IF; END $$")
    made.run(f"DROP ROLE IF EXISTS {READER}")


# What brings each state about.


def no_table(world: World) -> None:
    world.run("DROP TABLE products")


def empty_table(world: World) -> None:
    """The demo's table stands without rows in every migrated database."""


def no_permission(world: World) -> None:
    world.run(FEW)
    world.read_as_another()
    world.run(f"GRANT SELECT ON other TO {READER}")


def no_permission_at_all(world: World) -> None:
    world.run(FEW)
    world.read_as_another()


def no_permission_beneath(world: World) -> None:
    world.run(FEW)
    world.run("ALTER TABLE few RENAME TO beneath")
    world.run("CREATE VIEW few WITH (security_invoker) AS SELECT * FROM beneath")
    world.read_as_another()
    world.run(f"GRANT SELECT ON few TO {READER}")


def timeout(world: World) -> None:
    """Every row the reader looks at takes longer than a page may ask."""
    world.run(FEW)
    world.read_as_another()
    world.run(f"GRANT SELECT ON few TO {READER}")
    world.run("ALTER TABLE few ENABLE ROW LEVEL SECURITY")
    world.run("CREATE POLICY slowly ON few USING (pg_sleep(5 + 0 * id) IS NOT NULL)")
    world.environment.setenv("READ_TIMEOUT_S", "1")


def locked(world: World) -> None:
    world.run(FEW)
    world.holder.exec_driver_sql("BEGIN")
    world.holder.exec_driver_sql("LOCK TABLE few")


def database_down(world: World) -> None:
    world.environment.setenv("DATABASE_URL", NOWHERE)


def no_extension(world: World) -> None:
    world.use(world.bare)


def not_migrated(world: World) -> None:
    world.run(FEW)
    world.run("DROP SCHEMA vectorscope CASCADE")


def partial(world: World) -> None:
    world.run(MANY)
    world.run("ANALYZE many")
    request = InspectRequest(MANY_COLUMN, rows=1_000, seed=7)
    inspect(world.database, request, Unrecorded(), created_by="ada", job_id=None)


@dataclass(frozen=True)
class State:
    """How a state comes about, the column that has it, and what is said and offered unless a page differs."""

    arrange: Callable[[World], None]
    column: str
    says: str = ""
    offers: str = ""


STATES: Mapping[str, State] = {
    "no table": State(
        no_table, "", "There is no vector column yet that this role may read", "Load sample data"
    ),
    "empty table": State(empty_table, DEMO_COLUMN, "products holds no rows", "Load"),
    "no permission": State(
        no_permission,
        FEW_COLUMN,
        f"The login {READER} may not read public.few",
        f"GRANT SELECT ON public.few TO {READER};",
    ),
    "no permission at all": State(
        no_permission_at_all,
        "",
        rf"The login {READER} may not read public\.few, public\.other, public\.products",
        f"GRANT SELECT ON public.few TO {READER};",
    ),
    "no permission beneath a view": State(
        no_permission_beneath,
        FEW_COLUMN,
        f"The login {READER} may not read public.beneath: permission denied for table beneath",
        f"GRANT SELECT ON public.beneath TO {READER};",
    ),
    "timeout": State(
        timeout,
        FEW_COLUMN,
        "This took longer than 1 s, and the server stopped it",
        r"(?s)READ_TIMEOUT_S.*SELECT.*Raise to 30 s",
    ),
    "locked": State(
        locked, FEW_COLUMN, "Another session has locked what this page reads", "Wait for the other session"
    ),
    "database down": State(
        database_down, FEW_COLUMN, "The database does not answer", "(?s)docker compose ps.*Try again"
    ),
    "no extension": State(no_extension, FEW_COLUMN, "has no pgvector", "python -m dashboard migrate"),
    "not migrated": State(
        not_migrated, FEW_COLUMN, "own tables are not in this database", "python -m dashboard migrate"
    ),
    "partial": State(partial, MANY_COLUMN),
}


@dataclass(frozen=True)
class Case:
    """A page: its address beside the column, what it says of its own, and the states it is never in."""

    query: Mapping[str, str] = field(default_factory=dict)
    says: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    never: Mapping[str, str] = field(default_factory=dict)


OWN_READS_NO_TABLE = "reads no table of the reader's own"
NEEDS_NONE_OF_OURS = "reads none of our own tables"
A_JOB_READS = "shows what a job has stored; the job itself reads without this limit, and says how it ended"
READS_WHOLE = "samples nothing"
FROM_THE_CATALOGUE = "takes its figures from the catalogue"

CASES: Mapping[str, Case] = {
    "data": Case(
        says={
            "timeout": ("This page was not there after 1 s", "Wait up to 60 s"),
            "partial": ("~ from the planner's statistics, as old as the last ANALYZE", "exact"),
        },
        never={"not migrated": NEEDS_NONE_OF_OURS},
    ),
    "item": Case(
        {"id": "7"},
        says={
            "empty table": ("There is no row 7: public.products holds no rows", "Load sample data"),
            "partial": (r"of \d+,\d+ sampled rows, seed \d+", "Search from here"),
        },
        never={"not migrated": NEEDS_NONE_OF_OURS},
    ),
    "inspection": Case(
        says={
            "no permission beneath a view": ("Not inspected yet", "Inspect this column"),
            "partial": (r"1,000 .*25,000 rows.*seed 7", "Inspect again"),
        },
        never={"timeout": A_JOB_READS, "locked": A_JOB_READS},
    ),
    "map": Case(
        {"n": "2k"},
        says={
            "empty table": ("at least 10 rows with a vector; there are 0", "Add rows"),
            "timeout": ("This took longer than 1 s", "READ_TIMEOUT_S.*Raise to 30 s"),
            "partial": (r"2,000 of ~?25,000 rows · .*seed 42", "A sample"),
        },
        never={"not migrated": NEEDS_NONE_OF_OURS},
    ),
    "search": Case(
        {"by": "Row id", "q": "7"},
        never={"not migrated": NEEDS_NONE_OF_OURS, "partial": READS_WHOLE},
    ),
    "benchmarks": Case(
        says={"empty table": ("has 0 rows to measure", "load more rows")},
        never={
            "no permission beneath a view": A_JOB_READS,
            "timeout": A_JOB_READS,
            "locked": A_JOB_READS,
            "partial": "a run says with each figure what it was taken of",
        },
    ),
    "advisor": Case(
        says={"empty table": ("holds no rows", "Load rows")},
        never={"not migrated": "advises without them", "partial": "says with each figure what it rests on"},
    ),
    "indexes": Case(
        says={"empty table": ("0 rows cannot be", "Build an index")},
        never={
            "no permission beneath a view": FROM_THE_CATALOGUE,
            "timeout": FROM_THE_CATALOGUE,
            "locked": FROM_THE_CATALOGUE,
            "partial": READS_WHOLE,
        },
    ),
    "overview": Case(
        says={
            "no table": ("Load", "Load sample data"),
            "empty table": ("There are no vectors in the schemas you may read", "Load sample data"),
            "no permission": (f"The login {READER} may not read public.few", "GRANT SELECT ON public.few"),
            "partial": ("vectors?", "Measure"),
        },
        never={
            "no permission beneath a view": "lists what may be read, and reads nothing of it",
            "timeout": FROM_THE_CATALOGUE,
            "locked": FROM_THE_CATALOGUE,
        },
    ),
    "seed": Case(
        says={"no extension": ("What to load", "Load"), "not migrated": ("What to load", "Load")},
        never={
            state: "offers what can be loaded, whatever is there"
            for state in STATES
            if state not in {"database down", "no extension", "not migrated"}
        },
    ),
    "jobs": Case(
        says={
            "no table": ("Nothing is running, and nothing has run yet", "Load sample data"),
            "no extension": ("own tables are not in this database", "python -m dashboard migrate"),
        },
        never={
            state: OWN_READS_NO_TABLE
            for state in STATES
            if state not in {"no table", "database down", "no extension", "not migrated"}
        },
    ),
}

ELSEWHERE = {"admin": "tests/pages/test_admin.py: it is about the server, and reads no table"}


def words(app: AppTest) -> str:
    """Everything that can be read on a page, and on its buttons."""
    kinds = (
        *(app.title, app.header, app.subheader, app.markdown, app.caption),
        *(app.error, app.warning, app.info, app.success, app.code),
    )
    read = [element.value for kind in kinds for element in kind] + [button.label for button in app.button]
    return " ".join(read).replace("\\", "")


def test_a_limit_is_raised_for_one_question_and_then_as_it_was(world: World) -> None:
    timeout(world)
    patient = "CASE current_setting('statement_timeout') WHEN '30s' THEN 0 ELSE 5 END"
    world.run(f"ALTER POLICY slowly ON few USING (pg_sleep({patient} + 0 * id) IS NOT NULL)")
    forget_the_installation()
    app = open_app("search", c=FEW_COLUMN, by="Vector", q="[1,1]")
    [raised] = [button for button in app.button if button.label == "Raise to 30 s"]
    assert "10 of 10 returned" in words(raised.click().run())
    forget_the_installation()
    assert "This took longer than 1 s" in words(app.run())


def test_every_page_has_its_states() -> None:
    assert {page.file.removesuffix(".py") for page in PAGES} == {*CASES, *ELSEWHERE}
    for page, case in CASES.items():
        assert {*case.says, *case.never} <= set(STATES), page
        assert not {*case.says} & {*case.never}, page


MET = [(page, state) for page in CASES for state in STATES if state not in CASES[page].never]


@pytest.mark.parametrize(("page", "state"), MET, ids=[f"{page}, {state}" for page, state in MET])
def test_a_page_says_what_state_it_is_in_and_what_to_do(world: World, page: str, state: str) -> None:
    entry, case = STATES[state], CASES[page]
    entry.arrange(world)
    forget_the_installation()
    app = open_app(page, **({"c": entry.column} if entry.column else {}), **case.query)
    told = words(app)
    says, offers = case.says.get(state, (entry.says, entry.offers))
    assert not app.exception
    assert ":material/bug_report:" not in [error.icon for error in app.error], told
    assert "Traceback" not in told
    assert re.search(says, told), told
    assert re.search(offers, told), told
    assert "s3cret" not in told
    assert "local mode" in " ".join(badge.value for badge in app.sidebar.markdown), "the sidebar is not drawn"
