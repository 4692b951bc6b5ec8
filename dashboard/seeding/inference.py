"""Which type a column of a file gets: the narrowest that holds every value without changing one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashboard.seeding.spelling import (
    DATE_FORMATS,
    INTEGER,
    TRUTH,
    Column,
    as_text,
    date_reader,
    in_utc,
    is_double,
    read_all,
    survives_float,
)
from db.binary import BIGINT, BOOLEAN, DATE, DOUBLE, JSON, TEXT, TIMESTAMP, Kind

__all__ = ["as_text", "infer", "read_column"]


def read_column(values: Column) -> Column:
    """Read a CSV column's strings as numbers or truth values, where all of them are such.

    >>> read_column(["1", None, "-20"]), read_column(["007", "1"]), read_column(["NA", "1"])
    ([1, None, -20], ['007', '1'], ['NA', '1'])
    """
    present = [v for v in values if v is not None]
    if all(map(INTEGER.fullmatch, present)):
        return _each(int, values)
    if all(map(is_double, present)):
        return _each(float, values)
    if all(v.lower() in TRUTH for v in present):
        return _each(lambda v: TRUTH[v.lower()], values)
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
    if float in types and types <= {int, float} and all(map(survives_float, values)):
        return DOUBLE, values
    if types & {dict, list}:
        return JSON, values
    if types == {str}:
        return _dates(values) or _moments(values) or (TEXT, values)
    return TEXT, _each(as_text, values)


def _each(convert: Callable[[Any], Any], values: Column) -> Column:
    return [None if v is None else convert(v) for v in values]


def _dates(values: Column) -> tuple[Kind, Column] | None:
    """Read every value by one format; none where two formats read different dates (01/02/2000)."""
    readings = [dates for form in DATE_FORMATS if (dates := read_all(values, date_reader(form)))]
    if readings and all(dates == readings[0] for dates in readings):
        return DATE, readings[0]
    return None


def _moments(values: Column) -> tuple[Kind, Column] | None:
    """Read every value as ISO 8601 with an offset; a time without one could be anywhere, and stays text."""
    moments = read_all(values, in_utc)
    return (TIMESTAMP, moments) if moments else None
