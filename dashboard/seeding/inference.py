"""Which type a column of a file gets: the narrowest that holds every value without changing one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any

from db.binary import BIGINT, BOOLEAN, DATE, DOUBLE, JSON, TEXT, TIMESTAMP, Kind

Column = list[Any]

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%b %d %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
)

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
"""No longer than a bigint: int() refuses over 4,300 digits."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TRUTH = {"true": True, "false": False}


def read_column(values: Column) -> Column:
    """Read a CSV column's strings as numbers or truth values, where all of them are such.

    >>> read_column(["1", None, "-20"]), read_column(["007", "1"]), read_column(["NA", "1"])
    ([1, None, -20], ['007', '1'], ['NA', '1'])
    """
    present = [v for v in values if v is not None]
    if all(map(_INTEGER.fullmatch, present)):
        return _each(int, values)
    if all(map(_is_double, present)):
        return _each(float, values)
    if all(v.lower() in _TRUTH for v in present):
        return _each(lambda v: _TRUTH[v.lower()], values)
    return values


def infer(values: Column) -> tuple[Kind, Column]:
    """Choose the kind of a column and convert its values to it; text where nothing narrower fits all.

    >>> infer(["1776", 1941, None])
    (Varying(name='text', ...), ['1776', '1941', None])
    """
    types = {type(v) for v in values if v is not None}
    if types == {bool}:
        return BOOLEAN, values
    if types == {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return BIGINT, values
    if float in types and types <= {int, float} and all(map(_survives_float, values)):
        return DOUBLE, values
    if types & {dict, list}:
        return JSON, values
    if types == {str}:
        return _dates(values) or _moments(values) or (TEXT, values)
    return TEXT, _each(as_text, values)


def as_text(value: Any) -> str:
    """Spell a value as JSON does, and a string as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _each(convert: Callable[[Any], Any], values: Column) -> Column:
    return [None if v is None else convert(v) for v in values]


def _is_double(cell: str) -> bool:
    """Say whether a cell is a number that a double holds: not 1e400, nor digits that it would round off."""
    if not _NUMBER.fullmatch(cell):
        return False
    number = float(cell)
    return isfinite(number) and (abs(number) < 2**53 or not cell.lstrip("-").isdigit())


def _survives_float(value: float | None) -> bool:
    return not isinstance(value, int) or abs(value) <= 2**53


def _dates(values: Column) -> tuple[Kind, Column] | None:
    """Read every value by one format; none where two formats read different dates (01/02/2000)."""
    readings = [dates for form in DATE_FORMATS if (dates := _read_all(values, _date_reader(form)))]
    if readings and all(dates == readings[0] for dates in readings):
        return DATE, readings[0]
    return None


def _date_reader(form: str) -> Callable[[str], date]:
    return lambda text: datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone


def _moments(values: Column) -> tuple[Kind, Column] | None:
    """Read every value as ISO 8601 with an offset; a time without one could be anywhere, and stays text."""
    moments = _read_all(values, _in_utc)
    return (TIMESTAMP, moments) if moments else None


def _in_utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC).replace(tzinfo=None)


def _read_all(values: Column, read: Callable[[str], Any]) -> Column | None:
    try:
        return _each(read, values)
    except (ValueError, OverflowError):
        return None
