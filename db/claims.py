"""Who carries out a job, and the proof of still owning it.

A claim holds three things: a session advisory lock, which vanishes with the process; a lease, renewed
by the heartbeat, for a process that is frozen or cut off; and an epoch, which every later write must
match, so that a worker that comes back after losing its job can write nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, text, update

from db.errors import Cancelled, LeaseLost
from db.jobs import COLUMNS, Job, job_of
from db.progress import Progress
from db.schema import job

LOCKS = 0x5653 << 48
"""Where our advisory locks begin ("VS"): this one is the act of claiming, the others are attempts."""

SERIAL_KINDS = ("benchmark", "watch")
"""Kinds of which one may run at a time on a server, whichever: two would measure each other."""

_SERIALISE_CLAIMS = text("SELECT pg_advisory_xact_lock(:locks)")
_DEAD = text("""
job.state = 'running' AND (
    job.heartbeat_at < clock_timestamp() - make_interval(secs => :lease_s)
    OR NOT EXISTS (
        SELECT FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (l.classid::bigint << 32) + l.objid::bigint = :locks + (job.id << 16) + job.epoch % 65536))
""")
_MAY_START = text("""
(job.kind <> ALL(:serial) OR NOT EXISTS (
    SELECT FROM vectorscope.job other
    WHERE other.kind = ANY(:serial) AND other.state = 'running' AND other.id <> job.id)
AND NOT EXISTS (
    SELECT FROM pg_stat_activity a, unnest(CAST(:serial AS text[])) AS serial (kind)
    WHERE a.application_name LIKE 'vectorscope:' || serial.kind || '#%' AND a.datname <> current_database()))
""")
_BURY = update(job).where(_DEAD).values(finished_at=func.now(), epoch=job.c.epoch + 1)
_STOP_POISON = _BURY.where(job.c.attempt >= job.c.max_attempts, ~job.c.cancel_requested).values(
    state="failed",
    error=func.concat("The work broke off ", job.c.attempt, " times without getting further."),
    remedy="Look at the log for what it was doing, then retry the job.",
)
_FINISH_CANCELLED = _BURY.where(job.c.cancel_requested).values(state="cancelled")
_CANDIDATE = (
    select(job.c.id)
    .where((job.c.state == "queued") | _DEAD, _MAY_START)
    .order_by(job.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_LOCK_ATTEMPT = text("SELECT pg_advisory_lock(:key)")
_UNLOCK_ATTEMPT = text("SELECT pg_advisory_unlock(:key)")
_CLAIM = (
    update(job)
    .values(
        state="running",
        epoch=job.c.epoch + 1,
        attempt=job.c.attempt + 1,
        heartbeat_at=func.clock_timestamp(),
        started_at=func.coalesce(job.c.started_at, func.clock_timestamp()),
    )
    .returning(*COLUMNS)
)


def claim(connection: Connection, worker: str, *, lease_s: float, only: int | None = None) -> Job | None:
    """Take the oldest job that waits or whose worker is dead; None when there is none.

    ``connection`` must stay open for as long as the job runs: its session holds the advisory lock.
    A job that broke off ``max_attempts`` times since its last checkpoint is marked failed instead.
    """
    values = {"locks": LOCKS, "lease_s": lease_s}
    candidate = _CANDIDATE if only is None else _CANDIDATE.where(job.c.id == only)
    with connection.begin():
        connection.execute(_SERIALISE_CLAIMS, values)
        connection.execute(_STOP_POISON, values)
        connection.execute(_FINISH_CANCELLED, values)
        job_id = connection.execute(candidate, {**values, "serial": list(SERIAL_KINDS)}).scalar()
        if job_id is None:
            return None
        claimed = job_of(connection.execute(_CLAIM.where(job.c.id == job_id).values(worker=worker)).one())
        connection.execute(_LOCK_ATTEMPT, _lock_key(claimed))
    return claimed


def hold_back(connection: Connection) -> None:
    """Let nobody claim a job until the caller's transaction ends."""
    connection.execute(_SERIALISE_CLAIMS, {"locks": LOCKS})


def release(connection: Connection, claimed: Job) -> None:
    """Give back the advisory lock of an attempt this session has finished with."""
    with connection.begin():
        connection.execute(_UNLOCK_ATTEMPT, _lock_key(claimed))


def _lock_key(claimed: Job) -> dict[str, int]:
    # The epoch is part of it: a worker that lost its job still holds the lock of its own attempt, and
    # must neither keep the next one from its lock nor give that back.
    return {"key": LOCKS + (claimed.id << 16) + claimed.epoch % 2**16}


_BEAT = text("""
UPDATE vectorscope.job
SET heartbeat_at = clock_timestamp(), done = :done, total = :total, unit = :unit, phase = :phase
WHERE id = :id AND epoch = :epoch AND state = 'running'
RETURNING cancel_requested
""")
_FENCE = text("""
UPDATE vectorscope.job
SET heartbeat_at = clock_timestamp(), done = :done, total = :total, unit = :unit, phase = :phase,
    attempt = CASE WHEN checkpoint = CAST(:checkpoint AS jsonb) THEN attempt ELSE 1 END,
    checkpoint = CAST(:checkpoint AS jsonb)
WHERE id = :id AND epoch = :epoch AND state = 'running'
RETURNING cancel_requested
""")


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write for one job, in one epoch."""

    job_id: int
    epoch: int

    def beat(self, connection: Connection, progress: Progress) -> bool:
        """Renew the lease and show progress; True when a cancel was asked for.

        Raises LeaseLost when another worker has the job.
        """
        return self._write(connection, _BEAT, progress)

    def save(self, connection: Connection, progress: Progress, checkpoint: dict[str, Any]) -> None:
        """Write progress and checkpoint in the caller's transaction.

        Raises LeaseLost or Cancelled; the caller's transaction must then be rolled back.
        """
        if self._write(connection, _FENCE, progress, checkpoint=json.dumps(checkpoint)):
            raise Cancelled(f"Job {self.job_id} was cancelled.")

    def finish(
        self,
        connection: Connection,
        state: str,
        *,
        result: dict[str, Any] | None = None,
        error: str | None = None,
        remedy: str | None = None,
    ) -> bool:
        """Write the final state; False when another worker has the job."""
        values = {
            "id": self.job_id,
            "epoch": self.epoch,
            "state": state,
            "result": json.dumps(result),
            "error": error,
            "remedy": remedy,
        }
        return connection.execute(_FINISH, values).rowcount == 1

    def requeue(self, connection: Connection, *, counted: bool = False) -> None:
        """Put the job back; unless ``counted``, as if this attempt had not been."""
        values = {"id": self.job_id, "epoch": self.epoch, "attempts": 0 if counted else 1}
        connection.execute(_REQUEUE, values)

    def _write(self, connection: Connection, statement: Any, progress: Progress, **more: Any) -> bool:
        values = {
            "id": self.job_id,
            "epoch": self.epoch,
            "done": progress.done,
            "total": progress.total,
            "unit": progress.unit,
            "phase": progress.phase,
            **more,
        }
        row = connection.execute(statement, values).first()
        if row is None:
            raise LeaseLost(f"Job {self.job_id} belongs to another worker now.")
        return bool(row.cancel_requested)


_FINISH = text("""
UPDATE vectorscope.job
SET state = :state, finished_at = clock_timestamp(), error = :error, remedy = :remedy,
    result = nullif(CAST(:result AS jsonb), 'null'),
    done = CASE WHEN :state = 'succeeded' THEN total ELSE done END
WHERE id = :id AND epoch = :epoch AND state = 'running'
""")
_REQUEUE = text("""
UPDATE vectorscope.job SET state = 'queued', attempt = attempt - :attempts, epoch = epoch + 1, worker = NULL
WHERE id = :id AND epoch = :epoch AND state = 'running'
""")
_CANCEL_STATEMENTS = text("""
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE application_name LIKE :tagged AND datname = current_database() AND usename = current_user
  AND state <> 'idle' AND pid <> pg_backend_pid()
""")
_END_SESSIONS = text("""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name LIKE :any_epoch AND application_name NOT LIKE :this_epoch
  AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
""")


def tag(job_id: int, epoch: int) -> str:
    """Name the sessions of one attempt, so that they and no others can be cancelled."""
    return f"#{job_id}.{epoch}"


def cancel_statements(connection: Connection, job_id: int, epoch: int) -> None:
    """Interrupt what this attempt's sessions are executing."""
    connection.execute(_CANCEL_STATEMENTS, {"tagged": f"%{tag(job_id, epoch)}"})


def end_earlier_sessions(connection: Connection, job_id: int, epoch: int) -> None:
    """Close the sessions a dead or frozen earlier attempt left behind; they may hold locks."""
    values = {"any_epoch": f"%#{job_id}.%", "this_epoch": f"%{tag(job_id, epoch)}"}
    connection.execute(_END_SESSIONS, values)
