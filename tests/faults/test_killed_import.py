"""Workers die in the middle of an import, and all of its rows are there, or none."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from dashboard.seeding.imports.request import ImportRequest
from db.engine import Database
from tests.faults.conftest import Farm
from tests.faults.forked import WORKER

ROWS = 60_000
KILLS = 20
SEED = 11
LONGEST_S = 1.5
"""How long a worker may live after its claim, at first: about as long as an import takes here."""
SHORTER = 0.8
"""What becomes of that where an import was quicker than its worker's end: that kill hit nothing."""
ROUNDS = 4 * KILLS
"""Workers started at most, until so many have been killed at work."""

COUNTS = "SELECT count(*), count(DISTINCT id), min(id), max(id) FROM public.{}"
EXISTS = "SELECT to_regclass('public.{}') IS NOT NULL"
LEFT_BEHIND = "SELECT count(*) FROM pg_tables WHERE schemaname = 'vectorscope' AND tablename ~ '^load_'"
AUDITED = "SELECT count(*) FROM vectorscope.audit_log WHERE action = 'import'"

CHUNKED = """
from dashboard.seeding.imports import apply
from dashboard.instance import open_instance
from dashboard.jobs.worker import Worker

apply.ONE_TRANSACTION_ROWS, apply.CHUNK_BYTES = 0, 1 << 18
worker = Worker(open_instance().database, lease_s=3)
while True:
    worker.try_one()
"""
"""A worker to which every file is too long for one transaction."""


@pytest.fixture
def points(tmp_path: Path) -> str:
    path = tmp_path / "points.npy"
    np.save(path, np.random.default_rng(SEED).random((ROWS, 16), dtype=np.float32))
    return str(path)


def ask(database: Database, question: str) -> tuple[object, ...]:
    with database.reading("test") as connection:
        return tuple(connection.execute(text(question)).one())


def assert_all_or_none(database: Database, table: str) -> None:
    (there,) = ask(database, EXISTS.format(table))
    if there:
        assert ask(database, COUNTS.format(table)) == (ROWS, ROWS, 1, ROWS)


@pytest.mark.parametrize("program", [WORKER, CHUNKED], ids=["one transaction", "chunks"])
def test_twenty_kills_leave_no_row_or_all_and_each_import_ends_with_each_row_once(
    farm: Farm, points: str, program: str
) -> None:
    chance = random.Random(SEED)
    asked: list[int] = []
    kept_rows: list[int] = []  # of each import that was killed at work
    longest_s = LONGEST_S
    for _ in range(ROUNDS):
        if len(kept_rows) == KILLS:
            break
        if not asked or farm.job(asked[-1]).is_finished:  # it was quicker than its worker's end
            request = ImportRequest(path=points, table=f"points_{len(asked)}", create=True)
            asked.append(farm.submit("import", request.to_params(), max_attempts=ROUNDS))
        epoch = farm.job(asked[-1]).epoch
        worker = farm.start_worker(program)
        farm.wait(asked[-1], lambda job, epoch=epoch: job.epoch > epoch)  # type: ignore[misc]
        if (
            program == CHUNKED and len(kept_rows) % 2
        ):  # however slow this machine is: while rows are coming in
            farm.wait(asked[-1], lambda job: job.is_finished or job.checkpoint.get("next_row", 0) > 0)
            time.sleep(chance.uniform(0, longest_s / 10))
        else:
            time.sleep(chance.uniform(0, longest_s))
        worker.kill()
        worker.wait()
        killed = farm.job(asked[-1])
        if killed.is_finished:
            longest_s *= SHORTER
        else:
            assert (killed.state, killed.epoch) == ("running", epoch + 1)
            kept_rows.append(killed.checkpoint.get("next_row", 0))
        assert_all_or_none(farm.database, f"points_{len(asked) - 1}")
    assert len(kept_rows) == KILLS
    assert any(0 < rows < ROWS for rows in kept_rows) == (program == CHUNKED)
    farm.start_worker(program)
    for number, job_id in enumerate(asked):
        job = farm.finished(job_id)
        assert job.state == "succeeded", job.error
        assert job.result is not None
        assert job.result["inserted"] == ROWS
        assert ask(farm.database, COUNTS.format(f"points_{number}")) == (ROWS, ROWS, 1, ROWS)
    assert ask(farm.database, LEFT_BEHIND) == (0,)
    assert ask(farm.database, AUDITED) == (len(asked),)
