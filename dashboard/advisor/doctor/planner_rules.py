"""Why the planner does as it does where the statement is not to blame: P9 to P12."""

from __future__ import annotations

from pglast import ast

from dashboard.advisor.doctor import fixes
from dashboard.advisor.doctor.case import Case
from dashboard.advisor.doctor.rule import Symptom
from dashboard.advisor.doctor.syntax import is_null
from dashboard.advisor.doctor.tables import from_items
from db.explain import Plan
from db.indexes import METHODS
from db.words import counted


def cost(case: Case) -> Symptom | None:
    """P9: the index could be used, and reading the table is estimated to be cheaper."""
    if not case.forced_uses or case.forced is None:
        return None
    ordering = case.ordering
    asked = f" for LIMIT {ordering.limit:,}" if ordering and ordering.limit else ""
    knob = _search_setting(case)
    helps = [f"SET LOCAL {name} = {value}" for change in case.cheaper for name, value in change.items()]
    told = f" The index is taken after {' or '.join(helps)}." if helps else ""
    return Symptom(
        f"The planner estimates {_cost(case.plan):,.0f} without the index and "
        f"{_cost(case.forced):,.0f} with it{asked}, over about {counted(case.rows)}{knob}.",
        f"Keep it where exact is fast enough: it misses no row.{told} Otherwise ANALYZE the table, ask for "
        "fewer rows, or as a last resort SET LOCAL enable_seqscan = off.",
    )


def unusable(case: Case) -> Symptom | None:
    """P10: no form of this statement's plan could walk an index."""
    if case.forced_uses:
        return None
    ordering, searched = case.ordering, case.searched
    if ordering is None or searched is None:
        return None
    if not case.indexes:
        wanted = ordering.distance.operator_class(searched.column.type)
        return Symptom(
            f"{searched.column} has no vector index.",
            f"Exact search misses no row: keep it until it is too slow, then build one with {wanted}.",
        )
    if is_null(ordering.other):
        return Symptom("The query vector is NULL: no row is nearer than another.", "Pass a vector.")
    return _shape(case)


def _shape(case: Case) -> Symptom:
    """Say what of the statement has no order that an index could give."""
    assert case.ordering is not None
    select, key = case.ordering.select, case.ordering.key
    at_best = "An index answers ORDER BY column <operator> query LIMIT k, and nothing else"
    if key is None and not select.groupClause:
        return Symptom(
            "The statement is not ordered by the distance: a condition on it has to look at every row.",
            f"{at_best}; keep the condition, and order by the distance too.",
            fixes.order_by_distance,
        )
    clauses = {
        "GROUP BY": select.groupClause,
        "DISTINCT": select.distinctClause,
        "TABLESAMPLE": [item for item in from_items(select) if isinstance(item, ast.RangeTableSample)],
    }
    found = [name for name, clause in clauses.items() if clause]
    if found:
        return Symptom(
            f"{' and '.join(found)} needs rows that an index in the order of distance does not give.",
            f"{at_best}: search in a sub-select, and do the rest with its rows.",
        )
    if len(select.sortClause or ()) > 1:
        return Symptom(
            "The sort has further keys behind the distance.",
            f"{at_best}: break ties outside of it.",
            fixes.order_by_one,
        )
    return Symptom(
        "Not even with sequential scans discouraged does the plan walk a vector index.",
        f"{at_best}: search in a sub-select, and do the rest with its rows.",
    )


def another_index(case: Case) -> Symptom | None:
    """P11: the planner took another index than the one meant for this."""
    taken = next((scan.index for scan in case.scans if scan.index.method == "ivfflat"), None)
    if taken:
        graphs = [i for i in case.indexes if (i.method, i.distance) == ("hnsw", taken.distance) and i.valid]
        if not graphs:
            return None
        return Symptom(
            f"The plan walks {taken.name} (ivfflat), although {graphs[0].name} (hnsw) serves the same "
            "operator: few probes are estimated to cost less, whatever they find.",
            f"Drop one of the two: DROP INDEX CONCURRENTLY {case.spelled(taken)}.",
        )
    other = _plain_index(case)
    ordered = case.ordering is not None and case.ordering.key is not None
    if other is None or not ordered or case.uses_index or not case.indexes:
        return None
    return Symptom(
        f"The rows are found by {other}, which answers the condition, and then sorted by distance.",
        "Leave it: where the condition is selective this is exact, and often the fastest way.",
    )


def partitions(case: Case) -> Symptom | None:
    """P12: each partition is small enough to be read whole."""
    if not case.forced_uses or case.searched is None:
        return None
    if not (case.has("Append") and len(case.facts.family(case.searched.root)) > 1):
        return None
    count = len(case.facts.family(case.searched.root))
    return Symptom(
        f"The table has partitions, {count} of which are read and sorted: "
        "each by itself costs less than its index.",
        "Normal for small partitions, and exact. A condition on the partition key leaves fewer of them; with "
        "SET LOCAL enable_seqscan = off the plan is a Merge Append over their indexes.",
    )


def _plain_index(case: Case) -> str | None:
    root = case.searched.root if case.searched else None
    names = {relation.name for relation in case.facts.family(root)} if root else set()
    for node in case.plan.root.walk():
        if node.relation in names:
            below = [n.index_name for n in node.walk() if n.index_name]
            return below[0] if below else None
    return None


def _cost(plan: Plan) -> float:
    return float(plan.document["Plan"]["Total Cost"])


def _search_setting(case: Case) -> str:
    methods = {index.method for index in case.indexes if index.method in METHODS}
    names = [f"{method}.{METHODS[method].search.name}" for method in sorted(methods)]
    told = [f"{name} {case.settings[name]}" for name in names if name in case.settings]
    return f", at {', '.join(told)}" if told else ""
