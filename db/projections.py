"""Maps that were worked out once, as they are kept: where each row lies, by its key; and rows by their keys.

A map holds no value of the rows but their keys: what colours and names its points is read when it is shown.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    FromClause,
    String,
    Text,
    and_,
    any_,
    cast,
    func,
    insert,
    literal,
    select,
)

from db import schema
from db.catalog import ColumnInfo
from db.columns import VectorColumn, spelled
from db.errors import RequestError
from db.nearest import SHOWN_LENGTH, identity, source

Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Projection:
    """A stored map.  ``rows`` are its points; ``params`` and ``quality`` are whoever stored it's own."""

    id: int
    job_id: int | None
    schema: str
    table: str
    column: str
    method: str
    params: dict[str, Any]
    rows: int
    quality: dict[str, Any]
    created_by: str
    created_at: datetime

    @property
    def subject(self) -> str:
        """The column it shows, as ``schema.table.column``."""
        return spelled(self.schema, self.table, self.column)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Where rows lie on a map, by key; ``frame`` holds whatever else places rows on it, by name."""

    keys: tuple[str, ...]
    points: Points
    """Shape (n, 2), in the order of ``keys``."""
    frame: Mapping[str, Points] = field(default_factory=dict)


_FRAME = "frame_"
"""What the names of such arrays begin with in the stored file."""

_FIELDS = [schema.projection.c[name] for name in Projection.__slots__]


def store_projection(
    connection: Connection,
    column: VectorColumn,
    placed: Placed,
    *,
    method: str,
    params: Mapping[str, Any],
    quality: Mapping[str, Any],
    created_by: str,
    job_id: int | None,
) -> int:
    """Keep a map in the caller's transaction, and number it."""
    values = {
        "job_id": job_id,
        "schema": column.schema,
        "table": column.table,
        "column": column.column,
        "method": method,
        "params": params,
        "rows": len(placed.keys),
        "quality": quality,
        "points": _packed(placed),
        "created_by": created_by,
    }
    stored = insert(schema.projection).values(values).returning(schema.projection.c.id)
    return int(connection.execute(stored).scalar_one())


def list_projections(
    connection: Connection, column: VectorColumn, *, limit: int = 50
) -> tuple[Projection, ...]:
    """Read the maps of a column, newest first, without their points."""
    stored = schema.projection.c
    chosen = select(*_FIELDS).where(
        stored.schema == column.schema, stored.table == column.table, stored.column == column.column
    )
    rows = connection.execute(chosen.order_by(stored.id.desc()).limit(limit))
    return tuple(Projection(**row) for row in rows.mappings())


def load_projection(connection: Connection, projection_id: int) -> Projection:
    """Read one map without its points.  Raises RequestError when there is none of that id."""
    chosen = select(*_FIELDS).where(schema.projection.c.id == projection_id)
    if not (row := connection.execute(chosen).mappings().first()):
        raise RequestError(f"There is no map {projection_id}.", "Choose another on the page Map.")
    return Projection(**row)


def load_points(connection: Connection, projection_id: int) -> Placed:
    """Read where the rows of a map lie.  Raises RequestError when there is none of that id."""
    chosen = select(schema.projection.c.points).where(schema.projection.c.id == projection_id)
    if not (row := connection.execute(chosen).first()):
        raise RequestError(f"There is no map {projection_id}.", "Choose another on the page Map.")
    return _unpacked(bytes(row.points))


def _packed(placed: Placed) -> bytes:
    """Write a compressed .npz; the keys as JSON, whose lengths may differ widely."""
    keys = np.frombuffer(json.dumps(placed.keys).encode(), np.uint8)
    framed: dict[str, Any] = {f"{_FRAME}{name}": array for name, array in placed.frame.items()}
    file = io.BytesIO()
    np.savez_compressed(file, keys=keys, points=placed.points.astype(np.float32), **framed)
    return file.getvalue()


def _unpacked(data: bytes) -> Placed:
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        frame = {name.removeprefix(_FRAME): stored[name] for name in stored if name.startswith(_FRAME)}
        return Placed(tuple(json.loads(stored["keys"].tobytes())), stored["points"], frame)


def values_of(
    connection: Connection, column: ColumnInfo, keys: Sequence[str], names: Sequence[str]
) -> dict[str, tuple[str | None, ...]]:
    """Read plain columns of the rows called ``keys``: by key, in the order of ``names``, as text.

    Long values are cut.  A row that is gone is left out.
    """
    rows = source(column, names)
    marks = [mark.label(f"key_{place}") for place, mark in enumerate(identity(column, rows).values())]
    wanted, is_wanted = _wanted(rows, marks, keys)
    found = connection.execute(
        select(
            *(cast(mark, Text) for mark in marks),
            *(func.left(cast(rows.c[name], Text), SHOWN_LENGTH) for name in names),
        )
        .select_from(wanted)
        .where(is_wanted)
    )
    parts = len(marks)
    return {_key(tuple(row[:parts])): tuple(row[parts:]) for row in found}


def _wanted(
    rows: FromClause, marks: Sequence[ColumnElement[Any]], keys: Sequence[str]
) -> tuple[FromClause, ColumnElement[bool]]:
    """Tell where to look and what for.

    One array, however many keys: PostgreSQL reads it as the key's own type, so that an index serves.
    Keys of several columns are compared as text, which hashes but reads the whole table.
    """
    if len(marks) == 1:
        return rows, marks[0].element == any_(literal(_array(keys), String()))
    columns = zip(*(json.loads(key) for key in keys), strict=True)
    arrays = (cast(literal(_array(list(values)), String()), ARRAY(Text)) for values in columns)
    names = [f"part_{place}" for place in range(len(marks))]
    given = func.unnest(*arrays).table_valued(*names, name="given").render_derived()
    same = (cast(mark, Text) == given.c[name] for mark, name in zip(marks, names, strict=True))
    return rows.join(given, and_(*same)), literal(value=True)


def _array(texts: Sequence[str]) -> str:
    r"""Write texts as PostgreSQL reads an array.

    >>> print(_array(["a", 'b"c', "d\\e"]))
    {"a","b\"c","d\\e"}
    """
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


def _key(parts: tuple[str, ...]) -> str:
    return parts[0] if len(parts) == 1 else json.dumps(parts)
