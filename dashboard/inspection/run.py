"""The job that looks at a column: draw a sample, count what can be counted, check, and keep the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection

from dashboard.inspection.checks import CHECKS
from dashboard.inspection.curves import curves
from dashboard.inspection.evidence import Evidence, gather
from dashboard.inspection.finding import Finding
from dashboard.inspection.report import report
from db import inspections
from db.catalog import ColumnInfo, default_distance, find_column
from db.distance import Distance, distance_named, distances_for
from db.engine import Database
from db.errors import RequestError
from db.progress import Ledger, Progress
from db.quality import count_column, rows_sql
from db.sampling import take_sample
from db.savepoint import set_for_now
from db.words import counted

KIND = "inspect"

ROWS, SEED = 20_000, 42
MOST_ROWS = 50_000
"""Every row is compared with every other: 50,000 take about a minute and a half."""

SAMPLE_TIMEOUT = "120s"
"""A job may wait longer for its sample than a page."""


@dataclass(frozen=True, slots=True)
class InspectRequest:
    """What to look at.  ``distance`` is a stem; None takes that of the column's index, else cosine.

    Raises RequestError for a sample that is too large, or empty.
    """

    column: str
    rows: int = ROWS
    seed: int = SEED
    distance: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.rows <= MOST_ROWS:
            raise RequestError(
                f"A sample of {self.rows:,} rows cannot be inspected.", f"Ask for 1 to {MOST_ROWS:,} rows."
            )

    def to_params(self) -> dict[str, Any]:
        """Make the job's parameters."""
        return asdict(self)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> InspectRequest:
        """Read a job's parameters."""
        return cls(**params)


def inspect(
    database: Database, request: InspectRequest, ledger: Ledger, *, created_by: str, job_id: int | None
) -> int:
    """Inspect a column and return the number the report is kept under.

    Raises RequestError for a column or distance that is not there; StatementTimeout where the table is too
    slow to be sampled.
    """
    if "inspection" in ledger.checkpoint:
        return int(ledger.checkpoint["inspection"])
    ledger.tell(Progress(0, 0, "rows", "drawing a sample"))
    with database.reading("inspect", vectors=True) as connection:
        column = find_column(connection, request.column)
        with set_for_now(connection, {"statement_timeout": SAMPLE_TIMEOUT}):
            sample = take_sample(connection, column, rows=request.rows, seed=request.seed)
        ledger.tell(Progress(0, 0, "rows", "counting what SQL can count"))
        counts = count_column(connection, column)
    ledger.log(f"drew {counted(sample.drawn)}: {sample.method}, seed {sample.seed}")
    evidence = gather(
        column,
        _distance(column, request),
        sample,
        counts,
        tell=lambda done, total: ledger.tell(Progress(done, total, "rows", "comparing every pair")),
    )
    findings = _ask(evidence, ledger)
    with database.reading("inspect") as connection:
        sql = _statements(connection, column, findings)
    with database.writing("inspect") as connection, connection.begin():
        number = inspections.store(
            connection,
            column,
            KIND,
            params=request.to_params(),
            result=report(evidence, findings, sql, curves(evidence)).to_document(),
            created_by=created_by,
            job_id=job_id,
        )
        done = Progress(len(CHECKS), len(CHECKS), "checks", "done")
        ledger.save(connection, done, {"inspection": number})
    return number


def _distance(column: ColumnInfo, request: InspectRequest) -> Distance:
    distance = distance_named(request.distance) if request.distance else default_distance(column)
    if distance not in distances_for(column.type):
        raise RequestError(f"{distance.label} distance is not defined for {column.type}.", "Choose another.")
    return distance


def _ask(evidence: Evidence, ledger: Ledger) -> dict[str, Finding]:
    findings = {}
    for done, check in enumerate(CHECKS):
        ledger.tell(Progress(done, len(CHECKS), "checks", check.label))
        findings[check.key] = check.find(evidence)
    return findings


def _statements(
    connection: Connection, column: ColumnInfo, findings: Mapping[str, Finding]
) -> dict[str, str]:
    written = {
        key: rows_sql(connection, column, finding.problem, finding.rows)
        for key, finding in findings.items()
        if finding.problem
    }
    beside = {
        named.label: rows_sql(connection, column, "keys", named.rows)
        for finding in findings.values()
        for named in finding.beside
    }
    return written | beside
