"""What the Map page asks the database, kept for a while: a map's bytes must not change between two looks.

What is known of a column, its sizes and the scans of its indexes, changes all the time: it is no part of
what a map is kept by, or a selection would be lost to another search of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.mapping import draw
from dashboard.mapping.draw import Map
from dashboard.mapping.placing import Place, place_query, place_rows
from dashboard.mapping.plan import MapPlan
from dashboard.mapping.windows import Overlay, overlay, sample_windows
from dashboard.question import text_query
from dashboard.ui import state
from dashboard.ui.map_marks import Hit, Marked
from dashboard.ui.search_tables import key_text, row_name
from db import projections
from db.catalog import ColumnInfo, default_distance
from db.conditions import Condition
from db.facets import facetable
from db.nearest import SearchRequest
from db.projections import Projection
from db.sampling import take_sample
from db.search import search

HITS = 20
"""Search hits that are marked."""

SOME = 2_000
"""Rows whose values suggest where to cut a column in two."""

Values = dict[str, tuple[str | None, ...]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and where its words lie on the map."""

    hits: tuple[Hit, ...]
    query: Place | None


@state.cached(ttl_s=600, max_entries=8)
def drawn(_column: ColumnInfo, plan: MapPlan, where: Condition) -> Map:
    """A map that is quick to draw."""
    with state.database().reading("map") as connection:
        sample = take_sample(connection, _column, rows=plan.rows, seed=plan.seed, where=where)
    return draw.lay_out(_column, plan, sample, lambda _: None)


@state.cached(ttl_s=600, max_entries=8)
def loaded(stored: Projection) -> Map:
    """A stored map; it never changes."""
    with state.database().reading("map") as connection:
        return draw.load_map(connection, stored)


def stored(column: ColumnInfo) -> tuple[Projection, ...]:
    """The maps of a column, newest first."""
    with state.database().reading("map") as connection:
        return projections.list_projections(connection, column)


def stored_as(number: int) -> Projection:
    """One stored map.  Raises RequestError for an unknown number."""
    with state.database().reading("map") as connection:
        return projections.load_projection(connection, number)


@state.cached(ttl_s=600, max_entries=16)
def values(_column: ColumnInfo, token: str, _keys: Sequence[str], names: tuple[str, ...]) -> Values:
    """Plain columns of a map's rows; ``token`` tells the maps apart."""
    with state.database().reading("map") as connection:
        return projections.values_of(connection, _column, _keys, names)


@state.cached(ttl_s=300, max_entries=32)
def telling_column(column: ColumnInfo) -> str | None:
    """A column of few values, which tells the most at first sight; None where there is none."""
    with state.database().reading("map") as connection:
        worth = facetable(connection, column)
    return next(
        (f.column.name for f in worth if f.form == "values" and f.column.category in {"S", "E"}), None
    )


@state.cached(ttl_s=600, max_entries=16)
def found(_column: ColumnInfo, token: str, _shown: Map, words: str, naming: tuple[str, ...]) -> Found:
    """Where on a map the rows lie that words find.  Raises RequestError where they make no query."""
    query = text_query(_column, words)
    with state.database().reading("map") as connection:
        answer = search(connection, SearchRequest(_column, query, default_distance(_column), HITS))
        keys = [key_text(row.key) for row in answer.rows]
        places = place_rows(connection, _column, _shown, keys)
    sampled = set(_shown.keys)
    hits = (
        Hit(rank, key, row_name(row, naming), row.distance, places.get(key), key in sampled)
        for rank, (key, row) in enumerate(zip(keys, answer.rows, strict=True), 1)
    )
    return Found(tuple(hits), place_query(_shown, query))


@state.cached(ttl_s=600, max_entries=16)
def marked(
    _column: ColumnInfo, token: str, _shown: Map, keys: tuple[str, ...], naming: tuple[str, ...]
) -> tuple[Marked, ...]:
    """Where on a map the rows called ``keys`` lie, as far as they are there.

    Raises RequestError or DatabaseError for what can be no keys.
    """
    with state.database().reading("map") as connection:
        names = projections.values_of(connection, _column, keys, naming)
        places = place_rows(connection, _column, _shown, list(names))
    sampled = set(_shown.keys)
    return tuple(
        Marked(key, next(filter(None, names[key]), key), places.get(key), key in sampled)
        for key in keys
        if key in names
    )


@state.cached(ttl_s=600, max_entries=32)
def some_values(column: ColumnInfo, name: str) -> tuple[str | None, ...]:
    """A plain column's values in some rows that have a vector."""
    with state.database().reading("map") as connection:
        return take_sample(connection, column, rows=SOME, columns=(name,)).labels[name]


@state.cached(ttl_s=600, max_entries=8)
def overlaid(
    _column: ColumnInfo, name: str, before: Condition, after: Condition, seed: int, rows: int
) -> Overlay:
    """Two windows of at most ``rows`` rows each of the column ``name`` on one map, and their drift."""
    with state.database().reading("map") as connection:
        samples = sample_windows(connection, _column, before, after, seed=seed, rows=rows)
    return overlay(_column, samples, seed=seed)
