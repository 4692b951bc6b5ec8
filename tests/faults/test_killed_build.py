"""Builders die in the middle of a concurrent build: nothing INVALID stays, and the next attempt succeeds."""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from dashboard.identity import LOCAL
from dashboard.indexing import reconcile
from dashboard.indexing.request import BuildRequest, ChangeRequest
from dashboard.jobs import queue
from db import index_builds
from db.embedded import EmbeddedServer
from db.engine import Database
from db.errors import DashboardError
from db.jobs import Job
from db.migrate import upgrade
from tests.faults.conftest import LEASE_S, Farm
from tests.indexing.conftest import ITEMS, old_snapshot, vector_indexes

REQUEST = BuildRequest("public.items.embedding", "hnsw:m=4,ef_construction=8").to_params()
BUILDERS = text("""
SELECT pid FROM pg_stat_activity
WHERE application_name LIKE 'vectorscope:index build#%' AND query ~ '^(CREATE|REINDEX|DROP)'
  AND state = 'active'
""")


@pytest.fixture
def items(farm: Farm) -> Database:
    """The farm's database with a table to index."""
    with farm.database.control("tests") as connection:
        connection.exec_driver_sql(ITEMS)
    return farm.database


def waiting(job: Job) -> bool:
    """Whether the build stands where only the old snapshot keeps it: its index is in the catalog, INVALID."""
    return job.phase.startswith("waiting for old snapshots")


def terminate_builder(database: Database) -> None:
    with database.control("tests") as connection:
        (pid,) = connection.execute(BUILDERS).scalars()
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


def assert_built(farm: Farm, job_id: int) -> None:
    job = farm.finished(job_id)
    assert job.state == "succeeded", job.error
    assert list(vector_indexes(farm.database).values()) == [True]
    with farm.database.reading("test") as connection:
        record = index_builds.of_job(connection, job_id)
    assert record
    assert record.state == "succeeded"


def settled(check: Callable[[], bool], limit_s: float = 30) -> None:
    deadline = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < deadline, "it did not come to rest"
        time.sleep(0.1)


def test_a_killed_worker_leaves_nothing_and_the_next_one_builds(farm: Farm, items: Database) -> None:
    job_id = farm.submit("build_index", REQUEST)
    with old_snapshot(items):
        for epoch in (1, 2):
            worker = farm.start_worker()
            farm.wait(job_id, lambda job, epoch=epoch: waiting(job) and job.epoch == epoch)  # type: ignore[misc]
            assert list(vector_indexes(items).values()) == [False]
            worker.kill()
            worker.wait()
    farm.start_worker()
    assert_built(farm, job_id)
    assert farm.job(job_id).epoch == 3


def test_a_killed_backend_is_survived_by_its_job(farm: Farm, items: Database) -> None:
    job_id = farm.submit("build_index", REQUEST)
    farm.start_worker()
    with old_snapshot(items):
        farm.wait(job_id, waiting)
        terminate_builder(items)
        farm.wait(job_id, lambda job: job.attempt == 2 and waiting(job))
    assert_built(farm, job_id)


def test_a_backend_killed_hard_takes_the_server_down_and_the_job_survives_both(tmp_path: Path) -> None:
    """On a server of its own: a backend that dies so makes PostgreSQL restart all the others."""
    server = EmbeddedServer(tmp_path / "home")
    database = Database(server.hold(lambda _: None))
    farm = Farm(database)
    try:
        upgrade(database)
        with database.control("tests") as connection:
            connection.exec_driver_sql(ITEMS)
        job_id = farm.submit("build_index", REQUEST)
        farm.start_worker()
        with suppress(DashboardError), old_snapshot(database):
            farm.wait(job_id, waiting)
            with database.reading("test") as connection:
                (pid,) = connection.execute(BUILDERS).scalars()
            os.kill(pid, signal.SIGKILL)
        database.dispose()
        settled(lambda: answers(database))
        assert_built(farm, job_id)
        assert farm.job(job_id).epoch == 2
    finally:
        farm.stop()
        database.dispose()
        server.release()


def answers(database: Database) -> bool:
    with suppress(DashboardError), database.reading("test"):
        return True
    return False


def test_a_build_whose_backend_dies_too_often_fails_and_leaves_nothing(farm: Farm, items: Database) -> None:
    job_id = farm.submit("build_index", REQUEST, max_attempts=1)
    farm.start_worker()
    with old_snapshot(items):
        farm.wait(job_id, waiting)
        terminate_builder(items)
        job = farm.finished(job_id)
    assert job.state == "failed"
    reconcile.sweep(items)
    assert not vector_indexes(items)
    with items.reading("test") as connection:
        record = index_builds.of_job(connection, job_id)
    assert record
    assert record.state == "failed"
    queue.retry(items, LOCAL, job_id)
    assert_built(farm, job_id)


def test_a_cancel_ends_the_build_and_leaves_nothing(farm: Farm, items: Database) -> None:
    job_id = farm.submit("build_index", REQUEST)
    farm.start_worker()
    with old_snapshot(items):
        farm.wait(job_id, waiting)
        asked = time.monotonic()
        queue.cancel(items, LOCAL, job_id)
        assert farm.finished(job_id).state == "cancelled"
        assert time.monotonic() - asked < 3
        assert not vector_indexes(items)
    queue.retry(items, LOCAL, job_id)
    assert_built(farm, job_id)


def test_a_worker_told_to_stop_leaves_nothing_and_puts_the_job_back(farm: Farm, items: Database) -> None:
    job_id = farm.submit("build_index", REQUEST)
    with old_snapshot(items):
        worker = farm.start_worker()
        farm.wait(job_id, waiting)
        worker.terminate()
        assert worker.wait(20) == 0
        assert farm.job(job_id).state == "queued"
        assert not vector_indexes(items)
    farm.start_worker()
    assert_built(farm, job_id)


def test_a_frozen_worker_loses_the_build_and_touches_nothing_when_it_thaws(
    farm: Farm, items: Database
) -> None:
    job_id = farm.submit("build_index", REQUEST)
    with old_snapshot(items):
        frozen = farm.start_worker()
        farm.wait(job_id, waiting)
        frozen.send_signal(signal.SIGSTOP)
        farm.start_worker()
        farm.wait(job_id, lambda job: job.epoch == 2 and waiting(job), limit_s=LEASE_S + 20)
        frozen.send_signal(signal.SIGCONT)
        time.sleep(2)
        assert waiting(farm.job(job_id))
    assert_built(farm, job_id)


def test_a_killed_command_leaves_its_build_to_the_janitor(farm: Farm, items: Database) -> None:
    with old_snapshot(items):
        command = farm.start_command(
            "index", "build", "items.embedding", "--index", "hnsw:m=4,ef_construction=8"
        )
        job = farm.wait(1, waiting)
        command.kill()
        command.communicate()
        assert list(vector_indexes(items).values()) == [False]
        queue.cancel(items, LOCAL, job.id)
        farm.start_worker()
        assert farm.finished(job.id).state == "cancelled"
        # Its job has ended, so what it left is the janitor's.
        settled(lambda: not _builders(items))
        reconcile.sweep(items)
        assert not vector_indexes(items)
    queue.retry(items, LOCAL, job.id)
    assert_built(farm, job.id)


def test_a_killed_dashboard_leaves_a_build_that_ends_well(
    farm: Farm, items: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("VECTORSCOPE_PORT", str(probe.getsockname()[1]))
    monkeypatch.setenv("VECTORSCOPE_HOME", str(tmp_path))
    job_id = farm.submit("build_index", REQUEST)
    with old_snapshot(items):
        dashboard = farm.start_worker("from dashboard.__main__ import cli; cli([])")
        farm.wait(job_id, waiting)
        dashboard.kill()
        dashboard.wait()
        time.sleep(1)
    farm.start_worker()  # its own may have gone with it
    assert_built(farm, job_id)


def test_a_killed_rebuild_leaves_the_index_as_it_was(farm: Farm, items: Database) -> None:
    with items.control("test") as connection:
        connection.exec_driver_sql("CREATE INDEX mine ON items USING hnsw (embedding vector_l2_ops)")
    job_id = farm.submit("reindex", ChangeRequest("public", "mine", "mine").to_params())
    with old_snapshot(items):
        worker = farm.start_worker()
        farm.wait(job_id, waiting)
        assert vector_indexes(items) == {"mine": True, "mine_ccnew": False}
        worker.kill()
        worker.wait()
    farm.start_worker()
    assert farm.finished(job_id).state == "succeeded"
    assert vector_indexes(items) == {"mine": True}


def _builders(database: Database) -> list[int]:
    with database.reading("test") as connection:
        return list(connection.execute(BUILDERS).scalars())
