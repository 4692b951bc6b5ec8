"""Workers die in the middle of a benchmark, and every trial is there exactly once."""

import time

import pytest
from sqlalchemy import text

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.trials import sweep
from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.distance import Distance
from db.engine import Database
from db.forms import parse_spec
from db.progress import Unrecorded
from db.runs import load_run
from tests.faults.conftest import Farm

PLAN = BenchmarkPlan(
    column="public.items.embedding",
    distance=Distance.COSINE,
    variants=sweep(
        [parse_spec("hnsw:m=8,ef_construction=32"), parse_spec("ivfflat:lists=40")],
        {"ef_search": [10, 40], "probes": [1, 5]},
    ),
    queries=60,
)

TRIALS = text("SELECT count(*) FROM vectorscope.trial")
SCRATCH = text("""
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'vectorscope_bench'
""")
OF_THE_USER = text("""
SELECT c.oid, c.relfilenode, pg_get_indexdef(c.oid) AS definition, i.indisvalid
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'items%' ORDER BY c.oid
""")


@pytest.fixture
def items(farm: Farm) -> list[tuple[object, ...]]:
    """A table with an index of its user's; what the catalog says of both."""
    request = PopulateRequest(source="clusters", table="items", rows=20_000, dims=32)
    populate(farm.database, request, Unrecorded(), job_id=0)
    with farm.database.control("test") as connection:
        connection.execute(
            text("CREATE INDEX items_of_the_user ON public.items USING ivfflat (embedding vector_l2_ops)")
        )
    return of_the_user(farm.database)


def of_the_user(database: Database) -> list[tuple[object, ...]]:
    with database.reading("test") as connection:
        return [tuple(row) for row in connection.execute(OF_THE_USER)]


def count(database: Database, statement: object) -> int:
    with database.reading("test") as connection:
        return int(connection.execute(statement).scalar_one())  # type: ignore[call-overload]


def wait_for_trials(farm: Farm, wanted: int, limit_s: float = 90) -> None:
    deadline = time.monotonic() + limit_s
    while count(farm.database, TRIALS) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_goes_on_after_each_kill_with_each_trial_once(
    farm: Farm, items: list[tuple[object, ...]]
) -> None:
    job_id = farm.submit("benchmark", PLAN.to_params(), max_attempts=10)
    for stored in (0, 1, 3):
        worker = farm.start_worker()
        farm.wait(job_id, lambda job: job.state == "running" and bool(job.checkpoint))
        wait_for_trials(farm, stored)
        worker.kill()
        worker.wait()
    farm.start_worker()
    job = farm.finished(job_id)
    assert job.state == "succeeded", job.error
    assert job.epoch == 4

    with farm.database.reading("test") as connection:
        run = load_run(connection, (job.result or {})["run"])
    assert [trial.position for trial in run.trials] == list(range(len(PLAN.trials)))
    assert run.fingerprint_before == run.fingerprint_after
    assert of_the_user(farm.database) == items
    assert count(farm.database, SCRATCH) == 0


def test_a_cancelled_run_keeps_its_trials_and_leaves_no_copy(
    farm: Farm, items: list[tuple[object, ...]]
) -> None:
    job_id = farm.submit("benchmark", PLAN.to_params())
    farm.start_worker()
    wait_for_trials(farm, 1)
    queue.cancel(farm.database, LOCAL, job_id)
    assert farm.wait(job_id, lambda job: job.is_finished, limit_s=5).state == "cancelled"
    assert 1 <= count(farm.database, TRIALS) < len(PLAN.trials)
    assert count(farm.database, SCRATCH) == 0
    assert of_the_user(farm.database) == items


def test_a_build_stops_within_three_seconds_of_its_cancel(farm: Farm) -> None:
    populate(
        farm.database,
        PopulateRequest(source="uniform", table="items", rows=60_000, dims=128),
        Unrecorded(),
        job_id=0,
    )
    slow = BenchmarkPlan(
        column="public.items.embedding",
        distance=Distance.L2,
        variants=sweep([parse_spec("hnsw:m=48,ef_construction=400")], {}),
        queries=10,
    )
    job_id = farm.submit("benchmark", slow.to_params())
    farm.start_worker()
    building = text("SELECT count(*) FROM pg_stat_progress_create_index")
    deadline = time.monotonic() + 60
    while count(farm.database, building) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    queue.cancel(farm.database, LOCAL, job_id)
    assert farm.wait(job_id, lambda job: job.is_finished, limit_s=3).state == "cancelled"
    assert count(farm.database, building) == 0
    assert count(farm.database, SCRATCH) == 0
