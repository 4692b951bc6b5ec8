"""Rows in PostgreSQL's binary COPY format, made from columns of NumPy arrays and lists.

A batch is one sequence per field: an ndarray holds no NULL, a list may hold None.  When every field
has a fixed width and no NULL, a batch is one structured buffer and no row is touched by Python.
Source: PostgreSQL documentation, COPY, "Binary Format"; the ``*_recv`` functions of each type and,
for vectors, ``vector_recv`` of pgvector 0.8.5.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Double, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

EPOCH = np.datetime64("2000-01-01", "us")
"""PostgreSQL counts dates and timestamps from here."""

Values = Sequence[Any] | NDArray[Any]
Batch = Sequence[Values]

_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A type whose values all have one width; ``fill`` writes values into an array of ``layout``."""

    name: str
    sql: TypeEngine[Any]
    layout: np.dtype[Any]
    fill: Callable[[NDArray[Any], Values], None]


@dataclass(frozen=True, slots=True)
class Varying:
    """A type whose values differ in width; ``encode`` makes one value's bytes."""

    name: str
    sql: TypeEngine[Any]
    encode: Callable[[Any], bytes]


Kind = Fixed | Varying


@dataclass(frozen=True, slots=True)
class Field:
    """A column to be made and filled.  ``kind.name`` is the type as format_type() spells it."""

    name: str
    kind: Kind


def _copy(out: NDArray[Any], values: Values) -> None:
    out[:] = values


def _days(out: NDArray[Any], values: Values) -> None:
    out[:] = (np.asarray(values, "datetime64[D]") - EPOCH.astype("datetime64[D]")).astype(np.int64)


def _microseconds(out: NDArray[Any], values: Values) -> None:
    out[:] = (np.asarray(values, "datetime64[us]") - EPOCH).astype(np.int64)


def _hundredths(out: NDArray[Any], values: Values) -> None:
    cents = np.rint(np.asarray(values, np.float64) * 100).astype(np.int64)
    out["digits"], out["weight"], out["sign"], out["scale"] = 3, 1, 0, 2
    out["groups"] = np.stack((cents // 1_000_000, cents // 100 % 10_000, cents % 100 * 100), axis=-1)


def _vectors(out: NDArray[Any], values: Values) -> None:
    out["dimensions"], out["unused"] = out["elements"].shape[-1], 0
    out["elements"] = values


def _json(value: Any) -> bytes:
    return b"\x01" + json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _one_vector(value: NDArray[Any]) -> bytes:
    return struct.pack(">hh", len(value), 0) + np.asarray(value, ">f4").tobytes()


def _array(element: int, layout: str) -> Callable[[NDArray[Any]], bytes]:
    """Encode one-dimensional arrays without NULL, of elements whose type has the OID ``element``."""

    def encoded(values: NDArray[Any]) -> bytes:
        cells = np.empty(len(values), [("length", ">i4"), ("value", layout)])
        cells["length"], cells["value"] = np.dtype(layout).itemsize, values
        shape = (1, 0, element, len(values), 1) if len(values) else (0, 0, element)
        return struct.pack(f">{len(shape)}i", *shape) + cells.tobytes()

    return encoded


_NUMERIC = np.dtype(
    [("digits", ">i2"), ("weight", ">i2"), ("sign", ">i2"), ("scale", ">i2"), ("groups", ">i2", (3,))]
)
"""A numeric of up to eight digits before the point and two after, in groups of four decimal digits."""

BIGINT = Fixed("bigint", BigInteger(), np.dtype(">i8"), _copy)
DOUBLE = Fixed("double precision", Double(), np.dtype(">f8"), _copy)
BOOLEAN = Fixed("boolean", Boolean(), np.dtype("u1"), _copy)
MONEY = Fixed("numeric(10,2)", Numeric(10, 2), _NUMERIC, _hundredths)
DATE = Fixed("date", Date(), np.dtype(">i4"), _days)
TIMESTAMP = Fixed("timestamp with time zone", DateTime(timezone=True), np.dtype(">i8"), _microseconds)
TEXT = Varying("text", Text(), str.encode)
JSON = Varying("jsonb", JSONB(), _json)

BIGINTS = Varying("bigint[]", ARRAY(BigInteger()), _array(20, ">i8"))
DOUBLES = Varying("double precision[]", ARRAY(Double()), _array(701, ">f8"))
UNTYPED = Varying("vector", VECTOR(), _one_vector)
"""Vectors that may differ in length."""

KINDS: tuple[Kind, ...] = (BIGINT, DOUBLE, BOOLEAN, MONEY, DATE, TIMESTAMP, TEXT, JSON)
"""Every kind of column but vectors.  MONEY takes amounts from 0 to 99,999,999.99; TIMESTAMP takes UTC."""


def vector(dimensions: int) -> Fixed:
    """Make the kind of a ``vector(dimensions)`` column, which takes arrays of shape (rows, dimensions)."""
    layout = np.dtype([("dimensions", ">i2"), ("unused", ">i2"), ("elements", ">f4", (dimensions,))])
    return Fixed(f"vector({dimensions})", VECTOR(dimensions), layout, _vectors)


def halfvec(dimensions: int) -> Fixed:
    """Make the kind of a ``halfvec(dimensions)`` column; what it takes must be within its range."""
    layout = np.dtype([("dimensions", ">i2"), ("unused", ">i2"), ("elements", ">f2", (dimensions,))])
    return Fixed(f"halfvec({dimensions})", HALFVEC(dimensions), layout, _vectors)


def encode(kinds: Sequence[Kind], batch: Batch) -> bytes:
    """Encode the rows of ``batch``, one column per kind, without the file's header and trailer."""
    if all(isinstance(k, Fixed) and isinstance(v, np.ndarray) for k, v in zip(kinds, batch, strict=True)):
        return _encode_fixed(kinds, batch)  # type: ignore[arg-type]
    count = struct.pack(">h", len(kinds))
    values = (_encode_column(k, v) for k, v in zip(kinds, batch, strict=True))
    return b"".join(chain.from_iterable(zip(repeat(count), *values)))


def _encode_fixed(kinds: Sequence[Fixed], batch: Batch) -> bytes:
    layout: list[Any] = [("count", ">i2")]
    for n, kind in enumerate(kinds):
        layout += [(f"length{n}", ">i4"), (f"value{n}", kind.layout)]
    rows = np.empty(len(batch[0]), layout)
    rows["count"] = len(kinds)
    for n, (kind, values) in enumerate(zip(kinds, batch, strict=True)):
        rows[f"length{n}"] = kind.layout.itemsize
        kind.fill(rows[f"value{n}"], values)
    return rows.tobytes()


def _encode_column(kind: Kind, values: Values) -> Iterator[bytes]:
    """Give each value of one column, with its length before it."""
    present = values if isinstance(values, np.ndarray) else [v for v in values if v is not None]
    pieces = _sized(kind, present)
    if len(present) == len(values):
        return pieces
    return (_NULL if value is None else next(pieces) for value in values)


def _sized(kind: Kind, values: Values) -> Iterator[bytes]:
    if isinstance(kind, Varying):
        return (_LENGTH.pack(len(data)) + data for data in map(kind.encode, values))
    cells = np.empty(len(values), [("length", ">i4"), ("value", kind.layout)])
    cells["length"] = kind.layout.itemsize
    if len(values):
        kind.fill(cells["value"], values)
    data, width = cells.tobytes(), cells.itemsize
    return (data[start : start + width] for start in range(0, len(data), width))
