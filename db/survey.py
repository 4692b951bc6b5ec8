"""What a column holds that a benchmark could copy, and how large the copy would be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, func, literal, literal_column, select

from db.columns import VectorColumn
from db.distance import Distance
from db.errors import RequestError
from db.filters import Filter
from db.indexes import PAGE_BYTES, stored_bytes

TOAST_BYTES = 2000
"""Rows above this keep the vector out of line, in chunks of as much.  Source: TOAST_TUPLE_THRESHOLD."""

LARGEST_SQUARE = 1e36
"""Of a vector's length: the square of a difference of two such stays clear of 3.4e38, where pgvector's
4-byte floats end and every distance is infinite."""

ROW_BYTES = 24 + 8 + 4
"""Tuple header, position with padding, line pointer."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to copy: rows with a vector, rows without, and the one length of all vectors.

    ``zeros`` counts the rows whose vector has no direction and thus no cosine; 0 under other distances.
    """

    rows: int
    nulls: int
    zeros: int
    dimensions: int


def survey(connection: Connection, column: VectorColumn, distance: Distance) -> Survey:
    """Count what a copy would hold.

    Raises RequestError where there is nothing to copy, or the vectors differ in length or are too large.
    """
    source = column.as_table()
    vector = source.c[column.column]
    told = func.length if column.type == "bit" else func.vector_dims
    length = told(vector) if column.dimensions is None else literal(column.dimensions)
    zeros = func.count().filter(is_zero(vector, distance))
    largest = literal(0.0) if column.type == "bit" else func.max(-_minus_square(vector))
    counted = select(func.count(), func.count(vector), zeros, func.min(length), func.max(length), largest)
    rows, filled, zero, low, high, square = connection.execute(counted.select_from(source)).one()
    if not filled:
        raise RequestError(f"{column} holds no vectors.", "Load rows with vectors first.")
    if low != high:
        raise RequestError(
            f"{column} holds vectors of {low} to {high} dimensions.",
            "A benchmark needs vectors of one length.",
        )
    if square > LARGEST_SQUARE:
        raise RequestError(
            f"{column} holds vectors too large to measure: their distances may exceed a 4-byte float.",
            f"Scale the vectors down to lengths of {math.sqrt(LARGEST_SQUARE):.0e} or less.",
        )
    return Survey(filled - zero, rows - filled, zero, low)


def count_met(connection: Connection, column: VectorColumn, filters: Sequence[Filter]) -> int:
    """Count the rows with a vector that meet every one of ``filters``."""
    source = column.as_table(*(f.column for f in filters))
    columns = dict(source.c.items())
    met = select(func.count(source.c[column.column])).where(*(f.clause(columns) for f in filters))
    return connection.execute(met).scalar_one()


def forecast_bytes(rows: int, dimensions: int, vector_type: str) -> int:
    """Forecast the size of a copy, without an index."""
    value = stored_bytes(vector_type, dimensions)
    if value <= TOAST_BYTES:
        return math.ceil(rows / (PAGE_BYTES // (ROW_BYTES + value))) * PAGE_BYTES
    chunks = math.ceil(value / TOAST_BYTES)
    return rows * (chunks * PAGE_BYTES // 4 + 2 * ROW_BYTES)


def is_zero(vector: ColumnElement[Any], distance: Distance) -> ColumnElement[bool]:
    """Tell, by pgvector's own arithmetic, whether a vector has no cosine to any other."""
    if distance is not Distance.COSINE:
        return literal_column("false")
    return _minus_square(vector) == literal_column("0")


def _minus_square(vector: ColumnElement[Any]) -> ColumnElement[float]:
    return vector.op("<#>", return_type=Float())(vector)
