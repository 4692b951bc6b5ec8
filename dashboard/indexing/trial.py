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
from db.index_trial import Trial, try_build
from db.progress import Progress

KIND = "trial_build"

SPILLED = 3
"""So many times slower is what no longer fits into memory.  Source: measured like for like, all cached."""

EXPONENTS = (1.0, 1.5)
"""No build takes less for a row of more; over the upper bound it was the machine that was busy."""

WITHIN = 1.5
"""By what factor a forecast from a build of so much fewer rows may be wrong."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A build that was timed: how many rows took how long, and where that is from.

    ``insert_ms`` is what a row more took with the index, ``plain_ms`` without; None where nobody timed it.
    ``exponent`` is by what power of the rows the time grew up to here, where a smaller build was timed too.
    """

    rows: int
    build_s: float
    source: str
    insert_ms: float | None = None
    plain_ms: float | None = None
    exponent: float | None = None

    def forecast_s(self, rows: int, fits: float, *, spills: bool) -> float:
        """Forecast the time for ``rows`` rows, a share ``fits`` of which stays in memory.

        It grows as it did between two builds, else by n log n, which leaves out what memory costs once the
        caches of the processor hold the graph no longer.

        >>> Timed(10_000, 10.0, "").forecast_s(100_000, 1.0, spills=True)
        125.0
        >>> round(Timed(10_000, 10.0, "", exponent=1.2).forecast_s(100_000, 1.0, spills=True), 1)
        158.5
        """
        if self.exponent is not None:
            whole_s = self.build_s * math.pow(rows / self.rows, self.exponent)
        else:
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
    rows, build_s, exponent = grown(trial)
    figures = {
        "index": request.index,
        "rows": rows,
        "build_s": build_s,
        "exponent": exponent,
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


def grown(trial: Trial) -> tuple[int, float, float | None]:
    """Give the larger of two trial builds, its time, and by what power of the rows that grew."""
    if trial.larger_rows is None or trial.larger_s is None:
        return trial.rows, trial.built.build_s, None
    power = math.log(trial.larger_s / trial.built.build_s) / math.log(trial.larger_rows / trial.rows)
    low, high = EXPONENTS
    return trial.larger_rows, trial.larger_s, min(max(power, low), high)
