"""Rows that a map's sample left out, and queries: where they would lie on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from dashboard.mapping.chosen import among
from dashboard.mapping.draw import Map
from dashboard.mapping.plane import comparable
from db.catalog import ColumnInfo
from db.distance import distance_named
from db.sampling import take_sample
from db.vectors import Query

Place = tuple[float, float]


def place_rows(
    connection: Connection, column: ColumnInfo, shown: Map, keys: Sequence[str]
) -> dict[str, Place]:
    """Tell where the rows called ``keys`` lie, those of the sample as drawn.

    A row outside the sample has no place on a map whose method knows only its own rows.
    """
    wanted = set(keys)
    places = {
        key: _place(point) for key, point in zip(shown.keys, shown.points, strict=True) if key in wanted
    }
    missing = [key for key in keys if key not in places]
    if missing and shown.plane:
        # Their own sample is all of them.
        sample = take_sample(connection, column, rows=len(missing), where=among(column, missing))
        if sample.vectors.shape[1] == len(shown.plane.centre):
            points = shown.plane.place(comparable(sample.vectors, distance_named(shown.drawn.by)))
            places |= {key: _place(point) for key, point in zip(sample.keys, points, strict=True)}
    return places


def place_query(shown: Map, query: Query) -> Place | None:
    """Tell where a query of a dense type lies; None where the map cannot tell."""
    if not shown.plane or not query.vector.startswith("[") or query.dimensions != len(shown.plane.centre):
        return None
    vector = np.array([query.vector.strip("[]").split(",")], np.float32)
    return _place(shown.plane.place(comparable(vector, distance_named(shown.drawn.by)))[0])


def _place(point: NDArray[np.float32]) -> Place:
    x, y = point.tolist()
    return x, y
