"""Parquet: columns with their types, vectors as lists of 32-bit floats.

A halfvec is written in 32 bits, too: each of its numbers is exact in them, and few readers know 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from db.errors import RequestError
from db.export_columns import ExportedColumn

GROUP_BYTES = 32 << 20
"""A row group's size in memory: what a reader takes at a time, and all that the writer holds."""

_TYPES = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "text": pa.string(),
}
_ELEMENTS = {"vector": ">f4", "halfvec": ">f2"}
"""Elements in pgvector's binary form, after 4 bytes of header.  Source: vector_send, halfvec_send."""


class ParquetFile:
    """A Parquet file whose row groups are written as they fill."""

    def __init__(self, path: Path, columns: Sequence[ExportedColumn]) -> None:
        self.neutralised = 0
        self._columns = columns
        self._schema = pa.schema([(column.name, _type(column)) for column in columns])
        self.written_as = [str(field.type) for field in self._schema]
        texts = [column.name for column in columns if column.native == "text"]
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd", use_dictionary=texts)
        self._group: list[pa.RecordBatch] = []

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append rows of values in their native form.

        Raises RequestError for a numeric that no decimal can hold.
        """
        arrays = [
            _array([row[place] for row in rows], column, self._schema.field(place).type)
            for place, column in enumerate(self._columns)
        ]
        self._group.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        if sum(batch.nbytes for batch in self._group) >= GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """Finish the file."""
        self._write_group()
        self._file.close()

    def _write_group(self) -> None:
        if self._group:
            self._file.write_table(pa.Table.from_batches(self._group).combine_chunks())
            self._group.clear()


def _type(column: ExportedColumn) -> pa.DataType:
    if column.decimals:
        return pa.decimal128(*column.decimals)
    if column.native in _ELEMENTS:
        return pa.list_(pa.float32(), column.modifier or -1)
    return _TYPES[column.native]


def _array(values: list[Any], column: ExportedColumn, kind: pa.DataType) -> pa.Array:
    if column.native in _ELEMENTS:
        return _vectors(values, kind, _ELEMENTS[column.native])
    if column.decimals and any(isinstance(v, Decimal) and not v.is_finite() for v in values):
        raise RequestError(
            f"The column {column.name!r} holds NaN or an infinity, which a Parquet decimal cannot.",
            "Export as CSV or JSON Lines, which spell it as PostgreSQL does.",
        )
    return pa.array(values, kind)


def _vectors(values: list[memoryview | None], kind: pa.DataType, element: str) -> pa.Array:
    """Make an array of lists; in one of fixed size a NULL takes the room of a vector."""
    missing = pa.array([value is None for value in values])
    if pa.types.is_fixed_size_list(kind):
        blank: NDArray[np.float32] = np.zeros(kind.list_size, np.float32)
        parts = [blank if value is None else np.frombuffer(value, element, -1, 4) for value in values]
        numbers = pa.array(np.concatenate(parts, dtype=np.float32))
        return pa.FixedSizeListArray.from_arrays(numbers, type=kind, mask=missing)
    parts = [np.empty(0) if value is None else np.frombuffer(value, element, -1, 4) for value in values]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    numbers = pa.array(np.concatenate(parts, dtype=np.float32))
    return pa.ListArray.from_arrays(offsets, numbers, type=kind, mask=missing)
