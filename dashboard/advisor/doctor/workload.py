"""The server's own workload in the doctor's hands: its vector searches by their time, each diagnosed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import asdict, dataclass
from itertools import pairwise
from time import monotonic
from typing import Any

from pglast import ast
from pglast.parser import ParseError, scan
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from dashboard.advisor.doctor.diagnose import NOTHING_COMPARED, Diagnosis, diagnose
from dashboard.advisor.doctor.ordering import distance_in
from dashboard.advisor.doctor.parameters import ASSUMED_LIMIT
from dashboard.advisor.doctor.statement import read_statement
from dashboard.advisor.doctor.syntax import statements, walk
from db.catalog import vector_columns
from db.columns import VectorColumn
from db.errors import Cancelled, ConnectionFailed, DashboardError
from db.savepoint import within
from db.translation import translate
from db.workload import Called, Workload, read_workload

MOST = 20
"""Statements looked at, those that took the most time."""

EACH_MS = 5_000
BUDGET_S = 10.0
"""What a question about one statement may take, and after how long no further statement is begun."""

_TYPE_NAMES = frozenset({"IDENT", "INTERVAL", "TIMESTAMP", "TIME"})
"""Tokens before a constant that give its type: ``interval '1 day'``."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of the workload, and its ``share`` of the time of all that this database was asked.

    ``sql`` is what the doctor is given for it.  Without a ``diagnosis`` there is a ``reason``.
    """

    called: Called
    share: float
    sql: str
    diagnosis: Diagnosis | None = None
    reason: str | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """Name the rules that speak, those on the index first."""
        if self.diagnosis is None:
            return ()
        found = (*self.diagnosis.findings, *self.diagnosis.truncation)
        return tuple(dict.fromkeys(finding.rule for finding in found))

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form."""
        found = self.diagnosis.to_document() if self.diagnosis else {}
        found.pop("plan", None)
        return {
            **asdict(self.called),
            "share": self.share,
            "reason": self.reason,
            "diagnosis": found or None,
        }


@dataclass(frozen=True, slots=True)
class WorkloadDiagnosis:
    """Every statement that searches a vector column known here, by its time; ``left_out`` more were found."""

    workload: Workload
    entries: tuple[Entry, ...]
    left_out: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the workload is not in the entries."""
        told = []
        if self.workload.hidden:
            share = self.workload.hidden_ms / (self.workload.total_ms or 1)
            told.append(
                f"{self.workload.hidden:,} of {self.workload.counted:,} statements, {share:.1%} of the time, "
                "are other people's, and this login may not read them: GRANT pg_read_all_stats to it."
            )
        if self.left_out:
            told.append(f"{self.left_out:,} more search a vector column, and took less time.")
        return tuple(told)

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form, as ``doctor --workload --json`` prints it."""
        return {
            "counted": self.workload.counted,
            "total_ms": self.workload.total_ms,
            "hidden": self.workload.hidden,
            "hidden_ms": self.workload.hidden_ms,
            "statements": [entry.to_document() for entry in self.entries],
            "left_out": self.left_out,
            "notes": list(self.notes),
        }


def diagnose_workload(connection: Connection) -> WorkloadDiagnosis:
    """Diagnose what this database is asked, from pg_stat_statements; nothing is run.

    ``connection`` is as for ``diagnose``.  Raises SetupError and PermissionDenied where there is nothing
    to read (see ``read_workload``).
    """
    workload = read_workload(connection)
    found = list(_searches(workload.statements, vector_columns(connection)))
    begun, entries = monotonic(), []
    for called, sql in found[:MOST]:
        share = called.total_ms / (workload.total_ms or 1)
        if monotonic() - begun > BUDGET_S:
            reason = "The time for this look was up; have it diagnosed by itself."
            entries.append(Entry(called, share, sql, reason=reason))
        else:
            entries.append(Entry(called, share, sql, *_diagnosed(connection, sql)))
    return WorkloadDiagnosis(workload, tuple(entries), len(found) - len(entries))


def _searches(found: Iterable[Called], columns: Iterable[VectorColumn]) -> Iterator[tuple[Called, str]]:
    """Yield the statements that compare vectors of a table that is known, each as the doctor is given it."""
    tables = {(column.schema, column.table) for column in columns}
    known = {*tables, *((None, table) for _, table in tables)}
    for called in found:
        sql = _with_casts(called.sql)
        try:
            trees = statements(sql)
        except ParseError:
            if any(table in sql for _, table in tables):
                yield called, sql
            continue
        # Whoever asked for a plan has searched nothing.
        if not any(isinstance(tree, ast.ExplainStmt) for tree in trees) and _is_search(trees, known):
            yield called, _with_limit(sql, called)


def _is_search(trees: list[Any], known: Set[tuple[str | None, str]]) -> bool:
    nodes = list(walk(trees))
    tables = {(node.schemaname, node.relname) for node in nodes if isinstance(node, ast.RangeVar)}
    return bool(tables & known) and any(distance_in(node) for node in nodes)


def _with_casts(sql: str) -> str:
    """Write a constant's type as a cast: the server leaves ``interval $1`` of it, which is no SQL.

    >>> _with_casts("SELECT now() - interval $1 LIMIT $2")
    'SELECT now() - CAST($1 AS interval) LIMIT $2'
    """
    try:
        tokens = scan(sql)
    except ParseError:
        return sql
    written, end = [], 0
    for before, token in pairwise(tokens):
        if token.name == "PARAM" and before.name in _TYPE_NAMES:
            kind, parameter = sql[before.start : before.end + 1], sql[token.start : token.end + 1]
            written += [sql[end : before.start], f"CAST({parameter} AS {kind})"]
            end = token.end + 1
    return "".join([*written, sql[end:]])


def _with_limit(sql: str, called: Called) -> str:
    """Write for LIMIT's constant, which the server forgets, how many rows a call brought.

    That is at least 1 and at most the LIMIT; where none came at all, the doctor's own assumption.
    """
    try:
        statement = read_statement(sql)
    except DashboardError:
        return sql
    select = statement.parsed()
    limits = [node.number or 0 for node in walk(select.limitCount) if isinstance(node, ast.ParamRef)]
    if not isinstance(select.limitCount, ast.ParamRef):
        return sql
    rows = max(1, round(called.rows / max(called.calls, 1))) if called.rows else ASSUMED_LIMIT
    numbers = range(1, len(statement.parameters) + 1)
    left = iter(range(1, len(numbers) + 1))
    return statement.with_values({n: str(rows) if n in limits else f"${next(left)}" for n in numbers})


def _diagnosed(connection: Connection, sql: str) -> tuple[Diagnosis | None, str | None]:
    """Diagnose one statement, or say why that cannot be done."""
    try:
        with within(connection, EACH_MS):
            found = diagnose(connection, sql)
    except (Cancelled, ConnectionFailed):
        raise
    except DashboardError as error:
        return None, error.message
    except DBAPIError as error:
        told = translate(error, "this server")
        if isinstance(told, Cancelled | ConnectionFailed):
            raise
        return None, told.message
    return (None, NOTHING_COMPARED) if NOTHING_COMPARED in found.notes else (found, None)
