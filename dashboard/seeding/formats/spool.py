"""Batches that the sandbox made, kept until they are read again: parsing is what an import spends most on.

They lie in a file without a name, which is gone with whoever holds it, also when that is killed.
"""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from dashboard.seeding.formats import wire
from dashboard.seeding.formats.hashing import Stamp
from dashboard.seeding.formats.table import Batch, Wanted
from dashboard.seeding.sandbox import Packed, put, received

LIMIT_BYTES = 1 << 30
"""What is kept at most; a longer file is parsed again."""
SHARE_OF_FREE = 4
"""At most one part in so many of what the disk has free is taken."""


class Spool:
    """The batches of one reading of a file; ``is_whole`` once all of them are kept.

    ``stamp`` is the file's from before it was read: while it holds, nothing need be read again to know it.
    """

    def __init__(self) -> None:
        self.is_whole = False
        self.stamp: Stamp = ()
        self._fd, name = tempfile.mkstemp(prefix="vectorscope-")
        Path(name).unlink()
        weakref.finalize(self, os.close, self._fd)

    def keep(self, batches: Iterator[Packed]) -> Iterator[Packed]:
        """Hand the batches on, each written down; none is kept where all of them would be too much."""
        room = min(LIMIT_BYTES, shutil.disk_usage(tempfile.gettempdir()).free // SHARE_OF_FREE)
        writer: pa.RecordBatchStreamWriter | None = None
        with os.fdopen(self._fd, "wb", buffering=0, closefd=False) as file:
            for batch, metadata in batches:
                room -= batch.nbytes
                if room < 0:
                    file.truncate(0)
                else:
                    writer = writer or pa.ipc.new_stream(file, batch.schema)
                    try:
                        put(writer, batch, metadata)
                    except OSError:  # somebody else has filled the disk
                        room = 0
                yield batch, metadata
            self.is_whole = writer is not None and room > 0

    def read(self, columns: Mapping[str, Wanted], start_row: int) -> Generator[Batch]:
        """Read the kept rows after ``start_row`` again; their arrays look at the file's pages."""
        for packed, metadata in received(pa.py_buffer(mmap.mmap(self._fd, 0, access=mmap.ACCESS_READ))):
            passed = max(start_row + 1 - metadata["start"], 0)
            if passed < metadata["rows"]:
                batch = wire.unpacked(packed.slice(passed), metadata, columns)
                start = batch.start + passed
                faults = tuple(fault for fault in batch.faults if fault.row >= start)
                yield Batch(start, batch.rows - passed, batch.values, faults)
