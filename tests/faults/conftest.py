"""Real worker processes on a real database, to be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from db import jobs
from db.engine import Database
from db.errors import RequestError
from db.jobs import Job
from tests.faults.forked import WORKER, Forked, start

LEASE_S = 3


@dataclass
class Farm:
    """Starts workers on one database and watches its jobs."""

    database: Database
    workers: list[Forked] = field(default_factory=list)

    def start_worker(self, program: str = WORKER) -> Forked:
        """Start a worker, or a ``program`` in its place."""
        worker = start(program, self._environment())
        self.workers.append(worker)
        return worker

    def start_command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command as somebody types it, its output kept."""
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard", *arguments],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_signals,  # noqa: PLW1509 - no threads here
        )

    def _environment(self) -> dict[str, str]:
        url = self.database.url.render_as_string(hide_password=False)
        return {**os.environ, "DATABASE_URL": url, "JOB_LEASE_S": str(LEASE_S)}

    def submit(self, kind: str, params: Mapping[str, Any], max_attempts: int = 3) -> int:
        return queue.submit(self.database, LOCAL, kind, params, max_attempts=max_attempts)

    def job(self, job_id: int) -> Job:
        with self.database.reading("test") as connection:
            return jobs.get(connection, job_id)

    def wait(self, job_id: int, until: Callable[[Job], bool], *, limit_s: float = 120) -> Job:
        """Poll until the job is as wanted; fail with what it is instead."""
        deadline = time.monotonic() + limit_s
        while True:
            with suppress(RequestError):  # a command that was just started has not submitted it yet
                if until(job := self.job(job_id)):
                    return job
            assert time.monotonic() < deadline, f"still waiting for job {job_id}"
            time.sleep(0.02)

    def finished(self, job_id: int) -> Job:
        return self.wait(job_id, lambda job: job.is_finished)

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait(10)


def _hear_signals() -> None:
    """Undo what a CI that runs in the background makes its children ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def farm(database: Database) -> Iterator[Farm]:
    made = Farm(database)
    yield made
    made.stop()
