"""A server of little memory, which an index outgrows soon."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.embedded import EmbeddedServer
from db.engine import Database
from db.migrate import upgrade
from tests.conftest import roomy_folder

SHARED_BUFFERS = "2MB"


@pytest.fixture
def small_database() -> Iterator[Database]:
    """A migrated database without rows on a server with 2 MB of shared memory."""
    with tempfile.TemporaryDirectory(prefix="vectorscope-small-", dir=roomy_folder()) as home:
        server = EmbeddedServer(Path(home) / "home")
        database = Database(server.hold(lambda _: None))
        with database.control("tests") as connection:
            connection.exec_driver_sql(f"ALTER SYSTEM SET shared_buffers = '{SHARED_BUFFERS}'")
        database.dispose()
        server.stop()
        database = Database(server.hold(lambda _: None))
        upgrade(database)
        yield database
        database.dispose()
        server.release()
