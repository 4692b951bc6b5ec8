"""The worker: claims a job, carries it out, and keeps the lease while it does.

One job at a time, in this process.  A second thread with a connection of its own renews the lease,
shows progress, and interrupts the job's statements when somebody asks for a stop or the job is lost.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from dashboard.jobs.kinds import kind_named, sweep
from db import claims, jobs
from db.claims import Claim
from db.engine import Database
from db.errors import Cancelled, ConnectionFailed, DashboardError, DatabaseError, Interrupted, LeaseLost
from db.jobs import Job
from db.progress import Progress

logger = logging.getLogger(__name__)

POLL_S = 0.5
"""How often an idle worker looks for a job, and a busy one for a request to cancel."""

SWEEP_S = 60.0
"""How often a worker looks for what ended jobs have left behind."""


class RunningJob:
    """What the work of one claimed job sees of it: the Ledger, kept alive by a heartbeat thread."""

    def __init__(self, database: Database, job: Job, stopping: threading.Event) -> None:
        self.job = job
        self.claim = Claim(job.id, job.epoch)
        self._database = database
        self._stopping = stopping
        self._progress = Progress(job.done, job.total, job.unit, job.phase)
        self._checkpoint = dict(job.checkpoint)
        self._halt: DashboardError | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name=f"heartbeat-{job.id}", daemon=True)

    def __enter__(self) -> RunningJob:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def checkpoint(self) -> dict[str, Any]:
        """Where the last attempt got to."""
        return self._checkpoint

    @property
    def halt(self) -> DashboardError | None:
        """Why the work must stop; None while it may go on."""
        return self._halt

    def tell(self, progress: Progress) -> None:
        """Show ``progress`` at the next heartbeat; raise when the work must stop."""
        self._progress = progress
        if self._halt:
            raise self._halt

    def log(self, message: str) -> None:
        """Add a line to the job's log, at once."""
        logger.info("job %s: %s", self.job.id, message)
        with self._database.control("log") as connection:
            jobs.add_line(connection, self.job.id, message)

    def save(self, connection: Connection, progress: Progress, checkpoint: dict[str, Any]) -> None:
        """Write progress and checkpoint in the caller's transaction; raise when the work must stop."""
        self.tell(progress)
        self.claim.save(connection, progress, checkpoint)
        self._checkpoint = dict(checkpoint)

    def _keep_alive(self) -> None:
        while not self._over.wait(POLL_S):
            try:
                with self._database.control("heartbeat") as connection:
                    self._beat(connection)
            except DashboardError as error:
                # A missed beat is not a lost lease: the next one may come through.
                logger.warning("job %s: heartbeat failed: %s", self.job.id, error)

    def _beat(self, connection: Connection) -> None:
        try:
            if self.claim.beat(connection, self._progress):
                self._halt = Cancelled(f"Job {self.job.id} was cancelled.")
        except LeaseLost as lost:
            self._halt = lost
        if self._stopping.is_set() and self._halt is None:
            self._halt = Interrupted("This worker was told to end.")
        if self._halt:
            claims.cancel_statements(connection, self.job.id, self.job.epoch)


class Worker:
    """Claims jobs one after the other until told to stop, or until the process ``parent`` is gone."""

    def __init__(
        self,
        database: Database,
        *,
        lease_s: float,
        revive: Callable[[], None] = lambda: None,
        parent: int | None = None,
    ) -> None:
        self.database = database
        self.lease_s = lease_s
        self._revive = revive
        self._parent = parent
        self._swept_at = -SWEEP_S
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.stopping = threading.Event()

    def run_forever(self) -> None:
        """Work until told to stop; a lost server is waited for, and revived where it is ours."""
        logger.info("worker %s is ready", self.name)
        while not self._must_end():
            if time.monotonic() > self._swept_at + SWEEP_S:
                self._sweep()
            self.try_one()

    def _sweep(self) -> None:
        self._swept_at = time.monotonic()
        try:
            sweep(self.database)
        except DashboardError as error:
            logger.warning("the janitor could not work: %s", error)

    def _must_end(self) -> bool:
        orphaned = self._parent is not None and os.getppid() != self._parent
        return self.stopping.is_set() or orphaned

    def try_one(self, only: int | None = None) -> None:
        """Carry out one job, or wait a moment where there is none; a lost server is waited for."""
        try:
            if not self.run_one(only):
                self.stopping.wait(POLL_S)
        except ConnectionFailed as error:
            self._wait_for_server(error)
        except DatabaseError as error:
            # Such as a lock that did not come in time: the job, if one was claimed, is claimed again.
            logger.warning("could not work: %s", error)
            self.stopping.wait(POLL_S)

    def _wait_for_server(self, error: ConnectionFailed) -> None:
        logger.warning("no server, waiting for it: %s", error)
        while not self._must_end():
            self.database.dispose()
            with suppress(DashboardError):
                self._revive()
                with self.database.control("worker"):
                    logger.warning("the server answers again")
                    return
            self.stopping.wait(POLL_S)

    def run_one(self, only: int | None = None) -> bool:
        """Claim and carry out one job; False when there is none to claim."""
        with self.database.writing("worker") as connection:
            job = claims.claim(connection, self.name, lease_s=self.lease_s, only=only)
            if job is None:
                return False
            try:
                self._carry_out(job)
            finally:
                claims.release(connection, job)
        return True

    def _carry_out(self, job: Job) -> None:
        own = self.database.tagged(claims.tag(job.id, job.epoch))
        try:
            with RunningJob(self.database, job, self.stopping) as running:
                with self.database.control("claim") as connection:
                    claims.end_earlier_sessions(connection, job.id, job.epoch)
                running.log(f"attempt {job.attempt} of {job.max_attempts} by {self.name}")
                outcome = _outcome(running, lambda: kind_named(job.kind).run(own, job, running))
        finally:
            own.dispose()
        self._settle(running.claim, outcome)

    def _settle(self, claim: Claim, outcome: _Outcome) -> None:
        with self.database.control("finish") as connection:
            if outcome.state == "lost":
                return
            jobs.add_line(connection, claim.job_id, outcome.error or outcome.state)
            if outcome.state in {"queued", "again"}:
                claim.requeue(connection, counted=outcome.state == "again")
            else:
                claim.finish(
                    connection,
                    outcome.state,
                    result=outcome.result,
                    error=outcome.error,
                    remedy=outcome.remedy,
                )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an attempt ended: a final state, or one in which the job goes on.

    ``queued``: this worker was interrupted; ``again``: the server broke off; ``lost``: another has it.
    """

    state: str
    result: dict[str, Any] | None = None
    error: str | None = None
    remedy: str | None = None


_STATES: dict[type[DashboardError], str] = {LeaseLost: "lost", Interrupted: "queued", Cancelled: "cancelled"}


def _outcome(running: RunningJob, work: Callable[[], dict[str, Any]]) -> _Outcome:
    """Do the work, and turn whatever it raises into a state."""
    try:
        return _Outcome("succeeded", result=work())
    except DashboardError as error:
        # A statement that was interrupted for us says only that it was cancelled; the halt says why.
        if state := _STATES.get(type(running.halt or error)):
            return _Outcome(state)
        if isinstance(error, ConnectionFailed) and running.job.attempt < running.job.max_attempts:
            return _Outcome("again", error=error.message)
        return _Outcome("failed", error=error.message, remedy=error.remedy)
    except Exception as error:
        # The worker must outlive any job.
        incident = uuid.uuid4().hex[:8]
        logger.exception("job %s failed, incident %s", running.job.id, incident)
        with suppress(DashboardError):
            running.log(traceback.format_exc(limit=-5))
        return _Outcome(
            "failed",
            error=f"An unexpected {type(error).__name__} stopped the job (incident {incident}).",
            remedy="The job's log holds the trace; please report it.",
        )


def stop_on_signals(worker: Worker) -> None:
    """Let SIGTERM and SIGINT end the worker after its current chunk; the job goes back to the queue."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
