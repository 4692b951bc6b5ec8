"""What this server is, and what the connected role may do on it; asked once per connection."""

from dataclasses import dataclass

from sqlalchemy import Connection, Text, column, select, table, text

from db.schema import SCHEMA

_SERVER = text("""
SELECT current_setting('server_version') AS server_version,
       current_setting('server_version_num')::int AS server_version_num,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS pgvector_version,
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS pgvector_available,
       ARRAY(SELECT amname::text FROM pg_am WHERE amtype = 'i' ORDER BY 1) AS index_methods,
       pg_is_in_recovery() AS in_recovery,
       current_database()::text AS database,
       current_user::text AS role,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
       has_database_privilege(current_database(), 'CREATE') AS can_create,
       current_setting('max_parallel_workers')::int AS max_parallel_workers,
       current_setting('max_parallel_maintenance_workers')::int AS max_parallel_maintenance_workers,
       pg_size_bytes(current_setting('shared_buffers')) AS shared_buffers_bytes,
       pg_size_bytes(current_setting('maintenance_work_mem')) AS maintenance_work_mem_bytes
""")

_REVISION_IS_READABLE = text("""
SELECT EXISTS (
  SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = :schema AND c.relname = 'alembic_version'
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
""")
"""By the catalog, not to_regclass: that raises where the role may not use the schema."""

_REVISION = select(column("version_num", Text)).select_from(table("alembic_version", schema=SCHEMA))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The server's versions and limits, and the role's rights.

    ``pgvector_version`` is None where the extension is not created in this database;
    ``pgvector_available`` tells whether it could be.  ``revision`` is our schema's, None where this
    database has none or the role may not read it.
    """

    server_version: str
    server_version_num: int
    pgvector_version: str | None
    pgvector_available: bool
    index_methods: frozenset[str]
    in_recovery: bool
    database: str
    role: str
    is_superuser: bool
    can_create: bool
    revision: str | None
    max_parallel_workers: int
    max_parallel_maintenance_workers: int
    shared_buffers_bytes: int
    maintenance_work_mem_bytes: int

    @property
    def pgvector(self) -> tuple[int, ...]:
        """The extension's version, to compare with; empty where it is not created."""
        return tuple(int(part) for part in (self.pgvector_version or "").split(".") if part.isdigit())


def capabilities(connection: Connection) -> Capabilities:
    """Ask the server what it is; any role may, and pgvector need not be there."""
    facts = connection.execute(_SERVER).one()._asdict()
    facts["index_methods"] = frozenset(facts["index_methods"])
    return Capabilities(**facts, revision=_revision(connection))


def _revision(connection: Connection) -> str | None:
    if not connection.execute(_REVISION_IS_READABLE, {"schema": SCHEMA}).scalar_one():
        return None
    return connection.execute(_REVISION).scalar()
