"""The cluster's other nodes: what a search on one of them scanned is counted there, and nowhere else.

Source: PostgreSQL's documentation, chapter 27.2: statistics are a server's own, a standby's too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from weakref import WeakKeyDictionary

from sqlalchemy import func, select

from db.advice import server_notes
from db.catalog import find_column
from db.engine import Database
from db.errors import ConnectionFailed, DashboardError

SILENT_S = 60.0
"""An advisor looks at every column: it waits for a node that is gone once, not for each."""

_silent: WeakKeyDictionary[Database, tuple[float, str]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Node:
    """Another node; ``scans`` counts those of a column's indexes, by name, since ``stats_reset`` if ever.

    ``trouble`` is why it could not be asked.
    """

    label: str
    scans: Mapping[str, int] = field(default_factory=dict)
    stats_reset: datetime | None = None
    is_standby: bool = False
    trouble: str | None = None


def ask_replicas(database: Database, column: str) -> tuple[Node, ...]:
    """Ask each of the database's replicas how often it scanned the indexes of ``schema.table.column``.

    One that does not answer takes 10 seconds, has a ``trouble``, and is not asked again for SILENT_S.
    """
    return tuple(_ask(replica, column) for replica in database.replicas)


def _ask(replica: Database, column: str) -> Node:
    asked_at_s, trouble = _silent.get(replica, (-SILENT_S, ""))
    if monotonic() - asked_at_s < SILENT_S:
        return Node(replica.label, trouble=trouble)
    try:
        with replica.reading("advise") as connection:
            indexes = find_column(connection, column).indexes
            notes = server_notes(connection)
            is_standby = connection.execute(select(func.pg_is_in_recovery())).scalar_one()
    except ConnectionFailed as error:
        _silent[replica] = monotonic(), error.message
        return Node(replica.label, trouble=error.message)
    except DashboardError as error:
        return Node(replica.label, trouble=error.message)
    scans = {index.name: index.scans for index in indexes}
    return Node(replica.label, scans, notes.stats_reset, is_standby)
