"""The statements that put right what the advisor finds, with every name quoted."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, count

from sqlalchemy import Column, Index, MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from db.catalog import ColumnInfo
from db.distance import Distance
from db.forms import IndexSpec

NAME_BYTES = 63
"""Longer names are cut by PostgreSQL.  Source: NAMEDATALEN."""

_DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


def quoted(*names: str) -> str:
    """Join names with dots, quoting those that need it, reserved words too.

    >>> quoted("public", "order", "Film Reviews")
    'public."order"."Film Reviews"'
    """
    return ".".join(map(_DIALECT.identifier_preparer.quote, names))


@dataclass(frozen=True, slots=True)
class Made:
    """An index to make: its name, and the statement."""

    name: str
    sql: str


def create_index(column: ColumnInfo, spec: IndexSpec, distance: Distance) -> Made:
    """Build an index beside the others the column has, without blocking writes where that can be had."""
    form = [spec.form.kind.name] if spec.form else []
    name = _free("_".join([column.table, column.column, *form, distance.stem, spec.method.name]), column)
    made = spec.on(column.as_table(), column.column, column.type, column.dimensions or 0, distance, name=name)
    return _created(made, column)


def create_btree(column: ColumnInfo, name: str) -> Made:
    """Index the column called ``name``, by which searches are filtered."""
    rows = Table(column.table, MetaData(), Column(name), schema=column.schema)
    return _created(Index(_cut(f"{column.table}_{name}_idx"), rows.c[name]), column)


def drop_index(column: ColumnInfo, name: str) -> str:
    """Drop an index without blocking anybody where that can be had."""
    return f"DROP INDEX{_concurrently(column)} {quoted(column.schema, name)}"


def reindex(column: ColumnInfo, name: str) -> str:
    """Build an index anew without blocking writes."""
    return f"REINDEX INDEX CONCURRENTLY {quoted(column.schema, name)}"


def vacuum(column: ColumnInfo) -> str:
    """Clear away dead rows, from the indexes too."""
    return f"VACUUM (ANALYZE) {_table(column)}"


def rewrite(column: ColumnInfo) -> str:
    """Write the table anew, which blocks it meanwhile."""
    return f"VACUUM (FULL, ANALYZE) {_table(column)}"


def set_storage(column: ColumnInfo, storage: str) -> str:
    """Keep vectors written from now on as PLAIN, inside their rows, or EXTERNAL, out of line."""
    return f"{_alter(column)} ALTER COLUMN {quoted(column.column)} SET STORAGE {storage}"


def change_type(column: ColumnInfo, vector_type: str) -> str:
    """Store the column as another type of vector, which writes the table anew."""
    name, wanted = quoted(column.column), f"{vector_type}({column.dimensions})"
    return f"{_alter(column)} ALTER COLUMN {name} TYPE {wanted} USING {name}::{wanted}"


def share_out(column: ColumnInfo, workers: int) -> str:
    """Let scans and builds of the table use so many workers, whatever its size without TOAST."""
    return f"{_alter(column)} SET (parallel_workers = {workers})"


def share_as_usual(column: ColumnInfo) -> str:
    """Let the planner choose again how many workers a scan of the table uses."""
    return f"{_alter(column)} RESET (parallel_workers)"


def set_local(name: str, value: str | int) -> str:
    """Make a setting for the transaction of a search."""
    return f"SET LOCAL {name} = {value}"


def set_session(name: str, value: str) -> str:
    """Make a setting for the session of a build."""
    return f"SET {name} = '{value}'"


UPDATE_EXTENSION = "ALTER EXTENSION vector UPDATE"


def _created(index: Index, column: ColumnInfo) -> Made:
    index.dialect_options["postgresql"]["concurrently"] = bool(_concurrently(column))
    return Made(str(index.name), str(CreateIndex(index).compile(dialect=_DIALECT)).strip())


def _concurrently(column: ColumnInfo) -> str:
    """A partitioned table has its index made and dropped as a whole, or not at all."""
    return "" if column.kind == "partitioned table" else " CONCURRENTLY"


def _alter(column: ColumnInfo) -> str:
    return f"ALTER TABLE {_table(column)}"


def _table(column: ColumnInfo) -> str:
    return quoted(column.schema, column.table)


def _free(wanted: str, column: ColumnInfo) -> str:
    taken = {index.name for index in column.indexes}
    tried = chain([_cut(wanted)], (f"{_cut(wanted, 4)}_{number}" for number in count(2)))
    return next(name for name in tried if name not in taken)


def _cut(name: str, spare: int = 0) -> str:
    return name.encode()[: NAME_BYTES - spare].decode("utf-8", "ignore")
