"""Workers and servers die in the middle of a benchmark, and every trial is there exactly once."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant, sweep
from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.distance import Distance
from db.embedded import EmbeddedServer
from db.engine import Database
from db.errors import ConnectionFailed
from db.forms import parse_spec
from db.migrate import upgrade
from db.progress import Unrecorded
from db.runs import Trial, load_run, load_run_of_job
from tests.conftest import roomy_folder, url_of
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
    return fill(farm, rows=20_000)


def fill(farm: Farm, *, rows: int) -> list[tuple[object, ...]]:
    request = PopulateRequest(source="clusters", table="items", rows=rows, dims=32)
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


@dataclass(frozen=True)
class Phase:
    """A part of a run to be struck in: the plan, how it is seen, and the trials in the end (None: any)."""

    plan: BenchmarkPlan
    reached: Callable[[Farm, int], bool]
    trials: int | None


def says(word: str) -> Callable[[Farm, int], bool]:
    return lambda farm, job_id: word in farm.job(job_id).phase


def stored(trials: int) -> Callable[[Farm, int], bool]:
    return lambda farm, job_id: count(farm.database, TRIALS) >= trials


def on_the_whole(farm: Farm, job_id: int) -> bool:
    return count(farm.database, text("SELECT count(*) FROM vectorscope.trial WHERE rows > 4000")) > 0


ONE = replace(PLAN, variants=sweep([parse_spec("hnsw:m=8,ef_construction=32")], {"ef_search": [10]}))
CANDIDATES = ("hnsw:m=8,ef_construction=32", "ivfflat:lists=40", "hnsw:m=16,ef_construction=64")

PHASES = {
    "load": Phase(replace(ONE, clients=(2,), seconds=3), says("2 clients"), 2),
    "growth": Phase(replace(PLAN, sizes=(1000, 4000)), says("on 4,000 rows"), 10),
    "tune, small copy": Phase(
        replace(
            PLAN,
            variants=tuple(Variant(parse_spec(spec), ()) for spec in CANDIDATES),
            target=Target(0.9, 0.001),  # out of reach: every candidate is looked at
        ),
        stored(2),
        None,
    ),
    "tune, whole": Phase(
        replace(
            PLAN,
            variants=tuple(Variant(parse_spec(spec), ()) for spec in CANDIDATES),
            target=Target(0.9, 0.001),
        ),
        on_the_whole,
        None,
    ),
    "insert": Phase(replace(ONE, inserts=15_000), says("inserting"), 2),
    # By the distance that the user's own index serves: it is read, and must be what it was.
    "live": Phase(
        replace(PLAN, variants=(), distance=Distance.L2, live=True, repeats=20), says("on the live table"), 3
    ),
}
ROWS = 9_000


@pytest.mark.parametrize("phase", PHASES)
def test_a_run_survives_a_killed_worker_in_every_phase(farm: Farm, phase: str) -> None:
    items = fill(farm, rows=ROWS)
    struck = PHASES[phase]
    job_id = farm.submit("benchmark", struck.plan.to_params(), max_attempts=5)
    worker = farm.start_worker()
    reach(farm, job_id, struck)
    left = psutil.Process(worker.pid).children(recursive=True)
    assert bool(left) == (phase == "load")
    worker.kill()
    worker.wait()
    kept = trials_of(farm, job_id)
    gone, alive = psutil.wait_procs(left, timeout=5)
    assert not alive, "clients ask on for a worker that is dead"
    assert len(gone) == len(left)

    farm.start_worker()
    assert_it_ended_well(farm, job_id, struck, items, kept)


@pytest.mark.parametrize("phase", PHASES)
def test_a_run_survives_a_crash_of_the_server_in_every_phase(fragile: Farm, phase: str) -> None:
    items = fill(fragile, rows=ROWS)
    struck = PHASES[phase]
    job_id = fragile.submit("benchmark", struck.plan.to_params(), max_attempts=5)
    worker = fragile.start_worker()
    reach(fragile, job_id, struck)
    kept = trials_of(fragile, job_id)
    crash(fragile.database)

    assert_it_ended_well(fragile, job_id, struck, items, kept)
    assert worker.poll() is None, "the worker waited for the server"
    assert psutil.Process(worker.pid).children(recursive=True) == []


def reach(farm: Farm, job_id: int, phase: Phase) -> None:
    deadline = time.monotonic() + 60
    while not phase.reached(farm, job_id):
        job = farm.job(job_id)
        assert not job.is_finished, f"it ended in {job.phase!r}: {job.error}"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def trials_of(farm: Farm, job_id: int) -> tuple[Trial, ...]:
    with farm.database.reading("test") as connection:
        run = load_run_of_job(connection, job_id)
    return run.trials if run else ()


def assert_it_ended_well(
    farm: Farm, job_id: int, phase: Phase, items: list[tuple[object, ...]], kept: tuple[Trial, ...]
) -> None:
    job = farm.finished(job_id)
    assert job.state == "succeeded", job.error
    assert job.epoch > 1, "it had ended before it was struck"
    with farm.database.reading("test") as connection:
        run = load_run(connection, (job.result or {})["run"])
    assert [trial.position for trial in run.trials] == list(range(len(run.trials)))
    assert all(trial in run.trials for trial in kept), "what was kept is not asked again"
    assert all(trial.is_measured for trial in run.trials)
    assert phase.trials in {None, len(run.trials)}
    assert run.fingerprint_before == run.fingerprint_after
    assert of_the_user(farm.database) == items
    assert count(farm.database, SCRATCH) == 0


@pytest.fixture(scope="module")
def fragile_url() -> Iterator[str]:
    """URL of a server of its own: a crash ends every session there is, those of other tests included."""
    with tempfile.TemporaryDirectory(prefix="vectorscope-tests-", dir=roomy_folder()) as home:
        server = EmbeddedServer(Path(home) / "home")
        yield server.hold(lambda _: None)
        server.release()


@pytest.fixture
def fragile(fragile_url: str, request: pytest.FixtureRequest) -> Iterator[Farm]:
    """Workers on a fresh database of a server that may crash."""
    name = f"fragile_{list(PHASES).index(request.node.callspec.params['phase'])}"
    everywhere = Database(url_of(fragile_url, "postgres"))
    with everywhere.control("test") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    everywhere.dispose()
    database = Database(url_of(fragile_url, name))
    upgrade(database)
    made = Farm(database)
    yield made
    made.stop()
    database.dispose()


def crash(database: Database) -> None:
    """Kill a backend outright, as the kernel does when memory is short: the server ends every session,
    recovers from its WAL, and empties the unlogged tables."""
    with suppress(ConnectionFailed), database.control("test") as connection:
        os.kill(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one(), signal.SIGKILL)
        connection.exec_driver_sql("SELECT 1")
    database.dispose()
    deadline = time.monotonic() + 30
    while True:
        with suppress(ConnectionFailed), database.control("test"):
            return
        assert time.monotonic() < deadline
        time.sleep(0.1)
