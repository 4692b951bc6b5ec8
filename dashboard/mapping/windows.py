"""Two windows of a column on one map, and how far the rows of one have drifted from those of the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from dashboard.mapping.drift import Drift, drift
from dashboard.mapping.plane import Plane, comparable, principal_plane
from db.catalog import ColumnInfo, PlainColumn, default_distance
from db.conditions import Condition, Group
from db.errors import RequestError
from db.filters import Filter
from db.sampling import Sample, take_sample

Vectors = NDArray[np.float32]

ORDERED = frozenset({"N", "D"})
"""Categories of pg_type whose values lie between others: numbers, dates and times."""

ROWS = 5_000
"""Rows of each window at most: enough that a centre is known to within a seventieth of the spread."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The rows of one window: by key, where they lie, and where their centre does."""

    keys: tuple[str, ...]
    points: Vectors
    """Shape (n, 2)."""
    centre: tuple[float, float]
    of_rows: int | None
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Two windows on the plane that both together span, and the drift between them in all dimensions."""

    before: Window
    after: Window
    plane: Plane
    drift: Drift


def sample_windows(
    connection: Connection,
    column: ColumnInfo,
    before: Condition,
    after: Condition,
    *,
    seed: int,
    rows: int = ROWS,
) -> tuple[Sample, Sample]:
    """Sample ``rows`` rows of both windows; the comparing needs no connection any more."""
    first, second = (
        take_sample(connection, column, rows=rows, seed=seed, where=where) for where in (before, after)
    )
    return first, second


def overlay(column: ColumnInfo, samples: tuple[Sample, Sample], *, seed: int) -> Overlay:
    """Compare two windows.

    Raises RequestError where one is empty, both are too few for a map, or their vectors differ in length.
    """
    for name, sample in zip(("first", "second"), samples, strict=True):
        if not sample.n:
            raise RequestError(f"No row of the {name} window has a vector.", "Choose a wider window.")
    lengths = [sample.vectors.shape[1] for sample in samples]
    if lengths[0] != lengths[1]:
        raise RequestError(
            f"The vectors of the windows differ in length: {lengths[0]:,} and {lengths[1]:,} dimensions.",
            "Choose windows made by the same model.",
        )
    distance = default_distance(column)
    vectors = [comparable(sample.vectors, distance) for sample in samples]
    plane = principal_plane(np.concatenate(vectors))
    one, two = (_window(s, plane.place(v)) for s, v in zip(samples, vectors, strict=True))
    return Overlay(one, two, plane, drift(*vectors, seed=seed))


def _window(sample: Sample, points: Vectors) -> Window:
    x, y = points.mean(axis=0).tolist()
    return Window(sample.keys, points, (x, y), sample.of_rows, sample.method)


SPAN = ".."
"""Between the ends of a window, either of which may be left out: ``2026-01-01..2026-03-31``."""


def window_of(column: PlainColumn, given: str) -> Condition:
    """Read a window: from..to of a number or date, else values with commas between them.

    >>> window_of(PlainColumn("brand", "text", "S"), "Kestrel, Fellside").value
    ('Kestrel', 'Fellside')

    Raises RequestError for a window that names nothing.
    """
    if column.category in ORDERED and SPAN in given:
        low, _, high = (part.strip() for part in given.partition(SPAN))
        ends = [Filter(column.name, sign, value) for sign, value in ((">=", low), ("<=", high)) if value]
        if ends:
            return Group("all", tuple(ends))
    elif values := tuple(part.strip() for part in given.split(",") if part.strip()):
        return Filter(column.name, "in", values)
    raise RequestError(
        f"{given!r} is not a window of {column.name}.",
        f"Write it as from{SPAN}to, or name values with commas between them.",
    )


def halves(column: PlainColumn, values: Sequence[str | None]) -> tuple[str, str]:
    """Suggest two windows from some of a column's values, as PostgreSQL spells them.

    Up to the middle and from there on, of numbers and dates; else the two commonest values.

    >>> halves(PlainColumn("price", "numeric", "N"), ["9", "10", "11", None, "100"])
    ('..10', '11..')
    """
    known = [value for value in values if value is not None]
    if not known:
        return "", ""
    if column.category not in ORDERED:
        common = [value for value, _ in Counter(known).most_common(2)]
        return common[0], common[-1]
    ordered = sorted(set(known), key=_number if column.category == "N" else None)
    middle = (len(ordered) - 1) // 2
    lower, upper = ordered[middle], ordered[min(middle + 1, len(ordered) - 1)]
    if "timestamp" in column.type:
        # A day is boundary enough, and shorter to read.
        lower = upper = upper[:10]
    return f"{SPAN}{lower}", f"{upper}{SPAN}"


def _number(text: str) -> float:
    """Read a number to sort by; what is none, such as money, comes first."""
    try:
        return float(text)
    except ValueError:
        return -math.inf
