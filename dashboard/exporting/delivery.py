"""Handing an export over: packed with its sidecar for a browser, or kept by a job until it is fetched."""

from __future__ import annotations

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

from dashboard.exporting.request import ExportRequest
from dashboard.exporting.run import export
from dashboard.exporting.sidecar import SIDECAR
from db.engine import Database
from db.progress import Ledger

PAGE_ROWS = 100_000
PAGE_BYTES = 64 << 20
"""What a click waits for, and what stands in the memory of the server until the browser has it."""

PACKED_BYTES = 256 << 20
"""The largest kept file that goes to a browser; a larger one is fetched from the disk it is on."""

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that a job has written, below VECTORSCOPE_HOME."""

    path: Path
    size_bytes: int

    def packed(self) -> bytes:
        """Make a ZIP of the file and its sidecar."""
        return _zip(self.path)


def pack(database: Database, request: ExportRequest) -> bytes:
    """Export at once, and make a ZIP of the file and its sidecar.

    One archive, as the sidecar tells of this very file: fetched apart, each would be another export.

    Raises RequestError beyond PAGE_BYTES, and StatementTimeout as any page does.
    """
    with TemporaryDirectory(prefix="vectorscope-export-") as folder:
        return _zip(export(database, request, Path(folder), most_bytes=PAGE_BYTES).path)


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
