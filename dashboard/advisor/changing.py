"""Remedies that change an index there is: dropped or rebuilt by a job, and first weighed on a copy."""

from __future__ import annotations

from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import DROP, REINDEX, Build, Change, Remedy
from db.forms import IndexSpec
from db.index_catalog import IndexInfo
from db.remedies import drop_index, reindex


def dropping(facts: Facts, *indexes: IndexInfo, remark: str = "") -> Remedy:
    """Make the remedy that drops indexes, and its undoing."""
    return Remedy(
        tuple(drop_index(facts.column, index.name) for index in indexes),
        tuple(facts.uses[index.name].definition for index in indexes),
        outside=True,
        remark=remark,
        changes=_changes(facts, DROP, indexes),
    )


def rebuilding(facts: Facts, index: IndexInfo) -> Remedy:
    """Make the remedy that rebuilds an index as it is."""
    changes = _changes(facts, REINDEX, (index,))
    return Remedy((reindex(facts.column, index.name),), (), outside=True, changes=changes)


def _changes(facts: Facts, kind: str, indexes: tuple[IndexInfo, ...]) -> tuple[Change, ...]:
    """Name what jobs can do; the index of a partitioned table cannot be changed concurrently."""
    if facts.column.kind == "partitioned table":
        return ()
    return tuple(Change(kind, index.name, like(index)) for index in indexes)


def like(index: IndexInfo) -> Build | None:
    """Spell an index for a copy; None where it holds an expression or a part, or is not pgvector's."""
    if index.is_expression or index.predicate or index.distance is None or index.as_method is None:
        return None
    return Build(str(IndexSpec(index.as_method)), index.distance.stem)
