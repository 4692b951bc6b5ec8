"""A plan's rows, encoded as COPY sends them: bad rows taken out, texts embedded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.formats import Batch
from dashboard.seeding.imports.checks import taken
from dashboard.seeding.imports.columns import Mapped
from dashboard.seeding.imports.plan import ImportPlan
from dashboard.seeding.imports.rereading import batches_again
from dashboard.seeding.imports.texts import joined
from dashboard.seeding.imports.ways import Way
from db.binary import Values
from db.copy import Block, encode_block


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows, and how many rows of the file are behind once they are sent."""

    block: Block
    next_row: int


def pieces(plan: ImportPlan, way: Way, start_row: int) -> Iterator[Piece]:
    """Read the file from row ``start_row``, counted from 0, and encode what ``way`` sends of it."""
    with closing(batches_again(plan.request, plan.route.wanted, plan.spool, start_row)) as batches:
        for batch in batches:
            yield Piece(encode_block(way.fields, _columns(plan, way, batch)), batch.start - 1 + batch.rows)


def _columns(plan: ImportPlan, way: Way, batch: Batch) -> list[Values]:
    numbers = np.arange(batch.start, batch.start + batch.rows)
    first, last = np.searchsorted(plan.bad, [batch.start, batch.start + batch.rows])
    keep = ~np.isin(numbers, plan.bad[first:last])
    made: list[Values] = [numbers[keep]] if way.numbers_rows else []
    return made + [_values(plan, mapped, batch, keep) for mapped in plan.route.columns]


def _values(plan: ImportPlan, mapped: Mapped, batch: Batch, keep: NDArray[np.bool_]) -> Values:
    if mapped.source is not None:
        return taken(batch.values[mapped.source], keep)
    if not mapped.embeds:
        return np.arange(batch.start, batch.start + batch.rows)[keep]
    assert plan.embedder is not None
    texts = taken(joined(batch.values, plan.route.text, batch.rows), keep)
    return plan.embedder.embed(list(texts)) if len(texts) else []
