"""Carry out a job from the command line: work on it here, or watch whoever does."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dashboard.commands.common import ProgressLine, say
from dashboard.identity import current_principal
from dashboard.instance import Instance
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from db import jobs
from db.errors import Cancelled, ConnectionFailed, DashboardError
from db.jobs import Job

_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


def carry_out(instance: Instance, kind: str, params: Mapping[str, Any]) -> Job:
    """Submit a job and return it when it has succeeded.

    This process works on it unless another worker was quicker; should that worker die, this one takes
    over.  Ctrl-C cancels the job, as does being told to end.

    Raises what the job failed with, or Cancelled.
    """
    principal = current_principal()
    chosen = instance.settings
    job_id = queue.submit(
        instance.database, principal, kind, params, already=lambda twin: say(f"Already queued as job {twin}.")
    )
    worker = Worker(instance.database, lease_s=chosen.job_lease_s, revive=lambda: instance.revive(say))
    helper = threading.Thread(target=_work_on, args=(worker, job_id), daemon=True)
    helper.start()
    try:
        with _told_to_end_as_by_ctrl_c():
            job = _await(instance, job_id, helper)
    except KeyboardInterrupt:
        say(f"\nCancelling job {job_id}")
        queue.cancel(instance.database, principal, job_id)
        job = _await(instance, job_id, helper)
    finally:
        worker.stopping.set()
        helper.join(timeout=5)
    if job.state == "cancelled":
        raise Cancelled(f"Job {job_id} was cancelled; nothing of it was kept.", "Run the command again.")
    if job.state == "failed":
        raise DashboardError(job.error or f"Job {job_id} failed.", job.remedy or "")
    return job


def _work_on(worker: Worker, job_id: int) -> None:
    while not worker.stopping.is_set():
        worker.try_one(only=job_id)


@contextmanager
def _told_to_end_as_by_ctrl_c() -> Iterator[None]:
    """Let a closed terminal or a polite kill cancel the job, too: nobody would go on with it."""
    # What is ignored stays so: nohup asked for it.
    heard = [number for number in _ENDINGS if signal.getsignal(number) != signal.SIG_IGN]
    earlier = {number: signal.signal(number, signal.default_int_handler) for number in heard}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _await(instance: Instance, job_id: int, helper: threading.Thread) -> Job:
    line = ProgressLine()
    answered_at = time.monotonic()
    try:
        while True:
            try:
                job = _read(instance, job_id)
            except ConnectionFailed:
                # The helper revives a server of ours; any other may come back by itself.
                if not helper.is_alive() or time.monotonic() > answered_at + instance.settings.startup_wait_s:
                    raise
                line.show("the server does not answer; waiting for it")
            else:
                answered_at = time.monotonic()
                if job.is_finished:
                    return job
                if not helper.is_alive():
                    raise DashboardError(
                        f"This command can no longer work on job {job_id}, which is {job.state}.",
                        "Any worker goes on with it: python -m dashboard worker",
                    )
                line.show(describe(job))
            time.sleep(0.25)
    finally:
        line.end()


def _read(instance: Instance, job_id: int) -> Job:
    with instance.database.reading("follow") as connection:
        return jobs.get(connection, job_id)


def describe(job: Job) -> str:
    """Say in one line how far a job is.

    The time left of a load assumes that the rest goes as fast as what is done; a benchmark's steps
    differ too much for that.
    """
    if job.state == "queued":
        return f"job {job.id} waits for its turn"
    parts = [f"job {job.id}", job.phase or job.state]
    if job.total:
        parts.append(f"{job.done:,} of {job.total:,} {job.unit} ({job.fraction:.0%})")
    if job.unit == "rows" and job.phase == "loading" and job.fraction > 0.02 and job.running_s:
        parts.append(f"~{job.running_s * (1 - job.fraction) / job.fraction:,.0f} s left")
    return " · ".join(parts)
