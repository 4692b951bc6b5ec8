"""What is not kept for ever: looks, maps, and the jobs of a watch, beyond the newest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select, true

from db.jobs import FINISHED, ROUTINE
from db.schema import inspection, job, projection, watch_look


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest ``most`` rows of a table are kept of each ``alike``; ``where`` says of which rows at all."""

    table: Table
    alike: tuple[ColumnElement[Any], ...]
    most: int
    where: ColumnElement[bool] = true()


PROJECTIONS = 20
"""Maps of one column and method: with its points, one may take megabytes."""


def _of_column(table: Table, kind: str) -> tuple[ColumnElement[Any], ...]:
    return tuple(table.c[name] for name in ("schema", "table", "column", kind))


KEPT = (
    Kept(inspection, _of_column(inspection, "kind"), 50),  # a trend shows the last dozen
    Kept(projection, _of_column(projection, "method"), PROJECTIONS),
    Kept(watch_look, (watch_look.c.watch_id,), 2_000),
    Kept(
        job,  # with its log
        (job.c.params["column"].astext,),
        50,
        and_(job.c.kind == ROUTINE, job.c.state.in_(FINISHED)),
    ),
)


def drop_old(connection: Connection) -> int:
    """Drop, in the caller's transaction, what is older than the newest; tells how many rows went."""
    return sum(_drop(connection, kept) for kept in KEPT)


def _drop(connection: Connection, kept: Kept) -> int:
    number = kept.table.c.id
    age = func.row_number().over(partition_by=kept.alike, order_by=number.desc())
    aged = select(number, age.label("age")).where(kept.where).subquery("aged")
    gone = delete(kept.table).where(number.in_(select(aged.c.id).where(aged.c.age > kept.most)))
    return connection.execute(gone).rowcount
