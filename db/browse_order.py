"""The order of a table's rows, and the conditions that begin a page anywhere in it.

A page is ``WHERE (sort, key) > (...) ORDER BY sort, key LIMIT n``: a comparison of rows, which a btree
index over the first of them answers, at any depth alike.  As NULL compares with nothing, rows
without a value to sort by are a second segment of the order, after all others.
Source: PostgreSQL documentation, "Row and Array Comparisons"; M. Winand, use-the-index-luke.com/no-offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, TableClause, literal, tuple_

from db.browse_request import Cursor, PageRequest
from db.errors import RequestError
from db.nearest import identity


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are ordered by, by name: the sort's column, where it is not the key's first, and the key."""

    marks: Mapping[str, ColumnElement[Any]]
    descending: bool
    nullable: bool = False
    """Whether the first of the marks may be NULL."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the order that one statement reads: its condition, and what it is ordered by."""

    conditions: tuple[ColumnElement[bool], ...]
    order_by: tuple[ColumnElement[Any], ...]


def order_of(request: PageRequest, rows: TableClause) -> Order:
    """Tell the order of a request; without a sort, the highest key comes first."""
    column = request.column
    # Where rows lie is told by table: one that has heirs or partitions has the same place many times.
    by_place = not column.key and column.kind != "view"
    key = {"tableoid": rows.c.tableoid, "ctid": rows.c.ctid} if by_place else identity(column, rows)
    if request.sort is None:
        return Order(key, descending=True)
    if column.key[:1] == (request.sort.column,):
        return Order(key, request.sort.descending)
    sorted_by = {request.sort.column: rows.c[request.sort.column]}
    return Order(sorted_by | key, request.sort.descending, nullable=True)


def segments(order: Order, cursor: Cursor | None) -> tuple[Segment, ...]:
    """Split what lies beyond the cursor into stretches, in the order they are read.

    Raises RequestError for a cursor of another order.
    """
    cursor = cursor or Cursor(())
    if len(cursor.values) > len(order.marks) or None in cursor.values[1 if order.nullable else 0 :]:
        raise RequestError("This place belongs to another order of the rows.", "Start at the first page.")
    descending = order.descending != cursor.before
    if not order.nullable:
        return (_segment(tuple(order.marks.values()), cursor.values, cursor, descending=descending),)

    sort, *key = order.marks.values()
    stretches = [(sort.is_not(None), (sort, *key)), (sort.is_(None), tuple(key))]
    missing = cursor.values[:1] == (None,)
    if cursor.before:
        stretches.reverse()
    # Reading begins in the stretch that the cursor lies in, and goes on to the other.
    start = (missing != cursor.before) if cursor.values else 0
    found = []
    for place, (condition, marks) in enumerate(stretches[start:]):
        values = cursor.values[missing:] if place == 0 else ()
        segment = _segment(marks, values, cursor, descending=descending)
        found.append(Segment((condition, *segment.conditions), segment.order_by))
    return tuple(found)


def directed(marks: Iterable[ColumnElement[Any]], *, descending: bool) -> tuple[ColumnElement[Any], ...]:
    """Order by each of the marks, all in one direction, so that one index can serve it."""
    return tuple(mark.desc() if descending else mark for mark in marks)


def _segment(
    marks: tuple[ColumnElement[Any], ...], values: tuple[str | None, ...], cursor: Cursor, *, descending: bool
) -> Segment:
    order_by = directed(marks, descending=descending)
    if not values:
        return Segment((), order_by)
    operator = ("<" if descending else ">") + ("=" if cursor.inclusive else "")
    given = [literal(value, String()) for value in values]
    here: ColumnElement[Any] = marks[0] if len(given) == 1 else tuple_(*marks[: len(given)])
    there: ColumnElement[Any] = given[0] if len(given) == 1 else tuple_(*given)
    return Segment((here.op(operator, is_comparison=True)(there),), order_by)
