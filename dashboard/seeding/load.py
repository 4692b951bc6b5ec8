"""Loading a source into a table: all of it, once, whatever dies on the way.

Rows go into a staging table in chunks, each one transaction with its checkpoint, and one last
transaction makes that the table asked for.  A reader sees no table or all of it; a second worker
goes on after the last chunk that was committed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, fields
from itertools import islice
from time import perf_counter

from sqlalchemy import Connection, Table

from dashboard.seeding.plan import BORROWED, Action, check, decide
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.source import EMBEDDING, Rows
from db import staging
from db.copy import Block, ahead, encode_block, send
from db.engine import Database
from db.errors import Cancelled, ConnectionFailed, DashboardError, Handover
from db.progress import Ledger, Progress
from db.schema import SCHEMA

CHUNK_BLOCKS = 16
"""Blocks to a transaction: about 16 MB, a fraction of a second, and the most a crash costs."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did.  ``rows`` is 0 where the table ``already`` held these very rows."""

    schema: str
    table: str
    rows: int
    elapsed_s: float
    """Of this attempt alone, where another went before it."""
    already: bool = False


def populate(database: Database, request: PopulateRequest, ledger: Ledger, *, job_id: int = 0) -> Loaded:
    """Carry ``request`` out; ``job_id`` names the staging table, and 0 stands for no job.

    Raises RequestError before anything is written, or what stopped the load; nothing of it is kept then,
    except after a Handover, a lost connection or the end of the process, where another worker goes on.
    """
    if published := ledger.checkpoint.get("published"):
        return Loaded(**{f.name: published[f.name] for f in fields(Loaded) if f.name in published})
    started = perf_counter()
    ledger.tell(Progress(0, 0, "rows", "reading"))
    plan = check(database, request)
    if plan.action is Action.KEEP:
        return _loaded(request, plan.rows, started, already=True)

    table = staging.staging_table(job_id, plan.rows.fields)
    try:
        with database.writing("populate") as connection:
            load = _Load(connection, request, plan.rows, table, ledger)
            load.fill()
            return load.publish(started)
    except (Handover, ConnectionFailed):
        raise  # another attempt goes on from what is kept
    except Exception as error:
        _abandon(database, table, ledger, error)
        raise


def sweep_staging(connection: Connection, active: Collection[int]) -> None:
    """Drop what the loads of jobs that are not ``active`` left behind, in the caller's transaction."""
    staging.sweep(connection, active)


@dataclass(frozen=True, slots=True)
class _Load:
    """One attempt at a load, and all it works with."""

    connection: Connection
    request: PopulateRequest
    rows: Rows
    table: Table
    ledger: Ledger

    def fill(self) -> None:
        """Load every block that no earlier attempt has committed."""
        done = self._resume()
        todo = self.rows.blocks()[-(-done // self.rows.block_rows) :]
        with closing(ahead(map(self._encode, todo))) as blocks:
            for _ in todo[::CHUNK_BLOCKS]:
                with self.connection.begin():
                    chunk = islice(blocks, CHUNK_BLOCKS)
                    done += send(self.connection, SCHEMA, self.table.name, self.rows.fields, chunk)
                    self._save(done)

    def publish(self, started: float) -> Loaded:
        """Make the staging table the one asked for, whose state may have changed since the load began."""
        connection, schema, name = self.connection, self.request.schema, self.request.table
        progress = Progress(self.rows.count, self.rows.count, "rows", "publishing")
        self.ledger.tell(progress)
        with connection.begin():
            self._put_in_place(decide(connection, self.request, self.rows))
            loaded = _loaded(self.request, self.rows, started)
            self.ledger.save(connection, progress, {"published": asdict(loaded)})
        with connection.begin():
            staging.analyze(connection, schema, name)
        return loaded

    def _encode(self, index: int) -> Block:
        return encode_block(self.rows.fields, self.rows.block(index))

    def _resume(self) -> int:
        """Find how many rows are safe already; begin anew where there are none of this recipe."""
        with self.connection.begin():
            kept = self.ledger.checkpoint
            if kept.get("recipe") == _digest(self.rows) and staging.exists(self.connection, self.table):
                self.ledger.log(f"Goes on after row {kept['next_row']:,}.")
                return int(kept["next_row"])
            staging.create_staging(self.connection, self.table)
            self._save(0)
        return 0

    def _save(self, done: int) -> None:
        progress = Progress(done, self.rows.count, "rows", "loading")
        self.ledger.save(self.connection, progress, {"recipe": _digest(self.rows), "next_row": done})

    def _put_in_place(self, action: Action) -> None:
        target = self.request.schema, self.request.table
        note = dict(self.rows.recipe)
        match action:
            case Action.KEEP:  # somebody else loaded these rows meanwhile
                staging.drop_staging(self.connection, self.table)
                return
            case Action.FILL | Action.BORROW:
                note |= {BORROWED: True} if action is Action.BORROW else {}
                staging.publish_into(self.connection, self.table, *target)
            case Action.CREATE | Action.REPLACE:
                staging.add_key(self.connection, self.table)
                if action is Action.REPLACE:
                    staging.drop_table(self.connection, *target)
                staging.publish_as_new(self.connection, self.table, *target)
        embedded = {EMBEDDING: self.rows.embedded_by} if self.rows.embedded_by else {}
        staging.annotate(self.connection, *target, note, embedded)


def _abandon(database: Database, table: Table, ledger: Ledger, error: Exception) -> None:
    """Drop the staging table of a load that failed, unless another worker has taken it over."""
    # On a connection of its own: the load's may be what failed.  And it is the load's error that counts.
    with suppress(DashboardError), database.writing("populate") as connection, connection.begin():
        if not isinstance(error, Cancelled):  # then the ledger would only say so again
            ledger.save(connection, Progress(0, 0, "rows", "loading"), {})
        staging.drop_staging(connection, table)


def _loaded(request: PopulateRequest, source: Rows, started: float, *, already: bool = False) -> Loaded:
    return Loaded(
        schema=request.schema,
        table=request.table,
        rows=0 if already else source.count,
        elapsed_s=perf_counter() - started,
        already=already,
    )


def _digest(rows: Rows) -> str:
    """Tell one recipe from another: rows of another must not be gone on with."""
    return hashlib.sha256(json.dumps(rows.recipe, sort_keys=True).encode()).hexdigest()
