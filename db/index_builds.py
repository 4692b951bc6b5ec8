"""Our own record of index builds: what was meant, before each statement, and what came of it.

A build that breaks off leaves an INVALID index, a rebuild one called ..._ccnew or ..._ccold.  Which of them
are ours, to be dropped, only this record can tell: an index of ours has the oid that was seen while it was
built, or it was not there before the record was written, and has the name and operator class it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from db.columns import VectorColumn
from db.schema import index_build

BUILD, REINDEX, DROP = "build", "reindex", "drop"


@dataclass(frozen=True, slots=True)
class Intent:
    """What a job is about to do to an index of a column, and the table's indexes before it began."""

    action: str
    column: VectorColumn
    name: str
    spec: Mapping[str, Any]
    sql: str
    oids_before: Sequence[int]
    index_oid: int | None = None


@dataclass(frozen=True, slots=True)
class IndexBuild:
    """One such record.  ``index_oid`` is that of the index built, rebuilt or dropped; None until seen.

    ``progress`` is the last look at the running statement.  Times are UTC.
    """

    id: int
    job_id: int | None
    action: str
    schema: str
    table: str
    column: str
    name: str
    spec: dict[str, Any]
    sql: str
    state: str
    index_oid: int | None
    oids_before: list[int]
    progress: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None
    build_s: float | None
    size_bytes: int | None
    rows: int | None
    workers: int | None
    notices: list[str]
    error: str | None
    created_by: str


@dataclass(frozen=True, slots=True)
class Own:
    """An index in the catalog that a record accounts for."""

    build_id: int
    schema: str
    table: str
    name: str
    oid: int
    table_oid: int
    valid: bool
    size_bytes: int


_COLUMNS = [index_build.c[name] for name in IndexBuild.__slots__]


def declare(connection: Connection, intent: Intent, *, job_id: int | None, created_by: str) -> IndexBuild:
    """Write down what is about to be done, in the caller's transaction.

    A further attempt of the same job takes over the record of the first, of which nothing may be left.
    """
    values = {
        "job_id": job_id,
        "action": intent.action,
        "schema": intent.column.schema,
        "table": intent.column.table,
        "column": intent.column.column,
        "name": intent.name,
        "spec": dict(intent.spec),
        "sql": intent.sql,
        "oids_before": list(intent.oids_before),
        "index_oid": intent.index_oid,
        "created_by": created_by,
    }
    kept = {"oids_before": values["oids_before"], "index_oid": values["index_oid"]}
    again = {"state": "running", "error": None, "finished_at": None, "progress": {}, **kept}
    statement = insert(index_build).values(values)
    statement = statement.on_conflict_do_update(index_elements=["job_id"], set_=again)
    return _of(connection.execute(statement.returning(*_COLUMNS)).one())


def seen(
    connection: Connection, build_id: int, index_oid: int | None, progress: Mapping[str, Any], workers: int
) -> None:
    """Note what a look at the running statement showed; an oid that was seen stays."""
    mine = index_build.c.id == build_id
    connection.execute(
        update(index_build)
        .where(mine, index_build.c.state == "running")
        .values(
            progress=dict(progress),
            index_oid=func.coalesce(index_build.c.index_oid, index_oid),
            workers=func.greatest(func.coalesce(index_build.c.workers, 0), workers),
        )
    )


def finish(connection: Connection, build_id: int, state: str, **outcome: Any) -> None:
    """Close a record: ``outcome`` names index_oid, build_s, size_bytes, rows, notices or error."""
    values = {"state": state, "finished_at": func.clock_timestamp(), "progress": {}, **outcome}
    connection.execute(update(index_build).where(index_build.c.id == build_id).values(values))


def of_job(connection: Connection, job_id: int) -> IndexBuild | None:
    """Read the record of a job; None before it has written one."""
    row = connection.execute(select(*_COLUMNS).where(index_build.c.job_id == job_id)).first()
    return None if row is None else _of(row)


def finished_builds(connection: Connection, limit: int = 1000) -> tuple[IndexBuild, ...]:
    """Read what was built or rebuilt, newest first."""
    done = index_build.c.state == "succeeded", index_build.c.action.in_((BUILD, REINDEX))
    newest = select(*_COLUMNS).where(*done).order_by(index_build.c.id.desc()).limit(limit)
    return tuple(_of(row) for row in connection.execute(newest))


_OWN = text("""
SELECT b.id AS build_id, b.schema, b."table", ci.relname::text AS name, ci.oid::bigint AS oid,
       t.oid::bigint AS table_oid, i.indisvalid AS valid, pg_relation_size(ci.oid) AS size_bytes
FROM vectorscope.index_build b
JOIN pg_namespace n ON n.nspname = b.schema
JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = b."table"
JOIN pg_index i ON i.indrelid = t.oid
JOIN pg_class ci ON ci.oid = i.indexrelid
JOIN pg_opclass opc ON opc.oid = i.indclass[0]
WHERE CASE b.action
  WHEN 'build' THEN ci.oid::bigint = b.index_oid
    OR b.index_oid IS NULL AND ci.relname = b.name AND ci.oid::bigint <> ALL (b.oids_before)
       AND opc.opcname = b.spec ->> 'operator_class'
  WHEN 'reindex' THEN ci.relname ~ '_cc(new|old)[0-9]*$'
    AND starts_with(b.name, regexp_replace(ci.relname, '_cc(new|old)[0-9]*$', ''))
    AND (ci.oid::bigint = b.index_oid OR ci.oid::bigint <> ALL (b.oids_before))
    AND opc.opcname = b.spec ->> 'operator_class'
  -- Dropping begins by making it invalid: from there on it can only go on.
  ELSE ci.oid::bigint = b.index_oid AND (b.spec ->> 'valid')::boolean AND NOT i.indisvalid END
AND CASE WHEN CAST(:build_id AS bigint) IS NOT NULL THEN b.id = :build_id ELSE
  NOT i.indisvalid AND b.state <> 'succeeded'
  AND NOT EXISTS (SELECT FROM vectorscope.job j
                  WHERE j.id = b.job_id AND j.state IN ('queued', 'running'))
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p
                  WHERE p.datname = current_database() AND (p.index_relid = ci.oid OR p.relid IS NULL)) END
ORDER BY b.id
""")
_SIZE = text("SELECT pg_relation_size(CAST(CAST(:oid AS bigint) AS oid))")
_CLOSE_ORPHANS = text("""
UPDATE vectorscope.index_build b
SET state = CASE WHEN j.state = 'cancelled' THEN 'cancelled' ELSE 'failed' END,
    finished_at = clock_timestamp(),
    error = COALESCE(b.error, j.error, 'Its job ended without a word.'), progress = '{}'
FROM vectorscope.index_build same LEFT JOIN vectorscope.job j ON j.id = same.job_id
WHERE same.id = b.id AND b.state = 'running' AND COALESCE(j.state NOT IN ('queued', 'running'), true)
""")


def made_by(connection: Connection, build_id: int) -> tuple[Own, ...]:
    """List what is in the catalog of one record, valid or not."""
    return tuple(Own(**row._mapping) for row in connection.execute(_OWN, {"build_id": build_id}))


def leftovers(connection: Connection) -> tuple[Own, ...]:
    """List the INVALID indexes that ended jobs have left, and that nobody is building."""
    return tuple(Own(**row._mapping) for row in connection.execute(_OWN, {"build_id": None}))


def size_bytes(connection: Connection, index_oid: int) -> int:
    """Ask what an index takes on disk now."""
    return int(connection.execute(_SIZE, {"oid": index_oid}).scalar_one())


def close_orphans(connection: Connection) -> None:
    """Close the records of jobs that are over: one that is killed has no last word."""
    connection.execute(_CLOSE_ORPHANS)


def _of(row: Any) -> IndexBuild:
    return IndexBuild(**row._mapping)
