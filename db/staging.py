"""Where a load grows unseen, and the one transaction that makes it the table asked for.

A staging table is ``vectorscope.load_<job>``.  Nobody else reads it, and a crash leaves it for the
job's next worker; the janitor drops those whose job is over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    column,
    func,
    insert,
    inspect,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.schema import (
    AddConstraint,
    CreateTable,
    DropTable,
    PrimaryKeyConstraint,
    SetColumnComment,
    SetTableComment,
)

from db.binary import Field
from db.notes import read_note, write_note
from db.schema import SCHEMA

_PREFIX = "load_"

BRIEF_TARGET = "10"
"""In place of 100; 300 rows are looked at for each.  Source: std_typanalyze() of PostgreSQL."""

_DESCRIBE = text("""
SELECT c.relkind AS kind, obj_description(c.oid, 'pg_class') AS comment,
       array_agg(a.attname::text ORDER BY a.attnum) AS names,
       array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = :schema AND c.relname = :table
GROUP BY c.oid
""")

_SCHEMA_EXISTS = text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :schema)")

_STAGING_TABLES = text("""
SELECT relname, substr(relname, length(:prefix) + 1)::bigint AS job FROM pg_class
WHERE relnamespace = to_regnamespace(:schema) AND relkind = 'r'
  AND relname ~ ('^' || :prefix || '[0-9]{1,18}$')
""")


@dataclass(frozen=True, slots=True)
class Existing:
    """A table that is there already: its columns as (name, type), and whether it holds rows."""

    kind: str
    """pg_class.relkind: r is a table, v a view..."""
    columns: tuple[tuple[str, str], ...]
    empty: bool
    note: Mapping[str, Any] | None
    """What Vectorscope wrote on it; None on a table it did not make."""


def schema_exists(connection: Connection, schema: str) -> bool:
    """Say whether there is such a schema."""
    return bool(connection.scalar(_SCHEMA_EXISTS, {"schema": schema}))


def describe(connection: Connection, schema: str, name: str) -> Existing | None:
    """Describe what stands under a name; None where nothing does."""
    row = connection.execute(_DESCRIBE, {"schema": schema, "table": name}).one_or_none()
    if row is None:
        return None
    rows = select(literal(1)).select_from(table(name, schema=schema))
    return Existing(
        row.kind,
        tuple(zip(row.names, row.types, strict=True)),
        row.kind != "r" or not connection.scalar(select(rows.exists())),
        read_note(row.comment),
    )


def staging_table(job: int, fields: Sequence[Field]) -> Table:
    """Make the Table of a job's load; the first field will be its key."""
    key, *others = fields
    return Table(
        f"{_PREFIX}{job}",
        MetaData(schema=SCHEMA),
        Column(key.name, key.kind.sql, nullable=False, autoincrement=False),
        *(Column(field.name, field.kind.sql) for field in others),
    )


def exists(connection: Connection, staging: Table) -> bool:
    """Say whether the table is there."""
    return inspect(connection).has_table(staging.name, staging.schema)


def create_staging(connection: Connection, staging: Table) -> None:
    """Create the table, empty; what an earlier attempt left under its name is dropped."""
    drop_staging(connection, staging)
    connection.execute(CreateTable(staging))


def drop_staging(connection: Connection, staging: Table) -> None:
    """Drop the table, if it is there."""
    connection.execute(DropTable(staging, if_exists=True))


def sweep(connection: Connection, active: Collection[int]) -> None:
    """Drop the staging tables of every job but the ``active`` ones."""
    for name, job in connection.execute(_STAGING_TABLES, {"schema": SCHEMA, "prefix": _PREFIX}).all():
        if job not in active:
            connection.execute(DropTable(Table(name, MetaData(schema=SCHEMA)), if_exists=True))


def add_key(connection: Connection, staging: Table) -> None:
    """Build the primary key, on the first column, while nobody waits for the table."""
    key = PrimaryKeyConstraint(next(iter(staging.columns)), name=f"{_in_passing(staging)}_pkey")
    connection.execute(AddConstraint(key))


def publish_as_new(connection: Connection, staging: Table, schema: str, name: str) -> None:
    """Give the staging table, with its key, its place and name; nothing may stand under that name."""
    passing, key = _in_passing(staging), f"{name}_pkey"
    steps = [
        ("ALTER TABLE {} RENAME TO {}", (SCHEMA, staging.name), passing),
        ("ALTER TABLE {} SET SCHEMA {}", (SCHEMA, passing), schema),
        ("ALTER TABLE {} RENAME TO {}", (schema, passing), name),
    ]
    if len(key.encode()) <= 63 and not describe(connection, schema, key):
        steps.append(("ALTER INDEX {} RENAME TO {}", (schema, f"{passing}_pkey"), key))
    for statement, subject, to in steps:
        _run(connection, sql.SQL(statement).format(sql.Identifier(*subject), sql.Identifier(to)))


def _in_passing(staging: Table) -> str:
    """Name the table while it moves: neither our schema nor the target's has anything of that name."""
    return f"{SCHEMA}_{staging.name}"


def publish_into(connection: Connection, staging: Table, schema: str, name: str) -> None:
    """Copy the staging table into an empty table that has its columns, and drop it."""
    names = [c.name for c in staging.columns]
    target = table(name, *(column(n) for n in names), schema=schema)
    connection.execute(insert(target).from_select(names, select(staging)))
    drop_staging(connection, staging)


def drop_table(connection: Connection, schema: str, name: str) -> None:
    """Drop a table with its indexes; what depends on it (a view, a foreign key) prevents that."""
    connection.execute(DropTable(Table(name, MetaData(), schema=schema)))


def annotate(
    connection: Connection,
    schema: str,
    name: str,
    note: Mapping[str, Any],
    columns: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write on a table how it was made, and on each of ``columns`` what made its values."""
    target = Table(
        name,
        MetaData(),
        *(Column(n, comment=write_note(facts)) for n, facts in columns.items()),
        schema=schema,
        comment=write_note(note),
    )
    connection.execute(SetTableComment(target))
    for annotated in target.columns:
        connection.execute(SetColumnComment(annotated))


def analyze(connection: Connection, schema: str, name: str, *, briefly: bool = False) -> None:
    """Let the planner count the rows, and look at the values of 30,000; ``briefly`` of a tenth of them.

    For the rest of the transaction an ANALYZE is then brief.
    """
    if briefly:
        connection.execute(select(func.set_config("default_statistics_target", BRIEF_TARGET, True)))
    _run(connection, sql.SQL("ANALYZE {}").format(sql.Identifier(schema, name)))


def _run(connection: Connection, statement: sql.Composed) -> None:
    """Run what Core has no construct for; without parameters, so that a % in a name stays one."""
    driver: Any = connection.connection.driver_connection
    connection.exec_driver_sql(statement.as_string(driver), execution_options={"no_parameters": True})
