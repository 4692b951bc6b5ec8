"""A server for one measurement: embedded, migrated, and gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.embedded import EmbeddedServer
from db.engine import Database
from db.migrate import upgrade


@contextmanager
def fresh_database() -> Iterator[Database]:
    """Lend a migrated database that nobody else uses."""
    with tempfile.TemporaryDirectory(prefix="vectorscope-speed-") as home:
        server = EmbeddedServer(Path(home))
        database = Database(server.hold(lambda _: None))
        try:
            upgrade(database)
            yield database
        finally:
            database.dispose()
            server.release()
