"""A value for each parameter of a statement, so that it has the plan that it would be run with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind
from sqlalchemy import Connection

from dashboard.advisor.doctor.ordering import orderings
from dashboard.advisor.doctor.statement import Statement
from dashboard.advisor.doctor.syntax import parts, printed, walk
from dashboard.advisor.doctor.tables import searched_column
from db.errors import RequestError
from db.pasted import parameter_types
from db.plan_facts import PlanFacts, sample_value, sample_vector

ASSUMED_LIMIT = 10

OF_TYPE = {
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "real", "double precision"), "1"),
    **dict.fromkeys(("text", "character varying"), "'a'"),
    **dict.fromkeys(("timestamp with time zone", "timestamp without time zone"), "now()"),
    "boolean": "true",
    "date": "current_date",
    "interval": "CAST('1 day' AS interval)",
}
"""What stands for a parameter that is compared with no column, by its type: the plan is the same for any."""

_ANY_OF = (A_Expr_Kind.AEXPR_OP_ANY, A_Expr_Kind.AEXPR_OP_ALL)


def chosen_values(
    connection: Connection, statement: Statement, facts: PlanFacts
) -> tuple[dict[int, str], tuple[str, ...]]:
    """Choose SQL for each parameter, by its number, and tell what was chosen.

    A vector is that of some row, a value compared with a column is some value of the column, and anything
    else is an ordinary value of its type.

    Raises RequestError for a parameter of which nothing can be guessed.
    """
    chosen: dict[int, tuple[str, str]] = {}
    tree = statement.parsed()
    for number, value, told in _guesses(connection, tree, facts):
        chosen.setdefault(number, (value, told))
    if set(_numbers(tree)) - set(chosen):
        types = parameter_types(connection, printed(tree))
        for number, of_type in enumerate(types, start=1):
            if usual := OF_TYPE.get(of_type):
                chosen.setdefault(number, (usual, usual))
    for number in _numbers(tree):
        if number not in chosen:
            written = statement.parameters[number - 1]
            raise RequestError(
                f"No value can be guessed for the parameter {written}"
                + ("." if written == f"${number}" else f" (number {number})."),
                "Write a value in its place; a vector as '[...]'.",
            )
    names = dict(enumerate(statement.parameters, start=1))
    notes = tuple(f"{names.get(n, n)} was taken as {told}." for n, (_, told) in sorted(chosen.items()))
    return {number: value for number, (value, _) in chosen.items()}, notes


def _guesses(
    connection: Connection, tree: ast.SelectStmt, facts: PlanFacts
) -> Iterator[tuple[int, str, str]]:
    for ordering in orderings(tree):
        searched = searched_column(ordering, tree, facts)
        column = searched.column if searched else next((c for _, c in facts.columns), None)
        if column and (numbers := _numbers((ordering.operand, ordering.other))):
            sample = sample_vector(connection, column)
            for number in numbers if sample else ():
                # The same vector for each, spelled differently so that they are told apart afterwards.
                apart = "" if column.type == "bit" else " " * (number - 1)
                yield number, _literal(f"{apart}{sample}"), f"the vector of some row of {column}"
    for node in walk(tree):
        if isinstance(node, ast.SelectStmt):
            for number in _numbers(node.limitCount):
                yield number, str(ASSUMED_LIMIT), str(ASSUMED_LIMIT)
            for number in _numbers(node.limitOffset):
                yield number, "0", "0"
        elif isinstance(node, ast.A_Expr) and node.lexpr is not None:
            yield from _compared(connection, node, facts)


def _compared(connection: Connection, node: ast.A_Expr, facts: PlanFacts) -> Iterator[tuple[int, str, str]]:
    sides: tuple[tuple[Any, Any], ...] = ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr))
    for given, known in sides:
        if isinstance(given, ast.A_Expr) and given.kind == A_Expr_Kind.AEXPR_OP:
            continue  # what is computed is of the column's type, and not its parts: now() - $1
        columns = [part for part in walk(known, below_queries=False) if isinstance(part, ast.ColumnRef)]
        for number in _numbers(given) if columns else ():
            name = parts(columns[0])[-1]
            if any(column.column == name for _, column in facts.columns):
                yield number, "1", "1"  # a distance is compared with it
            elif (sample := _sample(connection, name, facts)) is not None:
                value = "{" + _element(sample) + "}" if node.kind in _ANY_OF else sample
                yield number, _literal(value), f"{sample[:40]}, a value of {name}"


def _sample(connection: Connection, name: str, facts: PlanFacts) -> str | None:
    for relation in facts.relations:
        if name in relation.columns and (found := sample_value(connection, relation, name)) is not None:
            return found
    return None


def _numbers(node: Any) -> list[int]:
    return [part.number or 0 for part in walk(node) if isinstance(part, ast.ParamRef)]


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _element(value: str) -> str:
    """Write an element of an array's literal."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
