"""Searches that somebody wants to come back to: the question as it was put, and the vector it stood for.

The vector is kept because words and rows change: what was searched for then can be measured later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from db.columns import VectorColumn
from db.errors import RequestError
from db.schema import saved_search
from db.vectors import Query

MOST = 200
"""Searches that are listed of one column, the newest."""

LONGEST_NAME = 120
"""Characters of a name."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A question about a column, by a name that its owner gave it."""

    id: int
    name: str
    question: dict[str, Any]
    created_by: str
    created_at: datetime


_SHOWN = [saved_search.c[name] for name in SavedSearch.__slots__]


def save_search(
    connection: Connection,
    column: VectorColumn,
    name: str,
    question: Mapping[str, Any],
    query: Query,
    *,
    created_by: str,
) -> int:
    """Keep a search, in the caller's transaction; one of the same owner and name gives way.

    Raises RequestError for a name that is empty or too long.
    """
    if not 0 < len(name := " ".join(name.split())) <= LONGEST_NAME:
        raise RequestError(
            f"A search cannot be called {name[:40]!r}.", f"Give it a name of 1 to {LONGEST_NAME} characters."
        )
    said = {
        "question": dict(question),
        "vector": query.vector,
        "type": column.type,
        "dimensions": query.dimensions,
        "is_zero": query.is_zero,
        "of_row": query.row is not None,
        "created_at": func.now(),
    }
    named = {"schema": column.schema, "table": column.table, "column": column.column}
    kept = insert(saved_search).values(**named, name=name, created_by=created_by, **said)
    kept = kept.on_conflict_do_update(constraint="saved_search_name", set_=said)
    return int(connection.execute(kept.returning(saved_search.c.id)).scalar_one())


def saved_searches(connection: Connection, column: VectorColumn) -> tuple[SavedSearch, ...]:
    """List a column's saved searches, newest first."""
    chosen = select(*_SHOWN).where(about(column)).order_by(saved_search.c.id.desc()).limit(MOST)
    return tuple(SavedSearch(*row) for row in connection.execute(chosen))


def forget_search(connection: Connection, search_id: int) -> None:
    """Delete a search, in the caller's transaction; one that is gone already is no error."""
    connection.execute(delete(saved_search).where(saved_search.c.id == search_id))


def about(column: VectorColumn) -> ColumnElement[bool]:
    """Choose the searches of one column."""
    named = {"schema": column.schema, "table": column.table, "column": column.column}
    return and_(*(saved_search.c[part] == value for part, value in named.items()))
