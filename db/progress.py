"""How far a piece of work is, and how it says so.

Work that a job carries out gets a Ledger.  ``tell`` is cheap and may be called often; ``save`` runs
inside the caller's transaction, so that rows, checkpoint and the proof of still owning the job
become durable together or not at all.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` units, in a named phase; total 0 means not known yet."""

    done: int
    total: int
    unit: str
    phase: str


class Ledger(Protocol):
    """What a job's work may do to its own record."""

    @property
    def checkpoint(self) -> dict[str, Any]:
        """What the last ``save`` wrote: where to go on; empty on a first attempt."""
        ...

    def tell(self, progress: Progress) -> None:
        """Show ``progress``.  Raises Cancelled or LeaseLost when the work must stop."""
        ...

    def log(self, message: str) -> None:
        """Add a line to the job's log."""
        ...

    def save(self, connection: Connection, progress: Progress, checkpoint: dict[str, Any]) -> None:
        """Write progress and checkpoint in the caller's transaction.

        Raises Cancelled or LeaseLost; the caller's transaction must then be rolled back.
        """
        ...


@dataclass(slots=True)
class Unrecorded:
    """A Ledger for work done outside a job: remembers, shows nothing."""

    checkpoint: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def tell(self, progress: Progress) -> None:
        """Ignore progress."""

    def log(self, message: str) -> None:
        """Remember the line."""
        self.lines.append(message)

    def save(self, connection: Connection, progress: Progress, checkpoint: dict[str, Any]) -> None:
        """Remember the checkpoint."""
        self.checkpoint = dict(checkpoint)
