"""The statement that reads a page: rows are found first, then only theirs are cut, measured and condensed.

A page of a hundred vectors of 1536 dimensions is over a megabyte of digits that nobody reads: the
server sends 32 means of each instead.  Taking the vector out of its TOAST once, then inner products of
its stretches with ones, takes 1.5 ms for such a page; unnest() and avg() take 220 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Integer,
    Row,
    Select,
    TableClause,
    Text,
    cast,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import REAL, array

from db.browse_order import Order, Segment, directed
from db.browse_request import PageRequest
from db.catalog import PlainColumn
from db.columns import VECTOR_TYPES
from db.conditions import EVERY_ROW, clause, columns_of
from db.nearest import SHOWN_LENGTH, identity, identity_names
from db.norms import VectorState, dimensions, norm

STRIP_BINS = 32

_RAW = frozenset({"N", "B"})
"""Categories that the driver reads as numbers and booleans; all else is sent as text."""

_Vector = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class BrowsedRow:
    """One row: ``key`` is a tuple where the key has several columns; long text in ``values`` is cut.

    ``strip`` condenses the vector to at most 32 means of its elements in order; it is empty without one.
    """

    key: Any
    values: Mapping[str, object]
    vector_state: VectorState
    norm: float | None
    strip: tuple[float, ...]
    dimensions: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """A row, and its place in the order."""

    row: BrowsedRow
    place: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reads stretches of one request's rows."""

    request: PageRequest
    shown: Sequence[PlainColumn]
    rows: TableClause
    order: Order

    def finding(self, segment: Segment, limit: int, offset: int = 0) -> Select[Any]:
        """Build the statement that finds the rows, whole."""
        request, column = self.request, self.request.column
        selected = {
            **identity(column, self.rows),
            **{c.name: self.rows.c[c.name] for c in self.shown},
            **self.order.marks,
            column.column: self.rows.c[column.column],
        }
        met = clause(request.where, columns_of(column, self.rows))
        return (
            select(*(_named(element, name) for name, element in selected.items()))
            .where(*segment.conditions, *([] if request.where == EVERY_ROW else [met]))
            .order_by(*segment.order_by)
            .limit(limit)
            .offset(offset or None)
        )

    def showing(self, segment: Segment, limit: int, offset: int = 0) -> Select[Any]:
        """Build the statement that reads them as they are shown, in the order of the page."""
        column = self.request.column
        page = self.finding(segment, limit, offset).cte("page").prefix_with("MATERIALIZED")
        taken_out = _WHOLE[column.type](page.c[column.column]).label("vector")
        held = select(taken_out).correlate(page).offset(0).lateral("held")
        return self._forward(
            select(
                *(self._key(page.c[name]) for name in identity_names(column)),
                *(_shown(page.c[c.name], c) for c in self._others()),
                norm(held.c.vector, column.type).label("norm"),
                dimensions(held.c.vector, column.type).label("dimensions"),
                _STRIPS[column.type](held).label("strip"),
                *(cast(page.c[name], Text).label(f"place_{name}") for name in self.order.marks),
            ).select_from(page.join(held, true())),
            page,
        )

    def told(self, segment: Segment, limit: int, offset: int = 0) -> Select[Any]:
        """Build the statement that a reader may run: the rows whole, in the order of the page."""
        found = self.finding(segment, limit, offset)
        if not (self.request.cursor and self.request.cursor.before and self.order.marks):
            return found
        page = found.subquery("page")
        return self._forward(select(page), page)

    def _forward(self, statement: Select[Any], page: FromClause) -> Select[Any]:
        marks = (page.c[name] for name in self.order.marks)
        return statement.order_by(*directed(marks, descending=self.order.descending))

    def read(self, connection: Connection, statement: Select[Any]) -> list[Found]:
        """Run what ``showing`` built."""
        return [self._found(row) for row in connection.execute(statement)]

    def _others(self) -> list[PlainColumn]:
        names = identity_names(self.request.column)
        return [c for c in self.shown if c.name not in names]

    def _key(self, part: ColumnElement[Any]) -> ColumnElement[Any]:
        raw = {c.name for c in self.shown if c.category in _RAW}
        return part if part.key in raw else cast(part, Text).label(part.key)

    def _found(self, row: Row[Any]) -> Found:
        names, others = identity_names(self.request.column), self._others()
        key, rest = tuple(row[: len(names)]), row[len(names) :]
        length, count, strip, *place = rest[len(others) :]
        named = dict(zip(names, key, strict=True)) | {
            c.name: value for c, value in zip(others, rest, strict=False)
        }
        browsed = BrowsedRow(
            key=key if len(key) > 1 else key[0],
            values={c.name: named[c.name] for c in self.shown},
            vector_state="null" if length is None else "ok" if length else "zero",
            norm=length,
            strip=_sparse_strip(strip) if self.request.column.type == "sparsevec" else tuple(strip),
            dimensions=count,
        )
        return Found(browsed, tuple(place))


def sending(connection: Connection, statement: Select[Any]) -> str:
    """Write a statement with its values, as the driver takes it."""
    return str(statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))


def _named(element: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    return element if element.key == name else element.label(name)


def _shown(value: ColumnElement[Any], column: PlainColumn) -> ColumnElement[Any]:
    if column.category in _RAW:
        return value
    return func.left(cast(value, Text), SHOWN_LENGTH).label(column.name)


def _taken_out(vector: _Vector) -> _Vector:
    return func.subvector(vector, 1, func.vector_dims(vector))


_WHOLE: Mapping[str, Callable[[_Vector], _Vector]] = {
    "vector": _taken_out,
    "halfvec": _taken_out,
    "sparsevec": lambda v: v,
    "bit": lambda v: v,
}
"""How a value is taken out of its TOAST once, for all that is asked of it."""


def _dense_mean(type_name: str) -> Callable[[_Vector, ColumnElement[int], ColumnElement[int]], _Vector]:
    def mean(vector: _Vector, start: ColumnElement[int], length: ColumnElement[int]) -> _Vector:
        ones = cast(func.array_fill(1, array([length])), VECTOR_TYPES[type_name]())
        negated: _Vector = func.subvector(vector, start + 1, length).op("<#>", return_type=Double())(ones)
        return cast(-negated / length, REAL)

    return mean


def _bit_mean(vector: _Vector, start: ColumnElement[int], length: ColumnElement[int]) -> _Vector:
    return cast(func.bit_count(func.substring(vector, start + 1, length)), REAL) / cast(length, REAL)


def _strip(
    type_name: str, mean: Callable[[_Vector, ColumnElement[int], ColumnElement[int]], _Vector]
) -> Callable[[FromClause], _Vector]:
    """Make the array of the means of a vector's stretches, as equal in length as they can be."""

    def strip(held: FromClause) -> _Vector:
        # LEAST takes no notice of NULL.
        count = func.coalesce(dimensions(held.c.vector, type_name), 0, type_=Integer)
        bins = func.least(count, STRIP_BINS, type_=Integer)
        place = func.generate_series(0, bins - 1, type_=Integer).column_valued("bin")
        start = place * count // bins
        stretch = (
            select(place, start.label("start"), ((place + 1) * count // bins - start).label("length"))
            .correlate(held)
            .subquery("stretch")
        )
        means = select(mean(held.c.vector, stretch.c.start, stretch.c.length)).order_by(stretch.c.bin)
        return func.array(means.correlate(held).scalar_subquery())

    return strip


_STRIPS: Mapping[str, Callable[[FromClause], _Vector]] = {
    "vector": _strip("vector", _dense_mean("vector")),
    "halfvec": _strip("halfvec", _dense_mean("halfvec")),
    # Of a few hundred numbers the text is short, and no type of pgvector's could hold them all.
    "sparsevec": lambda held: cast(held.c.vector, Text),
    "bit": _strip("bit", _bit_mean),
}


def _sparse_strip(given: str | None) -> tuple[float, ...]:
    """Condense a sparsevec's text: its zeros count as well.

    >>> _sparse_strip("{1:3,4:8}/4")
    (3.0, 0.0, 0.0, 8.0)
    """
    if given is None:
        return ()
    pairs, _, written = given.partition("/")
    count = int(written)
    bins = min(count, STRIP_BINS)
    edges = np.arange(bins + 1) * count // bins
    sums = np.zeros(bins)
    for pair in filter(None, pairs.strip("{}").split(",")):
        place, _, value = pair.partition(":")
        sums[np.searchsorted(edges, int(place) - 1, side="right") - 1] += float(value)
    return tuple((sums / np.diff(edges)).tolist())
