"""What a request would load, told before it is loaded: its first rows, and how much space all will take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.source import EMBEDDING
from dashboard.seeding.sources import open_rows, source_named
from db.binary import encode
from db.survey import forecast_bytes

SHOWN = 8
MEASURED = 256
"""Rows whose values are weighed to forecast the size of all."""

KEY_BYTES = 8 + 8 + 4 + 2
"""A bigint's entry in the primary key's B-tree: item, pointer, and pages left a tenth empty."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a source, without their vectors: ``columns`` holds (name, type) of each.

    ``size_bytes`` is a forecast of the table and its primary key.
    """

    columns: tuple[tuple[str, str], ...]
    first: tuple[tuple[Any, ...], ...]
    dims: int
    rows: int
    size_bytes: int


def take_sample(request: PopulateRequest) -> Sample:
    """Make the first rows of what ``request`` asks for.

    Raises RequestError naming the value that no source can be opened with.
    """
    source = open_rows(request)
    names = [field.name for field in source.fields]
    batch = tuple(values[:MEASURED] for values in source.make(0))
    batch = tuple(values[: source.count] for values in batch)
    plain = [place for place, name in enumerate(names) if name != EMBEDDING]
    kinds = [source.fields[place].kind for place in plain]
    others = [batch[place] for place in plain]
    dims = request.dims or source_named(request.source).dims
    return Sample(
        columns=tuple((names[place], source.fields[place].kind.name) for place in plain),
        first=tuple(zip(*(values[:SHOWN] for values in others), strict=True)),
        dims=dims,
        rows=source.count,
        size_bytes=_size(source.count, dims, len(encode(kinds, others)) / len(others[0])),
    )


def _size(rows: int, dims: int, other_bytes: float) -> int:
    vectors = forecast_bytes(rows, dims, "vector")
    return round(vectors + rows * (other_bytes + KEY_BYTES))
