"""Carrying an export out: a file and its sidecar, both whole or neither there."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import Connection

from dashboard.exporting.formats import format_named
from dashboard.exporting.request import ExportRequest
from dashboard.exporting.sidecar import SIDECAR, Written, write_sidecar
from db.capabilities import capabilities
from db.catalog import find_column, other_columns
from db.conditions import check
from db.engine import Database
from db.errors import DashboardError, OutOfSpace, RequestError
from db.export import as_sql, not_found, stream
from db.export_columns import exported_columns
from db.progress import Ledger, Progress, Unrecorded
from db.words import counted

PARTIAL = ".part"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export left: the file, the sidecar that tells how it came about, and what stands in both.

    ``of_rows`` is how many rows there were, ``missing`` how many were named and are no longer there;
    ``not_found`` spells the first keys of those.
    """

    path: Path
    sidecar: Path
    rows: int
    of_rows: int
    missing: int
    not_found: tuple[str, ...]
    neutralised: int
    size_bytes: int
    elapsed_s: float

    @property
    def truncated(self) -> bool:
        """Whether a limit cut rows off."""
        return self.rows < self.of_rows

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form, as ``export --json`` prints it and a job keeps it."""
        return {
            "file": self.path.name,
            "sidecar": self.sidecar.name,
            "rows": self.rows,
            "of_rows": self.of_rows,
            "truncated": self.truncated,
            "missing_rows": self.missing,
            "not_found": list(self.not_found),
            "neutralised_cells": self.neutralised,
            "size_bytes": self.size_bytes,
            "elapsed_s": self.elapsed_s,
        }


def export(
    database: Database,
    request: ExportRequest,
    folder: Path,
    ledger: Ledger | None = None,
    *,
    name: str | None = None,
    most_bytes: int | None = None,
) -> Exported:
    """Write the rows asked for into ``folder``, under ``name`` or one that tells what they are.

    The rows written are held against a count made by the very statement.  With ``most_bytes`` it is done
    for somebody who waits: a statement's time, too, is then limited as the connection has it.

    Raises a DashboardError; of this export nothing is left in ``folder`` then.
    """
    started, at = perf_counter(), datetime.now(UTC)
    partial = folder / f"{name or request.stem(at)}{PARTIAL}"
    with _told_in_words(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with _told_in_words(folder), database.reading("export") as connection:
            written = _write(connection, request, partial, ledger or Unrecorded(), most_bytes)
        path = folder / (name or f"{request.stem(at)}_{written.rows}rows.{request.format}")
        with _told_in_words(folder):
            sidecar = _finished(path, request, written, partial, at)
    finally:
        partial.unlink(missing_ok=True)
    return Exported(
        path,
        sidecar,
        rows=written.rows,
        of_rows=written.of_rows,
        missing=written.missing,
        not_found=written.not_found,
        neutralised=written.file.neutralised,
        size_bytes=path.stat().st_size,
        elapsed_s=perf_counter() - started,
    )


def _finished(path: Path, request: ExportRequest, written: Written, partial: Path, at: datetime) -> Path:
    """Give the file its name, with its sidecar beside it, or leave neither."""
    sidecar = path.with_name(path.name + SIDECAR)
    try:
        write_sidecar(sidecar, request, written, partial, at)
        partial.rename(path)
    except BaseException:
        sidecar.unlink(missing_ok=True)
        raise
    return sidecar


def _write(
    connection: Connection, request: ExportRequest, path: Path, ledger: Ledger, most_bytes: int | None
) -> Written:
    column, kind = find_column(connection, request.column), format_named(request.format)
    selection = request.selection(column)
    check(selection.where, other_columns(connection, column))
    columns = exported_columns(connection, column)
    batches = stream(connection, selection, columns, kind.form, patient=most_bytes is None)
    rows = of_rows = 0
    with closing(kind.open(path, columns, request.bom)) as file:
        for of_rows, batch in batches:
            file.write(batch)
            rows += len(batch)
            ledger.tell(Progress(rows, min(of_rows, request.rows or of_rows), "rows", "exporting"))
            _check_size(path, most_bytes)
    _check_count(rows, min(of_rows, request.rows or of_rows))
    absent = not_found(connection, selection) if of_rows < len(selection.keys or ()) else ()
    if absent and not rows:
        raise RequestError(
            f"Not found in {column.schema}.{column.table}: {', '.join(absent)}.", "Name rows that are there."
        )
    sql, server = as_sql(connection, selection, columns), capabilities(connection)
    return Written(selection, columns, file, rows, of_rows, absent, sql, server)


def _check_size(path: Path, most_bytes: int | None) -> None:
    if most_bytes is not None and path.stat().st_size > most_bytes:
        raise RequestError(
            f"The file has grown over {most_bytes / 2**20:,.0f} MB.", "Export it as a job, or fewer rows."
        )


def _check_count(rows: int, expected: int) -> None:
    if rows != expected:
        raise DashboardError(
            f"The server counted {counted(expected)} and returned {rows:,}: nothing of it was kept.",
            "What the view or the filter computes changes from one look to the next; export a table.",
        )


@contextmanager
def _told_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OutOfSpace(f"The disk that holds {folder} is full.", "Free some space there.") from error
        raise RequestError(
            f"Nothing can be written to {folder}: {error.strerror or error}.", "Choose another folder."
        ) from error
