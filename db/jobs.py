"""The job table: what waits, runs and has ended, and what somebody outside may ask of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Float, Row, cast, extract, func, select, text

from db.errors import RequestError
from db.schema import job

ACTIVE = ("queued", "running")
FINISHED = ("succeeded", "failed", "cancelled")

PERSONAL = frozenset({"export"})
"""Kinds whose result only whoever asked may have: an equal job of somebody else is another one."""
ROUTINE = "watch"
"""The kind that nobody asks for each time: a list of jobs has few of it."""
ROUTINE_LISTED = 5


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work, as the table has it.  Times are UTC; ``done`` of ``total`` counts ``unit``."""

    id: int
    kind: str
    params: dict[str, Any]
    state: str
    attempt: int
    max_attempts: int
    epoch: int
    worker: str | None
    done: int
    total: int
    unit: str
    phase: str
    checkpoint: dict[str, Any]
    result: dict[str, Any] | None
    cancel_requested: bool
    error: str | None
    remedy: str | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_age_s: float | None
    running_s: float | None

    @property
    def is_finished(self) -> bool:
        """Whether the job has reached a state it will not leave by itself."""
        return self.state in FINISHED

    @property
    def fraction(self) -> float:
        """Share of the phase done, in [0, 1]; 0 while the total is not known."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def reached(self) -> float | None:
        """Share of the work done, in [0, 1]; None where it stopped between phases, which have no share."""
        if self.state == "succeeded":
            return 1.0
        return None if self.is_finished and self.fraction == 1 else self.fraction


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log."""

    at: datetime
    message: str


COLUMNS = (
    *(job.c[name] for name in Job.__slots__ if name in job.c),
    cast(extract("epoch", func.clock_timestamp() - job.c.heartbeat_at), Float).label("heartbeat_age_s"),
    cast(
        extract("epoch", func.coalesce(job.c.finished_at, func.clock_timestamp()) - job.c.started_at), Float
    ).label("running_s"),
)

_INSERT = text("""
INSERT INTO vectorscope.job (kind, params, dedupe_key, created_by, max_attempts)
VALUES (:kind, CAST(:params AS jsonb), :dedupe_key, :created_by, :max_attempts)
ON CONFLICT (dedupe_key) WHERE state IN ('queued', 'running') DO NOTHING
RETURNING id
""")
_ACTIVE_TWIN = text("""
SELECT id FROM vectorscope.job WHERE dedupe_key = :dedupe_key AND state IN ('queued', 'running')
""")


def submit(
    connection: Connection, kind: str, params: Mapping[str, Any], *, created_by: str, max_attempts: int
) -> tuple[int, bool]:
    """Queue a job and return its id, and whether it is new: an equal active job is not queued twice."""
    asks = f"{kind} of {created_by}" if kind in PERSONAL else kind
    values = {
        "kind": kind,
        "params": json.dumps(params),
        "dedupe_key": f"{asks}:{json.dumps(params, sort_keys=True)}",
        "created_by": created_by,
        "max_attempts": max_attempts,
    }
    while True:
        if (new := connection.execute(_INSERT, values).scalar()) is not None:
            return int(new), True
        if (twin := connection.execute(_ACTIVE_TWIN, values).scalar()) is not None:
            return int(twin), False


_ASK_TO_CANCEL = text("""
UPDATE vectorscope.job
SET cancel_requested = true,
    state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
    finished_at = CASE WHEN state = 'queued' THEN now() END
WHERE id = :id AND state IN ('queued', 'running')
""")


def ask_to_cancel(connection: Connection, job_id: int) -> bool:
    """Ask for a stop; a queued job is cancelled at once.  False when the job is finished or unknown."""
    return connection.execute(_ASK_TO_CANCEL, {"id": job_id}).rowcount == 1


_RETRY = text("""
UPDATE vectorscope.job
SET state = 'queued', attempt = 0, epoch = epoch + 1, cancel_requested = false, error = NULL, remedy = NULL,
    finished_at = NULL, started_at = NULL, done = 0, checkpoint = '{}'
WHERE id = :id AND state IN ('failed', 'cancelled')
  AND NOT EXISTS (SELECT FROM vectorscope.job twin
                  WHERE twin.dedupe_key = job.dedupe_key AND twin.state IN ('queued', 'running'))
""")
_LIST = select(*COLUMNS).order_by(job.c.state.in_(ACTIVE).desc(), job.c.id.desc())
_LOG = text("INSERT INTO vectorscope.job_log (job_id, message) VALUES (:job_id, :message)")
_LINES = text("""
SELECT at, message FROM vectorscope.job_log WHERE job_id = :job_id ORDER BY id DESC LIMIT :limit
""")
_ACTIVE_PATHS = text("""
SELECT params ->> 'path' FROM vectorscope.job
WHERE state IN ('queued', 'running') AND params ->> 'path' IS NOT NULL
""")
_ACTIVE_IDS = text("SELECT id FROM vectorscope.job WHERE state IN ('queued', 'running')")


def retry(connection: Connection, job_id: int) -> bool:
    """Queue a failed or cancelled job again, from the start.  False for any other, or beside its twin."""
    return connection.execute(_RETRY, {"id": job_id}).rowcount == 1


def get(connection: Connection, job_id: int) -> Job:
    """Read one job.  Raises RequestError when there is none of that id."""
    row = connection.execute(select(*COLUMNS).where(job.c.id == job_id)).first()
    if row is None:
        raise RequestError(f"There is no job {job_id}.", "List the jobs with: python -m dashboard jobs list")
    return job_of(row)


def latest(connection: Connection, limit: int = 100) -> tuple[Job, ...]:
    """Read the newest jobs, and a few of the routine, active ones first."""
    asked_for = _LIST.where(job.c.kind != ROUTINE).limit(limit)
    routine = _LIST.where(job.c.kind == ROUTINE).limit(min(limit, ROUTINE_LISTED))
    found = [job_of(row) for query in (asked_for, routine) for row in connection.execute(query)]
    return tuple(sorted(found, key=lambda one: (one.is_finished, -one.id)))


def active_ids(connection: Connection) -> frozenset[int]:
    """Ids of the jobs that wait or run."""
    return frozenset(connection.execute(_ACTIVE_IDS).scalars())


def active_paths(connection: Connection) -> frozenset[str]:
    """Files that the jobs that wait or run are to read."""
    return frozenset(connection.execute(_ACTIVE_PATHS).scalars())


def add_line(connection: Connection, job_id: int, message: str) -> None:
    """Add a line to a job's log."""
    connection.execute(_LOG, {"job_id": job_id, "message": message})


def log_lines(connection: Connection, job_id: int, limit: int = 50) -> Sequence[LogLine]:
    """Read the last lines of a job's log, oldest first."""
    rows = connection.execute(_LINES, {"job_id": job_id, "limit": limit}).all()
    return [LogLine(row.at, row.message) for row in reversed(rows)]


def job_of(row: Row[Any]) -> Job:
    """Make a Job of a row of COLUMNS."""
    return Job(**row._mapping)
