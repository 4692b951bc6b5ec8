"""What the server remarks while it carries out a statement, gathered for whoever sent it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection


@contextmanager
def listening(connection: Connection) -> Iterator[list[str]]:
    """Gather the NOTICEs of the block's statements, which psycopg2 hears when each is over.

    SQLAlchemy empties psycopg2's list of notices after every statement, unless it is no list.
    """
    driver: Any = connection.connection.dbapi_connection
    before, driver.notices = driver.notices, _Notices()
    try:
        yield driver.notices.lines
    finally:
        driver.notices = before


class _Notices:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def append(self, notice: str) -> None:
        """Keep the first line, ``NOTICE:  hnsw graph no longer fits...``, without its severity."""
        self.lines.append(notice.splitlines()[0].partition(":")[2].strip())
