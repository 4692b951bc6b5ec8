"""One row, whole: every field, its vector, and what the server keeps of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, Text, cast, func, literal_column, null, select, text
from sqlalchemy.exc import DBAPIError

from db.browse import Cursor, PageRequest, browse
from db.browse_blocks import heaps_of
from db.catalog import ColumnInfo, PlainColumn, hidden_columns, other_columns
from db.elements import elements
from db.errors import RequestError
from db.keys import key_parts, key_text
from db.nearest import SHOWN_LENGTH, identity, identity_names, is_row, source
from db.norms import dimensions, norm
from db.savepoint import refused_with, set_for_now

NOT_A_VALUE = ("22P02", "22003", "22007", "22008")
"""SQLSTATEs of a text that the key's type cannot read.  Source: PostgreSQL documentation, Appendix A."""

_VECTORS = text("""
WITH RECURSIVE vectors (type) AS (
  SELECT oid FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec')
  UNION SELECT t.oid FROM vectors v JOIN pg_type t ON t.typtype = 'd' AND t.typbasetype = v.type)
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :table AND a.attname <> :column
  AND a.atttypid IN (SELECT type FROM vectors)
  AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attnum
""")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the row: numbers and booleans as they are, JSON parsed, all else as PostgreSQL spells it.

    ``is_cut`` marks another vector, of which only the beginning is here.
    """

    name: str
    type: str
    category: str
    value: Any
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where the row lies; what does not apply to a view or foreign table is None.

    ``row_bytes`` is the whole row, values out of line included; ``vector_bytes`` the vector as stored.
    """

    ctid: str | None
    row_bytes: int | None
    vector_bytes: int | None
    is_out_of_line: bool | None


@dataclass(frozen=True, slots=True)
class Item:
    """One row.  ``vector_text`` is as pgvector reads it, None where it is NULL; ``sql`` reads the row."""

    column: ColumnInfo
    key: str
    fields: tuple[Field, ...]
    vector_text: str | None
    dimensions: int | None
    norm: float | None
    place: Place
    sql: str

    @property
    def vector(self) -> NDArray[np.float32] | None:
        """The elements, shape (dimensions,); None without any, and of a sparsevec too long to write out."""
        return None if self.vector_text is None else elements(self.vector_text, self.column.type)


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such row; ``near`` are keys on either side of where it would be, in the table's order.

    ``is_readable`` tells whether the text could be a key at all.
    """

    key: str
    near: tuple[str, ...]
    is_readable: bool


def find_item(connection: Connection, column: ColumnInfo, key: str) -> Item | Missing:
    """Read the row called ``key``: as text, or a JSON list of several parts.

    Raises RequestError where several rows are called so, as inheritance allows.
    """
    parts = key_parts(column, key)
    shown, others = other_columns(connection, column), _other_vectors(connection, column)
    is_partial = bool(hidden_columns(connection, column))
    whole = _whole(connection, column, shown, others, parts, is_partial=is_partial)
    try:
        with set_for_now(connection, {}):
            found = connection.execute(whole).all()
    except DBAPIError as error:
        if not refused_with(error, *NOT_A_VALUE):
            raise
        return Missing(key, keys_of(connection, PageRequest(column, rows=5)), is_readable=False)
    if not found:
        return Missing(key, _near(connection, column, parts), is_readable=True)
    if len(found) > 1:
        raise RequestError(
            f"Several rows of {column.schema}.{column.table} are called {key}: a key does not hold across "
            "the tables that inherit from it.",
            "Look at one of those tables.",
        )
    named = (*column.key, *(c.name for c in shown), column.column, *(c.name for c in others))
    sql = _sql(connection, column, parts, tuple(dict.fromkeys(named)) if is_partial else ())
    return _item(column, shown, others, found[0]._asdict() | {"sql": sql})


def stored_vector(connection: Connection, column: ColumnInfo, key: str) -> tuple[str, str | None]:
    """Read the key of a row as PostgreSQL spells it, and its vector as text, None where it is NULL.

    Raises RequestError for a row that is not there.
    """
    rows = source(column)
    marks = identity(column, rows)
    wanted = [*_texts(marks), cast(rows.c[column.column], Text)]
    found = connection.execute(
        select(*wanted).where(is_row(list(marks.values()), key_parts(column, key)))
    ).first()
    if found is None:
        raise RequestError(f"There is no row {key} in {column.schema}.{column.table}.", "Choose another row.")
    *parts, vector = found
    return key_text(parts), vector


def _texts(marks: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    return [cast(mark, Text).label(f"key {n}") for n, mark in enumerate(marks.values())]


def _other_vectors(connection: Connection, column: ColumnInfo) -> tuple[PlainColumn, ...]:
    named = {"schema": column.schema, "table": column.table, "column": column.column}
    return tuple(PlainColumn(row.name, row.type, "vector") for row in connection.execute(_VECTORS, named))


def _whole(
    connection: Connection,
    column: ColumnInfo,
    shown: Sequence[PlainColumn],
    others: Sequence[PlainColumn],
    parts: Sequence[str],
    *,
    is_partial: bool,
) -> Select[Any]:
    rows = source(column, (c.name for c in (*shown, *others)))
    vector = cast(rows.c[column.column], column.sql_type)
    # Where a row lies, and how long it is, is for whoever may read all of it.
    stored = column.kind not in {"view", "foreign table"} and not is_partial
    # Since PostgreSQL 17 the server tells where a value lies.
    tells = stored and (connection.dialect.server_version_info or ())[:1] >= (17,)
    values = [_value(rows.c[c.name], c).label(f"field {n}") for n, c in enumerate(shown)]
    starts = [
        func.left(cast(rows.c[c.name], Text), SHOWN_LENGTH).label(f"other {n}") for n, c in enumerate(others)
    ]
    marks = identity(column, rows)
    return (
        select(
            *_texts(marks),
            *values,
            *starts,
            cast(rows.c[column.column], Text).label("vector"),
            norm(vector, column.type).label("norm"),
            dimensions(vector, column.type).label("dimensions"),
            (cast(rows.c.ctid, Text) if stored else null()).label("ctid"),
            (func.pg_column_size(rows.table_valued()) if stored else null()).label("row_bytes"),
            (func.pg_column_size(rows.c[column.column]) if stored else null()).label("vector_bytes"),
            (func.pg_column_toast_chunk_id(rows.c[column.column]).is_not(None) if tells else null()).label(
                "is_out_of_line"
            ),
        )
        .where(is_row(list(marks.values()), parts))
        # Only a key can be looked up twice at no cost, and only a key can be found twice.
        .limit(2 if column.key else 1)
    )


def _sql(connection: Connection, column: ColumnInfo, parts: Sequence[str], names: Sequence[str]) -> str:
    """Write the statement that reads the row: the columns named, or all."""
    rows = source(column, names)
    this = is_row(list(identity(column, rows).values()), parts)
    wanted = [rows.c[name] for name in names] or [literal_column("*")]
    statement: Select[Any] = select(*wanted).select_from(rows).where(this)
    sent = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    # What is compiled for psycopg2 holds each percent sign twice, and a driver takes one away.
    return str(sent) % () + ";"


def _value(value: Any, column: PlainColumn) -> Any:
    return value if column.category in {"N", "B"} else cast(value, Text)


def _item(
    column: ColumnInfo,
    shown: Sequence[PlainColumn],
    others: Sequence[PlainColumn],
    row: Mapping[str, Any],
) -> Item:
    fields = [_field(c, row[f"field {n}"]) for n, c in enumerate(shown)]
    fields += [
        Field(c.name, c.type, c.category, row[f"other {n}"], is_cut=True) for n, c in enumerate(others)
    ]
    return Item(
        column=column,
        key=key_text([row[f"key {n}"] for n, _ in enumerate(identity_names(column))]),
        fields=tuple(fields),
        vector_text=row["vector"],
        dimensions=row["dimensions"],
        norm=row["norm"],
        place=Place(row["ctid"], row["row_bytes"], row["vector_bytes"], row["is_out_of_line"]),
        sql=row["sql"],
    )


def _field(column: PlainColumn, value: Any) -> Field:
    if column.category == "json" and value is not None:
        value = json.loads(value)
    return Field(column.name, column.type, column.category, value)


def keys_of(connection: Connection, request: PageRequest) -> tuple[str, ...]:
    """Read the keys of a page, as they are spelled here."""
    return tuple(_key_of(row.key) for row in browse(connection, request).rows)


def _key_of(key: Any) -> str:
    return key_text(key if isinstance(key, tuple) else (key,))


def _near(connection: Connection, column: ColumnInfo, parts: tuple[str, ...]) -> tuple[str, ...]:
    place = place_of(connection, column, parts)
    if place is None:
        return keys_of(connection, PageRequest(column, rows=5))
    before, after = (
        keys_of(connection, PageRequest(column, cursor=Cursor(place, before=side), rows=2))
        for side in (True, False)
    )
    return tuple(dict.fromkeys((*before, *after)))


def place_of(connection: Connection, column: ColumnInfo, parts: tuple[str, ...]) -> tuple[str, ...] | None:
    """Tell the row's place in the table's order; None where the order has none to begin at."""
    match PageRequest(column).paging:
        case "keyset":
            return parts
        case "blocks":
            return parts if len(parts) > 1 else (str(min(heaps_of(connection, column), default=0)), *parts)
        case "offset":
            return None
