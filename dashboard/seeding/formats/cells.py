"""Reading single values as the kind that is wanted: what cannot be read has a sentence.

Vectors are accepted where pgvector would accept their text, but for hexadecimal floats, which strtof()
takes too, and the last number below what rounds to infinity; db.vectors finds the words for the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.formats.table import MAX_CELL_BYTES, MAX_DIMENSIONS, Wanted
from dashboard.seeding.spelling import DATE_FORMATS, INTEGER, NUMBER, as_text
from db.errors import RequestError
from db.vectors import read_query

_FOREIGN = re.compile(r"[^\t-\r -~]")
"""What may not stand in a vector at all: control characters, and all that is not ASCII."""
_SPACES = " \t\n\v\f\r"
"""What pgvector passes over.  Source: vector_isspace() of pgvector 0.8.5."""
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""A NUL byte as JSON writes it; the text backslash, u, 0000 has its backslash doubled."""
_TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "off", "0"), False),
}
"""Source: PostgreSQL documentation, "Boolean Type"."""


class Unreadable(Exception):
    """A value is not of the wanted kind; ``code`` is one of FAULTS."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def vector_cell(text: str, kind: str = "vector", dimensions: int | None = None) -> NDArray[np.float32]:
    """Read ``[1, 2.5, -3e4]`` as a vector or halfvec of ``dimensions``; shape (dimensions,).

    >>> vector_cell("[1, 2.5]").tolist()
    [1.0, 2.5]

    Raises Unreadable naming the element that is wrong.
    """
    try:
        vector = _stored(json.loads(text), kind)
    except (ValueError, OverflowError, RecursionError):
        vector = None
    if vector is None:
        vector = _element_by_element(text, kind)
    _check_length(len(vector), dimensions)
    return vector


def list_cell(value: list[Any], kind: str = "vector", dimensions: int | None = None) -> NDArray[np.float32]:
    """Read a list of numbers as ``vector_cell`` reads its text."""
    vector = _stored(value, kind)
    if vector is None:
        return vector_cell(json.dumps(value), kind, dimensions)
    _check_length(len(vector), dimensions)
    return vector


def in_range(vectors: NDArray[Any], kind: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Convert vectors of shape (rows, dimensions) to float32, and say of each element whether it fits."""
    with np.errstate(over="ignore", invalid="ignore"):
        stored = vectors.astype(np.float32, copy=False)
        fits = np.isfinite(stored if kind == "vector" else stored.astype(np.float16))
    return stored, fits


def _stored(values: Any, kind: str) -> NDArray[np.float32] | None:
    """Convert a list of nothing but numbers that fit; None for anything else."""
    if type(values) is not list or not values or not {type(v) for v in values} <= {int, float}:
        return None
    try:
        stored, fits = in_range(np.array(values, np.float64), kind)
    except OverflowError:
        return None
    return stored if fits.all() else None


def _element_by_element(text: str, kind: str) -> NDArray[np.float32]:
    if found := _FOREIGN.search(text):
        raise Unreadable("vector", _foreign(text, found.start()))
    bare = text.strip()
    if bare.startswith("[") and not bare[1:].partition("]")[0].strip():
        raise Unreadable("vector", "empty vector: it needs at least one number")
    try:
        read_query(bare, kind)
    except RequestError as refused:
        raise Unreadable("vector", _lowered(refused.message)) from None
    numbers = np.array([float(number) for number in bare[1:-1].split(",")])
    stored, fits = in_range(numbers, kind)
    if not fits.all():
        place = int(np.argmin(fits))
        raise Unreadable("vector", f"element {place + 1}, {numbers[place]}, exceeds the range of {kind}")
    return stored


def _foreign(text: str, position: int) -> str:
    """Say which element holds a character that no number has."""
    place = text.count(",", 0, position) + 1
    start, end = text.rfind(",", 0, position) + 1, text.find(",", position)
    element = text[start : end if end >= 0 else len(text)].strip(" []")
    if not text.lstrip(_SPACES).startswith("["):
        return 'not a vector: it must start with "["'
    return f"element {place}, {shown(element)}, is not a number in ASCII digits"


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")


def _check_length(length: int, wanted: int | None) -> None:
    if wanted is not None and length != wanted:
        raise Unreadable("dimensions", f"expected {wanted:,} numbers, found {length:,}")
    if length > MAX_DIMENSIONS:
        raise Unreadable("dimensions", f"{length:,} numbers are over the {MAX_DIMENSIONS:,} of a vector")


def spelled(value: Any) -> str:
    """Write a value as text: a string as it is, a date or time as ISO 8601, and the rest as JSON."""
    return value.isoformat() if isinstance(value, date) else as_text(value)


def shown(value: Any) -> str:
    """Quote a value in a sentence, cut to what can be read there."""
    text = spelled(value)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _vector(value: Any, wanted: Wanted) -> NDArray[np.float32]:
    if isinstance(value, list):
        return list_cell(value, wanted.kind, wanted.dimensions)
    if isinstance(value, np.ndarray):
        return list_cell(value.tolist(), wanted.kind, wanted.dimensions)
    return vector_cell(spelled(value), wanted.kind, wanted.dimensions)


def _written(value: Any, wanted: Wanted) -> str:
    """Read a sparsevec or bit, kept as text."""
    try:
        query = read_query(spelled(value), wanted.kind)
    except RequestError as refused:
        raise Unreadable("vector", _lowered(refused.message)) from None
    if wanted.dimensions is not None and query.dimensions != wanted.dimensions:
        raise Unreadable(
            "dimensions", f"expected {wanted.dimensions:,} dimensions, found {query.dimensions:,}"
        )
    return query.vector


def _text(value: Any, _: Wanted) -> str:
    try:
        text = spelled(value)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Unreadable("stored", "the text holds half a surrogate pair") from None
    except RecursionError:
        raise Unreadable("stored", "the value is nested too deeply") from None
    if "\0" in text:
        raise Unreadable("stored", "the text contains a NUL byte")
    if size > MAX_CELL_BYTES:
        raise Unreadable("stored", f"the text has {size:,} bytes, over the limit of {MAX_CELL_BYTES:,}")
    return text


def _integer(value: Any, _: Wanted) -> int:
    spelled = isinstance(value, str) and INTEGER.fullmatch(value)
    exact = isinstance(value, float) and value.is_integer() and abs(value) <= 2**53
    whole = int(value) if spelled or exact else value
    if type(whole) is not int or not -(2**63) <= whole < 2**63:
        raise Unreadable("type", f"{shown(value)} is not a 64-bit integer")
    return whole


def _number(value: Any, _: Wanted) -> float:
    if not (type(value) in {int, float} or (isinstance(value, str) and NUMBER.fullmatch(value))):
        raise Unreadable("type", f"{shown(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise Unreadable("range", f"{shown(value)} is not a finite number within 1.7e308")
    return number


def _boolean(value: Any, _: Wanted) -> bool:
    if isinstance(value, bool):
        return value
    if (truth := _TRUTH.get(spelled(value).lower())) is None:
        raise Unreadable("type", f"{shown(value)} is neither true nor false")
    return truth


def _date(value: Any, wanted: Wanted) -> date:
    """Read a date in the form wanted, else in whichever form reads it and no other reads otherwise."""
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    text = spelled(value)
    found = _in_forms(text, (wanted.form,)) if wanted.form else set()
    found = found or _in_forms(text, DATE_FORMATS)
    if not found:
        raise Unreadable("type", f"{shown(value)} is not a date")
    if len(found) > 1:
        dates = " or ".join(sorted(d.isoformat() for d in found))
        raise Unreadable("type", f"{shown(value)} could be {dates}")
    return found.pop()


def _in_forms(text: str, forms: tuple[str, ...]) -> set[date]:
    found = set()
    for form in forms:
        try:
            found.add(datetime.strptime(text, form).date())  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    return found


def _timestamp(value: Any, _: Wanted) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(spelled(value))
        if moment.tzinfo is None and not isinstance(value, datetime):
            raise Unreadable("type", f"{shown(value)} has no offset from UTC, such as +02:00 or Z")
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise Unreadable("type", f"{shown(value)} is not a date and time in ISO 8601") from None


def _json(value: Any, wanted: Wanted) -> Any:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError):
        raise Unreadable("type", "the value holds NaN, Infinity or what JSON has no word for") from None
    except RecursionError:
        raise Unreadable("stored", "the value is nested too deeply") from None
    if _NUL.search(text):
        raise Unreadable("stored", "the text contains a NUL byte")
    _text(text, wanted)
    return value


def json_text(value: Any, wanted: Wanted) -> Any:
    """Read text as the JSON it spells."""
    try:
        return _json(json.loads(value) if isinstance(value, str) else value, wanted)
    except (ValueError, RecursionError):
        raise Unreadable("type", f"{shown(value)} is not JSON") from None


def _array(value: Any, _: Wanted) -> NDArray[Any]:
    raise Unreadable("type", f"{shown(value)} is not a list of numbers")


Reader = Callable[[Any, Wanted], Any]

READERS: dict[str, Reader] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "json": _json,
    "vector": _vector,
    "halfvec": _vector,
    "sparsevec": _written,
    "bit": _written,
    "integers": _array,
    "numbers": _array,
}
"""How one value that is not NULL is read as each of KINDS."""
