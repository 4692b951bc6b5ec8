"""Which table's column a comparison searches, as PostgreSQL's scoping has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast

from dashboard.advisor.doctor.ordering import Ordering
from dashboard.advisor.doctor.syntax import columns_in, constant, parts, walk
from db.columns import VectorColumn
from db.errors import DashboardError
from db.plan_facts import PlanFacts
from db.vectors import Query, read_query


@dataclass(frozen=True, slots=True)
class Searched:
    """The searched column of the table with the oid ``root``, as ``alias`` in the statement.

    ``name`` is what the statement calls it, which a view may choose.
    ``query`` is the vector it is compared with, where that is a literal.  ``through`` is whether a
    sub-select or CTE stands between, which the planner may take apart.
    """

    root: int
    alias: str
    name: str
    column: VectorColumn
    query: Query | None
    through: bool


def from_items(select: ast.SelectStmt) -> Iterator[ast.Node]:
    """Yield what a SELECT reads from, joins taken apart."""
    yield from _items(select.fromClause)


def alias_of(item: Any) -> str | None:
    """Name something in FROM as the rest of the statement does."""
    if isinstance(item, ast.RangeTableSample):
        return alias_of(item.relation)
    if getattr(item, "alias", None):
        return str(item.alias.aliasname)
    return str(item.relname) if isinstance(item, ast.RangeVar) else None


def searched_column(
    ordering: Ordering, tree: ast.SelectStmt, facts: PlanFacts, *, through: bool = False
) -> Searched | None:
    """Find the table column that an ordering compares; None where it is none of a table's own.

    Where both sides are columns, it is the one that has an index; the ordering's sides are then turned.
    """
    found = [
        (side, known)
        for side in (ordering.operand, ordering.other)
        if (known := _of(side, ordering, tree, facts, through=through))
    ]
    found.sort(key=lambda pair: not facts.indexes.get((pair[1][0], pair[1][3].column)))
    if not found:
        return None
    side, (root, alias, name, column) = found[0]
    if side is ordering.other:
        ordering.operand, ordering.other = ordering.other, ordering.operand
    return Searched(root, alias, name, column, _query(ordering.other, column), through)


def _of(
    side: Any, ordering: Ordering, tree: ast.SelectStmt, facts: PlanFacts, *, through: bool
) -> tuple[int, str, str, VectorColumn] | None:
    made_up = {cte.ctename for cte in walk(tree) if isinstance(cte, ast.CommonTableExpr)}
    tables = {
        alias_of(item): _table(item)
        for item in from_items(ordering.select)
        if _table(item) and _table(item) not in made_up
    }
    for name in map(parts, columns_in(side)):
        wanted = [name[-2]] if len(name) > 1 else list(tables) or [None]
        for alias in wanted:
            if through and (found := _column(None, name[-1], facts)):
                return found[0], str(alias), name[-1], found[1]
            if alias in tables and (found := _column(tables[alias], name[-1], facts)):
                return found[0], str(alias), name[-1], found[1]
    return None


def _column(table: str | None, name: str, facts: PlanFacts) -> tuple[int, VectorColumn] | None:
    """Find a column by its name; behind a view, which the plan does not show, by that or as the only one."""
    roots = {relation.relation: relation.root for relation in facts.relations}
    every = [(roots.get(oid, oid), column) for oid, column in facts.columns]
    known = [(root, column) for root, column in every if column.column == name]
    candidates = [(root, column) for root, column in known if column.table == table]
    if not any(relation.name == table for relation in facts.relations):
        is_plain = any(name in relation.columns for relation in facts.relations) and not known
        candidates = candidates or known or (every if len(every) == 1 and not is_plain else [])
    # Of a partition and its whole, the whole: its indexes are those of all.
    return next((pair for pair in candidates if pair[0] not in roots or roots[pair[0]] == pair[0]), None)


def _items(items: Any) -> Iterator[ast.Node]:
    for item in items or ():
        if isinstance(item, ast.JoinExpr):
            yield from _items((item.larg, item.rarg))
        else:
            yield item


def _table(item: Any) -> str | None:
    if isinstance(item, ast.RangeTableSample):
        return _table(item.relation)
    return str(item.relname) if isinstance(item, ast.RangeVar) else None


def _query(other: Any, column: VectorColumn) -> Query | None:
    written = constant(other)
    if written is None:
        return None
    try:
        return read_query(written, column.type)
    except DashboardError:
        return None
