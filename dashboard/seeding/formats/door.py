"""The two questions asked of a file, and which process answers them.

.npy and .fvecs are nothing but bytes after a header of a few fields: once the header and the size agree
there is nothing left to parse, and their rows are read here, straight into the arrays that COPY sends.
(Read, not mapped: a file cut short while it is mapped ends the process that reads it.)  Everything else
goes through a parser or a decompressor, and so through the sandbox, both times.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dashboard.seeding import sandbox
from dashboard.seeding.formats import wire
from dashboard.seeding.formats.reading import as_wanted
from dashboard.seeding.formats.recognise import recognised
from dashboard.seeding.formats.table import Batch, Contents, Wanted
from dashboard.seeding.sandbox import Limits
from db.errors import RequestError

INSIDE = "dashboard.seeding.formats.inside"


def contents(path: str | Path, *, dataset: str | None = None) -> Contents:
    """Say what is in a file, in the sandbox; ``dataset`` chooses one of those in an HDF5 file.

    CSV and JSON are read through; of the others only the header or footer and the first rows are.

    Raises RequestError where the file cannot be used.
    """
    file = regular(path)
    request = {"path": str(file), "dataset": dataset}
    found = sandbox.answer(INSIDE, "contents", request, Limits.of(file))
    return replace(wire.contents_of(found), sha256=sha256_of(file))


def read_batches(
    path: str | Path, columns: Mapping[str, Wanted], *, start_row: int = 0, dataset: str | None = None
) -> Generator[Batch]:
    """Read the rows after ``start_row``, of each the ``columns``, in batches of about 4 MB.

    Close it when leaving early.

    Raises RequestError where the file cannot be used or lacks a column, when the batches before are out.
    """
    file = regular(path)
    form = recognised(file)
    if form.bare:
        yield from as_wanted(form.batches(file, tuple(columns), start_row, dataset), columns)
        return
    request: dict[str, Any] = {
        "path": str(file),
        "columns": {name: asdict(wanted) for name, wanted in columns.items()},
        "start_row": start_row,
        "dataset": dataset,
    }
    with closing(sandbox.stream(INSIDE, "batches", request, Limits.of(file))) as packed:
        for batch, metadata in packed:
            yield wire.unpacked(batch, metadata, columns)


def regular(path: str | Path) -> Path:
    """Make the path of a file that can be read, absolute.

    Raises RequestError for anything else: a pipe may never begin, a device never end.
    """
    file = Path(path).absolute()
    try:
        if stat.S_ISREG(file.stat().st_mode):
            with file.open("rb"):
                return file
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise RequestError(
            f"The file {str(path)!r} cannot be read: {why}.", "Check the path, and that it may be read."
        ) from error
    raise RequestError(
        f"The file {str(path)!r} cannot be read: it is a directory, a pipe or a device.",
        "Choose a regular file.",
    )


def sha256_of(path: str | Path) -> str:
    """Hash a file, by which a later step knows that it is still the same."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
