"""The index to build on a column, where one is called for.

Source of the sizes at which m and ef_construction rise: measurements at recall 0.99 published by Supabase
for 384 to 1,536 dimensions; half precision costs no recall that a benchmark here could tell from noise.
"""

from __future__ import annotations

from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import NOTHING_TO_DO, Build, Remedy
from db.catalog import ColumnInfo
from db.distance import Distance
from db.errors import RequestError
from db.forms import FORMS, Form, IndexSpec
from db.indexes import Hnsw
from db.remedies import create_index, drop_index

LARGE_ROWS, LARGE = 1_000_000, Hnsw(m=24, ef_construction=100)

HALF, BITS = Form(FORMS["halfvec"]), Form(FORMS["bit"], candidates=100)

PER_ROW = 10_000
"""Rows to forecast a size for, so that what one takes can be told."""


def bytes_per_row(spec: IndexSpec, column: ColumnInfo) -> float:
    """Forecast what one row of the column takes in an index, in bytes."""
    return spec.size_forecast_bytes(PER_ROW, column.type, column.dimensions or 0) / PER_ROW


def proposed(column: ColumnInfo, distance: Distance, rows: int) -> IndexSpec | None:
    """Choose an index for a column; None where none can be built on it.

    It holds half precision where this spares over half the pages, and bits where nothing larger fits.
    """
    method = LARGE if rows >= LARGE_ROWS else Hnsw()
    for form in _forms(column, method):
        spec = IndexSpec(method, form)
        if column.dimensions and _fits(spec, column, distance):
            return spec
    return None


def build(facts: Facts, distance: Distance, remark: str = "") -> Remedy:
    """Make the remedy that builds the proposed index; nothing where none can be built."""
    spec = proposed(facts.column, distance, facts.rows)
    if spec is None or not facts.can_hold_index:
        return NOTHING_TO_DO
    return adding(facts.column, spec, distance, remark)


def adding(column: ColumnInfo, spec: IndexSpec, distance: Distance, remark: str = "") -> Remedy:
    """Make the remedy that builds an index, and its undoing."""
    made = create_index(column, spec, distance)
    undo = (drop_index(column, made.name),)
    return Remedy((made.sql,), undo, outside=True, remark=remark, build=_build(spec, distance))


def replacing(facts: Facts, old: str, spec: IndexSpec, distance: Distance, remark: str = "") -> Remedy:
    """Make the remedy that builds an index and drops the one in its place, and its undoing."""
    column = facts.column
    made = create_index(column, spec, distance)
    return Remedy(
        (made.sql, drop_index(column, old)),
        (facts.uses[old].definition, drop_index(column, made.name)),
        outside=True,
        remark=remark,
        build=_build(spec, distance),
    )


def _build(spec: IndexSpec, distance: Distance) -> Build:
    return Build(str(spec), distance.stem)


def _forms(column: ColumnInfo, method: Hnsw) -> tuple[Form | None, ...]:
    if column.type == "vector" and is_wasteful(column, method):
        return (HALF, None, BITS)
    return (None, HALF, BITS)


def is_wasteful(column: ColumnInfo, method: Hnsw) -> bool:
    """Tell whether pages hold so few rows that half precision makes the index far less than half as large."""
    whole, half = (bytes_per_row(IndexSpec(method, form), column) for form in (None, HALF))
    return whole > 2.2 * half or whole >= 2 * 8192


def _fits(spec: IndexSpec, column: ColumnInfo, distance: Distance) -> bool:
    try:
        spec.check(column.type, column.dimensions or 0, distance)
    except RequestError:
        return False
    return True
