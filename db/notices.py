"""What the server remarks while it carries out a statement, gathered for whoever sent it."""

from collections.abc import Iterator
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
def listening(connection: Connection) -> Iterator[list[Notice]]:
    """Gather the notices of the block's statements, which psycopg2 hears when each is over.

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
        self.lines: list[Notice] = []

    def append(self, notice: str) -> None:
        severity, _, said = notice.splitlines()[0].partition(":")
        self.lines.append(Notice(severity, said.strip()))
