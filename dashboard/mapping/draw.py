"""A map of a column: a sample of its rows, where they lie, and how far that can be believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from dashboard.mapping.methods import PROJECTIONS, method_named
from dashboard.mapping.plan import MapPlan
from dashboard.mapping.plane import Plane, comparable
from dashboard.mapping.quality import Quality, quality
from db.catalog import ColumnInfo, default_distance
from db.projections import Placed, Projection, load_points
from db.sampling import Sample

Vectors = NDArray[np.float32]
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Drawn:
    """How the rows of a map were drawn: what db.sampling.Sample says, without the rows.

    ``of_dimensions`` counts the drawn vectors by length where a column mixes them; the map shows the
    commonest.  ``by`` names the distance whose neighbours the map is about.
    """

    rows: int
    nulls: int
    of_rows: int | None
    of_rows_exact: bool
    how: str
    seed: int
    by: str
    of_dimensions: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Where the rows called ``keys`` lie, and how that came about.

    ``plane`` places other rows; None where the method cannot.  ``stored_as`` is the number of a stored map.
    """

    method: str
    keys: tuple[str, ...]
    points: Vectors
    """Shape (n, 2)."""
    axes: tuple[str, str]
    plane: Plane | None
    quality: Quality
    drawn: Drawn
    made_at: datetime
    stored_as: int | None = None


def lay_out(column: ColumnInfo, plan: MapPlan, sample: Sample, tell: Tell) -> Map:
    """Lay a sample out by the plan's method; ``tell`` hears how many of its steps are done."""
    distance = default_distance(column)
    vectors = comparable(sample.vectors, distance)
    layout = method_named(plan.method).arrange(vectors, plan.seed, plan.perplexity, tell)
    drawn = Drawn(
        rows=sample.n,
        nulls=sample.nulls,
        of_rows=sample.of_rows,
        of_rows_exact=sample.of_rows_exact,
        how=sample.method,
        seed=sample.seed,
        by=distance.stem,
        of_dimensions={str(length): rows for length, rows in sample.mix.items()},
    )
    return Map(
        plan.method,
        sample.keys,
        layout.points,
        layout.axes,
        layout.plane,
        quality(vectors, layout.points, seed=plan.seed),
        drawn,
        datetime.now(UTC),
    )


def to_params(made: Map, plan: MapPlan) -> dict[str, Any]:
    """Make what is stored beside a map's points."""
    return {"plan": plan.to_params(), "drawn": asdict(made.drawn), "axes": list(made.axes)}


def placed(made: Map) -> Placed:
    """Make what is stored of a map's points, and of the plane they lie on."""
    plane = made.plane
    frame = {} if plane is None else {name: np.asarray(getattr(plane, name)) for name in _PLANE}
    return Placed(made.keys, made.points, frame)


_PLANE = ("centre", "axes", "explained")
"""The fields of a plane."""


def load_map(connection: Connection, stored: Projection) -> Map:
    """Read a stored map back.  Raises RequestError when it is gone."""
    found = load_points(connection, stored.id)
    first, second = stored.params["axes"]
    return Map(
        PROJECTIONS[stored.method].key,
        found.keys,
        found.points,
        (first, second),
        _plane(found.frame),
        Quality(**stored.quality),
        Drawn(**stored.params["drawn"]),
        stored.created_at,
        stored.id,
    )


def _plane(frame: Mapping[str, Vectors]) -> Plane | None:
    if not frame:
        return None
    centre, axes, (first, second) = (frame[name] for name in _PLANE)
    return Plane(centre, axes, (float(first), float(second)))
