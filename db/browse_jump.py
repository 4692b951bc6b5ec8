"""Jumps into the order of a table's rows: to a key, to a value, or part of the way through."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import BigInteger, Connection, TableClause, Text, cast, func, select, text

from db.browse_blocks import heaps_of
from db.browse_order import Order, order_of
from db.browse_request import Cursor, PageRequest, last_page
from db.browse_sample import sample_share, sampled
from db.catalog import other_columns
from db.conditions import EVERY_ROW, clause, columns_of
from db.errors import RequestError
from db.keys import key_parts
from db.nearest import identity, is_row, source

SAMPLE_ROWS = 50_000
"""Rows that are sorted to find a percentile: tens of milliseconds, and right to half a per cent."""

_BOUNDS = text("""
SELECT CAST(CAST(histogram_bounds AS text) AS text[]) AS bounds, null_frac
FROM pg_stats
WHERE schemaname = :schema AND tablename = :table AND attname = :name AND inherited = :inherited
  AND most_common_vals IS NULL
""")
"""Bounds that part the rows into equal shares, where no value is too common to be among them."""


def jump_to_key(connection: Connection, request: PageRequest, given: str) -> PageRequest:
    """Ask for the page that begins with the row called ``given``; a JSON list where the key has parts.

    In the key's own order it begins with the next row there is.  Raises RequestError for a row that is
    not there, and for rows that nothing tells apart.
    """
    parts = key_parts(request.column, given)
    match request.paging:
        case "keyset":
            return _jump_by_order(connection, request, parts)
        case "blocks":
            heaps = heaps_of(connection, request.column)
            place = parts if len(parts) > 1 else (str(min(heaps, default=0)), *parts)
            return replace(request, cursor=Cursor(place, inclusive=True))
        case "offset":
            raise RequestError(
                f"The rows of a {request.column.kind} have no key to begin at.", "Filter by a column instead."
            )


def jump_to_value(request: PageRequest, given: str) -> PageRequest:
    """Ask for the page that begins where the sort's column (without a sort, the key) reaches ``given``.

    ``given`` is a number, a date, a text: whatever the column holds.  Raises RequestError where rows
    have no such order.
    """
    if request.paging != "keyset":
        raise RequestError("These rows are in no order of values.", "Choose a column to order them by.")
    return replace(request, cursor=Cursor((given,), inclusive=True))


def jump_to_percentile(connection: Connection, request: PageRequest, percent: float) -> PageRequest:
    """Ask for the page about ``percent`` (0 to 100) of the way through the rows.

    The place is found by the planner's histogram of the first column ordered by, else by a sample.
    Raises RequestError for a percentage outside 0 to 100.
    """
    if not 0 <= percent <= 100:
        raise RequestError(f"{percent:g} % is outside 0 to 100 %.", "Jump to 0 to 100 %.")
    if percent in {0, 100}:
        return last_page(request) if percent else replace(request, cursor=None)
    find = {"keyset": _by_order, "blocks": _by_block, "offset": _by_count}[request.paging]
    return replace(request, cursor=find(connection, request, percent / 100))


def _jump_by_order(connection: Connection, request: PageRequest, parts: tuple[str, ...]) -> PageRequest:
    rows, order = _ordered(connection, request)
    marks = identity(request.column, rows)
    if list(order.marks) == list(marks):
        return replace(request, cursor=Cursor(parts, inclusive=True))
    place = (cast(mark, Text).label(f"place_{name}") for name, mark in order.marks.items())
    found = connection.execute(select(*place).where(is_row(list(marks.values()), parts))).first()
    if found is None:
        raise RequestError(
            f"There is no row {', '.join(parts)} in {request.column.schema}.{request.column.table}.",
            "Choose another, or leave the rows in the key's order.",
        )
    return replace(request, cursor=Cursor(tuple(found), inclusive=True))


def _by_order(connection: Connection, request: PageRequest, share: float) -> Cursor | None:
    place = _by_histogram(connection, request, share) or _by_sample(connection, request, share)
    return Cursor(place, inclusive=True) if place else None


def _by_histogram(connection: Connection, request: PageRequest, share: float) -> tuple[str | None, ...]:
    """Look the place up in the planner's histogram; nothing where it has none, or of other rows."""
    if request.where != EVERY_ROW:
        return ()
    column, (_, order) = request.column, _ordered(connection, request)
    named = {"schema": column.schema, "table": column.table, "name": next(iter(order.marks))}
    found = connection.execute(_BOUNDS, named | {"inherited": column.kind == "partitioned table"}).first()
    if not found or not found.bounds:
        return ()
    # Rows without a value come last.
    within = share / (1 - found.null_frac) if found.null_frac < 1 else 2
    if within > 1:
        return (None,) if order.nullable else ()
    return (found.bounds[round((1 - within if order.descending else within) * (len(found.bounds) - 1))],)


def _by_sample(connection: Connection, request: PageRequest, share: float) -> tuple[str | None, ...]:
    """Sort a sample of the rows, or all where none can be drawn, and take the place from it."""
    drawn_share = sample_share(request.column, SAMPLE_ROWS)
    rows, order = _ordered(connection, request, 1 if drawn_share is None else drawn_share)
    places = {name: cast(mark, Text).label(f"place_{name}") for name, mark in order.marks.items()}
    by = [mark.desc().nulls_last() if order.descending else mark for mark in order.marks.values()]
    numbered = (
        select(
            *places.values(),
            func.row_number().over(order_by=by).label("number"),
            func.count().over().label("total"),
        )
        .where(clause(request.where, columns_of(request.column, rows)))
        .subquery()
    )
    number = 1 + cast(func.floor(share * (numbered.c.total - 1)), BigInteger)
    found = connection.execute(
        select(*(numbered.c[label.name] for label in places.values())).where(numbered.c.number == number)
    ).first()
    return tuple(found) if found else ()


def _by_block(connection: Connection, request: PageRequest, share: float) -> Cursor | None:
    """Go through the blocks from the last to the first, as the rows are listed."""
    if sample_share(request.column, SAMPLE_ROWS) == 1:  # too few blocks for any of them to be a place
        place = _by_sample(connection, request, share)
        return Cursor(place, inclusive=True) if place else None
    heaps = heaps_of(connection, request.column)
    left = int(sum(heaps.values()) * (1 - share))
    for oid in sorted(heaps):
        if left < heaps[oid]:
            return Cursor((str(oid), f"({left},65535)"), inclusive=True)
        left -= heaps[oid]
    return None


def _by_count(connection: Connection, request: PageRequest, share: float) -> Cursor | None:
    rows = _ordered(connection, request)[0]
    met = clause(request.where, columns_of(request.column, rows))
    total = connection.scalar(select(func.count()).select_from(rows).where(met)) or 0
    return Cursor((str(int(total * share)),))


def _ordered(connection: Connection, request: PageRequest, share: float = 1) -> tuple[TableClause, Order]:
    """Name the rows, or draw a share of them."""
    shown = other_columns(connection, request.column)
    rows = sampled(source(request.column, (column.name for column in shown)), share)
    return rows, order_of(request, rows)
