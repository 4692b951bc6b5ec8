"""What the server remarks while it carries out a statement, passed on to whoever sent it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection


@contextmanager
def listening(connection: Connection, hear: Callable[[str], None]) -> Iterator[None]:
    """Pass on the NOTICEs of the block's statements, which psycopg2 hears when each is over, or has failed.

    SQLAlchemy empties psycopg2's list of notices after every statement, unless it is no list.
    """
    driver: Any = connection.connection.dbapi_connection
    before, driver.notices = driver.notices, _Notices(hear)
    try:
        yield
    finally:
        driver.notices = before


@dataclass(slots=True)
class _Notices:
    hear: Callable[[str], None]

    def append(self, notice: str) -> None:
        """Pass on the first line, ``NOTICE:  hnsw graph no longer fits...``, without its severity."""
        self.hear(notice.splitlines()[0].partition(":")[2].strip())
