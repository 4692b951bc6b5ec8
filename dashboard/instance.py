"""One installation: its settings, and the database they lead to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from dashboard import auditing
from dashboard.identity import Principal, Role, current_principal, require
from dashboard.settings import Settings, settings
from db.embedded import EmbeddedServer
from db.engine import Database
from db.errors import RequestError
from db.migrate import let_read, revisions, upgrade

logger = logging.getLogger(__name__)

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Instance:
    """An opened installation.  ``embedded`` is None when DATABASE_URL names a server of somebody else's."""

    settings: Settings
    database: Database
    embedded: EmbeddedServer | None

    def prepare(self) -> None:
        """Migrate the embedded server's database; a server that is not ours is only changed on request."""
        if self.embedded:
            self.migrate(current_principal())

    def migrate(self, principal: Principal) -> None:
        """Apply every revision that is missing, and write down who did.

        Raises NotPermitted for a role below administrator, and what ``upgrade`` raises.
        """
        require(principal, Role.ADMIN, "migrate the database")
        if missing := [revision.id for revision in revisions(self.database) if not revision.applied]:
            upgrade(self.database)
            with self.database.writing("migrate") as connection, connection.begin():
                auditing.record(connection, principal, "migrate", f"revision {', '.join(missing)}")
        else:
            let_read(self.database)  # the login that reads may have come after the last revision

    def revive(self, tell: Tell) -> None:
        """Start the embedded server again if it died; not if somebody stopped it."""
        if self.embedded and self.embedded.is_wanted():
            self.embedded.hold(tell, wait_s=self.settings.startup_wait_s)

    def close(self) -> None:
        """Close the connections, and let the embedded server go; the last one out stops it."""
        self.database.dispose()
        if self.embedded:
            self.embedded.release()


@cache
def embedded_server() -> EmbeddedServer:
    """The embedded server of this VECTORSCOPE_HOME, running or not."""
    return EmbeddedServer(settings().home)


@cache
def serving() -> Instance:
    """The one instance of a process that serves: its pages, routes and start all mean this one."""
    return open_instance()


def open_instance(tell: Tell = logger.info) -> Instance:
    """Open the configured database, starting the embedded server when DATABASE_URL is unset.

    Raises SetupError when the embedded server cannot start, RequestError for a URL that cannot be read.
    """
    chosen = settings()
    if chosen.database_url:
        database = Database(
            chosen.database_url,
            chosen.database_read_url,
            replica_urls=(chosen.database_replica_urls or "").split(),
            read_timeout_s=chosen.read_timeout_s,
        )
        return Instance(chosen, database, None)
    if chosen.database_replica_urls:
        raise RequestError(
            "DATABASE_REPLICA_URLS is set, but DATABASE_URL is not: the embedded server has no other nodes.",
            "Set DATABASE_URL, too, or unset DATABASE_REPLICA_URLS to use the embedded server.",
        )
    if chosen.database_read_url:
        raise RequestError(
            "DATABASE_READ_URL is set, but DATABASE_URL is not: it is a second login to the same database.",
            "Set DATABASE_URL, too, or unset DATABASE_READ_URL to use the embedded server.",
        )
    server = embedded_server()
    url = server.hold(tell, wait_s=chosen.startup_wait_s)
    return Instance(chosen, Database(url, read_timeout_s=chosen.read_timeout_s), server)
