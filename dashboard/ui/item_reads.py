"""What the Item page asks the database, kept for a short while."""

from __future__ import annotations

from dashboard.question import Question
from dashboard.ui import state
from db import item_context, items, selffind
from db.catalog import ColumnInfo, default_distance
from db.distance import Distance
from db.index_catalog import IndexInfo
from db.item_context import Around, Copies, NormRank
from db.items import Item, Missing
from db.nearest import SearchSettings
from db.selffind import SelfFind

NEAREST = 10
"""Rows asked for: as many as the index must return the row among."""


@state.cached(ttl_s=60, max_entries=64)
def item(column: ColumnInfo, key: str) -> Item | Missing:
    """The row itself."""
    with state.database().reading("item") as connection:
        return items.find_item(connection, column, key)


@state.cached(ttl_s=60, max_entries=64)
def around(column: ColumnInfo, key: str) -> Around:
    """The rows beside it."""
    with state.database().reading("item") as connection:
        return item_context.around(connection, column, key)


@state.cached(ttl_s=60, max_entries=64)
def rank(column: ColumnInfo, key: str, _item: Item) -> NormRank | None:
    """How long its vector is among others."""
    with state.database().reading("item") as connection:
        return item_context.rank_norm(connection, _item)


@state.cached(ttl_s=60, max_entries=64)
def copies(column: ColumnInfo, key: str, _item: Item) -> Copies | None:
    """The rows with the same vector."""
    with state.database().reading("item") as connection:
        return item_context.copies(connection, _item)


@state.cached(ttl_s=60, max_entries=64)
def found(column: ColumnInfo, distance: Distance, key: str) -> SelfFind:
    """Whether the index can find it."""
    with state.database().reading("self-find", vectors=True) as connection:
        return selffind.self_find(connection, column, distance, key, k=NEAREST)


@state.cached(ttl_s=60, max_entries=64)
def holding(column: ColumnInfo, key: str) -> tuple[tuple[IndexInfo, bool], ...]:
    """Each index of the column, and whether the row meets its condition."""
    with state.database().reading("item") as connection:
        return tuple((index, selffind.holds(connection, column, index, key)) for index in column.indexes)


def neighbours(column: ColumnInfo, key: str) -> Question:
    """Make the question for the rows nearest to this one."""
    return Question("Row id", key, default_distance(column), NEAREST, SearchSettings(), ())
