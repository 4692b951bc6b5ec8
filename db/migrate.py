"""Bring the database to a revision, and say which revisions it has."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2 import sql
from sqlalchemy import Connection, text

from db.engine import Database, driver_cursor
from db.errors import ExtensionMissing, PermissionDenied
from db.schema import SCHEMA

SCRIPTS = Path(__file__).resolve().parents[1] / "migrations"

_EXTENSION = text("""
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS created,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS installed,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       current_database() AS database
""")


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema's history, oldest first."""

    id: str
    title: str
    applied: bool


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply every revision up to ``revision``.

    Raises ExtensionMissing when the server has no pgvector to create, PermissionDenied when the role
    may not create our schema; nothing is written then.
    """
    with database.writing("migrate") as connection:
        with connection.begin():
            _require_extension(connection)
        command.upgrade(_config(connection), revision)
    let_read(database)


def downgrade(database: Database, revision: str = "base") -> None:
    """Take back every revision after ``revision``; the extension stays, other tables may need it."""
    with database.writing("migrate") as connection:
        command.downgrade(_config(connection), revision)


def revisions(database: Database) -> tuple[Revision, ...]:
    """List every revision, and whether this database has it."""
    scripts = ScriptDirectory(str(SCRIPTS))
    # Not by the login that only reads: until it was let in, it cannot see our schema.
    with database.control("migrate") as connection:
        context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
        heads = context.get_current_heads()
    applied = {r.revision for head in heads for r in scripts.iterate_revisions(head, "base")}
    oldest_first = reversed(list(scripts.walk_revisions()))
    return tuple(Revision(s.revision, s.doc, s.revision in applied) for s in oldest_first)


def is_current(database: Database) -> bool:
    """Whether the database has every revision."""
    return all(revision.applied for revision in revisions(database))


def let_read(database: Database) -> None:
    """Let the login that only reads, where there is one, see jobs and results: pages ask through it."""
    if not database.reader:
        return
    schema, role = sql.Identifier(SCHEMA), sql.Identifier(database.reader)
    with (
        database.writing("migrate") as connection,
        connection.begin(),
        driver_cursor(connection, "GRANT") as cursor,
    ):
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, role))
        cursor.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, role))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


def _require_extension(connection: Connection) -> None:
    found = connection.execute(_EXTENSION).one()
    if not found.may_create:
        raise PermissionDenied(
            f"This role may not create a schema in the database {found.database}.",
            "Migrate as the database's owner, or GRANT CREATE ON DATABASE to this role.",
        )
    if not found.created and not found.installed:
        raise ExtensionMissing(
            "This server has no pgvector: the extension vector is not available.",
            "Install pgvector on the server (its README names the package), then run migrate again.",
        )
