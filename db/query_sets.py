"""Queries that are no rows of the column: a table that came with the data, or the searches saved of it.

A table of queries holds a vector column and may hold ``neighbors``, for each query the keys of its true
nearest rows, nearest first, as the import of an ann-benchmarks file leaves them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Float,
    Integer,
    Select,
    cast,
    delete,
    false,
    func,
    insert,
    select,
    true,
)

from db.catalog import other_columns
from db.columns import VectorColumn
from db.distance import Distance
from db.errors import RequestError
from db.saved_searches import about
from db.schema import saved_search
from db.scratch import OF_ROW, Scratch, row_order
from db.survey import is_zero, survey
from db.words import counted

NEIGHBORS = "neighbors"


def check_query_set(
    connection: Connection,
    queries: VectorColumn,
    column: VectorColumn,
    distance: Distance,
    *,
    dimensions: int,
    wanted: int,
) -> None:
    """Raise RequestError unless ``queries`` holds so many vectors that ``column`` can be searched for."""
    if queries.type != column.type and {queries.type, column.type} != {"vector", "halfvec"}:
        raise RequestError(
            f"{queries} is a {queries.type} column; {column} cannot be searched for that.",
            f"Name a column of type {column.type}.",
        )
    found = survey(connection, queries, distance)
    if found.dimensions != dimensions:
        raise RequestError(
            f"{queries} has {found.dimensions:,} dimensions, {column} {dimensions:,}.",
            "Name queries that were embedded the same way.",
        )
    if found.rows < wanted:
        raise RequestError(
            f"{queries} has {counted(found.rows, 'query')} to ask, fewer than {wanted:,}.",
            f"Ask {found.rows:,} or fewer.",
        )


def fill_queries(
    connection: Connection,
    queries: VectorColumn,
    scratch: Scratch,
    distance: Distance,
    *,
    wanted: int,
    seed: int,
) -> None:
    """Copy ``wanted`` of the queries, chosen by ``seed``, in the caller's transaction; positions from 0."""
    chosen = _chosen(connection, queries, distance, wanted, seed).subquery("chosen")
    vector = cast(chosen.c.embedding, scratch.queries.c.embedding.type)
    copied = select(chosen.c.position, vector, false())
    connection.execute(insert(scratch.queries).from_select(scratch.queries.c.keys(), copied))


def count_saved(connection: Connection, column: VectorColumn, distance: Distance, dimensions: int) -> int:
    """Count the searches saved of ``column`` that it can be asked for now."""
    fitting = _fitting(column, dimensions, distance).subquery()
    return int(connection.execute(select(func.count()).select_from(fitting)).scalar_one())


def fill_saved(connection: Connection, column: VectorColumn, scratch: Scratch, distance: Distance) -> None:
    """Copy the saved searches, oldest first, in the caller's transaction; positions from 0.

    A search for the neighbours of a row does not find that row: one of its vector is taken out.
    """
    chosen = _fitting(column, scratch.dimensions, distance).subquery()
    rows, queries = scratch.rows, scratch.queries
    copied = select(chosen.c.position, cast(chosen.c.vector, queries.c.embedding.type), chosen.c.of_row)
    connection.execute(insert(queries).from_select(queries.c.keys(), copied))
    twin = (
        select(func.min(rows.c.position))
        .join(queries, (queries.c.embedding == rows.c.embedding) & queries.c[OF_ROW])
        .group_by(queries.c.position)
    )
    connection.execute(delete(rows).where(rows.c.position.in_(twin)))


def _fitting(column: VectorColumn, dimensions: int, distance: Distance) -> Select[Any]:
    """Choose what was saved of the column when it had the type and dimensions that it has now."""
    kinds = {"vector", "halfvec"} if column.type in {"vector", "halfvec"} else {column.type}
    saved = saved_search.c
    position = cast(func.row_number().over(order_by=saved.id) - 1, Integer).label("position")
    fits = about(column) & saved.type.in_(kinds) & (saved.dimensions == dimensions)
    if distance is Distance.COSINE:
        fits &= ~saved.is_zero
    return select(position, saved.vector, saved.of_row).where(fits).order_by(saved.id)


def given_distances(
    connection: Connection,
    queries: VectorColumn,
    column: VectorColumn,
    distance: Distance,
    *,
    wanted: int,
    k: int,
    seed: int,
) -> NDArray[np.float64] | None:
    """Compute how far the neighbours given with the queries are, as the server does; shape (wanted, k).

    Ordered by position of the query; inf where a neighbour is not in the table any more.  None where the
    table gives no neighbours, or ``column``'s rows have no whole number as their key.
    """
    if len(column.key) != 1 or not _is_whole(connection, column) or not _has_neighbors(connection, queries):
        return None
    chosen = _chosen(connection, queries, distance, wanted, seed, NEIGHBORS).subquery("chosen")
    keys = func.unnest(cast(chosen.c[NEIGHBORS], ARRAY(BigInteger)))
    named = keys.table_valued("key", with_ordinality="rank").render_derived("named")
    rows = column.as_table()
    vector = rows.c[column.column]
    away = vector.op(distance.operator, return_type=Float())(cast(chosen.c.embedding, vector.type))
    near = (
        select(chosen.c.position, named.c.rank, away)
        .select_from(chosen)
        .join(named, true())
        .join(rows, rows.c[column.key[0]] == named.c.key)
        .where(named.c.rank <= k, vector.is_not(None))
    )
    found = np.full((wanted, k), np.inf)
    for position, rank, far in connection.execute(near):
        found[position, rank - 1] = far
    return found


def _chosen(
    connection: Connection, queries: VectorColumn, distance: Distance, wanted: int, seed: int, *beside: str
) -> Select[Any]:
    """Choose ``wanted`` queries by a hash of their place and ``seed``: the same every time."""
    source = queries.as_table(*beside)
    vector = source.c[queries.column]
    place = func.row_number().over(order_by=row_order(connection, queries, source))
    numbered = (
        select(place.label("place"), vector.label("embedding"), *(source.c[name] for name in beside))
        .where(vector.is_not(None), ~is_zero(vector, distance))
        .subquery("numbered")
    )
    mixed = func.hashint8extended(numbered.c.place, seed)
    kept = select(numbered).order_by(mixed, numbered.c.place).limit(wanted).subquery("kept")
    position = cast(func.row_number().over(order_by=kept.c.place) - 1, Integer).label("position")
    return select(position, kept.c.embedding, *(kept.c[name] for name in beside))


def _has_neighbors(connection: Connection, queries: VectorColumn) -> bool:
    return any(
        column.name == NEIGHBORS and column.type in {"bigint[]", "integer[]"}
        for column in other_columns(connection, queries)
    )


def _is_whole(connection: Connection, column: VectorColumn) -> bool:
    return any(
        other.name == column.key[0] and other.type in {"bigint", "integer", "smallint"}
        for other in other_columns(connection, column)
    )
