"""Index builds on a real table: each form of index, each refusal, and what the record says afterwards."""

import re
import threading
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import text

from dashboard.identity import LOCAL
from dashboard.indexing import reconcile
from dashboard.indexing.request import BuildRequest
from dashboard.indexing.trial import grown
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from db.build import Built
from db.catalog import find_column
from db.conditions import Group, to_text
from db.engine import Database
from db.errors import RequestError
from db.filters import parse_filter
from db.index_plan import IndexPlan
from db.index_trial import Trial
from db.jobs import Job
from tests.indexing.conftest import (
    COLUMN,
    CarryOut,
    job_of,
    log_of,
    old_snapshot,
    old_transaction,
    record_of,
    vector_indexes,
)

HNSW = "hnsw:m=4,ef_construction=8"


def request(index: str = HNSW, column: str = COLUMN, **more: object) -> dict[str, object]:
    return BuildRequest(column, index, **more).to_params()  # type: ignore[arg-type]


def plan_of(database: Database, asked: dict[str, object]) -> IndexPlan:
    made = BuildRequest.from_params(asked)
    with database.reading("test") as connection:
        return made.plan(find_column(connection, made.column))


def test_an_index_is_built_under_a_name_of_ours_and_recorded(items: Database, carry_out: CarryOut) -> None:
    job = carry_out("build_index", request())
    assert job.state == "succeeded", job.error
    name = plan_of(items, request()).name
    assert name.startswith("vs_items_embedding_hnsw_")
    assert vector_indexes(items) == {name: True}
    record = record_of(items, job)
    assert (record.action, record.state, record.name, record.rows) == ("build", "succeeded", name, 2000)
    assert record.build_s
    assert record.size_bytes
    assert job.result
    assert job.result["size_bytes"] == record.size_bytes
    assert record.spec["options"] == {"m": 4, "ef_construction": 8}
    assert record.created_by == "local"
    with items.reading("test") as connection:
        indexes = find_column(connection, COLUMN).indexes
        audited = connection.execute(
            text("SELECT action, object FROM vectorscope.audit_log ORDER BY id")
        ).all()
    assert [(i.name, i.options, i.valid) for i in indexes] == [(name, {"m": 4, "ef_construction": 8}, True)]
    assert ("create index", f"public.{name}") in [tuple(row) for row in audited]


@pytest.mark.parametrize(
    ("column", "index", "distance", "operator_class"),
    [
        (COLUMN, "ivfflat:lists=10", "l2", "vector_l2_ops"),
        (COLUMN, "hnsw:m=4,ef_construction=8,as=halfvec", "cosine", "halfvec_cosine_ops"),
        (COLUMN, "hnsw:m=4,ef_construction=8,as=bit", "cosine", "bit_hamming_ops"),
        (COLUMN, "hnsw:m=4,ef_construction=8,as=subvector,subvector=4", "ip", "vector_ip_ops"),
        ("public.items.half", HNSW, "l1", "halfvec_l1_ops"),
    ],
)
def test_every_form_of_index_can_be_built(  # noqa: PLR0917 - what makes an index
    items: Database, carry_out: CarryOut, column: str, index: str, distance: str, operator_class: str
) -> None:
    job = carry_out("build_index", request(index, column, distance=distance))
    assert job.state == "succeeded", job.error
    with items.reading("test") as connection:
        (built,) = find_column(connection, column).indexes
    assert (built.operator_class, built.valid) == (operator_class, True)


def test_an_index_may_be_limited_to_the_rows_that_meet_a_condition(
    items: Database, carry_out: CarryOut
) -> None:
    where = Group("all", (parse_filter("category=red"), parse_filter("price<=500")))
    job = carry_out("build_index", request(where=to_text(where), name='Odd "name" %s'))
    assert job.state == "succeeded", job.error
    with items.reading("test") as connection:
        (built,) = find_column(connection, COLUMN).indexes
    assert built.name == 'Odd "name" %s'
    assert built.predicate
    assert "red" in built.predicate
    assert "500" in built.predicate


def test_odd_names_are_built_on(carry_out: CarryOut, items: Database) -> None:
    with items.control("test") as connection:
        connection.exec_driver_sql('CREATE SCHEMA "We ""ird"')
        connection.exec_driver_sql('CREATE TABLE "We ""ird"."T %%:x 🦉" (id int, "Em ""bed%%" vector(3))')
        connection.exec_driver_sql(
            'INSERT INTO "We ""ird"."T %%:x 🦉" SELECT i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 9) i'
        )
    column = '"We ""ird"."T %:x 🦉"."Em ""bed%"'
    job = carry_out("build_index", request(column=column))
    assert job.state == "succeeded", job.error
    (name,) = vector_indexes(items)
    assert name.startswith("vs_T %:x 🦉_Em")
    assert len(name.encode()) <= 63


def test_the_same_index_is_not_built_twice(carry_out: CarryOut, items: Database) -> None:
    carry_out("build_index", request())
    again = carry_out("build_index", request(memory_mb=128))
    assert again.state == "failed"
    assert "is there already" in (again.error or "")
    assert len(vector_indexes(items)) == 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (request(name="items_pkey"), "is taken"),
        (request("hnsw:m=4,ef_construction=8,only=x"), "subset"),
        (request("hnsw:m=4,ef_construction=8,as=subvector,subvector=99"), "99"),
        (request(where='["all",["nowhere","=","1"]]'), '"nowhere" does not exist'),
        (request(distance="hamming"), "no operator class"),
    ],
    ids=["name taken", "only", "dimensions", "column", "distance"],
)
def test_what_cannot_be_built_is_refused_in_words(
    carry_out: CarryOut, items: Database, asked: dict[str, object], told: str
) -> None:
    job = carry_out("build_index", asked)
    assert job.state == "failed"
    assert told in (job.error or "")
    assert not vector_indexes(items)


@pytest.mark.parametrize(
    "wrong",
    [{"memory_mb": 0}, {"workers": -1}, {"patience_s": 0}, {"deadline_s": 0}],
    ids=lambda given: next(iter(given)),
)
def test_numbers_out_of_bounds_are_refused_before_there_is_a_job(wrong: dict[str, int]) -> None:
    with pytest.raises(RequestError):
        BuildRequest(COLUMN, HNSW, **wrong)  # type: ignore[arg-type]


def test_a_name_that_would_be_cut_is_refused(items: Database) -> None:
    with pytest.raises(RequestError, match="64 bytes"):
        plan_of(items, request(name="x" * 64))


def test_a_partitioned_table_is_explained_with_statements_that_work(
    carry_out: CarryOut, items: Database
) -> None:
    with items.control("test") as connection:
        for statement in (
            "CREATE TABLE parted (region text, embedding vector(2)) PARTITION BY LIST (region)",
            "CREATE TABLE north PARTITION OF parted FOR VALUES IN ('north')",
            "CREATE TABLE south PARTITION OF parted FOR VALUES IN ('south') PARTITION BY LIST (region)",
            "CREATE TABLE far_south PARTITION OF south FOR VALUES IN ('south')",
            "INSERT INTO parted SELECT 'north', ARRAY[i, 1]::vector FROM generate_series(1, 50) AS i",
        ):
            connection.exec_driver_sql(statement)
    job = carry_out("build_index", request(column="public.parted.embedding"))
    assert job.state == "failed"
    assert "partitioned" in (job.error or "")
    _, *statements = (job.remedy or "").splitlines()
    with items.control("test") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    assert len(statements) == 7
    assert set(vector_indexes(items).values()) == {True}
    assert len(vector_indexes(items)) == 4


def test_somebody_elses_table_is_explained_with_its_owner_and_the_statement(
    items: Database, carry_out: CarryOut
) -> None:
    with items.control("test") as connection:
        connection.exec_driver_sql("CREATE ROLE h5_owner")
        connection.exec_driver_sql("CREATE ROLE h5_guest LOGIN")
        connection.exec_driver_sql("GRANT ALL ON SCHEMA vectorscope TO h5_guest")
        connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA vectorscope TO h5_guest")
        connection.exec_driver_sql("ALTER TABLE items OWNER TO h5_owner")
        connection.exec_driver_sql("GRANT SELECT ON items TO h5_guest")
    job_id = queue.submit(items, LOCAL, "build_index", request())
    guest = Database(items.url.set(username="h5_guest").render_as_string(hide_password=False))
    try:
        Worker(guest, lease_s=10).run_one(only=job_id)
        job = job_of(items, job_id)
        assert "belongs to h5_owner" in (job.error or "")
        assert "CREATE INDEX CONCURRENTLY vs_items" in (job.remedy or "")
    finally:
        guest.dispose()
        with items.control("test") as connection:
            connection.exec_driver_sql("DROP OWNED BY h5_owner, h5_guest CASCADE")
            connection.exec_driver_sql("DROP ROLE h5_owner, h5_guest")


def test_a_graph_that_leaves_memory_is_told(items: Database, carry_out: CarryOut) -> None:
    job = carry_out("build_index", request("hnsw:m=16,ef_construction=64", memory_mb=1))
    assert job.state == "succeeded", job.error
    assert "no longer fits" in record_of(items, job).notices[0]
    assert "no longer fits" in log_of(items, job)


def test_what_the_server_remarked_outlives_a_build_that_is_given_up(
    items: Database, carry_out: CarryOut
) -> None:
    with old_snapshot(items):
        job = carry_out("build_index", request("hnsw:m=16,ef_construction=64", memory_mb=1, patience_s=1))
    assert (job.state, record_of(items, job).state) == ("failed", "failed")
    assert "no longer fits" in record_of(items, job).notices[0]
    assert "the server remarks: hnsw graph no longer fits" in log_of(items, job)


def test_a_build_that_is_cancelled_keeps_what_the_server_remarked(items: Database) -> None:
    asked = request("hnsw:m=16,ef_construction=64", memory_mb=1)
    job_id = queue.submit(items, LOCAL, "build_index", asked)
    worker = threading.Thread(target=lambda: Worker(items, lease_s=10).run_one(only=job_id))
    with old_snapshot(items):
        worker.start()
        while "old snapshots" not in (job := job_of(items, job_id)).phase:
            assert not job.is_finished, job.error
            threading.Event().wait(0.1)
        queue.cancel(items, LOCAL, job_id)
        worker.join()
    job = job_of(items, job_id)
    assert (job.state, record_of(items, job).state) == ("cancelled", "cancelled")
    assert "no longer fits" in record_of(items, job).notices[0]
    assert not vector_indexes(items)


def test_a_parallel_build_without_the_shared_memory_is_done_by_one_process(
    items: Database, carry_out: CarryOut
) -> None:
    with items.control("test") as connection:
        connection.exec_driver_sql("ALTER TABLE items SET (parallel_workers = 2)")
    # More than any machine of today can share; a single process takes only what it needs.
    job = carry_out("build_index", request(memory_mb=2_000_000, workers=2))
    assert job.state == "succeeded", job.error
    assert "by one process" in log_of(items, job)
    assert list(vector_indexes(items).values()) == [True]


def test_the_sessions_settings_end_with_it(items: Database, carry_out: CarryOut) -> None:
    assert carry_out("build_index", request(memory_mb=77)).state == "succeeded"
    with items.control("test") as connection:
        assert connection.execute(text("SHOW maintenance_work_mem")).scalar_one() != "77MB"


def test_a_writer_is_waited_for_and_named_before_anything_is_made(
    items: Database, carry_out: CarryOut
) -> None:
    with old_transaction(items, "DELETE FROM items WHERE id = 1"):
        job = carry_out("build_index", request())
    assert job.state == "failed"
    assert "vectorscope:old" in (job.error or "")
    assert "pg_terminate_backend" in (job.remedy or "")
    assert not vector_indexes(items)
    assert_the_next_attempt_succeeds(items, job)


def assert_the_next_attempt_succeeds(database: Database, job: Job) -> None:
    queue.retry(database, LOCAL, job.id)
    assert Worker(database, lease_s=10).run_one(only=job.id)
    assert list(vector_indexes(database).values()) == [True]
    assert record_of(database, job).state == "succeeded"


def test_an_old_snapshot_is_shown_while_it_is_waited_for(items: Database) -> None:
    job_id = queue.submit(items, LOCAL, "build_index", request())
    worker = threading.Thread(target=lambda: Worker(items, lease_s=10).run_one(only=job_id))
    with old_snapshot(items) as holder:
        pid = holder.execute(text("SELECT pg_backend_pid()")).scalar_one()
        worker.start()
        for _ in range(100):
            threading.Event().wait(0.1)
            job = job_of(items, job_id)
            if "behind pid" in job.phase and (record := record_of(items, job)).progress.get("blockers"):
                break
        who = rf"pid {pid} \(vectorscope:old, idle in transaction, open \d+ s\)"
        assert re.fullmatch(f"waiting for old snapshots, behind {who}", job.phase)
        (blocker,) = record.progress["blockers"]
        assert (blocker["pid"], blocker["state"]) == (pid, "idle in transaction")
        assert blocker["open_s"] > 0
        assert record.index_oid
    worker.join()
    assert re.search(f"waiting for old snapshots: {who}", log_of(items, job))
    assert job_of(items, job_id).state == "succeeded"
    assert (record_of(items, job).build_s or 0) < 1.0  # whatever it waited


def test_patience_that_runs_out_leaves_nothing_invalid(items: Database, carry_out: CarryOut) -> None:
    with old_snapshot(items):
        job = carry_out("build_index", request(patience_s=1))
    assert (job.state, record_of(items, job).state) == ("failed", "failed")
    assert "lock timeout" in (job.error or "")
    assert not vector_indexes(items)
    assert_the_next_attempt_succeeds(items, job)


def test_a_deadline_ends_a_build_and_leaves_nothing_invalid(items: Database, carry_out: CarryOut) -> None:
    with old_snapshot(items):
        job = carry_out("build_index", request(deadline_s=1))
    assert job.state == "failed"
    assert "deadline" in (job.error or "")
    assert not vector_indexes(items)
    queue.submit(items, LOCAL, "build_index", request())
    assert Worker(items, lease_s=10).run_one()
    assert list(vector_indexes(items).values()) == [True]


def test_a_statement_timeout_of_the_database_ends_no_build(items: Database, carry_out: CarryOut) -> None:
    with items.control("test") as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET statement_timeout = '300ms'")
    with ExitStack() as stack:
        stack.enter_context(old_snapshot(items))
        threading.Timer(1.5, stack.close).start()
        assert carry_out("build_index", request()).state == "succeeded"


def test_the_janitor_drops_what_could_not_be_dropped_before(items: Database, carry_out: CarryOut) -> None:
    with items.control("test") as connection:
        connection.exec_driver_sql("CREATE TABLE other AS SELECT 1 AS one")
    with ExitStack() as writer:
        with old_snapshot(items):
            # It begins to write past the build's first wait, and the clean-up waits for it, too.
            def write() -> None:
                writer.enter_context(old_transaction(items, "DELETE FROM items WHERE id = 1"))

            threading.Timer(1.5, write).start()
            reconcile.CLEAN_S, patience = 1, reconcile.CLEAN_S
            try:
                job = carry_out("build_index", request(patience_s=3))
            finally:
                reconcile.CLEAN_S = patience
        assert job.state == "failed"
        assert "dropped later" in log_of(items, job)
        assert list(vector_indexes(items).values()) == [False]
        reconcile.sweep(items)
        assert list(vector_indexes(items).values()) == [False]
    reconcile.sweep(items)
    assert not vector_indexes(items)


def test_the_janitor_leaves_other_peoples_invalid_indexes(items: Database) -> None:
    with old_snapshot(items), items.control("test") as connection:
        connection.exec_driver_sql("SET lock_timeout = '500ms'")
        with pytest.raises(Exception, match="lock timeout"):
            connection.exec_driver_sql(
                "CREATE INDEX CONCURRENTLY theirs ON items USING hnsw (embedding vector_l2_ops)"
            )
        connection.exec_driver_sql("RESET lock_timeout")
    reconcile.sweep(items)
    assert vector_indexes(items) == {"theirs": False}


@pytest.mark.parametrize("index", [HNSW, "ivfflat:lists=10", "hnsw:m=4,ef_construction=8,as=bit"])
def test_a_trial_is_timed_on_a_sample_of_which_nothing_stays(
    items: Database, carry_out: CarryOut, index: str
) -> None:
    job = carry_out("trial_build", request(index))
    assert job.state == "succeeded", job.error
    assert job.result
    assert (job.result["rows"], job.result["index"]) == (1900, index)
    assert not vector_indexes(items)
    with items.reading("test") as connection:
        copies = text("SELECT count(*) FROM pg_namespace WHERE nspname = 'vectorscope_bench'")
        assert connection.execute(copies).scalar_one() == 0


def test_a_second_trial_tells_how_the_time_grows(
    items: Database, carry_out: CarryOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.index_trial.ROWS", 500)
    job = carry_out("trial_build", request(HNSW))
    assert job.result, job.error
    assert job.result["rows"] > 1000
    assert 1 <= job.result["exponent"] <= 1.5
    monkeypatch.setattr("db.index_trial.PATIENCE_S", 0.001)
    job = carry_out("trial_build", request(HNSW))
    assert job.result, job.error
    assert (job.result["rows"], job.result["exponent"]) == (500, None)


def test_growth_is_a_power_of_the_rows_within_bounds() -> None:
    one = Trial(5_000, Built(1.0, 1, ()), 0.0, 0.0)
    assert grown(one) == (5_000, 1.0, None)
    for larger_s, exponent in ((8.0, 1.0), (12.0, 1.195), (1.0, 1.0), (100.0, 1.5)):
        two = replace(one, larger_rows=40_000, larger_s=larger_s)
        rows, build_s, power = grown(two)
        assert (rows, build_s) == (40_000, larger_s)
        assert power == pytest.approx(exponent, abs=1e-3)


def test_a_row_inserted_beside_a_graph_takes_several_times_longer(
    items: Database, carry_out: CarryOut
) -> None:
    job = carry_out("trial_build", request("hnsw:m=16,ef_construction=64"))
    assert job.result, job.error
    assert job.result["insert_ms"] > 3 * job.result["plain_ms"] > 0


def test_a_trial_on_too_few_rows_is_refused(items: Database, carry_out: CarryOut) -> None:
    with items.control("test") as connection:
        connection.exec_driver_sql("DELETE FROM items WHERE id > 100")
    assert "100 rows to try" in (carry_out("trial_build", request()).error or "")
