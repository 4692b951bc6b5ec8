"""Walking and making parts of PostgreSQL's syntax trees (pglast)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, LimitOption, SubLinkType
from pglast.stream import RawStream


def walk(node: Any, *, below_queries: bool = True) -> Iterator[ast.Node]:
    """Yield a node and all below it, parents first; ``below_queries`` goes into sub-selects too."""
    if isinstance(node, tuple | list):
        for part in node:
            yield from walk(part, below_queries=below_queries)
    elif isinstance(node, ast.Node):
        yield node
        if below_queries or not isinstance(node, ast.SubLink):
            for name in node:
                yield from walk(getattr(node, name), below_queries=below_queries)


def printed(node: ast.Node) -> str:
    """Write a tree as SQL, on one line."""
    return str(RawStream()(node))


def statements(sql: str) -> list[Any]:
    """Parse SQL, whose trees mypy cannot know before they are looked at."""
    return [raw.stmt for raw in parse_sql(sql)]


def expression(sql: str) -> Any:
    """Parse one expression."""
    return statements(f"SELECT {sql}")[0].targetList[0].val


def columns_in(node: Any) -> list[ast.ColumnRef]:
    """List the columns an expression reads, those of sub-selects left out."""
    return [n for n in walk(node, below_queries=False) if isinstance(n, ast.ColumnRef)]


def called(node: Any, *, below_queries: bool = False) -> list[str]:
    """Name the functions an expression calls, without their schemas."""
    calls = (n for n in walk(node, below_queries=below_queries) if isinstance(n, ast.FuncCall))
    return [name_of(call) for call in calls]


def name_of(call: ast.FuncCall) -> str:
    """Name a function, without its schema."""
    return str((call.funcname or ())[-1].sval)


def parts(column: ast.ColumnRef) -> tuple[str, ...]:
    """Name a column as it is written, its table before it; a star ends the names."""
    return tuple(str(field.sval) for field in column.fields or () if isinstance(field, ast.String))


def sub_select(sql: str) -> Any:
    """Parse a SELECT, to be changed and put into another."""
    return statements(sql)[0]


def unqualified(node: ast.Node) -> str:
    """Write an expression with no column's table before it, to compare it with an index's."""
    copy = expression(printed(node))
    for column in columns_in(copy):
        column.fields = (column.fields or ())[-1:]
    return printed(copy)


def operation(operator: str, left: ast.Node, right: ast.Node) -> ast.A_Expr:
    """Make ``left <operator> right``."""
    name = (ast.String(sval=operator),)
    return ast.A_Expr(kind=A_Expr_Kind.AEXPR_OP, name=name, lexpr=left, rexpr=right)


def limited(select: ast.SelectStmt, rows: int) -> None:
    """Give a SELECT a LIMIT."""
    select.limitCount = ast.A_Const(val=ast.Integer(ival=rows))
    select.limitOption = LimitOption.LIMIT_OPTION_COUNT


def computed_once(value: ast.Node) -> ast.SubLink:
    """Make ``(SELECT value)``, which the planner computes before anything else."""
    select = sub_select("SELECT 1")
    select.targetList = (ast.ResTarget(val=value),)
    return ast.SubLink(subLinkType=SubLinkType.EXPR_SUBLINK, subselect=select)


def constant(node: Any) -> str | None:
    """Read a literal, through its casts, as text; None for anything that is no literal or is NULL."""
    while isinstance(node, ast.TypeCast):
        node = node.arg
    if not isinstance(node, ast.A_Const) or node.isnull:
        return None
    value: Any = node.val
    return str(value.ival if isinstance(value, ast.Integer) else getattr(value, "sval", None) or value.fval)


def is_null(node: Any) -> bool:
    """Whether an expression is the literal NULL, through its casts."""
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return isinstance(node, ast.A_Const) and bool(node.isnull)


def replace_in(node: ast.Node, old: ast.Node, new: ast.Node) -> None:
    """Put ``new`` in the place of ``old``, wherever below ``node`` it stands."""
    for parent in list(walk(node)):
        for name in parent:
            value = getattr(parent, name)
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, tuple) and any(part is old for part in value):
                setattr(parent, name, tuple(new if part is old else part for part in value))
