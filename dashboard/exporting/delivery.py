"""Handing an export over: packed with its sidecar for a browser, or kept by a job until it is fetched."""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from dashboard import auditing
from dashboard.exporting.request import ExportRequest
from dashboard.exporting.run import export
from dashboard.exporting.sidecar import SIDECAR
from dashboard.identity import Principal, Role, require
from db import jobs
from db.engine import Database
from db.errors import NotMigrated, NotPermitted, ReadOnlyServer, RequestError
from db.jobs import Job
from db.progress import Ledger

logger = logging.getLogger(__name__)

ROLE = Role.ANALYST
"""Who may take rows away."""

PAGE_ROWS = 100_000
PAGE_BYTES = 64 << 20
"""What a click waits for, and what stands in the memory of the server until the browser has it."""

PACKED_BYTES = 256 << 20
"""The largest kept file that is packed with its sidecar; a larger one is sent as it lies, piece by piece."""

_DAY_S = 86_400
_FOLDER = re.compile(r"[0-9a-f]{8}-(\d{1,18})-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that a job has written, below VECTORSCOPE_HOME."""

    path: Path
    size_bytes: int

    @property
    def addresses(self) -> tuple[str, str]:
        """Where the server hands out the file, and its sidecar."""
        at = f"/exports/{self.path.parent.name}/{quote(self.path.name)}"
        return at, at + SIDECAR


def pack(database: Database, principal: Principal, request: ExportRequest) -> bytes:
    """Export at once, and make a ZIP of the file and its sidecar; the audit log tells who took it.

    One archive, as the sidecar tells of this very file: fetched apart, each would be another export.

    Raises NotPermitted, RequestError beyond PAGE_BYTES, and StatementTimeout as any page does.
    """
    require(principal, ROLE, "export rows")
    with TemporaryDirectory(prefix="vectorscope-export-") as folder:
        exported = export(database, request, Path(folder), most_bytes=PAGE_BYTES)
        packed = _zip(exported.path)
    taken = {"scope": request.scope, "where": request.where, **exported.to_document()}
    _record(database, principal, request.column, taken)
    return packed


def pack_kept(database: Database, principal: Principal, job: Job, file: Kept) -> bytes:
    """Make a ZIP of what a job has written and its sidecar; the audit log tells who took it.

    Raises NotPermitted for a job of somebody else.
    """
    check_owner(principal, job)
    packed = _zip(file.path)
    _record(database, principal, job.params["column"], {"file": file.path.name}, job.id)
    return packed


def fetch(database: Database, principal: Principal, home: Path, folder: str, name: str) -> Path:
    """Find a file that a job has written, or its sidecar, by its address; the audit log tells who took it.

    Raises RequestError where there is none, and NotPermitted for a job of somebody else.
    """
    found = _FOLDER.fullmatch(folder)
    if found is None:
        raise RequestError("There is no such export.")
    with database.reading("export") as connection:
        job = jobs.get(connection, int(found[1]))
    told = job.result or {}
    if told.get("folder") != folder or name not in {told["file"], told["sidecar"]}:
        raise RequestError("There is no such export.")
    check_owner(principal, job)
    path = _exports(home) / folder / name
    if not path.is_file():
        raise RequestError("The file was removed: exports are kept for some days only.", "Export it again.")
    _record(database, principal, job.params["column"], {"file": name}, job.id)
    return path


def check_owner(principal: Principal, job: Job) -> None:
    """Raise NotPermitted unless the principal asked for the export, or is an administrator."""
    if principal.name != job.created_by and principal.role < Role.ADMIN:
        raise NotPermitted(
            f"The export of job {job.id} is {job.created_by}'s: only they or an administrator may fetch it."
        )


def _record(
    database: Database,
    principal: Principal,
    column: str,
    detail: Mapping[str, Any],
    job_id: int | None = None,
) -> None:
    """Write who took what: into our own log where the database has no audit log, or cannot be written to."""
    try:
        with database.writing("export") as connection, connection.begin():
            auditing.record(connection, principal, "fetch export", column, detail=detail, job_id=job_id)
    except (NotMigrated, ReadOnlyServer) as error:
        logger.warning("%s fetched rows of %s: %s", principal.name, column, error.message)


def keep(
    database: Database, request: ExportRequest, home: Path, ledger: Ledger, *, job_id: int
) -> dict[str, Any]:
    """Export into a folder of the job's own, and say as its result what is there.

    What an attempt that was killed has left in such a folder goes first.  The folder's name ends in a
    random part, so that nobody finds it who was not told.
    """
    owner = f"{sha256(database.label.encode()).hexdigest()[:8]}-{job_id}-"
    for left in _exports(home).glob(f"{owner}*"):
        shutil.rmtree(left)
    folder = _exports(home) / f"{owner}{secrets.token_hex(8)}"
    folder.mkdir(parents=True, mode=0o700)
    try:
        exported = export(database, request, folder, ledger)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return {"folder": folder.name} | exported.to_document()


def kept(home: Path, result: Mapping[str, Any]) -> Kept | None:
    """Find what a job's ``result`` tells of; None where it was swept away."""
    path = _exports(home) / str(result["folder"]) / str(result["file"])
    return Kept(path, path.stat().st_size) if path.is_file() else None


def sweep_exports(home: Path, keep_days: int) -> None:
    """Remove the exports that nobody needs any more, and what killed attempts have left, by age."""
    oldest = time.time() - keep_days * _DAY_S
    for folder in _exports(home).glob("*-*-*"):
        with suppress(FileNotFoundError):  # another worker sweeps, too
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder)


def _exports(home: Path) -> Path:
    return home.resolve() / "exports"


def _zip(path: Path) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in (path, path.with_name(path.name + SIDECAR)):
            archive.write(member, member.name)
    return packed.getvalue()
