"""Batches and contents between the sandbox and us: Arrow with the faults beside it, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dashboard.seeding.formats.table import (
    ARRAY_KINDS,
    Batch,
    Contents,
    Dataset,
    Fault,
    FileColumn,
    Values,
    Wanted,
)

SCALARS: dict[str, pa.DataType] = {
    "text": pa.large_string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "json": pa.large_string(),
    "sparsevec": pa.large_string(),
    "bit": pa.large_string(),
}
"""How values of the kinds that are no arrays travel; the arrays travel as lists of their elements."""


def packed(batch: Batch, wanted: Mapping[str, Wanted]) -> tuple[pa.RecordBatch, dict[str, Any]]:
    """Make a record batch; arrays are handed to it as they are, without a copy."""
    arrays = [_packed(batch.values[name], column.kind) for name, column in wanted.items()]
    names = [str(n) for n in range(len(arrays))]  # a name may be half a surrogate pair
    metadata = {"start": batch.start, "rows": batch.rows, "faults": [astuple(f) for f in batch.faults]}
    return pa.RecordBatch.from_arrays(arrays, names), metadata


def unpacked(packed: pa.RecordBatch, metadata: dict[str, Any], wanted: Mapping[str, Wanted]) -> Batch:
    """Make the batch again; its arrays look at the record batch's memory."""
    values = {
        name: _unpacked(column, kind.kind)
        for (name, kind), column in zip(wanted.items(), packed.columns, strict=True)
    }
    return Batch(metadata["start"], metadata["rows"], values, tuple(map(_fault, metadata["faults"])))


def _fault(sent: list[Any]) -> Fault:
    row, column, code, reason, fields = sent
    return Fault(row, column, code, reason, tuple(fields))


def _packed(values: Values, kind: str) -> pa.Array:
    if kind in ARRAY_KINDS:
        return _lists(values, np.dtype(ARRAY_KINDS[kind]))
    if kind == "json":
        values = [None if v is None else json.dumps(v) for v in values]
    return pa.array(values, SCALARS[kind])


def _lists(values: Values, dtype: np.dtype[Any]) -> pa.Array:
    """Make lists that may differ in length, as the schema must be that of every other batch."""
    if isinstance(values, np.ndarray):
        rows, length = values.shape
        offsets = pa.array(np.arange(rows + 1, dtype=np.int64) * length)
        return pa.LargeListArray.from_arrays(
            offsets, pa.array(np.ascontiguousarray(values, dtype).reshape(-1))
        )
    present = [v for v in values if v is not None]
    ends = np.cumsum([0 if v is None else len(v) for v in values])
    flat = np.concatenate(present).astype(dtype, copy=False) if present else np.empty(0, dtype)
    missing = np.array([v is None for v in values], bool)
    offsets = pa.array(np.concatenate(([0], ends)).astype(np.int64))
    return pa.LargeListArray.from_arrays(offsets, pa.array(flat), mask=pa.array(missing))


def _unpacked(column: pa.Array, kind: str) -> Values:
    if kind in ARRAY_KINDS:
        return _arrays(column)
    if kind in {"integer", "number"} and not column.null_count:
        scalars: NDArray[Any] = column.to_numpy()
        return scalars
    values: list[Any] = column.to_pylist()
    return [None if v is None else json.loads(v) for v in values] if kind == "json" else values


def _arrays(column: pa.LargeListArray) -> Values:
    offsets = column.offsets.to_numpy()
    flat: NDArray[Any] = column.values.to_numpy()
    lengths = np.diff(offsets)
    if not column.null_count and len(lengths) and (lengths == lengths[0]).all():
        return flat[offsets[0] : offsets[-1]].reshape(len(lengths), lengths[0])
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    return [flat[offsets[n] : offsets[n + 1]] if ok else None for n, ok in enumerate(valid)]


def _column(found: dict[str, Any]) -> FileColumn:
    return FileColumn(
        **{**found, "sample": tuple(found["sample"]), "lengths": tuple(found["lengths"])},
    )


def contents_of(found: dict[str, Any]) -> Contents:
    """Make Contents of what ``asdict`` made of one, and JSON of that."""
    return Contents(
        **{
            **found,
            "columns": tuple(map(_column, found["columns"])),
            "first": tuple(map(tuple, found["first"])),
            "datasets": tuple(Dataset(d["name"], tuple(d["shape"]), d["dtype"]) for d in found["datasets"]),
            "notes": tuple(found["notes"]),
        }
    )
