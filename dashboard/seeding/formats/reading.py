"""Rows as a format gives them -> a batch read as wanted, by whole columns where NumPy or Arrow can."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dashboard.seeding.formats.cells import READERS, Unreadable, in_range, json_text, list_cell
from dashboard.seeding.formats.table import (
    ARRAY_KINDS,
    MAX_CELL_BYTES,
    VECTOR_KINDS,
    Batch,
    Fault,
    Raw,
    Values,
    Wanted,
)
from db.errors import DimensionMismatch

Read = tuple[Values, list[Fault]]


def as_wanted(rows: Iterable[Raw], wanted: Mapping[str, Wanted]) -> Iterator[Batch]:
    """Read each of ``rows`` as the columns wanted of it.

    Raises DimensionMismatch where every vector of an array is longer or shorter than wanted.
    """
    for raw in rows:
        values, faults = {}, list(raw.faults)
        for name, column in wanted.items():
            values[name], found = _column(raw, name, column)
            faults += found
        faults.sort(key=lambda fault: fault.row)
        yield Batch(raw.start, raw.rows, values, tuple(faults))


def _column(raw: Raw, name: str, wanted: Wanted) -> Read:
    values = raw.values.get(name)
    if values is None:  # JSON: no object of this batch has it
        return [None] * raw.rows, []
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return _arrow(values, raw, name, wanted)
    if isinstance(values, np.ndarray):
        return _numpy(values, raw, name, wanted)
    return _cells(values, raw, name, wanted)


def _cells(values: list[Any], raw: Raw, name: str, wanted: Wanted) -> Read:
    """Read value by value; vectors of one length become one array."""
    read = json_text if wanted.kind == "json" and not raw.typed else READERS[wanted.kind]
    if not raw.typed and not (wanted.kind == "text" and wanted.keeps_empty):
        values = [None if value == "" else value for value in values]
    out: list[Any] = []
    faults: list[Fault] = []
    for row, value in enumerate(values, raw.start):
        try:
            out.append(None if value is None else read(value, wanted))
        except Unreadable as why:
            out.append(None)
            faults.append(Fault(row, name, why.code, why.reason))
    if wanted.kind in VECTOR_KINDS and out and all(v is not None and len(v) == len(out[0]) for v in out):
        return np.stack(out), faults
    return out, faults


def _numpy(values: NDArray[Any], raw: Raw, name: str, wanted: Wanted) -> Read:
    if values.ndim == 2 and wanted.kind in VECTOR_KINDS:
        return _vectors(values, range(raw.start, raw.start + raw.rows), name, wanted)
    if values.ndim == 2 and wanted.kind in ARRAY_KINDS:
        return values.astype(ARRAY_KINDS[wanted.kind], copy=False), []
    if values.ndim == 1 and values.dtype.kind in "iu" and wanted.kind == "integer":
        if values.dtype != np.uint64 or not (values >> np.uint64(63)).any():
            return values.astype(np.int64, copy=False), []
    elif values.ndim == 1 and values.dtype.kind in "fiu" and wanted.kind == "number":
        doubles = values.astype(np.float64, copy=False)
        if np.isfinite(doubles).all():
            return doubles, []
    return _cells(values.tolist(), raw, name, wanted)


def _vectors(
    vectors: NDArray[Any], numbers: Iterable[int], name: str, wanted: Wanted, *, total: int | None = None
) -> Read:
    """Check vectors of shape (rows, dimensions), which are the rows of these ``numbers``."""
    dimensions = vectors.shape[1]
    if wanted.dimensions not in {None, dimensions}:
        raise DimensionMismatch(
            f'The vectors of "{name}" have {dimensions:,} numbers each; {wanted.dimensions:,} are expected.'
        )
    stored, fits = in_range(vectors, wanted.kind)
    if fits.all():
        return stored, []
    good: NDArray[np.bool_] = np.all(fits, axis=1)
    faults = [
        Fault(row, name, "vector", _why(vectors[index], wanted.kind))
        for index, row in enumerate(numbers)
        if not good[index]
    ]
    return [vector if ok else None for vector, ok in zip(stored, good, strict=True)], faults


def _why(vector: NDArray[Any], kind: str) -> str:
    if (odd := ~np.isfinite(vector)).any():
        place = int(np.argmax(odd))
        return f"element {place + 1} is {'NaN' if np.isnan(vector[place]) else 'infinite'}"
    try:
        list_cell(vector.tolist(), kind)
    except Unreadable as why:
        return why.reason
    raise AssertionError("a vector that does not fit was read")


def _arrow(values: pa.Array, raw: Raw, name: str, wanted: Wanted) -> Read:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _arrow(values.dictionary_decode(), raw, name, wanted)
    if _is_list(kind) and wanted.kind in VECTOR_KINDS and (read := _arrow_vectors(values, raw, name, wanted)):
        return read
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and not values.null_count:
        return _numpy(values.to_numpy(zero_copy_only=False), raw, name, wanted)
    if (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and wanted.kind == "text":
        return _texts(values, raw, name, wanted)
    return _cells(plain(values), raw, name, wanted)


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    if not (types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind)):
        return False
    return bool(types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _arrow_vectors(values: pa.Array, raw: Raw, name: str, wanted: Wanted) -> Read | None:
    """Read lists of one length as one array, those that are NULL left out; None where they differ."""
    present = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    lengths = pc.unique(pc.list_value_length(values.drop_null())).to_pylist()
    flat = values.flatten()
    if len(lengths) != 1 or not lengths[0] or flat.null_count:
        return None
    if wanted.dimensions not in {None, lengths[0]}:
        return None
    vectors = flat.to_numpy(zero_copy_only=False).reshape(-1, lengths[0])
    read, faults = _vectors(vectors, (int(i) + raw.start for i in present), name, wanted)
    if len(present) == raw.rows:
        return read, faults
    out: list[Any] = [None] * raw.rows
    for index, vector in zip(present, read, strict=True):
        out[index] = vector
    return out, faults


def _texts(values: pa.Array, raw: Raw, name: str, wanted: Wanted) -> Read:
    """Hand over texts that PostgreSQL can store as they are."""
    longest = pc.max(pc.binary_length(values)).as_py() or 0
    if longest <= MAX_CELL_BYTES and not pc.any(pc.match_substring(values, "\0")).as_py():
        return values.to_pylist(), []
    return _cells(values.to_pylist(), raw, name, wanted)


def plain(values: pa.Array) -> list[Any]:
    """Convert to Python what JSON can say, and dates and times; the rest becomes its text."""
    kind = values.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [None if v is None else f"\\x{v.hex()}" for v in values.to_pylist()]
    if pa.types.is_timestamp(kind):  # nanoseconds would become values of pandas
        values = values.cast(pa.timestamp("us", "UTC" if kind.tz else None), safe=False)
    elif pa.types.is_nested(kind):
        return [json.loads(json.dumps(v, default=str)) for v in values.to_pylist()]
    return [_simple(value) for value in values.to_pylist()]


def _simple(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | date) else str(value)
