"""Commands about jobs: list, show, cancel, retry."""

from __future__ import annotations

from typing import Any

import click

from dashboard.commands.common import done, emit, json_option, opened, say
from dashboard.commands.following import describe
from dashboard.identity import current_principal
from dashboard.jobs import queue
from db import jobs as table
from db.jobs import Job

_SHOWN = ("id", "kind", "state", "attempt", "done", "total", "unit", "phase", "error", "remedy", "created_by")


def to_document(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    times = {name: getattr(job, name) for name in ("created_at", "started_at", "finished_at")}
    return {
        **{name: getattr(job, name) for name in _SHOWN},
        **times,
        "params": job.params,
        "result": job.result,
    }


@click.group()
def jobs() -> None:
    """The queue: what waits, runs, and has ended."""


@jobs.command("list")
@json_option
def list_jobs(as_json: bool) -> None:
    """List the jobs, active ones first."""
    with opened() as instance, instance.database.reading("jobs") as connection:
        found = table.latest(connection)
    if as_json:
        emit({"jobs": [to_document(job) for job in found]})
        return
    if not found:
        say("There are no jobs.")
    for job in found:
        click.echo(
            f"{job.id:>5}  {job.kind:10} {job.state:10} {describe(job) if not job.is_finished else ''}"
        )


@jobs.command()
@click.argument("job_id", type=int)
@json_option
def show(job_id: int, as_json: bool) -> None:
    """Show one job and its log."""
    with opened() as instance, instance.database.reading("jobs") as connection:
        job = table.get(connection, job_id)
        lines = table.log_lines(connection, job_id)
    document = {**to_document(job), "log": [f"{line.at:%H:%M:%S} {line.message}" for line in lines]}
    if as_json:
        emit(document)
        return
    for name, value in document.items():
        click.echo(f"{name:12} {value}" if name != "log" else "\n".join(["log", *lines_of(value)]))


def lines_of(log: list[str]) -> list[str]:
    """Indent a log."""
    return [f"  {line}" for line in log]


@jobs.command()
@click.argument("job_id", type=int)
@json_option
def cancel(job_id: int, as_json: bool) -> None:
    """Ask a job to stop."""
    with opened() as instance:
        queue.cancel(instance.database, current_principal(), job_id)
    done({"job": job_id}, f"Asked job {job_id} to stop.", as_json=as_json)


@jobs.command()
@click.argument("job_id", type=int)
@json_option
def retry(job_id: int, as_json: bool) -> None:
    """Queue a failed or cancelled job again."""
    with opened() as instance:
        queue.retry(instance.database, current_principal(), job_id)
    done({"job": job_id}, f"Job {job_id} is queued again.", as_json=as_json)
