"""Alembic's entry: runs the revisions on the connection db/migrate.py hands over, or on DATABASE_URL."""

from alembic import context
from sqlalchemy import Connection, func, select
from sqlalchemy.schema import CreateSchema

from db.claims import LOCKS
from db.engine import Database
from db.schema import SCHEMA, metadata


def migrate(connection: Connection) -> None:
    """Run the revisions in one transaction; the version table lives in our schema, so that comes first."""
    with connection.begin():
        # Two first starts at once: the second waits, and then has nothing to do.
        connection.execute(select(func.pg_advisory_xact_lock(LOCKS - 1)))
        connection.execute(CreateSchema(SCHEMA, if_not_exists=True))
        context.configure(
            connection=connection,
            target_metadata=metadata,
            version_table_schema=SCHEMA,
            include_schemas=True,
        )
        context.run_migrations()


def _database_of_the_command_line() -> Database:
    from dashboard.settings import settings

    url = settings().database_url
    if not url:
        raise SystemExit("Set DATABASE_URL, or use: python -m dashboard migrate")
    return Database(url)


if handed_over := context.config.attributes.get("connection"):
    migrate(handed_over)
else:
    with _database_of_the_command_line().writing("migrate") as opened:
        migrate(opened)
