"""What asking an index for sampled rows needs: their vectors as they are sent, and the setting in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from db.indexes import METHODS

_IN_FORCE = text("SELECT current_setting(:name) FROM (SELECT '[1]'::vector) AS library")
"""The vector literal loads pgvector's library: until then its settings are unknown to the session."""


def setting_in_force(connection: Connection, method: str) -> int:
    """Tell the search parameter of an index method, as the server has it for this session."""
    name = f"{method}.{METHODS[method].search.name}"
    return int(connection.execute(_IN_FORCE, {"name": name}).scalar_one())


def written(vector: NDArray[np.float32], vector_type: str) -> str:
    """Write a sampled vector as its type reads it; the server reads back the very same numbers.

    >>> written(np.array([0, 1, 0.5], np.float32), "sparsevec")
    '{2:1.0,3:0.5}/3'
    """
    return _WRITERS[vector_type](vector)


def _dense(vector: NDArray[Any]) -> str:
    return f"[{','.join(map(repr, vector.tolist()))}]"


def _sparse(vector: NDArray[Any]) -> str:
    stored = np.flatnonzero(vector)
    pairs = (f"{place + 1}:{value!r}" for place, value in zip(stored, vector[stored].tolist(), strict=True))
    return f"{{{','.join(pairs)}}}/{len(vector)}"


def _bits(vector: NDArray[Any]) -> str:
    return "".join("1" if bit else "0" for bit in vector)


_WRITERS: Mapping[str, Callable[[NDArray[Any]], str]] = {
    "vector": _dense,
    "halfvec": _dense,
    "sparsevec": _sparse,
    "bit": _bits,
}
