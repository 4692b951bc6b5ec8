"""A vector column: its name, key and type, and the SQLAlchemy objects that quote them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pgvector.sqlalchemy import BIT, HALFVEC, SPARSEVEC, VECTOR
from sqlalchemy import Column, MetaData, Table
from sqlalchemy.types import TypeEngine

from db.errors import RequestError

VECTOR_TYPES: dict[str, type[TypeEngine[object]]] = {
    "vector": VECTOR,
    "halfvec": HALFVEC,
    "sparsevec": SPARSEVEC,
    "bit": BIT,
}
"""The types that hold something to search, by their name in pg_type."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_NAME = re.compile(r'"((?:[^"]|"")+)"|([^."]+)')


@dataclass(frozen=True, slots=True)
class VectorColumn:
    """One column that can be searched.

    ``dimensions`` is None for an untyped column.  ``key`` names the primary key's columns in order, and
    is empty where the table has none (``ctid`` then tells rows apart, until the next update).
    """

    schema: str
    table: str
    column: str
    type: str
    dimensions: int | None
    key: tuple[str, ...]

    def __str__(self) -> str:
        return spelled(self.schema, self.table, self.column)

    @property
    def sql_type(self) -> TypeEngine[object]:
        """The column's type as SQLAlchemy and pgvector know it."""
        return VECTOR_TYPES[self.type](self.dimensions)  # type: ignore[call-arg]

    def as_table(self, *columns: str) -> Table:
        """Make a Table that holds the vector column, the key, and the ``columns`` named."""
        named = dict.fromkeys((*self.key, *columns))
        named.pop(self.column, None)
        return Table(
            self.table,
            MetaData(),
            *(Column(name) for name in named),
            Column(self.column, self.sql_type),
            schema=self.schema,
        )


def spelled(*names: str) -> str:
    """Join names with dots, quoting those that need it, so that ``split_name`` reads them back.

    >>> spelled("public", "Film Reviews", "embedding")
    'public."Film Reviews".embedding'
    """
    return ".".join(name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"' for name in names)


def split_name(given: str, parts: int) -> tuple[str, ...]:
    """Read ``schema.table.column`` (3 parts) or ``schema.table`` (2); a schema left out means public.

    A part with a dot, a capital or a space in it may be written in double quotes.

    >>> split_name('items.embedding', 3)
    ('public', 'items', 'embedding')

    Raises RequestError for a name that cannot be read or is over PostgreSQL's 63 bytes.
    """
    names: list[str] = []
    position = 0
    while match := _NAME.match(given, position):
        names.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        position = match.end()
        if given[position : position + 1] != ".":
            break
        position += 1
    wanted = ("schema", "table", "column")[:parts]
    if position != len(given) or len(names) not in {parts - 1, parts} or not all(n.strip() for n in names):
        raise RequestError(
            f"{given!r} is not a name of the form {'.'.join(wanted)}.",
            'Quote a part that holds a dot or a capital: public."My Table".embedding',
        )
    if any("\ud800" <= character <= "\udfff" for character in given):
        raise RequestError(f"The name {given!r} is not UTF-8.", "Type it, or paste it, as UTF-8 text.")
    if long := next((n for n in names if len(n.encode()) > 63), None):
        raise RequestError(
            f"The name {long!r} is over 63 bytes.", "PostgreSQL would cut it; use a shorter one."
        )
    return tuple(names) if len(names) == parts else ("public", *names)
