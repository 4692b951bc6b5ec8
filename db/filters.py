"""Conditions on the columns of a table: ``price<=150``, ``brand in Fellside,Kestrel``.

Values travel as text and PostgreSQL reads them as the column's type: a condition needs to know no
types, and a value that does not fit is refused by the server, by name.  A path leads into a JSON
column, ``attributes->weight->unit = kg``, and to what is told of a vector, ``embedding->norm > 1.1``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from sqlalchemy import ColumnElement, Numeric, String, Text, case, cast, literal, not_

from db.columns import spelled
from db.errors import RequestError
from db.norms import dimensions, norm, vector_type

Value = str | tuple[str, ...] | None
_VALUE_TYPES = {"one": str, "many": tuple, "none": type(None)}


@dataclass(frozen=True, slots=True)
class Operator:
    """A comparison: how many values it takes, its SQL, and its SQLAlchemy spelling.

    ``python`` is a template of ``column``, an expression, and ``value``, the repr of a text or tuple.
    """

    symbol: str
    label: str
    takes: Literal["one", "many", "none"]
    clause: Callable[[ColumnElement[Any], Any], ColumnElement[bool]]
    python: str


OPERATORS = {
    operator.symbol: operator
    for operator in (
        Operator("=", "is", "one", lambda c, v: c == _text(v), "{column} == literal({value})"),
        Operator("!=", "is not", "one", lambda c, v: c != _text(v), "{column} != literal({value})"),
        Operator("<", "is below", "one", lambda c, v: c < _text(v), "{column} < literal({value})"),
        Operator("<=", "is at most", "one", lambda c, v: c <= _text(v), "{column} <= literal({value})"),
        Operator(">", "is above", "one", lambda c, v: c > _text(v), "{column} > literal({value})"),
        Operator(">=", "is at least", "one", lambda c, v: c >= _text(v), "{column} >= literal({value})"),
        Operator(
            "in",
            "is one of",
            "many",
            lambda c, v: c.in_(map(_text, v)),
            "{column}.in_(map(literal, {value}))",
        ),
        Operator(
            "not in",
            "is none of",
            "many",
            lambda c, v: c.not_in(map(_text, v)),
            "{column}.not_in(map(literal, {value}))",
        ),
        Operator(
            "contains",
            "contains",
            "one",
            lambda c, v: cast(c, Text).icontains(v, autoescape=True),
            "cast({column}, Text).icontains({value}, autoescape=True)",
        ),
        Operator(
            "does not contain",
            "does not contain",
            "one",
            lambda c, v: not_(cast(c, Text).icontains(v, autoescape=True)),
            "not_(cast({column}, Text).icontains({value}, autoescape=True))",
        ),
        Operator(
            "starts with",
            "starts with",
            "one",
            lambda c, v: cast(c, Text).istartswith(v, autoescape=True),
            "cast({column}, Text).istartswith({value}, autoescape=True)",
        ),
        Operator("is null", "is empty", "none", lambda c, _: c.is_(None), "{column}.is_(None)"),
        Operator("is not null", "is not empty", "none", lambda c, _: c.is_not(None), "{column}.is_not(None)"),
    )
}
"""Every comparison a filter can make, by how it is written."""

ORDERS = frozenset({"<", "<=", ">", ">="})
"""What compares numbers inside JSON as numbers; all else there is text."""

VECTOR_PARTS: Mapping[str, Callable[[ColumnElement[Any], str], ColumnElement[Any]]] = {
    "norm": norm,
    "dimensions": dimensions,
}
"""Where a path into a vector may lead."""

_FILTER = re.compile(
    r"""\s* (?: "(?P<quoted>(?:[^"]|"")+)" | (?P<plain>.+?) )
        (?P<path> (?: \s*->\s* (?: "(?:[^"]|"")+" | (?:(?!->)[^"<>=!])+? ) )* )
        \s* (?P<operator> <= | (?<!-)>= | != | = | < | (?<!-)> | \s(?:
             is\s+not\s+null | is\s+null | not\s+in | in
             | contains | does\s+not\s+contain | starts\s+with )\b )
        \s* (?P<value>.*?) \s*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_STEP = re.compile(r'\s*->\s*(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>(?:(?!->)[^"])+))')
_PLAIN_STEP = re.compile(r"\w+")

_NUMBER = r"^[+-]?(\d{1,250}\.?\d{0,250}|\.\d{1,250})([eE][+-]?\d{1,3})?$"
"""What numeric takes whatever its value: a text in JSON may say anything, and must stop no question."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition that every row of an answer meets; NULL meets none but ``is null``.

    ``path`` leads into the column: the keys, and places in arrays, of a JSON value, or one of
    VECTOR_PARTS.  What it does not find is NULL.

    Raises RequestError for an unknown operator, or a value the operator does not take.
    """

    column: str
    operator: str
    value: Value = None
    path: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise RequestError(
                f"There is no operator {self.operator!r}.", f"Choose one of: {', '.join(OPERATORS)}."
            )
        if type(self.value) is not _VALUE_TYPES[OPERATORS[self.operator].takes] or self.value == ():
            raise RequestError(
                f"The filter {self} has no fitting value.", "Write it like price<=150, or brand in a,b."
            )

    def __str__(self) -> str:
        name = self.subject
        match self.value:
            case None:
                return f"{name} {self.operator}"
            case tuple():
                return f"{name} {self.operator} {json.dumps(self.value, ensure_ascii=False)}"
            case str():
                return f"{name} {self.operator} {self.value}"

    @property
    def subject(self) -> str:
        """Spell the column with its path, as ``parse_filter`` reads it.

        >>> Filter("attributes", "is null", path=("sizes", "0", "in cm")).subject
        'attributes->sizes->0->"in cm"'
        """
        return "->".join((spelled(self.column), *map(_step, self.path)))

    def clause(self, columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
        """Make the condition on one of ``columns``; a vector among them carries its type.

        Raises RequestError for a column that is not there, naming what comes nearest, and for a part
        that no vector has.
        """
        if self.column not in columns:
            near = get_close_matches(self.column, columns, n=1) or list(columns)
            raise RequestError(
                f"There is no column {self.column!r} to filter by.", f"Did you mean {', '.join(near)}?"
            )
        return OPERATORS[self.operator].clause(self._subject(columns[self.column]), self.value)

    def _subject(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        if not self.path:
            return column
        if kind := vector_type(column):
            return self._part(column, kind)
        found = column.op("#>>", return_type=Text())(_text(_array(self.path)))
        return _number(found) if self.compares_numbers else found

    def _part(self, column: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
        part, *beyond = self.path
        if part not in VECTOR_PARTS or beyond:
            raise RequestError(
                f"The vector {self.column!r} has no {'->'.join(self.path)!r}.",
                f"Filter by {' or '.join(f'{self.column}->{name}' for name in VECTOR_PARTS)}.",
            )
        return VECTOR_PARTS[part](column, kind)

    @property
    def compares_numbers(self) -> bool:
        """Whether a value inside JSON is compared as a number."""
        return self.operator in ORDERS and bool(re.search(_NUMBER, str(self.value), re.ASCII))


def parse_filter(given: str) -> Filter:
    """Read a filter as the command line spells it.

    >>> parse_filter("price<=150")
    Filter(column='price', operator='<=', value='150', path=())
    >>> parse_filter('"Major Genre" in Drama,Comedy')
    Filter(column='Major Genre', operator='in', value=('Drama', 'Comedy'), path=())

    Values with commas may be written as a JSON list.  Raises RequestError for what cannot be read.
    """
    if not (match := _FILTER.fullmatch(given)):
        raise RequestError(f"{given!r} is not a filter.", "Write it like price<=150, or brand in a,b.")
    column = match["plain"] or _unquoted(match["quoted"])
    path = tuple(step["plain"] or _unquoted(step["quoted"]) for step in _STEP.finditer(match["path"]))
    if given[match.start("operator") :].startswith("<>"):
        raise RequestError(
            "There is no operator '<>'.", f"Use != instead, or one of: {', '.join(OPERATORS)}."
        )
    operator = " ".join(match["operator"].lower().split())
    takes = OPERATORS[operator].takes
    value: Value = match["value"] if takes == "one" else None
    if takes == "many":
        value = _values(match["value"])
    elif takes == "none" and match["value"]:
        raise RequestError(f"{given!r} has a value after {operator!r}.", "Leave it out.")
    return Filter(column, operator, value, path)


def _unquoted(given: str) -> str:
    return given.replace('""', '"')


def _step(name: str) -> str:
    return name if _PLAIN_STEP.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _array(path: tuple[str, ...]) -> str:
    r"""Write an array of text as PostgreSQL reads it.

    >>> print(_array(("a", 'b"c', "d\\e")))
    {"a","b\"c","d\\e"}
    """
    escaped = (part.replace("\\", "\\\\").replace('"', '\\"') for part in path)
    return "{" + ",".join(f'"{part}"' for part in escaped) + "}"


def _number(found: ColumnElement[str]) -> ColumnElement[Any]:
    return case((found.regexp_match(_NUMBER), cast(found, Numeric)))


def _values(given: str) -> tuple[str, ...]:
    if not given.startswith("["):
        return tuple(part.strip() for part in given.split(",") if part.strip())
    try:
        return tuple(part if isinstance(part, str) else json.dumps(part) for part in json.loads(given))
    except (ValueError, RecursionError):
        raise RequestError(f"{given[:80]!r} is not a JSON list.", 'Write it like ["a, b", "c"].') from None


def _text(value: str) -> ColumnElement[Any]:
    # Typed as text here, unknown to PostgreSQL: psycopg2 sends it in quotes, and the server coerces it.
    return literal(value, String())
