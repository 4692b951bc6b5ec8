"""One embedded PostgreSQL for the whole run; each test that asks gets a database of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from db.embedded import EmbeddedServer
from db.engine import Database
from db.migrate import upgrade

TEMPLATE = "vectorscope_template"
CARELESS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "'512MB'"}
"""What only a power failure would miss: each of thousands of databases is made and dropped the faster."""
MEMORY, ROOM_BYTES = Path("/dev/shm"), 8 << 30
_numbers = count(1)


def roomy_folder() -> str | None:
    """Where a server's files are made fastest: a database is hundreds; None where only the disk has room."""
    held_in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    return str(MEMORY) if held_in_memory else None


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """URL of a running embedded server, whose database ``vectorscope`` is empty."""
    with tempfile.TemporaryDirectory(prefix="vectorscope-tests-", dir=roomy_folder()) as home:
        server = EmbeddedServer(Path(home) / "home")
        yield server.hold(lambda _: None)
        server.release()


def url_of(server_url: str, database: str) -> str:
    """The same server, another database."""
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def maintenance(server_url: str) -> Iterator[Connection]:
    """An autocommit connection to the server's ``postgres`` database."""
    database = Database(url_of(server_url, "postgres"))
    with database.control("tests") as connection:
        for setting, value in CARELESS.items():
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = {value}")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
        yield connection
    database.dispose()


@pytest.fixture(scope="session")
def template(server_url: str, maintenance: Connection) -> str:
    """Name of a migrated database that holds no rows."""
    maintenance.execute(text(f"CREATE DATABASE {TEMPLATE}"))
    database = Database(url_of(server_url, TEMPLATE))
    upgrade(database)
    database.dispose()
    return TEMPLATE


@pytest.fixture
def empty_database(server_url: str, maintenance: Connection) -> Iterator[Database]:
    """A fresh database with nothing in it, not even the extension."""
    yield from _fresh(server_url, maintenance, "template1")


@pytest.fixture
def database(server_url: str, maintenance: Connection, template: str) -> Iterator[Database]:
    """A fresh migrated database: the extension and our tables, no rows."""
    yield from _fresh(server_url, maintenance, template)


def _fresh(server_url: str, maintenance: Connection, template: str) -> Iterator[Database]:
    name = f"test_{next(_numbers)}"
    maintenance.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    database = Database(url_of(server_url, name))
    yield database
    database.dispose()
    maintenance.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
