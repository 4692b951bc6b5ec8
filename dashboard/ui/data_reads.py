"""What the Data page asks the database, kept for a short while."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from dashboard.ui import state
from dashboard.ui.data_conditions import members, without
from db import browse, column_statistics, counts, facets
from db.browse import Page, PageRequest, Preflight, Sortable
from db.catalog import ColumnInfo, hidden_columns
from db.column_statistics import ColumnStatistics
from db.conditions import EVERY_ROW, Condition
from db.counts import Count
from db.engine import Database
from db.facets import Facet, Facetable, Histogram, Level
from db.savepoint import within

PATIENCE_S = 60
"""How long a statement may take that a reader asked for although it is slow."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A page as it was read at ``at``; None where it would have cost too much to read unasked."""

    preflight: Preflight
    page: Page | None
    at: datetime


@state.cached(ttl_s=60, max_entries=64)
def sortables(column: ColumnInfo) -> tuple[Sortable, ...]:
    """The columns that rows can be ordered by."""
    with state.database().reading("data") as connection:
        return browse.sorts(connection, column)


@state.cached(ttl_s=60, max_entries=64)
def hidden(column: ColumnInfo) -> tuple[str, ...]:
    """The columns that this login may not read."""
    with state.database().reading("data") as connection:
        return hidden_columns(connection, column)


@state.cached(ttl_s=60, max_entries=64)
def opened(request: PageRequest, *, insisted: bool) -> Opened:
    """One page; ``insisted`` reads it whatever it costs, and waits longer for it."""

    def read(database: Database) -> Opened:
        with database.reading("data") as connection, _patience(connection, insisted=insisted):
            expected = browse.preflight(connection, request)
            refused = expected.too_heavy and not insisted
            page = None if refused else browse.browse(connection, request)
            return Opened(expected, page, datetime.now(UTC))

    return state.in_time("page", (_asked(request), insisted), read)


def _asked(request: PageRequest) -> tuple[object, ...]:
    """What a page depends on: the sizes and counts of its column change while it is read."""
    return (str(request.column), request.where, request.sort, request.cursor, request.rows)


def _patience(connection: Connection, *, insisted: bool) -> AbstractContextManager[None]:
    return within(connection, 1000 * PATIENCE_S) if insisted else nullcontext()


@state.cached(ttl_s=60, max_entries=64)
def estimated(column: ColumnInfo, where: Condition) -> Count:
    """About how many rows meet a condition."""
    with state.database().reading("data") as connection:
        return counts.estimate(connection, column, where)


@state.cached(ttl_s=300, max_entries=64)
def counted(column: ColumnInfo, where: Condition) -> Count:
    """Exactly how many."""

    def read(database: Database) -> Count:
        with database.reading("data") as connection, _patience(connection, insisted=True):
            return counts.count_exactly(connection, column, where)

    place = "count" if where != EVERY_ROW else "count every row"  # a page may show both
    return state.in_time(place, (str(column), where), read)


@state.cached(ttl_s=60, max_entries=16)
def rows_without_each(column: ColumnInfo, where: Condition) -> tuple[tuple[Condition, Count], ...]:
    """How many rows there would be without each part of a condition, the part that hides most first."""
    with state.database().reading("data") as connection:
        found = [(part, counts.estimate(connection, column, without(where, part))) for part in members(where)]
    return tuple(sorted(found, key=lambda pair: -pair[1].rows))


@state.cached(ttl_s=300, max_entries=64)
def facetable(column: ColumnInfo) -> tuple[Facetable, ...]:
    """The columns that deserve a facet."""
    with state.database().reading("data") as connection:
        return facets.facetable(connection, column)


@state.cached(ttl_s=120, max_entries=256)
def facet(column: ColumnInfo, where: Condition, name: str, level: Level) -> Facet:
    """The commonest values of one column."""
    with state.database().reading("data") as connection, _patience(connection, insisted=level == "exact"):
        return facets.facets(connection, column, where, [name], level=level)[0]


@state.cached(ttl_s=120, max_entries=64)
def vector_facet(column: ColumnInfo, where: Condition, level: Level) -> Facet:
    """How many vectors are ok, null and zero."""
    with state.database().reading("data") as connection, _patience(connection, insisted=level == "exact"):
        return facets.vector_facet(connection, column, where, level=level)


@state.cached(ttl_s=120, max_entries=128)
def histogram(column: ColumnInfo, where: Condition, name: str, level: Level) -> Histogram:
    """How a number or a date is spread."""
    with state.database().reading("data") as connection, _patience(connection, insisted=level == "exact"):
        return facets.histogram(connection, column, where, name, level=level)


@state.cached(ttl_s=120, max_entries=32)
def statistics(column: ColumnInfo) -> tuple[ColumnStatistics, ...]:
    """What the last ANALYZE found out about the columns beside the vector."""
    with state.database().reading("data") as connection:
        return column_statistics.column_statistics(connection, column)


@state.cached(ttl_s=300, max_entries=64)
def exact_statistics(column: ColumnInfo, name: str, where: Condition) -> ColumnStatistics:
    """What every row says of one column."""
    with state.database().reading("data") as connection, _patience(connection, insisted=True):
        return column_statistics.exact_statistics(connection, column, name, where)
