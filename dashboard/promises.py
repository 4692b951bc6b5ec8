"""What is promised of a column's searches, and by whom: made and given up by engineers, and audited."""

from __future__ import annotations

from dashboard import auditing
from dashboard.identity import Principal, Role, require
from db import watches
from db.columns import VectorColumn
from db.engine import Database


def promise(
    database: Database,
    principal: Principal,
    column: VectorColumn,
    *,
    p95_ms: float,
    recall: float,
    every_s: int,
) -> int:
    """Watch a column from now on and return the watch's number; an earlier promise gives way.

    Raises NotPermitted below the role of an engineer, RequestError for a promise out of bounds.
    """
    require(principal, Role.ENGINEER, "watch a column")
    with database.writing("watch") as connection, connection.begin():
        number = watches.keep_watch(
            connection, column, p95_ms=p95_ms, recall=recall, every_s=every_s, created_by=principal.name
        )
        auditing.record(
            connection, principal, "watch", f"{column}: p95 {p95_ms:g} ms, recall {recall:g}, {every_s} s"
        )
    return number


def give_up(database: Database, principal: Principal, watch: watches.Watch) -> None:
    """Stop watching a column; what was seen goes with it.  Raises NotPermitted below an engineer."""
    require(principal, Role.ENGINEER, "give up a watch")
    with database.writing("watch") as connection, connection.begin():
        watches.forget_watch(connection, watch.id)
        auditing.record(connection, principal, "give up watch", watch.subject)
