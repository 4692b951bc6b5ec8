"""What a job does while its statement runs: tells how far it is, who is in the way, when it stalls."""

from __future__ import annotations

from time import monotonic

from dashboard.indexing.pace import Pace
from db import index_builds
from db.engine import Database
from db.errors import StatementTimeout
from db.index_ddl import Sight
from db.index_ground import Blocker
from db.progress import Ledger, Progress

NOTE_S = 1.0
"""How often a look is written into the record, where pages read it."""


class Watch:
    """Passes on what is seen of one statement; raises what ends it."""

    def __init__(self, database: Database, ledger: Ledger, build_id: int, deadline_s: int) -> None:
        self._database = database
        self._ledger = ledger
        self._build_id = build_id
        self._deadline_s = deadline_s
        self._began_s = self._seen_s = monotonic()
        self._waited_s = 0.0
        self._noted_s = -NOTE_S
        self._pace = Pace()
        self._is_stalled = False
        self._named: set[int] = set()

    def __call__(self, sight: Sight) -> None:
        """Pass ``sight`` on.

        Raises StatementTimeout after the deadline, and what the ledger raises when the work must stop.
        """
        now_s = monotonic()
        if sight.phase.startswith("waiting"):
            self._waited_s += now_s - self._seen_s
        self._seen_s = now_s
        if now_s - self._began_s > self._deadline_s:
            raise StatementTimeout(
                f"The work on the index was not done after {self._deadline_s:,} s, its deadline.",
                "Allow it more time, or more memory so that it takes less.",
            )
        self._ledger.tell(Progress(sight.done, sight.total, sight.unit, in_words(sight)))
        self._pace.see(sight.phase, sight.done, now_s)
        if now_s - self._noted_s >= NOTE_S:
            self._noted_s = now_s
            self._note(sight)
        self._log_changes(sight)

    def without_waits(self, took_s: float) -> float:
        """Take off what was spent waiting for others: it says nothing of the next build."""
        return max(0.0, took_s - self._waited_s)

    def _note(self, sight: Sight) -> None:
        progress = {
            "phase": sight.phase,
            "done": sight.done,
            "total": sight.total,
            "unit": sight.unit,
            "rate": self._pace.rate,
            "stalled": self._pace.is_stalled,
            "workers": sight.workers,
            "blockers": [blocker.to_document() for blocker in sight.blockers],
        }
        with self._database.control("index build") as connection:
            index_builds.seen(connection, self._build_id, sight.index_oid, progress, sight.workers)

    def _log_changes(self, sight: Sight) -> None:
        for blocker in sight.blockers:
            if blocker.pid not in self._named:
                self._named.add(blocker.pid)
                self._ledger.log(f"{sight.phase}: {blocker}")
        if self._pace.is_stalled != self._is_stalled:
            self._is_stalled = self._pace.is_stalled
            rate = self._pace.rate or 0.0
            told = "stalled" if self._is_stalled else "goes on"
            self._ledger.log(f"{told}: {rate:,.1f} {sight.unit}/s, {self._pace.best:,.1f} at its best")


def in_words(sight: Sight) -> str:
    """Say the phase, and who is waited for."""
    return f"{sight.phase}, {by_name(sight.blockers)}" if sight.blockers else sight.phase


def by_name(blockers: tuple[Blocker, ...]) -> str:
    """Name who is in the way, the first of them in full.

    >>> by_name((Blocker(7, "psql", "ann", "idle in transaction", 61.0),) * 2)
    'behind pid 7 (psql, idle in transaction, open 61 s) and 1 more'
    """
    more = f" and {len(blockers) - 1} more" if len(blockers) > 1 else ""
    return f"behind {blockers[0]}{more}"
