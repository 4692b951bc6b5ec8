"""How facets look at a table: at all rows that meet a condition, or at a sample, within a time box."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

from sqlalchemy import ColumnElement, Connection, TableClause, select

from db.browse_sample import sample_share, sampled
from db.catalog import ColumnInfo, PlainColumn, other_columns
from db.conditions import EVERY_ROW, Condition, check, clause, columns_of
from db.errors import RequestError, StatementTimeout
from db.explain import explain
from db.nearest import source
from db.savepoint import within

Level = Literal["statistics", "sample", "exact"]
Kind = Literal["statistics", "sample", "exact", "none"]
"""How a facet was got; none: it took too long, and ``note`` says so."""

TIME_BOX_MS = 200
TOO_LONG = f"Nothing was found within {TIME_BOX_MS} ms: ask for it exactly."

SAMPLE_ROWS = 50_000
"""Drawn in some tens of milliseconds; a value's share is right to half a per cent."""

LEAST_ROWS = 5_000
SAMPLE_BYTES = 32 * 2**20
"""Wide rows are drawn down to LEAST_ROWS: reading their pages is what takes time."""

QUICK_COST = 10_000
"""Up to this planner's cost all rows are read: some 50 ms."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at, and how: all rows of a table that meet a condition, or a sample of them."""

    connection: Connection
    column: ColumnInfo
    where: Condition
    shown: tuple[PlainColumn, ...]

    @classmethod
    def at(cls, connection: Connection, column: ColumnInfo, where: Condition) -> Look:
        """Look at a table.  Raises RequestError for a condition that it does not bear."""
        shown = other_columns(connection, column)
        check(where, shown)
        return cls(connection, column, where, shown)

    def share(self, level: Level) -> float:
        """Tell what share of the pages to read: all where that is quick, or where none can be drawn."""
        drawn = sample_share(self.column, _sample_rows(self.column))
        if level == "exact" or drawn is None or drawn == 1 or self._is_quick():
            return 1.0
        return drawn

    def _is_quick(self) -> bool:
        """Whether an index leads to the rows that meet the condition."""
        if self.where == EVERY_ROW:
            return False
        rows = self.rows(1.0)
        plan = explain(self.connection, select(rows.c[self.column.column]).where(self.met(rows)))
        return bool(plan.document["Plan"]["Total Cost"] <= QUICK_COST)

    def within(self, level: Level, ask: Callable[[], T]) -> T | None:
        """Ask within the time box, which what is asked exactly has not; None where it is over first."""
        if level == "exact":
            return ask()
        with suppress(StatementTimeout), within(self.connection, TIME_BOX_MS):
            return ask()
        return None

    def rows(self, share: float) -> TableClause:
        """Name the rows, or a sample of them."""
        return sampled(source(self.column, (c.name for c in self.shown)), share)

    def met(self, rows: TableClause) -> ColumnElement[bool]:
        """Make the condition on them."""
        return clause(self.where, columns_of(self.column, rows))

    def scale(self, share: float, rows: int) -> float:
        """Tell how many rows one row of the sample stands for."""
        if share >= 1:
            return 1
        # The pages drawn hold more or fewer rows than their share; here the whole is known.
        return (self.column.rows or 0) / rows if self.where == EVERY_ROW and rows else 1 / share

    def named(self, name: str) -> PlainColumn:
        """Find a column by name.  Raises RequestError for one that is not there."""
        if found := next((c for c in self.shown if c.name == name), None):
            return found
        raise RequestError(f"There is no column {name!r} to count by.", "Choose another column.")


def _sample_rows(column: ColumnInfo) -> int:
    """Tell how many rows to draw: fewer where they are wide, as pages are what takes time."""
    row_bytes = column.size_bytes / max(1, column.rows or 0)
    return round(min(SAMPLE_ROWS, max(LEAST_ROWS, SAMPLE_BYTES / max(1.0, row_bytes))))
