"""Submitting, cancelling and retrying jobs: what a page or a command may do to the queue."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from dashboard import auditing
from dashboard.identity import Principal, Role, require
from dashboard.jobs.kinds import kind_named
from dashboard.settings import settings
from db import jobs
from db.engine import Database
from db.errors import NotPermitted, RequestError


def submit(
    database: Database,
    principal: Principal,
    kind: str,
    params: Mapping[str, Any],
    *,
    max_attempts: int | None = None,
    already: Callable[[int], None] = lambda _: None,
    beside: Callable[[Connection, int], None] = lambda *_: None,
) -> int:
    """Queue a job and return its id.

    Where an equal job waits or runs, whoever asked for it, ``already`` hears its id, and it is returned:
    of two submissions at the same moment one is queued.  ``beside`` writes what belongs to the submission,
    in its transaction.

    Raises NotPermitted when the principal's role is too low for this kind.
    """
    entry = kind_named(kind)
    require(principal, entry.role, f"start a {entry.key} job")
    with database.writing("submit") as connection, connection.begin():
        job_id, new = jobs.submit(
            connection,
            kind,
            params,
            created_by=principal.name,
            max_attempts=max_attempts or settings().job_attempts,
        )
        if new:
            auditing.record(connection, principal, f"submit {kind}", entry.subject(params), job_id=job_id)
        beside(connection, job_id)
    if not new:
        already(job_id)
    return job_id


def cancel(database: Database, principal: Principal, job_id: int) -> None:
    """Ask a job to stop; its statements are interrupted by its own worker, within about a second.

    Raises RequestError when the job is finished, NotPermitted when it is somebody else's.
    """
    with database.writing("cancel") as connection, connection.begin():
        job = jobs.get(connection, job_id)
        if principal.name != job.created_by and principal.role < Role.ADMIN:
            raise NotPermitted(
                f"Job {job_id} is {job.created_by}'s: only they or an administrator may stop it."
            )
        if not jobs.ask_to_cancel(connection, job_id):
            raise RequestError(f"Job {job_id} has ended already: {job.state}.", "There is nothing to cancel.")
        auditing.record(connection, principal, "cancel", f"job {job_id}", job_id=job_id)


def retry(database: Database, principal: Principal, job_id: int) -> None:
    """Queue a failed or cancelled job again, from the start.

    Raises RequestError when the job is in another state.
    """
    with database.writing("retry") as connection, connection.begin():
        job = jobs.get(connection, job_id)
        require(principal, kind_named(job.kind).role, f"retry a {job.kind} job")
        if not jobs.retry(connection, job_id):
            raise RequestError(
                f"Job {job_id} is {job.state}, or an equal job is at work.",
                "Only a failed or cancelled job can be retried, and not beside its twin.",
            )
        auditing.record(connection, principal, "retry", f"job {job_id}", job_id=job_id)
