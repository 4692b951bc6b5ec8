"""A few rows of a table to try a search with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Text, cast, func, select

from db.catalog import ColumnInfo
from db.nearest import identity, source

LOOKED_AT = 1000
"""Rows among which examples are chosen: few enough to be read at once."""

SHOWN_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Example:
    """A row that has a vector: its key, and its name."""

    key: Any
    text: str


def examples(
    connection: Connection, column: ColumnInfo, naming: Sequence[str], count: int = 3
) -> Sequence[Example]:
    """Choose ``count`` rows that have a vector and a name in the first of ``naming``, always the same."""
    rows = source(column, naming)
    marks = identity(column, rows)
    key = [cast(mark, Text) for mark in marks.values()]
    text = cast(rows.c[naming[0]], Text) if naming else key[0]
    some = (
        select(*(part.label(f"key_{place}") for place, part in enumerate(key)), text.label("text"))
        .where(rows.c[column.column].is_not(None), text != "")
        .limit(LOOKED_AT)
        .subquery()
    )
    chosen = select(some).order_by(func.md5(some.c.text)).limit(count)
    return [_example(row) for row in connection.execute(chosen)]


def _example(row: Row[*tuple[str, ...]]) -> Example:
    *key, text = row
    return Example(tuple(key) if len(key) > 1 else key[0], text[:SHOWN_LENGTH])
