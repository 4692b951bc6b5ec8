"""Conditions on the columns beside the vector: ``price<=150``, ``brand in Fellside,Kestrel``.

Values travel as text and PostgreSQL reads them as the column's type: a condition needs to know no
types, and a value that does not fit is refused by the server, by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from sqlalchemy import ColumnElement, String, Text, cast, literal

from db.columns import spelled
from db.errors import RequestError

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
            "contains",
            "contains",
            "one",
            lambda c, v: cast(c, Text).icontains(v, autoescape=True),
            "cast({column}, Text).icontains({value}, autoescape=True)",
        ),
        Operator("is null", "is empty", "none", lambda c, _: c.is_(None), "{column}.is_(None)"),
        Operator("is not null", "is not empty", "none", lambda c, _: c.is_not(None), "{column}.is_not(None)"),
    )
}
"""Every comparison a filter can make, by how it is written."""

_FILTER = re.compile(
    r"""\s* (?: "(?P<quoted>(?:[^"]|"")+)" | (?P<plain>.+?) )
        \s* (?P<operator> <= | >= | != | = | < | > | \s(?:is\s+not\s+null|is\s+null|in|contains)\b )
        \s* (?P<value>.*?) \s*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition that every row of an answer meets; NULL meets none but ``is null``.

    Raises RequestError for an unknown operator, or a value the operator does not take.
    """

    column: str
    operator: str
    value: Value = None

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
        name = spelled(self.column)
        match self.value:
            case None:
                return f"{name} {self.operator}"
            case tuple():
                return f"{name} {self.operator} {json.dumps(self.value, ensure_ascii=False)}"
            case str():
                return f"{name} {self.operator} {self.value}"

    def clause(self, columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
        """Make the condition on one of ``columns``.

        Raises RequestError for a column that is not there, naming what comes nearest.
        """
        if self.column not in columns:
            near = get_close_matches(self.column, columns, n=1) or list(columns)
            raise RequestError(
                f"There is no column {self.column!r} to filter by.", f"Did you mean {', '.join(near)}?"
            )
        return OPERATORS[self.operator].clause(columns[self.column], self.value)


def parse_filter(given: str) -> Filter:
    """Read a filter as the command line spells it.

    >>> parse_filter("price<=150")
    Filter(column='price', operator='<=', value='150')
    >>> parse_filter('"Major Genre" in Drama,Comedy')
    Filter(column='Major Genre', operator='in', value=('Drama', 'Comedy'))

    Values with commas may be written as a JSON list.  Raises RequestError for what cannot be read.
    """
    if not (match := _FILTER.fullmatch(given)):
        raise RequestError(f"{given!r} is not a filter.", "Write it like price<=150, or brand in a,b.")
    column = match["plain"] or match["quoted"].replace('""', '"')
    operator = " ".join(match["operator"].lower().split())
    takes = OPERATORS[operator].takes
    value: Value = match["value"] if takes == "one" else None
    if takes == "many":
        value = _values(match["value"])
    elif takes == "none" and match["value"]:
        raise RequestError(f"{given!r} has a value after {operator!r}.", "Leave it out.")
    return Filter(column, operator, value)


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
