"""Files that can be imported: what is in one, and its rows in batches.

    from dashboard.seeding.formats import Wanted, contents, read_batches

    found = contents(path)                                # bounded work, in the sandbox
    wanted = {"id": Wanted("integer"), "embedding": Wanted("vector", 384)}
    with closing(read_batches(path, wanted, start_row=0)) as batches:
        for batch in batches:                             # constant memory
            batch.values["embedding"], batch.faults       # rows batch.start to batch.start + batch.rows - 1

A row or value that cannot be read is a Fault of its batch and costs nothing but itself; a file that
cannot be used is a RequestError.  ``start_row`` rows are passed over, so that a cut-off import goes on.
"""

from dashboard.seeding.formats.door import contents, known_as, opened, read_batches, regular
from dashboard.seeding.formats.hashing import unchanged
from dashboard.seeding.formats.spool import Spool
from dashboard.seeding.formats.table import (
    FAULTS,
    KINDS,
    Batch,
    Contents,
    Dataset,
    Fault,
    FileColumn,
    Wanted,
)

__all__ = [
    "FAULTS",
    "KINDS",
    "Batch",
    "Contents",
    "Dataset",
    "Fault",
    "FileColumn",
    "Spool",
    "Wanted",
    "contents",
    "known_as",
    "opened",
    "read_batches",
    "regular",
    "unchanged",
]
