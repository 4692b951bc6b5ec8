"""A stored vector's text as an array of its elements."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

MOST_DENSE = 16_000
"""Longest sparsevec that is written out: as long as the type vector goes."""


def elements(given: str, vector_type: str) -> NDArray[np.float32] | None:
    """Read a vector as pgvector spells it; shape (dimensions,), None for a sparsevec over MOST_DENSE.

    >>> elements("{2:0.5}/3", "sparsevec"), elements("101", "bit")
    (array([0. , 0.5, 0. ], dtype=float32), array([1., 0., 1.], dtype=float32))
    """
    return _READERS[vector_type](given)


def _dense(given: str) -> NDArray[np.float32]:
    return np.array(json.loads(given), np.float32)


def _sparse(given: str) -> NDArray[np.float32] | None:
    pairs, _, written = given.partition("/")
    if int(written) > MOST_DENSE:
        return None
    elements = np.zeros(int(written), np.float32)
    for pair in filter(None, pairs.strip("{}").split(",")):
        place, _, value = pair.partition(":")
        elements[int(place) - 1] = value
    return elements


def _bits(given: str) -> NDArray[np.float32]:
    return np.array([bit == "1" for bit in given], np.float32)


_READERS: Mapping[str, Callable[[str], NDArray[np.float32] | None]] = {
    "vector": _dense,
    "halfvec": _dense,
    "sparsevec": _sparse,
    "bit": _bits,
}
"""How each type's text becomes elements."""
