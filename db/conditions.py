"""Filters joined by "all of" and "any of": a tree that becomes bound SQL, an address, or a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, TableClause, and_, false, or_, true, type_coerce

from db.catalog import ColumnInfo, PlainColumn
from db.errors import RequestError
from db.filters import OPERATORS, Filter, Value
from db.nearest import identity

Joiner = Literal["all", "any"]

MAX_LENGTH = 20_000
"""Characters of a condition that is read: more than any address carries."""

MAX_DEPTH = 5
"""Groups within groups; nobody follows more."""

_INCOMPARABLE = frozenset({"json", "xml", "point", "polygon", "box", "path", "line", "lseg", "circle"})
_FOR_ANY_TYPE = ("contains", "does not contain", "starts with", "is null", "is not null")
"""Comparisons that also hold for types without an operator =."""

_SYSTEM_COLUMNS = ("tableoid", "ctid")

_REMEDY = 'Write it like ["all",["price","<=","150"],["any",["brand","=","a"],["brand","is null"]]].'


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all or any must hold; an empty "all" is every row, an empty "any" none."""

    joiner: Joiner
    members: tuple[Condition, ...] = ()


Condition = Filter | Group

EVERY_ROW = Group("all")


def clause(condition: Condition, columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    """Make the condition on ``columns``, as ``columns_of`` names them.

    Raises RequestError for a column that is not there.
    """
    if isinstance(condition, Filter):
        return condition.clause(columns)
    members = (clause(member, columns) for member in condition.members)
    return and_(true(), *members) if condition.joiner == "all" else or_(false(), *members)


def columns_of(column: ColumnInfo, rows: TableClause) -> dict[str, ColumnElement[Any]]:
    """Name what a condition may speak of among ``rows``: the columns, and what tells the rows apart."""
    named: dict[str, ColumnElement[Any]] = {
        name: c for name, c in rows.c.items() if name not in _SYSTEM_COLUMNS
    }
    named[column.column] = type_coerce(rows.c[column.column], column.sql_type)
    return identity(column, rows) | named


def check(condition: Condition, columns: Sequence[PlainColumn]) -> None:
    """Refuse to compare what PostgreSQL has no comparison for; ``columns`` are those beside the vector.

    Raises RequestError naming the column.
    """
    known = {column.name: column for column in columns}
    for asked in filters_of(condition):
        if not (column := known.get(asked.column)):
            continue
        if asked.path and column.category != "json":
            raise RequestError(
                f"The column {column.name!r} is {column.type}: no path leads into it.",
                f"Filter by {column.name} itself.",
            )
        if not asked.path and column.type in _INCOMPARABLE and asked.operator not in _FOR_ANY_TYPE:
            raise RequestError(
                f"The column {column.name!r} is {column.type}, which has no {asked.operator}.",
                f"Filter by one of {', '.join(_FOR_ANY_TYPE)}.",
            )


def filters_of(condition: Condition) -> Iterator[Filter]:
    """Yield every filter of the tree, in order."""
    if isinstance(condition, Filter):
        yield condition
    else:
        for member in condition.members:
            yield from filters_of(member)


def to_text(condition: Condition) -> str:
    """Write the condition as compact JSON for an address; nothing for every row.

    >>> to_text(Group("any", (Filter("price", "<=", "150"), Filter("info", "=", "kg", ("unit",)))))
    '["any",["price","<=","150"],[["info","unit"],"=","kg"]]'
    """
    if condition == EVERY_ROW:
        return ""
    return json.dumps(_document(condition), ensure_ascii=False, separators=(",", ":"))


def from_text(given: str) -> Condition:
    """Read what ``to_text`` wrote.

    Raises RequestError naming what is wrong with it.
    """
    if not given.strip():
        return EVERY_ROW
    if len(given) > MAX_LENGTH:
        raise RequestError(
            f"The condition has {len(given):,} characters, over {MAX_LENGTH:,}.", "Filter by less."
        )
    try:
        document = json.loads(given)
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise RequestError(f"The condition {given[:80]!r} is not JSON in UTF-8.", _REMEDY) from None
    return _condition(document, depth=0)


def in_words(condition: Condition) -> str:
    """Say the condition as a reader would.

    >>> in_words(from_text('["all",["price","<=","150"],["any",["brand","=","a"],["brand","is null"]]]'))
    'price is at most 150 and (brand is a or brand is empty)'
    """
    if isinstance(condition, Filter):
        value = ", ".join(condition.value) if isinstance(condition.value, tuple) else condition.value
        return " ".join(filter(None, (condition.subject, OPERATORS[condition.operator].label, value)))
    if not condition.members:
        return "every row" if condition.joiner == "all" else "no row"
    joined = " and " if condition.joiner == "all" else " or "
    return joined.join(_within(condition.members))


def _within(members: Iterable[Condition]) -> Iterator[str]:
    for member in members:
        nested = isinstance(member, Group) and len(member.members) > 1
        yield f"({in_words(member)})" if nested else in_words(member)


def _document(condition: Condition) -> list[Any]:
    if isinstance(condition, Group):
        return [condition.joiner, *map(_document, condition.members)]
    name = [condition.column, *condition.path] if condition.path else condition.column
    return [name, condition.operator, *([] if condition.value is None else [condition.value])]


def _condition(document: object, depth: int) -> Condition:
    match document:
        # A filter's second element is its operator, a group's a list.
        case [str() as joiner, *members] if joiner in get_args(Joiner) and all(
            isinstance(member, list) for member in members
        ):
            if depth == MAX_DEPTH:
                raise RequestError(
                    f"The condition nests groups over {MAX_DEPTH} deep.", "Join fewer of them."
                )
            return Group(
                "any" if joiner == "any" else "all", tuple(_condition(m, depth + 1) for m in members)
            )
        case [str() as name, str() as operator, *value] if len(value) < 2:
            return Filter(name, operator, _value(value))
        case [[str() as name, *path], str() as operator, *value] if len(value) < 2:
            if all(isinstance(step, str) for step in path):
                return Filter(name, operator, _value(value), tuple(map(str, path)))
    told = json.dumps(document, ensure_ascii=False)
    raise RequestError(f"{told[:80]} is neither a filter nor a group.", _REMEDY)


def _value(given: list[object]) -> Value:
    """Read what follows the operator: nothing, one text, or a list of texts."""
    match given:
        case []:
            return None
        case [str() as text]:
            return text
        case [[*texts]] if all(isinstance(text, str) for text in texts):
            return tuple(str(text) for text in texts)
    raise RequestError(f"{json.dumps(given[0])[:80]} is not a value to filter by.", "Write values as text.")
