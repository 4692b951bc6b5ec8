"""What of a statement, or of the index, keeps the two apart: P1 to P8, with what was seen and what helps."""

from __future__ import annotations

from pglast import ast

from dashboard.advisor.doctor import fixes
from dashboard.advisor.doctor.case import Case, walks_index
from dashboard.advisor.doctor.matching import Obstacle, is_reduced, nearest_match
from dashboard.advisor.doctor.rule import Symptom
from dashboard.advisor.doctor.syntax import columns_in, parts, printed
from dashboard.advisor.doctor.tables import alias_of, from_items
from db.words import counted


def other_operator(case: Case) -> Symptom | None:
    """P1: every index on the column serves another operator."""
    match = nearest_match(case)
    if match is None or case.ordering is None or Obstacle.OPERATOR not in match.obstacles:
        return None
    index, wanted = match.index, case.ordering.distance
    served = f"{index.distance.operator} ({index.distance.label})" if index.distance else "another operator"
    remedy = f"Build an index with {wanted.operator_class(_held_type(index.operator_class))}"
    if index.distance:
        remedy = (
            f"Order by {index.distance.operator}, which ranks by {index.distance.label} instead: the same "
            f"order only for some distances of vectors of length 1. Or b{remedy[1:]}"
        )
    return Symptom(
        f"The statement compares by {wanted.operator} ({wanted.label}); {index.name} serves {served}, "
        f"by its operator class {index.operator_class}.",
        f"{remedy}.",
        fixes.use_its_operator if index.distance else None,
    )


def hidden_distance(case: Case) -> Symptom | None:
    """P2: the sort is by something computed from the distance, by a function, or descending."""
    ordering = case.ordering
    if ordering is None or ordering.key is None or ordering.select.groupClause:
        return None
    seen = [
        *(["it is computed from the distance"] if ordering.is_wrapped else []),
        *(["it calls a function, where an index serves the operator"] if ordering.is_call else []),
        *(["it is DESC"] if ordering.descends else []),
        *(["it puts NULLS FIRST"] if ordering.nulls_first else []),
    ]
    if not seen:
        return None
    remedy = f"Write ORDER BY {printed(ordering.operand)} {ordering.distance.operator} ... ASC LIMIT k"
    if ordering.sign == -1:
        remedy += "; as it stands, it asks for the farthest rows, which no index finds"
    elif ordering.is_wrapped or ordering.is_call:
        remedy += ", and compute what is shown from it in the select list"
    knows = ordering.sign is not None or ordering.expression is ordering.node
    return Symptom(
        f"The sort key is {printed(ordering.expression)}{' DESC' if ordering.descends else ''}: "
        f"{', and '.join(seen)}.",
        f"{remedy}.",
        fixes.order_by_operator if knows else None,
    )


def no_limit(case: Case) -> Symptom | None:
    """P3: every row is asked for, and sorting them all is cheaper than walking an index."""
    ordering = case.ordering
    if ordering is None or ordering.key is None or ordering.is_limited or case.has("Limit"):
        return None
    rows = f", about {counted(case.rows)}" if case.rows else ""
    return Symptom(
        f"There is no LIMIT: the statement asks for the whole table{rows}.",
        f"Add LIMIT with as many rows as are read; the statement below has LIMIT {fixes.LIMIT}.",
        fixes.limit_rows,
    )


def other_key(case: Case) -> Symptom | None:
    """P4: the index holds an expression, and the statement compares another."""
    match = nearest_match(case)
    if match is None or case.ordering is None or Obstacle.KEY not in match.obstacles:
        return None
    index = match.index
    remedy = f"Compare {index.key}, cast and length included, as the index has it"
    if index.is_expression and is_reduced(index):
        remedy += ", and order its rows again by the true distance; give hnsw.ef_search as many"
    return Symptom(
        f"{index.name} holds {index.key}; the statement compares {printed(case.ordering.operand)}.",
        f"{remedy}.",
        fixes.use_its_key,
    )


def partial_index(case: Case) -> Symptom | None:
    """P5: the index holds some rows only, and the statement does not say that it wants no others."""
    match = nearest_match(case)
    if match is None or Obstacle.PREDICATE not in match.obstacles:
        return None
    filters = [node.filter for node in case.plan.root.walk() if node.filter]
    asked = f"the statement's condition is {filters[0]}" if filters else "the statement has no condition"
    return Symptom(
        f"{match.index.name} holds only rows where {match.index.predicate}; {asked}.",
        f"Write the condition {match.index.predicate} into the statement, as a literal, where only those "
        "rows are wanted; else build an index on all rows.",
    )


def generic_plan(case: Case) -> Symptom | None:
    """P5, with parameters: a plan made for any value cannot use an index on some rows."""
    if case.generic is None or walks_index(case.generic, case.facts):
        return None
    partial = [scan.index for scan in case.scans if scan.index.predicate]
    if not partial:
        return None
    return Symptom(
        f"With these values {partial[0].name} is used, which holds only rows where {partial[0].predicate}; "
        "the generic plan of a prepared statement cannot know the value, and does not use it.",
        "SET LOCAL plan_cache_mode = force_custom_plan, or write the value as a literal.",
        lambda _ordering, _case: None,
    )


def joined_query(case: Case) -> Symptom | None:
    """P6: the query vector comes from a table that is joined."""
    ordering, searched = case.ordering, case.searched
    if ordering is None or searched is None or ordering.key is None:
        return None
    beside = {alias_of(item) for item in from_items(ordering.select)} - {searched.alias}
    read = [column for column in columns_in(ordering.other) if _table_of(column) in {*beside, None}]
    if not read or not beside:
        return None
    joined = "Nested Loop" if case.has("Nested Loop") else "a join"
    return Symptom(
        f"The distance is to {printed(read[0])}, a column of what is joined: "
        f"the plan is {joined} and a Sort.",
        "Fetch the vector by a scalar sub-select, (SELECT ...), or search once per row of the other table by "
        "CROSS JOIN LATERAL with a LIMIT inside.",
        fixes.read_laterally,
    )


def volatile_query(case: Case) -> Symptom | None:
    """P7: the query vector is what a VOLATILE function returns, maybe another for every row."""
    if case.ordering is None or not case.volatile:
        return None
    name = sorted(case.volatile)[0]
    return Symptom(
        f"The query is computed by {name}(), which is VOLATILE: it has to be called for every row.",
        f"Declare {name}() STABLE or IMMUTABLE if it is, or wrap it: (SELECT {name}(...)).",
        fixes.compute_query_once,
    )


def invalid_index(case: Case) -> Symptom | None:
    """P8: the index was never finished."""
    match = nearest_match(case)
    if match is None or Obstacle.INVALID not in match.obstacles:
        return None
    return Symptom(
        f"{match.index.name} is INVALID: its concurrent build failed or was cancelled, "
        "and no search uses it.",
        f"REINDEX INDEX CONCURRENTLY {case.spelled(match.index)}, or drop it and build it again.",
    )


def _held_type(operator_class: str) -> str:
    return operator_class.partition("_")[0]


def _table_of(column: ast.ColumnRef) -> str | None:
    name = parts(column)
    return name[-2] if len(name) > 1 else None
