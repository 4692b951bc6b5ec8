"""What is looked at in each batch of rows: everything that would make the table refuse one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.formats import Batch
from dashboard.seeding.imports.columns import Mapped
from dashboard.seeding.imports.rejects import Issue
from dashboard.seeding.imports.texts import spelled_out
from db.binary import Values

INTEGER_BITS = {"int2": 16, "int4": 32, "int8": 64}
"""Width of the whole numbers, by pg_type.typname."""
MAX_REAL = float(np.finfo(np.float32).max)

InvalidTexts = Callable[[str, Sequence[str]], dict[int, str]]
"""What PostgreSQL says of texts that are to become values of a type: place -> why not."""


def issues(batch: Batch, columns: Sequence[Mapped], invalid_texts: InvalidTexts) -> Iterator[Issue]:
    """Find what is wrong in a batch; a value that could not be read at all is told once, as that."""
    told = set()
    for fault in batch.faults:
        told.add((fault.row, fault.column))
        yield Issue(fault.row, fault.column, fault.code, fault.reason)
    for mapped in columns:
        if mapped.source is None:
            continue
        values = batch.values[mapped.source]
        for place, code, reason in _wrong(values, mapped, invalid_texts):
            row = batch.start + place
            if not told & {(row, mapped.source), (row, None)}:
                yield Issue(row, mapped.source, code, reason)


def _wrong(values: Values, mapped: Mapped, invalid_texts: InvalidTexts) -> Iterator[tuple[int, str, str]]:
    if mapped.not_null and not isinstance(values, np.ndarray):
        reason = f'is empty, and "{mapped.name}" takes no NULL'
        yield from ((place, "null", reason) for place, value in enumerate(values) if value is None)
    if mapped.base in INTEGER_BITS and INTEGER_BITS[mapped.base] < 64:
        bits = INTEGER_BITS[mapped.base]
        bound = 2 ** (bits - 1)
        for place in _outside(values, -bound, bound - 1):
            yield place, "range", f"{values[place]} is not a {bits}-bit integer"
    if mapped.base == "float4":
        for place in _outside(values, -MAX_REAL, MAX_REAL):
            yield place, "range", f"{values[place]} exceeds the range of a 4-byte float, 3.4e38"
    if mapped.server_checks:
        present = [place for place, value in enumerate(values) if value is not None]
        found = invalid_texts(mapped.type, [spelled_out(values[place]) for place in present])
        for place, why in found.items():
            yield present[place], "type", why


def _outside(values: Values, low: float, high: float) -> list[int]:
    if isinstance(values, np.ndarray):
        return [int(place) for place in np.flatnonzero((values < low) | (values > high))]
    return [place for place, value in enumerate(values) if value is not None and not low <= value <= high]


def taken(values: Values, keep: NDArray[np.bool_]) -> Values:
    """Take the values whose place is kept."""
    if keep.all():
        return values
    if isinstance(values, np.ndarray):
        return values[keep]
    return [value for value, kept in zip(values, keep, strict=True) if kept]
