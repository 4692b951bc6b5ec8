"""What is told of a vector without its numbers: its norm, its dimensions, and whether it is any good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, Text, case, cast, func

from db.columns import VECTOR_TYPES

VectorState = Literal["ok", "null", "zero"]
"""A NULL vector has no distance to anything; a zero one none by cosine, and no such index holds it."""

_TYPE_NAMES = {made: name for name, made in VECTOR_TYPES.items()}

_NORMS: Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[float]]] = {
    "vector": func.vector_norm,
    "halfvec": func.l2_norm,
    "sparsevec": func.l2_norm,
    "bit": lambda v: func.sqrt(func.bit_count(v)),
}

_DIMENSIONS: Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[int]]] = {
    "vector": func.vector_dims,
    "halfvec": func.vector_dims,
    # pgvector has no function for it; its text ends with them: {1:0.5}/100.
    "sparsevec": lambda v: cast(func.split_part(cast(v, Text), "/", 2), Integer),
    "bit": func.length,
}


def vector_type(column: ColumnElement[Any]) -> str | None:
    """Name the vector type of a typed column element; None where it holds no vector."""
    return _TYPE_NAMES.get(type(column.type))


def norm(vector: ColumnElement[Any], type_name: str) -> ColumnElement[float]:
    """Make the Euclidean length of a vector of the type named."""
    return _NORMS[type_name](vector)


def dimensions(vector: ColumnElement[Any], type_name: str) -> ColumnElement[int]:
    """Make the number of a vector's dimensions."""
    return _DIMENSIONS[type_name](vector)


def state(length: ColumnElement[float]) -> ColumnElement[str]:
    """Make the VectorState of a vector from its norm."""
    return case((length.is_(None), "null"), (length == 0, "zero"), else_="ok")
