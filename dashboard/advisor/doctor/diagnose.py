"""The doctor: one statement in, why it does or does not use a vector index, and what it will miss."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from dashboard.advisor.doctor.case import Case, examine, walks_index
from dashboard.advisor.doctor.effects import refuse_effects
from dashboard.advisor.doctor.ordering import orderings
from dashboard.advisor.doctor.rule import Asks, Finding, Fix, NoRewrite, Symptom
from dashboard.advisor.doctor.rules import DOCTOR_RULES
from dashboard.advisor.doctor.statement import Statement, read_statement
from dashboard.advisor.doctor.tables import searched_column
from db.errors import RequestError
from db.explain import Node, Plan
from db.pasted import explain_pasted

COLD_SHARE = 0.1
"""Of the pages a search wants: from so many fetched on, it was cold, as a benchmark's trials are called."""

NOTHING_COMPARED = "No vector column is compared in this statement."

_LONG_VECTOR = re.compile(r"' *\[([^',]+),[^']{30,}\]'")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor says of one statement.

    ``plan_node`` reads the searched table, by ``index``: a vector index, another, or None.
    ``sql`` is what was explained, with a value for each parameter, of which ``notes`` tell.
    """

    sql: str
    plan: Plan
    uses_index: bool
    index: str | None
    plan_node: str
    findings: tuple[Finding, ...]
    truncation: tuple[Finding, ...]
    notes: tuple[str, ...]

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form, as ``doctor --json`` prints it."""
        return {
            "uses_index": self.uses_index,
            "index": self.index,
            "plan_node": self.plan_node,
            "findings": [finding.to_document() for finding in self.findings],
            "truncation": [finding.to_document() for finding in self.truncation],
            "notes": list(self.notes),
            "sql": self.sql,
            "plan": self.plan.document,
        }


def diagnose(
    connection: Connection,
    pasted: str,
    settings: Mapping[str, str] | None = None,
    *,
    analyze: bool = False,
) -> Diagnosis:
    """Look at one SELECT under ``settings``, and run it only with ``analyze``.

    ``connection`` is in a read-only transaction with pgvector's library loaded, as
    ``Database.reading(..., vectors=True)`` lends it.

    Raises RequestError for what is not one SELECT, and with ``analyze`` for what may do more than answer;
    and what PostgreSQL says of it.
    """
    chosen = dict(settings or {})
    statement = read_statement(pasted)
    if analyze:
        refuse_effects(connection, statement, chosen)
    case = examine(connection, statement, chosen, analyze=analyze)
    notes = (*case.notes, *_cold(case), *([] if case.ordering else [NOTHING_COMPARED]))
    return Diagnosis(
        sql=case.sql,
        plan=case.plan,
        uses_index=case.uses_index,
        index=_index(case),
        plan_node=_read(case).node_type,
        findings=_findings(connection, case, chosen),
        truncation=_say(case, Asks.TRUNCATED),
        notes=notes,
    )


def _cold(case: Case) -> Iterator[str]:
    """C1: the time that was taken is that of a first search, whose pages had to be fetched."""
    read, hit = case.plan.root.read_blocks or 0, case.plan.root.hit_blocks or 0
    if read > COLD_SHARE * (read + hit):
        yield (
            f"C1, cold cache: {read:,} of {read + hit:,} pages were not in the server's memory, and had to "
            "be fetched. Run it again for the usual time; after a restart some searches warm an index."
        )


def _read(case: Case) -> Node:
    """The node that walks a vector index, else the one that reads the table."""
    return next((scan.node for scan in case.scans), case.plan.scan)


def _index(case: Case) -> str | None:
    below = (node.index_name for node in _read(case).walk())
    return next((name for name in below if name), None)


def _findings(connection: Connection, case: Case, settings: Mapping[str, str]) -> tuple[Finding, ...]:
    found = _seen(case, Asks.WHICH)
    if not case.uses_index:
        found = _seen(case, Asks.WHY_NOT) or found or _seen(case, Asks.WHY_NOT_AFTER_ALL)[:1]
    rewritten = _rewritten(connection, case, settings, [s.fix for _, s in found if s.fix])
    return tuple(
        replace(finding, rewritten_sql=rewritten if symptom.fix else None) for finding, symptom in found
    )


def _seen(case: Case, asks: Asks) -> list[tuple[Finding, Symptom]]:
    found = []
    for rule in DOCTOR_RULES:
        if rule.asks is asks and (symptom := rule.check(case)):
            finding = Finding(rule.name, rule.title, _shortened(symptom.evidence), symptom.remedy, None)
            found.append((finding, symptom))
    return found


def _shortened(evidence: str) -> str:
    """Leave out the elements of long vectors: nobody reads them.

    >>> _shortened("The sort key is e <=> '[0.12345678,0.12345678,0.12345678,0.12345678]' DESC.")
    "The sort key is e <=> '[0.12345678,...]' DESC."
    """
    return _LONG_VECTOR.sub(r"'[\1,...]'", evidence)


def _say(case: Case, asks: Asks) -> tuple[Finding, ...]:
    return tuple(finding for finding, _ in _seen(case, asks))


def _rewritten(
    connection: Connection, case: Case, settings: Mapping[str, str], fixes: Sequence[Fix]
) -> str | None:
    """Apply every fix to the statement; None unless the result is seen to use the index."""
    if not fixes:
        return None
    try:
        sql = _fixed(case, fixes)
        plan = explain_pasted(connection, sql, settings)
    except (NoRewrite, DBAPIError, RequestError):
        return None
    if not walks_index(plan, case.facts):
        return None
    for value, parameter in case.long_values:
        sql = sql.replace(value, parameter)
    return sql


def _fixed(case: Case, fixes: Sequence[Fix]) -> str:
    statement = Statement(case.sql, (), case.statement.cursor)
    tree = statement.parsed()
    for ordering in orderings(tree):
        through = case.searched is not None and case.searched.through
        searched = searched_column(ordering, tree, case.facts, through=through)
        if searched and _same_place(ordering, case):
            for fix in fixes:
                fix(ordering, case)
            return statement.printed(tree)
    raise NoRewrite


def _same_place(ordering: Any, case: Case) -> bool:
    """Whether an ordering of a tree parsed anew is the one the case is about."""
    assert case.ordering is not None
    return (ordering.node.location, ordering.key is None) == (
        case.ordering.node.location,
        case.ordering.key is None,
    )
