"""What the server remarks while it carries out a statement, passed on to whoever sent it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Notice:
    """The first line of what the server said: ``NOTICE:  hnsw graph no longer fits...`` in its two parts.

    ``severity`` is in the server's language.
    """

    severity: str
    text: str


@contextmanager
def listening(connection: Connection, hear: Callable[[Notice], None]) -> Iterator[None]:
    """Pass on the notices of the block's statements, which psycopg2 hears when each is over, or has failed.

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
    hear: Callable[[Notice], None]

    def append(self, notice: str) -> None:
        severity, _, said = notice.splitlines()[0].partition(":")
        self.hear(Notice(severity, said.strip()))
