"""Binary COPY, both ways: batches of columns into a table, vectors out into NumPy.

Encoding runs one thread ahead of the connection.  libpq lets go of the interpreter while it waits for
the server, so that the next batch is made while the last one is on its way.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import psycopg2
from numpy.typing import NDArray
from pgvector.sqlalchemy import BIT
from psycopg2 import sql
from sqlalchemy import BigInteger, Connection, Select, cast

from db.binary import HEADER, TRAILER, Batch, Field, encode
from db.engine import driver_cursor
from db.errors import RequestError
from db.words import counted

Item = TypeVar("Item")

AHEAD = 3
"""Blocks encoded and not yet sent; more only takes memory, as one side is always the slower."""

PARSE_BYTES = 4 << 20
"""Bytes of COPY output gathered before they are turned into arrays."""


@dataclass(frozen=True, slots=True)
class Block:
    """Encoded rows, ready to be sent."""

    rows: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors with the number each row is known by."""

    ids: NDArray[np.int64]
    """Shape (rows,)."""
    vectors: NDArray[np.float32]
    """Shape (rows, dimensions)."""


def encode_block(fields: Sequence[Field], batch: Batch) -> Block:
    """Encode one batch, whose columns are in the order of ``fields``."""
    return Block(len(batch[0]), encode([f.kind for f in fields], batch))


def ahead(items: Iterable[Item], depth: int = AHEAD) -> Generator[Item]:
    """Yield ``items`` in order, made up to ``depth`` of them ahead by a thread of its own.

    What making an item raises is raised here, when its turn comes.
    """
    source, end = iter(items), object()
    thread = ThreadPoolExecutor(1)
    try:
        pending: deque[Future[Any]] = deque(thread.submit(next, source, end) for _ in range(depth))
        while (item := pending.popleft().result()) is not end:
            pending.append(thread.submit(next, source, end))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)


def copy_in(
    connection: Connection, schema: str, table: str, fields: Sequence[Field], batches: Iterable[Batch]
) -> int:
    """Load ``batches`` in the caller's transaction, and count the rows.

    Raises what the batches raise, and DBAPIError where the server refuses; the COPY is then undone.
    """
    with closing(ahead(encode_block(fields, batch) for batch in batches)) as blocks:
        return send(connection, schema, table, fields, blocks)


def send(
    connection: Connection,
    schema: str,
    table: str,
    fields: Sequence[Field],
    blocks: Iterable[Block],
    *,
    freeze: bool = False,
) -> int:
    """Load blocks that are encoded already, as ``copy_in`` does; for a stream cut into transactions.

    ``freeze`` writes rows that need no VACUUM, into a table that this very transaction has created.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary, FREEZE {})").format(
        sql.Identifier(schema, table),
        sql.SQL(", ").join(sql.Identifier(f.name) for f in fields),
        sql.Literal(freeze),
    )
    stream = _Stream(blocks)
    with driver_cursor(connection, "COPY") as cursor:
        try:
            cursor.copy_expert(statement, stream, 1 << 20)
        except psycopg2.Error:
            if stream.error:
                raise stream.error from None
            raise
        if cursor.rowcount != stream.rows:
            raise RequestError(
                f"The table took {cursor.rowcount:,} of {counted(stream.rows)}: a trigger or rule of its own "
                "turned the others away. Nothing was kept.",
                "Disable that trigger or rule for the load.",
            )
    return stream.rows


class _Stream:
    """Blocks as the file psycopg2 reads; it sends however much one read hands it."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._parts = chain([HEADER], self._counted(blocks), [TRAILER])
        self.rows = 0
        self.error: BaseException | None = None

    def _counted(self, blocks: Iterable[Block]) -> Iterator[bytes]:
        for block in blocks:
            self.rows += block.rows
            yield block.data

    def read(self, _size: int) -> bytes:
        # psycopg2 keeps only the text of what is raised here.
        try:
            return next(self._parts, b"")
        except BaseException as error:
            self.error = error
            raise


def copy_out_vectors(connection: Connection, query: Select[Any]) -> Vectors:
    """Read what ``query`` selects: a whole number and a vector, halfvec or bit, not NULL, all of one length.

    Bits become elements of 0 and 1.  Memory is the answer's and one block of PARSE_BYTES.

    Raises RequestError where a vector is NULL or differs in length from the first.
    """
    number, vector = query.selected_columns
    exact = query.with_only_columns(cast(number, BigInteger), vector)
    compiled = exact.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    sink = _Sink(_layout_of_bits if isinstance(vector.type, BIT) else _layout)
    with driver_cursor(connection, "COPY") as cursor:
        select = sql.SQL(cursor.mogrify(str(compiled), dict(compiled.params)).decode())
        cursor.copy_expert(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(select), sink)
    return sink.result()


class _Sink:
    """The file psycopg2 writes COPY output to; it turns whole rows into arrays as they come.

    Nothing is raised while the server still sends: psycopg2 would leave the connection in mid-COPY.
    """

    def __init__(self, layout: Callable[[bytearray, int], np.dtype[Any]]) -> None:
        self._buffer = bytearray()
        self._start = len(HEADER)
        self._layout = layout
        self._row: np.dtype[Any] | None = None
        self._dimensions = 0
        self._uniform = True
        self._ids: list[NDArray[np.int64]] = []
        self._vectors: list[NDArray[np.float32]] = []

    def write(self, data: bytes) -> None:
        if self._uniform:
            self._buffer += data
            if len(self._buffer) >= PARSE_BYTES:
                self._parse()

    def result(self) -> Vectors:
        self._parse()
        if not self._uniform or self._buffer[self._start :] != TRAILER:
            raise RequestError(
                "The vectors differ in length, or some are NULL.", "Read rows whose vectors have one length."
            )
        return Vectors(
            _drained(self._ids, np.empty(0, np.int64)), _drained(self._vectors, np.empty((0, 0), np.float32))
        )

    def _parse(self) -> None:
        if len(self._buffer) < self._start + _SMALLEST_ROW:
            return
        row = self._row = self._row or self._layout(self._buffer, self._start)
        if not (whole := (len(self._buffer) - self._start) // row.itemsize):
            return
        rows = np.frombuffer(self._buffer, row, whole, self._start)
        width = row.itemsize - row.fields["dimensions"][1]  # type: ignore[index]
        self._dimensions = self._dimensions or int(rows["dimensions"][0])
        self._uniform = bool(
            (
                (rows["fields"] == 2)
                & (rows["id_length"] == 8)
                & (rows["vector_length"] == width)
                & (rows["dimensions"] == self._dimensions)
            ).all()
        )
        self._ids.append(rows["id"].astype(np.int64))
        self._vectors.append(_elements(rows))
        del rows  # a bytearray cannot shrink while an array looks at it
        del self._buffer[: self._start + whole * row.itemsize]
        self._start = 0


_SMALLEST_ROW = 24


def _elements(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Take the vectors of rows read by ``_layout`` or ``_layout_of_bits``; shape (rows, dimensions)."""
    if "bits" not in rows.dtype.names:  # type: ignore[operator]
        return np.asarray(rows["elements"], np.float32)
    count = int(rows["dimensions"][0])
    return np.unpackbits(rows["bits"], axis=1, count=count).astype(np.float32)


def _layout(buffer: bytearray, start: int) -> np.dtype[Any]:
    """Read from the first row how wide a row is; two bytes an element tell halfvec from vector."""
    length, dimensions = struct.unpack_from(">ih", buffer, start + 14)
    element = ">f2" if length == 4 + 2 * dimensions else ">f4"
    return np.dtype(
        [
            ("fields", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i8"),
            ("vector_length", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("elements", element, (max(dimensions, 0),)),
        ]
    )


def _layout_of_bits(buffer: bytearray, start: int) -> np.dtype[Any]:
    """The same of bits, eight to a byte, their number before them.  Source: bit_send of PostgreSQL."""
    (length,) = struct.unpack_from(">i", buffer, start + 14)
    return np.dtype(
        [
            ("fields", ">i2"),
            ("id_length", ">i4"),
            ("id", ">i8"),
            ("vector_length", ">i4"),
            ("dimensions", ">i4"),
            ("bits", "u1", (max(length - 4, 0),)),
        ]
    )


def _drained(parts: list[NDArray[Any]], empty: NDArray[Any]) -> NDArray[Any]:
    """Concatenate ``parts``, letting go of each once it is copied, so that nothing is held twice."""
    if not parts:
        return empty
    whole = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype)
    end = len(whole)
    while parts:
        part = parts.pop()
        whole[end - len(part) : end] = part
        end -= len(part)
    return whole
