"""The two questions asked of a file, and which process answers them.

.npy and .fvecs are nothing but bytes after a header of a few fields: once the header and the size agree
there is nothing left to parse, and their rows are read here, straight into the arrays that COPY sends.  So
is a header that is to the letter what everybody's is; one that must be parsed is, first, in the sandbox.
(Read, not mapped: a file cut short while it is mapped ends the process that reads it.)  Everything else
goes through a parser or a decompressor, and so through the sandbox, both times.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dashboard.seeding import sandbox
from dashboard.seeding.formats import wire
from dashboard.seeding.formats.reading import as_wanted
from dashboard.seeding.formats.recognise import is_plain, recognised
from dashboard.seeding.formats.spool import Spool
from dashboard.seeding.formats.table import Batch, Contents, Wanted
from dashboard.seeding.sandbox import Limits
from db.errors import RequestError

INSIDE = "dashboard.seeding.formats.inside"


def contents(path: str | Path, *, dataset: str | None = None) -> Contents:
    """Say what is in a file; see ``File.contents``."""
    with opened(path) as file:
        return file.contents(dataset)


def read_batches(
    path: str | Path, columns: Mapping[str, Wanted], *, start_row: int = 0, dataset: str | None = None
) -> Generator[Batch]:
    """Read a file's rows; see ``File.batches``.  Close it when leaving early."""
    with opened(path) as file:
        yield from file.batches(columns, start_row=start_row, dataset=dataset)


@contextmanager
def opened(path: str | Path) -> Iterator[File]:
    """Lend a file to be asked; a process that parses it is started when it is needed, and but once.

    Raises RequestError for what is no file, or cannot be read.
    """
    file = regular(path)
    with ExitStack() as stack:
        yield File(file, cache(lambda: stack.enter_context(sandbox.reader(INSIDE, Limits.of(file)))))


@contextmanager
def known_as(path: str | Path, name: str) -> Iterator[None]:
    """Call a file in refusals what its reader calls it, where ``path`` is that of a copy."""
    try:
        yield
    except RequestError as refused:
        kept = Path(path).name
        if not name or name == kept:
            raise
        told, remedy = (
            sentence.replace(str(path), name).replace(kept, name)
            for sentence in (refused.message, refused.remedy)
        )
        raise type(refused)(told, remedy) from refused


@dataclass(frozen=True, slots=True)
class File:
    """A file that can be imported; ``inside`` gives the process that parses it."""

    path: Path
    inside: Callable[[], sandbox.Reader]

    def contents(self, dataset: str | None = None) -> Contents:
        """Say what is in the file; ``dataset`` chooses one of those in an HDF5 file.

        CSV and JSON are read through; of the others only the header or footer and the first rows are.

        Raises RequestError where the file cannot be used.
        """
        if is_plain(self.path):
            return recognised(self.path).survey(self.path, dataset)
        found = self.inside().answer("contents", {"path": str(self.path), "dataset": dataset})
        return wire.contents_of(found)

    def batches(
        self,
        columns: Mapping[str, Wanted],
        *,
        start_row: int = 0,
        dataset: str | None = None,
        spool: Spool | None = None,
    ) -> Iterator[Batch]:
        """Read the rows after ``start_row``, of each the ``columns``, in batches of about 1 MB.

        What comes out of the sandbox is kept in ``spool`` besides.

        Raises RequestError where the file cannot be used or lacks a column, when the batches before are
        out.
        """
        form = recognised(self.path)
        if form.bare:
            yield from as_wanted(form.batches(self.path, tuple(columns), start_row, dataset), columns)
            return
        request: dict[str, Any] = {
            "path": str(self.path),
            "columns": {name: asdict(wanted) for name, wanted in columns.items()},
            "start_row": start_row,
            "dataset": dataset,
        }
        packed = self.inside().stream("batches", request)
        for batch, metadata in packed if spool is None else spool.keep(packed):
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
