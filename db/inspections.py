"""Inspections as they are kept: one row per look at a column, stored whole and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, select

from db.columns import VectorColumn
from db.errors import RequestError
from db.schema import inspection


@dataclass(frozen=True, slots=True)
class Stored:
    """One look at a column.  ``kind`` is the kind of job that took it."""

    id: int
    job_id: int | None
    kind: str
    params: dict[str, Any]
    result: dict[str, Any]
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """What an earlier look found, without what only its own page draws."""

    id: int
    summary: dict[str, Any]
    created_at: datetime


_STORED = [inspection.c[name] for name in Stored.__slots__]


def store(
    connection: Connection,
    column: VectorColumn,
    kind: str,
    *,
    params: Mapping[str, Any],
    result: Mapping[str, Any],
    created_by: str,
    job_id: int | None,
) -> int:
    """Keep a look in the caller's transaction, and number it.  ``result["summary"]`` is what trends show."""
    values = {
        "job_id": job_id,
        "kind": kind,
        "schema": column.schema,
        "table": column.table,
        "column": column.column,
        "params": params,
        "result": result,
        "created_by": created_by,
    }
    return int(connection.execute(insert(inspection).values(values).returning(inspection.c.id)).scalar_one())


def load(connection: Connection, number: int) -> Stored:
    """Read one look.  Raises RequestError for a number there is none of."""
    row = connection.execute(select(*_STORED).where(inspection.c.id == number)).first()
    if row is None:
        raise RequestError(f"There is no inspection {number}.", "Inspect the column again.")
    return Stored(**row._mapping)


def latest(connection: Connection, column: VectorColumn, kind: str) -> Stored | None:
    """Read the newest look of a kind; None where there was none."""
    newest = select(*_STORED).where(_of(column, kind)).order_by(inspection.c.id.desc()).limit(1)
    row = connection.execute(newest).first()
    return None if row is None else Stored(**row._mapping)


def history(
    connection: Connection, column: VectorColumn, kind: str, *, limit: int = 12
) -> tuple[Figures, ...]:
    """Read the summaries of the last looks of a kind, oldest first."""
    newest = (
        select(inspection.c.id, inspection.c.result["summary"].label("summary"), inspection.c.created_at)
        .where(_of(column, kind))
        .order_by(inspection.c.id.desc())
        .limit(limit)
    )
    return tuple(Figures(**row._mapping) for row in connection.execute(newest).all()[::-1])


def _of(column: VectorColumn, kind: str) -> ColumnElement[bool]:
    named = (column.schema, column.table, column.column, kind)
    return and_(
        *(inspection.c[n] == v for n, v in zip(("schema", "table", "column", "kind"), named, strict=True))
    )
