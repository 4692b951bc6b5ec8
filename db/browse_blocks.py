"""The order of a table that has no key: where its rows lie, read in growing stretches of blocks.

``ORDER BY ctid`` sorts the whole table, as no plan is known to give that order; a range of ctid is read
as such (a TID Range Scan, since PostgreSQL 14), and the few rows of a stretch are quickly sorted.
The place of a row holds until it is updated, or the table rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, String, TableClause, literal, text

from db.browse_order import Segment, directed
from db.browse_request import Cursor, PageRequest
from db.columns import VectorColumn
from db.errors import RequestError

FIRST_BLOCKS = 8
"""Some 8 to 800 rows; each further stretch is twice as long, so that a rare row costs two scans at most."""

_OID = re.compile(r"\d{1,10}")
_CTID = re.compile(r"\((\d{1,10}),\d{1,5}\)")

_HEAPS = text("""
WITH RECURSIVE family AS (
  SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = :schema AND c.relname = :table
  UNION SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.oid)
SELECT c.oid::bigint AS oid, pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks
FROM family f JOIN pg_class c ON c.oid = f.oid WHERE c.relkind IN ('r', 'm') ORDER BY c.oid
""")

Heaps = dict[int, int]
"""Blocks of each table that holds rows, by oid."""


def heaps_of(connection: Connection, column: VectorColumn) -> Heaps:
    """Find the tables that hold the rows: the table itself, its partitions, its heirs."""
    named = {"schema": column.schema, "table": column.table}
    return {heap.oid: heap.blocks for heap in connection.execute(_HEAPS, named)}


def block_segments(connection: Connection, request: PageRequest, rows: TableClause) -> Iterator[Segment]:
    """Yield stretches beyond the cursor until the last block.

    Raises RequestError for a cursor of another order.
    """
    cursor = request.cursor or Cursor(())
    heaps = heaps_of(connection, request.column)
    begin, block = _place(cursor)
    size = FIRST_BLOCKS
    for oid in sorted(heaps, reverse=not cursor.before):
        if begin is not None and (oid < begin if cursor.before else oid > begin):
            continue
        low, high = 0, heaps[oid]
        beyond = _beyond(cursor, rows) if oid == begin else ()
        if oid == begin:
            low, high = (block, high) if cursor.before else (low, min(high, block + 1))
        within = (rows.c.tableoid == literal(str(oid), String()),) if len(heaps) > 1 else ()
        while low < high:
            start = low if cursor.before else max(low, high - size)
            stop = min(high, low + size) if cursor.before else high
            yield _segment(rows, (*within, *beyond), start, stop, descending=not cursor.before)
            low, high = (stop, high) if cursor.before else (low, start)
            size *= 2


def _segment(
    rows: TableClause, conditions: tuple[ColumnElement[bool], ...], start: int, stop: int, *, descending: bool
) -> Segment:
    ctid = rows.c.ctid
    within = (ctid >= literal(f"({start},0)", String()), ctid < literal(f"({stop},0)", String()))
    return Segment((*conditions, *within), directed((ctid,), descending=descending))


def _beyond(cursor: Cursor, rows: TableClause) -> tuple[ColumnElement[bool], ...]:
    operator = (">" if cursor.before else "<") + ("=" if cursor.inclusive else "")
    return (rows.c.ctid.op(operator, is_comparison=True)(literal(cursor.values[1], String())),)


def _place(cursor: Cursor) -> tuple[int | None, int]:
    """Read the table and the block of a cursor; None for either end."""
    match cursor.values:
        case ():
            return None, 0
        case (str() as oid, str() as ctid) if _OID.fullmatch(oid) and (found := _CTID.fullmatch(ctid)):
            return int(oid), int(found[1])
    raise RequestError("This place belongs to another order of the rows.", "Start at the first page.")
