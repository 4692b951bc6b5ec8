"""What the columns beside the vector hold: by statistics at once, exactly on request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Connection, Text, cast, func, select, text

from db.browse_sorts import sorts
from db.catalog import ColumnInfo, PlainColumn, other_columns
from db.conditions import EVERY_ROW, Condition, check, clause, columns_of
from db.errors import RequestError
from db.nearest import source
from db.tally import tally

COMMON = 8
"""Values that are told as the most common."""

_GATHERED = text("""
SELECT attname AS name, null_frac AS null_share, n_distinct AS distinct, avg_width AS average_bytes,
       COALESCE(CAST(CAST(most_common_vals AS text) AS text[]), '{}') AS common,
       COALESCE(most_common_freqs, '{}') AS shares,
       COALESCE(CAST(CAST(histogram_bounds AS text) AS text[]), '{}') AS bounds
FROM pg_stats
WHERE schemaname = :schema AND tablename = :table AND inherited = :inherited
  AND attname <> :column
""")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What ANALYZE left in pg_stats of one column; ``distinct`` below 0 is a share of the rows, negated.

    ``bounds`` part the values that are not ``common`` into groups of one size; ``shares`` (0 to 1)
    belong to ``common``.  Source: PostgreSQL documentation, "pg_stats".
    """

    name: str
    null_share: float
    distinct: float
    average_bytes: int
    common: tuple[str, ...]
    shares: tuple[float, ...]
    bounds: tuple[str, ...]

    def distinct_of(self, rows: int | None) -> int | None:
        """Tell how many values there are among ``rows``; None where that cannot be told."""
        if self.distinct > 0:
            return round(self.distinct)
        return round(-self.distinct * rows) if rows is not None and self.distinct else None


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What a column holds; shares are 0 to 1, and None stands for what nobody knows (never analyzed).

    ``distinct`` counts values, ``low`` and ``high`` are the ends as text, and ``most_common`` gives
    values with their share of the rows.
    """

    column: PlainColumn
    kind: Literal["statistics", "exact", "none"]
    null_share: float | None
    distinct: int | None
    low: str | None
    high: str | None
    average_bytes: float | None
    most_common: tuple[tuple[str, float], ...]


def gathered(connection: Connection, column: ColumnInfo) -> Mapping[str, Gathered]:
    """Read what ANALYZE found of the columns beside the vector, by name; views have nothing."""
    named = {"schema": column.schema, "table": column.table, "column": column.column}
    found = connection.execute(_GATHERED, named | {"inherited": column.kind == "partitioned table"})
    return {
        row.name: Gathered(
            row.name,
            row.null_share,
            row.distinct,
            row.average_bytes,
            tuple(row.common),
            tuple(row.shares),
            tuple(row.bounds),
        )
        for row in found
    }


def column_statistics(connection: Connection, column: ColumnInfo) -> tuple[ColumnStatistics, ...]:
    """Tell what the last ANALYZE found, for each column beside the vector."""
    known = gathered(connection, column)
    return tuple(
        _statistics(each, known.get(each.name), column.rows) for each in other_columns(connection, column)
    )


def exact_statistics(
    connection: Connection, column: ColumnInfo, name: str, where: Condition = EVERY_ROW
) -> ColumnStatistics:
    """Read every row that meets the condition for the column ``name``.

    Raises StatementTimeout where that takes too long, RequestError for a column or a condition that
    the table does not bear.
    """
    shown = other_columns(connection, column)
    check(where, shown)
    plain = next((each for each in shown if each.name == name), None)
    if plain is None:
        raise RequestError(f"There is no column {name!r} to describe.", "Choose another column.")

    rows = source(column, (each.name for each in shown))
    value, met = rows.c[name], clause(where, columns_of(column, rows))
    counts = tally(connection, rows, value, met, limit=COMMON)
    size = select(func.avg(func.pg_column_size(value))).where(met)
    low = high = None
    if name in {each.column for each in sorts(connection, column)}:
        ends = select(cast(value, Text)).where(met, value.is_not(None)).limit(1)
        low = connection.scalar(ends.order_by(value))
        high = connection.scalar(ends.order_by(value.desc()))
    return ColumnStatistics(
        plain,
        "exact",
        null_share=counts.nulls / counts.rows if counts.rows else None,
        distinct=counts.distinct,
        low=low,
        high=high,
        average_bytes=_float(connection.scalar(size)),
        most_common=tuple((text, rows / counts.rows) for text, rows in counts.values if rows > 1),
    )


def _statistics(column: PlainColumn, known: Gathered | None, rows: int | None) -> ColumnStatistics:
    if known is None:
        return ColumnStatistics(column, "none", None, None, None, None, None, ())
    low, high = _ends(column, known)
    return ColumnStatistics(
        column,
        "statistics",
        null_share=known.null_share,
        distinct=known.distinct_of(rows),
        low=low,
        high=high,
        average_bytes=known.average_bytes,
        most_common=tuple(zip(known.common, known.shares, strict=True))[:COMMON],
    )


def _ends(column: PlainColumn, known: Gathered) -> tuple[str | None, str | None]:
    """Find the ends: the bounds leave out the common values, which only some types let us compare here."""
    if not known.common:
        return (known.bounds[0], known.bounds[-1]) if known.bounds else (None, None)
    values = (*known.common, *known.bounds)
    try:
        order: Callable[[str], Any] | None = {"N": float, "D": str}.get(column.category)
        return (min(values, key=order), max(values, key=order)) if order else (None, None)
    except ValueError:  # money, and what else is a number and not written like one
        return None, None


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
