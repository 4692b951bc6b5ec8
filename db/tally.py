"""How often each value comes among some rows: the one statement behind facets and exact statistics."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, TableClause, Text, cast, func, select


@dataclass(frozen=True, slots=True)
class Tally:
    """The commonest values as text with their rows, and what there is in all; ``rows`` has the NULLs too."""

    values: tuple[tuple[str, int], ...]
    distinct: int
    nulls: int
    rows: int


def tally(
    connection: Connection,
    rows: TableClause,
    value: ColumnElement[Any],
    met: ColumnElement[bool],
    *,
    limit: int,
) -> Tally:
    """Count the values of an expression over the ``rows`` that meet a condition."""
    counted = (
        select(cast(value, Text).label("value"), func.count().label("rows"))
        .select_from(rows)
        .where(met)
        .group_by(cast(value, Text))
        .subquery("counted")
    )
    missing = counted.c.value.is_(None)
    commonest = (
        select(
            counted.c.value,
            counted.c.rows,
            func.count(counted.c.value).over().label("distinct"),
            func.sum(counted.c.rows).filter(missing).over().label("nulls"),
            func.sum(counted.c.rows).over().label("total"),
        )
        .order_by(missing, counted.c.rows.desc(), counted.c.value)
        .limit(limit)
    )
    found = connection.execute(commonest).all()
    if not found:
        return Tally((), 0, 0, 0)
    values = tuple((row.value, row.rows) for row in found if row.value is not None)
    return Tally(values, found[0].distinct, int(found[0].nulls or 0), int(found[0].total))
