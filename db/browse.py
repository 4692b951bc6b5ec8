"""Rows of any table, a page at a time, in constant time at any depth: by keyset, never by a page's number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, Select, func, select

from db.browse_blocks import block_segments
from db.browse_jump import jump_to_key, jump_to_percentile, jump_to_value
from db.browse_order import Order, Segment, order_of, segments
from db.browse_request import (
    PAGE_ROWS,
    Cursor,
    PageRequest,
    Paging,
    Sort,
    cursor_from_text,
    last_page,
)
from db.browse_rows import BrowsedRow, Found, PageReader, sending
from db.browse_sorts import Sortable, sorts
from db.catalog import PlainColumn, other_columns
from db.conditions import EVERY_ROW, check, clause, columns_of, in_words
from db.errors import RequestError
from db.explain import Plan, explain
from db.nearest import source
from db.savepoint import set_for_now

__all__ = [
    "MAX_COST",
    "PAGE_ROWS",
    "BrowsedRow",
    "Cursor",
    "Page",
    "PageRequest",
    "Paging",
    "Preflight",
    "Sort",
    "Sortable",
    "browse",
    "cursor_from_text",
    "jump_to_key",
    "jump_to_percentile",
    "jump_to_value",
    "last_page",
    "preflight",
    "sorts",
]

_PASSED = re.compile(r"\d{1,18}")

MAX_COST = 200_000
"""Above this planner's cost a page is not read unasked: it takes about a second."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order asked for; ``columns`` are those of ``values``; ``sql`` gives them as it stands.

    ``request`` is what the page answers: where a cursor led past either end, that end.
    """

    request: PageRequest
    columns: tuple[PlainColumn, ...]
    rows: tuple[BrowsedRow, ...]
    first: Cursor | None
    last: Cursor | None
    has_before: bool
    has_after: bool
    elapsed_ms: float
    sql: str

    @property
    def next(self) -> PageRequest | None:
        """The page after this one, if there is one."""
        return replace(self.request, cursor=self.last) if self.has_after else None

    @property
    def previous(self) -> PageRequest | None:
        """The page before this one, if there is one."""
        return replace(self.request, cursor=self.first) if self.has_before else None


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the planner expects of a page: its cost, and the rows it would find if it went on.

    ``reason`` is a sentence for the reader where the page is ``too_heavy``.
    """

    cost: float
    rows: float | None
    too_heavy: bool
    plan: Plan
    reason: str


def browse(connection: Connection, request: PageRequest) -> Page:
    """Read one page.

    Raises RequestError for a sort or a condition the columns do not bear, and StatementTimeout.
    """
    shown = _checked(connection, request)
    read = _by_counting if request.paging == "offset" else _by_place
    return read(connection, request, shown)


def preflight(connection: Connection, request: PageRequest) -> Preflight:
    """Ask the planner what a page would cost, without reading it.

    Raises RequestError as ``browse`` does.
    """
    shown = _checked(connection, request)
    reader = _reader(request, shown)
    plan = explain(connection, reader.finding(_dearest(connection, reader), request.rows + 1))
    root = plan.root
    cost = plan.document["Plan"]["Total Cost"]
    found = next((node.children[0] for node in root.walk() if node.node_type == "Limit"), root)
    too_heavy = cost > MAX_COST
    return Preflight(cost, found.rows_estimated, too_heavy, plan, _reason(request, plan) if too_heavy else "")


def _checked(connection: Connection, request: PageRequest) -> tuple[PlainColumn, ...]:
    """List the columns shown, once condition and sort are known to fit them."""
    shown = other_columns(connection, request.column)
    check(request.where, shown)
    if request.sort:
        known = {sortable.column for sortable in sorts(connection, request.column)}
        if request.sort.column not in known:
            raise RequestError(
                f"Rows cannot be ordered by {request.sort.column!r}.",
                f"Order by one of {', '.join(sorted(known))}." if known else "Leave them in their own order.",
            )
    return shown


def _reader(request: PageRequest, shown: tuple[PlainColumn, ...]) -> PageReader:
    rows = source(request.column, (column.name for column in shown))
    # Rows that are counted off are ordered by the statement that finds them, or not at all.
    counted = request.paging == "offset"
    order = Order({}, descending=False) if counted else order_of(request, rows)
    return PageReader(request, shown, rows, order)


def _segments(connection: Connection, reader: PageReader) -> Iterable[Segment]:
    match reader.request.paging:
        case "keyset":
            return segments(reader.order, reader.request.cursor)
        case "blocks":
            return block_segments(connection, reader.request, reader.rows)
        case "offset":
            return (_counted(reader),)


def _dearest(connection: Connection, reader: PageReader) -> Segment:
    """Choose the stretch whose cost is told beforehand.

    Blocks are read in ever longer stretches until enough rows meet the condition: maybe all of them.
    """
    if reader.request.paging == "blocks" and reader.request.where != EVERY_ROW:
        return Segment((), ())
    return next(iter(_segments(connection, reader)), Segment((), ()))


def _by_place(connection: Connection, request: PageRequest, shown: tuple[PlainColumn, ...]) -> Page:
    reader, cursor = _reader(request, shown), request.cursor or Cursor(())
    started = perf_counter()
    found: list[Found] = []
    asked: list[tuple[Segment, int]] = []
    for segment in _segments(connection, reader):
        got = reader.read(connection, reader.showing(segment, request.rows + 1 - len(found)))
        found = [*got, *found] if cursor.before else [*found, *got]
        asked.append((segment, len(got)))
        if len(found) > request.rows:
            break

    elapsed_ms = (perf_counter() - started) * 1000
    more = len(found) > request.rows
    if cursor.values and not more and (cursor.before or not found):
        # Past an end there is less than a page, or nothing: give the page at that end.
        return browse(connection, replace(request, cursor=None) if cursor.before else last_page(request))
    found = found[-request.rows :] if cursor.before else found[: request.rows]
    behind = bool(found) and _has_behind(connection, reader, found[0])
    # The row that told that there are more came with the last statement.
    segment, rows = asked.pop() if asked else (Segment((), ()), 0)
    asked.append((segment, rows - more))
    told = [reader.told(segment, rows) for segment, rows in asked if rows or not found]
    return Page(
        request=request,
        columns=shown,
        rows=tuple(each.row for each in found),
        first=Cursor(found[0].place, before=True) if found else None,
        last=Cursor(found[-1].place) if found else None,
        has_before=more if cursor.before else behind,
        has_after=behind if cursor.before else more,
        elapsed_ms=elapsed_ms,
        sql=_spelled(connection, reversed(told) if cursor.before else told),
    )


def _has_behind(connection: Connection, reader: PageReader, first: Found) -> bool:
    """Tell whether there are rows on the side that the page was come to from."""
    cursor = reader.request.cursor or Cursor(())
    if cursor.before or not cursor.inclusive:
        return bool(cursor.values)
    back = replace(reader, request=replace(reader.request, cursor=Cursor(first.place, before=True)))
    return any(connection.execute(back.finding(s, 1)).first() for s in _segments(connection, back))


def _by_counting(connection: Connection, request: PageRequest, shown: tuple[PlainColumn, ...]) -> Page:
    reader = _reader(request, shown)
    started = perf_counter()
    # A scan that joins another half-way would begin elsewhere each time.
    with set_for_now(connection, {"synchronize_seqscans": "off"}):
        start, wanted = _stretch(connection, reader)
        found = reader.read(connection, reader.showing(_counted(reader), wanted + 1, start))
    rows = tuple(each.row for each in found[:wanted])
    return Page(
        request=request,
        columns=shown,
        rows=rows,
        first=Cursor((str(start),), before=True) if rows else None,
        last=Cursor((str(start + len(rows)),)) if rows else None,
        has_before=start > 0,
        has_after=len(found) > wanted,
        elapsed_ms=(perf_counter() - started) * 1000,
        sql=_spelled(connection, [reader.told(_counted(reader), wanted, start)]),
    )


def _counted(reader: PageReader) -> Segment:
    sort = reader.request.sort
    if not sort:
        return Segment((), ())
    by = reader.rows.c[sort.column]
    return Segment((), ((by.desc() if sort.descending else by).nulls_last(),))


def _stretch(connection: Connection, reader: PageReader) -> tuple[int, int]:
    """Tell how many rows come before the page, and how many it has."""
    request = reader.request
    match request.cursor:
        case None:
            return 0, request.rows
        case Cursor(values=(), before=True):
            column = request.column
            met = clause(request.where, columns_of(column, reader.rows))
            total = connection.scalar(select(func.count()).select_from(reader.rows).where(met)) or 0
            return max(0, total - request.rows), request.rows
        case Cursor(values=(str() as given,)) if _PASSED.fullmatch(given):
            start = int(given)
            if not request.cursor.before:
                return start, request.rows
            return max(0, start - request.rows), min(start, request.rows)
    raise RequestError("This place belongs to another order of the rows.", "Start at the first page.")


def _spelled(connection: Connection, statements: Iterable[Select[Any]]) -> str:
    # What is compiled for psycopg2 holds each percent sign twice, and a driver takes one away.
    return ";\n\n".join(sending(connection, statement) % () for statement in statements)


def _reason(request: PageRequest, plan: Plan) -> str:
    rows = "all rows" if request.column.rows is None else f"about {request.column.rows:,} rows"
    if request.sort and any("Sort" in node.node_type for node in plan.root.walk()):
        return f"No index keeps the order by {request.sort.column}: {rows} are read, and sorted."
    if request.where != EVERY_ROW:
        return f"No index finds the rows where {in_words(request.where)}: {rows} are read."
    return f"This {request.column.kind} takes long to read: nothing leads to the first of its rows."
