"""Watches as they are kept: what a column's searches may take, every look at it, and the alerts raised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from db.columns import VectorColumn, spelled
from db.errors import RequestError
from db.schema import watch, watch_alert, watch_look

LEAST_S, MOST_S = 60, 30 * 86_400
"""How often a column may be looked at: every minute to every month."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is promised of a column: p95 and recall of its searches, looked at every ``every_s`` seconds."""

    id: int
    schema: str
    table: str
    column: str
    p95_ms: float
    recall: float
    every_s: int
    next_at: datetime
    created_by: str
    created_at: datetime

    @property
    def subject(self) -> str:
        """The column, as ``find_column`` reads it."""
        return spelled(self.schema, self.table, self.column)


@dataclass(frozen=True, slots=True)
class Look:
    """One look.  ``figures`` are measures by name, those with an interval beside ``_low`` and ``_high``.

    ``indexes`` are the column's, each with its definition; ``breach`` says which promise is broken.
    """

    id: int
    watch_id: int
    at: datetime
    rows: int | None
    figures: Mapping[str, float]
    indexes: tuple[Mapping[str, Any], ...]
    breach: str | None


@dataclass(frozen=True, slots=True)
class Alert:
    """A promise that was found broken.  ``told`` is the last of it that a webhook took."""

    id: int
    watch_id: int
    subject: str
    sentence: str
    raised_at: datetime
    resolved_at: datetime | None
    told: str


_WATCH = [watch.c[name] for name in Watch.__slots__]
_LOOK = [watch_look.c[name] for name in Look.__slots__]

_RIGHTS = text("""
SELECT COALESCE(
  bool_and(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), false)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'vectorscope' AND c.relname IN ('watch', 'watch_look')
""")

_DUE = text("""
UPDATE vectorscope.watch AS w SET next_at = now() + make_interval(secs => w.every_s)
WHERE w.id IN (SELECT id FROM vectorscope.watch WHERE next_at <= now() FOR UPDATE SKIP LOCKED)
RETURNING w.id
""")


@dataclass(frozen=True, slots=True)
class Kept:
    """A look that was stored: its number, and the alert it ``raised`` or the one it ``resolved``."""

    id: int
    raised: bool
    resolved: bool


def are_kept(connection: Connection) -> bool:
    """Whether this database keeps watches, and this login may read them."""
    return bool(connection.execute(_RIGHTS).scalar_one())


def keep_watch(
    connection: Connection,
    column: VectorColumn,
    *,
    p95_ms: float,
    recall: float,
    every_s: int,
    created_by: str,
) -> int:
    """Watch a column from now on, in the caller's transaction; what was promised of it before gives way.

    Raises RequestError for a promise out of bounds.
    """
    if not 0 < p95_ms < float("inf"):
        raise RequestError(f"A p95 of {p95_ms:g} ms cannot be promised.", "Give a number of ms above 0.")
    if not 0 <= recall <= 1:
        raise RequestError(f"A recall of {recall:g} cannot be promised.", "Give a number from 0 to 1.")
    if not LEAST_S <= every_s <= MOST_S:
        raise RequestError(
            f"A column cannot be looked at every {every_s:,} s.",
            f"Choose from {LEAST_S:,} s to {MOST_S:,} s.",
        )
    promised = {"p95_ms": p95_ms, "recall": recall, "every_s": every_s, "next_at": func.now()}
    named = {"schema": column.schema, "table": column.table, "column": column.column}
    kept = upsert(watch).values(**named, created_by=created_by, **promised)
    kept = kept.on_conflict_do_update(constraint="watch_once", set_=promised)
    return int(connection.execute(kept.returning(watch.c.id)).scalar_one())


def forget_watch(connection: Connection, watch_id: int) -> None:
    """Stop watching a column, in the caller's transaction; its looks and alerts go with it."""
    connection.execute(delete(watch).where(watch.c.id == watch_id))


def watches(connection: Connection) -> tuple[Watch, ...]:
    """List every watch, the oldest first."""
    return tuple(Watch(*row) for row in connection.execute(select(*_WATCH).order_by(watch.c.id)))


def load_watch(connection: Connection, watch_id: int) -> Watch:
    """Read one watch.  Raises RequestError where it was given up."""
    row = connection.execute(select(*_WATCH).where(watch.c.id == watch_id)).first()
    if row is None:
        raise RequestError(f"There is no watch {watch_id}.", "It was given up: watch the column again.")
    return Watch(*row)


def watch_of(connection: Connection, column: VectorColumn) -> Watch | None:
    """Read the watch on a column; None where nobody watches it."""
    named = {"schema": column.schema, "table": column.table, "column": column.column}
    is_its = and_(*(watch.c[part] == value for part, value in named.items()))
    row = connection.execute(select(*_WATCH).where(is_its)).first()
    return None if row is None else Watch(*row)


def take_due(connection: Connection) -> tuple[int, ...]:
    """Take the watches whose time has come, in the caller's transaction, and set their next one."""
    return tuple(connection.execute(_DUE).scalars())


def store_look(
    connection: Connection,
    watch_id: int,
    *,
    rows: int | None,
    figures: Mapping[str, float],
    indexes: Sequence[Mapping[str, Any]],
    breach: str | None,
    resolves: bool,
    job_id: int | None,
) -> Kept:
    """Keep a look in the caller's transaction; raise the alert it calls for, or end what it ``resolves``."""
    values = {"rows": rows, "figures": dict(figures), "indexes": list(indexes), "breach": breach}
    kept = insert(watch_look).values(watch_id=watch_id, job_id=job_id, **values)
    number = int(connection.execute(kept.returning(watch_look.c.id)).scalar_one())
    is_open = and_(watch_alert.c.watch_id == watch_id, watch_alert.c.resolved_at.is_(None))
    raised = resolved = False
    if resolves:
        over = update(watch_alert).where(is_open).values(resolved_at=func.now())
        resolved = connection.execute(over).rowcount > 0
    if breach is not None:
        alert = upsert(watch_alert).values(watch_id=watch_id, sentence=breach)
        alert = alert.on_conflict_do_nothing(
            index_elements=["watch_id"], index_where=watch_alert.c.resolved_at.is_(None)
        )
        raised = connection.execute(alert).rowcount > 0
    return Kept(number, raised, resolved)


def last_looks(connection: Connection) -> dict[str, tuple[float, int | None]]:
    """Give, by column, the p95 promised and the number of the last look; nothing where none are kept."""
    if not are_kept(connection):
        return {}
    last = select(*_WATCH, func.max(watch_look.c.id).label("last")).outerjoin(watch_look)
    found = connection.execute(last.group_by(watch.c.id))
    return {spelled(row.schema, row.table, row.column): (row.p95_ms, row.last) for row in found}


def looks(connection: Connection, watch_id: int, *, limit: int = 500) -> tuple[Look, ...]:
    """Read the last looks of a watch, oldest first."""
    newest = (
        select(*_LOOK).where(watch_look.c.watch_id == watch_id).order_by(watch_look.c.id.desc()).limit(limit)
    )
    found = connection.execute(newest).all()[::-1]
    return tuple(Look(**{**row._mapping, "indexes": tuple(row.indexes)}) for row in found)


def alerts(connection: Connection, *, watch_id: int | None = None, limit: int = 50) -> tuple[Alert, ...]:
    """List alerts, those that stand first, then the newest; of one watch where it is named."""
    wanted = select(watch_alert, watch.c.schema, watch.c.table, watch.c.column).join(watch)
    if watch_id is not None:
        wanted = wanted.where(watch_alert.c.watch_id == watch_id)
    wanted = wanted.order_by(watch_alert.c.resolved_at.is_not(None), watch_alert.c.id.desc()).limit(limit)
    return tuple(
        Alert(
            row.id,
            row.watch_id,
            spelled(row.schema, row.table, row.column),
            row.sentence,
            row.raised_at,
            row.resolved_at,
            row.told,
        )
        for row in connection.execute(wanted)
    )


def mark_told(connection: Connection, alert: Alert) -> None:
    """Note, in the caller's transaction, that a webhook took the alert as it is now."""
    told = "raised" if alert.resolved_at is None else "resolved"
    connection.execute(update(watch_alert).where(watch_alert.c.id == alert.id).values(told=told))
