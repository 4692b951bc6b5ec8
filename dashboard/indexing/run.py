"""The job that builds an index on somebody's own table, while it is read and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Any

from sqlalchemy.schema import CreateIndex

from dashboard.indexing.obstacles import obstacle
from dashboard.indexing.reconcile import POLL_S, clean_up, drop, turn, unheard
from dashboard.indexing.request import BuildRequest
from dashboard.indexing.watching import Watch, by_name
from db import audit, index_builds
from db.catalog import find_column
from db.engine import Database
from db.errors import (
    Cancelled,
    ConnectionFailed,
    DashboardError,
    Handover,
    Interrupted,
    LeaseLost,
    LockTimeout,
    OutOfSpace,
)
from db.index_builds import BUILD, Intent, Own
from db.index_ddl import carry_out
from db.index_ground import Ground, ground, writers
from db.index_plan import IndexPlan
from db.progress import Ledger, Progress

KIND = "build_index"

WRITERS_S = 3
"""How long transactions that write the table are waited for before anything is made: one that stays open
would end the build halfway."""

WAITING = Progress(0, 0, "", "waiting for other work on this table's indexes")


@dataclass(frozen=True, slots=True)
class Work:
    """A job at work: where, on whose record, for whom."""

    database: Database
    ledger: Ledger
    job_id: int
    created_by: str

    def fence(self, build_id: int) -> bool:
        """Tell whether this attempt still owns its job."""
        with suppress(Cancelled, Interrupted, ConnectionFailed):
            try:
                with self.database.writing("fence") as connection, connection.begin():
                    self.ledger.save(connection, Progress(0, 0, "", "ending"), {"build": build_id})
            except LeaseLost:
                return False
        return True

    def drop_left(self, left: Own, patience_s: int) -> None:
        """Drop what an earlier attempt, or a job that has ended, has left INVALID."""
        told = f"dropping {left.name}, INVALID since build {left.build_id} broke off"
        self.ledger.log(told)
        self.ledger.tell(Progress(0, 0, "", told))
        drop(self.database, left, patience_s)

    def declare(self, intent: Intent) -> int:
        """Write down what is about to be done, together with the proof of owning the job; number it."""
        with self.database.writing("index build") as connection, connection.begin():
            build = index_builds.declare(connection, intent, job_id=self.job_id, created_by=self.created_by)
            self.ledger.save(connection, Progress(0, 0, "", "starting"), {"build": build.id})
        return build.id

    def finish(self, build_id: int, action: str, detail: dict[str, Any], **outcome: Any) -> None:
        """Close the record with its audit row, together with the proof of owning the job."""
        with self.database.writing("index build") as connection, connection.begin():
            index_builds.finish(connection, build_id, "succeeded", **outcome)
            audit.record(
                connection,
                subject=self.created_by,
                role="worker",
                action=action,
                object=str(detail.pop("object")),
                detail=detail,
                job_id=self.job_id,
            )
            # A cancel that is asked for after the last step comes too late: the work is done, and stays.
            with suppress(Cancelled):
                self.ledger.save(connection, Progress(1, 1, "", "done"), {"build": build_id})

    def log_remarks(self, notices: Sequence[str]) -> None:
        """Add what the server has remarked to the job's log."""
        for notice in notices:
            self.ledger.log(f"the server remarks: {notice}")

    def give_up(self, build_id: int, error: DashboardError, notices: Sequence[str]) -> None:
        """Take away what a statement has left, and close the record unless the job goes on.

        An attempt that has lost its job touches nothing: the next one sees to all of it.
        """
        if not self.fence(build_id):
            return
        with unheard(self.database) as database:
            with suppress(DashboardError):
                self.log_remarks(notices)
            clean_up(database, build_id, self.ledger.log)
            if isinstance(error, (Handover, ConnectionFailed)):
                return
            state = "cancelled" if isinstance(error, Cancelled) else "failed"
            with suppress(DashboardError), database.control("index build") as connection:
                outcome = {"error": error.message, "notices": list(notices)}
                index_builds.finish(connection, build_id, state, **outcome)


def build_index(work: Work, request: BuildRequest) -> dict[str, Any]:
    """Build the index and return its record's number, name, size and time.

    Raises LockTimeout while others write the table, and what ``obstacle`` finds.
    """
    with work.database.reading("index build") as connection:
        column = find_column(connection, request.column)
    with work.database.control("index build") as connection:
        table_oid = ground(connection, column).oid
    plan = request.plan(column)
    with turn(work.database, table_oid, lambda: work.ledger.tell(WAITING)):
        if done := _of_earlier_attempt(work, request, plan):
            return done
        return _build(work, request, plan)


def _of_earlier_attempt(work: Work, request: BuildRequest, plan: IndexPlan) -> dict[str, Any] | None:
    """Take over what an earlier attempt finished; drop what it, or an ended job, has left."""
    with work.database.control("index build") as connection:
        earlier = index_builds.of_job(connection, work.job_id)
        own = index_builds.made_by(connection, earlier.id) if earlier else ()
        others = [
            left
            for left in index_builds.leftovers(connection)
            if (left.schema, left.table) == (plan.column.schema, plan.column.table)
        ]
    for left in [*(o for o in own if not o.valid), *others]:
        work.drop_left(left, request.patience_s)
    if earlier and (valid := next((o for o in own if o.valid), None)):
        work.ledger.log("an earlier attempt had finished it")
        return _told(work, earlier.id, valid, plan)
    return None


def _build(work: Work, request: BuildRequest, plan: IndexPlan) -> dict[str, Any]:
    with work.database.control("index build") as connection:
        found = ground(connection, plan.column)
    build_id = work.declare(_intent(plan, request, found))
    heard: list[str] = []
    try:
        if hindrance := obstacle(plan, found):
            raise hindrance.raised()
        _wait_for_writers(work, plan, found.oid)
        build_s = _carry_out(work, request, plan, build_id, heard.append)
        with work.database.control("index build") as connection:
            own = next(o for o in index_builds.made_by(connection, build_id) if o.valid)
        return _told(work, build_id, own, plan, build_s=build_s, notices=heard)
    except DashboardError as error:
        work.give_up(build_id, error, heard)
        raise


def _intent(plan: IndexPlan, request: BuildRequest, found: Ground) -> Intent:
    spec = {
        "index": str(plan.spec),
        "distance": plan.distance.stem,
        "where": request.where,
        "method": plan.spec.method.name,
        "options": plan.spec.method.options,
        "operator_class": plan.operator_class,
        "memory_mb": request.memory_mb,
        "workers": request.workers,
    }
    return Intent(BUILD, plan.column, plan.name, spec, plan.sql, found.index_oids)


def _wait_for_writers(work: Work, plan: IndexPlan, table_oid: int) -> None:
    until_s = monotonic() + WRITERS_S
    while True:
        with work.database.control("index build") as connection:
            holders = writers(connection, table_oid)
        if not holders:
            return
        phase = f"waiting for writers before build, {by_name(holders)}"
        work.ledger.tell(Progress(0, len(holders), "transactions", phase))
        if monotonic() > until_s:
            raise LockTimeout(
                f"Another transaction holds {plan.column.schema}.{plan.column.table}: {holders[0]}.",
                "Wait for it to end, then try again; nothing was made. Its owner may also end it: "
                f"SELECT pg_terminate_backend({holders[0].pid});",
            )
        sleep(POLL_S)


def _carry_out(
    work: Work, request: BuildRequest, plan: IndexPlan, build_id: int, hear: Callable[[str], None]
) -> float:
    """Build, and return the seconds; by one process where parallel ones find too little shared memory."""
    try:
        return _once(work, request, plan, build_id, hear)
    except OutOfSpace as error:
        if "shared memory" not in error.message:
            raise
        work.ledger.log(f"{error.message}; building again by one process")
        clean_up(work.database, build_id, work.ledger.log)
        return _once(work, replace(request, workers=0), plan, build_id, hear)


def _once(
    work: Work, request: BuildRequest, plan: IndexPlan, build_id: int, hear: Callable[[str], None]
) -> float:
    watch = Watch(work.database, work.ledger, build_id, request.deadline_s)
    took_s = carry_out(
        work.database,
        CreateIndex(plan.index),
        purpose="index build",
        settings=request.settings,
        rows=plan.column.rows or 0,
        watch=watch,
        hear=hear,
    )
    return watch.without_waits(took_s)


def _told(
    work: Work,
    build_id: int,
    own: Own,
    plan: IndexPlan,
    *,
    build_s: float | None = None,
    notices: Sequence[str] = (),
) -> dict[str, Any]:
    work.log_remarks(notices)
    work.finish(
        build_id,
        "create index",
        {"object": f"{own.schema}.{own.name}", "sql": plan.sql},
        index_oid=own.oid,
        build_s=build_s,
        size_bytes=own.size_bytes,
        rows=plan.column.rows,
        notices=list(notices),
    )
    return {
        "build": build_id,
        "schema": own.schema,
        "index": own.name,
        "size_bytes": own.size_bytes,
        "build_s": build_s,
        "notices": list(notices),
    }
