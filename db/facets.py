"""What values a column has and how often: from the planner's statistics, a sample, or every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, TableClause

from db.catalog import ColumnInfo, PlainColumn, other_columns
from db.column_statistics import Gathered, gathered
from db.conditions import EVERY_ROW, Condition
from db.facet_look import TOO_LONG, Kind, Level, Look
from db.filters import Filter
from db.histograms import Bin, Histogram, histogram, scale_of
from db.norms import VectorState, norm, state
from db.tally import tally

__all__ = [
    "Bin",
    "Facet",
    "Facetable",
    "Histogram",
    "Kind",
    "Level",
    "facetable",
    "facets",
    "histogram",
    "vector_facet",
    "vector_filter",
]

TOP = 8
"""Values that a facet tells."""

MOST_VALUES = 1_000
LONGEST_BYTES = 100
"""A text with more values, or longer ones on average, is prose or a name: nothing to choose by."""

_BOOLEANS = {"t": "true", "f": "false"}
"""As pg_stats spells them, and as a cast to text does."""

Form = Literal["values", "histogram"]


@dataclass(frozen=True, slots=True)
class Facet:
    """The commonest values of a column, each with its rows (about, unless ``kind`` is exact), as text.

    ``others`` are rows of further values.  ``sampled_share`` (0 to 1) and ``sampled_rows`` tell what a
    sample read; the rows are scaled up already.  ``note`` is a sentence for the reader where this is
    less than was asked for.
    """

    column: str
    values: tuple[tuple[str, int], ...]
    others: int
    nulls: int
    kind: Kind
    sampled_share: float | None
    sampled_rows: int | None
    elapsed_ms: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facetable:
    """A column worth a facet, and which: by ``values``, or a ``histogram``."""

    column: PlainColumn
    form: Form


def facetable(connection: Connection, column: ColumnInfo) -> tuple[Facetable, ...]:
    """Choose the columns that deserve a facet: neither key nor prose nor JSON."""
    known = gathered(connection, column)
    forms = (
        Facetable(each, form)
        for each in other_columns(connection, column)
        if each.name not in column.key and (form := _form(each, known.get(each.name), column.rows))
    )
    return tuple(forms)


def facets(
    connection: Connection,
    column: ColumnInfo,
    where: Condition,
    names: Sequence[str],
    *,
    level: Level = "statistics",
) -> tuple[Facet, ...]:
    """Tell the commonest values of each column named, from ``level`` or, where that cannot tell, the next.

    Raises RequestError for a column or a condition that the table does not bear.
    """
    look = Look.at(connection, column, where)
    known = gathered(connection, column) if level == "statistics" and where == EVERY_ROW else {}
    return tuple(_facet(look, name, known.get(name), level) for name in names)


def vector_facet(
    connection: Connection, column: ColumnInfo, where: Condition, *, level: Level = "sample"
) -> Facet:
    """Tell how many vectors are ok, null and zero: its three values, in this order.

    Raises RequestError for a condition that the table does not bear.
    """
    look = Look.at(connection, column, where)

    def states(rows: TableClause) -> ColumnElement[Any]:
        return state(norm(rows.c[column.column], column.type))

    facet = _counted_facet(look, column.column, states, level)
    if facet.kind == "none":
        return facet
    counts = dict(facet.values)
    return replace(facet, values=tuple((word, counts.get(word, 0)) for word in get_args(VectorState)))


def vector_filter(column: ColumnInfo, state: VectorState) -> Filter:
    """Make the filter that keeps the vectors of one value of ``vector_facet``."""
    if state == "null":
        return Filter(column.column, "is null")
    return Filter(column.column, "=" if state == "zero" else ">", "0", ("norm",))


def _facet(look: Look, name: str, known: Gathered | None, level: Level) -> Facet:
    plain = look.named(name)
    if known and look.column.rows is not None:
        return _told_facet(plain, known, look.column.rows)
    return _counted_facet(look, name, lambda rows: rows.c[name], level)


def _told_facet(column: PlainColumn, known: Gathered, rows: int) -> Facet:
    """Tell what ANALYZE found."""
    values = tuple(
        (_BOOLEANS.get(value, value) if column.category == "B" else value, round(share * rows))
        for value, share in zip(known.common[:TOP], known.shares[:TOP], strict=True)
    )
    nulls = round(known.null_share * rows)
    others = max(0, rows - nulls - sum(count for _, count in values))
    return Facet(known.name, values, others, nulls, "statistics", None, None, 0.0)


def _counted_facet(
    look: Look, name: str, value: Callable[[TableClause], ColumnElement[Any]], level: Level
) -> Facet:
    """Count the values in a sample, or in all rows."""
    started, share = perf_counter(), look.share(level)
    rows = look.rows(share)
    found = look.within(level, lambda: tally(look.connection, rows, value(rows), look.met(rows), limit=TOP))
    elapsed_ms = (perf_counter() - started) * 1000
    if found is None:
        return Facet(name, (), 0, 0, "none", None, None, elapsed_ms, TOO_LONG)
    scale = look.scale(share, found.rows)
    values = tuple((text, round(count * scale)) for text, count in found.values)
    told = sum(count for _, count in found.values)
    return Facet(
        column=name,
        values=values,
        others=round((found.rows - found.nulls - told) * scale),
        nulls=round(found.nulls * scale),
        kind="exact" if share >= 1 else "sample",
        sampled_share=share,
        sampled_rows=found.rows,
        elapsed_ms=elapsed_ms,
    )


def _form(column: PlainColumn, known: Gathered | None, rows: int | None) -> Form | None:
    distinct = known.distinct_of(rows) if known else None
    if column.category in {"B", "E"}:
        return "values"
    if column.category == "S":
        # Of a view nothing is known; a look at it tells.
        few = distinct is None or (distinct <= MOST_VALUES and distinct <= (rows or 0) / 2)
        return "values" if few and (known is None or known.average_bytes <= LONGEST_BYTES) else None
    if scale_of(column.type):
        return "values" if distinct is not None and distinct <= TOP else "histogram"
    return None
