"""Where queries come from: rows held out, the same disturbed, a set of the data's, saved searches."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from db.columns import spelled, split_name
from db.errors import RequestError

HELD_OUT, PERTURBED, TABLE, SAVED = "held-out", "perturbed", "table", "saved"

_NUMBER = re.compile(r"\d{1,3}(\.\d{1,6})?|\.\d{1,6}", re.ASCII)

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class QuerySource:
    """Rows of the column, moved by ``noise`` times their length; vectors of ``table``; what was ``saved``.

    ``table`` names a column as ``schema.table.column``; ``saved`` are all searches saved of the column.
    Rows are held out of the copy: none finds itself.
    """

    noise: float = 0.0
    table: str | None = None
    saved: bool = False

    @property
    def holds_out(self) -> bool:
        """Whether the queries are rows, taken out of what is searched."""
        return self.table is None and not self.saved

    def __str__(self) -> str:
        if self.saved:
            return SAVED
        if self.table is not None:
            return f"{TABLE}:{self.table}"
        return f"{PERTURBED}:{self.noise:g}" if self.noise else HELD_OUT


def parse_source(given: str) -> QuerySource:
    """Read a source: ``held-out``, ``perturbed:0.1``, ``table:schema.table.column`` or ``saved``.

    >>> parse_source("perturbed:.1"), str(parse_source("table:items_queries.embedding"))
    (QuerySource(noise=0.1, table=None, saved=False), 'table:public.items_queries.embedding')

    Raises RequestError for what is none of these.
    """
    kind, _, rest = given.strip().partition(":")
    if kind == HELD_OUT and not rest:
        return QuerySource()
    if kind == SAVED and not rest:
        return QuerySource(saved=True)
    if kind == TABLE and rest:
        return QuerySource(table=spelled(*split_name(rest.strip(), 3)))
    if kind == PERTURBED and _NUMBER.fullmatch(rest) and float(rest) > 0:
        return QuerySource(noise=float(rest))
    raise RequestError(
        f"Queries cannot come from {given[:80]!r}.",
        "Give held-out, perturbed:0.1 (noise of a tenth of each vector's length), "
        "table:schema.table.column, or saved (the searches saved of the column).",
    )


def perturbed(vectors: Vectors, noise: float, vector_type: str, *, seed: int) -> Vectors:
    """Move ``vectors`` (queries, dimensions) by Gaussian noise, on average ``noise`` times as long as each.

    Of bits a share of ``noise`` is flipped.  The result is what a column of ``vector_type`` can hold.
    """
    random = np.random.default_rng(seed)
    if vector_type == "bit":
        return np.asarray(np.abs(vectors - (random.random(vectors.shape) < noise)), np.float32)
    each = np.linalg.norm(vectors, axis=1, keepdims=True) * (noise / np.sqrt(vectors.shape[1]))
    moved = vectors + random.standard_normal(vectors.shape) * each
    held = np.float16 if vector_type == "halfvec" else np.float32
    return np.asarray(moved.astype(held), np.float32)
