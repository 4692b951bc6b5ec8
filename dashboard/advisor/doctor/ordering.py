"""Where a SELECT compares vectors: the distance, what it is ordered by, and what hides it from an index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind, LimitOption, SortByDir, SortByNulls

from dashboard.advisor.doctor.syntax import columns_in, constant, is_null, name_of, operation, parts, walk
from db.distance import Distance, distance_of_operator

FUNCTIONS = {
    "cosine_distance": (Distance.COSINE, 1),
    "l2_distance": (Distance.L2, 1),
    "l1_distance": (Distance.L1, 1),
    "inner_product": (Distance.INNER_PRODUCT, -1),
    "vector_negative_inner_product": (Distance.INNER_PRODUCT, 1),
    "halfvec_negative_inner_product": (Distance.INNER_PRODUCT, 1),
    "sparsevec_negative_inner_product": (Distance.INNER_PRODUCT, 1),
    "hamming_distance": (Distance.HAMMING, 1),
    "jaccard_distance": (Distance.JACCARD, 1),
}
"""pgvector's functions: the distance they compute, and -1 where they grow as it falls.  None is indexed."""

_RISING = frozenset({"round", "sqrt", "floor", "ceil", "ceiling", "ln", "exp"})
"""Functions whose first argument keeps its order."""


@dataclass(slots=True)
class Ordering:
    """A distance in a SELECT, and the sort that reads it; the nodes are those of the tree, to be changed.

    ``key`` is None where the SELECT is not ordered by the distance.  ``operand`` is the side that reads
    the searched column, ``other`` the query.  ``sign`` is 1 where the whole sort puts near rows first,
    -1 where far ones, None where nobody can tell.
    """

    select: ast.SelectStmt
    key: ast.SortBy | None
    expression: Any
    node: Any
    distance: Distance
    sign: int | None
    operand: Any
    other: Any

    @property
    def is_call(self) -> bool:
        """Whether the distance is written as a function."""
        return isinstance(self.node, ast.FuncCall)

    @property
    def is_wrapped(self) -> bool:
        """Whether the sort is by something computed from the distance."""
        return self.expression is not self.node

    @property
    def descends(self) -> bool:
        """Whether the sort says DESC."""
        return self.key is not None and self.key.sortby_dir == SortByDir.SORTBY_DESC

    @property
    def nulls_first(self) -> bool:
        """Whether the sort says NULLS FIRST, or DESC without NULLS LAST."""
        return self.key is not None and self.key.sortby_nulls == SortByNulls.SORTBY_NULLS_FIRST

    @property
    def limit(self) -> int | None:
        """Rows that LIMIT and OFFSET ask for together; None without LIMIT, or where these are no numbers."""
        count, offset = constant(self.select.limitCount), constant(self.select.limitOffset)
        if count is None:
            return None
        return round(float(count)) + (round(float(offset)) if offset else 0)

    @property
    def is_limited(self) -> bool:
        """Whether there is a LIMIT of any kind but ALL."""
        return self.select.limitCount is not None and not is_null(self.select.limitCount)

    @property
    def with_ties(self) -> bool:
        """Whether it is FETCH FIRST ... WITH TIES."""
        return bool(self.select.limitOption == LimitOption.LIMIT_OPTION_WITH_TIES)

    def as_operator(self) -> Any:
        """Make the distance as the operator that an index can serve; the node itself where it is one."""
        if not self.is_call:
            return self.node
        self.node = operation(self.distance.operator, *self.node.args)
        return self.node

    def swap(self, operand: Any, other: Any, distance: Distance) -> None:
        """Put other operands and another operator in the place of the distance's own."""
        made = operation(distance.operator, operand, other)
        self.node.name, self.node.lexpr, self.node.rexpr = made.name, made.lexpr, made.rexpr
        self.operand, self.other, self.distance = operand, other, distance


def orderings(tree: ast.SelectStmt) -> Iterator[Ordering]:
    """Yield every distance that a SELECT is ordered by, inner ones last, then those it is not ordered by."""
    selects = [node for node in walk(tree) if isinstance(node, ast.SelectStmt)]
    for select in selects:
        for key in select.sortClause or ():
            yield from _in(select, key, _resolved(key.node, select))
    for select in selects:
        own = (select.targetList, select.whereClause, select.havingClause)
        for node in walk(own, below_queries=False):
            if distance_in(node):
                yield from _in(select, None, node)


def _in(select: ast.SelectStmt, key: ast.SortBy | None, expression: Any) -> Iterator[Ordering]:
    for node in walk(expression, below_queries=False):
        if known := distance_in(node):
            distance, own_sign = known
            sides = _sides(node)
            operand, other = sides if columns_in(sides[0]) else reversed(sides)
            sign = _sign(expression, node)
            found = Ordering(select, key, expression, node, distance, sign, operand, other)
            if sign is not None:
                found.sign = sign * own_sign * (-1 if found.descends else 1)
            yield found
            return


def _sides(node: Any) -> list[Any]:
    return list(node.args or ()) if isinstance(node, ast.FuncCall) else [node.lexpr, node.rexpr]


def distance_in(node: Any) -> tuple[Distance, int] | None:
    """Tell which distance a node is, by operator or function, and -1 where it grows as that falls."""
    if isinstance(node, ast.A_Expr) and node.kind == A_Expr_Kind.AEXPR_OP and node.lexpr is not None:
        distance = distance_of_operator(_operator(node))
        return distance and (distance, 1)
    if isinstance(node, ast.FuncCall) and len(node.args or ()) == 2:
        return FUNCTIONS.get(name_of(node))
    return None


def _operator(node: ast.A_Expr) -> str:
    return str((node.name or ())[-1].sval)


def _resolved(node: Any, select: ast.SelectStmt) -> Any:
    """Find what ORDER BY means by an alias or a position of the select list."""
    targets = [target for target in select.targetList or () if isinstance(target, ast.ResTarget)]
    if isinstance(node, ast.A_Const) and isinstance(node.val, ast.Integer):
        place = (node.val.ival or 0) - 1
        return targets[place].val if 0 <= place < len(targets) else node
    if isinstance(node, ast.ColumnRef) and len(name := parts(node)) == 1:
        return next((target.val for target in targets if target.name == name[0]), node)
    return node


def _sign(expression: Any, node: Any) -> int | None:
    """Tell whether ``expression`` rises (1) or falls (-1) as ``node`` does; None for what is not known."""
    match expression:
        case _ if expression is node:
            return 1
        case ast.TypeCast():
            return _sign(expression.arg, node)
        case ast.FuncCall() if name_of(expression) in _RISING and expression.args:
            return _sign(expression.args[0], node)
        case ast.CoalesceExpr() if expression.args:
            return _sign(expression.args[0], node)
        case ast.A_Expr() if expression.kind == A_Expr_Kind.AEXPR_OP:
            return _sign_of_operation(expression, node)
    return None


def _sign_of_operation(expression: ast.A_Expr, node: Any) -> int | None:
    """Follow a sum, difference, product or quotient with a number."""
    operator, left, right = _operator(expression), expression.lexpr, expression.rexpr
    if left is None:
        below = _sign(right, node)
        return {"-": -1, "+": 1}.get(operator, 0) * below or None if below else None
    inner = _sign(left, node) or _sign(right, node)
    beside = right if _sign(left, node) else left
    if inner is None or columns_in(beside):
        return None
    if operator in {"+", "-"}:
        return -inner if operator == "-" and beside is left else inner
    number = constant(beside) if operator in {"*", "/"} else None
    if isinstance(beside, ast.A_Expr) and beside.lexpr is None and (number := constant(beside.rexpr)):
        number = f"-{number}"
    if number is None or float(number) == 0:
        return None
    flips = (float(number) < 0) != (operator == "/" and beside is left)
    return -inner if flips else inner
