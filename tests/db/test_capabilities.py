"""What a server can do is told for any server and any role."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from db.capabilities import Capabilities, capabilities
from db.engine import Database
from db.migrate import revisions


def ask(database: Database) -> Capabilities:
    with database.reading("tests") as connection:
        return capabilities(connection)


@pytest.fixture
def as_reader(database: Database, maintenance: object) -> Iterator[Database]:
    """The same database for a role that may only read, and nothing of ours."""
    with database.control("tests") as connection:
        connection.execute(text("CREATE ROLE reader LOGIN"))
    url = make_url(database.url).set(username="reader")
    reader = Database(url.render_as_string(hide_password=False))
    yield reader
    reader.dispose()
    with database.control("tests") as connection:
        connection.execute(text("DROP OWNED BY reader; DROP ROLE reader"))


def test_a_migrated_database(database: Database) -> None:
    found = ask(database)
    assert found.server_version.startswith(str(found.server_version_num // 10000))
    assert found.pgvector >= (0, 8)
    assert {"hnsw", "ivfflat", "btree"} <= found.index_methods
    assert found.is_superuser
    assert found.can_create
    assert not found.in_recovery
    assert found.revision == revisions(database)[-1].id
    assert found.shared_buffers_bytes >= 2**20
    assert found.maintenance_work_mem_bytes >= 2**20


def test_a_database_without_the_extension(empty_database: Database) -> None:
    found = ask(empty_database)
    assert found.pgvector_version is None
    assert found.pgvector == ()
    assert found.pgvector_available
    assert found.revision is None
    assert "hnsw" not in found.index_methods


def test_a_role_that_may_only_read(as_reader: Database) -> None:
    found = ask(as_reader)
    assert found.role == "reader"
    assert not found.is_superuser
    assert not found.can_create
    assert found.pgvector >= (0, 8)
    assert found.revision is None
