"""What broken-off builds have left behind, and how it goes away: docs/adr/0008-index-builds.md."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import sleep

from sqlalchemy.schema import DropIndex

from db import index_builds
from db.engine import Database
from db.errors import DashboardError
from db.index_builds import Own
from db.index_ddl import session
from db.index_ground import try_turn
from db.index_plan import named

logger = logging.getLogger(__name__)

CLEAN_S = 10
"""How long an ended build waits for others before it leaves its INVALID index to the janitor."""

SWEEP_S = 2
"""How long the janitor waits: it comes again."""

POLL_S = 0.5


@contextmanager
def turn(database: Database, table_oid: int, wait: Callable[[], None]) -> Iterator[None]:
    """Be the only one of us that changes the table's indexes; ``wait`` is called while another does.

    The session that holds the turn ends with this process, and the turn with it.
    """
    with session(database, "index turn") as connection:
        while not try_turn(connection, table_oid):
            wait()
            sleep(POLL_S)
        yield


def drop(database: Database, own: Own, patience_s: int) -> None:
    """Drop an index that one of our records accounts for, waiting so long for each older transaction.

    Raises LockTimeout where that is not enough.
    """
    settings = {"lock_timeout": f"{patience_s}s", "statement_timeout": "0"}
    with session(database, "drop index", settings) as connection:
        connection.execute(DropIndex(named(own.schema, own.table, own.name), if_exists=True))


@contextmanager
def unheard(database: Database) -> Iterator[Database]:
    """Lend sessions that whoever cancels this job's statements does not find: for what must be done then."""
    quiet = database.tagged("")
    try:
        yield quiet
    finally:
        quiet.dispose()


def clean_up(database: Database, build_id: int, log: Callable[[str], None]) -> None:
    """Drop what a statement that broke off has left, or say that the janitor will."""
    try:
        with database.control("index build") as connection:
            left = [own for own in index_builds.made_by(connection, build_id) if not own.valid]
        for own in left:
            drop(database, own, CLEAN_S)
            log(f"dropped what was left of it: {own.name}")
    except DashboardError as error:
        with suppress(DashboardError):
            log(f"what is left of it is INVALID, and is dropped later: {error.message}")


def sweep(database: Database) -> None:
    """Drop every INVALID index that an ended job of ours has left, and close the records of dead jobs.

    One that cannot be dropped now is tried again the next time.
    """
    with database.control("janitor") as connection:
        index_builds.close_orphans(connection)
        left = index_builds.leftovers(connection)
    for own in left:
        try:
            drop_leftover(database, own)
        except DashboardError as error:
            logger.warning("%s.%s is INVALID and stays for now: %s", own.schema, own.name, error)


def drop_leftover(database: Database, own: Own) -> None:
    """Drop one leftover unless somebody changes the table's indexes now, who sees to it."""
    with session(database, "index turn") as connection:
        if not try_turn(connection, own.table_oid):
            return
        if any(own.oid == other.oid for other in index_builds.leftovers(connection)):
            drop(database, own, SWEEP_S)
            logger.warning("dropped %s.%s, left behind by build %s", own.schema, own.name, own.build_id)
