"""What SQL can count of a column's vectors exactly, where it takes no longer than it is given.

pgvector stores neither NaN nor infinity, so that what is left to look for is NULL, zero, copies, and in
an untyped column vectors of several lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    TableClause,
    Text,
    cast,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
)

from db.catalog import ColumnInfo
from db.errors import StatementTimeout
from db.keys import key_parts
from db.nearest import identity, identity_names, is_row, source
from db.norms import dimensions, norm
from db.savepoint import within

T = TypeVar("T")

BUDGET_MS = 20_000
"""What one exact count may take before the sample has to do."""

MOST_ROWS = 100
"""Rows a finding names, and a statement that shows rows returns."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Vectors that several rows share: ``rows`` in all, in ``groups``, ``largest`` in the largest.

    ``keys`` names up to MOST_ROWS of the rows, those of the largest groups, group by group; none where
    there was no time to look for them.
    """

    groups: int
    rows: int
    largest: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """Exact counts of a whole column; None for what would have taken too long.

    ``mix`` counts the vectors of an untyped column by their dimensions, and is empty for a typed one.
    """

    rows: int | None = None
    nulls: int | None = None
    zeros: int | None = None
    duplicates: Duplicates | None = None
    mix: Mapping[int, int] | None = None


def count_column(connection: Connection, column: ColumnInfo, *, budget_ms: int = BUDGET_MS) -> Counted:
    """Count what can be counted, each within ``budget_ms``, from the caller's transaction."""
    rows = source(column)
    vector = rows.c[column.column]
    both: list[ColumnElement[Any]] = [func.count(), func.count(vector)]
    filled = _within(connection, budget_ms, select(*both).select_from(rows))
    if not filled:
        return Counted()
    zeros = _within(connection, budget_ms, select(func.count()).where(is_zero(column, rows)))
    groups = _within(connection, budget_ms, _duplicates(column, rows))
    largest = _largest(groups or ())
    alike = _within(connection, budget_ms, _alike(column, rows, largest)) if largest else ()
    mix = [] if column.dimensions else _within(connection, budget_ms, _mix(column, rows))
    return Counted(
        rows=filled[0][0],
        nulls=filled[0][0] - filled[0][1],
        zeros=zeros[0][0] if zeros else None,
        duplicates=None if groups is None else _read_duplicates(groups, alike or ()),
        mix=None if mix is None else {row[0]: row[1] for row in mix},
    )


def is_zero(column: ColumnInfo, rows: TableClause) -> ColumnElement[bool]:
    """Tell whether a vector has no length, or a bit string no bit: as every page tells it.

    By the norm, which the server adds up in 8-byte floats: an inner product with itself takes 4, in which the
    square of 1e-30 is 0.
    """
    return norm(rows.c[column.column], column.type) == literal_column("0")


def _mix(column: ColumnInfo, rows: TableClause) -> Select[Any]:
    vector = rows.c[column.column]
    length = dimensions(vector, column.type).label("dimensions")
    shown: list[ColumnElement[Any]] = [length, func.count().label("rows")]
    counted = select(*shown).select_from(rows).where(vector.is_not(None))
    return counted.group_by(length).order_by(func.count().desc()).limit(MOST_ROWS)


def _duplicates(column: ColumnInfo, rows: TableClause) -> Select[Any]:
    """Group by a digest of the bytes: a group costs 32 bytes then, not a vector."""
    digest = func.md5(_bytes(column, rows))
    groups = (
        select(digest.label("digest"), func.count().label("size"))
        .select_from(rows)
        .where(rows.c[column.column].is_not(None), not_(is_zero(column, rows)))
        .group_by(digest)
        .having(func.count() > 1)
        .subquery("groups")
    )
    totals = (func.count().over(), func.sum(groups.c.size).over())
    order = groups.c.size.desc(), groups.c.digest
    return select(groups.c.digest, groups.c.size, *totals).order_by(*order).limit(MOST_ROWS)


def _largest(groups: Sequence[Any]) -> list[str]:
    """Choose the digests of as many groups as MOST_ROWS rows come from."""
    before = accumulate((group.size for group in groups), initial=0)
    return [group.digest for group, rows in zip(groups, before, strict=False) if rows < MOST_ROWS]


def _alike(column: ColumnInfo, rows: TableClause, digests: Sequence[str]) -> Select[Any]:
    """Find the rows of some groups, which takes no sorting of all the others."""
    digest = func.md5(_bytes(column, rows))
    named = select(_spelled(column, rows).label("key"), digest.label("digest"))
    return named.where(digest.in_(digests)).limit(MOST_ROWS)


def _bytes(column: ColumnInfo, rows: TableClause) -> ColumnElement[bytes]:
    send: ColumnElement[bytes] = getattr(func, f"{column.type}_send")(rows.c[column.column])
    return send


def _spelled(column: ColumnInfo, rows: TableClause) -> ColumnElement[str]:
    """Spell a row's key as a search by row takes it."""
    parts = [cast(mark, Text) for mark in identity(column, rows).values()]
    return parts[0] if len(parts) == 1 else cast(func.json_build_array(*parts), Text)


def _read_duplicates(found: Sequence[Any], alike: Sequence[Any]) -> Duplicates:
    if not found:
        return Duplicates(0, 0, 0, ())
    _, largest, groups, rows = found[0]
    place = {group.digest: number for number, group in enumerate(found)}
    keys = (row.key for row in sorted(alike, key=lambda row: (place[row.digest], row.key)))
    return Duplicates(groups, int(rows), largest, tuple(keys))


def _within(connection: Connection, budget_ms: int, statement: Select[Any]) -> Sequence[Any] | None:
    """Run a statement; None where it takes longer than it may."""
    with suppress(StatementTimeout), within(connection, budget_ms):
        return connection.execute(statement).all()
    return None


def rows_sql(connection: Connection, column: ColumnInfo, problem: str, keys: Sequence[str] = ()) -> str:
    """Write the statement that shows the rows of a ``problem``, runnable as it is; "" where it has none.

    A problem is "null", "zero", "duplicates", "dimensions", or "keys": the rows of these ``keys``.
    """
    rows = source(column)
    vector = rows.c[column.column]
    marks = identity(column, rows)
    shown = [mark.label(name) for name, mark in marks.items()]
    match problem:
        case "null":
            statement = select(*shown).where(vector.is_(None))
        case "zero":
            statement = select(*shown).where(is_zero(column, rows))
        case "duplicates":
            statement = _copies(column, rows, shown)
        case "dimensions":
            statement = _mix(column, rows)
        case _ if keys:
            statement = select(*shown).where(_among(column, list(marks.values()), keys))
        case _:
            return ""
    return written(connection, statement.limit(MOST_ROWS))


def _among(
    column: ColumnInfo, marks: Sequence[ColumnElement[Any]], keys: Sequence[str]
) -> ColumnElement[bool]:
    parts = [key_parts(column, key) for key in keys]
    if len(marks) == 1:
        return marks[0].in_([literal(part, String()) for (part,) in parts])
    return or_(*(is_row(marks, part) for part in parts))


def _copies(column: ColumnInfo, rows: TableClause, shown: Sequence[ColumnElement[Any]]) -> Select[Any]:
    digest = func.md5(_bytes(column, rows))
    size = func.count().over(partition_by=digest).label("rows_alike")
    marked = (
        select(*shown, digest.label("digest"), size)
        .where(rows.c[column.column].is_not(None), not_(is_zero(column, rows)))
        .subquery("marked")
    )
    names = [marked.c[name] for name in identity_names(column)]
    alike = marked.c.rows_alike
    return select(*names, alike).where(alike > literal_column("1")).order_by(alike.desc(), marked.c.digest)


def written(connection: Connection, statement: Select[Any]) -> str:
    """Write a statement with its values in it, as somebody would type it."""
    sent = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    # What is compiled for psycopg2 holds each percent sign twice, and a driver takes one away.
    return str(sent) % ()
