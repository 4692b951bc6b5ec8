"""A file's rows once more, after they were looked at: from what that has kept, or by parsing it again."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from dashboard.seeding.formats import Batch, Spool, Wanted, read_batches
from dashboard.seeding.imports.request import ImportRequest


def batches_again(
    request: ImportRequest, wanted: Mapping[str, Wanted], spool: Spool, start_row: int = 0
) -> Generator[Batch]:
    """Read the rows after ``start_row``, of each the columns ``wanted`` when the file was looked at."""
    if spool.is_whole:
        return spool.read(wanted, start_row)
    return read_batches(request.path, wanted, start_row=start_row, dataset=request.dataset)
