"""COPY out of rows of any types, as the bytes each type sends: for keys and vectors of every kind.

Source: PostgreSQL documentation, COPY, "Binary Format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from psycopg2 import sql
from sqlalchemy import Connection, Select

from db.binary import HEADER
from db.engine import driver_cursor

_FIELDS, _LENGTH = struct.Struct(">h"), struct.Struct(">i")

RawRow = list[memoryview | None]
"""The fields of a row as the type's send function wrote them; None is NULL."""


def copy_out_rows(connection: Connection, query: Select[Any]) -> Iterator[RawRow]:
    """Read what ``query`` selects, whole, and yield it row by row.

    The answer is held in memory once, as bytes: bound what is asked for.
    """
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    sink = bytearray()
    with driver_cursor(connection, "COPY") as cursor:
        select = sql.SQL(cursor.mogrify(str(compiled), dict(compiled.params)).decode())
        cursor.copy_expert(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(select), _File(sink))
    yield from _rows(memoryview(sink), len(HEADER))


class _File:
    """The file psycopg2 writes to; it asks for no more than ``write``."""

    def __init__(self, sink: bytearray) -> None:
        self._sink = sink

    def write(self, data: bytes) -> None:
        self._sink += data


def _rows(data: memoryview, at: int) -> Iterator[RawRow]:
    while (fields := _FIELDS.unpack_from(data, at)[0]) >= 0:
        at += _FIELDS.size
        row: RawRow = []
        for _ in range(fields):
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size
            row.append(None if length < 0 else data[at : at + length])
            at += max(length, 0)
        yield row
