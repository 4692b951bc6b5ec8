"""What an import asks the server beforehand, and the statements that put its rows into the table.

Values travel as text where the table's type is not one of ours: PostgreSQL then reads them itself, and
its own verdict is asked for before anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2 import sql
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
    table,
    text,
)
from sqlalchemy import column as named
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.schema import CreateTable, SetColumnComment
from sqlalchemy.types import UserDefinedType

from db.binary import Field
from db.engine import driver_cursor
from db.notes import read_note, write_note
from db.targets import Target
from db.write_grants import owns

SOFT_ERRORS = 160_000
"""server_version_num of the first PostgreSQL that tells whether a text is a type's input without failing."""

_VERSION = text("SELECT current_setting('server_version_num')")
_INVALID = text("""
SELECT given.place, (pg_input_error_info(given.value, :type)).message
FROM unnest(CAST(:texts AS text[])) WITH ORDINALITY AS given (value, place)
WHERE NOT pg_input_is_valid(given.value, :type)
""")


_KNOWS_IMPORTS = text("""
SELECT EXISTS (
  SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'vectorscope' AND c.relname = 'audit_log'
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
""")
_IMPORTED = text("""
SELECT at, COALESCE((detail ->> 'rows')::bigint, 0) AS rows FROM vectorscope.audit_log
WHERE action = 'import' AND object = :table AND detail ->> 'sha256' = :sha256
ORDER BY id DESC LIMIT 1
""")
_RULES = text("""
SELECT pg_get_constraintdef(c.oid) AS text,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
FROM pg_constraint c
WHERE c.conrelid = :oid AND c.contype IN ('c', 'f', 'u', 'x') ORDER BY c.contype, c.conname
""")


class _Spelled(UserDefinedType[Any]):
    """A type by the name format_type() gave it."""

    cache_ok = True

    def __init__(self, spelling: str) -> None:
        self.spelling = spelling

    def get_col_spec(self, **_: Any) -> str:
        return self.spelling.replace("%", "%%")  # psycopg2 halves it


def existing_keys(
    connection: Connection, target: Target, key: Sequence[str], values: Sequence[Sequence[str]]
) -> list[int]:
    """Say which of the keys are in the table: their places in ``values``, from 0.

    ``values`` holds one sequence for each column of ``key``, all of one length, as text.
    """
    given = _unnested(values)
    stored = table(target.name, *map(named, key), schema=target.schema)
    same = [
        stored.c[name] == cast(given.c[f"v{n}"], _Spelled(_type(target, name))) for n, name in enumerate(key)
    ]
    found = select(given.c.place).where(select(1).select_from(stored).where(*same).exists())
    return [int(place) - 1 for place in connection.execute(found).scalars()]


def invalid_texts(connection: Connection, type_name: str, values: Sequence[str]) -> dict[int, str]:
    """Say which texts are no value of a type, and why: by their places in ``values``, from 0.

    A server before PostgreSQL 16 cannot tell without failing; there nothing is found.
    """
    if int(connection.execute(_VERSION).scalar_one()) < SOFT_ERRORS:
        return {}
    asked = {"type": type_name, "texts": _array_literal(values)}
    return {int(place) - 1: str(message) for place, message in connection.execute(_INVALID, asked)}


@dataclass(frozen=True, slots=True)
class Before:
    """An import that was: when, and how many rows it brought."""

    at: datetime
    rows: int


def imported_before(connection: Connection, table: str, sha256: str) -> Before | None:
    """Find the last import of a file into a table; None where there was none, or it cannot be known."""
    if not connection.scalar(_KNOWS_IMPORTS):
        return None
    row = connection.execute(_IMPORTED, {"table": table, "sha256": sha256}).one_or_none()
    return Before(row.at, row.rows) if row else None


@dataclass(frozen=True, slots=True)
class Rule:
    """A constraint of a table, as pg_get_constraintdef() writes it, and the columns it is about."""

    text: str
    columns: frozenset[str]


def rules_of(connection: Connection, target: Target) -> tuple[Rule, ...]:
    """List the constraints of a table that nobody but the table looks at: CHECK, FOREIGN KEY, UNIQUE..."""
    found = connection.execute(_RULES, {"oid": target.oid})
    return tuple(Rule(row.text, frozenset(row.columns)) for row in found)


def _unnested(values: Sequence[Sequence[str]]) -> Any:
    """Make a table of columns v0, v1... with the ``place`` of each row, from 1."""
    # One literal each: a parameter for every value would take longer to send than to look up.
    arrays = [cast(bindparam(None, _array_literal(texts)), ARRAY(Text)) for texts in values]
    names = [f"v{n}" for n in range(len(values))]
    return func.unnest(*arrays).table_valued(*names, with_ordinality="place").render_derived()


def _array_literal(texts: Sequence[str]) -> str:
    r"""Write texts as PostgreSQL's array input.

    >>> _array_literal(['a', 'say "b"', 'back\\slash'])
    '{"a","say \\"b\\"","back\\\\slash"}'
    """
    quoted = (t.replace("\\", "\\\\").replace('"', '\\"') for t in texts)
    return "{" + ",".join(f'"{t}"' for t in quoted) + "}"


def _type(target: Target, name: str) -> str:
    column = target.column(name)
    assert column is not None
    return column.type


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the staged rows."""

    inserted: int
    updated: int


def merge(
    connection: Connection,
    staging: Table,
    target: Target,
    columns: Sequence[str],
    *,
    key: Sequence[str],
    mode: str,
) -> Merged:
    """Put the staged rows into the table, in the order of the staging table's first column.

    ``mode`` is insert, update or skip: what becomes of a row whose ``key`` is there already.
    """
    into = Table(target.name, MetaData(), *(Column(name) for name in columns), schema=target.schema)
    rows = select(*(_read_as(target, staging, name) for name in columns)).order_by(next(iter(staging.c)))
    statement = insert(into).from_select(list(columns), rows)
    values = {name: statement.excluded[name] for name in columns if name not in key}
    if mode == "update" and values:
        known = _count_known(connection, staging, target, key)
        result = connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
        return Merged(result.rowcount - known, known)
    if mode != "insert":
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    return Merged(connection.execute(statement).rowcount, 0)


def count_lacking(connection: Connection, staging: Table, target: Target, key: Sequence[str]) -> int:
    """Count the staged rows whose ``key`` is whole, and not in the table."""
    stored = table(target.name, *map(named, key), schema=target.schema)
    same = [stored.c[name] == _read_as(target, staging, name) for name in key]
    whole = [staging.c[name].is_not(None) for name in key]
    there = select(1).select_from(stored).where(*same).exists()
    lacking = select(func.count()).select_from(staging).where(*whole, ~there)
    return int(connection.execute(lacking).scalar_one())


def _count_known(connection: Connection, staging: Table, target: Target, key: Sequence[str]) -> int:
    stored = table(target.name, *map(named, key), schema=target.schema)
    same = [stored.c[name] == _read_as(target, staging, name) for name in key]
    known = (
        select(func.count()).select_from(staging).where(select(1).select_from(stored).where(*same).exists())
    )
    return int(connection.execute(known).scalar_one())


def _read_as(target: Target, staging: Table, name: str) -> ColumnElement[Any]:
    """Read a staged value as the table's type."""
    spelling = _type(target, name)
    # A cast would cut what is too long; an assignment refuses it, but knows no way from text to an array.
    if spelling.startswith("character") and not spelling.endswith("[]"):
        return staging.c[name]
    return cast(staging.c[name], _Spelled(spelling))


def create_keyed(connection: Connection, schema: str, name: str, fields: Sequence[Field]) -> None:
    """Create a table; its first column is the key."""
    key, *others = fields
    made = Table(
        name,
        MetaData(schema=schema),
        Column(key.name, key.kind.sql, primary_key=True, autoincrement=False),
        *(Column(field.name, field.kind.sql) for field in others),
    )
    connection.execute(CreateTable(made))


def hold_shape(connection: Connection, schema: str, name: str) -> None:
    """Let nobody alter the table before the caller's transaction ends; rows may still come and go."""
    _run(connection, sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(sql.Identifier(schema, name)))


def number_from(connection: Connection, schema: str, name: str, column: str, first: int) -> None:
    """Let a key that was filled by hand go on by itself from ``first``."""
    _run(
        connection,
        sql.SQL("ALTER TABLE {} ALTER COLUMN {} ADD GENERATED BY DEFAULT AS IDENTITY (START WITH {})").format(
            sql.Identifier(schema, name), sql.Identifier(column), sql.Literal(first)
        ),
    )


def note_embedding(connection: Connection, target: Target, column: str, facts: Mapping[str, Any]) -> None:
    """Write on a column what made its values, where that may be done and nobody wrote something else."""
    there = target.column(column)
    if there is None or (there.comment and read_note(there.comment) is None):
        return
    if read_note(there.comment) == facts:
        return  # writing it again would lock the table for nothing
    if not owns(connection, target):
        return
    noted = Table(target.name, MetaData(), Column(column, comment=write_note(facts)), schema=target.schema)
    connection.execute(SetColumnComment(noted.c[column]))


def _run(connection: Connection, statement: sql.Composed) -> None:
    """Run what Core has no construct for; without parameters, so that a % in a name stays one."""
    with driver_cursor(connection, "import") as cursor:
        cursor.execute(statement)
