"""What a search asks, and the one statement that asks it.

An inner select walks the index: ORDER BY distance LIMIT k and nothing else, since anything more hides
the order from pgvector.  The outer one drops rows without a distance and the row the query came from,
puts iterative scans' relaxed order right, and cuts long text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    String,
    TableClause,
    Text,
    and_,
    cast,
    column,
    func,
    literal,
    literal_column,
    not_,
    select,
    table,
    type_coerce,
)

from db.catalog import ColumnInfo, PlainColumn
from db.distance import Distance, distances_for
from db.errors import DimensionMismatch, RequestError
from db.filters import Filter
from db.indexes import Hnsw, Ivfflat
from db.vectors import Query

MAX_ROWS = 1000
"""The largest k: as many candidates as HNSW can hold (hnsw.ef_search)."""

SHOWN_LENGTH = 200
"""Characters of a long value that are shown; the rest never leaves the server."""

UNDEFINED_FOR_ZERO = frozenset({Distance.COSINE})
"""Distances that divide by a vector's length: NaN for zero vectors, which no index then holds."""

ITERATIVE_SCANS = {
    "off": ("hnsw.iterative_scan", "ivfflat.iterative_scan"),
    "relaxed_order": ("hnsw.iterative_scan", "ivfflat.iterative_scan"),
    "strict_order": ("hnsw.iterative_scan",),
}
"""Which settings take each kind of iterative scan."""

_SYSTEM_COLUMNS = ("tableoid", "ctid")

NAN = literal_column("'NaN'::float8", Float())
"""NULL and NaN are both not below it: ``distance < NAN`` keeps the rows whose distance is defined."""


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How to search; None leaves a setting as the server has it."""

    exact: bool = False
    ef_search: int | None = None
    probes: int | None = None
    iterative_scan: str | None = None

    def __post_init__(self) -> None:
        if self.ef_search is not None:
            Hnsw.search.check(self.ef_search)
        if self.probes is not None:
            Ivfflat.search.check(self.probes)
        if self.iterative_scan is not None and self.iterative_scan not in ITERATIVE_SCANS:
            raise RequestError(
                f"There is no iterative scan {self.iterative_scan!r}.",
                f"Choose one of {', '.join(ITERATIVE_SCANS)}.",
            )

    def tuned(self, method: str, value: int) -> SearchSettings:
        """Make the same settings with the search parameter of an index method set to ``value``."""
        return replace(self, ef_search=value) if method == Hnsw.name else replace(self, probes=value)

    def parameters(self) -> dict[str, str]:
        """Name and value of each server setting this asks for."""
        if self.exact:
            # With both kinds of scan off the planner takes the index after all.
            return {"enable_indexscan": "off", "enable_seqscan": "on"}
        scan = self.iterative_scan or ""
        asked = {"hnsw.ef_search": self.ef_search, "ivfflat.probes": self.probes}
        given = {name: str(value) for name, value in asked.items() if value is not None}
        return given | dict.fromkeys(ITERATIVE_SCANS.get(scan, ()), scan)


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One question: the ``k`` rows of ``column`` nearest to ``query`` that meet every filter.

    Raises DimensionMismatch or RequestError where it contradicts the column or itself.
    """

    column: ColumnInfo
    query: Query
    distance: Distance
    k: int = 10
    settings: SearchSettings = SearchSettings()
    filters: tuple[Filter, ...] = ()

    def __post_init__(self) -> None:
        wanted = self.column.dimensions
        if wanted is not None and self.query.dimensions != wanted:
            raise DimensionMismatch(
                f"{self.column} has {wanted:,} dimensions, the query has {self.query.dimensions:,}."
            )
        if not 1 <= self.k <= MAX_ROWS:
            raise RequestError(
                f"k = {self.k} is outside 1 to {MAX_ROWS:,}.", f"Ask for 1 to {MAX_ROWS:,} rows."
            )
        if self.distance not in distances_for(self.column.type):
            known = ", ".join(distance.stem for distance in distances_for(self.column.type))
            raise RequestError(
                f"{self.distance.label} distance is not defined for {self.column.type}.",
                f"Choose one of {known}.",
            )
        if self.query.is_zero and self.distance in UNDEFINED_FOR_ZERO:
            raise RequestError(
                f"The query has zero length: {self.distance.label.lower()} distance is undefined for it.",
                "Search by L2 distance, or by another vector.",
            )

    @property
    def limit(self) -> int:
        """Rows the index must hand over: one more where the query's own row will be dropped."""
        return self.k + (self.query.row is not None)


def source(column_info: ColumnInfo, others: Iterable[str] = ()) -> TableClause:
    """Name the table, with the vector, the key, and the ``others`` among its columns."""
    names = dict.fromkeys((*others, *column_info.key, column_info.column, *_SYSTEM_COLUMNS))
    return table(column_info.table, *map(column, names), schema=column_info.schema)


def identity_names(column_info: ColumnInfo) -> tuple[str, ...]:
    """Name what tells rows apart: the key, else where they lie; for a view, a digest of what they say."""
    if column_info.key:
        return column_info.key
    return {"view": ("row_md5",), "partitioned table": ("tableoid", "ctid")}.get(column_info.kind, ("ctid",))


def identity(column_info: ColumnInfo, rows: TableClause) -> dict[str, ColumnElement[Any]]:
    """Make the expressions that tell rows apart, by name."""
    if column_info.kind == "view":
        return {"row_md5": func.md5(cast(rows.table_valued(), Text))}
    return {name: rows.c[name] for name in identity_names(column_info)}


def is_row(columns: Sequence[ColumnElement[Any]], key: Sequence[str]) -> ColumnElement[bool]:
    """Compare the columns that tell rows apart with a key given as text."""
    return and_(*(c == literal(part, String()) for c, part in zip(columns, key, strict=True)))


def conditions(request: SearchRequest, rows: TableClause) -> list[ColumnElement[bool]]:
    """Make the conditions a row must meet; in an untyped column, to have the query's dimensions."""
    named: dict[str, ColumnElement[Any]] = {
        name: c for name, c in rows.c.items() if name not in _SYSTEM_COLUMNS
    }
    named[request.column.column] = type_coerce(rows.c[request.column.column], request.column.sql_type)
    clauses = [f.clause(named) for f in request.filters]
    if request.column.dimensions is None and request.column.type in {"vector", "halfvec"}:
        clauses.append(func.vector_dims(rows.c[request.column.column]) == request.query.dimensions)
    return clauses


def away(request: SearchRequest, rows: TableClause) -> ColumnElement[float]:
    """Make the distance of a row, in the form that pgvector's indexes recognise."""
    # Sent as text and cast: the server then needs no type for a parameter, which Citus cannot guess.
    vector = cast(literal(request.query.vector, String()), request.column.sql_type)
    return rows.c[request.column.column].op(request.distance.operator, return_type=Float())(vector)


def nearest(request: SearchRequest, shown: Sequence[PlainColumn]) -> Select[Any]:
    """Build the statement; it selects the identity, the other columns shown, and last the distance."""
    rows = source(request.column, (c.name for c in shown))
    marks = identity(request.column, rows)
    others = [c for c in shown if c.name not in marks]
    distance = distance_label(request.column, shown)

    inner = (
        select(
            *(mark.label(name) for name, mark in marks.items()),
            *(rows.c[c.name] for c in others),
            away(request, rows).label(distance),
        )
        .where(*conditions(request, rows))
        .order_by(distance)
        .limit(request.limit)
        .subquery("nearest")
    )

    raw = {c.name for c in shown if c.category in {"N", "B"}}
    outer = select(
        *(inner.c[name] if name in raw else cast(inner.c[name], Text).label(name) for name in marks),
        *(inner.c[c.name] if c.name in raw else _cut(inner.c[c.name]) for c in others),
        inner.c[distance],
    )
    outer = outer.where(inner.c[distance] < NAN)
    if request.query.row is not None:
        outer = outer.where(not_(is_row([inner.c[name] for name in marks], request.query.row)))
    # "+ 0": PostgreSQL 17 and later believe the inner order, which a relaxed scan does not keep.
    return outer.order_by(inner.c[distance] + 0).limit(request.k)


def _cut(value: ColumnElement[Any]) -> ColumnElement[str]:
    return func.left(cast(value, Text), SHOWN_LENGTH).label(value.name)


def distance_label(column_info: ColumnInfo, shown: Sequence[PlainColumn]) -> str:
    """Name the distance as no column beside it is named."""
    taken = {*identity_names(column_info), *(c.name for c in shown)}
    return next(label for extra in count() if (label := "distance" + "_" * extra) not in taken)
