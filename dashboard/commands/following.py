"""Carry out a job from the command line: work on it here, or watch whoever does."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from dashboard.commands.common import ProgressLine, say
from dashboard.identity import current_principal
from dashboard.instance import Instance
from dashboard.jobs import queue
from dashboard.jobs.worker import POLL_S, Worker
from db import jobs
from db.errors import Cancelled, ConnectionFailed, DashboardError
from db.jobs import Job


def carry_out(instance: Instance, kind: str, params: Mapping[str, Any]) -> Job:
    """Submit a job and return it when it has succeeded.

    This process works on it unless another worker was quicker; should that worker die, this one takes
    over.  Ctrl-C cancels the job.

    Raises what the job failed with, or Cancelled.
    """
    principal = current_principal()
    attempts = instance.settings.job_attempts
    job_id = queue.submit(instance.database, principal, kind, params, max_attempts=attempts)
    worker = Worker(instance.database, lease_s=instance.settings.job_lease_s)
    helper = threading.Thread(target=_work_on, args=(worker, job_id, instance), daemon=True)
    helper.start()
    try:
        job = _await(instance, job_id)
    except KeyboardInterrupt:
        say(f"\nCancelling job {job_id}")
        queue.cancel(instance.database, principal, job_id)
        job = _await(instance, job_id)
    finally:
        worker.stopping.set()
        helper.join(timeout=5)
    if job.state == "cancelled":
        raise Cancelled(f"Job {job_id} was cancelled; nothing of it was kept.", "Run the command again.")
    if job.state == "failed":
        raise DashboardError(job.error or f"Job {job_id} failed.", job.remedy or "")
    return job


def _work_on(worker: Worker, job_id: int, instance: Instance) -> None:
    while not worker.stopping.is_set():
        try:
            worked = worker.run_one(only=job_id)
        except ConnectionFailed:
            instance.revive(say)
            worked = False
        if not worked:
            worker.stopping.wait(POLL_S)


def _await(instance: Instance, job_id: int) -> Job:
    line = ProgressLine()
    try:
        while True:
            job = _read(instance, job_id)
            if job.is_finished:
                return job
            line.show(describe(job))
            time.sleep(0.25)
    finally:
        line.end()


def _read(instance: Instance, job_id: int) -> Job:
    try:
        with instance.database.reading("follow") as connection:
            return jobs.get(connection, job_id)
    except ConnectionFailed:
        if instance.embedded is None:
            raise
        instance.revive(say)
        with instance.database.reading("follow") as connection:
            return jobs.get(connection, job_id)


def describe(job: Job) -> str:
    """Say in one line how far a job is.

    The time left assumes that the rest goes as fast as what is done.
    """
    if job.state == "queued":
        return f"job {job.id} waits for its turn"
    parts = [f"job {job.id}", job.phase or job.state]
    if job.total:
        parts.append(f"{job.done:,} of {job.total:,} {job.unit} ({job.fraction:.0%})")
    if job.fraction > 0.02 and job.running_s:
        parts.append(f"~{job.running_s * (1 - job.fraction) / job.fraction:,.0f} s left")
    return " · ".join(parts)
