"""Rewriting a statement so that an index can serve it; each changes the tree its ordering belongs to."""

from __future__ import annotations

from typing import Any

from pglast import ast
from pglast.enums import BoolExprType, JoinType, SortByDir, SortByNulls

from dashboard.advisor.doctor.case import Case
from dashboard.advisor.doctor.matching import is_reduced, nearest_match
from dashboard.advisor.doctor.ordering import Ordering
from dashboard.advisor.doctor.rule import NoRewrite
from dashboard.advisor.doctor.syntax import (
    columns_in,
    computed_once,
    expression,
    limited,
    operation,
    parts,
    printed,
    replace_in,
    sub_select,
    walk,
)
from dashboard.advisor.doctor.tables import alias_of, from_items

LIMIT = 10
"""What is written where a statement has no LIMIT."""

CANDIDATES_PER_ROW = 4
"""How many rows an index of less than the vectors hands over, for each one wanted.
Source: pgvector README, "Binary Quantization"."""


def order_by_operator(ordering: Ordering, _: Case) -> None:
    """Order by the distance itself, ascending: by the operator, with nothing around it."""
    assert ordering.key is not None
    ordering.key.node = ordering.expression = ordering.as_operator()
    ordering.key.sortby_dir = SortByDir.SORTBY_DEFAULT
    ordering.key.sortby_nulls = SortByNulls.SORTBY_NULLS_DEFAULT


def order_by_distance(ordering: Ordering, _: Case) -> None:
    """Order by a distance that was only a condition."""
    if ordering.is_call or ordering.select.sortClause:
        raise NoRewrite
    key = ast.SortBy(
        node=ordering.node,
        sortby_dir=SortByDir.SORTBY_DEFAULT,
        sortby_nulls=SortByNulls.SORTBY_NULLS_DEFAULT,
    )
    ordering.select.sortClause = (key,)


def order_by_one(ordering: Ordering, _: Case) -> None:
    """Order by the distance alone, and break ties above it."""
    assert ordering.key is not None
    ordering.select.sortClause = (ordering.key,)


def limit_rows(ordering: Ordering, _: Case) -> None:
    """Ask for a number of rows."""
    limited(ordering.select, LIMIT)


def use_its_operator(ordering: Ordering, case: Case) -> None:
    """Compare by the operator that the index serves."""
    match = nearest_match(case)
    if match is None or match.index.distance is None:
        raise NoRewrite
    ordering.as_operator()
    ordering.swap(ordering.operand, ordering.other, match.index.distance)


def compute_query_once(ordering: Ordering, _: Case) -> None:
    """Put the query in a sub-select, which is computed before the scan begins."""
    ordering.swap(ordering.operand, computed_once(ordering.other), ordering.distance)


def use_its_key(ordering: Ordering, case: Case) -> None:
    """Compare what the index holds; where that is less than the vectors, order its rows again."""
    match = nearest_match(case)
    if match is None or case.searched is None:
        raise NoRewrite
    index, column, other = match.index, ordering.operand, ordering.other
    distance = index.distance or ordering.distance
    if not isinstance(column, ast.ColumnRef):
        # Some part of the form is written already, and the query fits it: only the cast is missing.
        ordering.swap(_with_column(index.key, columns_in(column)[0]), other, distance)
        return
    held = _with_column(index.key, column)
    if not is_reduced(index):
        ordering.swap(held, other, distance)
        return
    query = expression(f"CAST({printed(other)} AS {case.searched.column.type})")
    if columns_in(other):
        raise NoRewrite
    _order_again(ordering, operation(distance.operator, held, _with_column(index.key, query)))


def read_laterally(ordering: Ordering, case: Case) -> None:
    """Search once for each row of what is joined: the index takes its query from outside."""
    select, alias = ordering.select, case.searched.alias if case.searched else ""
    items, conditions = _joined(select)
    own = [item for item in items if alias_of(item) == alias]
    if len(own) != 1 or ordering.key is None or select.groupClause or select.distinctClause:
        raise NoRewrite
    conditions += _conjuncts(select.whereClause)
    inside = [c for c in conditions if _reads(c, alias)]
    inner = sub_select("SELECT 1 LIMIT 1")
    inner.targetList = (ast.ResTarget(val=ast.ColumnRef(fields=(ast.String(sval=alias), ast.A_Star()))),)
    inner.fromClause = tuple(own)
    inner.whereClause = _all_of(inside)
    inner.sortClause = (ast.SortBy(node=ordering.node, sortby_dir=0, sortby_nulls=0),)
    inner.limitCount = _summed(select.limitCount, select.limitOffset)
    lateral = ast.RangeSubselect(lateral=True, subquery=inner, alias=ast.Alias(aliasname=alias))
    select.fromClause = (*(item for item in items if item is not own[0]), lateral)
    select.whereClause = _all_of([c for c in conditions if c not in inside])


def _summed(count: Any, offset: Any) -> Any:
    return count if offset is None else operation("+", count, offset)


def _reads(condition: ast.Node, alias: str) -> bool:
    """Whether a condition may read the searched table; a name without a table might be its."""
    columns = [node for node in walk(condition) if isinstance(node, ast.ColumnRef)]
    return any(len(name) < 2 or name[-2] == alias for name in map(parts, columns))


def _joined(select: ast.SelectStmt) -> tuple[list[Any], list[Any]]:
    """Take inner joins apart, into what is read and the conditions."""
    joins = [node for node in walk(select.fromClause, below_queries=False) if isinstance(node, ast.JoinExpr)]
    if any(join.jointype != JoinType.JOIN_INNER or join.usingClause or join.isNatural for join in joins):
        raise NoRewrite
    items = list(from_items(select))
    if any(alias_of(item) is None for item in items):
        raise NoRewrite
    return items, [join.quals for join in joins if join.quals is not None]


def _conjuncts(where: Any) -> list[Any]:
    if isinstance(where, ast.BoolExpr) and where.boolop == BoolExprType.AND_EXPR:
        return [part for arg in where.args or () for part in _conjuncts(arg)]
    return [] if where is None else [where]


def _all_of(conditions: list[Any]) -> Any:
    if len(conditions) < 2:
        return next(iter(conditions), None)
    return ast.BoolExpr(boolop=BoolExprType.AND_EXPR, args=tuple(conditions))


def _with_column(key: str, value: Any) -> Any:
    """Make what an index holds of ``value``: its key with that in the place of the column."""
    held = expression(f"({key})")
    column = next(iter(columns_in(held)), None)
    if column is None:
        raise NoRewrite
    if column is held:
        return value
    replace_in(held, column, value)
    return held


def _order_again(ordering: Ordering, candidate: Any) -> None:
    """Let the index hand over more rows than are wanted, and order these by the true distance."""
    select = ordering.select
    items = list(from_items(select))
    if len(items) != 1 or ordering.limit is None or ordering.key is None or select.groupClause:
        raise NoRewrite
    inner = sub_select("SELECT * LIMIT 1")
    inner.fromClause, inner.whereClause = select.fromClause, select.whereClause
    inner.sortClause = (ast.SortBy(node=candidate, sortby_dir=0, sortby_nulls=0),)
    limited(inner, CANDIDATES_PER_ROW * ordering.limit)
    alias = ast.Alias(aliasname=alias_of(items[0]))
    select.fromClause = (ast.RangeSubselect(subquery=inner, alias=alias),)
    select.whereClause = None
