"""Where a reader's files lie until they are imported, and how long."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

KEPT_S = 24 * 3600
"""How long a file stays that no job is to read."""


def uploads_in(home: Path) -> Path:
    """Name the folder of uploads; each lies in a folder of its own below it."""
    return home.resolve() / "uploads"


def sweep_uploads(home: Path, in_use: Collection[str]) -> None:
    """Delete every upload older than a day, unless ``in_use`` names a file of it."""
    folder = uploads_in(home)
    busy = {Path(path).parent for path in in_use}
    for upload in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # another worker may sweep, too
            if upload not in busy and time.time() - upload.stat().st_mtime > KEPT_S:
                shutil.rmtree(upload)
