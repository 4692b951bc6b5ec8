"""The one door to PostgreSQL: connections go out here, driver errors come in.

Three promises, one method each.  ``reading`` cannot write and cannot run long; ``writing`` may, and
notices within a second when its client dies; ``control`` is autocommit on a direct connection, for
advisory locks, heartbeats and the few statements that refuse a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from time import monotonic
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.errors import ConnectionFailed, RequestError
from db.savepoint import EARLY
from db.translation import translate

_READ_SETTINGS = text("""
SELECT set_config('statement_timeout', :statement_timeout, true),
       set_config('lock_timeout', '2s', true),
       set_config('idle_in_transaction_session_timeout', '15s', true),
       set_config('application_name', :application_name, true)
""")
"""Transaction-local, so that they also hold behind a transaction pooler and never leak through a pool."""

JOB_LOCK_TIMEOUT = "3s"
_JOB_OPTIONS = (
    f"-c lock_timeout={JOB_LOCK_TIMEOUT} -c statement_timeout=0 -c idle_in_transaction_session_timeout=60s "
    "-c client_connection_check_interval=1s"
)
_CONTROL_OPTIONS = "-c statement_timeout=15s -c lock_timeout=3s -c client_connection_check_interval=1s"
_CONTROL_TIMEOUT_S = 15
_GONE_S = 10
"""A server that acknowledges nothing for so long is not there."""
_BEGAN = "vectorscope began"
"""When a session's last statement was sent: a key of what its pool keeps of it."""

_ENGINES = ("_read_engine", "_aside_engine", "_write_engine", "_control_engine")
_SECRET_OPTIONS = ("sslpassword", "passfile")

_LOAD_LIBRARY = text("SELECT '[1]'::vector")
"""Until pgvector's library is loaded, hnsw.* and ivfflat.* are unknown names to the session."""


class Database:
    """One PostgreSQL database, and the three ways Vectorscope connects to it."""

    def __init__(
        self,
        url: str,
        read_url: str | None = None,
        *,
        replica_urls: Sequence[str] = (),
        read_timeout_s: int = 15,
        tag: str = "",
    ) -> None:
        self.url = parse_url(url)
        self._read_url = parse_url(read_url, "DATABASE_READ_URL") if read_url else self.url
        self._replica_urls = tuple(
            parse_url(each, f"Address {number} of {len(replica_urls)} in DATABASE_REPLICA_URLS")
            for number, each in enumerate(replica_urls, 1)
        )
        self._read_timeout_s = read_timeout_s
        self._tag = tag

    @property
    def read_timeout_s(self) -> int:
        """How long one statement of ``reading`` may take."""
        return self._read_timeout_s

    def lent_as(self, *, read_timeout_s: int | None = None, tag: str | None = None) -> Database:
        """Give the same connections with another limit of ``reading``, or another end of their names."""
        for name in (*_ENGINES, "replicas"):
            getattr(self, name)  # made before it is shared
        other = copy(self)
        other._read_timeout_s = self._read_timeout_s if read_timeout_s is None else read_timeout_s
        other._tag = self._tag if tag is None else tag
        return other

    def tagged(self, tag: str) -> Database:
        """Make a Database with sessions of its own, whose application_name ends in ``tag``."""
        url, read_url, *replica_urls = (
            each.render_as_string(hide_password=False)
            for each in (self.url, self._read_url, *self._replica_urls)
        )
        return Database(
            url, read_url, replica_urls=replica_urls, read_timeout_s=self._read_timeout_s, tag=tag
        )

    @cached_property
    def replicas(self) -> tuple[Database, ...]:
        """The cluster's other nodes, as far as they were named."""
        urls = (each.render_as_string(hide_password=False) for each in self._replica_urls)
        return tuple(Database(url, read_timeout_s=self._read_timeout_s, tag=self._tag) for url in urls)

    @property
    def read_url(self) -> URL:
        """Where the login that only reads connects; the other's address where there is but one."""
        return self._read_url

    @property
    def reader(self) -> str | None:
        """The login that only reads, where it is another than the one that writes."""
        return self._read_url.username if self._read_url.username != self.url.username else None

    @property
    def label(self) -> str:
        """Where this is, without a secret."""
        shown = self.url.difference_update_query(_SECRET_OPTIONS)
        return shown.set(drivername="postgresql").render_as_string(hide_password=True)

    @contextmanager
    def reading(self, purpose: str, *, vectors: bool = False) -> Iterator[Connection]:
        """Lend a connection inside one read-only transaction, rolled back at the end.

        ``vectors`` loads pgvector's library first, for a caller that will set its parameters.

        Raises ConnectionFailed, StatementTimeout, PermissionDenied, ExtensionMissing...
        """
        with _lent(self._read_engine, self.label, self._read_timeout_s) as connection:
            connection.execute(
                _READ_SETTINGS,
                {
                    "statement_timeout": f"{self._read_timeout_s}s",
                    "application_name": self._application(purpose),
                },
            )
            if vectors:
                connection.execute(_LOAD_LIBRARY)
            yield connection

    @contextmanager
    def aside(self, purpose: str) -> Iterator[Connection]:
        """Lend an autocommit connection of the login that reads, which its reads cannot use up."""
        with _lent(self._aside_engine, self.label, _CONTROL_TIMEOUT_S) as connection:
            connection.execute(_NAME, {"name": self._application(purpose)})
            yield connection

    @contextmanager
    def writing(self, purpose: str) -> Iterator[Connection]:
        """Lend a connection for a job's steps; the caller opens each transaction with ``begin()``."""
        with _lent(self._write_engine, self.label) as connection:
            connection.execute(_NAME, {"name": self._application(purpose)})
            connection.commit()
            yield connection

    @contextmanager
    def control(self, purpose: str) -> Iterator[Connection]:
        """Lend an autocommit connection."""
        with _lent(self._control_engine, self.label, _CONTROL_TIMEOUT_S) as connection:
            connection.execute(_NAME, {"name": self._application(purpose)})
            yield connection

    def dispose(self) -> None:
        """Close every pooled connection; the next use opens new ones."""
        for name in _ENGINES:
            if name in self.__dict__:
                self.__dict__.pop(name).dispose()
        for replica in self.__dict__.pop("replicas", ()):
            replica.dispose()

    def _application(self, purpose: str) -> str:
        # PostgreSQL cuts the name at 63 bytes; the tag at its end must survive.
        return f"vectorscope:{purpose}"[: 63 - len(self._tag)] + self._tag

    @cached_property
    def _read_engine(self) -> Engine:
        engine = _engine(self._read_url, pool_size=5, max_overflow=5)
        return engine.execution_options(postgresql_readonly=True)

    @cached_property
    def _aside_engine(self) -> Engine:
        return _engine(self._read_url, pool_size=1, max_overflow=3, isolation_level="AUTOCOMMIT")

    @cached_property
    def _write_engine(self) -> Engine:
        return _engine(self.url, pool_size=2, max_overflow=4, options=_JOB_OPTIONS)

    @cached_property
    def _control_engine(self) -> Engine:
        return _engine(
            self.url, pool_size=2, max_overflow=4, options=_CONTROL_OPTIONS, isolation_level="AUTOCOMMIT"
        )


_NAME = text("SELECT set_config('application_name', :name, false)")


def _engine(url: URL, *, options: str = "", **keywords: Any) -> Engine:
    connect_args: dict[str, Any] = {
        "connect_timeout": _GONE_S,
        "tcp_user_timeout": 1000 * _GONE_S,
        "application_name": "vectorscope",
    }
    if options:
        connect_args["options"] = options
    engine = create_engine(
        url,
        connect_args=connect_args,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_timeout=10,
        **keywords,
    )
    event.listen(engine, "before_cursor_execute", _note_begin)
    return engine


def _note_begin(connection: Connection, *_: object) -> None:
    connection.info[_BEGAN] = monotonic()


def parse_url(given: str, name: str = "DATABASE_URL") -> URL:
    """Read the PostgreSQL URL that stands in the setting ``name``.

    The password may also stand in the query string, and is moved out of it.

    Raises RequestError for anything that is not a usable postgresql:// URL; the text never
    repeats the URL, which may hold a password.
    """
    remedy = "Write it as postgresql://user:password@host:5432/database"
    scheme, separator, rest = given.strip().partition("://")
    if not separator or scheme.split("+")[0] not in {"postgres", "postgresql"}:
        raise RequestError(f"{name} is not a postgresql:// address.", remedy)
    if "%00" in rest or not rest.isprintable():
        raise RequestError(f"{name} holds a character that no address has.", remedy)
    if rest.partition("?")[0].count("@") > 1:
        raise RequestError(
            f"{name} holds more than one @.",
            "Percent-encode special characters in the password: @ is %40.",
        )
    try:
        url = make_url(f"postgresql+psycopg2://{rest}")
    except (ArgumentError, ValueError):
        raise RequestError(
            f"{name} cannot be read as one host and port; the port must be a number.", remedy
        ) from None
    if "password" in url.query:
        url = url.set(password=str(url.query["password"])).difference_update_query(["password"])
    return url


@contextmanager
def driver_cursor(connection: Connection, doing: str) -> Iterator[Any]:
    """Lend psycopg2's own cursor, for what SQLAlchemy has no word for or would slow down.

    What it raises leaves as SQLAlchemy would raise it, so that it is translated like all else.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    _note_begin(connection)
    try:
        with driver.cursor() as cursor:
            yield cursor
    except psycopg2.Error as error:
        lost = bool(driver.closed)
        raise DBAPIError.instance(doing, None, error, psycopg2.Error, connection_invalidated=lost) from error


@contextmanager
def _lent(engine: Engine, label: str, timeout_s: float | None = None) -> Iterator[Connection]:
    """Lend a connection whose statements may take ``timeout_s``, and translate what is raised."""
    session: dict[Any, Any] = {}
    try:
        with engine.connect() as connection:
            session = connection.info
            yield connection
    except PoolTimeout as error:
        raise ConnectionFailed(
            "Every connection of this dashboard is busy.",
            "Try again in a few seconds; long work belongs in a job.",
        ) from error
    except DBAPIError as error:
        taken_s = monotonic() - session.get(_BEGAN, monotonic())
        is_late = timeout_s is not None and taken_s >= EARLY * timeout_s
        raise translate(error, label, is_late=is_late, limit_s=timeout_s) from error
    except UnicodeEncodeError as error:
        raise RequestError(
            f"The text holds {error.object[error.start]!a}, which this database cannot store.",
            "Leave that character out.",
        ) from error
    except ValueError as error:
        # psycopg2 refuses such text itself, with an error that is not the DB-API's.
        if "NUL" not in str(error):
            raise
        raise RequestError(
            "The text contains a NUL byte.", "PostgreSQL's text holds none; remove it."
        ) from error
