"""What single rules say in particular states: other kinds of tables, other versions, other sizes."""

from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread
from time import sleep

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from dashboard.advising import advise_on, crossing
from dashboard.advisor.advice import Looked, Said, Silence, advise
from dashboard.advisor.facts import Facts, gather
from dashboard.advisor.rules import RULE, RULES
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.run import benchmark
from dashboard.benchmark.trials import sweep
from db.catalog import find_column
from db.distance import Distance
from db.engine import Database
from db.errors import Cancelled
from db.progress import Unrecorded
from tests.advisor.states import (
    AMPLE_MS,
    COLUMN,
    HNSW,
    IVFFLAT,
    NONE_MS,
    TABLE,
    measured,
    more_rows,
    rows_of,
    run,
)


def gathered(database: Database, column: str = COLUMN, budget_ms: float = AMPLE_MS) -> Facts:
    with database.reading("tests", vectors=True) as connection:
        return gather(connection, find_column(connection, column), budget_ms=budget_ms, fit=crossing)


def said(looked: Looked) -> Said:
    assert not isinstance(looked, Silence), looked.reason
    return looked[0]


def why(looked: Looked) -> str:
    assert isinstance(looked, Silence), looked
    return looked.reason


OTHERS = """
CREATE TABLE items (id int PRIMARY KEY, embedding vector(3));
INSERT INTO items SELECT i, ARRAY[i, 1, 1] FROM generate_series(1, 200) AS i;
CREATE VIEW seen AS SELECT id, embedding FROM items;
CREATE MATERIALIZED VIEW kept AS SELECT id, embedding FROM items;
CREATE TABLE parted (region int, embedding vector(3)) PARTITION BY LIST (region);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
INSERT INTO parted SELECT 1, embedding FROM items;
CREATE INDEX parted_lists ON parted USING ivfflat (embedding vector_cosine_ops) WITH (lists = 2);
CREATE TABLE free AS SELECT id, embedding::vector AS embedding FROM items;
ALTER TABLE free ALTER COLUMN embedding TYPE vector;
CREATE TABLE half AS SELECT id, embedding::halfvec(3) AS embedding FROM items;
CREATE TABLE sparse AS SELECT id, embedding::sparsevec(3) AS embedding FROM items;
CREATE TABLE bits AS SELECT id, id::bit(16) AS embedding FROM items;
CREATE TABLE nothing (embedding vector(3));
CREATE TABLE wide AS SELECT 1 AS id, array_fill(1, ARRAY[5000])::vector(5000) AS embedding;
"""


@pytest.mark.parametrize(
    "table", ["items", "seen", "kept", "parted", "free", "half", "sparse", "bits", "nothing", "wide"]
)
@pytest.mark.parametrize("budget_ms", [AMPLE_MS, NONE_MS])
def test_every_kind_of_table_is_advised_on(database: Database, table: str, budget_ms: float) -> None:
    run(database, OTHERS)
    column = gathered(database, f"{table}.embedding").column
    advised = advise_on(database, column, budget_ms=budget_ms)
    assert len({a.rule.key for a in advised.spoken}) + len(advised.silent) == len(RULES)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("seen", "A view holds no index: index the table its rows come from."),
        ("free", "declare the column's dimensions."),
    ],
)
def test_where_no_index_can_be_built_it_says_so_and_offers_none(
    database: Database, table: str, sentence: str
) -> None:
    run(database, OTHERS)
    found = said(RULE["exact_over_budget"].look(gathered(database, f"{table}.embedding", NONE_MS)))
    assert sentence in found.finding
    assert not found.remedy.sql


def test_vectors_too_long_for_a_graph_are_quantised_and_that_index_then_serves(database: Database) -> None:
    run(database, OTHERS)
    found = said(RULE["exact_over_budget"].look(gathered(database, "wide.embedding", NONE_MS)))
    assert "binary_quantize" in found.remedy.sql
    run(database, found.remedy.statements[0])
    assert "answers by Cosine" in why(
        RULE["exact_over_budget"].look(gathered(database, "wide.embedding", NONE_MS))
    )


def test_a_partitioned_table_is_indexed_without_concurrently_which_it_refuses(database: Database) -> None:
    run(database, OTHERS + "DROP INDEX parted_lists;")
    found = said(RULE["exact_over_budget"].look(gathered(database, "parted.embedding", NONE_MS)))
    assert "CONCURRENTLY" not in found.remedy.sql
    run(database, found.remedy.statements[0])


def test_the_indexes_of_partitions_do_not_tell_when_they_were_built(database: Database) -> None:
    run(database, OTHERS)
    assert "Nothing tells" in why(RULE["rows_since_build"].look(gathered(database, "parted.embedding")))


def test_growth_over_several_sizes_tells_the_day_and_its_band(database: Database) -> None:
    run(database, rows_of())
    measured(rows=500, p95_ms=2.5, days_ago=30)(database)
    measured(p95_ms=10, sizes=(250, 500, 1_000, 2_000))(database)
    facts = gathered(database, budget_ms=15)
    assert facts.crossing
    assert facts.crossing.basis.startswith("growth over 4 sizes, run 2")
    assert facts.crossing.low < 3_000 < facts.crossing.high
    found = said(RULE["will_cross"].look(facts))
    assert any("by 1 run" in number.what for number in found.numbers)
    day = datetime(2026, 1, 1, tzinfo=UTC)
    assert "crosses 15 ms around 2026-01-21" in said(RULE["will_cross"].look(replace(facts, at=day))).finding
    assert "+50 rows a day" in {number.value + " rows a day" for number in found.numbers}


A_MONTH_BACK = """
ALTER TABLE vectorscope.run DISABLE TRIGGER run_kept;
UPDATE vectorscope.run SET started_at = started_at - interval '30 days';
ALTER TABLE vectorscope.run ENABLE ALWAYS TRIGGER run_kept;
"""


def test_two_runs_a_month_apart_tell_the_day_of_the_crossing(database: Database) -> None:
    run(database, rows_of())
    measure_exactly(database)
    run(database, A_MONTH_BACK)
    run(database, more_rows(rows=4_000))
    measure_exactly(database)
    today = gathered(database).exact
    assert today
    assert today.origin == "run 2"
    facts = gathered(database, budget_ms=1.5 * today.p95_ms)
    found = said(RULE["will_cross"].look(facts))
    assert "around 20" in found.finding
    told = {number.what.split(" since")[0]: number.value for number in found.numbers}
    assert told["rows a day"] == "+133"
    assert facts.crossing
    assert facts.crossing.rows == pytest.approx(9_000, rel=0.01)


def measure_exactly(database: Database) -> None:
    plan = BenchmarkPlan(COLUMN, Distance.COSINE, sweep([], {}), queries=20)
    benchmark(database, plan, Unrecorded(), created_by="tests", job_id=None, budget_bytes=2**30)


def test_a_table_that_does_not_grow_never_crosses(database: Database) -> None:
    run(database, rows_of())
    measured(p95_ms=10, days_ago=30)(database)
    assert "not before ten years" in why(RULE["will_cross"].look(gathered(database, budget_ms=15)))


def test_a_run_over_another_number_of_rows_does_not_stand_for_today(database: Database) -> None:
    run(database, rows_of())
    measured(rows=1_000, p95_ms=900)(database)
    exact = gathered(database).exact
    assert exact
    assert exact.origin == "measured now"


CAUSES = {
    "max_parallel_maintenance_workers is 0": "SET LOCAL max_parallel_maintenance_workers = 0",
    "max_parallel_workers is 0": "SET LOCAL max_parallel_workers = 0",
    "maintenance_work_mem is below 64 MB": "SET LOCAL maintenance_work_mem = '63MB'",
    "the heap, without what is out of line, is below 1 GB": (
        "SET LOCAL min_parallel_table_scan_size = '1GB'"
    ),
    "the table's own parallel_workers is 0": f"ALTER TABLE {TABLE} SET (parallel_workers = 0)",
}
PARALLEL = (
    "SET LOCAL min_parallel_table_scan_size = '8kB'",
    "SET LOCAL max_parallel_maintenance_workers = 2",
)


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_of_a_serial_build_is_named_and_undone_by_its_statement(
    database: Database, cause: str
) -> None:
    run(database, rows_of(rows=600) + HNSW)

    def look(*statements: str) -> Looked:
        with database.control("tests") as connection:
            connection.exec_driver_sql("BEGIN")
            for statement in (*PARALLEL, *statements):
                connection.exec_driver_sql(statement.replace("%", "%%"))
            column = find_column(connection, COLUMN)
            facts = gather(connection, column, budget_ms=AMPLE_MS, fit=crossing)
            connection.exec_driver_sql("ROLLBACK")
        out_of_line = replace(facts.storage, toast_bytes=2**31)
        return RULE["serial_build"].look(replace(facts, storage=out_of_line))

    assert why(look()) == "A build may use 2 workers beside its own process."
    found = said(look(CAUSES[cause]))
    assert found.finding == f"A build would use one process: {cause}."
    assert len(found.remedy.statements) == 1
    assert "A build may use" in why(look(CAUSES[cause], *found.remedy.statements))


@pytest.mark.parametrize(
    ("dimensions", "told"),
    [
        (608, "2,731 B, its pages 100 % filled; as halfvec it would take 1,638 B."),
        (609, "4,096 B, as 2 to a page"),
        (948, "4,096 B, its pages 100 % filled; as halfvec it would take 2,731 B."),
        (949, "8,192 B, as 1 to a page"),
        (1_240, "8,192 B, its pages 64.3 % filled; as halfvec it would take 4,096 B."),
        (1_968, "8,192 B, its pages 100 % filled; as halfvec it would take 8,192 B."),
        (1_969, "16,384 B, as it needs 2 pages"),
    ],
)
def test_a_page_is_told_to_be_as_full_as_it_is_on_both_sides_of_each_cliff(
    database: Database, dimensions: int, told: str
) -> None:
    run(database, rows_of(dimensions, 12) + HNSW.replace("m = 8", "m = 16"))
    looked = RULE["page_cliff"].look(gathered(database))
    assert told in (looked.reason if isinstance(looked, Silence) else looked[0].finding)


TOASTED = f"""
CREATE TABLE {TABLE} (id int, "em bed" vector(1500));
INSERT INTO {TABLE} SELECT i, array_fill(i, ARRAY[1500])::vector FROM generate_series(1, 60) AS i;
ANALYZE {TABLE};
"""


@pytest.mark.parametrize(
    ("table", "local", "because"),
    [
        (TOASTED, "", "does not count what lies in TOAST, and thinks the table small."),
        (rows_of(rows=60), "", "the planner shares out no table below 8 MB."),
        (rows_of(rows=60), "SET LOCAL max_parallel_workers_per_gather = 0", "_per_gather is 0."),
        (rows_of(rows=60), "SET LOCAL min_parallel_table_scan_size = 0", "cost more than they spare."),
    ],
)
def test_why_a_scan_is_not_shared_out_is_told_as_it_is(
    database: Database, table: str, local: str, because: str
) -> None:
    run(database, table)
    with database.reading("tests", vectors=True) as connection:
        connection.exec_driver_sql(local or "SELECT 1")
        column = find_column(connection, COLUMN)
        facts = gather(connection, column, budget_ms=NONE_MS, fit=crossing)
    assert facts.alone
    # Workers gain nothing over so few rows: what they would have taken is given.
    quick = replace(facts.alone, workers=2, p95_ms=facts.alone.p95_ms / 2)
    found = said(RULE["parallel_scan"].look(replace(facts, shared=quick)))
    assert found.finding.endswith(because)


@pytest.mark.parametrize(
    ("version", "method", "defects"),
    [
        ("0.8.1", HNSW, ["CVE-2026-3172", "corrupt", "not repaired"]),
        ("0.8.2", HNSW, ["corrupt", "not repaired"]),
        ("0.8.3", HNSW, ["not repaired"]),
        ("0.8.4", HNSW, []),
        ("0.8.6", IVFFLAT, ["#1036"]),
        ("0.8.7", IVFFLAT, []),
    ],
)
def test_a_defect_is_told_of_where_its_version_meets_its_method(
    database: Database, version: str, method: str, defects: list[str]
) -> None:
    run(database, rows_of(rows=200) + method)
    run(database, f"UPDATE pg_extension SET extversion = '{version}' WHERE extname = 'vector'")
    looked = RULE["known_defects"].look(gathered(database))
    if not defects:
        assert version in why(looked)
        return
    found = said(looked)
    assert all(defect in found.finding for defect in defects)
    assert ("REINDEX" in found.remedy.sql) is ("corrupt" in defects)


def test_before_iterative_scans_a_filter_asks_for_an_upgrade(database: Database) -> None:
    run(database, rows_of(rows=200) + HNSW)
    measured(subset="category = red", rows=200)(database)
    run(database, "UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    found = said(RULE["filter_without_iterative"].look(gathered(database)))
    assert "0.8.0" in found.finding
    assert "ALTER EXTENSION" in found.remedy.sql


def test_an_invalid_index_beside_a_valid_one_of_its_kind_is_dropped(database: Database) -> None:
    run(database, rows_of(rows=200) + HNSW + HNSW.replace("graph", "graph_ccnew"))
    run(database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'graph_ccnew'::regclass")
    found = said(RULE["invalid"].look(gathered(database)))
    assert found.remedy.statements == ("DROP INDEX CONCURRENTLY public.graph_ccnew",)


def test_an_index_that_is_being_built_is_not_called_left_behind(database: Database) -> None:
    run(database, rows_of(rows=200))
    with database.writing("tests") as writer, writer.begin():
        writer.exec_driver_sql(f"INSERT INTO {TABLE} DEFAULT VALUES".replace("%", "%%"))
        build = Thread(target=run, args=(database, HNSW.replace("INDEX", "INDEX CONCURRENTLY").rstrip(";")))
        build.start()
        while not (facts := gathered(database)).column.indexes:
            sleep(0.1)
        assert why(RULE["invalid"].look(facts)) == "graph is being built right now."
        writer.rollback()
    build.join()
    assert why(RULE["invalid"].look(gathered(database))) == "1 index on the column, none of them invalid."


def test_with_standbys_an_idle_index_is_not_called_unused(database: Database) -> None:
    run(database, rows_of(rows=200) + HNSW)
    facts = gathered(database)
    with_standby = replace(facts, notes=replace(facts.notes, standbys=2))
    assert "2, count scans of their own" in why(RULE["unused"].look(with_standby))
    settled = replace(facts, uses={"graph": replace(facts.uses["graph"], built_age=5_000)})
    assert "on this server" in said(RULE["unused"].look(settled)).finding
    assert "name it in DATABASE_REPLICA_URLS first" in said(RULE["unused"].look(settled)).finding
    on_standby = replace(facts, server=replace(facts.server, in_recovery=True))
    assert "standby" in why(RULE["unused"].look(on_standby))


def test_few_dead_rows_or_zero_vectors_under_l2_are_nothing_to_speak_of(database: Database) -> None:
    run(database, rows_of(rows=200) + HNSW.replace("cosine", "l2"))
    run(database, f'UPDATE {TABLE} SET "em bed" = array_fill(0, ARRAY[8])::vector WHERE id = 1')
    facts = gathered(database)
    assert facts.storage.dead_rows == 1
    assert "1 dead row beside" in why(RULE["dead_tuples"].look(facts))
    assert "All 200 rows have a vector." in why(RULE["invisible_rows"].look(facts))


SLOWLY = "SET vacuum_cost_delay = '20ms'; SET vacuum_cost_limit = 1;"


def test_a_vacuum_that_repairs_a_graph_for_long_is_told_of_while_it_runs(database: Database) -> None:
    run(database, rows_of(rows=500) + HNSW + f"DELETE FROM {TABLE} WHERE id % 2 = 0")

    slow = database.tagged("#slow")  # settings for its sessions alone

    def vacuum() -> None:
        with pytest.raises(Cancelled), slow.control("tests") as connection:  # noqa: PT012
            connection.exec_driver_sql(SLOWLY)
            connection.exec_driver_sql(f"VACUUM {TABLE}".replace("%", "%%"))
        slow.dispose()

    running = Thread(target=vacuum)
    running.start()
    while not ((facts := gathered(database)).vacuuming and facts.vacuuming.is_at_indexes):
        assert running.is_alive()
        sleep(0.05)
    seen = facts.vacuuming
    assert "A VACUUM has been vacuuming indexes for" in why(RULE["slow_vacuum"].look(facts))
    found = said(RULE["slow_vacuum"].look(replace(facts, vacuuming=replace(seen, running_s=7_200))))
    assert found.finding.startswith(
        "A VACUUM has been vacuuming indexes for 120 min: it links anew every row"
    )
    assert f"SELECT pg_cancel_backend({seen.pid})" in found.remedy.sql
    run(database, found.query)
    run(database, f"SELECT pg_cancel_backend({seen.pid})")
    running.join()
    run(database, found.remedy.statements[0])
    run(database, found.remedy.statements[1])
    assert gathered(database).vacuuming is None


def test_where_a_vacuum_takes_long_both_rules_on_dead_rows_advise_the_same(database: Database) -> None:
    run(database, rows_of(rows=200) + HNSW)
    facts = gathered(database)
    many = replace(facts, storage=replace(facts.storage, live_rows=80_000, dead_rows=20_000))
    dead, slow = (said(RULE[key].look(many)).remedy for key in ("dead_tuples", "slow_vacuum"))
    assert dead.statements == slow.statements
    assert [statement.split()[0] for statement in dead.statements] == ["REINDEX", "VACUUM"]


def test_a_role_that_may_only_read_the_table_is_advised_all_the_same(database: Database) -> None:
    run(database, rows_of(rows=200) + HNSW + reader())
    with database.reading("tests", vectors=True) as connection:
        connection.exec_driver_sql("SET LOCAL ROLE advised_reader")
        column = find_column(connection, COLUMN)
        facts = gather(connection, column, budget_ms=AMPLE_MS, fit=crossing)
    assert not facts.has_own_tables
    assert not facts.storage.is_owner
    advised = advise(facts, RULES)
    assert "needless_index" in {advice.rule.key for advice in advised.spoken}
    assert len(advised.spoken) + len(advised.silent) >= len(RULES)


def reader() -> str:
    """Make a role that knows the table and nothing of ours; roles outlive a test's database."""
    return f"""
    DO $$ BEGIN CREATE ROLE advised_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
    GRANT SELECT ON {TABLE} TO advised_reader;
    """


def test_the_worst_is_told_first(database: Database) -> None:
    run(database, rows_of() + HNSW + IVFFLAT)
    advised = advise(gathered(database), RULES)
    assert [advice.rule.severity.value for advice in advised.spoken][:2] == ["broken", "wrong results"]


def test_a_migration_does_what_the_statements_do_and_undoes_it(database: Database) -> None:
    run(database, rows_of(rows=200))
    remedy = said(RULE["exact_over_budget"].look(gathered(database, budget_ms=NONE_MS))).remedy
    revision: dict[str, object] = {}
    with database.writing("tests") as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        exec(f"from alembic import op\n{remedy.migration}", revision)  # what a project would keep in a file
        for step, there in (("upgrade", 1), ("downgrade", 0)):
            with Operations.context(context), context.begin_transaction():
                revision[step]()  # type: ignore[operator]
            assert len(gathered(database).column.indexes) == there
