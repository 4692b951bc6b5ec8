"""Decisions on the advisor's findings, as they are kept: who, when, on which evidence, and the job it led to.

Nothing is ever taken back: a dismissal that ends is lifted, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, text, update

from db.columns import VectorColumn, spelled
from db.errors import RequestError
from db.schema import decision

DISMISSED = "dismissed"
"""The one decision that hides something, and can be lifted."""

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Decision:
    """What was ``decided`` on what a rule said of a column; ``evidence`` is what it said at that time.

    A dismissal has a ``reason``, and stands until it is lifted; the others led to the job ``job_id``.
    """

    id: int
    schema: str
    table: str
    column: str
    rule: str
    decided: str
    reason: str | None
    evidence: Mapping[str, Any]
    job_id: int | None
    created_by: str
    created_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None

    @property
    def subject(self) -> str:
        """The column, as ``find_column`` reads it."""
        return spelled(self.schema, self.table, self.column)


@dataclass(frozen=True, slots=True)
class Built:
    """The index that a job was to build, to rebuild or to drop: its ``action``.

    ``valid`` is None where it is not there now.
    """

    action: str
    name: str
    valid: bool | None
    size_bytes: int | None


_COLUMNS = [decision.c[name] for name in Decision.__slots__]
_STANDS = and_(decision.c.decided == DISMISSED, decision.c.lifted_at.is_(None))

_RIGHTS = text("""
SELECT COALESCE(bool_or(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), false)
         AS readable,
       COALESCE(bool_or(has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')), false)
         AND current_setting('transaction_read_only') = 'off' AS writable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'vectorscope' AND c.relname = 'decision'
""")

_BUILT = text("""
SELECT b.action, b.name, now.valid, now.size_bytes
FROM vectorscope.index_build b
LEFT JOIN LATERAL (
  SELECT i.indisvalid AS valid, pg_relation_size(ci.oid) AS size_bytes
  FROM pg_class ci
  JOIN pg_index i ON i.indexrelid = ci.oid
  JOIN pg_class ct ON ct.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = ct.relnamespace
  -- A rebuilt index has another oid, a renamed one another name.
  WHERE ci.oid::bigint = b.index_oid OR (n.nspname, ct.relname, ci.relname) = (b.schema, b."table", b.name)
  ORDER BY ci.oid::bigint = b.index_oid DESC NULLS LAST LIMIT 1
) now ON true
WHERE b.job_id = :job_id
""")


def are_kept(connection: Connection) -> bool:
    """Whether this database keeps decisions, and this login may read them."""
    return bool(connection.execute(_RIGHTS).one().readable)


def may_keep(connection: Connection) -> bool:
    """Whether this login may write decisions down; ask a connection that may write."""
    return bool(connection.execute(_RIGHTS).one().writable)


def keep_decision(
    connection: Connection,
    column: VectorColumn,
    rule: str,
    decided: str,
    *,
    evidence: Mapping[str, Any],
    created_by: str,
    reason: str | None = None,
    job_id: int | None = None,
) -> int:
    """Write a decision down in the caller's transaction; a dismissal takes the place of the one before.

    Raises RequestError for a dismissal without a reason, or with one that is too long.
    """
    named = {"schema": column.schema, "table": column.table, "column": column.column, "rule": rule}
    if decided == DISMISSED:
        reason = _checked(reason)
        standing = and_(_STANDS, *(decision.c[part] == value for part, value in named.items()))
        connection.execute(_lifting(standing, created_by))
    values = {"decided": decided, "reason": reason, "evidence": dict(evidence), "job_id": job_id}
    kept = insert(decision).values(**named, **values, created_by=created_by).returning(decision.c.id)
    return int(connection.execute(kept).scalar_one())


def lift(connection: Connection, decision_id: int, *, lifted_by: str) -> bool:
    """End a dismissal, in the caller's transaction; False where it does not stand any more."""
    mine = and_(_STANDS, decision.c.id == decision_id)
    return connection.execute(_lifting(mine, lifted_by)).rowcount == 1


def decisions(
    connection: Connection, column: VectorColumn | None = None, *, limit: int = 200
) -> tuple[Decision, ...]:
    """Read the newest decisions, newest first; on one column where it is named."""
    return _read(connection, _on(column), limit)


def standing(connection: Connection, column: VectorColumn | None = None) -> tuple[Decision, ...]:
    """Read every dismissal that stands; on one column where it is named."""
    return _read(connection, [_STANDS, *_on(column)], None)


def built_by(connection: Connection, job_id: int) -> Built | None:
    """Look for the index that a job was to build or to change; None before the job has begun."""
    row = connection.execute(_BUILT, {"job_id": job_id}).first()
    return None if row is None else Built(**row._mapping)


def _read(
    connection: Connection, wanted: Sequence[ColumnElement[bool]], limit: int | None
) -> tuple[Decision, ...]:
    newest = select(*_COLUMNS).where(*wanted).order_by(decision.c.id.desc()).limit(limit)
    return tuple(Decision(**row._mapping) for row in connection.execute(newest))


def _on(column: VectorColumn | None) -> list[ColumnElement[bool]]:
    if column is None:
        return []
    return [decision.c[part] == getattr(column, part) for part in ("schema", "table", "column")]


def _lifting(which: ColumnElement[bool], lifted_by: str) -> Any:
    return update(decision).where(which).values(lifted_by=lifted_by, lifted_at=func.now())


def _checked(reason: str | None) -> str:
    given = (reason or "").strip()
    if not given:
        raise RequestError("A dismissal needs a reason.", "Say in a sentence why the finding may be left.")
    if len(given) > LONGEST_REASON:
        raise RequestError(
            f"The reason has {len(given):,} characters, over {LONGEST_REASON}.", "Say it in fewer words."
        )
    return given
