"""The job that times a small build, from which the time of the whole is forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dashboard.indexing.request import BuildRequest
from dashboard.indexing.run import Work
from db import inspections
from db.catalog import find_column
from db.index_forecast import build_settings, heap_bytes
from db.index_trial import try_build
from db.progress import Progress

KIND = "trial_build"

SPILLED = 3
"""So many times slower is what no longer fits into memory.  Source: measured like for like, all cached."""

WITHIN = 1.5
"""By what factor a forecast from a build of so much fewer rows may be wrong."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A build that was timed: how many rows took how long, and where that is from.

    ``insert_ms`` is what a row more took with the index, ``plain_ms`` without; None where nobody timed it.
    """

    rows: int
    build_s: float
    source: str
    insert_ms: float | None = None
    plain_ms: float | None = None

    def forecast_s(self, rows: int, fits: float, *, spills: bool) -> float:
        """Forecast the time for ``rows`` rows, a share ``fits`` of which stays in memory: n log n.

        >>> Timed(10_000, 10.0, "").forecast_s(100_000, 1.0, spills=True)
        125.0
        """
        whole_s = self.build_s * (rows * math.log(rows)) / (self.rows * math.log(self.rows))
        return whole_s * (fits + (1 - fits) * SPILLED) if spills else whole_s


def trial_build(work: Work, request: BuildRequest) -> dict[str, Any]:
    """Time a build on a sample, and inserts, and keep the figures beside the column's inspections."""
    work.ledger.tell(Progress(0, 0, "rows", "copying a sample"))
    with work.database.reading("trial build") as connection:
        column = find_column(connection, request.column)
        server = build_settings(connection)
    plan = request.plan(column)
    heap = heap_bytes(max(column.rows or 1, 1), column.dimensions or 1, column.type)
    trial = try_build(
        work.database,
        plan,
        number=work.job_id,
        workers=server.workers(heap),
        settings=request.settings,
        watch=work.ledger.tell,
    )
    figures = {
        "index": request.index,
        "rows": trial.rows,
        "build_s": trial.built.build_s,
        "insert_ms": trial.indexed_ms,
        "plain_ms": trial.plain_ms,
    }
    with work.database.writing("trial build") as connection, connection.begin():
        inspections.store(
            connection,
            column,
            KIND,
            params=request.to_params(),
            result={"summary": figures},
            created_by=work.created_by,
            job_id=work.job_id,
        )
        work.ledger.save(connection, Progress(1, 1, "", "done"), {"trial": figures})
    return figures
