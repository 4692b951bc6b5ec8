"""Applying a plan: all of its rows get into the table, or none.

Up to a limit everything is one transaction.  Above it, and where an embedder takes its time, rows go into
a staging table in chunks, each one transaction with its checkpoint, so that another worker goes on after
the last of them; one last transaction brings them into the table.  Either way the transaction that does
also writes the audit row, and into the job that it was done: whoever lost the connection while it
committed finds out there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import Connection

from dashboard.seeding.embedders import HASHING
from dashboard.seeding.formats import known_as, regular, unchanged
from dashboard.seeding.formats.hashing import stamp_of
from dashboard.seeding.imports.pieces import Piece, pieces
from dashboard.seeding.imports.plan import ImportPlan
from dashboard.seeding.imports.queries import keep_queries
from dashboard.seeding.imports.request import ImportRequest
from dashboard.seeding.imports.result import Imported
from dashboard.seeding.imports.validate import validate
from dashboard.seeding.imports.ways import Way, check_target, way_of
from db import audit, staging
from db.columns import spelled
from db.copy import Block, ahead, send
from db.engine import Database
from db.errors import Cancelled, ConnectionFailed, DashboardError, Handover, RequestError
from db.imports import Merged
from db.progress import Ledger, Progress
from db.words import counted

ONE_TRANSACTION_ROWS = 1_000_000
ONE_TRANSACTION_BYTES = 1 << 30
"""Files up to both are imported in one transaction; a crash then costs the whole import."""
CHUNK_BYTES = 16 << 20
"""Encoded bytes to a chunk: a fraction of a second, and the most a crash costs."""


def import_file(
    database: Database, request: ImportRequest, ledger: Ledger, *, job_id: int = 0, subject: str = "local"
) -> dict[str, Any]:
    """Validate ``request`` and, unless it is a dry run, apply the plan: the work of a job, as its result.

    Raises RequestError where the plan cannot be applied, and what ``apply`` raises.
    """
    if published := ledger.checkpoint.get("published"):
        return dict(published)
    ledger.tell(Progress(0, 0, "rows", "reading"))
    with known_as(request.path, request.name):
        plan = validate(
            database, request, lambda done, rows: ledger.tell(Progress(done, rows, "rows", "checking"))
        )
        bad, existing = f"{len(plan.bad):,} bad", f"{plan.existing:,} with keys that exist"
        ledger.log(f"Checked {counted(plan.rows)}: {bad}, {existing}.")
        if request.dry_run:
            return plan.to_document()
        return asdict(apply(database, plan, ledger, job_id=job_id, subject=subject))


def apply(
    database: Database, plan: ImportPlan, ledger: Ledger, *, job_id: int = 0, subject: str = "local"
) -> Imported:
    """Import what ``plan`` says; ``job_id`` names the staging table, and 0 stands for no job.

    Raises RequestError for a plan with errors, or whose file or table changed since; nothing of an import
    that failed is kept, except after a Handover, a lost connection or the end of the process, where
    another worker goes on.
    """
    if published := ledger.checkpoint.get("published"):
        return Imported(**published)
    if refusal := plan.refusal:
        raise refusal
    chunked = in_chunks(plan)
    way = way_of(plan, job_id, chunked=chunked)
    try:
        with (
            _watched(plan) as is_unchanged,
            database.writing("import") as connection,
        ):
            load = _Load(connection, plan, way, ledger, job_id, subject, is_unchanged)
            imported = load.in_chunks() if chunked else load.at_once()
    except (Handover, ConnectionFailed):
        raise  # another attempt goes on from what is kept
    except Exception as error:
        _abandon(database, way, ledger, error)
        raise
    with suppress(DashboardError), database.writing("import") as connection, connection.begin():
        # No condition is on a vector, and its values compare slowly: their width is all that is of use.
        briefly = plan.target is None and plan.route.is_bare
        staging.analyze(connection, plan.request.schema, plan.request.table, briefly=briefly)
    return imported


def _watched(plan: ImportPlan) -> AbstractContextManager[Callable[[], bool]]:
    """Lend what says whether the plan's file is what it was; rows that are kept need no second hash."""
    path, kept = regular(plan.request.path), plan.spool
    if kept.is_whole:
        return nullcontext(lambda: stamp_of(path) == kept.stamp)
    return unchanged(path, plan.request.sha256)


def in_chunks(plan: ImportPlan) -> bool:
    """Whether an import is too long, or its vectors too dear, to begin anew after a crash."""
    size_bytes = Path(plan.request.path).stat().st_size
    return _is_dear(plan) or plan.rows > ONE_TRANSACTION_ROWS or size_bytes > ONE_TRANSACTION_BYTES


def _is_dear(plan: ImportPlan) -> bool:
    """Whether vectors are made by a model, or a service that may not answer for minutes."""
    return plan.embedder is not None and plan.embedder.key != HASHING.key


@dataclass(slots=True)
class _Load:
    """One attempt at an import, and all it works with.  ``next_row`` of the file, from 0, is to be sent."""

    connection: Connection
    plan: ImportPlan
    way: Way
    ledger: Ledger
    job_id: int
    subject: str
    is_unchanged: Callable[[], bool]
    """Whether the file is the plan's still; it waits until all of it is hashed."""
    started: float = 0.0
    next_row: int = 0
    sent: int = 0

    def __post_init__(self) -> None:
        self.started = perf_counter()

    def at_once(self) -> Imported:
        """Import in one transaction."""
        with self.connection.begin():
            check_target(self.connection, self.plan)
            self.way.begin(self.connection)
            try:
                with closing(ahead(pieces(self.plan, self.way, 0))) as read:
                    self._send(read, freeze=self.way.is_own)
            except RequestError:
                self._check_file()
                raise
            return self._publish()

    def _check_file(self) -> None:
        if not self.is_unchanged():
            raise RequestError("The file changed since it was validated.", "Validate it again.")

    def in_chunks(self) -> Imported:
        """Import in as many transactions as there are chunks, and one."""
        self._check_file()
        self._resume()
        with closing(ahead(pieces(self.plan, self.way, self.next_row))) as read:
            while self.next_row < self.plan.rows:
                chunk = self._chunk(read)
                with self.connection.begin():
                    before = self.next_row
                    self._send(chunk)
                    if self.next_row == before:
                        raise RequestError("The file changed while it was imported.", "Validate it again.")
                    self._save()
        with self.connection.begin():
            check_target(self.connection, self.plan)
            return self._publish()

    def _resume(self) -> None:
        """Find how many rows are safe already; begin anew where there are none of this file and mapping."""
        kept = self.ledger.checkpoint
        with self.connection.begin():
            if kept.get("import") == self._identity and self.way.is_begun(self.connection):
                self.next_row, self.sent = int(kept["next_row"]), int(kept["sent"])
                self.ledger.log(f"Goes on after row {self.next_row:,}.")
            else:
                self.way.begin(self.connection)
                self._save()

    @property
    def _identity(self) -> list[str | None]:
        request = self.plan.request
        return [request.sha256, request.digest, request.fingerprint]

    def _save(self) -> None:
        checkpoint = {"import": self._identity, "next_row": self.next_row, "sent": self.sent}
        self.ledger.save(self.connection, self._progress("loading"), checkpoint)

    def _progress(self, phase: str) -> Progress:
        return Progress(self.next_row, self.plan.rows, "rows", phase)

    def _send(self, read: Iterator[Piece], *, freeze: bool = False) -> None:
        place = self.way.schema, self.way.name
        self.sent += send(self.connection, *place, self.way.fields, self._blocks(read), freeze=freeze)

    def _chunk(self, read: Iterator[Piece]) -> Iterator[Piece]:
        """Take what one transaction sends; for dear vectors it is waited here, before that begins."""
        return iter(list(islice(read, 1))) if _is_dear(self.plan) else self._some(read)

    def _some(self, read: Iterator[Piece]) -> Iterator[Piece]:
        size_bytes = 0
        for piece in read:
            yield piece
            size_bytes += len(piece.block.data)
            if size_bytes >= CHUNK_BYTES:
                return

    def _blocks(self, read: Iterator[Piece]) -> Iterator[Block]:
        for piece in read:
            self.next_row = piece.next_row
            self.ledger.tell(self._progress("loading"))
            yield piece.block

    def _publish(self) -> Imported:
        """Bring the rows into the table, count them, and write down that it was done, all in one."""
        self._check_file()
        if self.sent != self.plan.ok_rows:
            raise RequestError(
                f"{self.sent:,} rows were read, {self.plan.ok_rows:,} were expected: the file changed.",
                "Validate it again.",
            )
        self.ledger.tell(self._progress("publishing"))
        merged = self.way.publish(self.connection, self.sent)
        imported = self._imported(merged, keep_queries(self.connection, self.plan))
        audit.record(
            self.connection,
            subject=self.subject,
            role="worker",
            action="import",
            object=spelled(imported.schema, imported.table),
            detail={
                name: value for name, value in asdict(imported).items() if name not in {"schema", "table"}
            },
            job_id=self.job_id or None,
        )
        self.ledger.save(self.connection, self._progress("publishing"), {"published": asdict(imported)})
        return imported

    def _imported(self, merged: Merged, queries: str | None) -> Imported:
        plan, request = self.plan, self.plan.request
        vector = plan.route.vector
        return Imported(
            file=plan.file_name,
            sha256=request.sha256 or "",
            schema=request.schema,
            table=request.table,
            column=spelled(request.schema, request.table, vector) if vector else "",
            mode=request.mode,
            rows=merged.inserted + merged.updated,
            inserted=merged.inserted,
            updated=merged.updated,
            skipped=self.sent - merged.inserted - merged.updated,
            left_out=len(plan.bad),
            without_text=plan.silent.count,
            rejects=request.rejects if len(plan.bad) else None,
            queries=queries,
            elapsed_s=perf_counter() - self.started,
            notes=(*plan.unlisted, *plan.odd_rows),
        )


def _abandon(database: Database, way: Way, ledger: Ledger, error: Exception) -> None:
    """Drop what an import that failed has staged, unless another worker has taken it over."""
    # On a connection of its own: the load's may be what failed.  And it is the load's error that counts.
    with suppress(DashboardError), database.writing("import") as connection, connection.begin():
        if not isinstance(error, Cancelled):  # then the ledger would only say so again
            ledger.save(connection, Progress(0, 0, "rows", "loading"), {})
        way.abandon(connection)
