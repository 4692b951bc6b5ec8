"""What surrounds a row: the rows beside it, its copies, and how long its vector is among others."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Executable, Row, String, Text, cast, func, literal, not_, select

from db.browse import Cursor, PageRequest
from db.browse_sample import SEED, sample_share, sampled
from db.catalog import ColumnInfo
from db.errors import StatementTimeout
from db.items import Item, keys_of, place_of
from db.keys import key_parts, key_text
from db.nearest import identity, is_row, source
from db.norms import norm
from db.savepoint import within

NORM_ROWS = 20_000
"""Norms that a row's own is ranked among: a percentile is then right to about 0.7 (95 % interval)."""

PATIENCE_MS = 2_000
"""What counting copies, or ranking the norm, may take: each is worth a glance, not a wait."""

ROUNDING = 1e-3
"""Relative difference of norms that means nothing: a halfvec of unit length is off by as much as 5e-4."""

COPIES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Around:
    """The rows before and after one in the order of the page Data, None at either end.

    ``here`` is the place of the row itself; None where rows have no order.
    """

    before: str | None
    after: str | None
    here: Cursor | None


@dataclass(frozen=True, slots=True)
class NormRank:
    """How long a vector is among those of ``n`` rows, all or a sample, in per cent of them.

    ``shorter`` have a shorter vector; ``alike`` one as long, but for what rounding leaves.
    """

    shorter: float
    alike: float
    n: int
    is_sample: bool
    seed: int = SEED


@dataclass(frozen=True, slots=True)
class Copies:
    """The other rows with the very same vector: how many, and the first of their keys."""

    rows: int
    keys: tuple[str, ...]


def around(connection: Connection, column: ColumnInfo, key: str) -> Around:
    """Find the rows beside a row; a view without a key has none."""
    place = place_of(connection, column, key_parts(column, key))
    if place is None:
        return Around(None, None, None)
    before, after = (
        keys_of(connection, PageRequest(column, cursor=Cursor(place, before=side), rows=1))
        for side in (True, False)
    )
    # Past an end, the page is the one at that end.
    return Around(
        before=next((k for k in before if k != key), None),
        after=next((k for k in after if k != key), None),
        here=Cursor(place, inclusive=True),
    )


def rank_norm(connection: Connection, item: Item) -> NormRank | None:
    """Rank the vector's norm among those of a sample; None without one, or where that takes too long."""
    if item.norm is None:
        return None
    column, share = item.column, sample_share(item.column, NORM_ROWS)
    rows = source(column) if share is None else sampled(source(column), share)
    length = norm(cast(rows.c[column.column], column.sql_type), column.type)
    slack = item.norm * ROUNDING
    shorter = func.count().filter(length < item.norm - slack)
    alike = func.count().filter(length.between(item.norm - slack, item.norm + slack))
    counted = _in_time(connection, select(shorter, alike, func.count(length)).select_from(rows))
    below, equal, n = counted[0] if counted else (0, 0, 0)
    if not n:
        return None
    return NormRank(100 * below / n, 100 * equal / n, n, is_sample=share is not None and share < 1)


def copies(connection: Connection, item: Item) -> Copies | None:
    """Count the other rows with this vector by reading every row; None where that takes too long."""
    if item.vector_text is None:
        return Copies(0, ())
    column, rows = item.column, source(item.column)
    marks = identity(column, rows)
    same = rows.c[column.column] == cast(literal(item.vector_text, String()), column.sql_type)
    parts = key_parts(column, item.key)
    alike = (
        select(*(cast(mark, Text).label(name) for name, mark in marks.items()), func.count().over())
        .where(same, not_(is_row(list(marks.values()), parts)))
        .limit(COPIES_SHOWN)
    )
    found = _in_time(connection, alike)
    if found is None:
        return None
    return Copies(found[0][-1] if found else 0, tuple(key_text(row[:-1]) for row in found))


def _in_time(connection: Connection, statement: Executable) -> Sequence[Row[*tuple[Any, ...]]] | None:
    with suppress(StatementTimeout), within(connection, PATIENCE_MS):
        return connection.execute(statement).all()
    return None
