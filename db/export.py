"""Rows on their way out: whole values, streamed, and counted by the statement that reads them.

The count stands beside the rows as a scalar subquery.  It is of the same snapshot, so that what was
written can be held against it, whatever others write meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    TableClause,
    Text,
    cast,
    extract,
    func,
    literal,
    not_,
    or_,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from db.browse import Sort
from db.catalog import ColumnInfo
from db.conditions import EVERY_ROW, Condition, clause, columns_of
from db.errors import RequestError, StatementTimeout
from db.export_columns import ExportedColumn, Form, exported_columns, value_of
from db.keys import key_text
from db.nearest import identity, identity_names, is_row, source
from db.savepoint import refused_with, within

MAX_KEYS = 20_000
"""Rows that can be named one by one; a statement of more takes longer to plan than to run."""

NAMED, CHECKED_KEYS = 5, 1_000
"""Keys without a row that are told, and how many are looked up to find them."""

COUNT_TIMEOUT_MS = 2_000
"""What a reader waits to learn how many rows there will be."""

BATCH_BYTES, BATCH_ROWS = 4 << 20, 1_000
"""About what one round trip carries, and no more rows where nobody knows how long theirs are."""

_OUT_OF_RANGE = ("22003", "0A000")
"""What PostgreSQL answers where a number is too large for its type, or infinite.

Source: PostgreSQL documentation, Appendix A, "PostgreSQL Error Codes"; numeric.c, numericvar_to_int64.
"""

_LAST_YEAR = 294_246
"""The last whole one that 64 bits of microseconds since 1970 hold; PostgreSQL's times go on for 30 more."""

_SPELLING = text("""
SELECT set_config('datestyle', 'ISO, YMD', true), set_config('timezone', 'UTC', true),
       set_config('intervalstyle', 'postgres', true), set_config('bytea_output', 'hex', true),
       set_config('extra_float_digits', '1', true)
""")
"""The same values are spelled the same, whatever the role or the server prefers.

An ``extra_float_digits`` of 1 gives every float its shortest text that is read back as the same bits.
"""

_NO_TIMEOUT = text("SELECT set_config('statement_timeout', '0', true)")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a column's table, and in what order.

    ``keys`` names rows one by one, each by the text of its key's parts; ``limit`` cuts the rest off.
    Without ``sort`` rows come by their key, where there is one.
    """

    column: ColumnInfo
    where: Condition = EVERY_ROW
    keys: tuple[tuple[str, ...], ...] | None = None
    sort: Sort | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.keys is not None and not 1 <= len(self.keys) <= MAX_KEYS:
            raise RequestError(
                f"{len(self.keys):,} rows are named, which is outside 1 to {MAX_KEYS:,}.",
                "Name fewer, or describe them by a filter.",
            )
        names = identity_names(self.column)
        if wrong := next((key for key in self.keys or () if len(key) != len(names)), None):
            raise RequestError(
                f"{', '.join(wrong)[:80]!r} is not a key of {self.column.schema}.{self.column.table}.",
                f"Its key is {', '.join(names)}: give {len(names)} values.",
            )
        if self.limit is not None and self.limit < 1:
            raise RequestError(f"A limit of {self.limit:,} rows leaves none.", "Ask for 1 row or more.")


def count_up_to(connection: Connection, selection: Selection, most: int) -> int | None:
    """Count the rows, and no further than ``most``; None where that takes over COUNT_TIMEOUT_MS."""
    rows = _source(selection, exported_columns(connection, selection.column))
    found = select(literal(1)).select_from(rows).where(*_conditions(selection, rows)).limit(most)
    with suppress(StatementTimeout), within(connection, COUNT_TIMEOUT_MS):
        return int(connection.execute(select(func.count()).select_from(found.subquery())).scalar_one())
    return None


def stream(
    connection: Connection,
    selection: Selection,
    columns: Sequence[ExportedColumn],
    form: Form,
    *,
    patient: bool = False,
) -> Iterator[tuple[int, Sequence[Row[Any]]]]:
    """Read the rows through a cursor on the server: batches, each with the count of all there are.

    A row holds the values in the order of ``columns``.  Memory is one batch.  ``patient`` lifts the
    connection's statement_timeout: for a job, or a person at a terminal.

    Raises RequestError for a date or time that ``native`` cannot express.
    """
    connection.execute(_SPELLING)
    if patient:
        connection.execute(_NO_TIMEOUT)
    rows = _source(selection, columns)
    total = select(func.count()).select_from(rows).where(*_conditions(selection, rows))
    values = [value_of(rows.c[c.name], c, form).label(f"value_{place}") for place, c in enumerate(columns)]
    statement = _ordered(select(*values, total.correlate(None).scalar_subquery()), selection, rows)
    try:
        with connection.begin_nested():  # outlives a refusal: the value refused is looked for
            result = connection.execute(
                statement, execution_options={"yield_per": _batch_rows(selection.column, columns)}
            )
            for batch in result.partitions():
                yield batch[0][-1], batch
    except DBAPIError as error:
        if form == "native" and refused_with(error, *_OUT_OF_RANGE):
            found = _out_of_range(connection, selection, columns)
            raise RequestError(
                f"{found or 'A date or time'} lies beyond what a typed file can hold, such as infinity.",
                "Export as CSV or JSON Lines, which spell it as PostgreSQL does.",
            ) from error
        raise


def _out_of_range(
    connection: Connection, selection: Selection, columns: Sequence[ExportedColumn]
) -> str | None:
    """Name the first date or time found that ``native`` cannot express, with its column."""
    rows = _source(selection, columns)
    for column in columns:
        if column.native not in {"date", "timestamp", "timestamptz"}:
            continue
        value = rows.c[column.name]
        beyond = not_(func.isfinite(value))
        if column.native != "date":
            beyond = or_(beyond, extract("year", value) > _LAST_YEAR)
        found = select(cast(value, Text)).select_from(rows).where(*_conditions(selection, rows), beyond)
        with suppress(StatementTimeout), within(connection, COUNT_TIMEOUT_MS):
            if told := connection.execute(found.limit(1)).scalar():
                return f"{told} in the column {column.name!r}"
    return None


def not_found(connection: Connection, selection: Selection, most: int = NAMED) -> tuple[str, ...]:
    """Spell the first keys named that no row has, or none that meets the condition; up to ``most``.

    They are looked up one by one, as texts of one key may differ (``7``, ``07``): the first CHECKED_KEYS.
    """
    rows = _source(selection, ())
    absent: list[str] = []
    for key in (selection.keys or ())[:CHECKED_KEYS]:
        lone = _conditions(replace(selection, keys=(key,)), rows)
        if connection.execute(select(literal(1)).select_from(rows).where(*lone).limit(1)).first() is None:
            absent.append(key_text(key))
        if len(absent) == most:
            break
    return tuple(absent)


def as_sql(connection: Connection, selection: Selection, columns: Sequence[ExportedColumn]) -> str:
    """Write the rows' statement with its values in it, to be run as it is."""
    return _literally(connection, _plain(selection, columns))


def psql_copy(
    connection: Connection, selection: Selection, columns: Sequence[ExportedColumn], file: str
) -> str:
    """Write psql's command that copies the same rows, as they are, into a CSV file on its side."""
    statement = _plain(selection, columns)
    query = _literally(connection, statement)
    name = file.replace("'", "''")
    names = [*(c.name for c in columns), selection.column.schema, selection.column.table]
    if any("\n" in str(value) for value in (*statement.compile().params.values(), *names)):
        # \copy ends with its line; this form does not.
        return f"COPY (\n{query}\n) TO STDOUT WITH (FORMAT csv, HEADER) \\g '{name}'"
    return f"\\copy ({' '.join(query.split(chr(10)))}) TO '{name}' WITH (FORMAT csv, HEADER)"


def _plain(selection: Selection, columns: Sequence[ExportedColumn]) -> Select[Any]:
    rows = _source(selection, columns)
    return _ordered(select(*(rows.c[c.name] for c in columns)), selection, rows)


def _literally(connection: Connection, statement: Select[Any]) -> str:
    sent = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    # What is compiled for psycopg2 holds each percent sign twice.
    return str(sent) % ()


def _source(selection: Selection, columns: Sequence[ExportedColumn]) -> TableClause:
    return source(selection.column, (column.name for column in columns))


def _ordered(statement: Select[Any], selection: Selection, rows: TableClause) -> Select[Any]:
    marks = [rows.c[name] for name in selection.column.key]
    order: list[ColumnElement[Any]] = list(marks)
    if selection.sort:
        if (by := rows.c.get(selection.sort.column)) is None:
            raise RequestError(
                f"There is no column {selection.sort.column!r} to sort by.", "Sort by another column."
            )
        # As a page shows them: rows without a value come last either way.
        order = [
            (by.desc() if selection.sort.descending else by.asc()).nulls_last(),
            *(mark.desc() if selection.sort.descending else mark for mark in marks if mark is not by),
        ]
    found = statement.where(*_conditions(selection, rows)).order_by(*order)
    return found if selection.limit is None else found.limit(selection.limit)


def _conditions(selection: Selection, rows: TableClause) -> list[ColumnElement[bool]]:
    everything = selection.where == EVERY_ROW
    clauses = [] if everything else [clause(selection.where, columns_of(selection.column, rows))]
    if selection.keys is not None:
        clauses.append(_among(list(identity(selection.column, rows).values()), selection.keys))
    return clauses


def _among(marks: Sequence[ColumnElement[Any]], keys: Sequence[tuple[str, ...]]) -> ColumnElement[bool]:
    if len(marks) == 1:
        return marks[0].in_([literal(key[0], String()) for key in keys])
    return or_(*(is_row(marks, key) for key in keys))


def _batch_rows(column: ColumnInfo, columns: Sequence[ExportedColumn]) -> int:
    """Choose how many rows one round trip carries, by what a row takes in the table and as digits."""
    stored_bytes = column.size_bytes / column.rows if column.rows else 0
    digits_bytes = 12 * sum(c.numbers for c in columns)
    return max(1, min(BATCH_ROWS, round(BATCH_BYTES / (1 + 3 * stored_bytes + digits_bytes))))
