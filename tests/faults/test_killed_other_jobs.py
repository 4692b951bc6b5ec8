"""Workers die, freeze and are told to stop in the middle of reading jobs: each ends in a true state."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dashboard.exporting.request import ExportRequest
from dashboard.identity import LOCAL
from dashboard.inspection.findability import FindRequest
from dashboard.inspection.run import InspectRequest
from dashboard.jobs import queue
from dashboard.mapping.plan import MapPlan
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.engine import Database
from db.jobs import Job
from db.progress import Unrecorded
from tests.faults.conftest import LEASE_S, Farm
from tests.faults.forked import Forked

COLUMN = "public.items.embedding"

STORED = text("""
SELECT (SELECT count(*) FROM vectorscope.inspection), (SELECT count(*) FROM vectorscope.projection)
""")
RESULTS = {
    "map": text("SELECT encode(sha256(points), 'hex') FROM vectorscope.projection WHERE id = :id"),
    "inspection": text("SELECT CAST(result AS text) FROM vectorscope.inspection WHERE id = :id"),
}
INDEX = text("CREATE INDEX items_hnsw ON public.items USING hnsw (embedding vector_l2_ops)")


@dataclass(frozen=True)
class Case:
    """A job that reads: what is asked for, and when it is in the middle of it."""

    params: Mapping[str, Any]
    stored: tuple[int, int]
    """Inspections and maps that are there once it has succeeded."""
    in_the_middle: Callable[[Job], bool] = lambda job: job.done > 0
    pause_s: float = 0.0
    """What the worker that dies waits at each step: this would be over before anybody saw it begun."""


CASES = {
    "export": Case(ExportRequest(COLUMN, format="csv").to_params(), (0, 0), pause_s=0.4),
    "map": Case(MapPlan(COLUMN, "tsne", 600, 3, 20.0).to_params(), (0, 1)),
    "inspect": Case(
        InspectRequest(COLUMN, rows=3_000).to_params(),
        (1, 0),
        in_the_middle=lambda job: job.phase == "comparing every pair",
        pause_s=0.4,
    ),
    "findability": Case(FindRequest(COLUMN, probes=500).to_params(), (1, 0)),
}

ROWS = 10_000
SLOWLY = """
import time
from dashboard.__main__ import cli
from dashboard.jobs.worker import RunningJob

at_once = RunningJob.tell

def tell(job, progress):
    at_once(job, progress)
    time.sleep({pause_s})

RunningJob.tell = tell
cli(["worker"])
"""


@pytest.fixture(params=list(CASES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the workers keep their files."""
    monkeypatch.setenv("VECTORSCOPE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def filled(farm: Farm, home: Path, kind: str) -> Farm:
    """A farm with rows to read and, where that is the job, an index to ask for them."""
    request = PopulateRequest(source="clusters", table="items", rows=ROWS, dims=16)
    populate(farm.database, request, Unrecorded(), job_id=0)
    if kind == "findability":
        with farm.database.control("test") as connection:
            connection.execute(INDEX)
    return farm


def one(database: Database, statement: Any, **values: object) -> tuple[Any, ...]:
    with database.reading("test") as connection:
        return tuple(connection.execute(statement, values).one())


def begun(farm: Farm, kind: str) -> int:
    """Queue the job."""
    return farm.submit(kind, CASES[kind].params)


def slow_worker(farm: Farm, kind: str) -> Forked:
    """Start a worker that can be caught in the middle of the job, however fast this machine is."""
    return farm.start_worker(SLOWLY.format(pause_s=CASES[kind].pause_s))


def files(home: Path) -> list[Path]:
    """List what lies where exports are kept, files alone."""
    return [path for path in (home / "exports").rglob("*") if path.is_file()]


def outcome(farm: Farm, home: Path, job: Job) -> object:
    """Read what a job that succeeded has left, without what differs from one run to the next."""
    result = job.result or {}
    if job.kind == "export":
        path = home / "exports" / result["folder"] / result["file"]
        assert not list(path.parent.glob("*.part*"))
        return sorted(path.read_text().splitlines())
    if job.kind == "map":
        return one(farm.database, RESULTS["map"], id=result["map"])
    (found,) = one(farm.database, RESULTS["inspection"], id=result["inspection"])
    return timeless(json.loads(found))


def timeless(document: Any) -> Any:
    """Leave out of a document what was measured by a clock."""
    if isinstance(document, dict):
        return {name: timeless(part) for name, part in document.items() if not name.endswith(("_ms", "_s"))}
    return [timeless(part) for part in document] if isinstance(document, list) else document


def assert_all_there(farm: Farm, home: Path, kind: str) -> None:
    """Expect one result and nothing beside it."""
    assert one(farm.database, STORED) == CASES[kind].stored
    assert len(files(home)) == (2 if kind == "export" else 0)  # the rows, and the sidecar that tells of them


def assert_nothing_left(farm: Farm, home: Path) -> None:
    assert one(farm.database, STORED) == (0, 0)
    assert not files(home)


def test_a_job_whose_worker_was_killed_is_done_again_with_the_same_result(
    filled: Farm, home: Path, kind: str
) -> None:
    job_id = begun(filled, kind)
    worker = slow_worker(filled, kind)
    filled.wait(job_id, CASES[kind].in_the_middle)
    worker.kill()
    worker.wait()
    assert filled.job(job_id).state == "running"  # until the lease is over, nobody knows better
    filled.start_worker()
    job = filled.finished(job_id)
    assert (job.state, job.epoch) == ("succeeded", 2), job.error
    assert_all_there(filled, home, kind)

    again = filled.finished(begun(filled, kind))
    assert again.id != job_id
    assert outcome(filled, home, job) == outcome(filled, home, again)


@pytest.mark.parametrize("kind", ["export", "map"], indirect=True)  # what leaves files, and what leaves rows
def test_a_frozen_worker_loses_its_job_and_writes_no_second_result(
    filled: Farm, home: Path, kind: str
) -> None:
    job_id = begun(filled, kind)
    frozen = slow_worker(filled, kind)
    filled.wait(job_id, CASES[kind].in_the_middle)
    frozen.send_signal(signal.SIGSTOP)
    filled.start_worker()
    filled.wait(job_id, lambda job: job.epoch == 2, limit_s=LEASE_S + 10)
    frozen.send_signal(signal.SIGCONT)
    job = filled.finished(job_id)
    assert (job.state, job.epoch) == ("succeeded", 2), job.error
    time.sleep(2)  # the thawed one has had its time to go on
    assert filled.job(job_id).epoch == 2
    assert_all_there(filled, home, kind)


def test_a_cancelled_job_ends_soon_and_leaves_nothing(filled: Farm, home: Path, kind: str) -> None:
    job_id = begun(filled, kind)
    slow_worker(filled, kind)
    filled.wait(job_id, CASES[kind].in_the_middle)
    queue.cancel(filled.database, LOCAL, job_id)
    assert filled.wait(job_id, lambda job: job.is_finished, limit_s=8).state == "cancelled"
    assert_nothing_left(filled, home)
    queue.retry(filled.database, LOCAL, job_id)
    assert filled.finished(job_id).state == "succeeded"
    assert_all_there(filled, home, kind)


def test_a_worker_told_to_stop_puts_the_job_back(filled: Farm, home: Path, kind: str) -> None:
    job_id = begun(filled, kind)
    worker = slow_worker(filled, kind)
    filled.wait(job_id, CASES[kind].in_the_middle)
    worker.terminate()
    assert worker.wait(10) == 0
    job = filled.job(job_id)
    assert (job.state, job.attempt) == ("queued", 0)
    assert_nothing_left(filled, home)
