"""What a source of rows is: its parameters as data, and rows by random access.

Rows come in blocks, and block ``i`` depends on the seed and ``i`` alone.  A load that is cut off and
goes on from a later block therefore ends with exactly the rows it would have made at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.request import PopulateRequest
from db.binary import BIGINT, Batch, Field, Values, vector

KEY = "id"
EMBEDDING = "embedding"
PIECE = 64
"""Rows that every block is a multiple of."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that shapes a source; a whole number where ``default`` is one."""

    key: str
    label: str
    default: float
    low: float
    high: float
    help: str


@dataclass(frozen=True, slots=True)
class Rows:
    """An opened source: which columns it has, how many rows, and every block of them.

    ``make(i)`` gives the rows from ``i * block_rows`` on, at least as many as there are.
    ``recipe`` says what makes these rows and no others.
    """

    fields: tuple[Field, ...]
    count: int
    block_rows: int
    make: Callable[[int], Batch]
    recipe: Mapping[str, Any]
    embedded_by: Mapping[str, Any] = field(default_factory=dict)
    """Which embedder made the vectors of which text columns; empty where none did."""

    def block(self, index: int) -> Batch:
        """Make one block of rows; the last may be short."""
        size = min(self.block_rows, self.count - index * self.block_rows)
        return tuple(values[:size] for values in self.make(index))

    def blocks(self) -> range:
        """Number the blocks."""
        return range(-(-self.count // self.block_rows))

    def __iter__(self) -> Iterator[Batch]:
        return map(self.block, self.blocks())


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of rows to load.

    ``table``, ``rows`` and ``dims`` are what a request that leaves them out gets; ``fixed_dims`` says that
    ``dims`` cannot be chosen.
    """

    key: str
    label: str
    about: str
    table: str
    rows: int
    dims: int
    open: Callable[[PopulateRequest], Rows]
    parameters: tuple[Parameter, ...] = ()
    fixed_dims: bool = False


def block_rows(dims: int) -> int:
    """Choose how many rows make a block, in whole pieces: 1 MB of vectors, which stays in the cache."""
    return min(max((1 << 18) // dims // PIECE, 1) * PIECE, 8192)


def generated(
    request: PopulateRequest,
    fields: tuple[Field, ...],
    columns: Callable[[np.random.Generator, NDArray[np.int64]], tuple[Values, ...]],
    embedded_by: Mapping[str, Any] = MappingProxyType({}),
) -> Rows:
    """Make Rows of a function from a block's random numbers and ids to its columns after the id."""
    assert request.rows is not None
    assert request.dims is not None
    size = block_rows(request.dims)

    def make(index: int) -> Batch:
        ids = np.arange(index * size + 1, index * size + size + 1)
        return ids, *columns(generator(request.seed, index), ids)

    recipe = {
        "source": request.source,
        "rows": request.rows,
        "dims": request.dims,
        "seed": request.seed,
        "parameters": dict(request.parameters),
    }
    return Rows((Field(KEY, BIGINT), *fields), request.rows, size, make, recipe, embedded_by)


def generator(seed: int, *stream: int) -> np.random.Generator:
    """Make the random numbers of one stream of ``seed``: a block's, or the one all blocks share."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=stream))


def embedding(dims: int) -> Field:
    """Make the field that holds the vectors."""
    return Field(EMBEDDING, vector(dims))
