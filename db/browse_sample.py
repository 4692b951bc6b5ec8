"""A quick look at some of a table's pages: for facets and percentiles, which need no row in particular."""

from typing import cast

from sqlalchemy import TableClause, func, literal, tablesample

from db.catalog import ColumnInfo

SEED = 42

_CAN_BE_SAMPLED = frozenset({"table", "partitioned table", "materialized view"})
"""Source: PostgreSQL documentation, SELECT, "TABLESAMPLE": tables and materialized views alone."""


def sample_share(column: ColumnInfo, wanted: int) -> float | None:
    """Tell what share of the pages to draw for about ``wanted`` rows; None where none can be drawn."""
    if column.kind not in _CAN_BE_SAMPLED or column.rows is None:
        return None
    return min(1.0, wanted / max(1, column.rows))


def sampled(rows: TableClause, share: float) -> TableClause:
    """Draw a ``share`` of the pages, whole, always the same; it may be all of them."""
    if share >= 1:
        return rows
    drawn = tablesample(rows, func.system(round(100 * share, 4)), name="sampled", seed=literal(SEED))
    # Only the identity of a view's rows asks for a table by its name, and no view is ever drawn from.
    return cast(TableClause, drawn)
